"""The report as JSON: versioned, described by ``report.schema.json``, without NaN (null is "not measured")."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from auditor.context_records import CoreConcept, Counterexample
from auditor.gate.decision import GateDecision
from auditor.records import ClassConcept, Finding, Subgroup
from reports import queries

#: Grows when a field changes its meaning or goes; new fields alone do not count.
JSON_VERSION = 1
SCHEMA_PATH = Path(__file__).with_name("report.schema.json")
#: Leading concepts of every class, and unusable pictures, that are listed.
_LEADING, _LISTED_FAILURES = 10, 100

Row = TypeVar("Row", ClassConcept, CoreConcept, Counterexample, Finding, Subgroup)


def json_report(connection: queries.Connection, *, decision: GateDecision | None = None) -> dict[str, Any]:
    """The report as plain dictionaries, lists, strings and finite numbers; ``decision`` is None without a gate."""
    run = queries.run(connection)
    counts = queries.verdict_counts(connection)
    concepts = _by_class(queries.class_concepts(connection, limit=_LEADING))
    findings = _by_class(queries.findings(connection))
    subgroups = _by_class(queries.subgroups(connection))
    core = _by_class(queries.core_concepts(connection))
    counterexamples = _by_class(queries.counterexamples(connection))
    failed = queries.failure_counts(connection)
    report = {
        "format": "auditor-report",
        "version": JSON_VERSION,
        "decision": None if decision is None else asdict(decision),
        "run": asdict(run),
        "counts": {
            "classes": counts.analysed + counts.not_analysed,
            "analysed": counts.analysed,
            "flagged": counts.flagged,
            "suspect": counts.suspect,
            "clean": counts.clean,
            "not_analysed": counts.not_analysed,
            "pictures": queries.picture_count(connection),
            "failures": sum(failed.values()),
        },
        "classes": [
            {
                **asdict(verdict),
                "concepts": [_without_class(row) for row in concepts[verdict.class_idx]],
                "findings": [_finding(row) for row in findings[verdict.class_idx]],
                "subgroups": [_without_class(row) for row in subgroups[verdict.class_idx]],
                "core_concepts": [_without_class(row) for row in core[verdict.class_idx]],
                "counterexamples": [_without_class(row) for row in counterexamples[verdict.class_idx]],
            }
            for verdict in queries.verdicts(connection)
        ],
        "attributes": _attributes(connection),
        "failures": {
            "by_stage": failed,
            "listed": [asdict(failure) for failure in queries.failures(connection, limit=_LISTED_FAILURES)],
        },
    }
    finite: dict[str, Any] = _finite(report)
    return finite


def render_json(connection: queries.Connection, *, decision: GateDecision | None = None) -> str:
    """The report as JSON text that any parser reads."""
    return json.dumps(json_report(connection, decision=decision), indent=2, ensure_ascii=False, allow_nan=False)


def _by_class(rows: Iterable[Row]) -> defaultdict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.class_idx].append(row)
    return found


def _attributes(connection: queries.Connection) -> list[dict[str, Any]]:
    concepts = queries.attribute_concepts(connection)
    return [
        {
            **asdict(column),
            "concepts": [_without(row, "attribute") for row in concepts if row.attribute == column.attribute],
        }
        for column in queries.attributes(connection)
    ]


def _without(row: Any, *left_out: str) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name not in left_out}


def _without_class(row: Row) -> dict[str, Any]:
    return _without(row, "class_idx", "class_name")


def _finding(row: Finding) -> dict[str, Any]:
    return {**_without_class(row), "fingerprint": row.fingerprint}


def _finite(value: Any) -> Any:
    """The same value with None for numbers that JSON has no word for, and lists for tuples."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
