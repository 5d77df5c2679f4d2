"""Erasing a concept from the head's input, without passing any picture through the model again.

With the head's input x, the residual presence q (covariates.py) and statistics of pictures that are *not* judged:

    sigma = Cov_w(x, q)      u = (Sigma_w + lambda diag Sigma_w)^-1 sigma
    logits' = logits - (W sigma) u.(x - mean x) / (u.sigma)

which is the head W' = W - (W sigma) u^T / (u^T sigma), b' = b + (W sigma)(u^T mean x) / (u^T sigma).
Rank one; with lambda = 0 it is LEACE (Belrose et al. 2023) on the class-residualised presence.

Nothing of a picture's fold goes into what it is judged by, neither sigma nor Sigma_w nor mean x. With more channels
than pictures, whitening by a Sigma_w that knows the picture makes it orthogonal to all others: nothing is ever erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from auditor.evidence.effects.ridged_covariance import RidgedCovariance
from auditor.records import FloatArray, IntArray, LinearHead

Float64Array = NDArray[np.float64]
#: Rows, activations (b, K) and logits (b, C); can be gone through again and again, in the same order.
HeadChunks = Callable[[], Iterable[tuple[slice, FloatArray, FloatArray]]]

_NOTHING_LEFT = 1e-6  # what a difference of float32 sums may leave of u.sigma where nothing is left
_ROWS_AT_ONCE = 16384  # pictures that go through a product together


@dataclass(frozen=True, slots=True, eq=False)
class Erasers:
    """For each part of the pictures and concept, fitted without it: u / (u.sigma), its offset, and W sigma."""

    direction: FloatArray  # (parts, K, T)
    offset: FloatArray  # (parts, T), direction . mean x
    head_shift: FloatArray  # (parts, C, T)

    def of(self, columns: Sequence[int]) -> Erasers:
        """Those of some concepts, in the order that is asked for."""
        at = list(columns)
        return Erasers(self.direction[:, :, at], self.offset[:, at], self.head_shift[:, :, at])


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """For every fold of pictures (F), what erasers are made of, from the pictures of the other folds.

    sigma and Sigma_w^-1 sigma are sums over the classes: leaving some out is a subtraction and no new solve.
    """

    inverse: tuple[RidgedCovariance, ...]  # F, of all classes
    mean: FloatArray  # (F, K)
    class_means: FloatArray  # (F, C, K)
    sigma_of: FloatArray  # (F, P, K, T), by fold of classes
    solved_of: FloatArray  # (F, P, K, T), (Sigma_w + lambda diag)^-1 sigma_of
    shift_of: FloatArray  # (F, P, C, T), W sigma_of

    @property
    def n_parts(self) -> int:
        """P, folds of classes."""
        return int(self.sigma_of.shape[1])

    def for_deals(self) -> Fitted:
        """What is left of it when presences are dealt anew: no sums by concept, and inverses in single precision."""
        wholes = (self.sigma_of, self.solved_of, self.shift_of)
        nothing = (np.zeros((*whole.shape[:-1], 0), whole.dtype) for whole in wholes)
        inverse = tuple(one.in_single_precision() for one in self.inverse)
        return Fitted(inverse, self.mean, self.class_means, *nothing)

    def pooled(self) -> Erasers:
        """The erasers of all classes, one for every fold of pictures."""
        sums = (part.sum(axis=1) for part in (self.sigma_of, self.solved_of, self.shift_of))
        return _erasers(zip(*sums, self.mean, strict=True))


@dataclass(slots=True, eq=False)
class _Sums:
    """Sums over the pictures of each fold (F), of x less a fixed point, and of the residual presence q."""

    shift: FloatArray  # (K,)
    cross: FloatArray  # (F, P, K, T), by fold of classes too
    x: Float64Array  # (F, C, K)
    q: Float64Array  # (F, C, T)
    n: Float64Array  # (F, C)
    scatter: Float64Array | None  # (F, K, K), or None where the pictures themselves are kept
    kept: list[tuple[FloatArray, IntArray, IntArray]] = field(default_factory=list)  # x, labels, folds


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
    """
    sums = _accumulate(chunks, residual, label_idx, folds, class_folds, head.weight.shape[1])
    n_folds, n_parts, width, n_targets = sums.cross.shape
    inverse, means, class_means = [], [], []
    sigma_of = np.zeros(sums.cross.shape, dtype=np.float32)
    solved_of, shift_of = np.zeros_like(sigma_of), np.zeros((n_folds, n_parts, len(head.weight), n_targets), np.float32)
    for f in range(n_folds):
        x, q, n = (whole.sum(axis=0) - whole[f] for whole in (sums.x, sums.q, sums.n))
        of_class, total = x / np.maximum(n, 1)[:, None], max(float(n.sum()), 1.0)
        cross = sums.cross.sum(axis=0) - sums.cross[f]
        for part in range(n_parts):
            among = class_folds == part
            sigma_of[f, part] = (cross[part] - of_class[among].T @ q[among]) / total
        inverse.append(_inverse(sums, f, of_class, total))
        columns = sigma_of[f].transpose(1, 0, 2).reshape(width, -1)  # (K, P * T)
        solved_of[f] = (
            inverse[f].solve(columns.astype(np.float64)).reshape(width, n_parts, n_targets).transpose(1, 0, 2)
        )
        shift_of[f] = (head.weight @ columns).reshape(-1, n_parts, n_targets).transpose(1, 0, 2)
        means.append((x.sum(axis=0) / total + sums.shift).astype(np.float32))
        class_means.append((of_class + sums.shift).astype(np.float32))
    return Fitted(tuple(inverse), np.stack(means), np.stack(class_means), sigma_of, solved_of, shift_of)


def _inverse(sums: _Sums, fold: int, class_means: Float64Array, total: float) -> RidgedCovariance:
    """Of Sigma_w without a fold."""
    if sums.scatter is None:
        x, labels, folds = (np.concatenate(parts) for parts in zip(*sums.kept, strict=True))
        used = folds != fold
        return RidgedCovariance.of_pictures(x[used] - class_means[labels[used]])
    scatter = sums.scatter.sum(axis=0) - sums.scatter[fold]
    sizes = (sums.n.sum(axis=0) - sums.n[fold])[:, None]
    return RidgedCovariance.of_channels((scatter - (sizes * class_means).T @ class_means) / total)


def _accumulate(
    chunks: HeadChunks, residual: FloatArray, label_idx: IntArray, folds: IntArray, class_folds: IntArray, width: int
) -> _Sums:
    n_folds, n_classes, n_targets = int(folds.max(initial=0)) + 1, class_folds.size, residual.shape[1]
    few = int((label_idx >= 0).sum()) <= width
    sums = _Sums(
        shift=np.zeros(width, dtype=np.float32),
        cross=np.zeros((n_folds, int(class_folds.max()) + 1, width, n_targets), dtype=np.float32),
        x=np.zeros((n_folds, n_classes, width)),
        q=np.zeros((n_folds, n_classes, n_targets)),
        n=np.zeros((n_folds, n_classes)),
        scatter=None if few else np.zeros((n_folds, width, width)),
    )
    for i, (rows, activations, _) in enumerate(batches(chunks)):
        if i == 0:
            sums.shift = activations.mean(axis=0)  # any fixed point near the mean keeps float32 products exact enough
        for f in range(n_folds):
            inside = np.flatnonzero((folds[rows] == f) & (label_idx[rows] >= 0))
            x, q, labels = activations[inside] - sums.shift, residual[rows][inside], label_idx[rows][inside]
            one_hot = (np.ones(inside.size, np.float32), (labels, np.arange(inside.size)))
            member = sparse.csr_array(one_hot, shape=(n_classes, inside.size))
            sums.x[f] += member @ x
            sums.q[f] += member @ q
            sums.n[f] += np.bincount(labels, minlength=n_classes)
            if sums.scatter is None:
                sums.kept.append((x, labels, np.full(inside.size, f)))
            else:
                sums.scatter[f] += x.T @ x
            for part in np.unique(class_folds[labels]):
                among = class_folds[labels] == part
                sums.cross[f, part] += x[among].T @ q[among]
    return sums


def batches(chunks: HeadChunks) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
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


def _erasers(fitted: Iterable[tuple[NDArray[np.floating], ...]]) -> Erasers:
    """Erasers from (sigma, u, W sigma, mean x) of every part; a concept that no channel goes with erases nothing."""
    direction, offset, shift = [], [], []
    for sigma, u, moved, mean in fitted:
        along = (u * sigma).sum(axis=0)
        scaled = np.where(along > 1e-12, u / np.where(along > 1e-12, along, 1.0), 0.0)
        direction.append(scaled.astype(np.float32))
        offset.append((mean @ scaled).astype(np.float32))
        shift.append(moved.astype(np.float32))
    return Erasers(np.stack(direction), np.stack(offset), np.stack(shift))


def left_out(own: int, part: int, n_parts: int) -> tuple[int, ...]:
    """Folds of classes that an eraser is fitted without: that of the judged class, and that of the picture's class.

    What goes with a concept in one class only (its sub-kinds, an encoder's error on it) is erased along with it by an
    eraser that saw the class. A recall is judged without the class itself. A pull on c by pictures of k is judged
    without either: k's own secrets may look like c, and c's own may be what the eraser takes out of the pictures of k.
    Of two classes none would be left: there the pictures of k are judged by what the concept does in c.
    """
    return (part,) if n_parts == 2 else tuple({own, part})


def pair_erasers(fitted: Fitted, classes: IntArray, columns: Sequence[int], class_folds: IntArray) -> Erasers:
    """For every fold of pictures and fold of classes (of the picture), the eraser without the classes of both.

    Args:
        fitted: Sums by fold of pictures and of classes.
        classes: (J,) the class of every pair.
        columns: The column of each pair's concept in ``fitted``.
        class_folds: (C,) fold of every class.

    Returns:
        Erasers of F x P parts, those of one fold of pictures after the other.
    """
    own, at = class_folds[classes], list(columns)

    def by_part() -> Iterator[tuple[FloatArray, ...]]:
        for f, mean in enumerate(fitted.mean):
            parts = [whole[f][:, :, at] for whole in (fitted.sigma_of, fitted.solved_of, fitted.shift_of)]  # (P, ., J)
            totals = [part.sum(axis=0) for part in parts]
            known = (totals[0] * totals[1]).sum(axis=0)
            for fold in range(fitted.n_parts):
                without = np.zeros((fitted.n_parts, own.size), dtype=np.float32)
                for j, of_pair in enumerate(own):
                    without[list(left_out(int(of_pair), fold, fitted.n_parts)), j] = 1
                sigma, solved, shift = (
                    total - np.einsum("pkj,pj->kj", part, without) for total, part in zip(totals, parts, strict=True)
                )
                sigma[:, (sigma * solved).sum(axis=0) < _NOTHING_LEFT * known] = 0
                yield sigma, solved, shift, mean

    return _erasers(by_part())
