"""Whether a release passes: audit, policy and baseline brought together; behind `gate` and its pytest helper."""

from __future__ import annotations

import datetime
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.gate.acceptance import ACCEPTED_DAYS, check_acceptance, entry_for, git_user, today_utc
from auditor.gate.baseline import DEFAULT_REASON, Entry, load_baseline, update_baseline
from auditor.gate.decide import decide
from auditor.gate.decision import GateDecision
from auditor.gate.decision_words import audited
from auditor.gate.policy import Policy, load_policy
from auditor.gate.policy_hits import ReleaseEvidence
from auditor.gate.releases import Pair, ReleaseDiff
from auditor.records import AnyPath
from auditor.release.evidence import read_evidence
from auditor.release.failed_text import failed_text
from auditor.release.growth import compare_with, growth, in_short, unmeasured
from auditor.store.manifest import check_whole
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from auditor.wording import quote_list

logger = logging.getLogger(__name__)

#: States that an entry of the baseline can mend.
_ACCEPTABLE = ("new", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCheck:
    """Everything that the gate read of a release; only the baseline is still open."""

    evidence: ReleaseEvidence
    policy: Policy
    today: datetime.date
    strict: bool = False
    diff: ReleaseDiff | None = None
    known_core: frozenset[Pair] | None = None
    policy_path: str | None = None

    def decide(self, baseline: AnyPath | None = None) -> GateDecision:
        """Hold it against ``baseline.toml``; None where nothing was accepted.

        Raises:
            InputError: the baseline has a mistake in it.
        """
        return decide(
            self.evidence,
            self.policy,
            load_baseline(None if baseline is None else Path(baseline)),
            today=self.today,
            strict=self.strict,
            growth=None if self.diff is None else growth(self.diff),
            unmeasured=None if self.diff is None else unmeasured(self.diff),
            against=self._against(),
            known_core=self.known_core,
            policy_path=self.policy_path,
            baseline_path=None if baseline is None else os.fspath(baseline),
        )

    def _against(self) -> str | None:
        if self.diff is not None:
            return in_short(self.diff)
        return "max_growth not tried: no release to compare with" if self.policy.limits_growth else None


def check_release(
    audit_dir: AnyPath,
    *,
    policy: AnyPath | None = None,
    baseline: AnyPath | None = None,
    against: AnyPath | None = None,
    allow_different_data: bool = False,
    strict: bool = False,
    expected_digest: str | None = None,
    today: datetime.date | None = None,
) -> GateDecision:
    """Decide whether the release that was audited in ``audit_dir`` passes.

    Args:
        audit_dir: Folder of a finished audit.
        policy: ``policy.toml``; None for the default policy.
        baseline: ``baseline.toml``; None where nothing was accepted.
        against: Folder of the audit of the release before, for the policy's ``max_growth``.
        allow_different_data: Compare with it even if data or encoder are others; the summary says so.
        strict: Whether a stale entry of the baseline fails.
        expected_digest: Digest of the audit that the job which made it printed; any other audit is refused.
        today: The day that entries of the baseline are held against; today's (UTC) unless given.

    Raises:
        AuditorError: with one line: no finished audit there, or one that is damaged, not the expected one, or cannot be
            read; a policy or baseline with a mistake in it; two audits that cannot be compared.
    """
    check_whole(Path(audit_dir), expected_digest=expected_digest)
    with open_audit_database(Path(audit_dir)) as connection:
        release = read_release(
            connection,
            policy=policy,
            against=against,
            allow_different_data=allow_different_data,
            strict=strict,
            today=today,
        )
    return release.decide(baseline)


def assert_no_shortcuts(audit_dir: AnyPath, policy: AnyPath | None = None, baseline: AnyPath | None = None) -> None:
    """Fail a test where the gate would not pass; the message is the report of what failed.

    Args:
        audit_dir: Folder of a finished audit.
        policy: ``policy.toml``; None for the default policy.
        baseline: ``baseline.toml``; None where nothing was accepted.

    Raises:
        AssertionError: the release does not pass.
        AuditorError: as for :func:`check_release`.
    """
    check_whole(Path(audit_dir))
    with open_audit_database(Path(audit_dir)) as connection:
        decision = read_release(connection, policy=policy).decide(baseline)
        if decision.exit_code:
            run = queries.run(connection)
            audit = audited(run.created_at, run.data_digest)
            raise AssertionError(failed_text(decision, queries.verdicts(connection), audit))


def read_release(
    connection: queries.Connection,
    *,
    policy: AnyPath | None = None,
    against: AnyPath | None = None,
    allow_different_data: bool = False,
    strict: bool = False,
    today: datetime.date | None = None,
) -> ReleaseCheck:
    """Read an open audit, the policy, and the audit of the release before; arguments as of :func:`check_release`."""
    if allow_different_data and against is None:
        raise InputError("--allow-different-data says how to compare with another release; add --against DIR")
    stops = load_policy(None if policy is None else Path(policy))
    evidence = read_evidence(connection, stops)
    idle = stops.idle_patterns(verdict.class_name for verdict in evidence.verdicts)
    if idle:
        logger.warning("the policy names classes that the audit does not have: %s", quote_list(idle))
    if against is None and stops.limits_growth:
        logger.warning("the policy limits growth, but no release is given to compare with: add --against DIR")
    if evidence.by_predictions_alone and not stops.fails_on_suspects:
        logger.warning(
            "no model was run for this audit and no features were given, so a class is suspect at most, and passes: to "
            'fail on those, say fail_on = ["flagged", "suspect"] in the policy'
        )
    diff, known_core = None, None
    if against is not None:
        check_whole(Path(against))
        with open_audit_database(Path(against)) as before:
            diff = compare_with(Path(against), before, connection, allow_different_data)
            known_core = _core_of(before)
    return ReleaseCheck(
        evidence=evidence,
        policy=stops,
        today=today or today_utc(),
        strict=strict,
        diff=diff,
        known_core=known_core,
        policy_path=None if policy is None else os.fspath(policy),
    )


def _core_of(connection: queries.Connection) -> frozenset[Pair]:
    """What the settings of an open audit allowed its classes to rest on."""
    rows = queries.core_concepts(connection)
    return frozenset(Pair(row.class_name, row.concept_id) for row in rows if row.reason == "settings")


def accept_findings(
    decision: GateDecision,
    baseline: AnyPath,
    *,
    reason: str = DEFAULT_REASON,
    who: str | None = None,
    expires: datetime.date | None = None,
    today: datetime.date | None = None,
) -> list[Entry]:
    """Write what is new or expired into the baseline, made if missing; comments and other entries stay.

    Args:
        decision: What the gate found.
        baseline: The file.
        reason: Why; an entry that is renewed keeps its own unless one is given.
        who: Who accepts; git's user unless given.
        expires: Last day; 90 days from today unless given.
        today: Today (UTC) unless given.

    Returns:
        The entries for what was new or expired, none where nothing was.

    Raises:
        InputError: the file cannot be written or understood, the reason is blank, or the day is past.
    """
    today = today or today_utc()
    expires = expires or today + datetime.timedelta(days=ACCEPTED_DAYS)
    check_acceptance(reason, expires, today)
    path, found = Path(baseline), [item for item in decision.items if item.state in _ACCEPTABLE]
    accepted_by = (who or "").strip() or git_user(path.parent)
    entries = [entry_for(item, reason=reason, who=accepted_by, expires=expires) for item in found]
    update_baseline(path, entries, today=today)
    return entries
