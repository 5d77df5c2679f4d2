"""A world of four numbers: uniform pictures, a network set by hand, and an encoder that sees the mean colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from toy_models import GapCnn

from auditor.analysis import (
    Analysis,
    ChannelMeanings,
    Decisions,
    Gathered,
    Inputs,
    PictureConcepts,
    Pictures,
)
from auditor.config import AuditConfig
from auditor.evidence.verdicts.judge import EvidenceResult
from auditor.extraction.concept_embeddings import ConceptEmbeddings, PromptHalf
from auditor.extraction.embedding_cache import open_embedding_cache
from auditor.extraction.extract import extract_features
from auditor.extraction.interventions import Interventions
from auditor.inputs.attributes import KnownAttributes
from auditor.inputs.class_map import match_classes
from auditor.inputs.dataset import load_dataset
from auditor.inputs.examples import TaughtConcepts
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.models.load_classifier import make_classifier
from auditor.models.preprocess import Preprocess
from auditor.records import (
    ActivationStats,
    ChannelGroups,
    ChannelWords,
    ClassChannelGroup,
    ClassConcept,
    Concept,
    Dataset,
    Finding,
    FloatArray,
    Phrases,
    SaliencyMap,
    Subgroup,
    Verdict,
)
from auditor.textcam.attribution import centred_weights
from auditor.textcam.description import describe_images

SIDE = 8
PLAIN = Preprocess(size=(SIDE, SIDE), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
#: By path, sorted as the data set sorts them.
COLOURS = {
    "leaf/0.png": (0, 255, 0),
    "leaf/1.png": (0, 204, 51),
    "rose/0.png": (255, 0, 0),
    "rose/1.png": (204, 51, 0),
    "rose/2.png": (102, 0, 0),
}


def write_pictures(root: Path, colours: Mapping[str, tuple[int, int, int]] | None = None) -> Dataset:
    """One uniform picture per path, beside those that are there, as a data set."""
    for path, colour in (COLOURS if colours is None else colours).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 10), colour).save(root / path)
    return load_dataset(root)


def toy_classifier() -> Classifier:
    """GapCnn: channels are red and green minus blue; logits [a0 - a1, 2 a1 + 0.5]."""
    return make_classifier(GapCnn(), PLAIN, spec="toy", class_names=("rose", "leaf"))


def channels_of(colour: tuple[int, int, int]) -> list[float]:
    """What the two channels are for a uniform picture."""
    red, green, blue = (value / 255 for value in colour)
    return [red, max(green - blue, 0)]


def toy_encoder(
    rows: Mapping[str, Sequence[float]] | None = None,
    *,
    knows: Callable[[str], bool] | None = None,
    seen: list[int] | None = None,
) -> Encoder:
    """Encoder of three dimensions.

    Args:
        rows: Embeddings by text.
        knows: Whether a text was taught; None: every one.
        seen: Gets the number of different pictures of every batch.
    """

    def encode_images(batch: Tensor) -> FloatArray:
        if seen is not None:
            seen.append(len(torch.unique(batch, dim=0)))
        means = batch.mean(dim=(2, 3)).numpy()
        unit: FloatArray = means / np.linalg.norm(means, axis=1, keepdims=True)
        return unit

    def encode_texts(texts: Sequence[str]) -> FloatArray:
        return np.array([(rows or {})[text] for text in texts], np.float32)

    return Encoder(
        spec="toy",
        digest="e" * 64,
        dim=3,
        logit_scale=10.0,
        preprocess=PLAIN,
        input_size=SIDE,
        encode_images=encode_images,
        encode_texts=encode_texts,
        knows=knows or (lambda _: True),
    )


CONCEPTS = (
    Concept("red", "red", "colour"),
    Concept("green", "green", "colour", ("leafy",)),
    Concept("water", "water", "scene"),
)
WORDS = ChannelWords(
    np.eye(2, 3, dtype=np.float32),
    ActivationStats(np.zeros(2, np.float32), np.zeros(2, np.float32)),
    np.eye(3, dtype=np.float32),
)


def toy_analysis(folder: Path) -> Analysis:
    """Everything that an audit of the five pictures stores, by hand where a stage of its own would judge.

    Args:
        folder: Gets ``data``, ``features`` and ``cache``.
    """
    dataset, classifier, encoder = write_pictures(folder / "data"), toy_classifier(), toy_encoder()
    match = match_classes(dataset.labels, 2, classifier.class_names, None)
    half = PromptHalf(tuple(WORDS.concept_rows[[row]] for row in range(3)), {})
    embeddings = ConceptEmbeddings(
        CONCEPTS, half.word_rows, {}, np.eye(2, 3, dtype=np.float32), ("unicorn",), (half, half), np.zeros(3, np.bool_)
    )
    attributes = KnownAttributes((), (), np.zeros((5, 0), np.float32), {})
    inputs = Inputs(dataset, classifier, encoder, match, embeddings, "v" * 64, attributes, {}, ("a toy",))
    with open_embedding_cache(folder / "cache", encoder.digest, encoder.dim) as cache:
        shards = extract_features(
            dataset,
            classifier,
            encoder,
            folder=folder / "features",
            cache=cache,
            thumbnails=True,
            batch_size=8,
            n_jobs=1,
        )
    label_idx = np.array([match.label_to_class[item.label] for item in dataset.items if item.label])
    predicted_idx = shards.logits().argmax(axis=1)
    confidence = np.full(5, 0.75, np.float32)
    pictures = Pictures(
        dataset.items, np.arange(5), shards.embeddings(), None, (), label_idx, predicted_idx, confidence
    )
    likeness = np.array([[0.9, 0.0, -0.4], [0.1, 0.8, 0.2]], np.float32)
    mixed = Phrases(np.array([[0.2, 0.3, 0.1]], np.float32), np.zeros((1, 3), np.float32), np.zeros(1, np.float32))
    groups = ChannelGroups(np.array([0, 0]), np.eye(1, 3, dtype=np.float32))
    channels = ChannelMeanings(WORDS, np.array([2.0, 1.0], np.float32), likeness, groups, mixed)
    weights = centred_weights(classifier.head)
    descriptions = describe_images(
        shards.head_chunks(), label_idx, predicted_idx, weights, WORDS.stats, WORDS.directions, WORDS.concept_rows
    )
    presence = np.tile(np.array([0.25, 0.5, 0.75], np.float32), (5, 1))
    finding = Finding(0, "rose", "water", "water", "scene", "E2", 0.75, 0.5, 1.0, None, None, 5, pictures.image_ids[:1])
    evidence = EvidenceResult(
        [ClassConcept(0, "rose", "red", "red", "colour", 0.5, 0.25, 0.75, 0.0, 50.0, 3)],
        [Subgroup(0, "rose", "water", "water", True, 3, 2)],
        [finding],
        (
            Verdict(0, "rose", "flagged", "high", "water", "water", "scene", "Water.", 3, 0.5, 0.25, 0.125, 0.5),
            Verdict(1, "leaf", "clean", "none", None, None, None, "Clean.", 2, detectable_effect=0.5),
        ),
    )
    maps = (SaliencyMap(pictures.image_ids[0], 0, None, np.array([[0, 255]], np.uint8), 2.0),)
    class_groups = (ClassChannelGroup(0, "rose", 0, 0.75, 3, pictures.image_ids[2:3]),)
    decisions = Decisions(classifier.head, channels, descriptions, class_groups)
    told = np.full(3, np.nan, np.float32)
    context = PictureConcepts(
        CONCEPTS, presence, {}, (), told, np.stack([told, told]), (), TaughtConcepts.none(len(presence))
    )
    gathered = Gathered(
        pictures, shards, WORDS.concept_rows, decisions, context, SimpleNamespace(edits={}, concepts=CONCEPTS)
    )
    return Analysis(inputs, gathered, evidence, maps, Interventions())


def toy_config(folder: Path, out: Path) -> AuditConfig:
    """Settings of the audit that :func:`toy_analysis` stands for."""
    return AuditConfig(data=folder / "data", model="toy", encoder="toy", out=out, n_extreme=2)
