"""E3 of measured pairs: two sorts of eraser, and for the pairs that pass a screen what permuted presence gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from auditor.evidence.effects.covariates import residual_presence
from auditor.evidence.effects.erasers import Outcome, erased_outcome, fit_erasers, pair_erasers
from auditor.evidence.effects.reliance import (
    Erasure,
    assign_class_folds,
    assign_folds,
    erasure_effect,
    margin_loss,
    n_varying,
)
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence
from auditor.evidence.pairs.permute import PairErasers, permute_presence
from auditor.records import BoolArray, IntArray, Progress
from auditor.rules import MIN_VARYING

_PAIRS_AT_ONCE = 512  # pairs of a pass over the head's inputs


def erase_pairs(inputs: EvidenceInput, measured: Measured, progress: Progress) -> None:
    """Fill in E3 of the measured pairs: a pass over the head's inputs for sums, and one for each sort of eraser."""
    if inputs.head is None or inputs.head_chunks is None:
        raise ValueError("erasure needs a head and its inputs")
    labels = inputs.label_idx
    concepts = sorted({pair.concept_idx for pair in measured.pairs})
    targets = [
        v for v in concepts if n_varying(measured.present[:, v], _known_labels(inputs, measured, v)) >= MIN_VARYING
    ]
    if not targets:
        return
    own_score = np.where(labels >= 0, inputs.class_prompt_score[np.arange(labels.size), labels], 0).astype(np.float32)
    residual = residual_presence(inputs.presence, labels, own_score, inputs.concepts, targets, inputs.same_as)
    for pair in measured.pairs:
        pair.partners = residual.partners.get(pair.concept_idx, ())
    pairs = [pair for pair in measured.pairs if pair.concept_idx in residual.column_of]
    if not pairs:
        return
    folds = assign_folds(inputs.image_ids, inputs.groups, seed=inputs.seed)
    class_folds = assign_class_folds(inputs.class_names)
    fitted = fit_erasers(inputs.head_chunks, residual.values, labels, folds, class_folds, inputs.head)
    eraser = PairErasers(inputs, measured, inputs.head_chunks, inputs.head, residual, folds, class_folds, fitted)
    progress("evidence: erasure", 1, 3)
    for block in _blocks(pairs):
        erasers = fitted.by_fold.of([residual.column_of[pair.concept_idx] for pair in block])
        within = erased_outcome(eraser.chunks, erasers, folds, labels, _classes(block))
        for column, pair in enumerate(block):
            found = _effects(eraser, pair, within, column)
            pair.erased_recall, pair.erased_pull, pair.erased_margin = found
            gone = (within.called == pair.class_idx) & ~within.called_without[:, column]
            pair.lost = np.flatnonzero(measured.present[:, pair.concept_idx] & gone)
    progress("evidence: erasure", 2, 3)
    _transfer(eraser, [pair for pair in pairs if _varies_elsewhere(eraser, pair)])
    progress("evidence: erasure", 3, 3)
    permute_presence(eraser, [pair for pair in pairs if pair.screened], progress)


def _blocks(pairs: Sequence[PairEvidence]) -> Iterator[Sequence[PairEvidence]]:
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        yield pairs[start : start + _PAIRS_AT_ONCE]


def _classes(pairs: Sequence[PairEvidence]) -> IntArray:
    return np.array([pair.class_idx for pair in pairs], dtype=np.int64)


def _known_labels(inputs: EvidenceInput, measured: Measured, concept_idx: int) -> IntArray:
    """(N,) labels, -1 where the concept's presence is not known."""
    return np.where(measured.known[:, concept_idx], inputs.label_idx, -1)


def _effects(
    eraser: PairErasers, pair: PairEvidence, outcome: Outcome, column: int
) -> tuple[Erasure, Erasure, Erasure]:
    """Of recall, of pull, and of the margin."""
    c, labels = pair.class_idx, _known_labels(eraser.inputs, eraser.measured, pair.concept_idx)
    before, after = outcome.called == c, outcome.called_without[:, column]
    present, groups = eraser.measured.present[:, pair.concept_idx], eraser.inputs.groups
    own = labels == c

    def effect(among: BoolArray) -> Erasure:
        subset = None if groups is None else groups[among]
        return erasure_effect(before[among], after[among], present[among], labels[among], groups=subset)

    subset = None if groups is None else groups[own]
    margin = margin_loss(outcome.margin[own], outcome.margin_without[own, column], present[own], groups=subset)
    return effect(own), effect((labels >= 0) & ~own), margin


def _varies_elsewhere(eraser: PairErasers, pair: PairEvidence) -> bool:
    labels = _known_labels(eraser.inputs, eraser.measured, pair.concept_idx)
    elsewhere = (labels >= 0) & (eraser.of_label() != eraser.class_folds[pair.class_idx])
    present = eraser.measured.present[:, pair.concept_idx]
    return n_varying(present, np.where(elsewhere, labels, -1)) >= MIN_VARYING


def _transfer(eraser: PairErasers, pairs: Sequence[PairEvidence]) -> None:
    """E3 by what the concept does in the other classes."""
    for block in _blocks(pairs):
        columns, classes = [eraser.residual.column_of[pair.concept_idx] for pair in block], _classes(block)
        erasers = pair_erasers(eraser.fitted, classes, columns, eraser.class_folds, eraser.head)
        across = erased_outcome(eraser.chunks, erasers, eraser.of_label(), eraser.inputs.label_idx, classes)
        for column, pair in enumerate(block):
            found = _effects(eraser, pair, across, column)
            pair.transferred_recall, pair.transferred_pull, pair.transferred_margin = found
