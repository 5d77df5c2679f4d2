"""Labels, splits and values in one spelling: what makes no difference is said, what nobody can see is refused."""

import pandas as pd
import pytest
from dataset_files import failing, touch, write

from auditor.inputs.dataset import load_dataset
from auditor.inputs.one_spelling import one_form

NFC, NFD = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["True", "FALSE", ""], ["true", "false", ""]),
        (["True", "Maybe"], ["True", "Maybe"]),
        (["1.0", "2.0", "", "10"], ["1", "2", "", "10"]),
        (["1.0", "1.5"], ["1", "1.5"]),
        (["1.10", "1.1"], ["1.10", "1.1"]),
        (["007", "1.0"], ["007", "1.0"]),
        (["-0.0", "-1.0"], ["0", "-1"]),
        (["1e-05", "2.0"], ["1e-05", "2"]),
        (["2024-01-02 00:00:00", "2024-01-03T00:00:00.000"], ["2024-01-02", "2024-01-03"]),
        (["2024-01-02", "2024-01-03 10:30"], ["2024-01-02 00:00:00", "2024-01-03 10:30:00"]),
        (["2024-01-02T10:00:00.500Z"], ["2024-01-02 10:00:00.5+00:00"]),
        ([" a ", NFD, " "], ["a", NFC, ""]),
        ([], []),
    ],
)
def test_values_of_a_column_have_one_form(values, expected):
    assert one_form(values) == expected


def test_csv_and_parquet_of_one_table_give_the_same_labels_and_attributes(tmp_path):
    table = pd.DataFrame(
        {
            "path": ["1.0", "2.0"],
            "label": [True, False],
            "code": ["007", "010"],
            "grade": [1.0, None],
            "day": pd.to_datetime(["2024-01-02", "2024-01-03"]),
            "dose": pd.Series([0.1, 3.0], dtype="float32"),
        }
    )
    table.to_csv(tmp_path / "m.csv", index=False)
    table.to_parquet(tmp_path / "m.parquet")
    dataset = load_dataset(tmp_path / "m.csv")
    assert [item.path for item in dataset.items] == ["1.0", "2.0"]
    assert dataset.labels == ("false", "true")
    assert dataset.items[0].attributes == {"code": "007", "grade": "1", "day": "2024-01-02", "dose": "0.1"}
    assert load_dataset(tmp_path / "m.parquet").digest == dataset.digest


# --- labels ----


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "NULL", "<NA>", "NA", "N/A", " nan "])
@pytest.mark.parametrize("column", ["label", "split", "group_id", "mask"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_programs_write_for_no_value_names_nothing(tmp_path, word, column, ending):
    rows = {name: ["x", "y", "x", "y"] for name in ("label", "split", "group_id", "mask")}
    table = pd.DataFrame({"path": ["a", "b", "c", "d"], **rows, column: ["x", word, "y", word]})
    path = tmp_path / f"m.{ending}"
    _written(table, path)
    if column == "mask" and word != word.strip():  # the name of a file, kept letter by letter
        assert len(load_dataset(path).items) == 4
        return
    places = ("line 3", "line 5") if ending == "csv" else ("row 2", "row 4")
    shown = ", ".join(f"'{word.strip()}' on {place}" for place in places)
    assert (
        f"2 rows have a {column} that is how programs write that there is no value ({shown}): leave the cell empty "
        "where there is none, or give it another name"
    ) in failing(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_no_label_is_the_same_from_every_file(tmp_path, ending):
    """A null, a gap in numbers and an empty text are no label; "none" is a name, and a property may be "None"."""
    path = tmp_path / f"m.{ending}"
    for labels, found in (
        (["none", None, "x", ""], ("none", "x")),
        ([1.0, None, 2.0, float("nan")], ("1", "2")),
        ([True, None, False, None], ("false", "true")),
    ):
        dtype = "string" if isinstance(labels[0], str) else None
        _written(
            pd.DataFrame({"path": list("abcd"), "label": pd.Series(labels, dtype=dtype), "mark": ["None"] * 4}), path
        )
        dataset = load_dataset(path)
        assert dataset.labels == found
        assert dataset.notices[-1] == "2 of 4 pictures have no label, and tell nothing of any class"
        assert dataset.items[0].attributes == {"mark": "None"}


def _written(table, path):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)


def test_blanks_and_letters_in_parts_are_one_class_and_said(tmp_path):
    rows = f"a,{NFC}\nb,{NFD}\nc,\u00a0dog\nd,dog \ne,dog\n"
    dataset = load_dataset(write(touch(tmp_path, *"abcde") / "m.csv", f"path,label\n{rows}"))
    assert dataset.labels == (NFC, "dog")
    assert dataset.notices == (
        "manifest 'm.csv': values of column 'label' were written with blanks at their ends or letters in parts (NFD), "
        "and are read without: 'cafe\\u0301' as 'caf\\xe9', 'dog ' as 'dog', '\\xa0dog' as 'dog' (3 pictures)",
    )


def test_folders_of_one_name_are_one_class_and_said(tmp_path):
    dataset = load_dataset(touch(tmp_path, f"{NFC}/1.jpg", f"{NFD}/1.jpg", "dog /1.jpg", "dog/2.jpg"))
    assert dataset.labels == (NFC, "dog")
    assert [item.path for item in dataset.items] == [f"{NFD}/1.jpg", f"{NFC}/1.jpg", "dog /1.jpg", "dog/2.jpg"]
    assert dataset.notices == (
        "names of class folders were written with blanks at their ends or letters in parts (NFD), and are read "
        "without: 'cafe\\u0301' as 'caf\\xe9', 'dog ' as 'dog' (2 pictures)",
    )


def test_names_that_differ_in_unseen_characters_are_refused_with_their_code_points(tmp_path):
    assert failing(touch(tmp_path / "data", "cat/1.jpg", "cat\u200b/1.jpg")).endswith(
        "labels 'cat' and 'cat\\u200b' look the same and differ in characters that nobody sees (U+200B zero width "
        "space); give both one spelling, or names that can be told apart"
    )
    manifest = write(tmp_path / "m.csv", "path,label\na,polar bear\nb,polar\u00a0bear\n")
    assert "(U+00A0 no-break space)" in failing(manifest)
    assert "label '\\u200b' has no visible character" in failing(
        write(tmp_path / "m.csv", "path,label\na,cat\nb,\u200b\n")
    )


def test_pictures_without_a_label_are_counted(tmp_path):
    dataset = load_dataset(write(touch(tmp_path, *"abc") / "m.csv", "path,label\na,x\nb,y\nc,\n"))
    assert dataset.notices == ("1 of 3 pictures have no label, and tell nothing of any class",)


# --- splits ----


def test_a_split_is_found_whatever_its_case_and_blanks(tmp_path):
    splits = ["val", "Val", "val ", "VAL\u200b", "train", ""]
    rows = "".join(f"{i},{'xy'[i % 2]},{split}\n" for i, split in enumerate(splits))
    write(tmp_path / "4", "another picture")
    path = write(touch(tmp_path, *"01235") / "m.csv", f"path,label,split\n{rows}")
    for asked in ("val", "Val", " val"):
        dataset = load_dataset(path, split=asked)
        assert [item.path for item in dataset.items] == ["0", "1", "2", "3"]
        assert {item.split for item in dataset.items} == {"val"}
        assert dataset.notices == ("1 of 6 rows of the manifest name no split, and are left out",)
    assert failing(path, split="vla") == (
        "split 'vla' not in manifest 'm.csv'; splits: 'train (1 picture)', 'val (4 pictures)', 'no split (1 picture)'; "
        "did you mean 'val'?"
    )


def test_folders_of_splits_are_known_in_every_spelling(tmp_path):
    message = failing(touch(tmp_path, "Train/bee/1.jpg", "val /bee/2.jpg"))
    assert "holds splits ('train', 'val')" in message


def test_numbers_and_flags_name_splits_too(tmp_path):
    path = write(tmp_path / "m.csv", "path,label,split\na,x,1.0\nb,y,1.0\nc,y,2.0\n")
    assert len(load_dataset(path, split="1").items) == len(load_dataset(path, split="1.0").items) == 2
    path = write(tmp_path / "m.csv", "path,label,split\na,x,True\nb,y,True\nc,y,False\n")
    assert len(load_dataset(path, split="True").items) == 2
