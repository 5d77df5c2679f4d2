"""What stands behind a verdict: the rule that decided, a picture to look at, and the counts."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.store.queries.audit import Connection

# The gap of a verdict is the effect of the finding that it was taken from; without one an intervention that stands
# alone (only then E5 has a q), the words or the data led.
_LEADS = """
SELECT v.class_idx, f.rule_id, i.path, present.n, absent.n, without.n_missing, with_it.n_others_missing,
       EXISTS (SELECT 1 FROM runs WHERE model_spec = 'none')
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
    PARTITION BY v.class_idx
    ORDER BY starts_with(f.rule_id, 'E4') AND f.effect = v.gap DESC NULLS LAST,
             f.rule_id = 'E5' AND f.q IS NOT NULL DESC, f.rule_id, i.path
) = 1
"""

# A gap that lies over the 5 points that are tolerated, the surest first; else the screen that let the pair through.
_RULES = """
SELECT fingerprint, rule_id
FROM findings
WHERE regexp_matches(rule_id, '^E[1245]')
QUALIFY row_number() OVER (
    PARTITION BY fingerprint
    ORDER BY CASE WHEN regexp_matches(rule_id, '^E[45]') AND status = 'measured' AND low > 0.05 THEN low END
             DESC NULLS LAST, rule_id
) = 1
"""


@dataclass(frozen=True, slots=True)
class Lead:
    """The finding that a verdict rests on; None where the audit has none, or never counted."""

    class_idx: int
    rule_id: str | None
    picture: str | None  # path of the first picture of the evidence
    n_present: int | None  # pictures of the class with the leading concept
    n_absent: int | None
    n_missing: int | None = None  # of the class without it, to show or to exclude a reliance
    n_others_missing: int | None = None  # of the other classes with it
    data_alone: bool = False  # no model was examined


def leads(connection: Connection) -> dict[int, Lead]:
    """By class, for every class that is not clean."""
    return {row[0]: Lead(*row) for row in connection.execute(_LEADS).fetchall()}


def deciding_rules(connection: Connection) -> dict[str, str]:
    """The rule that says most of a class and a concept, by fingerprint: "E4-recall" before "E1"."""
    return dict(connection.execute(_RULES).fetchall())
