"""E3 of measured pairs: two sorts of eraser, and for the pairs that pass a screen what permuted presence gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from auditor.evidence.effects.covariates import residual_presence
from auditor.evidence.effects.erased_outcome import Outcome, erased_outcome
from auditor.evidence.effects.erasers import fit_erasers, pair_erasers
from auditor.evidence.effects.reliance import (
    NOT_IDENTIFIED,
    NOT_TOLD,
    Erasure,
    assign_class_folds,
    assign_folds,
    erasure_effect,
    margin_loss,
    tells,
    varying_pictures,
)
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence, called_with_known
from auditor.evidence.pairs.permute import PairErasers, PermutedPresence
from auditor.records import BoolArray, IntArray, Progress
from auditor.rules import FEW_A_CHANNEL, MIN_VARYING

_PAIRS_AT_ONCE = 512  # pairs of a pass over the head's inputs
_ANSWERS = 150_000_000  # pairs times pictures of a pass, some 5 bytes each: with more pictures fewer pairs
_HELD = 60_000_000  # numbers that the erasers of a pass are


def erase_pairs(
    inputs: EvidenceInput,
    measured: Measured,
    progress: Progress,
    matters: Callable[[PairEvidence], bool] = lambda _pair: True,
) -> PermutedPresence | None:
    """Fill in E3 of the measured pairs: a pass over the head's inputs for sums, and one for each sort of eraser.

    Args:
        inputs: What is judged; with a head and its inputs.
        measured: The pairs.
        progress: Called with (stage, done, total).
        matters: Of which screened pairs permuted presence is asked for: it costs more than all the rest.

    Returns:
        By which it can be asked for of others later; None where nothing can be erased.
    """
    if inputs.head is None or inputs.head_chunks is None:
        raise ValueError("erasure needs a head and its inputs")
    labels = inputs.label_idx
    concepts = sorted({pair.concept_idx for pair in measured.pairs})
    varying = {
        v: varying_pictures(measured.present[:, v], _known_labels(inputs, measured, v), len(inputs.class_names))
        for v in concepts
    }
    targets = [v for v in concepts if varying[v].sum() >= MIN_VARYING]
    if not targets:
        return None
    own_score = np.where(labels >= 0, inputs.class_prompt_score[np.arange(labels.size), labels], 0).astype(np.float32)
    residual = residual_presence(
        inputs.presence, labels, own_score, inputs.concepts, targets, inputs.same_as, measured.known
    )
    few = int((labels >= 0).sum()) < FEW_A_CHANNEL * inputs.head.weight.shape[1]
    for pair in measured.pairs:
        pair.partners, pair.few_pictures = residual.partners.get(pair.concept_idx, ()), few
    pairs = [pair for pair in measured.pairs if pair.concept_idx in residual.column_of]
    if not pairs:
        return None
    folds = assign_folds(inputs.image_ids, inputs.groups, seed=inputs.seed)
    class_folds = assign_class_folds(inputs.class_names)
    fitted = fit_erasers(inputs.head_chunks, residual.values, labels, folds, class_folds, inputs.head)
    eraser = PairErasers(
        inputs, measured, inputs.head_chunks, inputs.head, residual, folds, class_folds, fitted, varying
    )
    progress("evidence: erasure", 1, 3)
    pooled, everyone = fitted.pooled(), np.ones(labels.size, dtype=np.bool_)
    for block in _blocks(pairs, _at_once(labels.size)):
        erasers = pooled.of([residual.column_of[pair.concept_idx] for pair in block])
        within = erased_outcome(eraser.chunks, erasers, folds, labels, _classes(block))
        for column, pair in enumerate(block):
            found = _effects(eraser, pair, within, column, everyone)
            pair.erased_recall, pair.erased_pull, pair.erased_share, pair.erased_margin = found
            called, still = within.called == pair.class_idx, within.called_without[:, column]
            present, known = measured.present[:, pair.concept_idx], measured.known[:, pair.concept_idx]
            pair.lost, pair.gained = (
                np.flatnonzero(present & called & ~still),
                np.flatnonzero(known & ~present & ~called & still),
            )
    progress("evidence: erasure", 2, 3)
    _transfer(eraser, pairs)
    progress("evidence: erasure", 3, 3)
    permuted = PermutedPresence(replace(eraser, fitted=fitted.for_deals()), [pair for pair in pairs if pair.screened])
    permuted.ask(matters, progress)
    return permuted


def _at_once(n_pictures: int) -> int:
    """Pairs that a pass over so many pictures answers."""
    return min(_PAIRS_AT_ONCE, max(1, _ANSWERS // n_pictures))


def _blocks(pairs: Sequence[PairEvidence], at_once: int) -> Iterator[Sequence[PairEvidence]]:
    for start in range(0, len(pairs), at_once):
        yield pairs[start : start + at_once]


def _classes(pairs: Sequence[PairEvidence]) -> IntArray:
    return np.array([pair.class_idx for pair in pairs], dtype=np.int64)


def _known_labels(inputs: EvidenceInput, measured: Measured, concept_idx: int) -> IntArray:
    """(N,) labels, -1 where the concept's presence is not known."""
    return np.where(measured.known[:, concept_idx], inputs.label_idx, -1)


def _effects(
    eraser: PairErasers, pair: PairEvidence, outcome: Outcome, column: int, judged: BoolArray
) -> tuple[Erasure, Erasure, Erasure, Erasure]:
    """Of recall, of pull, of the share that is pulled, and of the margin, over the pictures that can be judged (N,)."""
    c, labels, groups = pair.class_idx, eraser.inputs.label_idx, eraser.inputs.groups
    # columns of large tables once, and pictures by their rows: masks over all of them would cost more than the rest
    present, known, after = (
        np.ascontiguousarray(table[:, at])
        for table, at in (
            (eraser.measured.present, pair.concept_idx),
            (eraser.measured.known, pair.concept_idx),
            (outcome.called_without, column),
        )
    )
    before, along = outcome.called == c, np.ascontiguousarray(outcome.along[:, column])
    residual = eraser.residual.values[:, eraser.residual.column_of[pair.concept_idx]]
    asked = judged & known & (labels >= 0)
    own, others = np.flatnonzero(asked & (labels == c)), np.flatnonzero(asked & (labels != c))

    def grouped(rows: IntArray) -> IntArray | None:
        return None if groups is None else groups[rows]

    def effect(rows: IntArray, n_called: float | None = None) -> Erasure:
        arms = before[rows], after[rows], present[rows], labels[rows]
        return erasure_effect(*arms, groups=grouped(rows), n_called=n_called)

    def silent(rows: IntArray) -> Erasure | None:
        if not rows.size:
            return NOT_IDENTIFIED
        return None if tells(along[rows], residual[rows], labels[rows], groups=grouped(rows)) else NOT_TOLD

    recall = margin = silent(own)
    if recall is None:
        recall = effect(own)
        margins = outcome.margin[own], outcome.margin_without(own, column)
        margin = margin_loss(*margins, present[own], groups=grouped(own))
    of_others, share = silent(others), NOT_IDENTIFIED
    if pair.pulled_share is not None and pair.pulled_share.status == "measured":
        n_called = called_with_known(eraser.inputs, eraser.measured, c, pair.concept_idx)
        if pair.sources is None:
            share = of_others or effect(others, n_called)
        else:
            pulled = others[eraser.pulled(pair)[others]]
            share = silent(pulled) or effect(pulled, n_called)
    return recall, of_others or effect(others), share, margin or NOT_IDENTIFIED


def _transfer(eraser: PairErasers, pairs: Sequence[PairEvidence]) -> None:
    """E3 by what the concept does in the other classes."""
    labels, fitted = eraser.inputs.label_idx, eraser.fitted
    parts = eraser.folds * fitted.n_parts + eraser.of_label()
    size = len(fitted.mean) * fitted.n_parts * sum(eraser.head.weight.shape)
    for block in _blocks(pairs, min(_at_once(labels.size), max(1, _HELD // size))):
        columns, classes = [eraser.residual.column_of[pair.concept_idx] for pair in block], _classes(block)
        erasers = pair_erasers(fitted, classes, columns, eraser.class_folds)
        across = erased_outcome(eraser.chunks, erasers, parts, labels, classes)
        for column, pair in enumerate(block):
            found = _effects(eraser, pair, across, column, eraser.told_by_others(pair)[labels])
            pair.transferred_recall, pair.transferred_pull, pair.transferred_share, pair.transferred_margin = found
