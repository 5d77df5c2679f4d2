"""Which pictures show a class's evidence: those that carry the concept most, and those that break it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from auditor.concept_records import FixedPlace
from auditor.records import Concept, FloatArray, IntArray, Verdict
from auditor.rules import PRESENT, is_loss

#: Pictures with and pictures without the leading concept that get a map, per class.
PICTURES_PER_SIDE = 6


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A picture to be mapped for a class, and for a concept where the class's verdict names one."""

    row: int
    class_idx: int
    concept_idx: int | None


def choose_exemplars(
    verdicts: Sequence[Verdict],
    concepts: Sequence[Concept],
    label_idx: IntArray,
    predicted_idx: IntArray,
    shares: sparse.csr_array,
    presence: FloatArray,
    places: Mapping[int, Sequence[int]] | None = None,
) -> list[Exemplar]:
    """Pick the pictures of every class, in the order of the classes.

    Args:
        verdicts: One per class.
        concepts: V concepts; families among them have the shares of their members once more.
        label_idx: (N,) label, -1 for none.
        predicted_idx: (N,) prediction.
        shares: (N, V) shares of the phrases of the predicted class.
        presence: (N, V) presence of the concepts in the pictures, not finite where it is not known.
        places: By class the pictures that show where its evidence lies, see :func:`place_rows`.

    Returns:
        Per class, the pictures predicted as it where its concept has the largest share (an attribute, which has no
        words: where it is present), then the pictures labelled as it without the concept, mistakes first, then those
        of other classes that are called it and show the concept; of a concept that the class loses pictures to, its
        own pictures with it, mistakes first, and without it; without a concept, the pictures best explained by words.
        The pictures of its places come before them.
    """
    by_id = {concept.concept_id: idx for idx, concept in enumerate(concepts)}
    words = [idx for idx, concept in enumerate(concepts) if not concept.members]
    chosen: list[Exemplar] = []
    for verdict in verdicts:
        chosen += [Exemplar(row, verdict.class_idx, None) for row in (places or {}).get(verdict.class_idx, ())]
        predicted = np.flatnonzero(predicted_idx == verdict.class_idx)
        concept_idx = by_id.get(verdict.concept_id) if verdict.concept_id else None
        if concept_idx is None:
            strength = np.asarray(shares[predicted][:, words].sum(axis=1)).reshape(-1)
            rows = _largest(predicted, strength, PICTURES_PER_SIDE)
            chosen += [Exemplar(int(row), verdict.class_idx, None) for row in rows]
            continue
        if is_loss(verdict.rule_id):
            sides = _broken_and_not(verdict.class_idx, label_idx, predicted_idx, presence[:, concept_idx])
            chosen += [Exemplar(row, verdict.class_idx, concept_idx) for row in sides]
            continue
        strength = shares[predicted][:, [concept_idx]].toarray().reshape(-1)
        if concepts[concept_idx].column is not None:
            # presence is 1 in many: the class's own pictures are shown on this side
            strength = np.nan_to_num(presence[predicted, concept_idx]) + (label_idx[predicted] == verdict.class_idx)
        carrying = _largest(predicted, strength, PICTURES_PER_SIDE)
        without = np.flatnonzero((label_idx == verdict.class_idx) & (presence[:, concept_idx] <= PRESENT))
        mistaken = (predicted_idx[without] != verdict.class_idx).astype(float)
        breaking = _largest(without, mistaken - presence[without, concept_idx], PICTURES_PER_SIDE)
        labels = label_idx[predicted]
        foreign = (labels >= 0) & (labels != verdict.class_idx) & (presence[predicted, concept_idx] > PRESENT)
        pulled = _largest(predicted[foreign], strength[foreign], PICTURES_PER_SIDE)
        every = dict.fromkeys([*carrying.tolist(), *breaking.tolist(), *pulled.tolist()])
        chosen += [Exemplar(row, verdict.class_idx, concept_idx) for row in every]
    return chosen


def place_rows(image_ids: Sequence[str], places: Sequence[FixedPlace]) -> dict[int, list[int]]:
    """By class the rows of the pictures that show its fixed places most, as many as have a map on a side."""
    row_of = {image_id: row for row, image_id in enumerate(image_ids)}
    found: dict[int, list[int]] = {}
    for place in places:
        rows = [row_of[image_id] for image_id in place.image_ids[:PICTURES_PER_SIDE]]
        found[place.class_idx] = list(dict.fromkeys([*found.get(place.class_idx, []), *rows]))
    return found


def _broken_and_not(class_idx: int, label_idx: IntArray, predicted_idx: IntArray, presence: FloatArray) -> list[int]:
    """Pictures of a class with what harms it, mistakes first, and those without it that are recognised first."""
    own = label_idx == class_idx
    called = (predicted_idx == class_idx).astype(float)
    there, absent = np.flatnonzero(own & (presence > PRESENT)), np.flatnonzero(own & (presence <= PRESENT))
    broken = _largest(there, presence[there] - called[there], PICTURES_PER_SIDE)
    whole = _largest(absent, called[absent] - presence[absent], PICTURES_PER_SIDE)
    return [*broken.tolist(), *whole.tolist()]


def _largest(rows: IntArray, strength: np.ndarray, n: int) -> IntArray:
    """The ``n`` rows of greatest strength; equal ones in the order of the rows."""
    best: IntArray = rows[np.argsort(-strength, kind="stable")[:n]]
    return best
