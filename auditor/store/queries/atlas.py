"""Named read-only SQL: where pictures lie on a plane of the atlas, and what they are coloured by there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditor.records import AtlasSpace, BoolArray, FloatArray, IntArray
from auditor.rules import PRESENT
from auditor.store.queries.audit import Connection

_POINTS = """
SELECT image_id, x, y, coalesce(label_idx, -1) AS label_idx, coalesce(predicted_idx, -1) AS predicted_idx,
       coalesce(correct::TINYINT, -1) AS correct
FROM atlas JOIN predictions USING (image_id)
WHERE space = $space
ORDER BY correct, confidence DESC NULLS LAST, hash(image_id)
"""
_SPACES = "SELECT DISTINCT space FROM atlas"
_SHOWN = f"""
SELECT image_id, presence > {PRESENT} FROM concept_presence WHERE concept_id = $concept_id AND presence IS NOT NULL
"""  # noqa: S608 (a constant)
_CONCEPTS = """
SELECT concept_id, any_value(concept) FROM findings
GROUP BY concept_id
ORDER BY (SELECT count(*) FROM verdicts v WHERE v.concept_id = findings.concept_id) DESC, concept_id
"""


@dataclass(frozen=True, slots=True, eq=False)
class AtlasPoints:
    """The N pictures of a plane: mistakes first, the surest first, as a list of them is shown."""

    image_ids: tuple[str, ...]
    places: FloatArray  # (N, 2), x to the right and y upwards, within -1 and 1
    label_idx: IntArray  # (N,), -1 for none
    predicted_idx: IntArray  # (N,), -1 for none
    correct: IntArray  # (N,) 1, 0, or -1 where it is not known


def atlas_spaces(connection: Connection) -> set[AtlasSpace]:
    """The planes that the audit holds: none in audits of before schema 19."""
    return {space for (space,) in connection.execute(_SPACES).fetchall()}


def atlas_points(connection: Connection, space: AtlasSpace) -> AtlasPoints:
    """All pictures of a plane."""
    found = connection.execute(_POINTS, {"space": space}).fetchnumpy()
    return AtlasPoints(
        image_ids=tuple(found["image_id"]),
        places=np.stack([found["x"], found["y"]], axis=1).astype(np.float32),
        label_idx=np.asarray(found["label_idx"], np.int64),
        predicted_idx=np.asarray(found["predicted_idx"], np.int64),
        correct=np.asarray(found["correct"], np.int64),
    )


def showing(connection: Connection, concept_id: str, image_ids: tuple[str, ...]) -> tuple[BoolArray, BoolArray]:
    """Which pictures (N,) show a concept, and of which that is known."""
    shown = dict(connection.execute(_SHOWN, {"concept_id": concept_id}).fetchall())
    codes = np.fromiter((shown.get(one, 2) for one in image_ids), np.int64, len(image_ids))
    return codes == 1, codes < 2


def atlas_concepts(connection: Connection) -> dict[str, str]:
    """The concepts that it is kept of in which pictures they are, by id; those that lead a class first."""
    return dict(connection.execute(_CONCEPTS).fetchall())
