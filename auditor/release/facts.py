"""What a diff reads of an audit: named SQL over its tables, nothing computed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import duckdb
import numpy as np

from auditor.concept_records import CoreConcept
from auditor.errors import StoreError
from auditor.gate.core_items import without_core_twins
from auditor.gate.pair_standing import RULES, found_pairs
from auditor.gate.releases import Pair, PresenceArray, Release, ReleaseFacts, ReleaseGroups, ReleasePictures
from auditor.inputs.joined_codes import joined
from auditor.place_grid import ALL_PLACES, place_of
from auditor.records import Finding, IntArray
from auditor.repair_records import RepairFigure
from auditor.rules import PRESENT
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.repairs import repair_figures, repairs
from auditor.store.run_record import Run

#: Settings that say where things lay or how fast, not what is found; data, model and encoder are compared by digest,
#: what is core by the table of it.
_NO_SETTINGS = {
    "batch_size",
    "cache",
    "class_map",
    "concepts",
    "core",
    "data",
    "data_root",
    "device",
    "encoder",
    "engine",
    "jobs",
    "label_column",
    "model",
    "out",
    "path_column",
    "preprocess",
    "ray_cpus",
    "ray_gpus",
    "ray_workers",
    "thumbnails",
    "trust_code",
    "vocabulary",
    "weights",
}

_GAPS = """
SELECT class_idx, class_name, concept_id, concept, concept_kind, rule_id, effect, low, high, p, q, n_images,
       [] AS evidence_image_ids, status
FROM findings
WHERE list_contains($rules, rule_id)
ORDER BY class_idx, concept_id, rule_id
"""

# A picture is the same where path (image_id) and content are; equal hashes need one program to read both audits.
_PICTURES = """
SELECT hash(i.image_id, i.content_digest) AS key,
       CASE WHEN coalesce(c.counted, true) THEN coalesce(p.label_idx, -1) ELSE -1 END AS label,
       CASE WHEN coalesce(c.counted, true) THEN coalesce(p.predicted_idx, -1) ELSE -1 END AS predicted,
       CASE WHEN any_group THEN dense_rank() OVER (ORDER BY coalesce(nullif(i.group_id, ''), i.image_id)) END AS member,
       c.copy_group AS copy_group, coalesce(c.counted, true) AS counted
FROM images i
JOIN predictions p USING (image_id)
LEFT JOIN (SELECT image_id, bool_or(counted) AS counted, min(copy_group) AS copy_group FROM copies GROUP BY image_id) c
    USING (image_id)
CROSS JOIN (SELECT count(nullif(group_id, '')) > 0 AS any_group FROM images)
ORDER BY i.image_idx
"""

_PRESENCE = """
SELECT asked.concept::UINTEGER AS concept, o.position::UINTEGER AS position, c.presence > $threshold AS present
FROM concept_presence c
JOIN (SELECT unnest($concept_ids) AS concept_id, unnest(range(len($concept_ids))) AS concept) asked USING (concept_id)
JOIN (SELECT image_id, row_number() OVER (ORDER BY i.image_idx) - 1 AS position
      FROM images i JOIN predictions p USING (image_id)) o USING (image_id)
"""

_CONCEPT_IDS = """
SELECT concept_id FROM concepts
UNION SELECT concept_id FROM concept_families
UNION SELECT concept_id FROM attribute_concepts
"""
_CORE = "SELECT class_name, concept_id FROM core_concepts"
_STATES = """
SELECT DISTINCT class_name, concept_id, state FROM counterexamples
UNION SELECT class_name, concept_id, state FROM fixed_places WHERE state <> 'excluded'
"""

_GROUPS = 'SELECT name, "use", n_channels, direction FROM channel_groups ORDER BY group_idx'


def release_facts(connection: Connection) -> ReleaseFacts:
    """Read an open audit for a diff.

    Raises:
        StoreError: tables that are not an audit's; the file may come from anybody.
    """
    try:
        return _read(connection)
    except (duckdb.Error, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"the audit's tables cannot be read ({str(error).splitlines()[0]}); make it again") from error


def _read(connection: Connection) -> ReleaseFacts:
    run = queries.run(connection)
    verdicts = tuple(queries.verdicts(connection))
    gaps = _gaps(connection)
    states = {Pair(*pair): state for *pair, state in connection.execute(_STATES).fetchall()}
    found = {pair.concept_id for pair in found_pairs(verdicts, gaps, states)}
    concept_ids = sorted(one for one in found if place_of(one) is None)  # no gap goes with a place
    pictures = _pictures(connection, len(run.class_names), concept_ids)
    return ReleaseFacts(
        release=_release(run, len(pictures.keys)),
        settings={name: value for name, value in run.config.items() if name not in _NO_SETTINGS},
        class_names=run.class_names,
        concept_ids=frozenset(
            [row[0] for row in connection.execute(_CONCEPT_IDS).fetchall()] + [place.concept_id for place in ALL_PLACES]
        ),
        same_as={one.concept_id: one.same_as for one in queries.attribute_concepts(connection) if one.same_as},
        core=frozenset(Pair(*row) for row in connection.execute(_CORE).fetchall()),
        states=states,
        verdicts=verdicts,
        gaps=gaps,
        subgroups=tuple(queries.subgroups(connection)),
        pictures=pictures,
        groups=_groups(connection),
        allowed=_allowed(connection),
        thresholds=run.thresholds,
        places={Pair(one.class_name, one.concept_id): one.state for one in queries.fixed_places(connection)},
        held_out=_held_out(connection, run.model_digest),
    )


def _held_out(connection: Connection, model_digest: str) -> dict[Pair, tuple[RepairFigure, ...]]:
    """Gap and pull of every pair that was taken out of the audited model by a repair that the audit keeps."""
    made = next((one for one in repairs(connection) if one.repaired_digest == model_digest), None)
    if made is None:
        return {}
    figures = [one for one in repair_figures(connection, made.repair_id) if one.name in ("gap", "pull")]
    found = {}
    for class_name, concept_id, concept in zip(made.class_names, made.concept_ids, made.concepts, strict=False):
        own = tuple(one for one in figures if (one.class_name, one.concept) == (class_name, concept))
        found[Pair(class_name, concept_id)] = own
    return found


def _release(run: Run, n_images: int) -> Release:
    config = run.config
    weights = config.get("weights")
    return Release(
        name=PurePath(str(config.get("out") or run.run_id)).name,
        created_at=run.created_at,
        model_spec=run.model_spec,
        model_digest=run.model_digest,
        weights=PurePath(str(weights)).name if weights else None,
        data_path=run.data_path,
        data_digest=run.data_digest,
        encoder_spec=run.encoder_spec,
        encoder_digest=run.encoder_digest,
        vocabulary_digest=run.vocabulary_digest,
        auditor_version=run.versions.get("auditor", "unknown"),
        n_images=n_images,
        run_id=run.run_id,
        rules_digest=run.rules_digest,
        rejudged_from=run.rejudged_from.run_id if run.rejudged_from else None,
    )


def _allowed(connection: Connection) -> dict[Pair, CoreConcept]:
    """What the settings let classes rest on, each thing once."""
    same_as = {one.concept_id: one.same_as for one in queries.attribute_concepts(connection) if one.same_as}
    rows = without_core_twins(queries.core_concepts(connection), same_as)
    return {Pair(row.class_name, row.concept_id): row for row in rows if row.reason == "settings"}


def _gaps(connection: Connection) -> tuple[Finding, ...]:
    """E4 of every pair; which pictures show it stays in the audit."""
    return tuple(queries.records(connection.execute(_GAPS, {"rules": list(RULES.values())}), Finding))


def _pictures(connection: Connection, n_classes: int, concept_ids: list[str]) -> ReleasePictures:
    columns = connection.execute(_PICTURES).fetchnumpy()
    label = np.asarray(columns["label"], dtype=np.int64)
    predicted = np.asarray(columns["predicted"], dtype=np.int64)
    for name, classes in (("label", label), ("prediction", predicted)):
        if classes.max(initial=-1) >= n_classes or classes.min(initial=-1) < -1:
            raise ValueError(f"a {name} is of class {classes.max()}, and there are {n_classes} class names")
    return ReleasePictures(
        keys=np.asarray(columns["key"], dtype=np.uint64),
        label_idx=label,
        predicted_idx=predicted,
        groups=_together(columns),
        present=_present(connection, concept_ids, label.size),
    )


def _together(columns: Mapping[str, Any]) -> IntArray | None:
    """Codes of pictures that belong together, by the manifest and as copies; None where every counted one is alone."""
    member, copy_group = np.ma.asarray(columns["member"]), np.ma.asarray(columns["copy_group"])
    alone = np.arange(member.size, dtype=np.int64)
    by_manifest = (
        None if np.ma.getmaskarray(member).any() or not member.size else np.asarray(member.filled(0), dtype=np.int64)
    )
    is_copy = ~np.ma.getmaskarray(copy_group)
    # copies are numbered from -1 down, so that they are no picture's own number
    units = np.where(is_copy, -1 - np.asarray(copy_group.filled(0), dtype=np.int64), alone)
    counted = np.asarray(columns["counted"], dtype=np.bool_)
    if np.unique(units[counted]).size == counted.sum():
        return by_manifest
    return joined(alone if by_manifest is None else by_manifest, units)


def _present(connection: Connection, concept_ids: list[str], n_images: int) -> dict[str, PresenceArray]:
    """Presence of the concepts asked for that the audit kept; a picture without a row is one where it is not known."""
    parameters = {"concept_ids": concept_ids, "threshold": PRESENT}
    columns = connection.execute(_PRESENCE, parameters).fetchnumpy()
    table = np.full((len(concept_ids), n_images), -1, dtype=np.int8)
    table[np.asarray(columns["concept"]), np.asarray(columns["position"])] = np.asarray(columns["present"])
    return {name: row for name, row in zip(concept_ids, table, strict=True) if (row >= 0).any()}


def _groups(connection: Connection) -> ReleaseGroups:
    rows = connection.execute(_GROUPS).fetchall()
    directions = np.array([row[3] for row in rows], dtype=np.float32) if rows else np.zeros((0, 0), dtype=np.float32)
    if not np.isfinite(directions).all():
        raise ValueError("a channel group has a direction that is not finite")
    return ReleaseGroups(
        names=tuple(row[0] for row in rows),
        use=np.array([row[1] for row in rows], dtype=np.float64),
        n_channels=tuple(row[2] for row in rows),
        directions=directions,
    )
