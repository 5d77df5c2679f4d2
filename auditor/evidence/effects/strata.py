"""Strata of the pictures of a class in which a recall gap is compared: sub-kind and difficulty."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.cluster.vq import kmeans2, vq

from auditor.records import BoolArray, FloatArray, IntArray

#: Share of the information (sum of n1 n0 / (n1 + n0)) that strata must keep to be used.
_KEPT_INFORMATION = 0.6
_DIFFICULTY_STEPS = 5
_MOST_KINDS = 4
_PICTURES_PER_KIND = 60
_STARTS = 4
_FITTED_ON = 5_000  # pictures: more do not move the centres of four clusters


def class_strata(
    embeddings: FloatArray, difficulty: FloatArray, *, order: IntArray, groups: IntArray | None = None, seed: int
) -> list[IntArray]:
    """Stratifications of one class's pictures, the finest first: sub-kind x difficulty, difficulty, sub-kind.

    Args:
        embeddings: (n, D) unit rows.
        difficulty: (n,) the encoder's score of the class's own prompt.
        order: (n,) rank of the pictures by id: the clusters do not depend on the order of rows.
        groups: (n,) codes of groups of pictures that belong together, or None.
        seed: Of the clusters' starts.
    """
    step = difficulty_steps(difficulty)
    kind = sub_kinds(embeddings, order=order, groups=groups, seed=seed)
    if kind.max(initial=0) == 0:
        return [step]
    return [kind * _DIFFICULTY_STEPS + step, step, kind]


def usable_strata(present: BoolArray, strata: Sequence[IntArray]) -> IntArray:
    """The first stratification (n,) that keeps most of the information on every concept of ``present`` (n, T).

    One stratum for all where every one loses it: strata that follow a concept itself would hide a true reliance.
    """
    everything = np.zeros(present.shape[0], dtype=np.int64)
    whole = _information(present, everything)
    for stratum in strata:
        if np.all(_information(present, stratum) >= _KEPT_INFORMATION * whole):
            return stratum
    return everything


def _information(present: BoolArray, stratum: IntArray) -> NDArray[np.float64]:
    """Sum over strata of n1 n0 / (n1 + n0), for every concept."""
    n = np.bincount(stratum)[:, None]
    n1 = np.stack([np.bincount(stratum[column], minlength=len(n)) for column in present.T], axis=1)
    return np.asarray((n1 * (n - n1) / np.maximum(n, 1)).sum(axis=0))


def difficulty_steps(difficulty: FloatArray) -> IntArray:
    """Quintile of every picture by its score; equal scores share a quintile."""
    if difficulty.size == 0:
        return np.zeros(0, dtype=np.int64)
    rank = stats.rankdata(difficulty)  # 1 ... n, ties at their mean
    steps = np.floor((rank - 0.5) / difficulty.size * _DIFFICULTY_STEPS)
    return np.asarray(np.clip(steps, 0, _DIFFICULTY_STEPS - 1), dtype=np.int64)


def sub_kinds(embeddings: FloatArray, *, order: IntArray, groups: IntArray | None = None, seed: int) -> IntArray:
    """Clusters of the embeddings within a class: one for every 60 pictures (or groups), at most four."""
    by_id = np.argsort(order, kind="stable")
    if groups is not None:  # the first picture of each group stands for it
        by_id = by_id[np.sort(np.unique(groups[by_id], return_index=True)[1])]
    n_kinds = min(_MOST_KINDS, by_id.size // _PICTURES_PER_KIND)
    if n_kinds < 2:
        return np.zeros(embeddings.shape[0], dtype=np.int64)
    step = max(1, -(-by_id.size // _FITTED_ON))
    centres = _centres(embeddings[by_id[::step]].astype(np.float64), n_kinds, np.random.default_rng(seed))
    return np.asarray(vq(embeddings.astype(np.float64), centres)[0], dtype=np.int64)


def _centres(rows: NDArray[np.float64], n_kinds: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Best of a few runs of k-means.

    SciPy's and not scikit-learn's, whose threads wait for each other busily: on a busy machine a hundredth of a second
    of work took half a second.
    """
    best, least = rows[:n_kinds], np.inf
    for _ in range(_STARTS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a cluster may be left empty: there is one sub-kind fewer then
            centres, _ = kmeans2(rows, _spread_out(rows, n_kinds, rng), minit="matrix", missing="warn")
        inertia = float((vq(rows, centres)[1] ** 2).sum())
        if inertia < least:
            best, least = centres, inertia
    return np.asarray(best)


def _spread_out(rows: NDArray[np.float64], n_kinds: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Starting centres: rows drawn by their squared distance to those drawn before (k-means++)."""
    chosen = [int(rng.integers(len(rows)))]
    for _ in range(n_kinds - 1):
        squared = vq(rows, rows[chosen])[1] ** 2
        # identical pictures leave no distance to draw by
        cumulated = np.cumsum(squared if squared.sum() > 0 else np.ones_like(squared))
        chosen.append(min(int(np.searchsorted(cumulated, rng.random() * cumulated[-1])), len(rows) - 1))
    return rows[chosen]
