"""Pictures of an audited split that lie in another one of the manifest too."""

import pytest
from dataset_files import write

from auditor.inputs import contents
from auditor.inputs.dataset import load_dataset

ROWS = "path,label,split\na1,x,Val\na2,y,val\na3,y,val\nb1,x,train\nb2,y,train\nb3,y,\ngone,x,train\n"


@pytest.fixture
def manifest(tmp_path):
    for name, held in {"a1": "one", "a2": "two", "a3": "three", "b1": "two", "b2": "ten", "b3": "one"}.items():
        (tmp_path / name).write_text(held)
    return write(tmp_path / "m.csv", ROWS)


def leaks(manifest, **kwargs):
    return [notice for notice in load_dataset(manifest, **kwargs).notices if "in another split" in notice]


def test_a_picture_in_two_splits_is_named(manifest):
    """Of rows that are in no split nobody says that a model was trained on them."""
    (notice,) = leaks(manifest, split="val")
    assert notice.startswith(
        "1 of 3 pictures lies in another split too, byte for byte: 'a2' is 'b1' in 'train'; what was"
    )
    (other,) = leaks(manifest, split="train")
    assert "'b1' is 'a2' in 'val'" in other
    assert leaks(manifest) == []  # then all are audited, and copies tell


def test_three_are_named_and_all_are_counted(tmp_path):
    rows = [f"{split}{i},{'xy'[i % 2]},{split}" for split in ("val", "train") for i in range(5)]
    for split in ("val", "train"):
        for i in range(5):
            (tmp_path / f"{split}{i}").write_text(str(i))
    (notice,) = leaks(write(tmp_path / "m.csv", "path,label,split\n" + "\n".join(rows)), split="val")
    assert notice.startswith("5 of 5 pictures lie in another split")
    assert notice.count(" in 'train'") == 3
    assert "'val2' is 'train2' in 'train'; …; what" in notice


def test_what_is_said_of_leaks_is_part_of_the_data(manifest):
    """Else an audit would be up to date that does not say it."""
    digest = load_dataset(manifest, split="val").digest
    (manifest.parent / "b3").write_text("of no split")
    assert load_dataset(manifest, split="val").digest == digest
    (manifest.parent / "b2").write_text("three")
    leaked = load_dataset(manifest, split="val").digest
    (manifest.parent / "b2").write_text("ten")
    assert leaked != load_dataset(manifest, split="val").digest == digest


def test_only_files_as_large_as_an_audited_one_are_read(manifest, monkeypatch):
    (manifest.parent / "b2").write_text("longer than all of them")
    read = []
    digest = contents.file_digest
    monkeypatch.setattr(contents, "file_digest", lambda path: read.append(str(path)[-2:]) or digest(path))
    assert len(leaks(manifest, split="val")) == 1
    assert sorted(read) == ["a1", "a2", "a3", "b1"]
