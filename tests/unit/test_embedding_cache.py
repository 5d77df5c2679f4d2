import sqlite3

import numpy as np
import pytest

from auditor.errors import StoreError
from auditor.extraction.embedding_cache import cache_files, open_embedding_cache, prune_cache

ROW = np.array([0.6, 0.8], dtype=np.float32)


def test_what_was_put_comes_back_in_another_session(tmp_path):
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        assert cache.get("a") is None
        cache.put({"a": ROW})
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        np.testing.assert_array_equal(cache.get("a"), ROW)


def test_encoders_do_not_share(tmp_path):
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        cache.put({"a": ROW})
    with open_embedding_cache(tmp_path, "f" * 64, 2) as cache:
        assert cache.get("a") is None


def test_a_damaged_row_counts_as_unknown(tmp_path):
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        cache.put({"a": ROW})
    path = next(tmp_path.glob("*.sqlite3"))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE embeddings SET vector = x'00'")
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        assert cache.get("a") is None


def test_info_and_prune(tmp_path):
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        cache.put({"a": ROW, "b": ROW})
    ((path, count, size),) = cache_files(tmp_path)
    assert (path.stem, count) == ("e" * 32, 2)
    assert prune_cache(tmp_path) == size
    assert cache_files(tmp_path) == []


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match="give another folder with --cache"),
        open_embedding_cache(tmp_path / "file", "e", 2),
    ):
        pass


def test_a_damaged_file_is_one_line(tmp_path):
    (tmp_path / f"{'e' * 32}.sqlite3").write_bytes(b"no database" * 500)
    with pytest.raises(StoreError, match="cannot be used"), open_embedding_cache(tmp_path, "e" * 64, 2):
        pass
