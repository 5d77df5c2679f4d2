"""What giving and taking a level of a measured property means in these pictures: which value it is set to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.edit_records import Level, LevelEdits, PictureEdit
from auditor.properties.edit import EDITABLE, ONE_WAY, WHOLE_FRAME
from auditor.records import PROPERTY_PREFIX, Concept, FloatArray, ImageItem
from auditor.rules import PRESENT

#: Edits stay within what nine of ten pictures have: beyond, nobody has seen what a network does.
_OBSERVED = (0.1, 0.9)
N_DOSES = 5
#: Properties that are whole numbers.
_WHOLE = frozenset(["jpeg_quality", "width", "height"])


def property_values(items: Sequence[ImageItem]) -> dict[str, list[float | str | None]]:
    """By property what each picture measures, from the columns of their names: numbers where all of them are."""
    names = {
        column.removeprefix(PROPERTY_PREFIX)
        for item in items
        for column in item.attributes
        if column.startswith(PROPERTY_PREFIX)
    }
    found: dict[str, list[float | str | None]] = {}
    for name in sorted(names & EDITABLE):
        texts = [item.attributes.get(PROPERTY_PREFIX + name) for item in items]
        try:
            found[name] = [None if text is None else float(text) for text in texts]
        except ValueError:
            found[name] = list(texts)
    return found


def level_edits(
    concepts: Sequence[Concept], presence: FloatArray, values: Mapping[str, Sequence[float | str | None]]
) -> dict[int, LevelEdits]:
    """How each concept that is a level of an editable property is given and taken.

    A level is given as the median of the pictures that have it, and taken by the median of the others, both within the
    observed range; of named values it is the most frequent one. What an edit cannot take back is never taken.

    Args:
        concepts: V.
        presence: (N, V).
        values: By property what each of the N pictures measures; None where it is not known.
    """
    found: dict[int, LevelEdits] = {}
    for v, concept in enumerate(concepts):
        name = (concept.column or "").removeprefix(PROPERTY_PREFIX)
        if concept.column != PROPERTY_PREFIX + name or name not in EDITABLE or name not in values:
            continue
        of_pictures, known = values[name], np.isfinite(presence[:, v])
        has = known & (presence[:, v] > PRESENT)
        numbers = [value for value in of_pictures if isinstance(value, float | int)]
        limits = np.quantile(numbers, _OBSERVED) if numbers else np.zeros(2)
        given, other = (_usual(name, of_pictures, rows, limits) for rows in (has, known & ~has))
        if given is None or other is None:
            continue
        found[v] = LevelEdits(
            given=PictureEdit(name, given),
            taken=None if name in ONE_WAY else PictureEdit(name, other),
            doses=tuple(_rounded(name, dose) for dose in np.linspace(float(limits[0]), float(limits[1]), N_DOSES))
            if numbers
            else (),
            whole_frame=name in WHOLE_FRAME,
        )
    return found


def _usual(
    name: str, values: Sequence[float | str | None], rows: NDArray[np.bool_], limits: NDArray[np.float64]
) -> Level | None:
    """What pictures of some rows have: the median within limits, or the most frequent name."""
    theirs = [values[row] for row in np.flatnonzero(rows).tolist()]
    numbers = [value for value in theirs if isinstance(value, float | int)]
    if numbers:
        return _rounded(name, float(np.clip(np.median(numbers), *limits)))
    named = Counter(value for value in theirs if isinstance(value, str))
    return min(named, key=lambda value: (-named[value], value)) if named else None


def _rounded(name: str, value: float) -> float:
    return float(round(value)) if name in _WHOLE else float(value)
