"""Places of a picture as cells of its grid, in arrays: which cells each has, and what of a map lies in each cell."""

from __future__ import annotations

import numpy as np

from auditor.place_grid import N_CELLS, PLACES, SIDE
from auditor.records import FloatArray, IntArray

#: (P, 9) cells of the places.
CELLS: FloatArray = np.stack([place.cells for place in PLACES]).astype(np.float32)


def symmetries() -> IntArray:
    """(8, 9) what the mirrors and quarter-turns of a square make of its cells."""
    cells = np.arange(N_CELLS).reshape(SIDE, SIDE)
    turned = [np.rot90(cells, k) for k in range(4)]
    return np.stack([one.reshape(-1) for square in turned for one in (square, square.T)]).astype(np.int64)


def evidence_shares(maps: FloatArray) -> FloatArray:
    """What part of a map's positive evidence lies in each cell.

    Args:
        maps: (n, h, w), evidence for a class and, below zero, against it.

    Returns:
        (n, 9) float32, row by row, of sum 1; NaN where a map has no positive evidence, or is not finite.
    """
    n, height, width = maps.shape
    positive = np.maximum(np.asarray(maps, np.float64), 0)
    cells = np.einsum("ih,nhw,jw->nij", _overlaps(height), positive, _overlaps(width)).reshape(n, N_CELLS)
    total = cells.sum(axis=1, keepdims=True)
    known = np.isfinite(total) & (total > 0)
    return np.where(known, cells / np.where(known, total, 1.0), np.nan).astype(np.float32)


def _overlaps(n: int) -> FloatArray:
    """(3, n) what part of each of n places along a side lies in each third."""
    edges, thirds = np.arange(n + 1) / n, np.arange(SIDE + 1) / SIDE
    low = np.maximum(edges[None, :-1], thirds[:-1, None])
    high = np.minimum(edges[None, 1:], thirds[1:, None])
    return np.asarray(np.maximum(high - low, 0) * n, dtype=np.float32)
