"""What the policy has to say on the findings of an audit, before the baseline is asked: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TypeVar

from auditor.concept_records import CoreConcept, Counterexample, FixedPlace
from auditor.figures import beyond, percent
from auditor.gate.pair_standing import found_pairs
from auditor.gate.policy import SEVERITIES, Limits, Policy
from auditor.gate.releases import Pair
from auditor.records import CONTEXT_KINDS, ClassConcept, Finding, Verdict, fingerprint
from auditor.rules import GAPS, RECALL_LOSS, SHARE, rule_of, written
from auditor.wording import quote

#: On fewer pictures than this no limit of a share is tried; E1's own screen asks for as many.
LEAST_PICTURES = 10
_GAPS = {rule.rule_id: rule.phrase for rule in GAPS}
_VERDICT, _SHARE = "verdict", "share"

Row = TypeVar("Row", Finding, ClassConcept, Counterexample)


@dataclass(frozen=True, slots=True)
class ReleaseEvidence:
    """What the gate reads of an audit."""

    n_images: int
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...] = ()
    class_concepts: tuple[ClassConcept, ...] = ()
    counterexamples: tuple[Counterexample, ...] = ()
    same_as: Mapping[str, str] = field(default_factory=dict)  # known attribute -> concept of its name, by concept_id
    family_of: Mapping[str, str] = field(default_factory=dict)  # member -> family of concepts, by concept_id
    fixed_places: tuple[FixedPlace, ...] = ()
    core: tuple[CoreConcept, ...] = ()  # what classes may rest on although its kind is context
    data_alone: bool = False  # no model was examined
    by_predictions_alone: bool = False  # no model was run, so that nothing can be flagged


@dataclass(slots=True)
class PolicyHit:
    """A class and a concept that its verdict or a limit points at; with nothing ``broken`` the policy lets it pass.

    ``broken`` says by demand of the policy ("verdict", "share", a rule of the evidence) how it is not met.
    """

    verdict: Verdict
    concept_id: str
    concept: str
    concept_kind: str
    rule_id: str | None = None  # the rule that decided it; None where the audit does not say
    broken: dict[str, str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Key of the class and the concept."""
        return fingerprint(self.verdict.class_name, self.concept_id)


def policy_hits(evidence: ReleaseEvidence, policy: Policy) -> Iterator[tuple[Verdict, list[PolicyHit]]]:
    """Every class with what is to be said on it, nothing where it was not analysed.

    A class stands for its leading concept and, when flagged, for every other concept that is proven on it, so that one
    of them that was accepted hides none of the rest. A limit points at any context concept that breaks it.
    """
    findings, shares = _by_class(evidence.findings), _by_class(evidence.class_concepts)
    counterexamples = _by_class(evidence.counterexamples)
    states = {Pair(row.class_name, row.concept_id): row.state for row in evidence.counterexamples}
    states |= {
        Pair(row.class_name, row.concept_id): row.state for row in evidence.fixed_places if row.state != "excluded"
    }
    found = found_pairs(evidence.verdicts, evidence.findings, states)
    for verdict in evidence.verdicts:
        if verdict.verdict == "not_analysed":
            yield verdict, []
            continue
        reasons = {row.concept_id: row.rule_id for row in counterexamples[verdict.class_idx]}
        reasons |= {verdict.concept_id or "": verdict.rule_id}
        collected = _Collected(verdict, policy, findings[verdict.class_idx], reasons)
        rows: list[Verdict | Finding | Counterexample] = [verdict]
        rows += [*findings[verdict.class_idx], *counterexamples[verdict.class_idx]]
        collected.add_verdict(row for row in rows if (row.class_name, row.concept_id) in found)
        collected.add_gaps()
        collected.add_shares(shares[verdict.class_idx])
        yield verdict, list(collected.by_concept.values())


def without_twins(
    hits: Sequence[PolicyHit], told_by: Mapping[str, str], grown: Collection[str] = ()
) -> list[PolicyHit]:
    """Without what another concept says all of: a known attribute its name's concept, a word its family.

    Args:
        hits: of one class.
        told_by: known attribute -> concept of its name, and member -> family, by concept_id.
        grown: concept_id of those that grew by more than the policy allows.
    """
    by_concept = {one.concept_id: one for one in hits}

    def is_told(one: PolicyHit) -> bool:
        twin = by_concept.get(told_by.get(one.concept_id, ""))
        if twin is None:
            return False
        return one.broken.keys() <= twin.broken.keys() and (one.concept_id not in grown or twin.concept_id in grown)

    return [one for one in hits if not is_told(one)]


def _by_class(rows: Iterable[Row]) -> defaultdict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.class_idx].append(row)
    return found


class _Collected:
    """The policy_hits of one class, each concept once."""

    def __init__(
        self, verdict: Verdict, policy: Policy, findings: Sequence[Finding], reasons: Mapping[str, str | None]
    ) -> None:
        self.verdict = verdict
        self.findings = findings
        self.reasons = reasons
        self.by_concept: dict[str, PolicyHit] = {}
        self._limits = cache(partial(policy.limits, verdict.class_name))

    def _on(self, row: Verdict | Finding | ClassConcept | Counterexample) -> PolicyHit:
        concept_id = row.concept_id or ""
        kind, rule_id = row.concept_kind or "", self.reasons.get(concept_id)
        named = PolicyHit(self.verdict, concept_id, row.concept or concept_id, kind, rule_id)
        return self.by_concept.setdefault(concept_id, named)

    def add_verdict(self, rows: Iterable[Verdict | Finding | Counterexample]) -> None:
        """What the verdict stands for, by rows that name it: the leading concept, and what else is proven."""
        for row in rows:
            one = self._on(row)
            if not one.broken and not one.passed:
                other = None if one.concept_id == self.verdict.concept_id else self._effect_of(one)
                broken, said = by_verdict(self.verdict, self._limits(one.concept_kind), other)
                if broken:
                    one.broken[_VERDICT] = said
                else:
                    one.passed.append(said)

    def _effect_of(self, hit: PolicyHit) -> str:
        """Such as "gap in recall 31 pts [21, 41]", by the rule that decided; by the surest gap where none is recorded.

        "no gap" where the audit kept none.
        """
        known = [one for one in self.findings if one.concept_id == hit.concept_id and one.status == "measured"]
        measured = [one for one in known if one.rule_id == hit.rule_id] or [one for one in known if is_gap(one)]
        if not measured:
            return "no gap"
        surest = max(measured, key=lambda one: (one.low, one.rule_id))
        rule = rule_of(surest.rule_id)
        phrase = "effect" if rule is None else rule.phrase
        return f"{phrase} {written(surest.rule_id, surest.effect, surest.low, surest.high)}"

    def add_gaps(self) -> None:
        """Gaps that lie over their limit with the whole interval."""
        for finding in self.findings:
            if finding.rule_id == RECALL_LOSS.rule_id != self.reasons.get(finding.concept_id):
                continue  # the other side of a reliance, or told beside a verdict that rests on something else
            limit = self._limits(finding.concept_kind).max_gap
            if limit is not None and is_gap(finding) and finding.low > limit:
                measured = beyond(finding.effect, finding.low, finding.high, limit, "max_gap")
                self._broken(finding, finding.rule_id, finding.rule_id, f"{_GAPS[finding.rule_id]} {measured}")

    def add_shares(self, shares: Iterable[ClassConcept]) -> None:
        """Shares of the words, of context concepts, that lie over their limit with the whole interval."""
        for share in shares:
            limit = self._limits(share.concept_kind).max_share
            is_known = share.concept_kind in CONTEXT_KINDS and share.n_images >= LEAST_PICTURES
            if limit is not None and is_known and share.share_low > limit:
                measured = beyond(share.share, share.share_low, share.share_high, limit, "max_share", write=percent)
                self._broken(share, _SHARE, SHARE.rule_id, f"{SHARE.phrase} {measured}")

    def _broken(self, row: Finding | ClassConcept, demand: str, rule_id: str, said: str) -> None:
        """Note a limit that is broken; where nothing else decided, its rule did."""
        one = self._on(row)
        one.broken[demand] = said
        one.rule_id = one.rule_id or rule_id


def is_gap(finding: Finding) -> bool:
    """Whether limits of gaps are held against it."""
    return finding.rule_id in _GAPS and finding.status == "measured"


def by_verdict(verdict: Verdict, limits: Limits, other: str | None = None) -> tuple[bool, str]:
    """Whether the verdict alone stops the release, and how that is said.

    Args:
        verdict: of the class.
        limits: for the class and the kind of the concept.
        other: for a concept that was proven besides the leading one, its gap: the class's severity is not its own.
    """
    proven = None if other is None else f"also proven: {other}"
    if verdict.verdict not in limits.fail_on:
        fails_on = " or ".join(limits.fail_on).replace("_", " ") or "no verdict"
        return False, f"{proven or verdict.verdict.replace('_', ' ')}; the policy fails on {fails_on}"
    if verdict.verdict != "flagged":  # whose severity says nothing
        return True, verdict.verdict.replace("_", " ")
    said = f"flagged, severity {verdict.severity}"
    if verdict.severity in SEVERITIES and SEVERITIES.index(verdict.severity) < SEVERITIES.index(limits.min_severity):
        passes = f"{said}; the policy fails from {quote(limits.min_severity)} on"
        return False, passes if proven is None else f"{proven}; the class is {passes}"
    return True, proven or said
