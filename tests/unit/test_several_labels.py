"""Manifests in which a picture has several labels: one label by itself, in each of the forms that are in use."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from auditor.errors import InputError
from auditor.inputs.dataset import list_pictures, load_dataset
from auditor.inputs.manifest import Reading
from auditor.inputs.several_labels import OneSidedLabelError

#: Of pictures 0 to 3: dog and person, person, nothing, dog.
DOGS = ["dog", "not dog", "not dog", "dog"]


@pytest.fixture
def folder(tmp_path):
    for name in range(4):
        Image.new("RGB", (8, 8), (name * 30, 0, 0)).save(tmp_path / f"{name}.png")
    return tmp_path


def write(folder, *cells, header="path,label", name="manifest.csv"):
    lines = [f"{number}.png,{cell}" for number, cell in enumerate(cells)]
    (folder / name).write_text("\n".join([header, *lines, ""]))
    return folder / name


def labels(path, label, **reading):
    dataset = load_dataset(path, reading=Reading(multi_label=True, label=label, **reading))
    return [item.label for item in dataset.items]


@pytest.mark.parametrize(
    "cells",
    [
        ("dog|person", "person", "", "dog"),
        ("dog; person", "person", "", "dog"),
        ('"dog, person"', "person", "", "dog"),
        ("\"['dog', 'person']\"", "['person']", "[]", "['dog']"),
        ('"[""dog"", ""person""]"', '"[""person""]"', "[]", '"[""dog""]"'),
    ],
    ids=["bar", "semicolon", "comma", "python list", "json list"],
)
def test_labels_of_one_column(folder, cells):
    path = write(folder, *cells)
    assert labels(path, "dog") == DOGS
    assert labels(path, "person") == ["person", "person", "not person", "not person"]
    listed = list_pictures(path, Reading(multi_label=True))
    assert (listed.label_names, listed.one_column) == (("dog", "person"), True)


def test_lists_of_json_lines_and_rows_of_one_picture(folder):
    rows = [["dog", "person"], ["person"], [], ["dog"]]
    lines = [json.dumps({"path": f"{number}.png", "label": row}) for number, row in enumerate(rows)]
    (folder / "m.jsonl").write_text("\n".join(lines))
    assert labels(folder / "m.jsonl", "dog") == DOGS
    write(folder, "dog", "person", "", "dog")
    with (folder / "manifest.csv").open("a") as file:
        file.write("0.png,person\n")
    assert labels(folder / "manifest.csv", "dog") == DOGS
    assert labels(folder / "manifest.csv", "person") == ["person", "person", "not person", "not person"]


def test_the_other_labels_are_attributes_and_the_audited_one_is_none(folder):
    path = write(folder, "dog|person", "person", "", "dog")
    dataset = load_dataset(path, reading=Reading(multi_label=True, label="dog"))
    assert dataset.attribute_names == ("person",)
    assert [item.attributes["person"] for item in dataset.items] == ["true", "true", "false", "false"]
    assert any("1 row without any label, which counts as having none of them" in line for line in dataset.notices)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("1", "0", "0", "1"), DOGS),
        (("1.0", "0.0", "0.0", "1.0"), DOGS),
        (("True", "False", "False", "True"), DOGS),
        (("yes", "no", "no", "yes"), DOGS),
        (("1", "-1", "-1", "1"), DOGS),  # CelebA: absent
        (("1", "-1", "0", "1"), ["dog", None, "not dog", "dog"]),  # CheXpert: not sure
        (("1", "", "0", "1"), ["dog", None, "not dog", "dog"]),
    ],
)
def test_a_column_a_label(folder, values, expected):
    person = ["1", "1", "0", "0"]
    cells = [",".join(pair) for pair in zip(values, person, strict=True)]
    path = write(folder, *cells, header="path,dog,person")
    dataset = load_dataset(path, reading=Reading(multi_label=True, label="dog"))
    assert [item.label for item in dataset.items] == expected
    assert dataset.attribute_names == ("person",)
    listed = list_pictures(path, Reading(multi_label=True))
    assert (listed.label_names, listed.one_column) == (("dog", "person"), False)


def test_a_flag_goes_before_a_column_of_labels_that_is_not_named(folder):
    path = write(folder, "x|y,1", "x,0", "y,0", "x,1", header="path,label,dog")
    assert labels(path, "dog") == DOGS
    assert labels(path, "x") == ["x", "x", "not x", "x"]
    with pytest.raises(InputError, match="no picture has the label 'dog'; labels: 'x', 'y'"):
        labels(path, "dog", label_column="label")


def test_class_folders_are_labels_too(tmp_path):
    for name in ("cat/0.png", "dog/1.png", "owl/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (len(name), ord(name[0]), 0)).save(tmp_path / name)
    assert labels(tmp_path, "dog") == ["not dog", "dog", "not dog"]


def test_labels_that_tell_nothing_apart(folder):
    path = write(folder, "1,1,0", "1,0,0", "1,0,0", "1,1,0", header="path,all,some,none")
    for label, said in (("all", "every picture has"), ("none", "no picture has")):
        with pytest.raises(OneSidedLabelError, match=f"{said} the label '{label}' \\(4 pictures\\)"):
            labels(path, label)
    with pytest.raises(InputError, match="no picture has the label 'smoe'; did you mean 'some'\\?"):
        labels(path, "smoe")


def test_no_labels_at_all(folder):
    with pytest.raises(InputError, match="no column names the picture's class"):
        labels(write(folder, "red", "red", "blue", "blue", header="path,colour"), "dog")


def test_without_the_setting_the_message_names_it(folder):
    with pytest.raises(InputError, match="--multi-label audits a classifier of several labels"):
        load_dataset(write(folder, "dog|person", "person", "", "dog"))
