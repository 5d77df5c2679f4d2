"""What maps are compared with: the same map at another place, and the map of a model that has learnt nothing."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from auditor.records import BoolArray, FloatArray


def moved_map(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The map (h, w) somewhere else: turned or mirrored by chance, and shifted by chance around the edges.

    Its values, and so the size of what it marks, are the map's own, and its blobs too, but where an edge cuts them.
    Where the grid has more than one place, some of it always moves.
    """
    height, width = values.shape
    places = np.arange(height * width).reshape(height, width)
    while True:
        turned = places[:, ::-1] if rng.random() < 0.5 else places
        quarters = int(rng.integers(4))
        turned = np.rot90(turned, quarters if height == width else 2 * (quarters % 2))
        moved = np.roll(turned, (int(rng.integers(height)), int(rng.integers(width))), axis=(0, 1))
        if places.size == 1 or not np.array_equal(moved, places):
            return values.reshape(-1)[moved]


def likeness(one: FloatArray, other: FloatArray) -> float:
    """Rank correlation of two maps (or rows of shares) of one shape, NaN where one of them is the same everywhere.

    Of a map and that of the same model with its weights shuffled, it should be near 0 (Adebayo et al.,
    arXiv:1810.03292): else the map shows the picture, not what was learnt.
    """
    a, b = one.reshape(-1), other.reshape(-1)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)


def points_at(values: FloatArray, mask: BoolArray) -> bool:
    """The pointing game (Zhang et al., arXiv:1608.00507): whether the largest place of a map lies in the mask.

    Args:
        values: (h, w) map.
        mask: (H, W) in pixels, of the same part of the picture; the middle of the place counts.
    """
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    y = int((row + 0.5) / values.shape[0] * mask.shape[0])
    x = int((column + 0.5) / values.shape[1] * mask.shape[1])
    return bool(mask[y, x])
