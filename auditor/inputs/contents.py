"""What is in the files of a data set: the sha256 of each, read, or remembered where nothing has touched the file since.

Size and times alone say nothing of contents: another picture can be put in the same place with the same size and the
same time of its last change. On one machine the system's own time of the last change of a file's record (``ctime``)
gives that away, so a file that was read before need not be read again there. Elsewhere, and in CI, all are read.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from auditor.errors import InputError
from auditor.inputs.picture_bytes import MAX_FILE_BYTES, file_of, is_packed, read_bytes
from auditor.records import Progress

logger = logging.getLogger(__name__)

#: File below the cache folder. It lies there and not in an audit, which is passed on: it counts on this machine alone.
MEMORY_NAME = "contents.db"
#: Set by the CI systems that people use (CI itself by GitHub, GitLab, Travis, CircleCI, Buildkite and more).
_CI_VARIABLES = ("CI", "JENKINS_URL", "TF_BUILD", "TEAMCITY_VERSION")
#: A file that changed so shortly before it was read may change again within one tick of the file system's clock.
_SETTLED_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000
#: Files between two calls of on_progress.
_STEP = 256


class FileState(NamedTuple):
    """What the system says of a file without reading it."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int


def reads_everything(environment: Mapping[str, str]) -> bool:
    """Whether contents must be read whatever is remembered: in CI, whose verdict stops or lets pass a release."""
    return any(environment.get(name, "").casefold() not in ("", "0", "false", "no") for name in _CI_VARIABLES)


def file_digest(path: Path | str) -> str | None:
    """sha256 of a picture's bytes; None where it is absent, unreadable, no regular file, or too large to be decoded."""
    if is_packed(os.fspath(path)):
        try:
            return hashlib.sha256(read_bytes(Path(path))).hexdigest()
        except InputError:
            return None
    try:
        found = os.stat(path)  # noqa: PTH116 (a million times)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE_BYTES:  # a named pipe would wait for ever
            return None
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def read_contents(
    root: Path, paths: Sequence[str], *, memory: Path | None, n_jobs: int = 1, on_progress: Progress | None = None
) -> dict[str, str | None]:
    """The sha256 of each file's bytes, None for those that cannot be used whatever is in them.

    Args:
        root: Folder of the data set.
        paths: Relative to it.
        memory: File that remembers what was read; made where it is absent. None: every file is read.
        n_jobs: Threads that read.
        on_progress: Called with ("contents", done, total) for the files that must be read.
    """
    states = {path: _state(f"{root}/{path}") for path in paths}
    known = _recall(memory, root) if memory else {}
    found: dict[str, str | None] = {}
    unread: list[str] = []
    for path, state in states.items():
        remembered = known.get(path)
        if state is not None and remembered is not None and remembered[0] == state and _is_telling(state):
            found[path] = remembered[1]
        else:
            unread.append(path)
    started_ns = time.time_ns()
    with ThreadPoolExecutor(n_jobs) as pool:
        for done, (path, digest) in enumerate(
            zip(unread, pool.map(file_digest, [f"{root}/{path}" for path in unread]), strict=True), start=1
        ):
            found[path] = digest
            if on_progress and (done % _STEP == 0 or done == len(unread)):
                on_progress("contents", done, len(unread))
    if memory and unread:
        _remember(memory, root, _settled(root, unread, states, found, started_ns))
    return found


def _state(path: str) -> FileState | None:
    try:
        found = os.stat(file_of(path))  # noqa: PTH116 (a million times)
    except OSError:
        return None
    return FileState(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


def _is_telling(state: FileState) -> bool:
    """Whether a change would show: not on Windows, where ctime is the birth, nor where times are whole seconds."""
    return os.name == "posix" and state.inode != 0 and state.ctime_ns % _SECOND_NS != 0


def _settled(
    root: Path,
    paths: Sequence[str],
    states: Mapping[str, FileState | None],
    digests: Mapping[str, str | None],
    started_ns: int,
) -> Iterator[tuple[str, FileState, str]]:
    """Of the files that were read, those that nothing touched meanwhile or shortly before."""
    for path in paths:
        state, digest = states[path], digests[path]
        if state is None or digest is None or not _is_telling(state):
            continue
        if max(state.ctime_ns, state.mtime_ns) < started_ns - _SETTLED_NS and _state(f"{root}/{path}") == state:
            yield path, state, digest


def _recall(memory: Path, root: Path) -> dict[str, tuple[FileState, str]]:
    """State and digest by path; nothing where there is no memory, or a damaged one."""
    if not memory.is_file():
        return {}
    try:
        with contextlib.closing(sqlite3.connect(memory, timeout=60)) as connection:
            rows = connection.execute(
                "SELECT path, size, mtime_ns, ctime_ns, inode, device, digest FROM contents WHERE root = ?",
                (str(root),),
            ).fetchall()
        return {
            path: (FileState(*map(int, state)), digest)
            for path, *state, kept in rows
            for digest, _, checksum in [str(kept).partition(" ")]
            if checksum == _checksum(path, digest)  # a damaged row is not remembered
        }
    except (sqlite3.Error, TypeError, ValueError) as error:
        logger.info("%s cannot be used (%s): all contents are read", memory, error)
        return {}


def _checksum(path: str, digest: str) -> str:
    return hashlib.blake2b(f"{path}\0{digest}".encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _remember(memory: Path, root: Path, files: Iterator[tuple[str, FileState, str]]) -> None:
    """Keep what was read; a memory that cannot be written costs time alone."""
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(memory, timeout=60)) as connection, connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS contents (root TEXT, path TEXT, size INTEGER, mtime_ns INTEGER,"
                " ctime_ns INTEGER, inode TEXT, device TEXT, digest TEXT, PRIMARY KEY (root, path)) WITHOUT ROWID"
            )
            # inodes and devices may be unsigned numbers of 64 bits, which SQLite's integers do not hold
            connection.executemany(
                "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (str(root), path, *state[:3], str(state.inode), str(state.device), f"{digest} {checksum}")
                    for path, state, digest in files
                    for checksum in [_checksum(path, digest)]
                ),
            )
    except (OSError, sqlite3.Error) as error:
        logger.info("%s cannot be written (%s): contents are read again next time", memory, error)
