"""Results on photographs for docs/benchmark.md: what stands between the marks of a side is replaced.

python -m benchmarks.photographs.document RESULT.json --docs docs
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor.evidence.effects.significance import clopper_pearson
from auditor.figures import percent
from benchmarks.planted.best_test import LEVELS
from benchmarks.planted.document import between, table

BEGIN, END = "<!-- photographs, {} side{}: begin -->", "<!-- photographs, {} side{}: end -->"
_GIVEN = {"words": "words only", "column": "its column", "examples": "20 + 20 examples"}


def markdown(result: dict[str, Any]) -> str:
    """Everything between the marks."""
    state = "thresholds as fixed beforehand" if result["protocol"]["as_fixed"] else "thresholds not fixed beforehand"
    swaps = "with all interventions" if result["interventions"] else "without interventions (E5, E6)"
    rows = result["summary"]
    found = [_found(row) for row in rows]
    controls = [_control(row) for row in rows]
    wrong = [f"{_GIVEN[row['mode']]}: {one}" for row in rows if row["group"] == "all" for one in row["wrong_flags"]]
    peers: dict[str, Any] = next((row["peers"] for row in rows if row["mode"] == "words" and row["group"] == "all"), {})
    asked = [
        [name.replace("_", " "), *(percent(peer[key]) for key in ("precision", "recall", "f1", "false_alarm_rate"))]
        for name, peer in peers.items()
    ]
    parts = [
        f"Side `{result['side']}`, {rows[0]['models']} models, {state}, {swaps}. `{result['command']}`",
        side_by_side(rows),
        table(
            [
                "the audit is given",
                "classes",
                "rely on 20 points or more",
                "flagged rightly",
                "95 %",
                "suspect",
                "harmed",
                "not shown",
                "clean",
                "not analysed",
                "told rightly, flagged or harmed",
                "… with 10 / 25 / 50 pictures in either arm",
                "the best test, with 10 / 25 / 50",
            ],
            found,
        ),
        table(
            [
                "the audit is given",
                "classes",
                "control models",
                "classes of them",
                "flagged wrongly",
                "upper 95 %, by models",
                "flagged, truth undecided",
                "suspect",
            ],
            controls,
        ),
        "Flagged wrongly, controls and others: " + ("; ".join(wrong) if wrong else "nothing") + ".",
    ]
    if asked:
        parts.append(
            table(["words only, peers at their best threshold", "precision", "recall", "F1", "false alarms"], asked)
        )
    return "\n\n".join(parts)


def side_by_side(rows: Sequence[dict[str, Any]]) -> str:
    """What is found, and what controls are flagged for, by what the same audits are given."""
    modes = list(dict.fromkeys(row["mode"] for row in rows))
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row)
    titles = [f"{_GIVEN[mode]}: {what}" for what in ("told rightly", "controls flagged wrongly") for mode in modes]
    cells = [
        [
            group,
            *(_of(row["told_by_arm"]["0"]) for row in members),
            *(f"{row['controls']['flagged']} of {row['controls']['classes']}" for row in members),
        ]
        for group, members in groups.items()
    ]
    return table(["classes", *titles], cells)


def _of(figure: dict[str, Any]) -> str:
    return f"{figure['true']} of {figure['true'] + figure['missed']}"


def _found(row: dict[str, Any]) -> list[object]:
    one, verdicts = row["found_20"], row["reliant_20"]
    n, low, high = one["true"] + one["missed"], one["low"], one["high"]
    if one["true"] in (0, n):  # a bootstrap of what is all alike has no width
        low, high = clopper_pearson(one["true"], n)
    told = {arm: _of(one) for arm, one in row["told_by_arm"].items()}
    best = [row["best_test"][arm].get(f"{LEVELS[-1]:g}", 0.0) for arm in ("10", "25", "50")]
    return [
        _GIVEN[row["mode"]],
        row["group"],
        n,
        f"{one['true']} ({percent(one['value'])})",
        f"{percent(low)} to {percent(high)}",
        *(verdicts.get(name, 0) for name in ("suspect", "harmed", "not_shown", "clean", "not_analysed")),
        told["0"],
        " / ".join(told[arm] for arm in ("10", "25", "50")),
        " / ".join(f"{n:.1f}" for n in best),
    ]


def _control(row: dict[str, Any]) -> list[object]:
    one = row["controls"]
    upper = percent(one["upper"])
    return [
        _GIVEN[row["mode"]], row["group"], one["models"], one["classes"], one["flagged"], upper, one["undecided"],
        one["suspect"],
    ]  # fmt: skip


def write(result: dict[str, Any], page: Path) -> None:
    """Replace what stands between the marks of the result's side, with interventions or without.

    Raises:
        ValueError: the page has no such marks.
    """
    which = " with interventions" if result["interventions"] else ""
    begin, end = (mark.format(result["side"], which) for mark in (BEGIN, END))
    text = page.read_text(encoding="utf-8")
    if begin not in text or end not in text.partition(begin)[2]:
        raise ValueError(f"{page.name} has no marks {begin} and {end}")
    page.write_text(between(text, begin, end, markdown(result)), encoding="utf-8")


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path)
    parser.add_argument("--docs", type=Path, required=True)
    arguments = parser.parse_args()
    write(json.loads(arguments.result.read_text(encoding="utf-8")), arguments.docs / "benchmark.md")


if __name__ == "__main__":
    main()
