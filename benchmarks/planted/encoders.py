"""The encoders of the sweep: the world's own, noisy ones, one that errs with the class, one that learnt briefly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auditor.extraction.concept_embeddings import ConceptEmbeddings
from auditor.models.encoders.encoder import Encoder
from benchmarks.planted.audit import Examined, concepts_of
from benchmarks.planted.scenarios import Scenario
from benchmarks.planted.words import TERM_OF
from sample_data.scene import FloatArray

#: Length of the noise beside embeddings of length 1.
NOISE = {"noise .5": 0.5, "noise 1": 1.0}


def seen(examined: Examined, scenario: Scenario, encoder: Encoder) -> Examined:
    """The same pictures as the scenario's encoder sees them."""
    embeddings = examined.embeddings
    if scenario.encoder in NOISE:
        rng = np.random.default_rng((scenario.seed, 82))
        noise = rng.normal(size=embeddings.shape) / np.sqrt(embeddings.shape[1])
        embeddings = _unit(embeddings + NOISE[scenario.encoder] * noise)
    if scenario.encoder_error:
        embeddings = _misled(embeddings, scenario, examined, concepts_of(encoder, examined.class_names))
    return replace(examined, embeddings=embeddings)


def _misled(embeddings: FloatArray, scenario: Scenario, examined: Examined, concepts: ConceptEmbeddings) -> FloatArray:
    """Move the more typical half of a class towards a concept (`Scenario.encoder_error`)."""
    result = embeddings.astype(np.float64)
    terms = [concept.term for concept in concepts.concepts]
    for c, value, strength in scenario.encoder_error:
        position = terms.index(TERM_OF["background", value])
        kind = concepts.concepts[position].kind
        rivals = [rows for rows, one in zip(concepts.word_rows, concepts.concepts, strict=True) if one.kind == kind]
        direction = concepts.word_rows[position].mean(axis=0) - np.concatenate(rivals).mean(axis=0)
        own = np.flatnonzero(examined.label_idx == c)
        result[own] += strength * towards(direction, embeddings[own], concepts.class_rows[c])
    return _unit(result)


def towards(
    direction: NDArray[np.floating], embeddings: NDArray[np.floating], class_row: NDArray[np.floating]
) -> NDArray[np.float64]:
    """(n, D) along a direction, the more the more like its class a picture is; nothing for the less typical half."""
    score = embeddings @ class_row
    typical = np.clip((score - np.median(score)) / score.std(), 0, None)
    return np.asarray(typical[:, None] * direction / np.linalg.norm(direction), dtype=np.float64)


def _unit(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> FloatArray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
