"""The words of a vocabulary as the encoder sees them; words that it was never taught are dropped and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.errors import EncoderError
from auditor.models.encoders import Encoder
from auditor.records import Concept, FloatArray, Vocabulary

_DEFAULT_TEMPLATES = ("a photo of {}",)


@dataclass(frozen=True, slots=True, eq=False)
class ConceptEmbeddings:
    """Concepts that the encoder knows, with one row per word (term, then synonyms), averaged over the prompts."""

    concepts: tuple[Concept, ...]  # V
    word_rows: tuple[FloatArray, ...]  # V arrays (words, D), unit rows
    absent_rows: Mapping[str, FloatArray]  # kind -> (prompts, D)
    class_rows: FloatArray  # (C, D), prompts of the class names
    dropped_words: tuple[str, ...]


def embed_concepts(vocabulary: Vocabulary, class_names: Sequence[str], encoder: Encoder) -> ConceptEmbeddings:
    """Embed every word under the prompt templates of its kind.

    Args:
        vocabulary: Concepts, class names already among them.
        class_names: Names of the classes, for the prompts that measure how typical a picture is of its class.
        encoder: Text-image encoder.

    Raises:
        EncoderError: the encoder knows fewer than two of the concepts.
    """
    concepts: list[Concept] = []
    word_rows: list[FloatArray] = []
    dropped: list[str] = []
    for concept in vocabulary.concepts:
        words = (concept.term, *concept.synonyms)
        known = [word for word in words if encoder.knows(word)]
        dropped += [word for word in words if word not in known]
        if known:
            concepts.append(concept)
            word_rows.append(_embed_words(known, vocabulary.templates.get(concept.kind, _DEFAULT_TEMPLATES), encoder))
    if len(concepts) < 2:
        raise EncoderError(
            f"encoder '{encoder.spec}' knows {len(concepts)} of the {len(vocabulary.concepts)} concepts of the "
            "vocabulary, at least 2 are needed; give words that it was taught with --vocabulary, or another --encoder"
        )
    templates = vocabulary.templates.get("object", _DEFAULT_TEMPLATES)
    return ConceptEmbeddings(
        concepts=tuple(concepts),
        word_rows=tuple(word_rows),
        absent_rows={kind: encoder.encode_texts(prompts) for kind, prompts in vocabulary.absent.items() if prompts},
        class_rows=_embed_words([name.replace("_", " ") for name in class_names], templates, encoder),
        dropped_words=tuple(dropped),
    )


def _embed_words(words: Sequence[str], templates: Sequence[str], encoder: Encoder) -> FloatArray:
    """One unit row (words, D) per word: the mean over its prompts."""
    prompts = [template.replace("{}", word) for word in words for template in templates]
    rows = encoder.encode_texts(prompts).reshape(len(words), len(templates), -1).mean(axis=1)
    unit: FloatArray = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return unit
