"""How the gate's decision reads, the same in every report: worst first, each item with its shape and state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from auditor.gate.decision import GateDecision, GateItem, ItemState
from auditor.records import Verdict
from reports.display import plain

LEVEL_SHAPES = {"error": "✕", "warning": "!", "note": "·"}
STATE_WORDS: dict[ItemState, str] = {
    "new": "new",
    "accepted": "accepted",
    "expired": "acceptance expired",
    "stale": "stale entry of the baseline",
    "tolerated": "tolerated by the policy",
    "not_analysed": "not analysed",
    "skipped": "skipped by the policy",
    "grown": "grown since the previous release",
}
_LEVELS = ("error", "warning", "note")


def worst_first(decision: GateDecision) -> list[GateItem]:
    """Errors, then warnings, then notes; within a level in the gate's own order."""
    return sorted(decision.items, key=lambda item: _LEVELS.index(item.level))


def subject(item: GateItem, limit: int) -> str:
    """Class and concept as one harmless name, each cut to ``limit``."""
    names = [item.class_name] if item.concept is None else [item.class_name, item.concept]
    return " · ".join(plain(name, limit) for name in names)


def is_on(item: GateItem, verdict: Verdict) -> bool:
    """Whether the verdict, and so its sentence, is on the concept of the item."""
    return item.concept_id is not None and item.concept_id == verdict.concept_id


def reason_and_sentence(item: GateItem, verdict: Verdict | None) -> str:
    """What the gate says of an item and, where the verdict is on the same concept, what the audit says of the class."""
    reason = item.reason.rstrip(". ")
    if verdict is None or not is_on(item, verdict):
        return f"{reason}."
    return f"{reason}. {verdict.sentence}"


def json_command(decision: GateDecision | None) -> str:
    """The command that gives all of what a shorter report left out."""
    return f"auditor {'report' if decision is None else 'gate'} DIR --format json"


def outcome(decision: GateDecision) -> str:
    """Such as "Gate fails: 2 new (exit code 1)"; the summary as the gate gave it, made harmless."""
    return f"Gate {plain(decision.summary, 2_000)} (exit code {decision.exit_code})"


def counted_states(items: Sequence[GateItem]) -> str:
    """Such as "2 accepted, 1 tolerated by the policy", the most frequent first."""
    counts = Counter(STATE_WORDS[item.state] for item in items)
    return ", ".join(f"{number:,} {words}" for words, number in sorted(counts.items(), key=lambda pair: -pair[1]))
