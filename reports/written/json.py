"""The report as JSON: versioned, described by ``report.schema.json``, without NaN (null is "not measured").

An audit of a hundred classes has a hundred thousand rows here, hence one line a row and no deep copies.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from auditor.concept_records import CoreConcept, Counterexample, FixedPlace, UnnamedLead
from auditor.edit_records import DoseResponse
from auditor.gate.decision import GateDecision
from auditor.records import ClassConcept, Finding, Subgroup
from auditor.store.queries import audit as queries
from auditor.store.queries.exposure import expected_losses
from auditor.store.queries.leaks import leaks

#: Grows when a field changes its meaning or goes; new fields alone do not count.
JSON_VERSION = 1
SCHEMA_PATH = Path(__file__).with_name("report.schema.json")
#: Leading concepts of every class, unusable pictures, and pictures in more than one split, that are listed.
_LEADING, _LISTED_FAILURES, _LISTED_LEAKS = 10, 100, 1000

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode

Row = TypeVar(
    "Row", ClassConcept, CoreConcept, Counterexample, DoseResponse, Finding, FixedPlace, Subgroup, UnnamedLead
)


def json_report(connection: queries.Connection, *, decision: GateDecision | None = None) -> dict[str, Any]:
    """The report as plain dictionaries, lists, strings and finite numbers; ``decision`` is None without a gate."""
    run = queries.run(connection)
    counts = queries.verdict_counts(connection)
    concepts = _by_class(queries.class_concepts(connection, limit=_LEADING))
    findings = _by_class(queries.findings(connection))
    subgroups = _by_class(queries.subgroups(connection))
    core = _by_class(queries.core_concepts(connection))
    counterexamples = _by_class(queries.counterexamples(connection))
    places = _by_class(queries.fixed_places(connection))
    halves = _by_class(queries.unnamed_leads(connection))
    doses = _by_class(queries.dose_responses(connection))
    losses = expected_losses(connection)
    failed, leaked = queries.failure_counts(connection), leaks(connection)
    return {
        "format": "auditor-report",
        "version": JSON_VERSION,
        "decision": None if decision is None else {**_row(decision), "items": [_row(item) for item in decision.items]},
        "run": {**_row(run), "rejudged_from": None if run.rejudged_from is None else _row(run.rejudged_from)},
        "counts": {
            "classes": counts.analysed + counts.not_analysed,
            "analysed": counts.analysed,
            "flagged": counts.flagged,
            "harmed": counts.harmed,
            "suspect": counts.suspect,
            "not_shown": counts.not_shown,
            "clean": counts.clean,
            "not_analysed": counts.not_analysed,
            "pictures": queries.picture_count(connection),
            "failures": sum(failed.values()),
        },
        "classes": [
            {
                **_row(verdict),
                "concepts": [_without_class(row) for row in concepts[verdict.class_idx]],
                "findings": [_finding(row) for row in findings[verdict.class_idx]],
                "subgroups": [_without_class(row) for row in subgroups[verdict.class_idx]],
                "core_concepts": [_without_class(row) for row in core[verdict.class_idx]],
                "counterexamples": [_without_class(row) for row in counterexamples[verdict.class_idx]],
                "fixed_places": [_without_class(row) for row in places[verdict.class_idx]],
                "unnamed_leads": [_without_class(row) for row in halves[verdict.class_idx]],
                "dose_responses": [_without_class(row) for row in doses[verdict.class_idx]],
                "expected_loss": _row(losses[verdict.class_idx]) if verdict.class_idx in losses else None,
            }
            for verdict in queries.verdicts(connection)
        ],
        "attributes": _attributes(connection),
        "examples": [_row(row) for row in queries.example_concepts(connection)],
        "calibration": [_row(row) for row in queries.calibrations(connection)],
        "faithfulness": [_row(row) for row in queries.faithfulness(connection)],
        "failures": {
            "by_stage": failed,
            "listed": [_row(failure) for failure in queries.failures(connection, limit=_LISTED_FAILURES)],
        },
        "leaks": {
            "sets": len({leak.copy_group for leak in leaked}),
            "pictures": len(leaked),
            "listed": [_row(leak) for leak in leaked[:_LISTED_LEAKS]],
        },
    }


def render_json(connection: queries.Connection, *, decision: GateDecision | None = None) -> str:
    """The report as JSON text that any parser reads: a line for every row of numbers."""
    return "".join(_lines(json_report(connection, decision=decision), "\n"))


def _by_class(rows: Iterable[Row]) -> defaultdict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.class_idx].append(row)
    return found


def _attributes(connection: queries.Connection) -> list[dict[str, Any]]:
    concepts = queries.attribute_concepts(connection)
    return [
        {
            **_row(column),
            "concepts": [_without(row, "attribute") for row in concepts if row.attribute == column.attribute],
        }
        for column in queries.attributes(connection)
    ]


def _without(row: Any, *left_out: str) -> dict[str, Any]:
    return {name: value for name, value in _row(row).items() if name not in left_out}


def _without_class(row: Row) -> dict[str, Any]:
    return _without(row, "class_idx", "class_name")


def _finding(row: Finding) -> dict[str, Any]:
    return {**_without_class(row), "fingerprint": row.fingerprint}


def _row(record: Any) -> dict[str, Any]:
    """The fields of a record, each as JSON has it."""
    return {field.name: _finite(getattr(record, field.name)) for field in fields(record)}


def _finite(value: Any) -> Any:
    """The same value with None for numbers that JSON has no word for, and lists for tuples."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def _lines(value: Any, line: str) -> Iterator[str]:
    """JSON text in pieces; what holds no further object stays on its line, ``line`` is the break and the indent."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(one, dict) or (isinstance(one, list) and one and isinstance(one[0], dict)) for one in inner):
        yield _encode(value)
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    deeper = f"{line}  "
    for position, one in enumerate(value.items() if isinstance(value, dict) else value):
        yield f"{',' if position else opening}{deeper}"
        if isinstance(value, dict):
            yield f"{_encode(one[0])}: "
            one = one[1]
        yield from _lines(one, deeper)
    yield f"{line}{closing}"
