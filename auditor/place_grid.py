"""Places of a picture as the model sees it: corners and edges of a grid of three by three, and all around the middle.

The middle is no such place: it is where objects are.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.records import BoolArray

#: Parts of a side. A third holds the stamps, tokens and logos that are looked for, and maps have seven places a side.
SIDE = 3
N_CELLS = SIDE * SIDE
#: (left, top, right, bottom) in fractions of what the model sees.
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a picture something lies that decides it."""

    name: str

    @property
    def concept_id(self) -> str:
        """As findings and baselines name it."""
        return f"place-{self.name.replace(' ', '-')}"


@dataclass(frozen=True, slots=True)
class GridPlace(Place):
    """A corner, the middle of an edge, or a whole edge.

    ``family`` has the places that mirrors and quarter-turns make of it: what holds of one corner and of no other one
    holds of a place, and not of being off the middle.
    """

    family: str
    rows: tuple[int, int]  # from, and up to but without
    columns: tuple[int, int]

    @property
    def box(self) -> Box:
        """Where it is."""
        (top, bottom), (left, right) = self.rows, self.columns
        return left / SIDE, top / SIDE, right / SIDE, bottom / SIDE

    @property
    def cells(self) -> BoolArray:
        """(9,) whether each cell, row by row, belongs to it."""
        import numpy as np  # the names of places alone need none

        grid = np.zeros((SIDE, SIDE), np.bool_)
        grid[slice(*self.rows), slice(*self.columns)] = True
        return grid.reshape(-1)


_ROWS = {"top": (0, 1), "bottom": (2, 3)}
_COLUMNS = {"left": (0, 1), "right": (2, 3)}
_MIDDLE, _WHOLE = (1, 2), (0, 3)

PLACES: tuple[GridPlace, ...] = (
    *(GridPlace(f"{v} {h} corner", "corner", _ROWS[v], _COLUMNS[h]) for v in _ROWS for h in _COLUMNS),
    *(GridPlace(f"middle of the {v} edge", "middle", _ROWS[v], _MIDDLE) for v in _ROWS),
    *(GridPlace(f"middle of the {h} edge", "middle", _MIDDLE, _COLUMNS[h]) for h in _COLUMNS),
    *(GridPlace(f"{v} edge", "edge", _ROWS[v], _WHOLE) for v in _ROWS),
    *(GridPlace(f"{h} edge", "edge", _WHOLE, _COLUMNS[h]) for h in _COLUMNS),
)
#: All but the middle, which has four ninths of the area: objects of photographs lie there.
SURROUNDINGS = Place("surroundings")
MIDDLE: Box = (1 / 6, 1 / 6, 5 / 6, 5 / 6)
ALL_PLACES: tuple[Place, ...] = (*PLACES, SURROUNDINGS)
_BY_ID = {place.concept_id: place for place in ALL_PLACES}


def pixels_of(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """A box in pixels of a picture."""
    left, top, right, bottom = box
    return round(left * width), round(top * height), round(right * width), round(bottom * height)


def place_of(concept_id: str | None) -> Place | None:
    """The place of an id; None for any other id."""
    return _BY_ID.get(concept_id or "")


def mirrored(place_idx: int) -> tuple[int, ...]:
    """Positions of the other places of its family: of the same shape and area, as far from the middle."""
    family = PLACES[place_idx].family
    return tuple(p for p, place in enumerate(PLACES) if place.family == family and p != place_idx)
