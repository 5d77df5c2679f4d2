import contextlib
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from auditor.errors import StoreError
from auditor.extraction import embedding_cache
from auditor.extraction.embedding_cache import cache_files, known_embeddings, open_embedding_cache, prune_cache

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


def test_known_embeddings_are_counted_and_nothing_is_written(tmp_path):
    assert known_embeddings(tmp_path, "e" * 64, ["a"]) == 0
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        cache.put({"aa": ROW, "bb at 64x48": ROW, "cc0": ROW})
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert known_embeddings(tmp_path, "e" * 64, ["aa", "bb", "cc", "a", "dd"]) == 2  # whole, and scaled down
    assert known_embeddings(tmp_path, "f" * 64, ["aa"]) == 0
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    next(tmp_path.iterdir()).write_bytes(b"no database" * 100)
    assert known_embeddings(tmp_path, "e" * 64, ["aa"]) == 0


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


def test_a_file_that_cannot_be_read_is_begun_anew(tmp_path, caplog):
    (tmp_path / f"{'e' * 32}.sqlite3").write_bytes(b"no database" * 500)
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        assert cache.get("a") is None
        cache.put({"a": ROW})
        np.testing.assert_array_equal(cache.get("a"), ROW)
    assert "is damaged (file is not a database) and is begun anew" in caplog.text


def test_damage_that_sqlite_tells_in_no_utf8(tmp_path):
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        cache.put({"a": ROW})
    (path,) = tmp_path.glob("*.sqlite3")
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE T\xe5BLE"))
    assert cache_files(tmp_path) == [(path, 0, path.stat().st_size)]
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        assert cache.get("a") is None


def test_no_flipped_bit_is_read_as_an_embedding(tmp_path):
    """Every bit of the row, its key and its checksum."""
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        cache.put({"a": ROW})
    (path,) = tmp_path.glob("*.sqlite3")
    whole = path.read_bytes()
    start = whole.index(ROW.tobytes()) - 1  # the key "a" stands before it
    for at in range(8 * start, 8 * (start + 1 + 8 + 16)):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << at % 8
        path.write_bytes(damaged)
        with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
            assert cache.get("a") is None


def test_a_full_disk_is_one_line_and_no_damage(tmp_path):
    with open_embedding_cache(tmp_path, "e" * 64, 2) as cache:
        cache._opened().execute("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="cannot be used: database or disk is full; give another folder"):
            cache.put({str(i): ROW for i in range(1000)})
    assert next(tmp_path.glob("*.sqlite3")).exists()


def rows(names, dim=512):
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=dim).astype(np.float32) for name in names}


def of_day(monkeypatch, day):
    monkeypatch.setattr(embedding_cache, "_today", lambda: day)


def test_pruning_to_a_size_deletes_what_was_not_used_for_longest(tmp_path, monkeypatch):
    old, kept, used = ([f"{name} {i:03}" for i in range(100)] for name in ("old", "kept", "used"))
    of_day(monkeypatch, 1)
    with open_embedding_cache(tmp_path, "e" * 64, 512) as cache:
        cache.put(rows(used))
    of_day(monkeypatch, 2)
    with open_embedding_cache(tmp_path, "e" * 64, 512) as cache:
        cache.put(rows(old))
    of_day(monkeypatch, 3)
    with open_embedding_cache(tmp_path, "f" * 64, 512) as cache:
        cache.put(rows(kept))
    with open_embedding_cache(tmp_path, "e" * 64, 512) as cache:
        assert all(cache.get(name) is not None for name in used)
        assert (cache.n_found, cache.n_added) == (100, 0)
    (tmp_path / "contents.db").write_bytes(b"remembered")
    size = sum(one[2] for one in cache_files(tmp_path))
    assert prune_cache(tmp_path, max_bytes=size) == 0
    freed = prune_cache(tmp_path, max_bytes=round(0.75 * size))
    left = sum(one[2] for one in cache_files(tmp_path))
    assert left <= 0.75 * size
    assert left > 0.65 * size
    assert freed == pytest.approx(size - left, abs=20_000)
    with open_embedding_cache(tmp_path, "e" * 64, 512) as cache:
        assert all(cache.get(name) is not None for name in used)
        assert sum(cache.get(name) is None for name in old) in range(60, 101)
    with open_embedding_cache(tmp_path, "f" * 64, 512) as cache:
        assert all(cache.get(name) is not None for name in kept)
    assert (tmp_path / "contents.db").exists()
    assert prune_cache(tmp_path, max_bytes=0) > 0
    assert [one[1] for one in cache_files(tmp_path)] == [0, 0]


_ANOTHER_AUDIT = """
import sys
import numpy as np
from pathlib import Path
from auditor.extraction.embedding_cache import open_embedding_cache
row = np.arange(512, dtype=np.float32)
with open_embedding_cache(Path(sys.argv[1]), "e" * 64, 512) as cache:
    for i in range(150):
        name = f"{sys.argv[2]} {i}"
        cache.put({name: row + i})
        found = cache.get(name)
        assert found is None or (found == row + i).all()  # pruned meanwhile, or right
        if i == 20:
            print("going", flush=True)
            sys.stdin.readline()
    print("done", flush=True)
"""


@pytest.mark.parametrize("max_bytes", [None, 100_000])
def test_pruning_while_two_audits_write(tmp_path, max_bytes):
    """Neither fails, neither reads a wrong row, and the file is whole afterwards."""
    command = [sys.executable, "-c", _ANOTHER_AUDIT, str(tmp_path)]
    audits = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("one", "other")
    ]
    assert [audit.stdout.readline() for audit in audits] == ["going\n"] * 2
    for audit in audits:
        audit.stdin.write("\n")
        audit.stdin.flush()
    for _ in range(3):
        prune_cache(tmp_path, max_bytes=max_bytes)
    said = [audit.communicate(timeout=120)[0] for audit in audits]
    assert said == ["done\n"] * 2
    assert [audit.returncode for audit in audits] == [0, 0]
    for path, _, _ in cache_files(tmp_path):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
