"""What the gate says of the open audit now; what it asks of the audit's tables is read once, for all who look."""

from __future__ import annotations

import streamlit as st

from auditor.gate.acceptance import today_utc
from auditor.gate.policy import Policy
from auditor.gate.policy_hits import ReleaseEvidence
from auditor.release.evidence import read_evidence
from auditor.store.queries.audit import Connection
from reports.dashboard.audits import Identity, identity_of
from reports.dashboard.review_items import Review, read_review
from reports.dashboard.session import Session


def review_of(session: Session) -> Review:
    """Decide as ``auditor gate`` would with the policy and the baseline that are there now.

    Raises:
        AuditorError: as :func:`~reports.dashboard.review_items.read_review`.
    """
    folder = session.audit_dir

    def asked(policy: Policy) -> ReleaseEvidence:
        return _evidence(str(folder), identity_of(folder), policy.limits_shares, policy, session.connection)

    return read_review(session.connection, session.baseline_path, today_utc(), evidence=asked)


@st.cache_resource(show_spinner=False, max_entries=4)
def _evidence(
    folder: str, identity: Identity | None, limits_shares: bool, _policy: Policy, _connection: Connection
) -> ReleaseEvidence:
    """All that is read depends on is the audit, and whether shares of the words are asked for."""
    return read_evidence(_connection, _policy)
