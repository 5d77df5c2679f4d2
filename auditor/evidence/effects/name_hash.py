"""Numbers that depend on names alone: order, folds and draws follow them, whatever comes before or after."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def hashed(names: Iterable[str]) -> NDArray[np.uint64]:
    """(n,) the first eight bytes of each name's sha256, as numbers."""
    digests = (hashlib.sha256(name.encode()).digest() for name in names)
    return np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.uint64)
