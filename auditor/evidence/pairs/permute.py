"""How the erasures of screened pairs compare with presence permuted within class: samples, deals, p-values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects.covariates import ResidualPresence
from auditor.evidence.effects.erasers import Fitted, HeadChunks, left_out
from auditor.evidence.effects.erasure_null import NullSample, deal, erase_dealt
from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.effects.strata import class_strata, usable_strata
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import ERASURES, Measured, PairEvidence, called_with_known
from auditor.records import BoolArray, FloatArray, IntArray, LinearHead, Progress
from auditor.rules import MIN_VARYING

#: Deals of permuted presence: no p below 1 / 200.
N_DEALS = 199
#: Pictures of the class, and of all others together, that presence is permuted on.
NULL_PICTURES = 1_000
_GATHERED = 40_000_000  # activations of samples held at a time
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class PairErasers:
    """What the erasures of all pairs share."""

    inputs: EvidenceInput
    measured: Measured
    chunks: HeadChunks
    head: LinearHead
    residual: ResidualPresence
    folds: IntArray  # (N,)
    class_folds: IntArray  # (C,)
    fitted: Fitted
    varying: Mapping[int, IntArray]  # concept -> (C,) pictures that vary within each class

    def of_label(self) -> IntArray:
        """Fold of every picture's class; the last one's for pictures without a label, which take no part."""
        return self.class_folds[self.inputs.label_idx]

    def told_by_others(self, pair: PairEvidence) -> BoolArray:
        """(C,) whether pictures of each class can be judged by what the concept does in classes that are not."""
        n_parts = self.fitted.n_parts
        of_part = np.bincount(self.class_folds, weights=self.varying[pair.concept_idx], minlength=n_parts)
        own = int(self.class_folds[pair.class_idx])
        kept = [of_part.sum() - of_part[list(left_out(own, part, n_parts))].sum() for part in range(n_parts)]
        return (np.array(kept) >= MIN_VARYING)[self.class_folds]

    def pulled(self, pair: PairEvidence) -> BoolArray:
        """(N,) pictures in which the pull is looked for: of the classes that other folds name, or all."""
        if pair.sources is None:
            return np.ones(self.folds.size, dtype=np.bool_)
        return pair.sources.pulled[self.folds, self.inputs.label_idx]


@dataclass(frozen=True, slots=True, eq=False)
class PermutedPresence:
    """What permuted presence says of the erasures of an audit's screened pairs: found when it is asked for."""

    eraser: PairErasers
    pairs: Sequence[PairEvidence]

    def ask(self, matters: Callable[[PairEvidence], bool], progress: Progress) -> None:
        """Fill in ``p`` and ``permuted`` of the erasures of the pairs that matter, class by class, once.

        All screened concepts of a class choose the sample and are dealt anew together, within the class and its strata
        of sub-kind and difficulty: which of them are asked for changes no answer.
        """
        by_class: dict[int, list[PairEvidence]] = {}
        for pair in self.pairs:
            by_class.setdefault(pair.class_idx, []).append(pair)
        asked = {c: [pair for pair in mine if not _asked(pair) and matters(pair)] for c, mine in by_class.items()}
        asked = {c: mine for c, mine in asked.items() if mine}
        if not asked:
            return
        eraser = self.eraser
        keys = hashed(f"{eraser.inputs.seed}\x00{image_id}" for image_id in eraser.inputs.image_ids)
        rows = {c: _sample(eraser, c, by_class[c], keys) for c in asked}
        done = 0
        for batch in _batches(rows, eraser.head.weight.shape[1]):
            gathered = np.unique(np.concatenate([rows[c] for c in batch]))
            x, logits = _gather(eraser.chunks, gathered)
            for c in batch:
                at = np.searchsorted(gathered, rows[c])
                _permute_class(eraser, c, by_class[c], asked[c], rows[c], x[at], logits[at])
                done += 1
                progress("evidence: permuted", done, len(rows))


def _asked(pair: PairEvidence) -> bool:
    return any(getattr(pair, name).p is not None for name in ERASURES)


def _sample(eraser: PairErasers, c: int, pairs: Sequence[PairEvidence], keys: NDArray[np.uint64]) -> IntArray:
    """Rows of a sample for class c, in an order that follows the ids.

    Of every class and every pattern of its concepts alike many pictures as far as there are: the few that lack a
    concept are all there. Of pictures that belong together one is taken, since they cannot be exchanged. Of classes
    that are pulled there are as many as of all others: among a hundred they would be a few pictures.
    """
    inputs, labels = eraser.inputs, eraser.inputs.label_idx
    rows = np.flatnonzero(labels >= 0)
    rows = rows[np.argsort(keys[rows], kind="stable")]
    if inputs.groups is not None:
        rows = rows[np.sort(np.unique(inputs.groups[rows], return_index=True)[1])]
    at = np.ix_(rows, np.array([pair.concept_idx for pair in pairs]))
    cell = labels[rows]
    for column in (*eraser.measured.present[at].T, *eraser.measured.known[at].T):
        cell = np.unique(2 * cell + column, return_inverse=True)[1]  # numbered anew: many columns would run over
    by_cell = np.argsort(cell, kind="stable")
    starts = np.r_[0, np.cumsum(np.bincount(cell))[:-1]]
    turn = np.empty(rows.size, dtype=np.int64)  # how many of a picture's cell come before it
    turn[by_cell] = np.arange(rows.size) - starts[cell[by_cell]]
    by_turn = rows[np.argsort(turn, kind="stable")]
    own = labels[by_turn] == c
    named = [np.flatnonzero(pair.sources.pulled.any(axis=0)) for pair in pairs if pair.sources is not None]
    source = ~own & np.isin(labels[by_turn], np.concatenate(named) if named else [])
    parts = (own, source, ~own & ~source)
    return np.concatenate([by_turn[part][:NULL_PICTURES] for part in parts])


def _batches(rows: dict[int, IntArray], width: int) -> Iterator[list[int]]:
    """Classes whose samples fit into memory together: each batch is a pass over the head's inputs."""
    batch: list[int] = []
    size = 0
    for c in rows:
        if batch and (size + rows[c].size) * width > _GATHERED:
            yield batch
            batch, size = [], 0
        batch.append(c)
        size += rows[c].size
    if batch:
        yield batch


def _gather(chunks: HeadChunks, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    """Inputs and logits of the given rows, which rise."""
    x, logits = [], []
    for part, activations, all_logits in chunks():
        inside = rows[np.searchsorted(rows, part.start) : np.searchsorted(rows, part.stop)] - part.start
        x.append(activations[inside])
        logits.append(all_logits[inside])
    return np.concatenate(x), np.concatenate(logits)


def _permute_class(
    eraser: PairErasers,
    c: int,
    screened: Sequence[PairEvidence],
    pairs: Sequence[PairEvidence],
    rows: IntArray,
    x: FloatArray,
    logits: FloatArray,
) -> None:
    """Of a class's screened pairs those that are asked for, on its sample."""
    inputs, labels = eraser.inputs, eraser.inputs.label_idx[rows]
    columns = np.array([eraser.residual.column_of[pair.concept_idx] for pair in pairs])
    at = np.ix_(rows, np.array([pair.concept_idx for pair in pairs]))
    present, known = eraser.measured.present[at], eraser.measured.known[at]
    residual = eraser.residual.values[np.ix_(rows, columns)]
    told = np.stack([eraser.told_by_others(pair)[labels] for pair in pairs], axis=1)
    pulled = np.stack([eraser.pulled(pair)[rows] for pair in pairs], axis=1)
    folds = eraser.folds[rows]
    sample = NullSample.of(
        x,
        logits,
        labels,
        folds,
        residual,
        present,
        known,
        told,
        fitted=eraser.fitted,
        head=eraser.head,
        class_folds=eraser.class_folds,
        pulled=pulled,
    )
    seed = hashlib.sha256(f"{inputs.seed}\x00{inputs.class_names[c]}".encode()).digest()
    dealt = np.ix_(rows, np.array([pair.concept_idx for pair in screened]))
    # another member in the place of a concept is part of what is dealt, not a presence that nobody knows
    said = np.isfinite(inputs.presence[dealt])
    cells = _cells(inputs, rows, eraser.measured.present[dealt], said)
    orders = deal(cells, N_DEALS, np.random.default_rng(list(seed[:8])))
    pooled, transferred = erase_dealt(sample, c, orders, eraser.class_folds, eraser.head)
    for i, pair in enumerate(pairs):
        pair.erased_recall = _compared(pair.erased_recall, pooled.recall[:, i])
        pair.erased_pull = _compared(pair.erased_pull, pooled.pull[:, i])
        n_called = max(called_with_known(inputs, eraser.measured, c, pair.concept_idx), 1)
        shares = pooled.share[:, i] / n_called, transferred.share[:, i] / n_called
        pair.erased_share = _compared(pair.erased_share, shares[0] * pair.erased_share.n_present)
        pair.erased_margin = _compared(pair.erased_margin, pooled.margin[:, i])
        pair.transferred_recall = _compared(pair.transferred_recall, transferred.recall[:, i])
        pair.transferred_pull = _compared(pair.transferred_pull, transferred.pull[:, i])
        pair.transferred_share = _compared(pair.transferred_share, shares[1] * pair.transferred_share.n_present)
        pair.transferred_margin = _compared(pair.transferred_margin, transferred.margin[:, i])


def _cells(inputs: EvidenceInput, rows: IntArray, present: BoolArray, known: BoolArray) -> IntArray:
    """(n,) class, stratum and which presences are known: within a cell presence is exchanged.

    The strata must leave the concepts room to vary.
    """
    labels = inputs.label_idx[rows]
    strata = np.zeros(rows.size, dtype=np.int64)
    for k in np.unique(labels):
        at = np.flatnonzero(labels == k)
        score, embeddings = inputs.class_prompt_score[rows[at], k], inputs.embeddings[rows[at]]
        found = class_strata(embeddings, score, order=np.arange(at.size), seed=inputs.seed)
        strata[at] = usable_strata(present[at], found)
    parts = np.column_stack([labels, strata, known])
    return np.unique(parts, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


def _compared(erasure: Erasure, deals: NDArray[np.float64]) -> Erasure:
    """An erasure with the share of deals, itself among them, that take away as much; row 0 is no deal."""
    if erasure.status != "measured":
        return erasure
    p = float(np.mean(deals >= deals[0] - _EQUAL))
    return replace(erasure, p=p, permuted=float(deals[1:].mean()))
