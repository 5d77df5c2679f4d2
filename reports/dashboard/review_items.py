"""What there is to review in an audit: what the gate makes of each finding, and its entry in the baseline; pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.gate.acceptance import check_acceptance, entry_for
from auditor.gate.baseline import Baseline, Entry, EntryState, parse_baseline
from auditor.gate.baseline_review import Proposal
from auditor.gate.decide import decide
from auditor.gate.decision import CORE_STATES, GateDecision, GateItem
from auditor.gate.decision_words import worst_first
from auditor.gate.policy import Policy, load_policy
from auditor.gate.policy_hits import ReleaseEvidence
from auditor.gate.shared_file import read_if_there
from auditor.records import Verdict
from auditor.release.evidence import read_evidence
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection

_COMMAND = ", or accept it with --update-baseline"
#: As `auditor gate` takes it where none is given.
POLICY = Path("policy.toml")


@dataclass(frozen=True, slots=True)
class ToReview:
    """One finding, with what the audit says of its class and what the baseline says of it."""

    item: GateItem
    verdict: Verdict | None  # None for a class that this audit does not have
    entry: Entry | None

    @property
    def is_false_alarm(self) -> bool:
        """Whether it passes because somebody said that it is not so."""
        return self.item.state == "accepted" and self.entry is not None and self.entry.state == "false alarm"


@dataclass(frozen=True, slots=True)
class Review:
    """The gate's decision on an open audit, and what of it a person can judge."""

    decision: GateDecision
    findings: tuple[ToReview, ...]  # worst first
    seen: str | None  # the baseline's text, None where there is no file
    evidence: ReleaseEvidence
    policy: Policy
    baseline: Baseline

    @property
    def unjudged(self) -> tuple[GateItem, ...]:
        """Classes that were not analysed and fail, and what the settings allow: no entry of the baseline mends that."""
        return tuple(
            item
            for item in self.decision.items
            if item.state in CORE_STATES or (item.fingerprint is None and item.level == "error")
        )

    def decision_with(self, proposal: Proposal, today: datetime.date) -> GateDecision:
        """What the gate would say once a proposal is written."""
        gone = {*proposal.withdrawn, *(entry.fingerprint for entry in proposal.entries)}
        kept = [entry for entry in self.baseline.accepted if entry.fingerprint not in gone]
        return decide(self.evidence, self.policy, Baseline(accepted=(*kept, *proposal.entries)), today=today)

    def finding(self, class_name: str | None, concept: str | None) -> ToReview | None:
        """The one that a URL names by class, and by id of the concept or, for a stale entry, its word."""
        of_class = [one for one in self.findings if one.item.class_name == class_name]
        if concept is None:  # somebody came along with a class
            return of_class[0] if of_class else None
        return next((one for one in of_class if named(one.item) == concept), None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why findings may pass, who says so, and until when."""

    reason: str
    who: str
    expires: datetime.date


def found_of(item: GateItem) -> str:
    """What the gate found, without what it advises those who read it on a command line: here there are buttons."""
    return item.reason.removesuffix(_COMMAND)


def named(item: GateItem) -> str:
    """How a URL names the concept of an item."""
    return item.concept_id or item.concept or ""


def read_review(
    connection: Connection,
    baseline_path: Path,
    today: datetime.date,
    *,
    policy_path: Path = POLICY,
    evidence: Callable[[Policy], ReleaseEvidence] | None = None,
) -> Review:
    """Decide as ``auditor gate`` would with the files that are there now.

    ``evidence`` gives what the gate asks of the audit; without it that is read from the connection.

    Raises:
        AuditorError: a policy or a baseline with a mistake in it, or tables that are not an audit's.
    """
    policy_path_there = policy_path if policy_path.is_file() else None
    policy = load_policy(policy_path_there)
    seen = read_if_there(baseline_path, what="baseline")
    baseline = Baseline() if seen is None else parse_baseline(seen, baseline_path)
    asked = read_evidence(connection, policy) if evidence is None else evidence(policy)
    decision = decide(
        asked,
        policy,
        baseline,
        today=today,
        policy_path=None if policy_path_there is None else str(policy_path_there),
        baseline_path=None if seen is None else str(baseline_path),
    )
    verdicts = {verdict.class_name: verdict for verdict in queries.verdicts(connection)}
    entries = {entry.fingerprint: entry for entry in baseline.accepted}
    findings = tuple(
        ToReview(item, verdicts.get(item.class_name), entries.get(item.fingerprint))
        for item in worst_first(decision)
        if item.fingerprint is not None and item.state not in CORE_STATES
    )
    return Review(decision, findings, seen, asked, policy, baseline)


def proposal_for(
    judged: Sequence[tuple[ToReview, EntryState]],
    review: Review,
    baseline_path: Path,
    said: Judgement,
    *,
    today: datetime.date,
) -> Proposal:
    """The change of the baseline that lets findings pass, all for one reason.

    Args:
        judged: each with what it is taken for.
        review: that they are of.
        baseline_path: of the file that is to change.
        said: why, by whom and until when.
        today: before it no acceptance may end.

    Raises:
        InputError: the reason is blank, or the day is past.
    """
    check_acceptance(said.reason, said.expires, today)
    reason, who = said.reason.strip(), said.who.strip() or "unknown"
    entries = [entry_for(one.item, reason=reason, who=who, expires=said.expires, state=state) for one, state in judged]
    return Proposal(baseline_path, review.seen, tuple(entries))


def withdrawal_of(finding: ToReview, review: Review, baseline_path: Path) -> Proposal:
    """The change of the baseline that takes a finding's entry out again."""
    return Proposal(baseline_path, review.seen, withdrawn=(str(finding.item.fingerprint),))
