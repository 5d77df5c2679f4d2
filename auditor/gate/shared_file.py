"""A small text file that several people and programs change: one writer at a time, replaced in one step."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from auditor.gate.toml_model import read_text

try:
    import fcntl
except ImportError:  # not on this system: two writers at the same instant are then told apart by comparing only
    fcntl = None  # type: ignore[assignment]


def read_if_there(path: Path, *, what: str) -> str | None:
    """The file's text, None without the file.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    return read_text(path, what=what) if os.path.lexists(path) else None


def replace_if_same(path: Path, text: str, expected: str | None, *, what: str) -> bool:
    """Write the file beside its place and rename it; False, and nothing done, where it is no longer as expected."""
    unfinished = path.with_name(f".{path.name}.tmp-{uuid.uuid4().hex[:12]}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if read_if_there(path, what=what) != expected:
            return False
        if expected is not None:
            shutil.copymode(path, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return True


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that writers take turns; it goes with the process, and no file is left behind."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
