import csv
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.inputs.class_map import match_classes
from auditor.inputs.dataset import image_id, load_dataset
from auditor.inputs.images import read_image
from auditor.inputs.vocabulary import add_class_names, find_concept, load_vocabulary, slug
from auditor.inputs.words import word_key
from auditor.wording import quote, quote_list

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.from_regex(r"[a-zéß][a-z0-9éß .]{0,8}[a-z0-9]/[a-z0-9]{1,8}\.jpg", fullmatch=True)
LABELS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=8).filter(
    str.strip
)
BUNDLED = load_vocabulary()


def outcome_of(call):
    """What the call returns, or the message of its InputError; any other exception fails the test."""
    try:
        return call()
    except InputError as error:
        return str(error)


@given(TEXT)
def test_image_id_is_16_hex_digits_and_stable(path):
    assert re.fullmatch("[0-9a-f]{16}", image_id(path))
    assert image_id(path) == image_id(path)


@given(TEXT, TEXT)
def test_slug_is_safe_and_the_same_exactly_for_the_same_word(one, other):
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slug(one))
    assert (slug(one) == slug(other)) == (word_key(one) == word_key(other))


@given(TEXT)
def test_word_key_is_a_normal_form(word):
    assert word_key(word_key(word)) == word_key(word)
    assert word_key(word.replace(" ", "_")) == word_key(word.replace("_", " "))


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(NAMES, LABELS, min_size=2, max_size=12), st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_of_a_manifest_changes_nothing(label_of, random, n_per_class):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.csv"

        def loaded(rows):
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, quoting=csv.QUOTE_ALL)
                writer.writerow(["path", "label"])
                writer.writerows(rows)
            return load_dataset(path), load_dataset(path, max_images_per_class=n_per_class, seed=7)

        rows = list(label_of.items())
        if len(set(label_of.values())) < 2:
            return
        first = loaded(rows)
        random.shuffle(rows)
        assert loaded(rows) == first
        assert {item.path: item.label for item in first[0].items} == label_of
        assert {item.image_id for item in first[1].items} <= {item.image_id for item in first[0].items}


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_manifest_of_any_bytes_is_data_or_one_line(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.csv"
        path.write_bytes(b"path,label\n" + content)
        outcome = outcome_of(lambda: load_dataset(path))
        assert "\n" not in outcome if isinstance(outcome, str) else len(outcome.labels) >= 2


@pytest.mark.filterwarnings("ignore")  # pytest drops the module's own filter of Pillow's warnings
@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF"]),
    st.binary(max_size=200),
)
def test_picture_of_any_bytes_is_rgb_or_one_line(start, rest):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jpg"
        path.write_bytes(start + rest)
        outcome = outcome_of(lambda: read_image(path))
        assert "\n" not in outcome if isinstance(outcome, str) else outcome.image.mode == "RGB"


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, max_size=6), st.randoms(use_true_random=False))
def test_every_class_name_is_core_whatever_the_order(names, random):
    added = add_class_names(BUNDLED, names)
    shuffled = list(names)
    random.shuffle(shuffled)
    assert add_class_names(BUNDLED, shuffled) == added
    for name in filter(word_key, names):
        concept = find_concept(added, name)
        assert concept is not None
        assert not concept.is_context
    assert len({concept.concept_id for concept in added.concepts}) == len(added.concepts)
    assert add_class_names(added, names) == added


@given(st.lists(TEXT, min_size=1, max_size=8, unique=True), st.randoms(use_true_random=False))
def test_labels_meet_outputs_of_their_own_name(names, random):
    labels = list(names)
    random.shuffle(labels)
    match = match_classes(labels, len(names), names, None)
    assert {label: names[output] for label, output in match.label_to_class.items()} == {name: name for name in names}


@given(st.lists(st.text(), max_size=30))
def test_quoted_text_is_one_short_line(texts):
    assert len(quote_list(texts).splitlines()) == 1
    assert all(len(quote(text)) <= 62 * 10 for text in texts)
