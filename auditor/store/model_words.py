"""Read back from an audit what puts a new picture into words: the model's settings, channel directions, concepts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from auditor.errors import StoreError
from auditor.records import ActivationStats, ChannelWords, Concept, FloatArray
from auditor.rules import MIN_KAPPA


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The part of a run's settings that loads its model and finds its pictures."""

    model_spec: str
    model_digest: str
    weights: Path | None
    preprocess: Path | None
    encoder: str
    encoder_digest: str
    target_layer: str | None
    map_method: str | None
    model_output: str | None
    label: str | None  # of a multi-label classifier
    data_path: str
    cache: Path | None
    class_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture of the audited data."""

    path: str
    label: str | None
    content_digest: str  # sha256 of the file that was audited


def _one_row(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[str] | None = None
) -> tuple[object, ...]:
    row = connection.execute(sql, parameters or []).fetchone()
    if row is None:
        raise StoreError("the audit has no row in table 'runs'; make it again")
    return row


def read_run_settings(connection: duckdb.DuckDBPyConnection) -> RunSettings:
    """What ``runs`` says of model and data."""
    spec, digest, encoder, encoder_digest, config_text, data_path, class_names = _one_row(
        connection,
        "SELECT model_spec, model_digest, encoder_spec, encoder_digest, config, data_path, class_names FROM runs",
    )
    config = json.loads(str(config_text))

    def path(name: str) -> Path | None:
        return Path(config[name]) if config.get(name) else None

    return RunSettings(
        model_spec=str(spec),
        model_digest=str(digest),
        weights=path("weights"),
        preprocess=path("preprocess"),
        encoder=str(encoder),
        encoder_digest=str(encoder_digest),
        target_layer=config.get("target_layer"),
        map_method=config.get("map_method"),
        model_output=config.get("model_output"),
        label=str(config["label"][0]) if config.get("multi_label") and config.get("label") else None,
        data_path=str(data_path),
        cache=path("cache"),
        class_names=tuple(class_names),  # type: ignore[arg-type]  # a list column
    )


def read_channel_words(connection: duckdb.DuckDBPyConnection) -> ChannelWords:
    """Channel directions and statistics, and the concept rows."""
    channels = connection.execute(
        "SELECT direction, mean_activation, mean_abs_deviation FROM channels ORDER BY channel_idx"
    ).fetchnumpy()
    concepts = connection.execute("SELECT embedding FROM concepts ORDER BY concept_idx").fetchnumpy()

    def matrix(column: Any) -> FloatArray:
        return np.stack([np.asarray(row, dtype=np.float32) for row in column])

    return ChannelWords(
        directions=matrix(channels["direction"]),
        stats=ActivationStats(
            np.asarray(channels["mean_activation"], dtype=np.float32),
            np.asarray(channels["mean_abs_deviation"], dtype=np.float32),
        ),
        concept_rows=matrix(concepts["embedding"]),
    )


def read_concepts(connection: duckdb.DuckDBPyConnection) -> tuple[Concept, ...]:
    """The vocabulary that was used, in its order."""
    rows = connection.execute(
        "SELECT concept_id, concept, concept_kind, synonyms FROM concepts ORDER BY concept_idx"
    ).fetchall()
    return tuple(Concept(concept_id, term, kind, tuple(synonyms)) for concept_id, term, kind, synonyms in rows)


def read_members(connection: duckdb.DuckDBPyConnection, concept_id: str) -> tuple[int, ...]:
    """Positions in the vocabulary of a concept or, of a family, of its words; none of what is no word."""
    rows = connection.execute(
        "SELECT concept_idx FROM concepts WHERE concept_id = $concept_id OR concept_id IN "
        "(SELECT unnest(members) FROM concept_families WHERE concept_id = $concept_id) ORDER BY concept_idx",
        {"concept_id": concept_id},
    ).fetchall()
    return tuple(idx for (idx,) in rows)


def read_concepts_seen(connection: duckdb.DuckDBPyConnection, image: str) -> dict[int, bool] | None:
    """Which words of the vocabulary a picture of this path or id shows, by position.

    Words whose presence could not be measured are left out; None where the audit does not know what the picture shows.
    """
    row = connection.execute(
        "SELECT s.concept_idx FROM concepts_seen s JOIN images i USING (image_id) WHERE i.path = ? OR i.image_id = ?",
        [image.replace("\\", "/"), image],
    ).fetchone()
    if row is None:
        return None
    shown = set(row[0])
    told = connection.execute(
        "SELECT concept_idx FROM concepts WHERE kappa IS NULL OR kappa >= ?", [MIN_KAPPA]
    ).fetchall()
    return {idx: idx in shown for (idx,) in told}


def find_picture(connection: duckdb.DuckDBPyConnection, name: str) -> StoredPicture | None:
    """The picture whose relative path or id is ``name``."""
    row = connection.execute(
        "SELECT path, label, content_digest FROM images WHERE path = ? OR image_id = ?", [name.replace("\\", "/"), name]
    ).fetchone()
    return StoredPicture(*row) if row else None
