"""What the policy has to say on the findings of an audit, before the baseline is asked: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TypeVar

from auditor.context_records import Counterexample
from auditor.gate.policy import SEVERITIES, Limits, Policy
from auditor.gate.releases import Pair
from auditor.gate.standings import found_pairs
from auditor.records import CONTEXT_KINDS, ClassConcept, Finding, Verdict, fingerprint
from auditor.wording import quote

#: On fewer pictures than this no limit of a share is tried; E1's own screen asks for as many.
LEAST_PICTURES = 10
_GAPS = {"E4-recall": "gap in recall", "E4-pull": "pull on other classes"}

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


@dataclass(slots=True)
class Concern:
    """A class and a concept that its verdict or a limit points at; with nothing ``broken`` the policy lets it pass."""

    verdict: Verdict
    concept_id: str
    concept: str
    concept_kind: str
    broken: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Key of the class and the concept."""
        return fingerprint(self.verdict.class_name, self.concept_id)


def concerns(evidence: ReleaseEvidence, policy: Policy) -> Iterator[tuple[Verdict, list[Concern]]]:
    """Every class with what is to be said on it, nothing where it was not analysed.

    A class stands for its leading concept and, when flagged, for every other concept that is proven on it, so that one
    of them that was accepted hides none of the rest. A limit points at any context concept that breaks it.
    """
    findings, shares = _by_class(evidence.findings), _by_class(evidence.class_concepts)
    counterexamples = _by_class(evidence.counterexamples)
    states = {Pair(row.class_name, row.concept_id): row.state for row in evidence.counterexamples}
    found = found_pairs(evidence.verdicts, evidence.findings, states)
    for verdict in evidence.verdicts:
        if verdict.verdict == "not_analysed":
            yield verdict, []
            continue
        collected = _Collected(verdict, policy)
        rows: list[Verdict | Finding | Counterexample] = [verdict]
        rows += [*findings[verdict.class_idx], *counterexamples[verdict.class_idx]]
        collected.add_verdict(row for row in rows if (row.class_name, row.concept_id) in found)
        collected.add_gaps(findings[verdict.class_idx])
        collected.add_shares(shares[verdict.class_idx])
        yield verdict, collected.told_once(evidence.same_as)


def _by_class(rows: Iterable[Row]) -> defaultdict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.class_idx].append(row)
    return found


class _Collected:
    """The concerns of one class, each concept once."""

    def __init__(self, verdict: Verdict, policy: Policy) -> None:
        self.verdict = verdict
        self.by_concept: dict[str, Concern] = {}
        self._limits = cache(partial(policy.limits, verdict.class_name))

    def told_once(self, same_as: Mapping[str, str]) -> list[Concern]:
        """Without known attributes where the concept of their name is said no better: they are the same thing."""
        told = []
        for one in self.by_concept.values():
            named = self.by_concept.get(same_as.get(one.concept_id, ""))
            if named is None or (one.broken and not named.broken):
                told.append(one)
        return told

    def _on(self, row: Verdict | Finding | ClassConcept | Counterexample) -> Concern:
        concept_id = row.concept_id or ""
        named = Concern(self.verdict, concept_id, row.concept or concept_id, row.concept_kind or "")
        return self.by_concept.setdefault(concept_id, named)

    def add_verdict(self, rows: Iterable[Verdict | Finding | Counterexample]) -> None:
        """What the verdict stands for, by rows that name it: the leading concept, and what else is proven."""
        for row in rows:
            one = self._on(row)
            if not one.broken and not one.passed:
                broken, said = _by_verdict(self.verdict, self._limits(one.concept_kind))
                (one.broken if broken else one.passed).append(said)

    def add_gaps(self, findings: Iterable[Finding]) -> None:
        """Gaps that lie over their limit with the whole interval."""
        for finding in findings:
            limit = self._limits(finding.concept_kind).max_gap
            if limit is not None and finding.status == "measured" and finding.rule_id in _GAPS and finding.low > limit:
                measured = interval(finding.effect, finding.low, finding.high)
                self._on(finding).broken.append(f"{_GAPS[finding.rule_id]} {measured}, max_gap {points(limit)}")

    def add_shares(self, shares: Iterable[ClassConcept]) -> None:
        """Shares of the words, of context concepts, that lie over their limit with the whole interval."""
        for share in shares:
            limit = self._limits(share.concept_kind).max_share
            is_known = share.concept_kind in CONTEXT_KINDS and share.n_images >= LEAST_PICTURES
            if limit is not None and is_known and share.share_low > limit:
                measured = interval(share.share, share.share_low, share.share_high, unit="%")
                self._on(share).broken.append(f"share of the words {measured}, max_share {points(limit, unit='%')}")


def _by_verdict(verdict: Verdict, limits: Limits) -> tuple[bool, str]:
    """Whether the verdict alone stops the release, and how that is said."""
    if verdict.verdict not in limits.fail_on:
        fails_on = " or ".join(limits.fail_on) or "no verdict"
        return False, f"{verdict.verdict}; the policy fails on {fails_on}"
    if verdict.verdict == "suspect":  # whose severity says nothing
        return True, "suspect"
    said = f"flagged, severity {verdict.severity}"
    if verdict.severity in SEVERITIES and SEVERITIES.index(verdict.severity) < SEVERITIES.index(limits.min_severity):
        return False, f"{said}; the policy fails from {quote(limits.min_severity)} on"
    return True, said


def points(value: float, *, unit: str = "points") -> str:
    """A fraction as points (or per cent): "20 points", "2.5 points"."""
    return f"{value * 100:.1f}".removesuffix(".0") + f" {unit}"


def interval(value: float, low: float, high: float, *, unit: str = "points") -> str:
    """A fraction with its interval: "65 points [58, 71]"."""
    low_end, high_end = (points(end, unit="").rstrip() for end in (low, high))
    return f"{points(value, unit=unit)} [{low_end}, {high_end}]"
