"""What a release says of one class and concept, and what two such statements and a difference make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from auditor.concept_records import CounterexampleState
from auditor.gate.releases import Change, Measure, Pair, ReleaseFacts, Standing
from auditor.place_grid import place_of
from auditor.records import FOUND, Finding, Subgroup, Verdict
from auditor.rules import ALPHA, PULL_GAP, RECALL_GAP, RECALL_LOSS, TOLERATED

if TYPE_CHECKING:
    from auditor.gate.gap_change import Estimate

RULES: dict[Measure, str] = {"recall": RECALL_GAP.rule_id, "pull": PULL_GAP.rule_id, "loss": RECALL_LOSS.rule_id}


def found_pairs(
    verdicts: Iterable[Verdict], gaps: Iterable[Finding], states: Mapping[Pair, CounterexampleState]
) -> set[Pair]:
    """The leading concept of every flagged, harmed or suspect class, and every other concept that was proven on it.

    The audit says itself what was proven. One of an older schema does not; there a corrected p says so.
    """
    found = {
        Pair(verdict.class_name, verdict.concept_id)
        for verdict in verdicts
        if verdict.verdict in FOUND and verdict.concept_id is not None
    }
    shown = {verdict.class_name for verdict in verdicts if verdict.verdict in ("flagged", "harmed")}
    told = {pair.class_name for pair in states}
    proven = {pair for pair, state in states.items() if state == "proven"}
    proven |= {
        Pair(gap.class_name, gap.concept_id)
        for gap in gaps
        if gap.class_name not in told and gap.q is not None and gap.q <= ALPHA
    }
    return found | {pair for pair in proven if pair.class_name in shown}


class AuditIndex:
    """An audit's verdicts, gaps and counts by class and concept."""

    def __init__(self, facts: ReleaseFacts) -> None:
        self.facts = facts
        self.verdicts = {verdict.class_name: verdict for verdict in facts.verdicts}
        self.found = found_pairs(facts.verdicts, facts.gaps, facts.states)
        self.gaps: defaultdict[Pair, dict[str, Finding]] = defaultdict(dict)
        for gap in facts.gaps:
            self.gaps[Pair(gap.class_name, gap.concept_id)][gap.rule_id] = gap

    @cached_property
    def subgroups(self) -> defaultdict[Pair, dict[bool, Subgroup]]:
        """Counts with and without the concept; asked for only where the releases share no pictures."""
        found: defaultdict[Pair, dict[bool, Subgroup]] = defaultdict(dict)
        for subgroup in self.facts.subgroups:
            found[Pair(subgroup.class_name, subgroup.concept_id)][subgroup.present] = subgroup
        return found

    def standing(self, pair: Pair) -> Standing | None:
        """What the audit says of the pair; None without the class."""
        verdict = self.verdicts.get(pair.class_name)
        if verdict is None:
            return None
        if pair in self.found:
            return verdict.verdict if verdict.verdict in ("flagged", "harmed") else "suspect"
        if place_of(pair.concept_id) is not None and verdict.verdict != "not_analysed":
            return "clean" if self.facts.places.get(pair) == "excluded" else "open"
        if verdict.verdict in ("clean", "not_analysed"):
            return verdict.verdict
        if verdict.verdict == "not_shown":
            return "open"
        return "open" if self._undecided(pair) else "clean"

    def _undecided(self, pair: Pair) -> bool:
        """Whether the pair passed a screen, without its gaps being shown to lie under the tolerated effect.

        The audit says so itself; one of an older schema does not, and there only gaps that passed a screen have a q.
        """
        if pair in self.facts.states:
            return True
        measured = [gap for gap in self.gaps.get(pair, {}).values() if gap.status == "measured"]
        return any(gap.q is not None for gap in measured) and any(gap.high >= TOLERATED for gap in measured)


def classify(old: Standing | None, new: Standing | None, difference: Estimate | None) -> tuple[Change, str | None]:
    """What changed, and a note where that needs one.

    Swapping the releases swaps new with fixed and worse with better.

    Args:
        old: standing in the old release; at least one of the two is found.
        new: standing in the new release.
        difference: of the gap, new less old; None where it was not measured.
    """
    unknown = _not_judged(old, new)
    if unknown is not None:
        return "unclear", unknown
    if difference is None:
        if old == new:
            return "unchanged", "too few pictures to compare its gap"
        return "unclear", "the verdict changed, and there are too few pictures to compare the gap"
    if difference.low <= 0 <= difference.high:
        return "unchanged", None if old == new else "the verdict changed, the gap did so only inside the noise"
    if {old, new} == {"flagged", "harmed"}:
        return "unclear", "one release is recognised more often with it, the other less often"
    grown = difference.low > 0
    if old in FOUND and new in FOUND:
        return ("worse" if grown else "better"), None
    if grown == (old in FOUND):
        return "unclear", "the verdict and the gap changed in opposite ways"
    if "open" in (old, new):
        return ("worse" if grown else "better"), "the other release neither showed nor excluded it"
    return ("new" if grown else "fixed"), None


def classify_place(old: Standing | None, new: Standing | None) -> tuple[Change, str | None]:
    """As :func:`classify`, for a place: no gap goes with one, and exchanging it between pictures decides."""
    unknown = _not_judged(old, new)
    if unknown is not None:
        return "unclear", unknown
    if old == new:
        return "unchanged", None
    if {old, new} == {"flagged", "clean"}:
        return ("new" if new == "flagged" else "fixed"), None
    open_in = "old" if old in ("open", "suspect") else "new"
    return "unclear", f"the {open_in} release neither showed nor excluded that the place decides the class"


def _not_judged(old: Standing | None, new: Standing | None) -> str | None:
    """Why nothing can be said to have changed, where one release has no verdict on the class."""
    if old is None or new is None:
        return f"the {'old' if old is None else 'new'} release has no such class"
    if new == "not_analysed":
        return "not analysed in the new release, which does not make it fixed"
    if old == "not_analysed":
        return "not analysed in the old release: it may have been there before"
    return None
