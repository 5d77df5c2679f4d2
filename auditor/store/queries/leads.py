"""What stands behind a verdict: a picture of the finding that decided, and the counts."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.store.queries.audit import Connection

# Pictures of the finding that decided; in audits that do not record it, of the first.
_LEADS = """
SELECT v.class_idx, i.path, present.n, absent.n, without.n_missing, with_it.n_others_missing,
       EXISTS (SELECT 1 FROM runs WHERE model_spec = 'none'),
       EXISTS (SELECT 1 FROM runs WHERE model_spec = 'predictions'),
       EXISTS (SELECT 1 FROM runs WHERE model_spec = 'predictions') AND NOT EXISTS (SELECT 1 FROM channels)
FROM verdicts v
LEFT JOIN findings f ON f.class_idx = v.class_idx AND f.concept_id = v.concept_id
LEFT JOIN images i ON i.image_id = f.evidence_image_ids[1]
LEFT JOIN subgroups present
       ON present.class_idx = v.class_idx AND present.concept_id = v.concept_id AND present.present
LEFT JOIN subgroups absent
       ON absent.class_idx = v.class_idx AND absent.concept_id = v.concept_id AND NOT absent.present
LEFT JOIN counterexamples without
       ON without.class_idx = v.class_idx AND without.concept_id = v.concept_id AND NOT without.present
LEFT JOIN counterexamples with_it
       ON with_it.class_idx = v.class_idx AND with_it.concept_id = v.concept_id AND with_it.present
WHERE v.verdict <> 'clean'
QUALIFY row_number() OVER (
    PARTITION BY v.class_idx ORDER BY f.rule_id = v.rule_id DESC NULLS LAST, f.rule_id, i.path
) = 1
"""


@dataclass(frozen=True, slots=True)
class Lead:
    """What stands behind the finding that decided a verdict; None where the audit has none, or never counted."""

    class_idx: int
    picture: str | None  # path of the first picture of the evidence
    n_present: int | None  # pictures of the class with the leading concept
    n_absent: int | None
    n_missing: int | None = None  # of the class without it, to show or to exclude a reliance
    n_others_missing: int | None = None  # of the other classes with it
    data_alone: bool = False  # no model was examined
    not_run: bool = False  # a file says what a model called the pictures
    no_head: bool = False  # and the inputs of its head are not known either


def leads(connection: Connection) -> dict[int, Lead]:
    """By class, for every class that is not clean."""
    return {row[0]: Lead(*row) for row in connection.execute(_LEADS).fetchall()}
