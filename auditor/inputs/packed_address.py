"""Addresses of pictures that lie in a shard with others: ``val.parquet#017`` is a row, ``val.tar#0017.jpg`` a member.

An address is a path like any other wherever it is kept, compared or sorted. Only what reads the bytes takes it apart.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

#: Endings of the files that hold many pictures.
PARQUET_SUFFIXES = frozenset([".parquet", ".pq"])
TAR_SUFFIXES = frozenset([".tar"])
_SHARD_ENDS = re.compile(r"\.(?:parquet|pq|tar)(?=#)", re.IGNORECASE)


class PackedAddress(NamedTuple):
    """The shard, and which of its pictures is meant."""

    shard: str
    key: str

    @property
    def is_row(self) -> bool:
        """Whether it is a row of a Parquet file, and not a member of a tar."""
        return not self.shard.lower().endswith(tuple(TAR_SUFFIXES))


def packed_address(path: str | Path) -> PackedAddress | None:
    """Shard and key of a path that leads into a shard which is there; None for the path of a file."""
    text = path if isinstance(path, str) else path.as_posix()
    for found in _SHARD_ENDS.finditer(text):
        shard = text[: found.end()]
        if os.path.isfile(shard):  # noqa: PTH113 (a million times)
            return PackedAddress(shard, text[found.end() + 1 :])
    return None


def shard_end(address: str) -> int | None:
    """Where the shard ends in an address, by its letters alone."""
    found = _SHARD_ENDS.search(address)
    return found.end() if found else None


def shard_of(relative_path: str, root: str) -> str | None:
    """The shard that a path from a folder leads into, from the same folder; None for the path of a file."""
    found = packed_address(f"{root}/{relative_path}") if "#" in relative_path else None
    return None if found is None else found.shard.removeprefix(f"{root}/")


def row_key(row: int, n_rows: int, column: str | None = None) -> str:
    """Key of a row from 0, so wide that keys sort like rows; ``column`` where a shard has several of pictures."""
    number = f"{row:0{len(str(max(0, n_rows - 1)))}}"
    return number if column is None else f"{column}:{number}"


def row_of(key: str) -> tuple[int, str | None] | None:
    """Row and column of a key; None where it is none."""
    column, _, number = key.rpartition(":")
    return (int(number), column or None) if number.isascii() and number.isdigit() and len(number) < 19 else None
