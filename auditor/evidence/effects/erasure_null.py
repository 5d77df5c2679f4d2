"""The null of E3: what an eraser takes away that was fitted to the same presences dealt out anew within each class.

Dealing presence out anew leaves the head's inputs alone, and with them Sigma_w. So one Gram matrix of a class's sample,
G = Xc (Sigma_w + lambda diag)^-1 Xc^T, answers every deal: with q the residual presence as dealt, sigma = Xc^T q,
x.u = G q and u.sigma = q^T G q, and no channel is touched again. Isotropic random directions are no null: most of them
point where pictures hardly differ, and clean pairs beat them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects.erasers import Fitted
from auditor.records import BoolArray, FloatArray, IntArray, LinearHead

Float64Array = NDArray[np.float64]

_BLOCK = 100_000  # erased logits of a class at a time: they stay in the cache
_COLUMNS = 1_000  # of concepts times deals at a time
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class NullSample:
    """Pictures of one class and of others on which its concepts are dealt anew: n pictures, T concepts."""

    gram: FloatArray  # (n, n) of x less its class's mean
    of_class: FloatArray  # (C, n), mean of a class less the mean of all, against every picture
    head_input: FloatArray  # (C, n), W times x less its class's mean
    logits: FloatArray  # (n, C)
    label_idx: IntArray  # (n,)
    residual: FloatArray  # (n, T)
    present: BoolArray  # (n, T)
    known: BoolArray  # (n, T) whether presence is known

    @classmethod
    def of(
        cls,
        x: FloatArray,
        logits: FloatArray,
        label_idx: IntArray,
        residual: FloatArray,
        present: BoolArray,
        known: BoolArray,
        fitted: Fitted,
        head: LinearHead,
    ) -> NullSample:
        """From the head's inputs (n, K) of the sample and what was fitted on all pictures."""
        centred = x - fitted.class_means[label_idx]
        solved = fitted.solve(centred)
        return cls(
            gram=np.asarray(centred @ solved.T, dtype=np.float32),
            of_class=np.asarray((fitted.class_means - fitted.mean) @ solved.T, dtype=np.float32),
            head_input=head.weight @ centred.T,
            logits=logits,
            label_idx=label_idx,
            residual=residual,
            present=present,
            known=known,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Deals:
    """E3 of every deal, (P + 1, T) each; row 0 is the presence as it is."""

    recall: Float64Array
    pull: Float64Array
    margin: Float64Array  # part of the margin that goes with the concept, see reliance.margin_loss


def deal(cells: IntArray, n_deals: int, rng: np.random.Generator) -> IntArray:
    """(P + 1, n) orders of pictures: the first as they are, the others exchanged within their cells only."""
    order = np.argsort(cells, kind="stable")
    found = np.tile(np.arange(cells.size, dtype=np.int64), (n_deals + 1, 1))
    for one in found[1:]:
        one[order] = np.lexsort((rng.random(cells.size), cells))
    return found


def contrast(present: BoolArray, among: BoolArray, label_idx: IntArray) -> Float64Array:
    """(n, T) coefficients that turn falls into the DiD: w_k / n_k1 with the concept, -w_k / n_k0 without, over sum w.

    Zero where ``among`` (n, T) does not hold, and where a class lacks an arm.
    """
    size = int(label_idx.max(initial=0)) + 1
    n, n1 = (
        np.stack([np.bincount(label_idx[column], minlength=size) for column in counted.T], axis=1)
        for counted in (among, among & present)
    )
    w = n1 * (n - n1) / np.maximum(n, 1)
    w /= np.maximum(w.sum(axis=0), _NOTHING)
    with_v, without_v = (w / np.maximum(n1, 1))[label_idx], (w / np.maximum(n - n1, 1))[label_idx]
    return np.where(among, np.where(present, with_v, -without_v), 0.0)


def erase_dealt(
    sample: NullSample,
    class_idx: int,
    orders: IntArray,
    parts: IntArray,
    left_out: Mapping[int, Sequence[int]],
    head: LinearHead,
) -> Deals:
    """Fit the eraser to every deal and measure E3 of class c with the presence that was dealt.

    All concepts of the sample are dealt together, so that what goes with what stays as it is.

    Args:
        sample: The pictures.
        class_idx: The class c.
        orders: (P + 1, n) from :func:`deal`.
        parts: (n,) folds of the pictures, or of their classes.
        left_out: For every part, the parts that its eraser is fitted without.
        head: The last linear layer.
    """
    own = sample.label_idx == class_idx
    arms = (sample.known & own[:, None], sample.known & ~own[:, None])
    contrasts = [contrast(sample.present, among, sample.label_idx) for among in arms]
    nothing = np.zeros((own.size, 1), np.float32), np.zeros((head.weight.shape[0], 1), np.float32)
    before = _lead(sample.logits, *nothing, class_idx)[:, 0]
    made = contrasts[0].T @ before
    deals: list[tuple[Float64Array, ...]] = []
    step = max(1, _COLUMNS // len(orders))
    for start in range(0, sample.residual.shape[1], step):
        part = slice(start, start + step)
        dealt = sample.residual[:, part][orders]  # (P + 1, n, t)
        after = _erased_lead(sample, class_idx, dealt.transpose(1, 0, 2).reshape(own.size, -1), parts, left_out, head)
        lost = ((before > 0)[:, None].astype(np.int8) - (after > 0)).reshape(own.size, *dealt.shape[::2])
        fallen = (before[:, None] - after).reshape(own.size, *dealt.shape[::2])
        recall, pull = (one[:, part][orders] for one in contrasts)
        pairs = ((recall, lost), (pull, lost), (recall, fallen))
        deals.append(tuple(np.einsum("pnt,npt->pt", one, fall) for one, fall in pairs))
    recalls, pulls, falls = (np.hstack(columns) for columns in zip(*deals, strict=True))
    return Deals(recalls, pulls, np.divide(falls, made, out=np.zeros_like(falls), where=made > _NOTHING))


def _erased_lead(
    sample: NullSample,
    class_idx: int,
    q: FloatArray,
    parts: IntArray,
    left_out: Mapping[int, Sequence[int]],
    head: LinearHead,
) -> FloatArray:
    """(n, J) lead of the class over the others with each of J residual presences (n, J) erased."""
    codes = np.unique(parts)
    members = [np.flatnonzero(parts == code) for code in codes]
    along_of = [sample.gram[:, rows] @ q[rows] for rows in members]
    of_class = [sample.of_class[:, rows] @ q[rows] for rows in members]
    shift_of = [sample.head_input[:, rows] @ q[rows] for rows in members]
    squares = np.array([[(q[rows] * along[rows]).sum(axis=0) for along in along_of] for rows in members])
    after = np.empty(q.shape, dtype=np.float32)
    for code, rows in zip(codes, members, strict=True):
        used = [i for i, other in enumerate(codes) if other not in left_out[int(code)]]
        along = np.zeros((rows.size, q.shape[1]), dtype=np.float32)
        shift = np.zeros((head.weight.shape[0], q.shape[1]), dtype=np.float32)
        for i in used:
            along += along_of[i][rows] + of_class[i][sample.label_idx[rows]]
            shift += shift_of[i]
        scale = squares[np.ix_(used, used)].sum(axis=(0, 1))
        along *= np.where(scale > _NOTHING, 1 / np.maximum(scale, _NOTHING), 0)
        step = max(1, _BLOCK // rows.size)
        for start in range(0, q.shape[1], step):
            part = slice(start, start + step)
            after[rows, part] = _lead(sample.logits[rows], along[:, part], shift[:, part], class_idx)
    return after


def _lead(logits: FloatArray, along: FloatArray, shift: FloatArray, class_idx: int) -> FloatArray:
    """(n, J) logit of the class less the largest other one, in logits (n, C) less ``along`` (n, J) times ``shift``."""
    best = np.full(along.shape, -np.inf, dtype=np.float32)
    for k in range(logits.shape[1]):
        if k != class_idx:
            np.maximum(best, logits[:, [k]] - along * shift[k], out=best)
    return np.asarray(logits[:, [class_idx]] - along * shift[class_idx] - best, dtype=np.float32)
