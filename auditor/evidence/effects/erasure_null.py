"""The null of E3: what an eraser takes away that was fitted to the same presences dealt out anew within each class.

Dealing presence out anew leaves the head's inputs alone, and with them Sigma_w. So of every fold two Gram matrices of a
class's sample answer every deal: with S the pictures of the other folds, less the means of their classes, J those of
the fold, less the mean of all, A = Sigma_w + lambda diag of the other folds, and q the residual presence as dealt,
sigma = S^T q, x.u = J A^-1 S^T q and u.sigma = q^T S A^-1 S^T q, and no channel is touched again. It is the matrix that
the erasers themselves have. Isotropic random directions are no null: most of them point where pictures hardly differ,
and clean pairs beat them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects.erasers import Fitted, left_out
from auditor.records import BoolArray, FloatArray, IntArray, LinearHead

Float64Array = NDArray[np.float64]

_BLOCK = 100_000  # erased logits of a class at a time: they stay in the cache
_PAIRS_OF_LOGITS = 1_000_000  # erased logits of some pictures and deals held at a time
_COLUMNS = 1_000  # of concepts times deals at a time
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    """Pictures of a fold, m of them, and those of the other folds, s, that their erasers are fitted on."""

    judged: IntArray  # (m,) rows of the sample
    fitted_on: IntArray  # (s,) rows of the sample
    parts: IntArray  # (s,) folds of their classes, which rise: what is of one fold is a slice
    along: FloatArray  # (m, s) J A^-1 S^T
    gram: FloatArray  # (s, s) S A^-1 S^T
    head_input: FloatArray  # (C, s) W S^T


@dataclass(frozen=True, slots=True, eq=False)
class NullSample:
    """Pictures of one class and of others on which its concepts are dealt anew: n pictures, T concepts."""

    folds: tuple[_Fold, ...]
    logits: FloatArray  # (n, C)
    label_idx: IntArray  # (n,)
    residual: FloatArray  # (n, T)
    present: BoolArray  # (n, T)
    known: BoolArray  # (n, T) whether presence is known
    told_by_others: BoolArray  # (n, T) whether classes that are not judged tell the transferred eraser anything
    pulled: BoolArray  # (n, T) where the share that is pulled is looked for

    @classmethod
    def of(
        cls,
        x: FloatArray,
        logits: FloatArray,
        label_idx: IntArray,
        folds: IntArray,
        residual: FloatArray,
        present: BoolArray,
        known: BoolArray,
        told_by_others: BoolArray,
        fitted: Fitted,
        head: LinearHead,
        class_folds: IntArray,
        *,
        pulled: BoolArray | None = None,
    ) -> NullSample:
        """From the head's inputs (n, K) of the sample and what was fitted on all pictures."""
        parts = []
        for f in np.unique(folds):
            judged, fitted_on = np.flatnonzero(folds == f), np.flatnonzero(folds != f)
            class_fold = class_folds[label_idx[fitted_on]]
            order = np.argsort(class_fold, kind="stable")
            fitted_on, class_fold = fitted_on[order], class_fold[order]
            centred = x[fitted_on] - fitted.class_means[f][label_idx[fitted_on]]
            along, gram = fitted.inverse[f].products(x[judged] - fitted.mean[f], centred)
            parts.append(_Fold(judged, fitted_on, class_fold, along, gram, head.weight @ centred.T))
        everywhere = np.ones_like(known) if pulled is None else pulled
        return cls(tuple(parts), logits, label_idx, residual, present, known, told_by_others, everywhere)


@dataclass(frozen=True, slots=True, eq=False)
class Deals:
    """E3 of every deal, (P + 1, T) each; row 0 is the presence as it is."""

    recall: Float64Array
    pull: Float64Array
    share: Float64Array  # mean over the pictures with the concept: of what is called c it is this times theirs
    margin: Float64Array  # part of the margin that goes with the concept, see reliance.margin_loss


def deal(cells: IntArray, n_deals: int, rng: np.random.Generator) -> IntArray:
    """(P + 1, n) orders of pictures: the first as they are, the others exchanged within their cells only."""
    order = np.argsort(cells, kind="stable")
    found = np.tile(np.arange(cells.size, dtype=np.int64), (n_deals + 1, 1))
    for one in found[1:]:
        one[order] = np.lexsort((rng.random(cells.size), cells))
    return found


def of_overlap(n1: Float64Array, n0: Float64Array) -> Float64Array:
    """Weights n1 n0 / (n1 + n0) of classes, as recall and pull have them."""
    return np.asarray(n1 * n0 / np.maximum(n1 + n0, 1))


def of_present(n1: Float64Array, n0: Float64Array) -> Float64Array:
    """Weights n1 of classes with both arms, as the share that is pulled has them."""
    return np.where(n0 > 0, n1, 0.0)


def contrast(
    present: BoolArray,
    among: BoolArray,
    label_idx: IntArray,
    weigh: Callable[[Float64Array, Float64Array], Float64Array] = of_overlap,
) -> Float64Array:
    """(n, T) coefficients that turn falls into the DiD: w_k / n_k1 with the concept, -w_k / n_k0 without, over sum w.

    Zero where ``among`` (n, T) does not hold, and where a class lacks an arm.
    """
    size = int(label_idx.max(initial=0)) + 1
    n, n1 = (
        np.stack([np.bincount(label_idx[column], minlength=size) for column in counted.T], axis=1).astype(np.float64)
        for counted in (among, among & present)
    )
    w = weigh(n1, n - n1)
    w = w / np.maximum(w.sum(axis=0), _NOTHING)
    with_v, without_v = (w / np.maximum(n1, 1))[label_idx], (w / np.maximum(n - n1, 1))[label_idx]
    return np.where(among, np.where(present, with_v, -without_v), 0.0)


def erase_dealt(
    sample: NullSample, class_idx: int, orders: IntArray, class_folds: IntArray, head: LinearHead
) -> tuple[Deals, Deals]:
    """Fit both erasers to every deal and measure E3 of class c with the presence that was dealt.

    All concepts of the sample are dealt together, so that what goes with what stays as it is.

    Args:
        sample: The pictures.
        class_idx: The class c.
        orders: (P + 1, n) from :func:`deal`.
        class_folds: (C,) fold of every class.
        head: The last linear layer.

    Returns:
        By the pooled eraser, and by the transferred one.
    """
    own = sample.label_idx == class_idx
    mine, others = sample.known & own[:, None], sample.known & ~own[:, None]
    everyone = np.ones_like(sample.told_by_others)
    contrasts = [
        (
            contrast(sample.present, mine & told, sample.label_idx),
            contrast(sample.present, others & told, sample.label_idx),
            contrast(sample.present, others & told & sample.pulled, sample.label_idx, of_present),
        )
        for told in (everyone, sample.told_by_others)
    ]
    nothing = np.zeros((own.size, 1), np.float32), np.zeros((head.weight.shape[0], 1), np.float32)
    before = _lead(sample.logits, *nothing, class_idx)[:, 0]
    deals: list[list[tuple[Float64Array, ...]]] = [[], []]
    step = max(1, _COLUMNS // len(orders))
    for start in range(0, sample.residual.shape[1], step):
        block = slice(start, start + step)
        dealt = sample.residual[:, block][orders].transpose(1, 0, 2)  # (n, P + 1, t)
        erased = _erased_lead(sample, class_idx, dealt.reshape(own.size, -1), class_folds)
        for found, after, arms in zip(deals, erased, contrasts, strict=True):
            lost = ((before > 0)[:, None].astype(np.int8) - (after > 0)).reshape(dealt.shape)
            fallen = (before[:, None] - after).reshape(dealt.shape)
            recall, pull, share = (one[:, block][orders] for one in arms)
            pairs = ((recall, lost), (pull, lost), (share, lost), (recall, fallen))
            found.append(tuple(np.einsum("pnt,npt->pt", one, fall) for one, fall in pairs))

    def gathered(found: list[tuple[Float64Array, ...]], of_recall: Float64Array) -> Deals:
        recalls, pulls, shares, falls = (np.hstack(columns) for columns in zip(*found, strict=True))
        made = of_recall.T @ before
        return Deals(recalls, pulls, shares, np.divide(falls, made, out=np.zeros_like(falls), where=made > _NOTHING))

    pooled, transferred = (gathered(found, arms[0]) for found, arms in zip(deals, contrasts, strict=True))
    return pooled, transferred


@dataclass(frozen=True, slots=True, eq=False)
class _Dealt:
    """What a fold's erasers are made of under J deals, by fold of the classes that it comes from."""

    along: dict[int, FloatArray]  # (m, J) x.u of the judged pictures
    shift: dict[int, FloatArray]  # (C, J) W sigma
    squares: dict[tuple[int, int], FloatArray]  # (J,) u.sigma
    shift_of_all: FloatArray  # (C, J) the sum of all shifts: few are left out of many

    @classmethod
    def of(cls, fold: _Fold, q: FloatArray) -> _Dealt:
        """From residual presences (s, J) as dealt."""
        along: dict[int, FloatArray] = {}
        shift: dict[int, FloatArray] = {}
        squares: dict[tuple[int, int], FloatArray] = {}
        found, starts = np.unique(fold.parts, return_index=True)
        stops = [*starts[1:], fold.parts.size]
        members = {int(part): slice(*ends) for part, *ends in zip(found, starts, stops, strict=True)}
        for part, rows in members.items():
            along[part] = fold.along[:, rows] @ q[rows]
            shift[part] = fold.head_input[:, rows] @ q[rows]
            lies = fold.gram[:, rows] @ q[rows]
            squares |= {(part, other): (q[at] * lies[at]).sum(axis=0) for other, at in members.items()}
        return cls(along, shift, squares, np.asarray(sum(shift.values())))

    def _used(self, left: tuple[int, ...]) -> list[int]:
        return [part for part in self.along if part not in left]

    def along_without(self, left: tuple[int, ...], at: IntArray) -> FloatArray:
        """x.u / (u.sigma) (len(at), J) without some folds of classes; zero where nothing is left."""
        used = self._used(left)
        first = next(iter(self.along))
        along, scale = np.zeros_like(self.along[first][at]), np.zeros(self.along[first].shape[1])
        for part in used:
            along += self.along[part][at]
            for other in used:
                scale += self.squares[part, other]
        return along * np.where(scale > _NOTHING, 1 / np.maximum(scale, _NOTHING), 0).astype(np.float32)

    def shift_without(self, left: tuple[int, ...], classes: IntArray, columns: IntArray) -> FloatArray:
        """W sigma of some classes and some deals (C', J') without some folds of classes."""
        used, at = self._used(left), np.ix_(classes, columns)
        if len(used) <= len(left):
            shift = np.zeros((classes.size, columns.size), np.float32)
            for part in used:
                shift += self.shift[part][at]
            return shift
        shift = self.shift_of_all[at]
        for part in left:
            if part in self.shift:
                shift -= self.shift[part][at]
        return shift


def _erased_lead(
    sample: NullSample, class_idx: int, q: FloatArray, class_folds: IntArray
) -> tuple[FloatArray, FloatArray]:
    """(n, J) lead of the class over the others with each of J residual presences (n, J) erased, by either eraser.

    Of pictures of other classes only its sign is right: nobody asks by how much they are not called the class.
    """
    n_parts, part_of = int(class_folds.max()) + 1, class_folds[sample.label_idx]
    pooled, transferred = np.empty(q.shape, dtype=np.float32), np.empty(q.shape, dtype=np.float32)
    own, everything = sample.label_idx == class_idx, np.arange(sample.logits.shape[1])
    for fold in sample.folds:
        dealt, judged = _Dealt.of(fold, q[fold.fitted_on]), part_of[fold.judged]
        jobs: list[tuple[FloatArray, IntArray, tuple[int, ...]]] = [(pooled, np.arange(judged.size), ())]
        for part in np.unique(judged):
            left = left_out(int(class_folds[class_idx]), int(part), n_parts)
            jobs.append((transferred, np.flatnonzero(judged == part), left))
        for after, at, left in jobs:
            along = dealt.along_without(left, at)
            mine = own[fold.judged[at]]
            if mine.any():
                rows = fold.judged[at[mine]]
                step = max(1, _BLOCK // rows.size)
                for start in range(0, q.shape[1], step):
                    columns = np.arange(start, min(start + step, q.shape[1]))
                    shift = dealt.shift_without(left, everything, columns)
                    after[rows, start : start + step] = _lead(
                        sample.logits[rows], along[mine][:, columns], shift, class_idx
                    )
            if not mine.all():
                rows = fold.judged[at[~mine]]
                after[rows] = _leads_at_all(dealt, left, sample.logits[rows], along[~mine], class_idx)
    return pooled, transferred


def _leads_at_all(
    dealt: _Dealt, left: tuple[int, ...], logits: FloatArray, along: FloatArray, class_idx: int
) -> FloatArray:
    """(n, J) above 0 where the class leads all others, of the lead over one of them where that is not.

    A class that stays behind the one that a picture is called, or nearly, does not lead: of a thousand classes hardly
    any picture is left that all of them have to be asked of.
    """
    others = logits.copy()
    others[:, class_idx] = -np.inf
    rival = others.argmax(axis=1)
    classes, of_rival = np.unique(np.append(rival, class_idx), return_inverse=True)
    deals = np.arange(along.shape[1])
    shift = dealt.shift_without(left, classes, deals)
    mine = logits[:, [class_idx]] - along * shift[of_rival[-1]]
    lead = mine - (logits[np.arange(rival.size), rival][:, None] - along * shift[of_rival[:-1]])
    picture, deal_of = np.nonzero(lead > 0)
    used, column = np.unique(deal_of, return_inverse=True)
    of_all = dealt.shift_without(left, np.arange(logits.shape[1]), used).T
    step = max(1, _PAIRS_OF_LOGITS // logits.shape[1])
    for start in range(0, picture.size, step):
        i, j = picture[start : start + step], column[start : start + step]
        erased = others[i] - along[i, used[j], None] * of_all[j]
        lead[i, used[j]] = mine[i, used[j]] - erased.max(axis=1)
    return np.asarray(lead)


def _lead(logits: FloatArray, along: FloatArray, shift: FloatArray, class_idx: int) -> FloatArray:
    """(n, J) logit of the class less the largest other one, in logits (n, C) less ``along`` (n, J) times ``shift``."""
    best = np.full(along.shape, -np.inf, dtype=np.float32)
    for k in range(logits.shape[1]):
        if k != class_idx:
            np.maximum(best, logits[:, [k]] - along * shift[k], out=best)
    return np.asarray(logits[:, [class_idx]] - along * shift[class_idx] - best, dtype=np.float32)
