"""Whether an encoder is fit for a data set, and a model's outputs fit its labels, before the model is audited on it."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auditor.concept_records import EncoderFit
from auditor.config import NO_MODEL, make_config
from auditor.evidence.effects.association import AssociationAuc, association_auc
from auditor.evidence.effects.encoder_fit import encoder_fit
from auditor.evidence.effects.swapped_outputs import swapped_outputs
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.judge import measurable
from auditor.evidence.verdicts.swapped_sentences import swapped_notice
from auditor.figures import rate
from auditor.inputs.examples import TaughtConcepts
from auditor.picture_concepts import picture_concepts
from auditor.pipeline import evidence_input, extract, line_up, load_inputs
from auditor.records import Concept, FloatArray, Progress


@dataclass(frozen=True, slots=True, eq=False)
class EncoderCheck:
    """What an encoder says of N pictures of C classes, with V concepts of the vocabulary."""

    encoder: str
    class_names: tuple[str, ...]
    fit: EncoderFit
    concepts: tuple[Concept, ...]  # V, context words only
    auc: FloatArray  # (C, V)
    kappa: FloatArray  # (V,) of presence told twice, NaN where it was not
    presence: FloatArray  # (N, V), NaN where it cannot be measured
    paths: tuple[str, ...]  # N
    thumbnails: tuple[bytes | None, ...]  # N small JPEGs
    model: tuple[str, ...] = ()  # what is said of the model that was tried as well; nothing without one


def check_encoder(
    data: Path | str,
    encoder: str,
    *,
    vocabulary: Path | None = None,
    max_images_per_class: int,
    cache: Path | None = None,
    model: Mapping[str, object] | None = None,
    reading: Mapping[str, object] | None = None,
    on_progress: Progress | None = None,
) -> EncoderCheck:
    """Embed some pictures of every class and compare the context words with the labels.

    Args:
        data: Folder of classes or manifest.
        encoder: As ``--encoder`` takes it.
        vocabulary: Its file; None for the encoder's own.
        max_images_per_class: Pictures of a class at most.
        cache: Folder of the embedding cache; None for the user's.
        model: Settings of a model that is to be tried on the pictures as well (``model``, ``weights`` …).
        reading: Settings of how the data are read (``split``, ``data_root``, ``path_column``, ``label_column``).
        on_progress: Called with (stage, done, total).

    Raises:
        AuditorError: what does not fit, in one line.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "data": data,
            "model": NO_MODEL,
            "encoder": encoder,
            "vocabulary": vocabulary,
            "max_images_per_class": max_images_per_class,
            "properties": False,
            "n_extreme": 2,  # nothing is said of channels, so few pictures are enough
            "cache": cache,
            "out": Path(folder) / "check",
        }
        config = make_config({**settings, **(model or {}), **(reading or {})})
        inputs = load_inputs(config, on_progress=on_progress)
        shards = extract(config, inputs, on_progress=on_progress)
        pictures = line_up(inputs, shards)
        context = picture_concepts(inputs, pictures, TaughtConcepts.none(len(pictures.items)))
        given = measurable(evidence_input(config, inputs, pictures, shards, context, None))
        thumbnails = [cell for _, table in shards.picture_tables() for cell in table["thumbnail"].to_pylist()]
    names = inputs.match.class_names
    known = np.isfinite(given.presence)
    auc = association_auc(given.presence, given.label_idx, len(names), groups=given.groups, known=known)
    fit = encoder_fit(given.presence, given.class_prompt_score, given.label_idx, given.concepts, auc, given.kappa)
    words = [v for v, one in enumerate(given.concepts) if one.is_context and one.column is None and not one.members]
    return EncoderCheck(
        encoder=encoder,
        class_names=names,
        fit=fit,
        concepts=tuple(given.concepts[v] for v in words),
        auc=_of_words(auc, words),
        kappa=context.kappa[words],
        presence=given.presence[:, words],
        paths=tuple(item.path for item in pictures.items),
        thumbnails=tuple(thumbnails),
        model=_of_model(given, names) if config.examines_model else (),
    )


def _of_model(given: EvidenceInput, class_names: Sequence[str]) -> tuple[str, ...]:
    """How many pictures a model calls what they are labelled, and whether its outputs look swapped."""
    judged = (given.label_idx >= 0) & (given.predicted_idx >= 0)
    n = int(judged.sum())
    right = float((given.label_idx == given.predicted_idx)[judged].mean()) if n else math.nan
    swapped = swapped_outputs(given.label_idx, given.predicted_idx)
    return (
        f"model: {rate(right, n)} labelled pictures are called what they are labelled",
        *(() if swapped is None else (swapped_notice(swapped, class_names),)),
    )


def _of_words(auc: AssociationAuc, words: list[int]) -> FloatArray:
    return np.asarray(auc.auc[:, words], dtype=np.float32)
