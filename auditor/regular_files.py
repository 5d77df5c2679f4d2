"""Files that a user or a pull request names, read only where they are regular files, and whole only small ones.

A named pipe would wait for ever, a device never end; and a name with a NUL character is no name. All of these are
``OSError`` with a reason in words, like a missing file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

#: No settings, policy, vocabulary or map is as large.
MOST_BYTES = 64 * 2**20


def require_regular(path: Path) -> int:
    """The size of a regular file in bytes, links followed.

    Raises:
        OSError: missing, a folder, pipe, socket or device, or a name that none can have.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "its name holds a NUL character")
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    return found.st_size


def file_sha256(path: Path) -> str:
    """64 hexadecimal digits over the bytes of a file.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    require_regular(path)
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_regular(path: Path) -> bytes:
    """The bytes of a small regular file.

    Raises:
        OSError: as :func:`require_regular`, or it is larger than 64 MiB.
    """
    require_regular(path)
    # Asked once more of what is open: another file may have taken the name, and a pipe must not wait.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:  # noqa: PTH123 (a handle)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MOST_BYTES // 2**20} MiB")
    return content


def read_regular_text(path: Path) -> str:
    """The UTF-8 text of a small regular file, without a byte order mark.

    Raises:
        OSError: as :func:`read_regular`.
        UnicodeDecodeError: it is not UTF-8.
    """
    return read_regular(path).decode("utf-8-sig")
