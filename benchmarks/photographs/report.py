"""Figures of the photographs: by what the audit was given and by the number of classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.photographs.outcomes import MODES
from benchmarks.planted import score
from benchmarks.planted.peers import PEERS
from benchmarks.planted.score import Outcome

Row = dict[str, Any]
_FEW_SHOWN = 12


def summarise(outcomes: Sequence[Outcome]) -> list[Row]:
    """One row a mode and number of classes, the whole of a mode first; intervals by model."""
    rows = []
    for mode in MODES:
        of_mode = [one for one in outcomes if one["scenario"]["mode"] == mode]
        sizes = sorted({one["scenario"]["n_classes"] for one in of_mode})
        groups = {"all": of_mode} | {
            f"C = {n}": [one for one in of_mode if one["scenario"]["n_classes"] == n] for n in sizes
        }
        rows += [{"mode": mode, "group": name, **_row(members)} for name, members in groups.items()]
    return rows


def _row(outcomes: Sequence[Outcome]) -> Row:
    large = [score.class_counts(one, score.own_leads(one), least=score.LARGE) for one in outcomes]
    every = [score.class_counts(one, score.own_leads(one)) for one in outcomes]
    controls = [one for one in outcomes if one["scenario"]["control"]]
    reliant = _verdicts(outcomes, "relies", least=score.LARGE)
    return {
        "models": len(outcomes),
        "found_20": score.figure(large, score.recall),
        "found_10": score.figure(every, score.recall),
        "precision": score.figure(every, score.precision),
        "reliant_20": dict(reliant),
        "clean": dict(_verdicts(outcomes, "clean")),
        "between": dict(_verdicts(outcomes, "between")),
        "alarms": score.false_alarms(outcomes, score.own_leads),
        "alarms_in_controls": score.false_alarms(controls, score.own_leads),
        "wrong_flags": _wrong(outcomes),
        "peers": {name: _peer(outcomes, name) for name in PEERS if any(one["peers"] for one in outcomes)},
    }


def _verdicts(outcomes: Sequence[Outcome], status: str, *, least: float = 0.0) -> Counter[str]:
    classes = [one for outcome in outcomes for one in outcome["classes"]]
    return Counter(one["verdict"] for one in classes if one["status"] == status and one["size"] >= least)


def _wrong(outcomes: Sequence[Outcome]) -> list[str]:
    """Flags for something that the class does not rely on, as far as was measured."""
    return [
        f"{outcome['scenario']['seed']} {one['class_name']}: {one['lead']} ({one['status']})"
        for outcome in outcomes
        for one in outcome["classes"]
        if one["verdict"] == "flagged" and score.status_of(outcome, one["class_idx"], one["lead"]) == "negative"
    ]


def _peer(outcomes: Sequence[Outcome], name: str) -> dict[str, float]:
    """A peer at the threshold that gives it the best F1 on these models."""
    asked = [one for one in outcomes if one["peers"]]
    threshold = score.best_threshold(asked, name)
    total = score.total_of(score.class_counts(one, score.peer_leads(one, name, threshold)) for one in asked)
    alarms = score.false_alarms(asked, lambda one: score.peer_leads(one, name, threshold))
    return {
        "precision": round(float(score.precision(total)), 4),
        "recall": round(float(score.recall(total)), 4),
        "f1": round(float(score.f1(total)), 4),
        "false_alarm_rate": alarms["value"],
        "threshold": round(threshold, 4),
    }


def table(rows: Sequence[Row]) -> str:
    """What is printed at the end."""
    lines = []
    for row in rows:
        found, alarms, controls = row["found_20"], row["alarms"], row["alarms_in_controls"]
        lines.append(
            f"{row['mode']:7} {row['group']:6} {row['models']:3} models  >= 20 points: {found['true']} of "
            f"{found['true'] + found['missed']} flagged rightly ({found['value']:.2f} [{found['low']:.2f}, "
            f"{found['high']:.2f}])  verdicts {row['reliant_20']}  clean classes {row['clean']}: alarms "
            f"{alarms['alarms']} of {alarms['classes']} (upper {alarms['upper']:.2f}), in controls "
            f"{controls['alarms']} of {controls['classes']}  between {row['between']}"
        )
        lines += [f"        wrong: {one}" for one in row["wrong_flags"][:_FEW_SHOWN] if row["group"] == "all"]
        lines += [f"        {name}: {peer}" for name, peer in row["peers"].items() if row["group"] == "all"]
    return "\n".join(lines)
