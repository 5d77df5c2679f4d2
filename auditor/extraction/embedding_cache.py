"""Encoder embeddings by picture content, apart from any audit, so that the next release pays for its classifier alone.

One SQLite file per encoder (weights x preprocessing): SQLite keeps several audits that run at once from each other.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from auditor.errors import StoreError
from auditor.inputs.contents import MEMORY_NAME
from auditor.records import FloatArray

_SUFFIX = ".sqlite3"


class EmbeddingCache:
    """Rows of unit embeddings by content: the sha256 of a picture's bytes, or of picture and mask; for many threads."""

    def __init__(self, connection: sqlite3.Connection, dim: int) -> None:
        self._connection = connection
        self._dim = dim
        self._lock = threading.Lock()

    def get(self, content_digest: str) -> FloatArray | None:
        """The embedding (D,) of a picture, None where it is not known."""
        with self._lock:
            found = self._connection.execute(
                "SELECT vector FROM embeddings WHERE content_digest = ?", (content_digest,)
            ).fetchone()
        if found is None or len(found[0]) != 4 * self._dim:  # a damaged row is computed again
            return None
        return np.frombuffer(found[0], dtype="<f4")

    def put(self, embeddings: Mapping[str, FloatArray]) -> None:
        """Add embeddings (D,) by content digest."""
        rows = [(digest, np.asarray(row, dtype="<f4").tobytes()) for digest, row in embeddings.items()]
        with self._lock, self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?)", rows)


@contextlib.contextmanager
def open_embedding_cache(folder: Path, encoder_digest: str, dim: int) -> Iterator[EmbeddingCache]:
    """Open (or make) the cache of one encoder below ``folder``.

    Raises:
        StoreError: the folder cannot be written or the file is damaged.
    """
    path = folder / f"{encoder_digest[:32]}{_SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS embeddings"
            " (content_digest TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
        )
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"embedding cache {path} cannot be used: {error}; give another folder with --cache") from error
    with contextlib.closing(connection):
        yield EmbeddingCache(connection, dim)


def cache_files(folder: Path) -> list[tuple[Path, int, int]]:
    """Each cache file below ``folder`` with its number of embeddings and its size in bytes."""
    found = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            with contextlib.closing(sqlite3.connect(path)) as connection:
                count = int(connection.execute("SELECT count(*) FROM embeddings").fetchone()[0])
        except sqlite3.Error:
            count = 0
        found.append((path, count, path.stat().st_size))
    return found


def prune_cache(folder: Path) -> int:
    """Delete the cache files below ``folder``, what is remembered of pictures too; gives the bytes that were freed."""
    freed = 0
    memory = folder / MEMORY_NAME
    if memory.is_file():
        freed += memory.stat().st_size
        memory.unlink()
    for path, _, size in cache_files(folder):
        for part in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            part.unlink(missing_ok=True)
        freed += size
    return freed
