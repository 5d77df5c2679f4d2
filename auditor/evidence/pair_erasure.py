"""E3 of measured pairs: two sorts of eraser, and for the pairs that pass a screen what permuted presence gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.evidence.covariates import residual_presence
from auditor.evidence.erasure import Outcome, erased_outcome, fit_erasers
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pair_null import PairErasers, permute_presence
from auditor.evidence.pairs import Measured, PairEvidence
from auditor.evidence.reliance import (
    MIN_VARYING,
    Erasure,
    assign_class_folds,
    assign_folds,
    erasure_effect,
    margin_loss,
    n_varying,
)
from auditor.evidence.transferred import pair_erasers
from auditor.records import BoolArray, IntArray, Progress

_PAIRS_AT_ONCE = 512  # pairs of a pass over the head's inputs


def erase_pairs(inputs: EvidenceInput, measured: Measured, progress: Progress) -> None:
    """Fill in E3 of the measured pairs: a pass over the head's inputs for sums, and one for each sort of eraser."""
    if inputs.head is None or inputs.head_chunks is None:
        raise ValueError("erasure needs a head and its inputs")
    labels = inputs.label_idx
    asked = sorted({pair.concept_idx for pair in measured.pairs})
    targets = [v for v in asked if n_varying(measured.present[:, v], _known_labels(inputs, measured, v)) >= MIN_VARYING]
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
    within = erased_outcome(eraser.chunks, fitted.by_fold, folds, labels)
    for pair in pairs:
        found = _effects(eraser, pair, within, residual.column_of[pair.concept_idx])
        pair.erased_recall, pair.erased_pull, pair.erased_margin = found
    measured.erased, measured.erased_column = within.called_without, dict(residual.column_of)
    progress("evidence: erasure", 2, 3)
    _transfer(eraser, [pair for pair in pairs if _varies_elsewhere(eraser, pair)])
    progress("evidence: erasure", 3, 3)
    permute_presence(eraser, [pair for pair in pairs if pair.screened], progress)


def _known_labels(inputs: EvidenceInput, measured: Measured, concept_idx: int) -> IntArray:
    """(N,) labels, -1 where the concept's presence is not known."""
    return np.where(measured.known[:, concept_idx], inputs.label_idx, -1)


def _effects(
    eraser: PairErasers, pair: PairEvidence, outcome: Outcome, column: int
) -> tuple[Erasure, Erasure, Erasure]:
    """Of recall, of pull, and of the margin."""
    c, labels = pair.class_idx, _known_labels(eraser.inputs, eraser.measured, pair.concept_idx)
    before, after = outcome.called == c, outcome.called_without[:, column] == c
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
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        block = pairs[start : start + _PAIRS_AT_ONCE]
        columns = [eraser.residual.column_of[pair.concept_idx] for pair in block]
        classes = [pair.class_idx for pair in block]
        erasers = pair_erasers(eraser.fitted, classes, columns, eraser.class_folds, eraser.head)
        across = erased_outcome(eraser.chunks, erasers, eraser.of_label(), eraser.inputs.label_idx)
        for column, pair in enumerate(block):
            found = _effects(eraser, pair, across, column)
            pair.transferred_recall, pair.transferred_pull, pair.transferred_margin = found
