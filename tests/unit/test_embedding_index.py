"""The search index of an audit: written whole, and read only where it is one of ours."""

import struct

import faiss
import numpy as np
import pytest

from auditor.errors import StoreError
from auditor.store import embedding_index
from auditor.store.embedding_index import INDEX_NAME, read_embedding_index, write_embedding_index

ROWS = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)


@pytest.fixture
def folder(tmp_path):
    write_embedding_index(tmp_path, ROWS)
    return tmp_path


def test_rows_come_back_in_their_order(folder):
    index = read_embedding_index(folder, 3)
    assert (index.ntotal, index.d) == (3, 2)
    scores, rows = index.search(np.array([[1, 0]], np.float32), 3)
    assert rows.tolist() == [[0, 2, 1]]
    np.testing.assert_allclose(scores, [[1, 0.6, 0]], atol=1e-6)
    np.testing.assert_array_equal(index.reconstruct(2), ROWS[2])


def test_an_index_without_pictures(tmp_path):
    write_embedding_index(tmp_path, np.zeros((0, 2), np.float32))
    assert read_embedding_index(tmp_path, 0).ntotal == 0


def test_a_missing_index_is_named(tmp_path):
    with pytest.raises(StoreError, match=f"{INDEX_NAME} cannot be read: No such file"):
        read_embedding_index(tmp_path, 3)


def test_the_index_of_another_audit(folder):
    with pytest.raises(StoreError, match="holds 3 pictures, the audit 4"):
        read_embedding_index(folder, 4)


def replaced(at, kind, value):
    def change(content):
        return content[:at] + struct.pack(kind, value) + content[at + struct.calcsize(kind) :]

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: b"IwFl" + content[4:],
        replaced(4, "<i", 0),
        replaced(4, "<i", -2),
        replaced(4, "<i", 3),
        replaced(8, "<q", -3),
        replaced(8, "<q", 2**60),
        replaced(33, "<i", 1),
        replaced(37, "<Q", 2**62),
        lambda content: np.random.default_rng(0).bytes(len(content)),
    ],
)
def test_what_is_no_index_of_ours_never_reaches_faiss(folder, change, monkeypatch):
    path = folder / INDEX_NAME
    path.write_bytes(change(path.read_bytes()))
    monkeypatch.setattr("faiss.read_index", lambda *_: pytest.fail("FAISS was given it"))
    with pytest.raises(StoreError, match=r"truncated|damaged or no index") as caught:
        read_embedding_index(folder, 3)
    assert "\n" not in str(caught.value)


def test_many_rows_are_found_as_faiss_finds_them(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_index, "_BLOCK", 100)  # 12 rows at once
    rng = np.random.default_rng(0)
    rows, queries = rng.standard_normal((501, 8), np.float32), rng.standard_normal((3, 8), np.float32)
    write_embedding_index(tmp_path, rows)
    ours = read_embedding_index(tmp_path, 501).search(queries, 40)
    theirs = faiss.read_index(str(tmp_path / INDEX_NAME)).search(queries, 40)
    np.testing.assert_array_equal(ours[1], theirs[1])
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)


def test_a_file_that_is_replaced_by_a_shorter_one_is_told(folder):
    index = read_embedding_index(folder, 3)
    write_embedding_index(folder, ROWS[:2])
    with pytest.raises(StoreError, match="was replaced by a shorter one"):
        index.search(ROWS[:1], 1)
    (folder / INDEX_NAME).unlink()
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        index.reconstruct(0)
