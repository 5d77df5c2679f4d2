"""Whether the encoder can tell context from class in these pictures: what its words are worth, before any are used.

An encoder that sees the class in every word says of each context word that it goes with the class. Words that tell a
class are no fault by themselves (a planted background does), but not many of them at once: of a broad vocabulary most
words have nothing to do with any class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditor.evidence.effects.association import AssociationAuc
from auditor.records import BoolArray, Concept, FloatArray, IntArray
from auditor.rules import COPIES_AUC, COPIES_LEAST, COPIES_PART, PRESENT

#: Concepts of the bundled vocabulary that no picture shows both of, by id. One picture may well show a lake and a
#: forest, or rain and clouds; these are what an encoder must not say of one and the same photograph.
CONTRARY = (
    ("bright-light", "dim-light"),
    ("bright-sunlight", "moonlight"),
    ("bright-sunlight", "night"),
    ("clear-weather", "fog"),
    ("clear-weather", "snowfall"),
    ("clear-weather", "storm"),
    ("daylight", "moonlight"),
    ("daylight", "night"),
    ("overexposed", "underexposed"),
    ("high-contrast", "low-contrast"),
    ("black-and-white", "vivid-colours"),
    ("aerial-view", "close-up"),
    ("underwater", "desert"),
    ("underwater", "ski-slope"),
)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two words that exclude each other, in how many pictures each is said to be, and in how many both."""

    first: str
    second: str
    n_first: int
    n_second: int
    n_both: int


@dataclass(frozen=True, slots=True, eq=False)
class EncoderFit:
    """How far the encoder's words can be trusted on these pictures.

    Attributes:
        n_pictures: Labelled pictures.
        n_recognised: Of them those that are most like the prompts of their own class's name (zero-shot).
        n_words: Context words whose presence is measured; no columns, no families.
        n_copies: (C,) of these words, how many tell the class: an AUC over COPIES_AUC, or under one less it.
        kappa: Median kappa of presence told twice over the context words; NaN where none was told twice.
        n_doubted: Context words that are not measured, as two halves of the prompts disagree.
        contradictions: Pairs that both were said of some pictures, the most pictures first.
    """

    n_pictures: int
    n_recognised: int
    n_words: int
    n_copies: IntArray
    kappa: float
    n_doubted: int
    contradictions: tuple[Contradiction, ...]

    @property
    def zero_shot(self) -> float:
        """Share of the labelled pictures that the encoder recognises by the names of the classes; 0 without any."""
        return self.n_recognised / self.n_pictures if self.n_pictures else 0.0

    @property
    def tells_context(self) -> BoolArray:
        """(C,) whether words say something about a class: not where too many of them tell it."""
        return ~((self.n_copies > COPIES_PART * self.n_words) & (self.n_copies >= COPIES_LEAST))


def encoder_fit(
    presence: FloatArray,
    class_prompt_score: FloatArray,
    label_idx: IntArray,
    concepts: Sequence[Concept],
    auc: AssociationAuc,
    kappa: FloatArray | None,
) -> EncoderFit:
    """Measure it.

    Args:
        presence: (N, V) in [0, 1]; not finite where it is not known.
        class_prompt_score: (N, C) the encoder's score of every class's name.
        label_idx: (N,), -1 for none.
        concepts: V.
        auc: (C, V) of presence, class against the rest.
        kappa: (V,) of presence told twice, NaN where nothing was to be told; None: never told.
    """
    words = np.array([c.is_context and c.column is None and not c.members for c in concepts], dtype=np.bool_)
    measured = words & np.asarray(np.isfinite(presence).any(axis=0))
    labelled = label_idx >= 0
    distance = np.abs(auc.auc[:, measured] - 0.5)
    told = np.full(0, np.nan) if kappa is None else kappa[words].astype(np.float64)
    told = told[np.isfinite(told)]
    return EncoderFit(
        n_pictures=int(labelled.sum()),
        n_recognised=int((class_prompt_score[labelled].argmax(axis=1) == label_idx[labelled]).sum()),
        n_words=int(measured.sum()),
        n_copies=np.asarray((distance > COPIES_AUC - 0.5).sum(axis=1), dtype=np.int64),
        kappa=float(np.median(told)) if told.size else float("nan"),
        n_doubted=int((words & ~measured).sum()),
        contradictions=_contradictions(presence, concepts),
    )


def _contradictions(presence: FloatArray, concepts: Sequence[Concept]) -> tuple[Contradiction, ...]:
    at = {concept.concept_id: v for v, concept in enumerate(concepts) if concept.column is None}
    found = []
    for first, second in CONTRARY:
        if first in at and second in at:
            one, other = (presence[:, at[v]] > PRESENT for v in (first, second))
            if (one & other).any():
                terms = (concepts[at[v]].term for v in (first, second))
                found.append(Contradiction(*terms, int(one.sum()), int(other.sum()), int((one & other).sum())))
    return tuple(sorted(found, key=lambda pair: (-pair.n_both, pair.first, pair.second)))
