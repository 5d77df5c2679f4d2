"""The list of what to gather, for people and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from auditor.collection import Collection, Sort
from auditor.figures import counted, percent, points
from auditor.rules import DESIGN_EFFECT, POWER
from reports.display import plain, without_formula

_NAME_LIMIT = 60
#: Concepts of classes that a line of text names; CSV has all.
_NAMED = 3


def collection_text(found: Collection) -> str:
    """A line for every sort of picture, the most useful first; it ends without a newline."""
    return "\n".join(_lines(found))


def _lines(found: Collection) -> Iterator[str]:
    if found.not_shown:
        more = len(found.not_shown) - _NAMED
        named = _names([*found.not_shown[:_NAMED], *([f"{more:,} more"] if more > 0 else [])], "and")
        yield (
            f"More pictures of {named} would not help, which could not be shown to be clean: `auditor report DIR` says "
            "what would."
        )
    if not found.n_pairs and not found.not_shown:
        yield "No concept is open, and no class is left that could not be shown to be clean: nothing to gather."
    if not found.n_pairs:
        return
    if found.sorts:
        yield (
            f"{counted(found.n_pictures, 'picture')} of {counted(len(found.sorts), 'sort')} settle {found.n_settled:,} "
            f"of {counted(found.n_pairs, 'concept')} that are open or not excluded, class by class (one by one: "
            f"{found.n_separate:,}):"
        )
    width = max((len(f"{sort.n:,}") for sort in found.sorts), default=0)
    for sort in found.sorts:
        yield f"  {sort.n:>{width},} {_described(sort)}  → {_served(sort)}"
    left = found.n_pairs - found.n_settled - found.n_beyond
    if left:
        yield f"{counted(left, 'concept')} more would take further sorts."
    if found.n_beyond:
        yield (
            f"{counted(found.n_beyond, 'concept')} pictures do not settle: the encoder's errors hide them (a column or "
            "examples would tell them), or what was seen lies too near the tolerance."
        )
    if found.sorts:
        yield (
            f"Each is settled with a chance of {percent(POWER)}: an open concept shown where the reliance is "
            f"{points(DESIGN_EFFECT, unit='points')}, and excluded, as a gap, where there is none."
        )


def _described(sort: Sort) -> str:
    told = _names(sort.with_concepts, "and")
    lacking = _names(sort.without_concepts, "or")
    one = sort.class_name
    whose = f"of any class but {_names(sort.other_than, 'or')}" if one is None else f"of {plain(one, _NAME_LIMIT)}"
    parts = [whose, f"with {told}" if told else "", f"without {lacking}" if lacking else ""]
    return " ".join(part for part in parts if part)


def _names(names: Sequence[str], joined_by: str) -> str:
    shown = [plain(name, _NAME_LIMIT) for name in names]
    return f" {joined_by} ".join(part for part in (", ".join(shown[:-1]), *shown[-1:]) if part)


def _served(sort: Sort) -> str:
    more = len(sort.serves) - _NAMED
    named = "; ".join(plain(one, 2 * _NAME_LIMIT) for one in sort.serves[:_NAMED])
    return f"{named} and {more:,} more" if more > 0 else named


def collection_csv(found: Collection) -> str:
    """A row for every sort; lists are joined by semicolons, and no cell is a formula. It ends without a newline."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("n", "class", "other_than", "with", "without", "serves"))
    for sort in found.sorts:
        lists = (sort.other_than, sort.with_concepts, sort.without_concepts, sort.serves)
        cells = (sort.class_name or "", *("; ".join(names) for names in lists))
        writer.writerow([sort.n, *(without_formula(cell) for cell in cells)])
    return stream.getvalue().rstrip("\n")
