"""One writer at a time in the folder of an audit: a locked file that says who it is.

The system's own lock decides, which goes with its process however that ends; so a file that a killed writer left is
taken over. What stands in it is for the one who is turned away.
"""

from __future__ import annotations

import datetime
import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from auditor.errors import StoreError
from auditor.wording import quote

try:
    import fcntl
except ImportError:  # not on this system: writers are not told apart there
    fcntl = None  # type: ignore[assignment]

LOCK_NAME = "audit.lock"
_MAY_NOT_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Be the only one who writes to the folder, which is made where it is missing and goes again where it stays empty.

    Raises:
        StoreError: another process writes to it; the line names that process and its machine. Or no folder can be made.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _locked(folder / LOCK_NAME)
    except OSError as error:
        if (
            not made and error.errno in _MAY_NOT_WRITE
        ):  # nor can the audit be written then, and that is told where it is
            handle = None
        else:
            raise StoreError(
                f"{folder} cannot be written: {error.strerror or error}; give another --out, or mend that"
            ) from error
    try:
        yield
    finally:
        if handle is not None:
            (folder / LOCK_NAME).unlink(missing_ok=True)
            os.close(handle)
        if made:
            with suppress(OSError):
                folder.rmdir()


def _locked(path: Path) -> int | None:
    """A handle that holds the lock; None where the system or the disk has none."""
    if fcntl is None:
        return None
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = _owner(handle)
            os.close(handle)
            raise StoreError(
                f"{path.parent} is being written by {owner}: wait until that is done, or give another --out"
            ) from error
        except OSError:  # a file system without locks
            os.close(handle)
            path.unlink(missing_ok=True)
            return None
        # Between opening and locking the one before may have finished and deleted the file.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                break
        os.close(handle)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    os.ftruncate(handle, 0)
    os.write(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now}).encode())
    return handle


def _owner(handle: int) -> str:
    try:
        owner = json.loads(os.pread(handle, 1000, 0))
        return f"process {int(owner['pid'])} on {quote(owner['host'])} since {quote(owner['since'])}"
    except (ValueError, TypeError, LookupError):
        return "another process"
