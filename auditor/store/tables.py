r"""Records and arrays of the stages as Arrow tables, column for column as ``migrations`` declares them.

NaN means "not measured" and becomes NULL. Strings that are no valid Unicode (file names of another encoding) are kept
with their odd bytes written out (``\udcff``), since a file name must never end an audit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import pyarrow as pa

from auditor.records import (
    ActivationStats,
    AtlasSpace,
    BoolArray,
    ChannelGroups,
    Concept,
    Finding,
    FloatArray,
    ImageItem,
    IntArray,
    Phrases,
    SaliencyMap,
)
from auditor.store.run_record import Run

_ARROW_TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "bytes": pa.binary(),
    "tuple[str, ...]": pa.list_(pa.string()),
    "tuple[float, ...]": pa.list_(pa.float64()),
}


def _valid(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _strings(values: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if value is None else _valid(value) for value in values], pa.string())


def _column(values: Sequence[Any], annotation: str) -> pa.Array:
    kind = annotation.removesuffix(" | None")
    if kind == "tuple[str, ...]":
        return pa.array([[_valid(text) for text in value] for value in values], _ARROW_TYPES[kind])
    if kind in _ARROW_TYPES:
        return pa.array(values, _ARROW_TYPES[kind], from_pandas=True)
    return _strings(values)


def record_table(records: Sequence[Any], kind: type[Any]) -> pa.Table:
    """One column per field of the dataclass ``kind``; None and NaN are NULL. Fits a table named as its fields are."""
    columns = {f.name: _column([getattr(record, f.name) for record in records], str(f.type)) for f in fields(kind)}
    return pa.table(columns)


def run_table(run: Run, schema_version: int) -> pa.Table:
    """The one row of ``runs``; mappings are JSON text with sorted keys."""
    row = {f.name: [getattr(run, f.name)] for f in fields(Run)}
    for name in ("config", "versions", "counts", "thresholds"):
        row[name] = [json.dumps(row[name][0], sort_keys=True, default=str)]
    row["rejudged_from"] = [None if run.rejudged_from is None else json.dumps(asdict(run.rejudged_from))]
    columns = {f.name: _column(row[f.name], str(f.type)) for f in fields(Run)}
    return pa.table({**columns, "schema_version": pa.array([schema_version])})


def image_table(
    items: Sequence[ImageItem],
    sizes: Sequence[tuple[int, int]],
    content_digests: Sequence[str],
    thumbnails: Sequence[bytes | None],
    *,
    start: int,
) -> pa.Table:
    """Rows of ``images`` from position ``start`` on; ``sizes`` are (width, height) in pixels."""
    text = {name: _strings([getattr(item, name) for item in items]) for name in ("image_id", "path", "label")}
    more = {name: _strings([getattr(item, name) for item in items]) for name in ("split", "group_id", "mask_path")}
    return pa.table(
        {
            "image_idx": pa.array(range(start, start + len(items)), pa.int64()),
            **text,
            **more,
            "width": pa.array([width for width, _ in sizes], pa.int32()),
            "height": pa.array([height for _, height in sizes], pa.int32()),
            "content_digest": _strings(content_digests),
            "thumbnail": pa.array(thumbnails, pa.binary()),
        }
    )


def attribute_table(items: Sequence[ImageItem]) -> pa.Table:
    """Rows of ``image_attributes``: the manifest's other columns."""
    rows = [(item.image_id, name, value) for item in items for name, value in sorted(item.attributes.items())]
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    return pa.table(dict(zip(("image_id", "attribute", "value"), map(_strings, map(list, columns)), strict=True)))


def _names(names: Sequence[str], idx: IntArray) -> pa.Array:
    """``names[idx]`` without a Python object a row; NULL where ``idx`` is negative."""
    where = pa.array(np.maximum(idx, 0), mask=np.asarray(idx) < 0)
    return _strings(list(names)).take(where)


def prediction_table(
    image_ids: Sequence[str],
    predicted_idx: IntArray,
    label_idx: IntArray,
    confidence: FloatArray,
    class_names: Sequence[str],
) -> pa.Table:
    """Rows of ``predictions``; below 0 is a picture without a label, or without a prediction (NaN confidence)."""
    unlabelled, uncalled = np.asarray(label_idx) < 0, np.asarray(predicted_idx) < 0
    return pa.table(
        {
            "image_id": _strings(image_ids),
            "predicted_idx": pa.array(predicted_idx, mask=uncalled),
            "predicted_name": _names(class_names, predicted_idx),
            "label_idx": pa.array(label_idx, mask=unlabelled),
            "label_name": _names(class_names, label_idx),
            "confidence": pa.array(confidence, pa.float32(), from_pandas=True),
            "correct": pa.array(np.asarray(predicted_idx) == np.asarray(label_idx), mask=unlabelled | uncalled),
        }
    )


def atlas_table(image_ids: Sequence[str], space: AtlasSpace, places: FloatArray) -> pa.Table:
    """Rows of ``atlas``; ``places`` are (N, 2)."""
    x, y = (pa.array(np.ascontiguousarray(column, dtype=np.float32)) for column in places.T)
    return pa.table({"image_id": _strings(image_ids), "space": _strings([space] * len(image_ids)), "x": x, "y": y})


def _vectors(rows: FloatArray) -> pa.Array:
    """(n, D) as n lists of float32."""
    flat = pa.array(np.ascontiguousarray(rows, dtype=np.float32).reshape(-1))
    return pa.ListArray.from_arrays(pa.array(np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]), flat)


def concept_table(concepts: Sequence[Concept], embeddings: FloatArray, kappa: FloatArray | None = None) -> pa.Table:
    """Rows of ``concepts``, in the order of the vocabulary; ``embeddings`` (V, D) are what phrases are solved with."""
    return pa.table(
        {
            "concept_idx": pa.array(range(len(concepts)), pa.int32()),
            "concept_id": _strings([concept.concept_id for concept in concepts]),
            "concept": _strings([concept.term for concept in concepts]),
            "concept_kind": _strings([concept.kind for concept in concepts]),
            "is_context": pa.array([concept.is_context for concept in concepts], pa.bool_()),
            "synonyms": _column([concept.synonyms for concept in concepts], "tuple[str, ...]"),
            "embedding": _vectors(embeddings),
            "kappa": pa.array([None] * len(concepts) if kappa is None else kappa, pa.float64(), from_pandas=True),
        }
    )


def channel_tables(
    use: FloatArray,
    words: Sequence[str],
    groups: ChannelGroups,
    group_names: Sequence[str],
    *,
    directions: FloatArray,
    stats: ActivationStats,
) -> dict[str, pa.Table]:
    """Rows of ``channels``, ``channel_groups`` and ``channel_group_members``.

    Args:
        use: (K,) how much each channel is used.
        words: K descriptions, "" for a constant channel.
        groups: clusters of the K channels.
        group_names: G names.
        directions: (K, D).
        stats: of the K channels.
    """
    weight = np.asarray(use, np.float64)
    members = np.flatnonzero(groups.group_idx >= 0)
    group_of = groups.group_idx[members]
    n_groups = len(group_names)
    return {
        "channels": pa.table(
            {
                "channel_idx": pa.array(np.arange(len(weight))),
                "use": pa.array(weight),
                "group_idx": pa.array(groups.group_idx),
                "words": _strings(list(words)),
                "direction": _vectors(directions),
                "mean_activation": pa.array(stats.mean, pa.float32()),
                "mean_abs_deviation": pa.array(stats.mean_abs_deviation, pa.float32()),
            }
        ),
        "channel_groups": pa.table(
            {
                "group_idx": pa.array(np.arange(n_groups)),
                "name": _strings(list(group_names)),
                "use": pa.array(np.bincount(group_of, weights=weight[members], minlength=n_groups)),
                "n_channels": pa.array(np.bincount(group_of, minlength=n_groups)),
                "direction": _vectors(groups.directions),
            }
        ),
        "channel_group_members": pa.table(
            {"group_idx": pa.array(group_of), "channel_idx": pa.array(members), "use": pa.array(weight[members])}
        ),
    }


def attribution_tables(
    image_ids: Sequence[str],
    class_idx: IntArray,
    phrases: Phrases,
    *,
    class_names: Sequence[str],
    concepts: Sequence[Concept],
) -> dict[str, pa.Table]:
    """Rows of ``attributions`` (concepts with a weight) and of ``attribution_residuals`` (every picture and class)."""
    rows, columns = np.nonzero(phrases.weights)
    ids, names = _strings(image_ids), _names(class_names, class_idx)
    return {
        "attributions": pa.table(
            {
                "image_id": ids.take(pa.array(rows)),
                "class_idx": pa.array(class_idx[rows]),
                "class_name": names.take(pa.array(rows)),
                "concept_id": _names([concept.concept_id for concept in concepts], columns),
                "concept": _names([concept.term for concept in concepts], columns),
                "weight": pa.array(phrases.weights[rows, columns], pa.float32()),
                "share": pa.array(phrases.shares[rows, columns], pa.float32()),
            }
        ),
        "attribution_residuals": pa.table(
            {
                "image_id": ids,
                "class_idx": pa.array(class_idx),
                "class_name": names,
                "residual": pa.array(phrases.residuals, pa.float32()),
            }
        ),
    }


def presence_table(image_ids: Sequence[str], concept_ids: Sequence[str], presence: FloatArray) -> pa.Table:
    """Rows of ``concept_presence`` from (B, V'), the V' concepts that the evidence used; what is not known has none.

    All pictures of the first concept come first: see ``add_concept_presence``.
    """
    columns, rows = np.nonzero(np.isfinite(presence.T))
    return pa.table(
        {
            "image_id": _strings(image_ids).take(pa.array(rows)),
            "concept_id": _names(concept_ids, columns),
            "presence": pa.array(presence[rows, columns], pa.float32()),
        }
    )


def seen_table(image_ids: Sequence[str], seen: BoolArray) -> pa.Table:
    """Rows of ``concepts_seen`` from (B, V): one a picture, with the positions of the words that it shows."""
    ends = np.concatenate([[0], np.cumsum(seen.sum(axis=1))])
    positions = pa.array(np.nonzero(seen)[1], pa.int32())
    return pa.table(
        {
            "image_id": _strings(image_ids),
            "concept_idx": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), positions),
        }
    )


def finding_table(findings: Sequence[Finding]) -> pa.Table:
    """Rows of ``findings``, each with its fingerprint."""
    return record_table(findings, Finding).append_column(
        "fingerprint", _strings([finding.fingerprint for finding in findings])
    )


def saliency_table(maps: Sequence[SaliencyMap], class_names: Sequence[str]) -> pa.Table:
    """Rows of ``saliency``: uint8 H x W row by row, value = data / 255 * scale."""
    return pa.table(
        {
            "image_id": _strings([saliency.image_id for saliency in maps]),
            "class_idx": pa.array([saliency.class_idx for saliency in maps], pa.int32()),
            "class_name": _strings([class_names[saliency.class_idx] for saliency in maps]),
            "concept_id": _strings([saliency.concept_id for saliency in maps]),
            "height": pa.array([saliency.data.shape[0] for saliency in maps], pa.int32()),
            "width": pa.array([saliency.data.shape[1] for saliency in maps], pa.int32()),
            "data": pa.array([np.ascontiguousarray(saliency.data).tobytes() for saliency in maps], pa.binary()),
            "scale": pa.array([saliency.scale for saliency in maps], pa.float64()),
            "crop": pa.array([saliency.crop for saliency in maps], pa.list_(pa.float64())),
        }
    )
