"""Encoder embeddings by picture content, apart from any audit, so that the next release pays for its classifier alone.

One SQLite file per encoder (weights x preprocessing): SQLite keeps several audits that run at once from each other.
Each row ends in a checksum over itself and its key. A row that does not verify is not known, and a file that SQLite
cannot read is begun anew: what was in it is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from auditor.errors import StoreError
from auditor.inputs.contents import MEMORY_NAME
from auditor.records import FloatArray

logger = logging.getLogger(__name__)

_SUFFIX = ".sqlite3"
_CHECKSUM_BYTES = 16
#: What SQLite reports where the file may be whole: the disk, another process or the rights are in the way.
_NOT_DAMAGE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
}
#: What a damaged file ends in; what SQLite says of it may hold its bytes, and be no text.
_DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)
_Answer = TypeVar("_Answer")


class EmbeddingCache:
    """Rows of unit embeddings by content: the sha256 of a picture's bytes, or of picture and mask; for many threads."""

    def __init__(self, path: Path, dim: int) -> None:
        self._path = path
        self._dim = dim
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, content_digest: str) -> FloatArray | None:
        """The embedding (D,) of a picture, None where it is not known.

        Raises:
            StoreError: the file cannot be read for a reason that is no damage.
        """
        # as bytes, whatever a damaged row holds
        sql = "SELECT CAST(vector AS BLOB) FROM embeddings WHERE content_digest = ?"
        found = self._asked(lambda connection: connection.execute(sql, (content_digest,)).fetchone())
        if found is None or len(found[0]) != 4 * self._dim + _CHECKSUM_BYTES:
            return None
        vector, checksum = found[0][:-_CHECKSUM_BYTES], found[0][-_CHECKSUM_BYTES:]
        return np.frombuffer(vector, dtype="<f4") if checksum == _checksum(content_digest, vector) else None

    def put(self, embeddings: Mapping[str, FloatArray]) -> None:
        """Add embeddings (D,) by content digest.

        Raises:
            StoreError: the file cannot be written.
        """
        vectors = ((digest, np.asarray(row, dtype="<f4").tobytes()) for digest, row in embeddings.items())
        rows = [(digest, vector + _checksum(digest, vector)) for digest, vector in vectors]

        def insert(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?)", rows)

        self._asked(insert)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _asked(self, ask: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        """Ask the file, and where it is damaged a new one in its place."""
        with self._lock:
            try:
                try:
                    return ask(self._opened())
                except _DAMAGE as error:
                    if getattr(error, "sqlite_errorcode", None) in _NOT_DAMAGE:
                        raise
                    logger.warning("embedding cache %s is damaged (%s) and is begun anew", self._path, error)
                    self._begin_anew()
                    return ask(self._opened())
            except (OSError, sqlite3.Error) as error:
                raise StoreError(
                    f"embedding cache {self._path} cannot be used: {error}; give another folder with --cache"
                ) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=60, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS embeddings"
                " (content_digest TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
            )
        return self._connection

    def _begin_anew(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self.close()
        self._connection = None
        for part in _parts(self._path):
            part.unlink(missing_ok=True)


def _checksum(content_digest: str, vector: bytes) -> bytes:
    return hashlib.blake2b(content_digest.encode() + b"\0" + vector, digest_size=_CHECKSUM_BYTES).digest()


def _cache_path(folder: Path, encoder_digest: str) -> Path:
    return folder / f"{encoder_digest[:32]}{_SUFFIX}"


def _parts(path: Path) -> tuple[Path, Path, Path]:
    """The file, and what SQLite keeps beside it."""
    return path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


@contextlib.contextmanager
def open_embedding_cache(folder: Path, encoder_digest: str, dim: int) -> Iterator[EmbeddingCache]:
    """Open (or make) the cache of one encoder below ``folder``.

    Raises:
        StoreError: the folder cannot be used; also from the cache's methods.
    """
    cache = EmbeddingCache(_cache_path(folder, encoder_digest), dim)
    with contextlib.closing(cache):
        cache.put({})  # whether it can be used is known before the pictures are read
        yield cache


def known_embeddings(folder: Path, encoder_digest: str, content_digests: Sequence[str]) -> int:
    """How many of some pictures have an embedding in the cache, whole or scaled down; nothing is made or written."""
    path = _cache_path(folder, encoder_digest)
    if not path.is_file():
        return 0
    # Immutable: SQLite writes beside a file that it may not change, else. What others write just now is not counted.
    sql = "SELECT 1 FROM embeddings WHERE content_digest >= ?1 AND content_digest < ?1 || '!' LIMIT 1"
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)) as connection:
            return sum(connection.execute(sql, (digest,)).fetchone() is not None for digest in content_digests)
    except _DAMAGE:  # an audit begins such a file anew
        return 0


def cache_files(folder: Path) -> list[tuple[Path, int, int]]:
    """Each cache file below ``folder`` with its number of embeddings and its size in bytes."""
    found = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            with contextlib.closing(sqlite3.connect(path)) as connection:
                count = int(connection.execute("SELECT count(*) FROM embeddings").fetchone()[0])
        except (sqlite3.Error, UnicodeDecodeError):
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
        for part in _parts(path):
            part.unlink(missing_ok=True)
        freed += size
    return freed
