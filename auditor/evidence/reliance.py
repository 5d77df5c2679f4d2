"""E3, erasure in the head's input: what of a class's recall and pull goes when a concept is erased from the features.

No picture passes through the model again. With the head's input x, the residual presence q (covariates.py) and
statistics of the *other* folds:

    sigma = Cov_w(x, q)      u = (Sigma_w + lambda diag Sigma_w)^-1 sigma
    logits' = logits - (W sigma) u.(x - mean x) / (u.sigma)

which is the head W' = W - (W sigma) u^T / (u^T sigma), b' = b + (W sigma)(u^T mean x) / (u^T sigma).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse, stats

from auditor.evidence.significance import CONFIDENCE
from auditor.evidence.subgroups import MIN_ARM, design_effect
from auditor.records import BoolArray, FloatArray, IntArray, LinearHead

Float64Array = NDArray[np.float64]
#: Rows, activations (b, K) and logits (b, C); can be gone through again and again, in the same order.
HeadChunks = Callable[[], Iterable[tuple[slice, FloatArray, FloatArray]]]

N_FOLDS = 5
#: lambda of the formula: a tenth of every channel's own variance.
RIDGE = 0.1
#: Pictures that must vary within classes (the smaller arm of each class, summed).
MIN_VARYING = 20
_BLOCK = 4_000_000  # erased logits held at a time

ErasureStatus = Literal["measured", "too_few", "not_identified"]


@dataclass(frozen=True, slots=True, eq=False)
class Erasers:
    """For each fold and concept, fitted on the other folds: the direction u / (u.sigma), its offset, and W sigma."""

    direction: FloatArray  # (F, K, T)
    offset: FloatArray  # (F, T), direction . mean x
    head_shift: FloatArray  # (F, C, T)


@dataclass(frozen=True, slots=True)
class Erasure:
    """Difference in differences of recall or pull, with its 95 % interval."""

    effect: float
    low: float
    high: float
    n_present: int
    n_absent: int
    status: ErasureStatus = "measured"


NOT_IDENTIFIED = Erasure(0.0, -1.0, 1.0, 0, 0, "not_identified")


def two_row_head(head: LinearHead) -> LinearHead:
    """A head of one logit as one of two: -w/2 for the negative class, +w/2 for the positive one."""
    if head.weight.shape[0] > 1:
        return head
    return LinearHead(np.vstack([-head.weight, head.weight]) / 2, np.r_[-head.bias, head.bias] / 2, head.multi_label)


def two_column_logits(logits: FloatArray) -> FloatArray:
    """Logits of :func:`two_row_head`."""
    return logits if logits.shape[1] > 1 else np.hstack([-logits, logits]) / 2


def assign_folds(image_ids: Sequence[str], groups: IntArray | None, *, seed: int, n_folds: int = N_FOLDS) -> IntArray:
    """Fold of every picture by the hash of its id, whole groups together (by the id that comes first in the group)."""
    keys = np.asarray(image_ids, dtype=object)
    if groups is not None:
        order = np.argsort(np.asarray(image_ids), kind="stable")
        _, first, member = np.unique(groups[order], return_index=True, return_inverse=True)
        by_group = np.empty(len(keys), dtype=object)
        by_group[order] = keys[order][first[member]]
        keys = by_group
    hashed = [hashlib.sha256(f"{seed}\x00{key}".encode()).digest()[:8] for key in keys]
    return np.array([int.from_bytes(h, "big") % n_folds for h in hashed], dtype=np.int64)


def n_varying(present: BoolArray, label_idx: IntArray) -> int:
    """Pictures that vary within classes: the smaller arm of every class, summed."""
    labelled = label_idx >= 0
    n1 = np.bincount(label_idx[labelled & present], minlength=int(label_idx.max(initial=-1)) + 1)
    n0 = np.bincount(label_idx[labelled & ~present], minlength=n1.size)
    return int(np.minimum(n1, n0).sum())


def fit_erasers(
    chunks: HeadChunks, residual: FloatArray, label_idx: IntArray, folds: IntArray, head: LinearHead
) -> Erasers:
    """One pass over the head's inputs: sums of every fold, then one solve a fold on the others' sums.

    Args:
        chunks: Rows, activations and logits.
        residual: (N, T) residual presence.
        label_idx: (N,) labels; pictures below 0 are left out.
        folds: (N,) fold of every picture.
        head: The last linear layer, of at least two rows.
    """
    n_folds, n_targets, width = int(folds.max()) + 1, residual.shape[1], head.weight.shape[1]
    n_classes = int(label_idx.max()) + 1
    scatter = np.zeros((n_folds, width, width))
    cross = np.zeros((n_folds, width, n_targets))
    class_sum = np.zeros((n_folds, n_classes, width))
    class_presence = np.zeros((n_folds, n_classes, n_targets))
    sizes = np.zeros((n_folds, n_classes))
    shift: FloatArray | None = None
    for rows, activations, _ in chunks():
        if shift is None:
            shift = activations.mean(axis=0)  # any fixed point near the mean keeps float32 products exact enough
        for f in range(n_folds):
            inside = np.flatnonzero((folds[rows] == f) & (label_idx[rows] >= 0))
            if inside.size == 0:
                continue
            x, q, labels = activations[inside] - shift, residual[rows][inside], label_idx[rows][inside]
            one_hot = (np.ones(inside.size, np.float32), (labels, np.arange(inside.size)))
            member = sparse.csr_array(one_hot, shape=(n_classes, inside.size))
            scatter[f] += x.T @ x
            cross[f] += x.T @ q
            class_sum[f] += member @ x
            class_presence[f] += member @ q
            sizes[f] += np.bincount(labels, minlength=n_classes)
    direction = np.zeros((n_folds, width, n_targets), dtype=np.float32)
    offset = np.zeros((n_folds, n_targets), dtype=np.float32)
    head_shift = np.zeros((n_folds, head.weight.shape[0], n_targets), dtype=np.float32)
    if shift is None:
        return Erasers(direction, offset, head_shift)
    for f in range(n_folds):
        count = sizes.sum(axis=0) - sizes[f]
        n = max(float(count.sum()), 1.0)
        x_sum, q_sum = class_sum.sum(axis=0) - class_sum[f], class_presence.sum(axis=0) - class_presence[f]
        x_mean = x_sum / np.maximum(count, 1)[:, None]
        covariance = (scatter.sum(axis=0) - scatter[f] - x_sum.T @ x_mean) / n
        sigma = (cross.sum(axis=0) - cross[f] - x_mean.T @ q_sum) / n
        u = _solve(covariance, sigma)
        along = (u * sigma).sum(axis=0)
        usable = along > 1e-12
        u = np.where(usable, u / np.where(usable, along, 1.0), 0.0)
        direction[f] = u
        offset[f] = (x_sum.sum(axis=0) / n + shift) @ u
        head_shift[f] = head.weight @ sigma
    return Erasers(direction, offset, head_shift)


def _solve(covariance: Float64Array, sigma: Float64Array) -> Float64Array:
    """(Sigma + lambda diag Sigma)^-1 sigma; channels that never vary get no weight."""
    variance = np.diag(covariance)
    floor = max(1e-6 * float(variance.mean()), 1e-12)
    regular = covariance + np.diag(RIDGE * np.maximum(variance, 0) + floor)
    return np.asarray(linalg.cho_solve(linalg.cho_factor(regular, check_finite=False), sigma, check_finite=False))


def erased_predictions(chunks: HeadChunks, erasers: Erasers, folds: IntArray) -> tuple[IntArray, NDArray[np.int32]]:
    """A second pass: what every picture is called as it is, (N,), and with each concept erased, (N, T)."""
    n_targets = erasers.offset.shape[1]
    before = np.zeros(folds.size, dtype=np.int64)
    after = np.zeros((folds.size, n_targets), dtype=np.int32)
    for rows, activations, raw in chunks():
        logits = two_column_logits(raw)
        before[rows] = logits.argmax(axis=1)
        called = np.zeros((logits.shape[0], n_targets), dtype=np.int32)
        for f in np.unique(folds[rows]):
            inside = np.flatnonzero(folds[rows] == f)
            along = activations[inside] @ erasers.direction[f] - erasers.offset[f]  # (b, T)
            step = max(1, _BLOCK // max(inside.size * logits.shape[1], 1))
            for start in range(0, n_targets, step):
                part = slice(start, start + step)
                shift = along[:, None, part] * erasers.head_shift[f][None, :, part]  # (b, C, T)
                called[inside, part] = (logits[inside][:, :, None] - shift).argmax(axis=1)
        after[rows] = called
    return before, after


def erasure_effect(
    before: IntArray,
    after: NDArray[np.int32],
    present: BoolArray,
    class_idx: int,
    source_idx: IntArray,
    *,
    groups: IntArray | None = None,
) -> Erasure:
    """F with v less F without, F the fall of the rate of being called c when v is erased, over the pictures given.

    With the pictures of c itself (one source class) it is the DiD of recall; with those of the other classes, weighed
    by w_k = n_k1 n_k0 / (n_k1 + n_k0), the DiD of pull. The interval adds one picture of either change to each arm
    (Bonett & Price 2012), so that arms in which nothing changed do not look certain.
    """
    fall = (before == class_idx).astype(np.int64) - (after == class_idx)
    size = int(source_idx.max(initial=0)) + 1
    n1 = np.bincount(source_idx[present], minlength=size).astype(np.float64)
    n0 = np.bincount(source_idx[~present], minlength=size).astype(np.float64)
    w = n1 * n0 / np.maximum(n1 + n0, 1)
    counts = int(n1[w > 0].sum()), int(n0[w > 0].sum())
    if min(counts) < MIN_ARM:
        return Erasure(0.0, -1.0, 1.0, *counts, "too_few")
    means, centres, variances = [], [], []
    for arm, sizes in ((present, n1), (~present, n0)):
        weight = (w / np.maximum(sizes, 1))[source_idx[arm]]
        change = fall[arm]
        total = weight.sum()
        lost, gained = float(weight[change > 0].sum() / total), float(weight[change < 0].sum() / total)
        n_effective = float(total**2 / (weight**2).sum())
        if groups is not None:
            n_effective /= design_effect(change != 0, groups[arm])
        more_lost, more_gained = (
            (n_effective * lost + 1) / (n_effective + 2),
            (n_effective * gained + 1) / (n_effective + 2),
        )
        means.append(lost - gained)
        centres.append(more_lost - more_gained)
        variances.append((more_lost + more_gained - centres[-1] ** 2) / (n_effective + 2))
    effect, centre = means[0] - means[1], centres[0] - centres[1]
    half = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) * float(np.sqrt(sum(variances)))
    return Erasure(effect, min(centre - half, effect), max(centre + half, effect), *counts)
