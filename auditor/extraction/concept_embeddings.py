"""The words of a vocabulary as the encoder sees them; words that it was never taught are dropped and counted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.errors import EncoderError
from auditor.extraction.embedding_cache import EmbeddingCache
from auditor.inputs.families import families_among
from auditor.models.encoders.encoder import Encoder
from auditor.records import BoolArray, Concept, FloatArray, Vocabulary

_DEFAULT_TEMPLATES = ("a photo of {}",)


@dataclass(frozen=True, slots=True, eq=False)
class PromptHalf:
    """The same words under every other prompt of their kind (or every other word, where a kind has one prompt)."""

    word_rows: tuple[FloatArray, ...]  # V
    absent_rows: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class ConceptEmbeddings:
    """Concepts that the encoder knows, with one row per word (term, then synonyms), averaged over the prompts.

    The halves tell presence twice, which shows how far it can be trusted; ``told_twice`` (V,) says for which concepts
    they differ at all. ``families`` are made of these concepts and have no rows of their own.
    """

    concepts: tuple[Concept, ...]  # V
    word_rows: tuple[FloatArray, ...]  # V arrays (words, D), unit rows
    absent_rows: Mapping[str, FloatArray]  # kind -> (prompts, D), no rows where the encoder does not know absence
    class_rows: FloatArray  # (C, D), prompts of the class names
    dropped_words: tuple[str, ...]
    halves: tuple[PromptHalf, PromptHalf]
    told_twice: BoolArray  # (V,)
    families: tuple[Concept, ...] = ()  # F


def embed_concepts(vocabulary: Vocabulary, class_names: Sequence[str], encoder: Encoder) -> ConceptEmbeddings:
    """Embed every word under the prompt templates of its kind.

    Args:
        vocabulary: Concepts, class names already among them.
        class_names: Names of the classes, for the prompts that measure how typical a picture is of its class.
        encoder: Text-image encoder.

    Raises:
        EncoderError: the encoder knows fewer than two of the concepts.
    """
    kept: list[tuple[Concept, list[str]]] = []
    dropped: list[str] = []
    for concept in vocabulary.concepts:
        words = (concept.term, *concept.synonyms)
        known = [word for word in words if encoder.knows(word)]
        dropped += [word for word in words if word not in known]
        if known:
            kept.append((concept, known))
    if len(kept) < 2:
        raise EncoderError(
            f"encoder '{encoder.spec}' knows {len(kept)} of the {len(vocabulary.concepts)} concepts of the "
            "vocabulary, at least 2 are needed; give words that it was taught with --vocabulary, or another --encoder"
        )
    names = [name.replace("_", " ") for name in class_names]
    wanted = [_prompts(words, vocabulary.templates.get(concept.kind, _DEFAULT_TEMPLATES)) for concept, words in kept]
    wanted.append(_prompts(names, vocabulary.templates.get("object", _DEFAULT_TEMPLATES)))
    absent = {
        kind: list(prompts) if encoder.knows_absence else [] for kind, prompts in vocabulary.absent.items() if prompts
    }
    texts = list(dict.fromkeys(text for prompts in (*wanted, absent.values()) for line in prompts for text in line))
    row_of = dict(zip(texts, encoder.encode_texts(texts), strict=True))
    *word_rows, class_rows = (_average(prompts, row_of) for prompts in wanted)

    def half(i: int) -> PromptHalf:
        words = (_average(_every_other(prompts, i), row_of) for prompts in wanted[:-1])
        nothing = {kind: prompts[i::2] or prompts for kind, prompts in absent.items()}
        return PromptHalf(tuple(words), {kind: _rows(prompts, row_of) for kind, prompts in nothing.items()})

    return ConceptEmbeddings(
        concepts=tuple(concept for concept, _ in kept),
        word_rows=tuple(word_rows),
        absent_rows={kind: _rows(prompts, row_of) for kind, prompts in absent.items()},
        class_rows=class_rows,
        dropped_words=tuple(dropped),
        halves=(half(0), half(1)),
        told_twice=np.array([len(prompts) > 1 or len(prompts[0]) > 1 for prompts in wanted[:-1]], dtype=np.bool_),
        families=families_among(vocabulary.families, [concept for concept, _ in kept]),
    )


def cached_texts(encoder: Encoder, cache: EmbeddingCache) -> Encoder:
    """The encoder, asking ``cache`` for texts first: a vocabulary is encoded once for all audits.

    Texts that are encoded together share their beginnings and their shape, so a row depends on the others by rounding:
    it is cached as one of its list, and where one is missing the whole list is encoded.
    """

    def encode_texts(texts: Sequence[str]) -> FloatArray:
        together = sorted(set(texts))
        listed = hashlib.sha256("\x00".join(together).encode()).hexdigest()
        key_of = {text: hashlib.sha256(f"text\x00{listed}\x00{text}".encode()).hexdigest() for text in together}
        found = {text: row for text in together if (row := cache.get(key_of[text])) is not None}
        if len(found) < len(together):
            found = dict(zip(together, encoder.encode_texts(together), strict=True))
            cache.put({key_of[text]: row for text, row in found.items()})
        return np.stack([found[text] for text in texts]) if texts else encoder.encode_texts([])

    return replace(encoder, encode_texts=encode_texts)


def _prompts(words: Sequence[str], templates: Sequence[str]) -> list[list[str]]:
    """Per word, the word in every template."""
    return [[template.replace("{}", word) for template in templates] for word in words]


def _every_other(prompts: Sequence[Sequence[str]], i: int) -> list[Sequence[str]]:
    """Half of the templates of every word, or half of the words where there is one template; all where that is one."""
    if len(prompts[0]) > 1:
        return [line[i::2] for line in prompts]
    return list(prompts[i::2]) or list(prompts)


def _rows(prompts: Sequence[str], row_of: Mapping[str, FloatArray]) -> FloatArray:
    dim = len(next(iter(row_of.values())))
    return np.array([row_of[text] for text in prompts], dtype=np.float32).reshape(-1, dim)


def _average(prompts: Sequence[Sequence[str]], row_of: Mapping[str, FloatArray]) -> FloatArray:
    """One unit row (words, D) per word: the mean over its prompts."""
    rows = np.stack([np.mean([row_of[text] for text in line], axis=0) for line in prompts])
    unit: FloatArray = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return unit
