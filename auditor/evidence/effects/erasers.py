"""Erasing a concept from the head's input, without passing any picture through the model again.

With the head's input x, the residual presence q (covariates.py) and statistics of pictures that are *not* judged:

    sigma = Cov_w(x, q)      u = (Sigma_w + lambda diag Sigma_w)^-1 sigma
    logits' = logits - (W sigma) u.(x - mean x) / (u.sigma)

which is the head W' = W - (W sigma) u^T / (u^T sigma), b' = b + (W sigma)(u^T mean x) / (u^T sigma).
Rank one; with lambda = 0 it is LEACE (Belrose et al. 2023) on the class-residualised presence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from auditor.records import BoolArray, FloatArray, IntArray, LinearHead

Float64Array = NDArray[np.float64]
#: Rows, activations (b, K) and logits (b, C); can be gone through again and again, in the same order.
HeadChunks = Callable[[], Iterable[tuple[slice, FloatArray, FloatArray]]]

#: lambda of the formula: a tenth of every channel's own variance.
RIDGE = 0.1
_BLOCK = 1_000_000  # erased logits held at a time
_NOTHING_LEFT = 1e-6  # what a difference of float32 sums may leave of u.sigma where nothing is left
_ROUNDING = 1e-4  # of float32 logits: a tie is looked at closely
_ROWS_AT_ONCE = 16384  # pictures that go through a product together


@dataclass(frozen=True, slots=True, eq=False)
class Erasers:
    """For each fold and concept, fitted without the fold: the direction u / (u.sigma), its offset, and W sigma."""

    direction: FloatArray  # (F, K, T)
    offset: FloatArray  # (F, T), direction . mean x
    head_shift: FloatArray  # (F, C, T)

    def of(self, columns: Sequence[int]) -> Erasers:
        """Those of some concepts, in the order that is asked for."""
        at = list(columns)
        return Erasers(self.direction[:, :, at], self.offset[:, at], self.head_shift[:, :, at])


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Erasers by fold of pictures, and the sums that erasers of some classes alone are made of.

    sigma and Sigma_w^-1 sigma are sums over the classes: leaving some out is a subtraction and no new solve.
    """

    by_fold: Erasers
    sigma_of: FloatArray  # (P, K, T), by fold of classes
    solved_of: FloatArray  # (P, K, T), (Sigma_w + lambda diag)^-1 sigma_of
    mean: FloatArray  # (K,)
    class_means: FloatArray  # (C, K)
    factor: Float64Array  # (K, K), lower Cholesky factor of Sigma_w + lambda diag, over all labelled pictures

    def solve(self, rows: FloatArray) -> FloatArray:
        """(n, K) rows times (Sigma_w + lambda diag)^-1."""
        return np.asarray(linalg.cho_solve((self.factor, True), rows.T, check_finite=False).T, dtype=np.float32)


@dataclass(slots=True, eq=False)
class _Sums:
    """Sums over the pictures of each fold (F), of x less a fixed point, and of the residual presence q."""

    shift: FloatArray  # (K,)
    scatter: Float64Array  # (F, K, K)
    cross: Float64Array  # (F, K, T)
    x: Float64Array  # (F, C, K)
    q: Float64Array  # (F, C, T)
    n: Float64Array  # (F, C)
    cross_by_class: FloatArray  # (P, K, T), by fold of classes and not of pictures

    def without(self, fold: int | None) -> tuple[Float64Array, ...]:
        """(scatter, cross, x, q, n) summed over the folds but one."""
        sums = (self.scatter, self.cross, self.x, self.q, self.n)
        return tuple(s.sum(axis=0) - (0 if fold is None else s[fold]) for s in sums)


def fit_erasers(
    chunks: HeadChunks,
    residual: FloatArray,
    label_idx: IntArray,
    folds: IntArray,
    class_folds: IntArray,
    head: LinearHead,
) -> Fitted:
    """One pass over the head's inputs: sums of every fold, then solves on the sums of the others.

    Args:
        chunks: Rows, activations and logits.
        residual: (N, T) residual presence, of mean zero within every class.
        label_idx: (N,) labels; pictures below 0 are left out.
        folds: (N,) fold of every picture.
        class_folds: (C,) fold of every class.
        head: The last linear layer, of at least two rows.

    Returns:
        Erasers for each fold of pictures, fitted on the other pictures of all classes; and sums by fold of classes.
    """
    sums = _accumulate(chunks, residual, label_idx, folds, class_folds, head.weight.shape[1])
    by_fold = []
    for f in range(sums.n.shape[0]):
        scatter, cross, x, q, n = sums.without(f)
        means, total = x / np.maximum(n, 1)[:, None], max(float(n.sum()), 1.0)
        sigma = (cross - means.T @ q) / total
        u = linalg.cho_solve((_factor((scatter - x.T @ means) / total), True), sigma, check_finite=False)
        by_fold.append((sigma, u, x.sum(axis=0) / total + sums.shift))
    scatter, _, x, _, n = sums.without(None)
    means, total = x / np.maximum(n, 1)[:, None], max(float(n.sum()), 1.0)
    factor = _factor((scatter - x.T @ means) / total)
    # within a whole class the residual has mean zero: no means to take off
    sigma_of = sums.cross_by_class / np.float32(total)
    solved_of = [linalg.cho_solve((factor, True), sigma, check_finite=False).astype(np.float32) for sigma in sigma_of]
    return Fitted(
        by_fold=erasers_of(by_fold, head),
        sigma_of=sigma_of,
        solved_of=np.stack(solved_of),
        mean=(x.sum(axis=0) / total + sums.shift).astype(np.float32),
        class_means=(means + sums.shift).astype(np.float32),
        factor=factor,
    )


def _accumulate(
    chunks: HeadChunks, residual: FloatArray, label_idx: IntArray, folds: IntArray, class_folds: IntArray, width: int
) -> _Sums:
    n_folds, n_classes, n_targets = int(folds.max(initial=0)) + 1, class_folds.size, residual.shape[1]
    sums = _Sums(
        shift=np.zeros(width, dtype=np.float32),
        scatter=np.zeros((n_folds, width, width)),
        cross=np.zeros((n_folds, width, n_targets)),
        x=np.zeros((n_folds, n_classes, width)),
        q=np.zeros((n_folds, n_classes, n_targets)),
        n=np.zeros((n_folds, n_classes)),
        cross_by_class=np.zeros((int(class_folds.max()) + 1, width, n_targets), dtype=np.float32),
    )
    for i, (rows, activations, _) in enumerate(_batches(chunks)):
        if i == 0:
            sums.shift = activations.mean(axis=0)  # any fixed point near the mean keeps float32 products exact enough
        for f in range(n_folds):
            inside = np.flatnonzero((folds[rows] == f) & (label_idx[rows] >= 0))
            x, q, labels = activations[inside] - sums.shift, residual[rows][inside], label_idx[rows][inside]
            one_hot = (np.ones(inside.size, np.float32), (labels, np.arange(inside.size)))
            member = sparse.csr_array(one_hot, shape=(n_classes, inside.size))
            sums.scatter[f] += x.T @ x
            sums.x[f] += member @ x
            sums.q[f] += member @ q
            sums.n[f] += np.bincount(labels, minlength=n_classes)
            for part in np.unique(class_folds[labels]):
                among = class_folds[labels] == part
                product = x[among].T @ q[among]
                sums.cross[f] += product
                sums.cross_by_class[part] += product
    return sums


def _batches(chunks: HeadChunks) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Chunks put together: a product with few rows costs as much memory traffic as one with many."""
    held: list[tuple[FloatArray, FloatArray]] = []
    start = stop = 0

    def batch() -> tuple[slice, FloatArray, FloatArray]:
        activations, logits = (np.concatenate(parts) for parts in zip(*held, strict=True))
        return slice(start, stop), activations, logits

    for rows, activations, logits in chunks():
        if held and (rows.start != stop or stop - start >= _ROWS_AT_ONCE):
            yield batch()
            held.clear()
        start = start if held else rows.start
        stop = rows.start + len(activations)
        held.append((activations, logits))
    if held:
        yield batch()


def _factor(covariance: Float64Array) -> Float64Array:
    """Lower Cholesky factor of Sigma + lambda diag Sigma; channels that never vary get no weight."""
    variance = np.diag(covariance)
    floor = max(1e-6 * float(variance.mean()), 1e-12)
    regular = covariance + np.diag(RIDGE * np.maximum(variance, 0) + floor)
    return np.asarray(linalg.cholesky(regular, lower=True, check_finite=False))


def erasers_of(fitted: Iterable[tuple[NDArray[np.floating], ...]], head: LinearHead) -> Erasers:
    """Erasers from (sigma, u, mean x) of every fold; a concept that no channel goes with erases nothing."""
    direction, offset, shift = [], [], []
    for sigma, u, mean in fitted:
        along = (u * sigma).sum(axis=0)
        scaled = np.where(along > 1e-12, u / np.where(along > 1e-12, along, 1.0), 0.0)
        direction.append(scaled.astype(np.float32))
        offset.append((mean @ scaled).astype(np.float32))
        shift.append((head.weight @ sigma).astype(np.float32))
    return Erasers(np.stack(direction), np.stack(offset), np.stack(shift))


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Of J pairs of a class and a concept: which pictures are called the class, and by what margin, without it."""

    called: IntArray  # (N,) as they are
    called_without: BoolArray  # (N, J) whether a picture is called the pair's class with the concept erased
    margin: FloatArray  # (N,) logit of the label less the largest other one; 0 without a label
    margin_without: FloatArray  # (N, J) of the pictures of the pair's class; 0 of all others


def erased_outcome(
    chunks: HeadChunks, erasers: Erasers, folds: IntArray, label_idx: IntArray, class_idx: IntArray
) -> Outcome:
    """A second pass over the head's inputs: every picture by the eraser of its fold.

    Args:
        chunks: Rows, activations and logits.
        erasers: Of J pairs, by fold.
        folds: (N,) the fold of every picture.
        label_idx: (N,) labels, -1 for none.
        class_idx: (J,) the class of every pair.
    """
    shape = folds.size, class_idx.size
    outcome = Outcome(
        called=np.zeros(shape[0], dtype=np.int64),
        called_without=np.zeros(shape, dtype=np.bool_),
        margin=np.zeros(shape[0], dtype=np.float32),
        margin_without=np.zeros(shape, dtype=np.float32),
    )
    for rows, activations, logits in _batches(chunks):
        outcome.called[rows], outcome.margin[rows] = _called(logits.copy(), label_idx[rows])
        for f in np.unique(folds[rows]):
            inside = np.flatnonzero(folds[rows] == f)
            at, own_logits, shift = rows.start + inside, logits[inside], erasers.head_shift[f]
            along = activations[inside] @ erasers.direction[f] - erasers.offset[f]  # (b, J)
            is_own = label_idx[at, None] == class_idx
            asked = is_own | _may_be_called(own_logits, outcome.called[at], along, shift, class_idx)
            picture, pair = np.nonzero(asked)
            step = max(1, _BLOCK // logits.shape[1])
            for start in range(0, picture.size, step):
                i, j = picture[start : start + step], pair[start : start + step]
                called, margin = _called(own_logits[i] - along[i, j, None] * shift.T[j], label_idx[at[i]])
                outcome.called_without[at[i], j] = called == class_idx[j]
                outcome.margin_without[at[i], j] = np.where(is_own[i, j], margin, 0)
    return outcome


def _may_be_called(
    logits: FloatArray, called: IntArray, along: FloatArray, shift: FloatArray, class_idx: IntArray
) -> BoolArray:
    """Whether pictures may be called the pair's class with its concept erased, (b, J).

    They cannot where the class then stays behind the one that they are called as they are; few are left.
    """
    lead = logits[np.arange(called.size), called][:, None] - logits[:, class_idx]
    moved = along * (shift[called] - shift[class_idx, np.arange(class_idx.size)])
    return np.asarray(lead - moved <= _ROUNDING * (1 + np.abs(moved)))


def _called(logits: FloatArray, label_idx: IntArray) -> tuple[IntArray, FloatArray]:
    """What rows are called, and the margins of their labels, (n,) each, of logits (n, C), which are lost."""
    known = np.flatnonzero(label_idx >= 0)
    labels = label_idx[known]
    own = logits[known, labels]
    logits[known, labels] = -np.inf
    called = logits.argmax(axis=1)
    best = logits[known, called[known]]
    # of equals the first is called, as ever
    leads = (own > best) | ((own == best) & (labels < called[known]))
    called[known] = np.where(leads, labels, called[known])
    margin = np.zeros(called.size, dtype=np.float32)
    margin[known] = own - best
    return called, margin


def pair_erasers(
    fitted: Fitted, classes: IntArray, columns: Sequence[int], class_folds: IntArray, head: LinearHead
) -> Erasers:
    """For every fold of classes (of the picture) and every pair, the eraser fitted without the folds of both classes.

    What goes with a concept in one class only (its sub-kinds, an encoder's error on it) is erased along with it by an
    eraser that saw the class. A recall is judged without the class itself. A pull on c by pictures of k is judged
    without either: k's own secrets may look like c, and c's own may be what the eraser takes out of the pictures of k.

    Args:
        fitted: Sums by fold of classes.
        classes: (J,) the class of every pair.
        columns: The column of each pair's concept in ``fitted``.
        class_folds: (C,) fold of every class.
        head: The last linear layer.
    """
    own = class_folds[classes]
    parts = [fitted.sigma_of[:, :, list(columns)], fitted.solved_of[:, :, list(columns)]]
    whole = [part.sum(axis=0) for part in parts]
    known = (whole[0] * whole[1]).sum(axis=0)
    others = [all_ - part[own, :, np.arange(own.size)].T for all_, part in zip(whole, parts, strict=True)]

    def by_fold() -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        for fold in range(fitted.sigma_of.shape[0]):
            sigma, solved = (
                left - np.where(own != fold, part[fold], 0) for left, part in zip(others, parts, strict=True)
            )
            sigma[:, (sigma * solved).sum(axis=0) < _NOTHING_LEFT * known] = 0
            yield sigma, solved, fitted.mean

    return erasers_of(by_fold(), head)
