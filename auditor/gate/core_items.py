"""What the settings of the audit allow a class to rest on, as items of the gate: nothing passes without a word."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from auditor.concept_records import CoreConcept
from auditor.gate.decision import WARN_DAYS, GateItem, ItemState, Level
from auditor.gate.policy import Policy
from auditor.gate.policy_hits import ReleaseEvidence
from auditor.gate.releases import Pair
from auditor.records import fingerprint
from auditor.rules import ASSOCIATION, RECALL_GAP, SHARE
from auditor.wording import quote, quote_list


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
    for row in without_core_twins(evidence.core, evidence.same_as):
        if row.reason != "settings":
            continue
        state, level, said = _judged(row, policy, today)
        members = [
            one.concept
            for one in evidence.core
            if (one.class_idx, evidence.family_of.get(one.concept_id)) == (row.class_idx, row.concept_id)
        ]
        if members:
            said = f"allowed with {quote_list(members)}, of which it is the family: {said}"
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


def without_core_twins(rows: Iterable[CoreConcept], same_as: Mapping[str, str]) -> list[CoreConcept]:
    """What was allowed, each thing once: a known attribute that came with the concept of its name is told with it.

    The concept then stands for every screen that either would have passed. Where the settings say something of their
    own of the attribute, it is told by itself.

    Args:
        rows: of the table ``core_concepts``.
        same_as: known attribute -> concept of its name, by concept_id.
    """
    by_pair = {(row.class_idx, row.concept_id): row for row in rows}
    for pair, row in list(by_pair.items()):
        of_concept = row.class_idx, same_as.get(row.concept_id, "")
        concept = by_pair.get(of_concept)
        if concept is None or grounds(concept) != grounds(row):
            continue
        by_pair[of_concept] = replace(
            concept,
            by_words=concept.by_words or row.by_words,
            by_data=concept.by_data or row.by_data,
            by_gap=concept.by_gap or row.by_gap,
        )
        del by_pair[pair]
    return list(by_pair.values())


def grounds(row: CoreConcept) -> tuple[str | None, ...]:
    """Where it comes from, and what the settings say of it."""
    return row.reason, row.why, row.who, row.expires


def screens(row: CoreConcept) -> str:
    """Why it would have been tested, such as "; else it would be tested, for E1 and E4"; "" for nothing known."""
    by_screen = ((SHARE.rule_id, row.by_words), (ASSOCIATION.rule_id, row.by_data), (RECALL_GAP.page, row.by_gap))
    through = [name for name, passed in by_screen if passed]
    if not through:
        return ""
    named = f"{', '.join(through[:-1])} and {through[-1]}" if through[1:] else through[0]
    return f"; else it would be tested, for {named}"


def _judged(row: CoreConcept, policy: Policy, today: datetime.date) -> tuple[ItemState, Level, str]:
    """State, level, and why the concept is allowed; by which screen it would have been found."""
    by = f", by {quote(row.who)}" if row.who else ""
    until = f", until {row.expires}" if row.expires else ""
    why = quote(row.why, 200) if row.why else "no reason recorded"
    said = f"the audit's settings allow it ({why}{by}{until}){screens(row)}"
    # dates as text: the audit may be foreign, and ISO dates are in the order of their letters
    if row.expires and today.isoformat() > row.expires:
        return "core_expired", "error", f"{said}: that has run out; audit again, or renew it in the settings"
    if not policy.allows_core(row.class_name):
        return (
            "core_refused",
            "error",
            f"{said}: the policy's allow_core does not; take it out of [core] and audit again",
        )
    ends_soon = row.expires and row.expires <= (today + datetime.timedelta(days=WARN_DAYS)).isoformat()
    return "core", "warning" if ends_soon else "note", said
