"""Figures of the photographs: by what the audit was given and by the number of classes.

Controls are counted by what is *wrong*: a flag for anything that the class does not measurably rely on. A class of a
control whose reliance could not be bounded under 5 points is a control all the same; a flag on the very context whose
bound is open is counted apart ("undecided").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from auditor.evidence.effects.significance import clopper_pearson
from benchmarks.photographs.outcomes import MODES
from benchmarks.planted import score
from benchmarks.planted.best_test import chances
from benchmarks.planted.peers import PEERS
from benchmarks.planted.report import peer_at_its_best
from benchmarks.planted.score import Outcome

Row = dict[str, Any]
#: Pictures with the context, and without it, of a class at the least.
_ARMS = (0, 10, 25, 50)


def summarise(outcomes: Sequence[Outcome]) -> list[Row]:
    """One row a mode and number of classes, the whole of a mode first; intervals by model."""
    rows = []
    for mode in MODES:
        of_mode = [one for one in outcomes if one["scenario"]["mode"] == mode]
        if not of_mode:
            continue
        sizes = sorted({one["scenario"]["n_classes"] for one in of_mode})
        groups = {"all": of_mode} | {
            f"C = {n}": [one for one in of_mode if one["scenario"]["n_classes"] == n] for n in sizes
        }
        rows += [{"mode": mode, "group": name, **_row(members)} for name, members in groups.items()]
    return rows


def _row(outcomes: Sequence[Outcome]) -> Row:
    large = [score.class_counts(one, score.own_leads(one), least=score.LARGE) for one in outcomes]
    told = {
        arm: [score.class_counts(one, told_leads(one), least=score.LARGE, arm=arm) for one in outcomes] for arm in _ARMS
    }
    every = [score.class_counts(one, score.own_leads(one)) for one in outcomes]
    return {
        "models": len(outcomes),
        "found_20": score.figure(large, score.recall),
        "precision": score.figure(every, score.precision),
        "told_by_arm": {str(arm): score.figure(counts, score.recall) for arm, counts in told.items()},
        "best_test": best_test(outcomes),
        "reliant_20": dict(_verdicts(outcomes, "relies", least=score.LARGE)),
        "clean": dict(_verdicts(outcomes, "clean")),
        "between": dict(_verdicts(outcomes, "between")),
        "controls": _controls([one for one in outcomes if one["scenario"]["control"]]),
        "wrong_flags": _wrong(outcomes, "negative"),
        "undecided_flags": _wrong(outcomes, "between"),
        "peers": {name: peer_at_its_best(outcomes, name) for name in PEERS if any(one["peers"] for one in outcomes)},
    }


def told_leads(outcome: Outcome) -> list[str | None]:
    """What each class is said to rely on: what it is flagged for, or the other value of what it is harmed by.

    A context has two values: a dog that is lost without the watermark is harmed by its absence, and a cat that is
    harmed by the watermark relies on there being none. Either says the same, and a verdict says the one that a person
    would (decision 0044).
    """
    found = []
    for one, lead in zip(outcome["classes"], score.own_leads(outcome), strict=True):
        own = [pair for pair in outcome["pairs"] if pair["class_idx"] == one["class_idx"]]
        harmful = [pair for pair in own if one["verdict"] == "harmed" and one["lead"] in pair["alike"]]
        other = next((pair["concept_id"] for pair in own if harmful and pair not in harmful), None)
        found.append(lead or other)
    return found


def best_test(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """By the pictures of the smaller arm, then by level: classes that a test would find that knew where to look."""
    found: dict[str, dict[str, float]] = {str(arm): {} for arm in _ARMS}
    for outcome in outcomes:
        for one in outcome["classes"]:
            own = [pair for pair in outcome["pairs"] if pair["class_idx"] == one["class_idx"]]
            relied = [pair for pair in own if pair["status"] == "relies"]
            if not relied or one["size"] < score.LARGE:
                continue
            told_by = max(min(pair["n_with"], pair["n_without"]) for pair in relied)
            for level, chance in chances(relied).items():
                for arm in (arm for arm in _ARMS if arm <= told_by):
                    found[str(arm)][level] = round(found[str(arm)].get(level, 0.0) + chance, 2)
    return found


def _controls(outcomes: Sequence[Outcome]) -> Row:
    """Classes of controls, how many are wrongly flagged or suspected, and the bound that so many models allow."""
    wrong = [len(_wrong([one], "negative")) for one in outcomes]
    alarmed, classes = sum(n > 0 for n in wrong), [one for outcome in outcomes for one in outcome["classes"]]
    upper = clopper_pearson(alarmed, len(wrong))[1]
    return {
        "models": len(outcomes),
        "classes": len(classes),
        "flagged": sum(wrong),
        "upper": round(upper, 4),
        "undecided": len(_wrong(outcomes, "between")),
        "suspect": sum(one["verdict"] == "suspect" for one in classes),
    }


def _verdicts(outcomes: Sequence[Outcome], status: str, *, least: float = 0.0) -> Counter[str]:
    classes = [one for outcome in outcomes for one in outcome["classes"]]
    return Counter(one["verdict"] for one in classes if one["status"] == status and one["size"] >= least)


def _wrong(outcomes: Sequence[Outcome], status: str) -> list[str]:
    """Flags for something of this status, in words."""
    return [
        f"{outcome['scenario']['seed']} {one['class_name']}: {one['lead']} ({one['status']})"
        for outcome in outcomes
        for one in outcome["classes"]
        if one["verdict"] == "flagged" and score.status_of(outcome, one["class_idx"], one["lead"]) == status
    ]


def table(rows: Sequence[Row]) -> str:
    """What is printed at the end."""
    lines = []
    for row in rows:
        found, controls = row["found_20"], row["controls"]
        arms = ", ".join(
            f"{one['true']} of {one['true'] + one['missed']} with {arm} in either arm"
            for arm, one in row["told_by_arm"].items()
        )
        lines.append(
            f"{row['mode']:8} {row['group']:6} {row['models']:3} models  >= 20 points: {found['true']} of "
            f"{found['true'] + found['missed']} flagged rightly ({found['value']:.2f} [{found['low']:.2f}, "
            f"{found['high']:.2f}]; told {arms})  verdicts {row['reliant_20']}  controls: {controls['flagged']} of "
            f"{controls['classes']} classes flagged wrongly (upper {controls['upper']:.2f} by {controls['models']} "
            f"models), {controls['undecided']} undecided, {controls['suspect']} suspect"
        )
        if row["group"] == "all":
            lines += [f"        wrong: {one}" for one in row["wrong_flags"]]
            lines += [f"        undecided: {one}" for one in row["undecided_flags"]]
            lines += [f"        {name}: {peer}" for name, peer in row["peers"].items()]
    return "\n".join(lines)
