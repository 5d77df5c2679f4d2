"""The classes of an audit as the overview lists them: filtered, sorted, by page, and as CSV; no Streamlit."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from typing import Any

from auditor.records import Verdict
from reports.dashboard.address import Place
from reports.display import without_formula

#: Lines of a page of the table.
PAGE_SIZE = 50
_COLUMNS = (
    "class_name",
    "verdict",
    "severity",
    "concept",
    "concept_kind",
    "share",
    "gap",
    "gap_low",
    "gap_high",
    "n_images",
    "detectable_effect",
    "sentence",
)
_ORDERS: dict[str, Callable[[Verdict], Any]] = {
    "class": lambda verdict: verdict.class_name.casefold(),
    "share": lambda verdict: _falling(verdict.share),
    "gap": lambda verdict: _falling(verdict.gap),
    "pictures": lambda verdict: _falling(verdict.n_images),
}


#: Columns besides severity, which the rows come in.
SORTED = tuple(_ORDERS)


def _falling(number: float | None) -> float:
    return math.inf if number is None or not math.isfinite(number) else -number


def listed(verdicts: Sequence[Verdict], place: Place) -> list[Verdict]:
    """Those that the filters of the URL leave, in its order; ``verdicts`` come worst first."""
    words = place.find.casefold().split()
    kept = [
        verdict
        for verdict in verdicts
        if (not place.verdicts or verdict.verdict in place.verdicts)
        and (not place.kinds or (verdict.concept_kind or "") in place.kinds)
        and all(word in f"{verdict.class_name} {verdict.concept or ''}".casefold() for word in words)
    ]
    return sorted(kept, key=_ORDERS[place.sort]) if place.sort in _ORDERS else kept


def kinds_of(verdicts: Sequence[Verdict]) -> list[str]:
    """Kinds of the leading concepts, the most frequent first."""
    kinds = [verdict.concept_kind for verdict in verdicts if verdict.concept_kind]
    return sorted(set(kinds), key=lambda kind: (-kinds.count(kind), kind))


def page_of(rows: Sequence[Verdict], number: int) -> tuple[Sequence[Verdict], int, int]:
    """The rows of a page, its number, and the number of pages; beyond the last it is the last."""
    n_pages = max(1, -(-len(rows) // PAGE_SIZE))
    number = min(number, n_pages)
    return rows[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], number, n_pages


def beside(rows: Sequence[Verdict], class_idx: int) -> tuple[Verdict | None, Verdict | None]:
    """The classes before and after one in the list; both None where it is not in it."""
    places = [position for position, verdict in enumerate(rows) if verdict.class_idx == class_idx]
    if not places:
        return None, None
    place = places[0]
    return (rows[place - 1] if place else None), (rows[place + 1] if place + 1 < len(rows) else None)


def as_csv(rows: Sequence[Verdict]) -> str:
    """The rows for a spreadsheet: no cell is a formula, whatever the names are."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        writer.writerow([_cell(getattr(row, column)) for column in _COLUMNS])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return without_formula(value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return value
