"""Named read-only SQL: repairs that were tried of the audited model, or that made it."""

from __future__ import annotations

from auditor.repair_records import ChangedPicture, KeptRepair, RepairFigure
from auditor.store.queries.audit import Connection, records

_REPAIRS = """
SELECT repair_id, created_at, auditor_version, model_digest, repaired_digest, weights_sha256, weights, class_names,
       concept_ids, concepts, methods, method, penalty, n_images, forced, objections, notices
FROM repairs
ORDER BY created_at DESC, repair_id
"""
_FIGURES = """
SELECT name, n, "before", "after", low, high, class_name, concept, present
FROM repair_figures
WHERE repair_id = $repair_id
ORDER BY position
"""
_CHANGED = """
SELECT image_id, class_name, called_before, called_after, confidence_before, confidence_after, shows, lacks
FROM repair_pictures
WHERE repair_id = $repair_id AND class_name = $class_name
  AND list_contains(CASE WHEN $present THEN shows ELSE lacks END, $concept)
ORDER BY (called_before != class_name) DESC, image_id
"""


def repairs(connection: Connection) -> list[KeptRepair]:
    """Those that were kept, the newest first; none in audits of before schema 20."""
    return records(connection.execute(_REPAIRS), KeptRepair)


def repair_figures(connection: Connection, repair_id: str) -> list[RepairFigure]:
    """What a repair did, in the order of its card."""
    return records(connection.execute(_FIGURES, {"repair_id": repair_id}), RepairFigure)


def changed_pictures(
    connection: Connection, repair_id: str, class_name: str, concept: str, *, present: bool
) -> list[ChangedPicture]:
    """Pictures of a class with, or without, a concept that are called something else after a repair.

    Mended ones come first; among them, and among the others, the order is that of their ids, which are digests.
    """
    asked = {"repair_id": repair_id, "class_name": class_name, "concept": concept, "present": present}
    return records(connection.execute(_CHANGED, asked), ChangedPicture)
