"""The bytes of a picture, wherever it lies: in a file of its own, or in a shard that holds many."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from auditor.errors import InputError
from auditor.inputs.packed_address import PackedAddress, packed_address, row_of
from auditor.inputs.parquet_pictures import holds_row, read_row
from auditor.inputs.tar_pictures import holds_member, read_member

#: Pictures of more bytes are refused before reading.
MAX_FILE_BYTES = 512 * 1024 * 1024


def read_bytes(path: Path) -> bytes:
    """The bytes of one picture; safe to call from several threads.

    Raises:
        InputError: a short reason, without the path: absent, empty, unreadable or too large.
    """
    packed = packed_address(path)
    if packed is not None:
        return _read_packed(packed)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a named pipe would wait for ever
            raise InputError("not a regular file")
        _refuse_large(status.st_size)
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError("file not found") from error
    except OSError as error:
        raise InputError(f"file cannot be read: {error.strerror}") from error
    if not data:
        raise InputError("file is empty")
    return data


def is_packed(path: str) -> bool:
    """Whether a path leads into a shard."""
    return packed_address(path) is not None


def is_there(path: str) -> bool:
    """Whether there is anything to read under a path."""
    packed = packed_address(path)
    if packed is None:
        return os.path.exists(path)  # noqa: PTH110 (a million times)
    if not packed.is_row:
        return holds_member(packed.shard, packed.key)
    at = row_of(packed.key)
    return at is not None and holds_row(packed.shard, *at)


def file_of(path: str) -> str:
    """The file on the disk that holds a picture, by whose times a change shows."""
    packed = packed_address(path)
    return path if packed is None else packed.shard


def _read_packed(packed: PackedAddress) -> bytes:
    if not packed.is_row:
        return read_member(packed.shard, packed.key, MAX_FILE_BYTES)
    at = row_of(packed.key)
    if at is None:
        raise InputError(f"no row of its shard: expected a number, found {packed.key!r}")
    data = read_row(packed.shard, *at)
    _refuse_large(len(data))
    return data


def _refuse_large(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise InputError(f"file of {size:,} bytes, over the limit of {MAX_FILE_BYTES:,}")
