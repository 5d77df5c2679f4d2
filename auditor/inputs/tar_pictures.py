"""Pictures that are members of a tar, as WebDataset keeps them, read where they lie: the headers once, then by offset.

Nothing is unpacked, and no name of a member is ever a name on the disk.
"""

from __future__ import annotations

import os
import posixpath
import tarfile
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from auditor.errors import InputError
from auditor.wording import quote

#: Indices that a process keeps; data are read shard by shard.
_KEPT_INDICES = 16
_BLOCK = 512


class Member(NamedTuple):
    """Where the bytes of a member lie in the tar."""

    offset: int
    size: int


@dataclass(slots=True)
class TarIndex:
    """The members of a tar by name, in its order, and what is in it that is not read."""

    members: dict[str, Member] = field(default_factory=dict)
    unsafe: list[str] = field(default_factory=list)  # absolute, upwards, with backslashes, in no UTF-8
    links: list[str] = field(default_factory=list)  # links, devices, pipes, files with holes
    repeated: Counter[str] = field(default_factory=Counter)  # names that several members have


def index_of(path: str) -> TarIndex:
    """The index of a tar as it is now; kept while nothing touches the file.

    Raises:
        InputError: no tar, a compressed one, or one that is cut short; a short reason, without the path.
        OSError: it cannot be read.
    """
    found = os.stat(path)  # noqa: PTH116 (a million times)
    key = (path, found.st_size, found.st_mtime_ns, found.st_ino)
    with _indices_lock:
        index = _indices.pop(key, None) or _read_index(path)
        _indices[key] = index
        while len(_indices) > _KEPT_INDICES:
            _indices.popitem(last=False)
    return index


_indices: OrderedDict[tuple[object, ...], TarIndex] = OrderedDict()
_indices_lock = threading.Lock()


def _read_index(path: str) -> TarIndex:
    index = TarIndex()
    for member in _headers(path):
        if member.isdir():
            continue
        name = posixpath.normpath(member.name)
        if member.name.startswith("/") or ".." in member.name.split("/") or not _is_plain(name):
            index.unsafe.append(member.name)
        elif not member.isreg() or member.issparse():
            index.links.append(name)
        elif name in index.members:
            index.repeated[name] += 1
        else:
            index.members[name] = Member(member.offset_data, member.size)
    return index


def _is_plain(name: str) -> bool:
    """Whether a name is the same on every system, and can be written."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\\" not in name and name.isprintable()


def _headers(path: str) -> Iterator[tarfile.TarInfo]:
    """The headers of a tar, one after another.

    The end of a tar is marked by blocks of zeros. Where the file ends before, what was cut off is not known.
    """
    n = 0
    try:
        with tarfile.open(path, "r:") as tar:
            while (member := tar.next()) is not None:
                if member.size < 0:
                    raise tarfile.ReadError("a negative size")
                n += 1
                yield member
                tar.members.clear()  # type: ignore[attr-defined]  # tarfile would keep them all
            end = tar.offset
    except (tarfile.TarError, ValueError, EOFError, UnicodeError, RecursionError) as error:
        with open(path, "rb") as file:  # noqa: PTH123
            compressed = file.read(2) == b"\x1f\x8b"
        if compressed:
            raise InputError(
                "compressed tar, in which no member can be read by itself: gunzip it, pictures are compressed already"
            ) from error
        if n:
            raise InputError(f"cut short or damaged in or after member {n:,}: fetch or write it again") from error
        raise InputError("no tar: its first header cannot be read; fetch or write it again") from error
    with open(path, "rb") as file:  # noqa: PTH123
        file.seek(end)
        if file.read(_BLOCK) != bytes(_BLOCK):  # tarfile takes a broken header for the end
            raise InputError(f"cut short or damaged after member {n:,}: fetch or write it again")


def read_member(path: str, name: str, most_bytes: int) -> bytes:
    """The bytes of one member; safe to call from several threads.

    Args:
        path: The tar.
        name: Of the member.
        most_bytes: A larger one is not read.

    Raises:
        InputError: a short reason, without the address.
    """
    try:
        member = index_of(path).members.get(name)
        if member is None:
            raise InputError("no such member in its tar")
        if member.size > most_bytes:
            raise InputError(f"member of {member.size:,} bytes, over the limit of {most_bytes:,}")
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a million times)
            file.seek(member.offset)
            data = file.read(member.size)
    except OSError as error:
        raise InputError(f"its tar cannot be read: {error.strerror or quote(error)}") from error
    if len(data) < member.size:
        raise InputError(f"its tar ends after {len(data):,} of {member.size:,} bytes")
    if not data:
        raise InputError("its member is empty")
    return data


def small_members(path: str, names: Sequence[str], most_bytes: int) -> Iterator[bytes | None]:
    """What stands in members beside pictures, in the order of their names; None for one that is too large.

    Raises:
        InputError: as `index_of`.
        OSError: the tar cannot be read.
    """
    members = index_of(path).members
    with open(path, "rb") as file:  # noqa: PTH123 (one buffer for many small ones)
        for name in names:
            if members[name].size > most_bytes:
                yield None
                continue
            file.seek(members[name].offset)
            yield file.read(members[name].size)


def holds_member(path: str, name: str) -> bool:
    """Whether a tar has the member; True where the tar cannot be read, which is told elsewhere."""
    try:
        found = index_of(path).members.get(name)
        return found is not None and found.size > 0
    except (InputError, OSError):
        return True
