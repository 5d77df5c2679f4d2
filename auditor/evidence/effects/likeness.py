"""How much pictures of other classes look like a class to the encoder, and which of them do so equally.

What fills a picture brings its own look along. Where those that show a concept look more like the class than those
that do not, a change of what pictures are called may be the look's and not the concept's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from auditor.evidence.effects.covariates import within_class
from auditor.records import BoolArray, FloatArray, IntArray
from auditor.rules import CALIPER


def likeness(class_prompt_score: FloatArray, label_idx: IntArray, class_idx: int) -> NDArray[np.float64]:
    """Score (N,) of the class's prompt less that of the own label's, from scores (N, C); NaN without a label."""
    rows = np.arange(label_idx.size)
    margin = class_prompt_score[:, class_idx].astype(np.float64) - class_prompt_score[rows, label_idx]
    return np.where(label_idx >= 0, margin, np.nan)


def told_by_likeness(score: NDArray[np.float64], has: BoolArray, lacks: BoolArray, label_idx: IntArray) -> float:
    """Chance that a picture with the concept looks more like the class than one of its own label without it.

    Area under the curve of the likeness, over the pairs of pictures of one label (N,); .5 where there is no pair.
    """
    better, pairs = 0.0, 0
    for k in np.unique(label_idx[has]):
        rows = np.flatnonzero((has | lacks) & (label_idx == k))
        shows = has[rows]
        n1, n0 = int(shows.sum()), int((~shows).sum())
        better += float(rankdata(score[rows])[shows].sum()) - n1 * (n1 + 1) / 2
        pairs += n1 * n0
    return better / pairs if pairs else 0.5


def caliper_of(score: NDArray[np.float64], rows: BoolArray) -> float:
    """By how much two pictures may differ that count as equally like the class: a part of the spread of ``rows``.

    Reference:
        Austin (2011), Optimal caliper widths for propensity-score matching.
    """
    # in order: sums of floats in another order differ by rounding, and a border must not
    return CALIPER * float(np.sort(score[rows]).std())


def alike(score: NDArray[np.float64], row: int, others: IntArray, caliper: float) -> IntArray:
    """Those of ``others`` within the caliper of a picture, the nearest first; equal ones in the order given."""
    distance = np.abs(score[others] - score[row])
    near = np.flatnonzero(distance <= caliper)
    return np.asarray(others[near[np.argsort(distance[near], kind="stable")]], dtype=np.int64)


def related(one: BoolArray, other: BoolArray, score: NDArray[np.float64], label_idx: IntArray) -> float:
    """Partial correlation within labels of two presences (n,), given the likeness: what the class's look leaves of it.

    0 where one of them, or what the likeness leaves of it, does not vary.
    """
    centred = within_class(np.column_stack([one, other, score]).astype(np.float32), label_idx).astype(np.float64)
    (r11, r12, r1s), (_, r22, r2s), (_, _, rss) = centred.T @ centred
    if rss > 0:
        r11, r12, r22 = r11 - r1s**2 / rss, r12 - r1s * r2s / rss, r22 - r2s**2 / rss
    return float(r12 / np.sqrt(r11 * r22)) if min(r11, r22) > 1e-9 * len(one) else 0.0
