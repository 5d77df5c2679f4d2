"""A list of pictures as somebody narrows and orders it, and as files to take away; no Streamlit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from auditor.store.queries.picture_lists import GridPicture
from reports.dashboard.address import Place, range_of
from reports.formats import ExportFormat
from reports.picture_csv import picture_csv
from reports.picture_list import picture_list

#: What a list can be narrowed by: the fields of the place and of the picture.
MEASURES = ("confidence", "presence", "share")
_ORDERS: dict[str, Callable[[GridPicture], Any]] = {
    "confidence": lambda one: -1.0 if one.confidence is None else one.confidence,
    "presence": lambda one: -1.0 if one.presence is None else one.presence,
    "share": lambda one: -1.0 if one.share is None else one.share,
}


def is_arranged(place: Place) -> bool:
    """Whether the place asks for anything but the list as it is."""
    return place.order != "list" or any(getattr(place, name) for name in (*MEASURES, "values", "span"))


def arranged(pictures: Sequence[GridPicture], place: Place) -> list[GridPicture]:
    """The pictures that the ranges of the place leave, in its order; those of which nothing is known are in no range.

    Of numbers the largest comes first, paths go by the alphabet; what is equal stays in the order of the list.
    """
    kept = list(pictures)
    for name in MEASURES:
        ends = range_of(getattr(place, name))
        if ends is not None:
            low, high = ends
            kept = [one for one in kept if _within(getattr(one, name), low, high)]
    if place.order == "path":
        return sorted(kept, key=lambda one: one.path)
    return sorted(kept, key=_ORDERS[place.order], reverse=True) if place.order in _ORDERS else kept


def _within(value: float | None, low: int, high: int) -> bool:
    # As it is shown, so that "98 %" lies in 98 to 100.
    return value is not None and low <= round(100 * value) <= high


def csv_file(pictures: Sequence[GridPicture]) -> str:
    """The pictures as a table that ends with a newline."""
    return picture_csv(pictures) + "\n"


def path_file(pictures: Sequence[GridPicture]) -> str:
    """Paths as the audit has them, a line each.

    Raises:
        InputError: a path holds a line break, which a list cannot.
    """
    return picture_list(pictures, ExportFormat.paths) + "\n"


def file_name(*words: str | None, ending: str) -> str:
    """A plain name for a file: "breaking-waterbird-water.csv"."""
    told = "-".join(re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")[:40] for word in words if word)
    return f"{re.sub('-+', '-', told).strip('-') or 'pictures'}.{ending}"
