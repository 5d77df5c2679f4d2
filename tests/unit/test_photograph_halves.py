"""Leads of a model whose context is known: which strips show it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from auditor.concept_records import UnnamedLead
from benchmarks.photographs.halves import _strips, report


def _lead(first: tuple[str, ...], second: tuple[str, ...]) -> UnnamedLead:
    return UnnamedLead(0, "cat", 40, 30, 40, 20, 0.25, 0.1, 0.4, first, second, "two halves")


def test_strips_show_the_context_where_they_differ_in_it() -> None:
    made: Any = SimpleNamespace(present=np.arange(24) < 12)
    row = {str(k): k for k in range(24)}
    ids = tuple(row)
    told = _strips(_lead(ids[:12], ids[12:]), made, row)
    assert told["with"] == [12, 0]
    assert told["p"] < 1e-5
    mixed = _strips(_lead(ids[::2], ids[1::2]), made, row)
    assert mixed["with"] == [6, 6]
    assert mixed["p"] == 1
    # eleven of twelve against six: what a person sees is no accident (Fisher, two-sided, .069)
    close = _strips(_lead((*ids[:11], ids[12]), (*ids[6:12], *ids[18:24])), made, row)
    assert close["with"] == [11, 6]
    assert round(close["p"], 3) == 0.069


def test_an_audit_counts_by_its_first_three_leads_alone() -> None:
    def lead(class_idx: int, p: float) -> dict[str, Any]:
        return {"class_idx": class_idx, "low": 0.1, "with": [1, 1], "of": [2, 2], "p": p}

    def audit(relies: list[int], control: str | None, leads: list[dict[str, Any]]) -> dict[str, Any]:
        return {"relies": relies, "control": control, "leads": {"no words": leads, "words": []}}

    others = [lead(1, 0.001), lead(2, 0.001), lead(3, 0.001)]
    found = [
        audit([0], None, [lead(0, 0.01)]),
        audit([0], None, [*others, lead(0, 0.01)]),  # the fourth
        audit([0], None, [lead(0, 0.2)]),
        audit([], "balanced", others),
    ]
    rows = report(found).splitlines()
    assert rows[2] == "| no words | 3 | 2 | 1 | 1 | 3 | 3 |"
    assert rows[3] == "| words | 3 | 0 | 0 | 1 | 0 | 0 |"
