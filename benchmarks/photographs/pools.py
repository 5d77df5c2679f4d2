"""Pools of real photographs, each split into a half that rules may be chosen on and one that is held back.

The photographs are no part of the project (rights): ``shared/photos`` beside the checkout, or ``--photos``.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Side = Literal["open", "held-back"]
SIDES: tuple[Side, ...] = ("open", "held-back")
#: Classes of every pool, by its folder.
POOLS = {
    "cats_dogs": ("cat", "dog"),
    "hymenoptera": ("ants", "bees"),
    "scenes": ("buildings", "forest", "glacier", "mountain", "sea", "street"),
}


@dataclass(frozen=True, slots=True, order=True)
class Photo:
    """One photograph."""

    pool: str
    label: str
    path: str  # relative to the folder of the photographs
    side: Side


def read_pool(root: Path, pool: str) -> tuple[Photo, ...]:
    """All photographs of a pool, by label and path.

    Raises:
        FileNotFoundError: the pool is not there.
    """
    with (root / pool / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] in POOLS[pool]]
    return tuple(sorted(Photo(pool, row["label"], f"{pool}/{row['path']}", side_of(row["path"])) for row in rows))


def side_of(path: str) -> Side:
    """The half that a photograph belongs to, by the hash of its path."""
    return SIDES[hashlib.sha256(f"side\x00{path}".encode()).digest()[0] % 2]
