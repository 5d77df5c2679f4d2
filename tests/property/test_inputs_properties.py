import csv
import json
import re
import tempfile
import unicodedata
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.errors import InputError
from auditor.inputs.class_map import match_classes
from auditor.inputs.dataset import image_id, load_dataset
from auditor.inputs.images import read_image
from auditor.inputs.manifest import NO_VALUE, read_manifest
from auditor.inputs.one_spelling import one_form, refuse_look_alikes, tidy, visible
from auditor.inputs.vocabulary import add_class_names, find_concept, load_vocabulary, slug
from auditor.inputs.words import word_key
from auditor.wording import quote, quote_list

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.from_regex(r"[a-zéß][a-z0-9éß .]{0,8}[a-z0-9]/[a-z0-9]{1,8}\.jpg", fullmatch=True)
#: One spelling each, and none that looks like another.
LABELS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r|"), min_size=1, max_size=8).map(
    visible
)
LABELS = LABELS.filter(lambda label: label and one_form([label]) == [label])
LABELS = LABELS.filter(lambda label: label not in NO_VALUE)  # refused: tests/unit/test_one_spelling.py
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


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(NAMES, LABELS, min_size=2, max_size=6).filter(lambda found: len(set(found.values())) > 1))
def test_csv_tsv_and_json_lines_of_one_table_say_the_same(label_of):
    with tempfile.TemporaryDirectory() as folder:
        rows = [("file", "class"), *label_of.items()]
        for name, separator in (("m.csv", ","), ("s.csv", ";"), ("m.tsv", "\t")):
            with (Path(folder) / name).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(rows)
        lines = [json.dumps({"class": [label], "file": path}) for path, label in label_of.items()]
        (Path(folder) / "m.jsonl").write_text("\n".join(lines), encoding="utf-8")
        found = [load_dataset(Path(folder) / name).items for name in ("m.csv", "s.csv", "m.tsv", "m.jsonl")]
        assert {item.path: item.label for item in found[0]} == label_of
        assert all(items == found[0] for items in found)


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


# --- one spelling of labels ----


@given(TEXT, st.sampled_from(["", " ", "\t", "\u00a0 ", "\u3000"]))
def test_blanks_at_the_ends_and_letters_in_parts_make_no_other_label(text, blank):
    once = tidy(text)
    assert tidy(once) == once
    for form in ("NFC", "NFD"):
        assert tidy(blank + unicodedata.normalize(form, text) + blank) == once
    assert one_form([text, blank + unicodedata.normalize("NFD", text)]) == one_form([text] * 2)


@given(
    st.lists(TEXT.map(tidy).filter(visible), unique=True, max_size=6), st.sampled_from("\u200b\u200d\ufeff\u00ad\ufe0f")
)
def test_labels_are_refused_exactly_where_two_look_the_same(labels, unseen):
    refused = outcome_of(lambda: refuse_look_alikes(labels, "data"))
    assert (refused is None) == (len({visible(label) for label in labels}) == len(labels))
    if labels:
        twins = outcome_of(lambda: refuse_look_alikes([labels[0], labels[0] + unseen], "data"))
        assert "look the same" in twins
        assert f"U+{ord(unseen):04X}" in twins
        assert twins.replace("…", "").isascii()  # a long label is shortened


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        st.lists(st.booleans() | st.none(), min_size=1, max_size=6),
        st.lists(st.integers(-(2**53), 2**53) | st.none(), min_size=1, max_size=6),
        st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none(), min_size=1, max_size=6),
        st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)) | st.none(), min_size=1, max_size=6),
        st.lists(st.dates(), min_size=1, max_size=6),
        st.lists(st.sampled_from(["007", "7", "1.0", "True", "2024-01-02", "a "]), min_size=1, max_size=6),
    )
)
def test_a_table_says_the_same_as_csv_and_as_parquet(values):
    table = pd.DataFrame({"path": [str(i) for i in range(len(values))], "label": values})
    with tempfile.TemporaryDirectory() as folder:
        table.to_csv(f"{folder}/m.csv", index=False)
        table.to_parquet(f"{folder}/m.parquet")
        from_csv, from_parquet = (read_manifest(Path(folder) / f"m.{end}").items for end in ("csv", "parquet"))
    assert from_csv == from_parquet
