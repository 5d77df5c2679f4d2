"""What the gate asks of an audit: rows as they are, nothing computed."""

from __future__ import annotations

import math

import duckdb

from auditor.errors import StoreError
from auditor.gate.policy import Policy
from auditor.gate.policy_hits import ReleaseEvidence, is_gap
from auditor.store.queries import audit as queries
from auditor.wording import quote, quote_list


def read_evidence(connection: queries.Connection, policy: Policy) -> ReleaseEvidence:
    """Read an open audit for the gate; shares of the words only where the policy limits them.

    Raises:
        StoreError: tables that are not an audit's; the file may come from anybody.
    """
    try:
        run = queries.run(connection)
        if policy.limits_shares and run.by_predictions_alone:
            raise StoreError(
                "the policy limits shares of the words (max_share), and an audit of predictions alone has none, so "
                "that every class would pass: audit with --features or --model, or take the limit out"
            )
        evidence = ReleaseEvidence(
            n_images=queries.picture_count(connection),
            verdicts=tuple(queries.verdicts(connection)),
            findings=tuple(queries.findings(connection)),
            class_concepts=tuple(queries.class_concepts(connection)) if policy.limits_shares else (),
            counterexamples=tuple(queries.counterexamples(connection)),
            same_as={row.concept_id: row.same_as for row in queries.attribute_concepts(connection) if row.same_as},
            family_of={
                member: one.concept_id for one in queries.concept_families(connection) for member in one.members
            },
            core=tuple(queries.core_concepts(connection)),
            fixed_places=tuple(queries.fixed_places(connection)),
            data_alone=run.model_spec == "none",
            by_predictions_alone=run.by_predictions_alone,
        )
    except (duckdb.Error, TypeError, ValueError) as error:
        raise StoreError(f"the audit's tables cannot be read ({str(error).splitlines()[0]}); make it again") from error
    judged = {(verdict.class_idx, verdict.class_name) for verdict in evidence.verdicts}
    missing = [name for idx, name in enumerate(run.class_names) if (idx, name) not in judged]
    if missing and evidence.verdicts:  # without any the audit is empty, which the gate says itself
        raise StoreError(f"the audit has no verdict on the classes {quote_list(missing)}; make it again")
    _refuse_no_numbers(evidence)
    return evidence


def _refuse_no_numbers(evidence: ReleaseEvidence) -> None:
    """No limit is broken by what is no number, so that it would pass."""
    lows = [(one.class_name, one.concept, one.low) for one in evidence.findings if is_gap(one)]
    lows += [(one.class_name, one.concept, one.share_low) for one in evidence.class_concepts]
    for class_name, concept, low in lows:
        if math.isnan(low):
            raise StoreError(
                f"the audit gives class {quote(class_name)} and concept {quote(concept)} a gap or a share that is no "
                "number; make it again"
            )
