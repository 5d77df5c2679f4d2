"""What is known of context besides the findings, as plain lines: pictures needed, core concepts, odd columns."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.concept_records import CoreConcept, Counterexample
from auditor.gate.core_items import screens, without_core_twins
from auditor.store.queries import audit as queries
from reports.display import plain

_REASONS = {"settings": "your settings", "class name": "its name", "kind of the class": "what its name is a kind of"}
_NAME_LIMIT = 40
#: Lines of one sort, and entries of ``[core]``; the rest is counted.
_MOST_LINES, _MOST_ENTRIES = 12, 200


def still_needed(rows: Sequence[Counterexample], concept_id: str | None, *, by_pull: bool) -> str | None:
    """Pictures that an audit of a mended model would need to call it clean of what was shown; None where unknown."""
    found = {row.present: row for row in rows if row.concept_id == concept_id}
    if len(found) != 2 or found[True].state != "proven":  # what an open one takes is in its sentence
        return None
    missing = [(found[side].n_others_missing if by_pull else found[side].n_missing, side) for side in (True, False)]
    whose = " of other classes" if by_pull else ""
    more = [f"{number:,} more pictures{whose} {'with' if side else 'without'} it" for number, side in missing if number]
    if not more:
        return None
    return f"Once the model is mended, an audit needs {' and '.join(more)} to call the class clean."


def core_lines(connection: queries.Connection) -> list[str]:
    """Concepts that a class was allowed: what the settings name, and what a screen would have let through.

    What the settings name comes first: somebody wrote each entry, and none of them is to hide behind others.
    """
    same_as = {row.concept_id: row.same_as for row in queries.attribute_concepts(connection) if row.same_as}
    rows = without_core_twins(queries.core_concepts(connection), same_as)
    entries = [_core_line(row) for row in rows if row.reason == "settings"]
    by_name = [_core_line(row) for row in rows if row.reason != "settings" and screens(row)]
    return [*_cut(entries, _MOST_ENTRIES), *_cut(by_name)]


def _core_line(row: CoreConcept) -> str:
    name, concept = plain(row.class_name, _NAME_LIMIT), plain(row.concept, _NAME_LIMIT)
    return f"{name} may rest on {concept} ({_why(row)}){screens(row)}."


def _why(row: CoreConcept) -> str:
    """Such as "your settings: skis are used on snow, by ann, until 2027-01-31"."""
    said = [plain(row.why, 200)] if row.why else []
    said += [f"by {plain(row.who, _NAME_LIMIT)}"] if row.who else []
    said += [f"until {plain(row.expires, 10)}"] if row.expires else []
    return f"{_REASONS[row.reason]}: {', '.join(said)}" if said else _REASONS[row.reason]


def attribute_lines(connection: queries.Connection) -> list[str]:
    """Columns of the manifest that were not examined, or that nothing tells from the label, and why."""
    lines = [
        f"column {plain(row.attribute, _NAME_LIMIT)} was not examined as context ({row.state.replace('_', ' ')}): "
        f"{plain(row.reason, 300)}."
        for row in queries.attributes(connection)
        if row.state not in ("examined", "excluded")
    ]
    return _cut(lines)


def _cut(lines: list[str], most: int = _MOST_LINES) -> list[str]:
    more = len(lines) - most
    return lines if more <= 0 else [*lines[:most], f"and {more:,} more: all are in --format json."]
