"""Whether the encoder can tell context from class in these pictures: what its words are worth, before any are used.

An encoder that sees the class in every word says of each context word that it goes with the class. Words that tell a
class are no fault by themselves (a planted background does), but not many of them at once: of a broad vocabulary most
words have nothing to do with any class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.concept_records import Contradiction, EncoderFit
from auditor.evidence.effects.association import AssociationAuc
from auditor.records import Concept, FloatArray, IntArray
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
    n_copies = (np.abs(auc.auc[:, measured] - 0.5) > COPIES_AUC - 0.5).sum(axis=1)
    too_many = (n_copies > COPIES_PART * measured.sum()) & (n_copies >= COPIES_LEAST)
    told = np.full(0, np.nan) if kappa is None else kappa[words].astype(np.float64)
    told = told[np.isfinite(told)]
    return EncoderFit(
        n_pictures=int(labelled.sum()),
        n_recognised=int((class_prompt_score[labelled].argmax(axis=1) == label_idx[labelled]).sum()),
        n_words=int(measured.sum()),
        n_copies=tuple(n_copies.tolist()),
        tells_context=tuple((~too_many).tolist()),
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
                counts = int(one.sum()), int(other.sum()), int((one & other).sum())
                found.append(Contradiction(concepts[at[first]].term, concepts[at[second]].term, *counts))
    return tuple(sorted(found, key=lambda pair: (-pair.n_both, pair.first, pair.second)))
