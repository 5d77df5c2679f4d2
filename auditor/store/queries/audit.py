"""Named read-only SQL over an audit, each giving records. Nothing is computed here that was not measured before.

Every function takes the connection of ``auditor.store.open_audit.open_audit_database``. A number that was not measured
comes back as NaN where the record wants a float, and as None where it allows None.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_args

import duckdb

from auditor.calibration_records import CalibrationRow
from auditor.concept_records import (
    Attribute,
    AttributeConcept,
    ConceptFamily,
    CoreConcept,
    Counterexample,
    ExampleConcept,
    FixedPlace,
    UnboundedGap,
    UnnamedLead,
)
from auditor.edit_records import DoseResponse
from auditor.errors import StoreError
from auditor.faithfulness_records import FaithfulnessRow
from auditor.records import (
    MASK_STAGE,
    VERDICTS,
    ClassConcept,
    Failure,
    Finding,
    Severity,
    Subgroup,
    Verdict,
)
from auditor.rules import PRESENT
from auditor.store.run_record import RejudgedFrom, Run
from auditor.wording import quote

Record = TypeVar("Record")
Connection = duckdb.DuckDBPyConnection

_RUN = """
SELECT run_id, created_at, data_path, data_digest, model_spec, model_digest, encoder_spec, encoder_digest,
       vocabulary_digest, config, config_digest, versions, counts, seed, class_names, notices, rules_digest, thresholds,
       rejudged_from
FROM runs
"""

_VERDICTS = """
SELECT class_idx, class_name, verdict, severity, concept_id, concept, concept_kind, sentence, n_images, share, gap,
       gap_low, gap_high, detectable_effect, rule_id, effect, effect_low, effect_high, agreeing_rule_id,
       coalesce(nullif(claim, ''), sentence), coalesce(numbers, ''), coalesce(advice, ''), gap_bound
FROM verdicts
ORDER BY list_position($order, verdict),
         list_position(['high', 'medium', 'low', 'none'], severity),
         -- what is shown of a class first, and so the largest comes first
         abs(if(verdict = 'harmed', effect, coalesce(gap, effect))) DESC NULLS LAST, share DESC NULLS LAST,
         class_name, class_idx
"""

_CLASS_CONCEPTS = """
SELECT class_idx, class_name, concept_id, concept, concept_kind, share, share_low, share_high, share_elsewhere, lift,
       n_images
FROM class_concepts
WHERE ($class_idx IS NULL OR class_idx = $class_idx)
  AND ($limit IS NULL OR concept_id NOT IN (SELECT unnest(members) FROM concept_families))
QUALIFY $limit IS NULL
     OR row_number() OVER (PARTITION BY class_idx ORDER BY share DESC NULLS LAST, concept_id) <= $limit
ORDER BY class_idx, share DESC NULLS LAST, concept_id
"""

_FINDINGS = """
SELECT class_idx, class_name, concept_id, concept, concept_kind, rule_id, effect, low, high, p, q, n_images,
       evidence_image_ids, status, permuted, n_with, called_with, n_without, called_without
FROM findings
WHERE $class_idx IS NULL OR class_idx = $class_idx
ORDER BY class_idx, rule_id, effect DESC NULLS LAST, concept_id
"""

_SUBGROUPS = """
SELECT class_idx, class_name, concept_id, concept, present, n, n_correct
FROM subgroups
WHERE $class_idx IS NULL OR class_idx = $class_idx
ORDER BY class_idx, concept_id, present DESC
"""

_ATTRIBUTES = """
SELECT attribute, state, n_values, n_images, reason FROM attributes ORDER BY attribute
"""

_ATTRIBUTE_CONCEPTS = """
SELECT concept_id, concept, attribute, n_images, n_known, same_as, agreement
FROM attribute_concepts
ORDER BY attribute, concept_id
"""

_EXAMPLE_CONCEPTS = """
SELECT concept_id, concept, concept_kind, state, reason, n_yes, n_no, n_left_out, same_as, n_classes, n_in_audit, auc,
       kappa
FROM example_concepts ORDER BY concept, concept_id
"""

_CONCEPT_FAMILIES = """
SELECT concept_id, concept, concept_kind, members, kappa FROM concept_families ORDER BY concept_id
"""

_CORE_CONCEPTS = """
SELECT class_idx, class_name, concept_id, concept, concept_kind, reason, by_words, by_data, why, who,
       expires, by_gap
FROM core_concepts
WHERE $class_idx IS NULL OR class_idx = $class_idx
ORDER BY class_idx, concept_id
"""

_DOSE_RESPONSES = """
SELECT class_idx, class_name, concept_id, concept, property_name, level, n, n_called, n_others, n_others_called
FROM dose_responses
WHERE $class_idx IS NULL OR class_idx = $class_idx
ORDER BY class_idx, concept_id, level
"""

_UNBOUNDED_GAPS = """
SELECT class_idx, class_name, concept_id, concept, concept_kind, by_others, bound, n_with, n_without, n_missing_with,
       n_missing_without
FROM unbounded_gaps ORDER BY class_idx, bound DESC, concept_id
"""

_COUNTEREXAMPLES = """
SELECT class_idx, class_name, concept_id, concept, concept_kind, state, present, n, n_correct, accuracy, accuracy_low,
       accuracy_high, n_missing, n_others, n_others_called, n_others_missing, image_ids, rule_id
FROM counterexamples
WHERE $class_idx IS NULL OR class_idx = $class_idx
ORDER BY class_idx, list_position(['proven', 'open'], state), concept_id, present DESC
"""

_FIXED_PLACES = """
SELECT class_idx, class_name, concept_id, concept, state, share, share_elsewhere, p, n_images, n_showing, image_ids,
       sentence
FROM fixed_places
WHERE $class_idx IS NULL OR class_idx = $class_idx
ORDER BY class_idx, list_position(['proven', 'open', 'excluded'], state), share DESC, concept_id
"""

_UNNAMED_LEADS = """
SELECT class_idx, class_name, n_first, n_first_correct, n_second, n_second_correct, gap, low, high, first_ids,
       second_ids, sentence
FROM unnamed_leads
WHERE $class_idx IS NULL OR class_idx = $class_idx
ORDER BY class_idx
"""

_FAITHFULNESS = "SELECT kind, method, measure, against, value, low, high, n FROM faithfulness ORDER BY rowid"
_CALIBRATIONS = "SELECT measure, effect, n, n_found, n_suspect, low, high FROM calibrations ORDER BY rowid"

# Of a picture whose mask could not be used a notice tells: it was audited.
_FAILURE_COUNTS = "SELECT stage, count(*) FROM failures WHERE stage <> $mask GROUP BY stage ORDER BY stage"

_FAILURES = """
SELECT image_id, path, stage, reason
FROM failures
WHERE stage <> $mask
QUALIFY $limit IS NULL OR row_number() OVER (ORDER BY path, stage, image_id) <= $limit
ORDER BY path, stage, image_id
"""

# Pictures with the concept: those that show it most first. Without it: wrong ones first, for they decide the matter.
_PICTURES = """
SELECT image_id, path, label_name, predicted_name, confidence, correct, presence, share
FROM (
    SELECT i.image_id, i.path, p.label_name, p.predicted_name, p.confidence, p.correct, c.presence, a.share
    FROM concept_presence c
    JOIN predictions p USING (image_id)
    JOIN images i USING (image_id)
    LEFT JOIN attributions a ON a.image_id = c.image_id AND a.concept_id = c.concept_id AND a.class_idx = $class_idx
    WHERE c.concept_id = $concept_id AND p.label_idx = $class_idx AND (c.presence > $threshold) = $present
)
ORDER BY CASE WHEN $present THEN NULL ELSE correct END NULLS FIRST,
         CASE WHEN $present THEN -presence ELSE presence END, share DESC NULLS LAST, image_id
LIMIT $limit
"""

_ACCURACIES = """
SELECT label_name, count(*), count(*) FILTER (predicted_idx = label_idx)
FROM predictions
WHERE label_idx IS NOT NULL AND predicted_idx IS NOT NULL
GROUP BY label_idx, label_name
ORDER BY count(*) FILTER (predicted_idx = label_idx) / count(*), label_idx
"""

# Rows are found by their ids first: a condition on the ids alone reads the thumbnails of all pictures beside it.
_THUMBNAILS = """
SELECT image_id, thumbnail FROM images
WHERE thumbnail IS NOT NULL AND rowid IN (SELECT rowid FROM images WHERE list_contains($image_ids, image_id))
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a class with respect to one concept; ``share`` is None where its phrases do not hold it.

    Without a model ``predicted_name`` is None and ``confidence`` NaN.
    """

    image_id: str
    path: str
    label_name: str | None
    predicted_name: str | None
    confidence: float
    correct: bool | None
    presence: float
    share: float | None


@dataclass(frozen=True, slots=True)
class ClassAccuracy:
    """Of ``n`` pictures of a class, those that the model calls it."""

    class_name: str
    n: int
    n_correct: int


@dataclass(frozen=True, slots=True)
class VerdictCounts:
    """Number of classes by verdict."""

    flagged: int = 0
    harmed: int = 0
    suspect: int = 0
    not_analysed: int = 0
    not_shown: int = 0
    clean: int = 0

    @property
    def analysed(self) -> int:
        """Classes that were judged."""
        return self.flagged + self.harmed + self.suspect + self.not_shown + self.clean


def records(cursor: duckdb.DuckDBPyConnection, kind: type[Record]) -> list[Record]:
    """Rows as records by position; NULL becomes NaN in a float field, a list a tuple."""
    annotations = [str(field.type) for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass
    floats = [position for position, annotation in enumerate(annotations) if annotation == "float"]
    tuples = [position for position, annotation in enumerate(annotations) if annotation.startswith("tuple")]
    found = []
    for row in cursor.fetchall():
        values: list[Any] = list(row)
        for position in floats:
            if values[position] is None:
                values[position] = math.nan
        for position in tuples:
            values[position] = tuple(values[position])
        found.append(kind(*values))
    return found


def run(connection: Connection) -> Run:
    """How the audit was made."""
    (row,) = connection.execute(_RUN).fetchall()
    values = dict(zip((field.name for field in fields(Run)), row, strict=True))
    for name in ("config", "versions", "counts"):
        values[name] = json.loads(values[name])
    for name in ("class_names", "notices"):
        values[name] = tuple(values[name])
    values["thresholds"] = {name: float(value) for name, value in json.loads(values["thresholds"] or "{}").items()}
    if values["rejudged_from"] is not None:
        texts: dict[str, Any] = {
            name: None if value is None else str(value) for name, value in json.loads(values["rejudged_from"]).items()
        }
        values["rejudged_from"] = RejudgedFrom(**texts)
    return Run(**values)


def verdicts(connection: Connection) -> list[Verdict]:
    """Verdicts, worst first: by verdict, severity, share, name.

    Raises:
        StoreError: a verdict or a severity that no auditor gives; reports take both for harmless words.
    """
    found = records(connection.execute(_VERDICTS, {"order": list(VERDICTS)}), Verdict)
    for verdict in found:
        if verdict.verdict not in VERDICTS or verdict.severity not in get_args(Severity):
            raise StoreError(
                f"the audit gives class {quote(verdict.class_name)} the verdict {quote(verdict.verdict)} of severity "
                f"{quote(verdict.severity)}, which this auditor does not know; make it again"
            )
    return found


def verdict_counts(connection: Connection) -> VerdictCounts:
    """Number of classes by verdict."""
    counts = Counter[str](verdict.verdict for verdict in verdicts(connection))
    return VerdictCounts(**counts)


def class_concepts(
    connection: Connection, class_idx: int | None = None, *, limit: int | None = None
) -> list[ClassConcept]:
    """E1's shares by class, the largest first; ``limit`` keeps that many leading concepts of every class."""
    return records(connection.execute(_CLASS_CONCEPTS, {"class_idx": class_idx, "limit": limit}), ClassConcept)


def findings(connection: Connection, class_idx: int | None = None) -> list[Finding]:
    """Findings by class and rule, the largest effect first."""
    return records(connection.execute(_FINDINGS, {"class_idx": class_idx}), Finding)


def subgroups(connection: Connection, class_idx: int | None = None) -> list[Subgroup]:
    """E4's counts by class and concept, with the concept first."""
    return records(connection.execute(_SUBGROUPS, {"class_idx": class_idx}), Subgroup)


def attributes(connection: Connection) -> list[Attribute]:
    """The manifest's columns, and why those were not examined that were not."""
    return records(connection.execute(_ATTRIBUTES), Attribute)


def attribute_concepts(connection: Connection) -> list[AttributeConcept]:
    """The values of these columns that were examined, and how far the encoder agrees."""
    return records(connection.execute(_ATTRIBUTE_CONCEPTS), AttributeConcept)


def example_concepts(connection: Connection) -> list[ExampleConcept]:
    """What the settings gave by examples, learnt or not; none in an audit of before there was any."""
    return records(connection.execute(_EXAMPLE_CONCEPTS), ExampleConcept)


def concept_families(connection: Connection) -> list[ConceptFamily]:
    """Families of the vocabulary's concepts; none in an audit of before there were any."""
    return records(connection.execute(_CONCEPT_FAMILIES), ConceptFamily)


def family_of(connection: Connection) -> dict[str, str]:
    """Member -> its family, by concept_id."""
    return {member: family.concept_id for family in concept_families(connection) for member in family.members}


def core_concepts(connection: Connection, class_idx: int | None = None) -> list[CoreConcept]:
    """Concepts of context that a class may rest on, by class."""
    return records(connection.execute(_CORE_CONCEPTS, {"class_idx": class_idx}), CoreConcept)


def counterexamples(connection: Connection, class_idx: int | None = None) -> list[Counterexample]:
    """Class x concept with it and without it: by class, proven concepts first, the arm with the concept first."""
    return records(connection.execute(_COUNTEREXAMPLES, {"class_idx": class_idx}), Counterexample)


def fixed_places(connection: Connection, class_idx: int | None = None) -> list[FixedPlace]:
    """Places that classes' evidence lies at: by class, proven ones first."""
    return records(connection.execute(_FIXED_PLACES, {"class_idx": class_idx}), FixedPlace)


def unnamed_leads(connection: Connection, class_idx: int | None = None) -> list[UnnamedLead]:
    """Halves of classes that the model treats differently, by class."""
    return records(connection.execute(_UNNAMED_LEADS, {"class_idx": class_idx}), UnnamedLead)


def dose_responses(connection: Connection, class_idx: int | None = None) -> list[DoseResponse]:
    """What pictures are called at levels of a property, by class, concept and level."""
    return records(connection.execute(_DOSE_RESPONSES, {"class_idx": class_idx}), DoseResponse)


def unbounded_gaps(connection: Connection) -> list[UnboundedGap]:
    """Gaps of classes that are not shown to be clean, and what is missing to exclude each, by class, widest first."""
    return records(connection.execute(_UNBOUNDED_GAPS), UnboundedGap)


def faithfulness(connection: Connection) -> list[FaithfulnessRow]:
    """What was measured of maps, groups and phrases; empty until ``auditor faithfulness`` did."""
    return records(connection.execute(_FAITHFULNESS), FaithfulnessRow)


def calibrations(connection: Connection) -> list[CalibrationRow]:
    """What ``auditor calibrate`` counted, in its order; empty until then."""
    return records(connection.execute(_CALIBRATIONS), CalibrationRow)


def failures(connection: Connection, *, limit: int | None = None) -> list[Failure]:
    """Pictures that could not be used, by path; masks that could not stand in the table and in a notice."""
    return records(connection.execute(_FAILURES, {"limit": limit, "mask": MASK_STAGE}), Failure)


def failure_counts(connection: Connection) -> dict[str, int]:
    """Number of unusable pictures by stage."""
    return dict(connection.execute(_FAILURE_COUNTS, {"mask": MASK_STAGE}).fetchall())


def picture_count(connection: Connection) -> int:
    """Number of pictures that were audited."""
    return int(connection.execute("SELECT count(*) FROM images").fetchall()[0][0])


def pictures(
    connection: Connection,
    class_idx: int,
    concept_id: str,
    *,
    present: bool,
    limit: int,
    threshold: float = PRESENT,
) -> list[Picture]:
    """Pictures labelled as the class, with the concept (clearest first) or without it (wrong ones first).

    Args:
        connection: an open audit.
        class_idx: class of the label.
        concept_id: a concept whose presence the audit kept.
        present: with the concept, or without.
        limit: at most so many.
        threshold: above it the concept counts as present, as in E4's counts.
    """
    parameters = {
        "class_idx": class_idx,
        "concept_id": concept_id,
        "present": present,
        "limit": limit,
        "threshold": threshold,
    }
    return records(connection.execute(_PICTURES, parameters), Picture)


def thumbnails(connection: Connection, image_ids: Sequence[str]) -> dict[str, bytes]:
    """Small JPEGs of the pictures asked for, those that have one; never ask for all at once."""
    return dict(connection.execute(_THUMBNAILS, {"image_ids": list(image_ids)}).fetchall())


def run_facts(connection: Connection) -> tuple[str, str, str, str] | None:
    """Date, model, data and its digest, of an audit of any schema: these columns are as old as the store.

    None without a run.
    """
    row = connection.execute("SELECT created_at, model_spec, data_path, data_digest FROM runs").fetchone()
    if row is None:
        return None
    created_at, model, data, digest = (str(value or "") for value in row)
    return created_at, model, data, digest


def class_accuracies(connection: Connection) -> list[ClassAccuracy]:
    """How many labelled pictures of each class are called it, the worst class first; none without a model."""
    return records(connection.execute(_ACCURACIES), ClassAccuracy)


def database_file(connection: Connection) -> Path | None:
    """The audit's file, also where a migrated copy of it is open; None where the connection is of no audit on disk."""
    return getattr(connection, "audit_file", None)
