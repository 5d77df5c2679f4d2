"""What the gap of a class would cost where its concept is more, or less, frequent than in the audited pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.rules import shown_by_others
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection


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


def expected_losses(connection: Connection) -> dict[int, ExpectedLoss]:
    """By class, where the settings say how frequent its leading concept is and a gap of its recall was told."""
    exposure = queries.run(connection).config.get("exposure") or {}
    if not isinstance(exposure, Mapping):  # the settings of a foreign audit
        return {}
    found = {}
    for verdict in queries.verdicts(connection):
        named = next((exposure[name] for name in (verdict.concept, verdict.concept_id) if name in exposure), None)
        if verdict.gap is None or verdict.gap_low is None or verdict.gap_high is None or verdict.concept is None:
            continue
        if not isinstance(named, int | float) or not 0 <= named <= 1 or shown_by_others(verdict.rule_id):
            continue
        arms = [row for row in queries.subgroups(connection, verdict.class_idx) if row.concept_id == verdict.concept_id]
        n = sum(row.n for row in arms)
        if not n:
            continue
        audited = sum(row.n for row in arms if row.present) / n
        less = audited - named
        low, high = sorted((verdict.gap_low * less, verdict.gap_high * less))
        found[verdict.class_idx] = ExpectedLoss(verdict.concept, float(named), audited, verdict.gap * less, low, high)
    return found
