"""How the gate's decision reads, the same in every report: worst first, each item with its shape and state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.figures import counted
from auditor.gate.decision import GateDecision, GateItem, ItemState
from auditor.records import Verdict
from auditor.wording import first_of, inert, plain

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
    "core": "allowed by the audit's settings",
    "core_refused": "allowed by the audit's settings, not by the policy",
    "core_expired": "no longer allowed by the audit's settings",
    "not_shown": "nothing found, which these pictures could not have shown",
    "too_weak": "pictures that show too little",
}
#: States of what was found, or was accepted once; the others are of pictures that show too little.
_FOUND: tuple[ItemState, ...] = ("new", "expired", "grown", "core_refused", "core_expired", "stale")
_LEVELS = ("error", "warning", "note")
#: Longer names, reasons and sentences of an audit are cut.
_NAME_LIMIT, _REASON_LIMIT, _SENTENCE_LIMIT = 60, 1_000, 2_000
_NAMED = 3  # classes in a headline
#: Of the digest of the data, which audit.json has in full.
_DIGITS = 12


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


def heading(item: GateItem) -> tuple[str, str, str, str]:
    """The line above an item, in parts that can be coloured: "✕ ", "waterbird", " · water (scene)", " · new"."""
    concept = ""
    if item.concept is not None:
        kind = f" ({inert(item.concept_kind, _NAME_LIMIT).replace('_', ' ')})" if item.concept_kind else ""
        concept = f" · {inert(item.concept, _NAME_LIMIT)}{kind}"
    shape, state = f"{LEVEL_SHAPES[item.level]} ", f" · {STATE_WORDS[item.state]}"
    return shape, inert(item.class_name, _NAME_LIMIT), concept, state


def reason(item: GateItem) -> str:
    """What the gate says of an item, harmless and cut."""
    return inert(item.reason, _REASON_LIMIT)


def failures(decision: GateDecision, verdicts: Iterable[Verdict]) -> list[tuple[GateItem, list[str]]]:
    """Every error, with what the gate says of it and then what the audit says of the class."""
    by_name = {one.class_name: one for one in verdicts}
    found = []
    for item in worst_first(decision):
        if item.level != "error":
            continue
        told, verdict = [reason(item)], by_name.get(item.class_name)
        if verdict is not None and is_on(item, verdict):
            told += [inert(line, _SENTENCE_LIMIT) for line in verdict.lines]
        found.append((item, told))
    return found


def audited(created_at: str, data_digest: str) -> str:
    """Which audit it is, since the gate reads that alone: "audited 2026-11-02T10:00:00Z, data 3f9c12ab77d0"."""
    return f"audited {inert(created_at, _NAME_LIMIT)}, data {inert(data_digest[:_DIGITS])}"


def basis(decision: GateDecision) -> str:
    """The files that it was decided by: "policy policy.toml, baseline baseline.toml"."""
    paths = (("policy", decision.policy_path), ("baseline", decision.baseline_path))
    used = [f"{name} {inert(path)}" for name, path in paths if path is not None]
    return ", ".join(used) or "default policy, no baseline"


def reason_and_sentence(item: GateItem, verdict: Verdict | None) -> str:
    """What the gate says of an item and, where the verdict is on the same concept, what the audit says of the class."""
    said = item.reason.rstrip(". ")
    if verdict is None or not is_on(item, verdict):
        return f"{said}."
    return f"{said}. {verdict.sentence}"


def outcome(decision: GateDecision) -> str:
    """Such as "Gate fails: 2 new (exit code 1)"; the summary as the gate gave it, made harmless."""
    return f"Gate {plain(decision.summary, 2_000)} (exit code {decision.exit_code})"


def counted_states(items: Sequence[GateItem]) -> str:
    """Such as "2 accepted, 1 tolerated by the policy", the most frequent first."""
    counts = Counter(STATE_WORDS[item.state] for item in items)
    return ", ".join(f"{number:,} {words}" for words, number in sorted(counts.items(), key=lambda pair: -pair[1]))


@dataclass(frozen=True, slots=True)
class ReleaseWords:
    """What a decision says to a person: what to do, and why in one line."""

    state: Literal["stop", "cannot_tell", "ship"]
    shape: str
    advice: str  # "Do not ship"
    why: str  # "3 findings, none accepted; 6 classes could not be judged"

    @property
    def line(self) -> str:
        """Both in one line."""
        return f"{self.advice}: {self.why}"


def release_words(decision: GateDecision) -> ReleaseWords:
    """What the gate's decision says to a person: what stops a release wins over what could not be judged."""
    items = decision.items
    stopping = [item for item in items if item.level == "error" and item.state != "not_analysed"]
    unjudged = sum(item.state == "not_analysed" for item in items)
    accepted = sum(item.state == "accepted" for item in items)
    could_not = f"{counted(unjudged, 'class', 'classes')} could not be judged" if unjudged else None
    if stopping:
        classes = [item.class_name for item in stopping if item.state in _FOUND]
        other = len(stopping) - len(classes)
        found = counted(len(classes), "finding")
        if len(set(classes)) < len(classes):  # a class may be found to rely on several things
            found += f" in {counted(len(set(classes)), 'class', 'classes')}"
        said = [f"{found}, {f'{accepted:,} more accepted' if accepted else 'none accepted'}"] * bool(classes)
        said += [f"{counted(other, 'class', 'classes')} whose pictures could show too little"] * bool(other)
        return ReleaseWords("stop", "✕", "Do not ship", "; ".join([*said, *filter(None, [could_not])]))
    if decision.exit_code:
        return ReleaseWords("cannot_tell", "?", "Cannot tell", could_not or "no class could be judged")
    weak = sum(item.state == "not_shown" for item in items)
    said = [f"{counted(accepted, 'finding')} accepted" if accepted else "nothing was found that stops it"]
    tolerated = [item for item in items if item.state == "tolerated"]
    suspect = list(dict.fromkeys(item.class_name for item in tolerated if item.verdict == "suspect"))
    others = sum(item.verdict != "suspect" for item in tolerated)
    if suspect:
        said.append(f"suspect and let pass: {first_of([inert(name, _NAME_LIMIT) for name in suspect], _NAMED)}")
    said += [f"{counted(others, 'finding')} tolerated by the policy"] * bool(others)
    said += [f"of {counted(weak, 'class', 'classes')} the pictures could not have shown much"] * bool(weak)
    return ReleaseWords("ship", "✓", "Ship", "; ".join(said))
