"""Places of a picture as the model sees it: corners and edges of a grid of three by three, with their names.

The middle is no such place: it is where objects are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditor.records import BoolArray, FloatArray, IntArray

#: Parts of a side. A third holds the stamps, tokens and logos that are looked for, and maps have seven places a side.
SIDE = 3
N_CELLS = SIDE * SIDE
#: (left, top, right, bottom) in fractions of what the model sees.
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A corner, the middle of an edge, or a whole edge.

    ``family`` has the places that mirrors and quarter-turns make of it: what holds of one corner and of no other one
    holds of a place, and not of being off the middle.
    """

    name: str
    family: str
    rows: tuple[int, int]  # from, and up to but without
    columns: tuple[int, int]

    @property
    def concept_id(self) -> str:
        """As findings and baselines name it."""
        return f"place-{self.name.replace(' ', '-')}"

    @property
    def box(self) -> Box:
        """Where it is."""
        (top, bottom), (left, right) = self.rows, self.columns
        return left / SIDE, top / SIDE, right / SIDE, bottom / SIDE

    @property
    def cells(self) -> BoolArray:
        """(9,) whether each cell, row by row, belongs to it."""
        grid = np.zeros((SIDE, SIDE), np.bool_)
        grid[slice(*self.rows), slice(*self.columns)] = True
        return grid.reshape(-1)


_ROWS = {"top": (0, 1), "bottom": (2, 3)}
_COLUMNS = {"left": (0, 1), "right": (2, 3)}
_MIDDLE, _WHOLE = (1, 2), (0, 3)

PLACES: tuple[Place, ...] = (
    *(Place(f"{v} {h} corner", "corner", _ROWS[v], _COLUMNS[h]) for v in _ROWS for h in _COLUMNS),
    *(Place(f"middle of the {v} edge", "middle", _ROWS[v], _MIDDLE) for v in _ROWS),
    *(Place(f"middle of the {h} edge", "middle", _MIDDLE, _COLUMNS[h]) for h in _COLUMNS),
    *(Place(f"{v} edge", "edge", _ROWS[v], _WHOLE) for v in _ROWS),
    *(Place(f"{h} edge", "edge", _WHOLE, _COLUMNS[h]) for h in _COLUMNS),
)
_BY_ID = {place.concept_id: place for place in PLACES}
#: (P, 9) cells of the places.
CELLS: FloatArray = np.stack([place.cells for place in PLACES]).astype(np.float32)


def place_of(concept_id: str | None) -> Place | None:
    """The place of an id; None for any other id."""
    return _BY_ID.get(concept_id or "")


def mirrored(place_idx: int) -> tuple[int, ...]:
    """Positions of the other places of its family: of the same shape and area, as far from the middle."""
    family = PLACES[place_idx].family
    return tuple(p for p, place in enumerate(PLACES) if place.family == family and p != place_idx)


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
