"""What the gap of a class costs where its concept is more, or less, frequent than in the audited pictures: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from auditor.records import Subgroup, Verdict
from auditor.rules import severity_of, shown_by_others


@dataclass(frozen=True, slots=True)
class ExpectedLoss:
    """Recall that a class would lose in deployment, all else being as audited; below zero where it would gain.

    loss = gap · (audited - exposure), gap being recall with the concept less recall without it; ``low`` and ``high``
    are the same of the gap's 95 % interval. All are fractions.
    """

    concept: str
    exposure: float  # part of the class's pictures that have it in deployment, by the settings
    audited: float  # part that has it here
    loss: float
    low: float
    high: float
    decides_severity: bool = False  # whether the class has the severity of this loss, and not of its gap


def expected_loss(
    verdict: Verdict, subgroups: Iterable[Subgroup], exposure: Mapping[str, object], *, severity_follows: bool = False
) -> ExpectedLoss | None:
    """What a class would lose; None where its leading concept is not in the table, or no gap of its recall was told.

    Args:
        verdict: Of the class.
        subgroups: Pictures of the class with each concept and without it.
        exposure: By term or id of a concept, in which part of a class's pictures it is in deployment.
        severity_follows: Whether the settings say that severities are those of losses; that of a suspect class says
            nothing, so it stays.
    """
    named = next((exposure[name] for name in (verdict.concept, verdict.concept_id) if name and name in exposure), None)
    if verdict.gap is None or verdict.gap_low is None or verdict.gap_high is None or verdict.concept is None:
        return None
    if not isinstance(named, int | float) or not 0 <= named <= 1 or shown_by_others(verdict.rule_id):
        return None
    arms = [row for row in subgroups if row.concept_id == verdict.concept_id]
    n = sum(row.n for row in arms)
    if not n:
        return None
    audited = sum(row.n for row in arms if row.present) / n
    less = audited - named
    low, high = sorted((verdict.gap_low * less, verdict.gap_high * less))
    decides = severity_follows and verdict.verdict in ("flagged", "harmed")
    return ExpectedLoss(verdict.concept, float(named), audited, verdict.gap * less, low, high, decides)


def with_severity_of_deployment(
    verdicts: Iterable[Verdict], subgroups: Iterable[Subgroup], exposure: Mapping[str, float]
) -> tuple[Verdict, ...]:
    """Verdicts, with the severity of what flagged and harmed classes would lose in deployment where that is known."""
    of_class: defaultdict[int, list[Subgroup]] = defaultdict(list)
    for row in subgroups:
        of_class[row.class_idx].append(row)
    changed = []
    for verdict in verdicts:
        loss = expected_loss(verdict, of_class[verdict.class_idx], exposure, severity_follows=True)
        changed.append(replace(verdict, severity=severity_of(loss.low)) if loss and loss.decides_severity else verdict)
    return tuple(changed)
