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
import time
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
#: The day that an embedding was last used, apart from it: the row of the vector is not written again for it.
_USES = "CREATE TABLE IF NOT EXISTS uses (content_digest TEXT PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID"
_USE = (
    "INSERT INTO uses VALUES (?, ?) ON CONFLICT (content_digest)"
    " DO UPDATE SET day = excluded.day WHERE day < excluded.day"
)
_USES_AT_ONCE = 10_000
#: What a file without rows takes.
_EMPTY_BYTES = 12_288
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
        self._used: set[str] = set()  # found, and not yet written down as used
        #: Embeddings that were found since it was opened, and those that were not there and were added.
        self.n_found = self.n_added = 0

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
        if checksum != _checksum(content_digest, vector):
            return None
        with self._lock:
            self.n_found += 1
            self._used.add(content_digest)
            full = len(self._used) >= _USES_AT_ONCE
        if full:
            self._write_uses()
        return np.frombuffer(vector, dtype="<f4")

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
                connection.executemany(_USE, ((digest, _today()) for digest, _ in rows))

        self._asked(insert)
        with self._lock:
            self.n_added += len(rows)

    def _write_uses(self) -> None:
        """That what was found was used today: what was used long ago is pruned first."""
        with self._lock:
            used, self._used = self._used, set()

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany(_USE, ((digest, _today()) for digest in used))

        if used:
            self._asked(write)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with contextlib.suppress(StoreError):  # nothing but the order of pruning hangs on it
                self._write_uses()
        self._let_go()

    def _let_go(self) -> None:
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
            self._connection.execute(_USES)
        return self._connection

    def _begin_anew(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._let_go()
        self._connection = None
        for part in _parts(self._path):
            part.unlink(missing_ok=True)


def _checksum(content_digest: str, vector: bytes) -> bytes:
    return hashlib.blake2b(content_digest.encode() + b"\0" + vector, digest_size=_CHECKSUM_BYTES).digest()


def _today() -> int:
    return int(time.time() // 86_400)


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


def prune_cache(folder: Path, *, max_bytes: int | None = None) -> int:
    """Delete the cache files below ``folder``, what is remembered of pictures too; gives the bytes that were freed.

    With ``max_bytes`` only as many embeddings as it takes for the cache files to be no larger, those first that were
    not used for longest; what is remembered of pictures stays. Audits that run meanwhile compute again what they miss.

    Raises:
        StoreError: a cache file cannot be written, or stays in use for too long.
    """
    if max_bytes is not None:
        return _shrink([path for path, _, _ in cache_files(folder)], max_bytes)
    freed = 0
    memory = folder / MEMORY_NAME
    if memory.is_file():
        freed += memory.stat().st_size
        memory.unlink()
    for path, _, size in cache_files(folder):
        if _in_use(path):  # a file that an audit holds must stay where it is: emptied, it is as good
            freed += _shrink([path], 0)
            continue
        for part in _parts(path):
            part.unlink(missing_ok=True)
        freed += size
    return freed


def _in_use(path: Path) -> bool:
    """Whether another process has the file open; a damaged one is in nobody's use."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
    except _DAMAGE as error:
        return getattr(error, "sqlite_errorcode", None) in _NOT_DAMAGE
    return False


def _size(path: Path) -> int:
    return sum(part.stat().st_size for part in _parts(path) if part.is_file())


def _shrink(paths: Sequence[Path], max_bytes: int) -> int:
    """Delete what was not used for longest from some cache files until they are no larger together."""
    before = sum(map(_size, paths))
    if before <= max_bytes:
        return 0
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(contextlib.closing(sqlite3.connect(path, timeout=60))) for path in paths]
        days: list[tuple[int, str, int, int]] = []
        try:
            for i, connection in enumerate(files):
                connection.execute(_USES)
                rows = connection.execute(
                    "SELECT coalesce(day, 0), content_digest FROM embeddings LEFT JOIN uses USING (content_digest)"
                ).fetchall()
                pages, free, of_page = (
                    int(connection.execute(f"PRAGMA {name}").fetchone()[0])
                    for name in ("page_count", "freelist_count", "page_size")
                )
                each = -(-(pages - free) * of_page // max(len(rows), 1))  # the rows of a file are alike
                days += [(day, digest, i, each) for day, digest in rows]
            days.sort(reverse=True)
            kept = np.cumsum([size for _, _, _, size in days]) <= max_bytes - _EMPTY_BYTES * len(files)
            for i, connection in enumerate(files):
                gone = [(one[1],) for one, keeps in zip(days, kept, strict=True) if one[2] == i and not keeps]
                with connection:
                    connection.executemany("DELETE FROM embeddings WHERE content_digest = ?", gone)
                    connection.executemany("DELETE FROM uses WHERE content_digest = ?", gone)
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except _DAMAGE as error:
            raise StoreError(
                f"a cache file below {paths[0].parent} cannot be made smaller: {error}; auditor cache prune without "
                "--max-size deletes them"
            ) from error
    return max(before - sum(map(_size, paths)), 0)
