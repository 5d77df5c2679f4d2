"""What the settings of the audit allow a class to rest on, as items of the gate: nothing passes without a word."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator

from auditor.concept_records import CoreConcept
from auditor.gate.decision import GateItem, ItemState, Level
from auditor.gate.policy import Policy
from auditor.gate.policy_hits import ReleaseEvidence
from auditor.gate.releases import Pair
from auditor.records import fingerprint
from auditor.rules import ASSOCIATION, SHARE
from auditor.wording import quote


def core_items(
    evidence: ReleaseEvidence, policy: Policy, *, today: datetime.date, known: Collection[Pair] | None = None
) -> Iterator[GateItem]:
    """One item for every concept that ``[core]`` of the audit's settings names.

    Args:
        evidence: What was found.
        policy: Whether such concepts are allowed.
        today: The day that entries are held against.
        known: What the settings of the previous release's audit allowed; None without one.
    """
    verdicts = {verdict.class_name: verdict for verdict in evidence.verdicts}
    allowed = [row for row in evidence.core if row.reason == "settings"]
    pairs = {Pair(row.class_name, row.concept_id) for row in allowed}
    for row in allowed:
        twin = evidence.same_as.get(row.concept_id)
        if twin is not None and Pair(row.class_name, twin) in pairs:
            continue  # a known attribute comes with the concept of its name
        state, level, said = _judged(row, policy, today)
        if known is not None and Pair(row.class_name, row.concept_id) not in known:
            level = "warning" if level == "note" else level
            said = f"new since the previous release: {said}"
        verdict = verdicts.get(row.class_name)
        yield GateItem(
            class_name=row.class_name,
            concept_id=row.concept_id,
            concept=row.concept,
            concept_kind=row.concept_kind,
            verdict=None if verdict is None else verdict.verdict,
            severity="none",
            fingerprint=fingerprint(row.class_name, row.concept_id),
            state=state,
            level=level,
            reason=said,
        )


def _judged(row: CoreConcept, policy: Policy, today: datetime.date) -> tuple[ItemState, Level, str]:
    """State, level, and why the concept is allowed; by which screen it would have been found."""
    screens = [rule.rule_id for rule, through in ((SHARE, row.by_words), (ASSOCIATION, row.by_data)) if through]
    let = f"; {' and '.join(screens)} would have let it through" if screens else ""
    by = f", by {quote(row.who)}" if row.who else ""
    until = f", until {row.expires}" if row.expires else ""
    why = quote(row.why, 200) if row.why else "no reason recorded"
    said = f"the audit's settings allow it ({why}{by}{until}){let}"
    if row.expires and today.isoformat() > row.expires:
        return "core_refused", "error", f"{said}: that has run out; audit again, or renew it in the settings"
    if not policy.allows_core(row.class_name):
        return (
            "core_refused",
            "error",
            f"{said}: the policy's allow_core does not; take it out of [core] and audit again",
        )
    return "core", "note", said
