"""The words of the feature world, and an encoder that knows them: every word a direction, a prompt a little beside it.

Terms of what pictures show are those of the rendered world; words that nothing shows come from the program's default
vocabulary, so that kinds are as crowded as a user's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from auditor.inputs.vocabulary import load_vocabulary, slug
from auditor.inputs.words import number_forms, word_key
from auditor.models.encoders.encoder import Encoder
from auditor.models.preprocess import Preprocess
from auditor.records import FloatArray
from benchmarks.planted.second.scenarios import WORLD, FeatureScenario
from benchmarks.planted.words import WORDS
from benchmarks.planted.worlds import CHANGED, FACTOR_VALUES

DIM = 256
LOGIT_SCALE = 30.0
KIND = {"background": "scene", "artifact": "artifact", "light": "light"}
#: Words that nearly mean a value without being its synonyms: concepts of their own.
NEAR_SYNONYMS: dict[str, tuple[str, ...]] = {
    "water": ("pond", "river", "shore"),
    "forest": ("grove", "thicket", "woodland"),
    "sand": ("beach", "gravel pit", "dry land"),
    "snow": ("frost", "glacier", "sleet"),
    "grass": ("lawn", "pasture", "prairie"),
    "city": ("town", "alley", "skyline"),
    "watermark": ("overprint", "copyright line", "brand mark"),
    "ruler": ("measuring tape", "gauge", "scale strip"),
    "sticker": ("label patch", "decal", "tag"),
}
_TEMPLATES = {
    "object": ("a photo of a {}", "a picture of a {}", "a {}"),
    "scene": ("a picture taken at {}", "a {} scene", "a photo with {} behind"),
    "artifact": ("a picture with {} over it", "a photo with {} added", "{} on the photo"),
    "light": ("a picture taken in {}", "a photo in {}"),
    "context_object": ("a photo with {} in it", "a photo of something beside {}"),
    "person": ("a photo with {} in the picture", "a photo that shows {}"),
}
_ABSENT = {
    "artifact": ("a picture with no mark over it", "a picture with nothing over it"),
    "light": ("a picture taken in daylight", "a picture taken in normal light"),
}
_NEUTRAL = {"artifact": "none", "light": "day"}  # what absence reads like is this value
#: Words that nothing shows, by kind: of the plain vocabulary, and of the one with near synonyms (200 concepts in all).
_FOREIGN = {"scene": 8, "artifact": 6, "context_object": 8, "person": 3}
_MANY_FOREIGN = {"scene": 50, "artifact": 30, "context_object": 70, "person": 14}
#: Cosine with the first word of a value: of its synonyms, and of what nearly means it.
_SYNONYM, _NEARLY = 0.85, 0.75
_PROMPT_NOISE = 0.15


@dataclass(frozen=True, slots=True)
class Term:
    """A concept of the vocabulary: its words, the first its term."""

    kind: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """Directions of classes, of values (by factor, in the order of their codes), and the concepts with theirs."""

    common: NDArray[np.float64]  # (D,) what all pictures have in common
    class_vectors: NDArray[np.float64]  # (C, D)
    value_vectors: dict[str, NDArray[np.float64]]
    terms: tuple[Term, ...]
    prompts: dict[str, FloatArray]  # every text that is ever asked, to its row (D,)

    @classmethod
    def of(cls, scenario: FeatureScenario) -> Language:
        """The scenario's vocabulary, and rows for all of its prompts and for those of the class names."""
        rng = np.random.default_rng((scenario.seed, 91))
        values = {factor: np.stack([_direction(rng) for _ in FACTOR_VALUES[factor]]) for factor in KIND}
        classes = np.stack([_direction(rng) for _ in range(scenario.n_classes)])
        word_rows: dict[str, NDArray[np.float64]] = {}
        terms = []
        for term, heart in _terms(scenario, values):
            terms.append(term)
            for k, word in enumerate(term.words):
                own = _direction(rng)
                share = 0.0 if heart is None else 1.0 if k == 0 and heart.first else heart.cosine(k)
                centre = 0.0 if heart is None else share * heart.row
                word_rows[word] = centre + np.sqrt(1 - share**2) * own
        prompts: dict[str, FloatArray] = {}
        for term in terms:
            for word in term.words:
                for template in _TEMPLATES[term.kind]:
                    prompts[template.replace("{}", word)] = _prompt(word_rows[word], rng)
        for one, row in zip(scenario.classes, classes, strict=True):
            for template in _TEMPLATES["object"]:
                prompts[template.replace("{}", one.name)] = _prompt(row, rng)
        for kind, texts in _ABSENT.items():
            nothing = values[kind][FACTOR_VALUES[kind].index(_NEUTRAL[kind])]
            prompts |= {text: _prompt(nothing, rng) for text in texts}
        for factor, value in scenario.unseen:  # it has a word, and no picture looks like it
            code = FACTOR_VALUES[factor].index(value)
            neutral = CHANGED[factor]
            values[factor][code] = 0.0 if neutral is None else values[factor][FACTOR_VALUES[factor].index(neutral)]
        return cls(0.7 * _direction(rng), classes, values, tuple(terms), prompts)

    def vocabulary(self) -> str:
        """The concepts as a vocabulary file."""
        kinds = dict.fromkeys(["object", *(term.kind for term in self.terms)])
        lines = ["[templates]", *(f"{kind} = {json.dumps(list(_TEMPLATES[kind]))}" for kind in kinds), ""]
        lines += ["[absent]", *(f"{kind} = {json.dumps(list(texts))}" for kind, texts in _ABSENT.items()), ""]
        for term in self.terms:
            lines += ["[[concept]]", f"term = {json.dumps(term.words[0])}", f"kind = {json.dumps(term.kind)}"]
            lines += [f"synonyms = {json.dumps(list(term.words[1:]))}"] if len(term.words) > 1 else []
        return "\n".join(lines) + "\n"

    def encoder(self, folder: Path) -> Encoder:
        """An encoder of texts; pictures have their rows already. Its vocabulary is written into the folder."""
        text = self.vocabulary()
        path = folder / f"vocabulary-{hashlib.sha256(text.encode()).hexdigest()[:12]}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

        def encode_texts(texts: Sequence[str]) -> FloatArray:
            return np.stack([self.prompts[one] for one in texts])

        return Encoder(
            spec="planted:features",
            digest=hashlib.sha256(text.encode()).hexdigest(),
            dim=DIM,
            logit_scale=LOGIT_SCALE,
            preprocess=Preprocess(size=(8, 8), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
            input_size=8,
            encode_images=_no_pictures,
            encode_texts=encode_texts,
            knows=lambda _word: True,
            vocabulary_path=path,
        )


def names_of(scenario: FeatureScenario) -> dict[tuple[str, str], list[str]]:
    """Concepts that name each value, its own word first; what only nearly means it counts as well."""
    found: dict[tuple[str, str], list[str]] = {}
    for factor in KIND:
        for value in WORLD.of(factor):
            if value == CHANGED[factor]:
                continue
            own = [] if (factor, value) in scenario.unnamed else [WORDS[factor][value][0]]
            near = NEAR_SYNONYMS.get(value, ()) if scenario.synonyms else ()
            found[factor, value] = [slug(word) for word in (*own, *near)]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Heart:
    """What the words of a concept mean: the row of a value, and how near they come to it."""

    row: NDArray[np.float64]
    first: bool  # whether the term is the value's own word

    def cosine(self, place: int) -> float:
        return _SYNONYM if self.first and place else _NEARLY


def _terms(scenario: FeatureScenario, values: dict[str, NDArray[np.float64]]) -> Iterator[tuple[Term, _Heart | None]]:
    """Every concept, and what its words mean; None for those that nothing shows."""
    taken: set[str] = set()
    found: list[tuple[Term, _Heart | None]] = []
    for factor, kind in KIND.items():
        for value in WORLD.of(factor):
            words, row = WORDS[factor][value], values[factor][FACTOR_VALUES[factor].index(value)]
            if value != CHANGED[factor] and (factor, value) not in scenario.unnamed:
                found.append((Term(kind, words), _Heart(row, first=True)))
            for near in NEAR_SYNONYMS.get(value, ()) if scenario.synonyms else ():
                found.append((Term(kind, (near,)), _Heart(row, first=False)))
            # a word for what must have none may not come back with the words that nothing shows
            taken.update(form for word in (*words, *NEAR_SYNONYMS.get(value, ())) for form in _forms(word))
    yield from found
    for kind, count in (_MANY_FOREIGN if scenario.synonyms else _FOREIGN).items():
        foreign = [
            concept.term
            for concept in load_vocabulary().concepts
            if concept.kind == kind and not taken & set(_forms(concept.term))
        ]
        for term in foreign[:count]:
            yield Term(kind, (term,)), None


def _forms(word: str) -> list[str]:
    return list(number_forms(word_key(word)))


def _direction(rng: np.random.Generator) -> NDArray[np.float64]:
    row = rng.normal(size=DIM)
    return np.asarray(row / np.linalg.norm(row))


def _prompt(row: NDArray[np.float64], rng: np.random.Generator) -> FloatArray:
    beside = row + _PROMPT_NOISE * _direction(rng)
    return np.asarray(beside / np.linalg.norm(beside), dtype=np.float32)


def _no_pictures(_pixels: torch.Tensor) -> Any:
    raise ValueError("the feature world has no pixels")
