"""Pictures in more than one split: read from the store."""

from dataclasses import replace

import duckdb
import pytest

from auditor.store.queries.leaks import Leak, leaks


@pytest.fixture
def connection():
    with duckdb.connect() as made:
        made.execute(
            "CREATE TABLE images (image_idx INTEGER, image_id VARCHAR, path VARCHAR, label VARCHAR, split VARCHAR)"
        )
        made.execute("CREATE TABLE copies (image_id VARCHAR, copy_group INTEGER, same_content_as VARCHAR)")
        yield made


def add(connection, *rows):
    for idx, (split, group) in enumerate(rows):
        name = "abcdef"[idx]
        connection.execute("INSERT INTO images VALUES (?, ?, ?, 'cat', ?)", [idx, name, f"{name}.jpg", split])
        if group is not None:
            connection.execute("INSERT INTO copies VALUES (?, ?, ?)", [name, group, name])


def test_sets_that_lie_in_two_splits_are_listed_whole(connection):
    add(connection, ("train", 0), ("test", 2), ("train", 2), ("test", 0), ("train", 0), ("test", None))
    first = Leak(0, "a", "a.jpg", "train", "cat", "a")
    assert leaks(connection) == [
        first,
        replace(first, image_id="d", path="d.jpg", split="test", same_content_as="d"),
        replace(first, image_id="e", path="e.jpg", same_content_as="e"),
        Leak(2, "b", "b.jpg", "test", "cat", "b"),
        Leak(2, "c", "c.jpg", "train", "cat", "c"),
    ]


def test_copies_in_one_split_or_in_none_are_no_leak(connection):
    add(connection, ("train", 0), ("train", 0), (None, 2), ("test", 2), (None, 2))
    assert leaks(connection) == []
