"""Named read-only SQL for pages of pictures: which pictures tell a class's story, for many classes in one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditor.records import ByteArray, SaliencyMap
from auditor.rules import LOSSES, PRESENT
from auditor.store.queries.audit import Connection

#: ``with``: of the class, with its leading concept; ``without``: of the class, without it; ``pulled``: of other
#: classes, with it, and called the class. ``words``: of a class without a leading concept.
Side = Literal["with", "without", "pulled", "words"]
#: The surest pictures that the encoder says show a concept, those just above the line, and those just below.
Zone = Literal["surest", "above", "below"]
#: Bytes of a map; models have maps of a few dozen places a side.
_LARGEST_MAP = 1 << 20
#: Maps of one picture: of its predicted class and its label, and of a phrase of each; no real audit has more.
_MOST_MAPS = 16

# Pictures with maps, and those that the findings and counterexamples name. Audits without a model draw no maps and name
# none without the concept: there it is those of the class that show it least.
_TOLD = f"""
WITH asked AS (
    SELECT class_idx, concept_id, coalesce(list_contains($losses, rule_id), false) AS fails_with FROM verdicts
    WHERE list_contains($classes, class_idx)
),
bare AS (
    SELECT a.class_idx, min_by(c.image_id, c.presence::DOUBLE + (hash(c.image_id) % 1000000) * 1e-14, $limit) AS ids
    FROM asked a JOIN concept_presence c USING (concept_id) JOIN predictions p USING (image_id)
    WHERE p.label_idx = a.class_idx AND p.predicted_idx IS NULL AND c.presence <= {PRESENT}
    GROUP BY a.class_idx
),
named AS (
    SELECT class_idx, unnest(ids) AS image_id, false AS mapped FROM bare
    UNION ALL
    SELECT class_idx, image_id, true AS mapped FROM saliency WHERE list_contains($classes, class_idx)
    UNION ALL
    SELECT f.class_idx, unnest(f.evidence_image_ids), false FROM findings f JOIN asked USING (class_idx, concept_id)
    UNION ALL
    SELECT e.class_idx, unnest(e.image_ids), false FROM counterexamples e JOIN asked USING (class_idx, concept_id)
),
pictures AS (SELECT class_idx, image_id, bool_or(mapped) AS mapped FROM named GROUP BY ALL),
told AS (
    SELECT n.class_idx, n.image_id, n.mapped, i.path, p.label_name, p.predicted_name, p.confidence, p.correct,
           p.label_idx, p.predicted_idx, a.concept_id, a.fails_with, c.presence, w.share
    FROM pictures n
    JOIN asked a USING (class_idx)
    JOIN images i USING (image_id)
    JOIN predictions p USING (image_id)
    LEFT JOIN concept_presence c ON c.image_id = n.image_id AND c.concept_id = a.concept_id
    LEFT JOIN attributions w
           ON w.image_id = n.image_id AND w.class_idx = n.class_idx AND w.concept_id = a.concept_id
),
placed AS (
    SELECT *, CASE
        WHEN concept_id IS NULL THEN 'words'
        WHEN label_idx = class_idx AND presence > {PRESENT} THEN 'with'
        WHEN label_idx = class_idx AND presence <= {PRESENT} THEN 'without'
        WHEN label_idx <> class_idx AND predicted_idx = class_idx AND presence > {PRESENT} THEN 'pulled'
    END AS side
    FROM told
),
ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY class_idx, side
        ORDER BY CASE WHEN side = if(fails_with, 'with', 'without') THEN correct END NULLS LAST, mapped DESC,
                 CASE WHEN side = 'without' THEN presence ELSE -coalesce(share, 0) END, -presence, image_id
    ) AS rank
    FROM placed WHERE side IS NOT NULL
)
SELECT class_idx, side, image_id, path, label_name, predicted_name, confidence, correct, presence, share
FROM ranked WHERE rank <= $limit
ORDER BY class_idx, side, rank
"""  # noqa: S608 (a constant)

_GROUPS = """
SELECT s.class_idx, s.group_idx, g.name, s.share, s.n_images, g.n_channels, s.image_ids
FROM class_channel_groups s
JOIN channel_groups g USING (group_idx)
WHERE list_contains($classes, s.class_idx)
QUALIFY row_number() OVER (PARTITION BY s.class_idx ORDER BY s.share DESC, s.group_idx) <= $limit
ORDER BY s.class_idx, s.share DESC, s.group_idx
"""

# A hash breaks ties, for presence saturates: whichever pictures come first in the file would stand for all.
_CALLED = f"""
WITH keyed AS (
    SELECT concept_id, image_id, presence, presence::DOUBLE + (hash(image_id) % 1000000) * 1e-14 AS key
    FROM concept_presence
    WHERE concept_id IN (SELECT unnest($concepts))
),
best AS (
    SELECT concept_id, count(*) FILTER (presence > {PRESENT}) AS n_present, count(*) AS n_known,
           max_by(image_id, key, $limit) FILTER (presence > {PRESENT}) AS surest,
           min_by(image_id, key, $limit) FILTER (presence > {PRESENT}) AS above,
           max_by(image_id, key, $limit) FILTER (presence <= {PRESENT}) AS below
    FROM keyed GROUP BY concept_id
)
SELECT concept_id, n_present, n_known, coalesce(surest, []), coalesce(above, []), coalesce(below, []) FROM best
"""  # noqa: S608 (a constant)

_RESIDUALS = """
SELECT r.class_idx, avg(r.residual)
FROM attribution_residuals r JOIN predictions p USING (image_id)
WHERE p.predicted_idx = r.class_idx
GROUP BY r.class_idx
"""

# Rows are found by their ids first: a condition on the ids alone reads the thumbnails of all pictures beside it.
_THUMBNAILS = """
SELECT image_id, path, thumbnail FROM images
WHERE rowid IN (SELECT rowid FROM images WHERE list_contains($image_ids, image_id))
"""

_IDS = "SELECT image_idx, image_id FROM images WHERE list_contains($rows, image_idx) LIMIT $limit"
_ROW = "SELECT image_idx FROM images WHERE image_id = $image_id LIMIT 1"

_REPAIR_MAPS = """
SELECT image_id, class_idx, height, width, "before", "after", crop
FROM repair_maps
WHERE repair_id = $repair_id AND list_contains($image_ids, image_id)
"""
_MAPS = """
SELECT image_id, class_idx, concept_id, height, width, data, scale, crop FROM saliency
WHERE CASE WHEN $image_ids IS NULL THEN class_idx = $class_idx ELSE list_contains($image_ids, image_id) END
ORDER BY image_id, class_idx, concept_id NULLS FIRST
LIMIT $most
"""


@dataclass(frozen=True, slots=True)
class SidePicture:
    """A picture that tells of a class, on the side of the story that it is on."""

    class_idx: int
    side: Side
    image_id: str
    path: str
    label_name: str | None
    predicted_name: str | None
    confidence: float | None
    correct: bool | None
    presence: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class GroupOfClass:
    """A channel group with its words, and what it carries of a class's evidence."""

    class_idx: int
    group_idx: int
    name: str
    share: float
    n_images: int
    n_channels: int
    image_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CalledPictures:
    """What the audit says shows a concept: how many pictures, and image ids by how sure it is."""

    concept_id: str
    n_present: int
    n_known: int
    surest: tuple[str, ...]
    above: tuple[str, ...]
    below: tuple[str, ...]


def side_pictures(
    connection: Connection, classes: Sequence[int], *, limit: int
) -> defaultdict[tuple[int, Side], list[SidePicture]]:
    """By class and side, at most ``limit`` pictures: on the side that decides mistakes first, then what has a map."""
    found: defaultdict[tuple[int, Side], list[SidePicture]] = defaultdict(list)
    parameters = {"classes": list(classes), "limit": limit, "losses": [rule.rule_id for rule in LOSSES]}
    for row in (SidePicture(*row) for row in connection.execute(_TOLD, parameters).fetchall()):
        found[row.class_idx, row.side].append(row)
    return found


def groups_of_classes(
    connection: Connection, classes: Sequence[int], *, limit: int
) -> defaultdict[int, list[GroupOfClass]]:
    """By class the channel groups that carry most of its evidence."""
    found: defaultdict[int, list[GroupOfClass]] = defaultdict(list)
    parameters = {"classes": list(classes), "limit": limit}
    for row in connection.execute(_GROUPS, parameters).fetchall():
        class_idx, group_idx, name, share, n_images, n_channels, image_ids = row
        found[class_idx].append(GroupOfClass(class_idx, group_idx, name, share, n_images, n_channels, tuple(image_ids)))
    return found


def called_pictures(connection: Connection, concept_ids: Sequence[str], *, limit: int) -> dict[str, CalledPictures]:
    """By concept the pictures that are said to show it, surely and hardly, and those that just fail to."""
    parameters = {"concepts": list(concept_ids), "limit": limit}
    rows = connection.execute(_CALLED, parameters).fetchall()
    return {row[0]: CalledPictures(*row[:3], *map(tuple, row[3:])) for row in rows}


def mean_residuals(connection: Connection) -> dict[int, float]:
    """By class what the phrases leave unexplained in the pictures that are called it, on average."""
    return dict(connection.execute(_RESIDUALS).fetchall())


def thumbnails_and_paths(connection: Connection, image_ids: Sequence[str]) -> dict[str, tuple[str, bytes | None]]:
    """Path and small JPEG (None: none was kept) of the pictures asked for; never ask for all at once."""
    rows = connection.execute(_THUMBNAILS, {"image_ids": list(image_ids)}).fetchall()
    return {image_id: (path, jpeg) for image_id, path, jpeg in rows}


def index_row(connection: Connection, image_id: str) -> int | None:
    """Row of a picture in the index of embeddings; None for an unknown one."""
    row = connection.execute(_ROW, {"image_id": image_id}).fetchone()
    return None if row is None else int(row[0])


def ids_of_index_rows(connection: Connection, rows: Sequence[int]) -> dict[int, str]:
    """Image ids of some rows of the index; rows without a picture are left out."""
    return dict(connection.execute(_IDS, {"rows": list(rows), "limit": len(rows)}).fetchall())


def maps_of_class(connection: Connection, class_idx: int) -> dict[tuple[str, str | None], SaliencyMap]:
    """The stored maps for a class by image id and concept id (None: of the class itself)."""
    return {(found.image_id, found.concept_id): found for found in _maps(connection, class_idx=class_idx)}


def maps_of_pictures(connection: Connection, image_ids: Sequence[str]) -> list[SaliencyMap]:
    """The stored maps of some pictures: by picture and class, that of the class before those of concepts.

    No more of them than any real audit has.
    """
    return _maps(connection, image_ids=list(image_ids), most=_MOST_MAPS * max(len(image_ids), 1))


def maps_of_repair(
    connection: Connection, repair_id: str, image_ids: Sequence[str]
) -> dict[str, tuple[SaliencyMap, SaliencyMap]]:
    """By picture the map of its own class before and after a repair, of those of some that have them."""
    asked = {"repair_id": repair_id, "image_ids": list(image_ids)}
    found = {}
    for image_id, class_idx, height, width, before, after, crop in connection.execute(_REPAIR_MAPS, asked).fetchall():
        pair = [_pixels(data, height, width) for data in (before, after)]
        if pair[0] is not None and pair[1] is not None:
            place = None if crop is None else tuple(crop)
            found[image_id] = (
                SaliencyMap(image_id, class_idx, None, pair[0], 1.0, place),
                SaliencyMap(image_id, class_idx, None, pair[1], 1.0, place),
            )
    return found


def _maps(connection: Connection, **asked: int | list[str]) -> list[SaliencyMap]:
    rows = connection.execute(_MAPS, {"class_idx": None, "image_ids": None, "most": None, **asked}).fetchall()
    return [
        SaliencyMap(image_id, class_idx, concept_id, pixels, scale, None if crop is None else tuple(crop))
        for image_id, class_idx, concept_id, height, width, data, scale, crop in rows
        if (pixels := _pixels(data, height, width)) is not None
    ]


def _pixels(data: bytes, height: int, width: int) -> ByteArray | None:
    """A map's bytes as (H, W); None where they do not fit: an audit may come from anybody."""
    if min(height, width) < 1 or height * width != len(data) or len(data) > _LARGEST_MAP:
        return None
    return np.frombuffer(data, np.uint8).reshape(height, width)
