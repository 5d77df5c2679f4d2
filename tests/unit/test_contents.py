"""Contents of files: read, or remembered where nothing has touched the file, and never where something might have."""

from __future__ import annotations

import hashlib
import os
import sqlite3

import pytest
from dataset_files import touch

from auditor.extraction.embedding_cache import prune_cache
from auditor.inputs import contents
from auditor.inputs.contents import MEMORY_NAME, file_digest, read_contents, reads_everything

X, Y = (hashlib.sha256(letter).hexdigest() for letter in (b"x", b"y"))


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Two files that were read an age ago; ``read`` gives contents and the names of the files that were read."""
    monkeypatch.setattr(contents, "_SETTLED_NS", 0)
    monkeypatch.setattr(contents, "_is_telling", lambda _: True)  # whatever the tests' file system keeps
    root = touch(tmp_path / "data", "a", "b")

    def read(*names, memory=tmp_path / "cache" / MEMORY_NAME):
        opened = []

        def spied(path):
            opened.append(path.rpartition("/")[2])
            return file_digest(path)

        monkeypatch.setattr(contents, "file_digest", spied)
        return read_contents(root, names or ("a", "b"), memory=memory), opened

    return root, read


def overwrite(path, content):
    """In place, with the time of the last change of before: as rsync would, or somebody who hides it."""
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock of the file system goes in ticks
        path.write_bytes(content)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_a_file_that_nothing_touched_is_not_read_again(world):
    _, read = world
    assert read() == ({"a": X, "b": X}, ["a", "b"])
    assert read() == ({"a": X, "b": X}, [])


def test_without_a_memory_every_file_is_read(world):
    _, read = world
    read()
    assert read(memory=None) == ({"a": X, "b": X}, ["a", "b"])


def test_same_size_and_same_time_of_change_hide_nothing(world):
    root, read = world
    read()
    overwrite(root / "a", b"y")
    assert read() == ({"a": Y, "b": X}, ["a"])


def test_another_file_moved_into_the_place_is_read(world):
    root, read = world
    read()
    before = (root / "a").stat()
    (root / "new").write_bytes(b"y")
    os.utime(root / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (root / "new").replace(root / "a")
    assert read() == ({"a": Y, "b": X}, ["a"])


def test_new_and_lost_files(world):
    root, read = world
    read()
    (root / "b").unlink()
    touch(root, "c")
    assert read("a", "b", "c") == ({"a": X, "b": None, "c": X}, ["b", "c"])


def test_the_same_pictures_elsewhere_are_read(world):
    root, read = world
    read()
    assert read_contents(root.rename(root.parent / "moved"), ["a"], memory=root.parent / "cache" / MEMORY_NAME) == {
        "a": X
    }
    with sqlite3.connect(root.parent / "cache" / MEMORY_NAME) as connection:
        assert connection.execute("SELECT count(*) FROM contents").fetchone() == (3,)


def test_what_changed_just_before_it_was_read_is_not_remembered(world, monkeypatch):
    _, read = world
    monkeypatch.setattr(contents, "_SETTLED_NS", 60_000_000_000)
    read()
    assert read()[1] == ["a", "b"]


@pytest.mark.parametrize(
    ("state", "system", "telling"),
    [
        ((1, 5, 5_000_000_001, 7, 1), "posix", True),
        ((1, 5, 5_000_000_000, 7, 1), "posix", False),  # whole seconds: two changes may share one
        ((1, 5, 5_000_000_001, 0, 1), "posix", False),
        ((1, 5, 5_000_000_001, 7, 1), "nt", False),  # the time of birth
    ],
)
def test_where_a_change_might_not_show_nothing_is_remembered(monkeypatch, state, system, telling):
    monkeypatch.setattr(contents.os, "name", system)
    assert contents._is_telling(contents.FileState(*state)) is telling


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0 but damaged"])
def test_a_damaged_memory_costs_time_alone(world, tmp_path, content):
    _, read = world
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / MEMORY_NAME).write_bytes(content)
    assert read() == ({"a": X, "b": X}, ["a", "b"])


def test_a_memory_that_cannot_be_written_costs_time_alone(world, tmp_path):
    _, read = world
    (tmp_path / "cache").write_text("a file")
    assert read() == ({"a": X, "b": X}, ["a", "b"])


def test_pruning_forgets(world, tmp_path):
    _, read = world
    read()
    assert prune_cache(tmp_path / "cache") > 0
    assert read()[1] == ["a", "b"]


def test_what_cannot_be_decoded_whatever_it_holds_has_no_digest(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "MAX_FILE_BYTES", 3)
    (tmp_path / "large").write_bytes(b"1234")
    os.mkfifo(tmp_path / "pipe")
    assert [file_digest(tmp_path / name) for name in ("absent", "large", "pipe", ".")] == [None] * 4


def test_progress_counts_what_is_read(tmp_path):
    names = [f"{number:03}" for number in range(300)]
    calls = []
    touch(tmp_path, *names)
    found = read_contents(tmp_path, names, memory=None, n_jobs=3, on_progress=lambda *call: calls.append(call))
    assert found == dict.fromkeys(names, X)
    assert calls == [("contents", 256, 300), ("contents", 300, 300)]


@pytest.mark.parametrize(
    ("environment", "all_read"),
    [
        ({}, False), ({"CI": "true"}, True), ({"CI": "1"}, True), ({"CI": ""}, False), ({"CI": "False"}, False),
        ({"CI": "0"}, False), ({"JENKINS_URL": "https://ci.example"}, True), ({"TF_BUILD": "True"}, True),
        ({"TEAMCITY_VERSION": "2025"}, True),
    ],
)  # fmt: skip
def test_in_ci_all_contents_are_read(environment, all_read):
    assert reads_everything(environment) is all_read
