"""Examples as the settings name them: folders and lists, and what rules a concept out before anything is learnt."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditor.config import ExampleSettings
from auditor.errors import InputError
from auditor.inputs.examples import digest_with_examples, load_examples
from auditor.records import Concept

WORDS = (Concept("snow", "snow", "weather", ("snowfall",)), Concept("dog", "dog", "object"))


def pictures(folder: Path, n: int, first: int = 0) -> Path:
    """Grey pictures, each of its own shade."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(first, first + n):
        Image.new("RGB", (8, 8), (k, k, k)).save(folder / f"{k:03}.png")
    return folder


def load(yes, no, *, name="snow", attributes=(), same_as=None, **more):
    given = {name: ExampleSettings(yes=yes, no=no, **more)}
    (found,) = load_examples(
        given, vocabulary=WORDS, labels=("cat", "dog"), attributes=attributes, attribute_same_as=same_as or {}
    )
    return found


def test_two_flat_folders(tmp_path):
    found = load(pictures(tmp_path / "yes", 12), pictures(tmp_path / "no", 11, 100))
    assert (found.state, found.n_left_out) == (None, 0)
    assert found.yes.tolist() == [True] * 12 + [False] * 11
    assert {picture.label for picture in found.examples} == {None}
    assert (found.concept.term, found.concept.kind, found.concept.column) == ("snow by example", "weather", "snow")
    assert (found.same_as, found.concept.by_example) == ("snow", True)


def test_folders_that_are_labels_say_the_class_and_others_do_not(tmp_path):
    for label in ("cat", "2021"):
        pictures(tmp_path / "yes" / label, 5, 0 if label == "cat" else 50)
    found = load(tmp_path / "yes", pictures(tmp_path / "no" / "dog", 10, 100).parent)
    assert [picture.label for picture in found.examples] == [None] * 5 + ["cat"] * 5 + ["dog"] * 10


def test_a_list_has_paths_and_may_have_labels_and_groups(tmp_path):
    pictures(tmp_path / "all", 12)
    with (tmp_path / "yes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("path", "label", "group_id"), *((f"all/{k:03}.png", "dog", f"g{k % 2}") for k in range(12))]
        )
    found = load(
        tmp_path / "yes.csv", pictures(tmp_path / "no", 10, 100), name="our snow", term="Snowfall", kind="scene"
    )
    assert [(picture.label, picture.group) for picture in found.examples[:2]] == [("dog", "g0"), ("dog", "g1")]
    assert (found.concept.term, found.concept.kind, found.same_as) == ("Snowfall by example", "scene", "snow")
    (tmp_path / "yes.csv").write_text("path\n../all/000.png\n")
    with pytest.raises(InputError, match="leads out of the folder of the pictures"):
        load(tmp_path / "yes.csv", tmp_path / "no")


def test_what_no_word_names_is_an_attribute(tmp_path):
    found = load(pictures(tmp_path / "yes", 10), pictures(tmp_path / "no", 10, 100), name="scanner_b")
    assert (found.concept.term, found.concept.kind, found.same_as) == ("scanner b by example", "attribute", None)


@pytest.mark.parametrize(
    ("n_yes", "n_no", "shared", "state", "reason"),
    [
        (9, 12, 0, "too_few", "9 pictures with it and 12 without it can be used, 10 of each are needed"),
        (12, 12, 3, "alike", "9 pictures with it and 9 without it .*; 3 pictures were given as both"),
        (13, 13, 3, None, ""),
    ],
)
def test_too_few_and_alike(tmp_path, n_yes, n_no, shared, state, reason):
    yes, no = pictures(tmp_path / "yes", n_yes), pictures(tmp_path / "no", n_no - shared, 100)
    for path in sorted(yes.iterdir())[:shared]:
        (no / f"again-{path.name}").write_bytes(path.read_bytes())
    if n_yes == 13:
        (yes / "twice.png").write_bytes((yes / "012.png").read_bytes())
    found = load(yes, no)
    assert found.state == state
    assert found.n_left_out == 2 * shared + (n_yes == 13)
    assert re.search(reason, found.reason)


def test_a_column_of_the_manifest_goes_first(tmp_path):
    yes, no = pictures(tmp_path / "yes", 10), pictures(tmp_path / "no", 10, 100)
    column = Concept("place-snow", "place = snow", "attribute", column="place")
    for name, same_as in (("snow", {"place-snow": "snow"}), ("place", {})):
        found = load(yes, no, name=name, attributes=(column,), same_as=same_as)
        assert (found.state, found.reason[:30]) == ("column", "the manifest's 'place = snow' ")
    assert load(yes, no, attributes=(column,)).state == "column"  # a value of its name, whatever it was joined to
    assert load(yes, no, name="fog", attributes=(column,), same_as={"place-snow": "snow"}).state is None


def test_the_digest_knows_contents_and_not_places(tmp_path):
    yes, no = pictures(tmp_path / "yes", 10), pictures(tmp_path / "no", 10, 100)
    found = load(yes, no)
    yes.rename(tmp_path / "moved")
    assert digest_with_examples("v", [found]) == digest_with_examples("v", [load(tmp_path / "moved", no)])
    Image.new("RGB", (8, 8), "red").save(no / "100.png")
    assert digest_with_examples("v", [found]) != digest_with_examples("v", [load(tmp_path / "moved", no)])
    assert digest_with_examples("v", [found]) != digest_with_examples("w", [found])
    assert digest_with_examples("v", ()) == "v"


def test_what_is_not_there_is_said_in_one_line(tmp_path):
    yes = pictures(tmp_path / "yes", 10)
    with pytest.raises(InputError, match=r"^\[concepts.snow\] no: '.*absent' not found; expected a folder of pictures"):
        load(yes, tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"^\[concepts.snow\] no: no pictures in '.*empty'; expected 10 to 40$"):
        load(yes, tmp_path / "empty")
    (tmp_path / "list.txt").write_text("a.png\n")
    with pytest.raises(InputError, match=r"ends in '\.txt'; expected \.csv, \.tsv, \.jsonl or \.parquet"):
        load(yes, tmp_path / "list.txt")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a.png").symlink_to(yes / "000.png")
    with pytest.raises(InputError, match=r"picture 'a\.png' is a link out of"):
        load(yes, tmp_path / "linked")


def test_too_many_were_not_chosen(tmp_path, monkeypatch):
    monkeypatch.setattr("auditor.inputs.examples.MOST_EXAMPLES", 11)
    with pytest.raises(InputError, match=r"yes: 12 pictures in .*; 10 to 40 are meant, and at most 11 are taken"):
        load(pictures(tmp_path / "yes", 12), pictures(tmp_path / "no", 10, 100))


def test_an_entry_without_a_name(tmp_path):
    with pytest.raises(InputError, match=r"^\[concepts\._\] has no name; give it one"):
        load(pictures(tmp_path / "yes", 10), pictures(tmp_path / "no", 10, 100), name="_")


def test_two_entries_of_one_term(tmp_path):
    one = ExampleSettings(yes=pictures(tmp_path / "yes", 10), no=pictures(tmp_path / "no", 10, 100), term="snow")
    with pytest.raises(InputError, match=r"^\[concepts.b\]: another entry has the term 'snow' too"):
        load_examples({"a": one, "b": one}, vocabulary=(), labels=(), attributes=(), attribute_same_as={})


def test_yes_is_an_array_of_the_examples(tmp_path):
    found = load(pictures(tmp_path / "yes", 10), pictures(tmp_path / "no", 10, 100))
    kept = found.only(np.arange(20) % 2 == 0)
    assert (len(kept.examples), kept.yes.tolist(), kept.n_left_out) == (10, [True] * 5 + [False] * 5, 10)
    assert kept.checked().state == "too_few"
