"""E1, the share of the words, and E2, association in the data: the two screens. Neither proves reliance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from auditor.records import BoolArray, ClassConcept, Concept, FloatArray, IntArray
from auditor.rules import CONFIDENCE

Float64Array = NDArray[np.float64]

_BOOTSTRAP_DRAWS = 200
#: Least share elsewhere that a lift is taken over: one hundredth of the evidence is below what phrases resolve.
_SHARE_FLOOR = 0.01
_COLUMNS = 64  # concepts of all pictures that are counted at a time


class AssociationAuc(NamedTuple):
    """Chance that a picture of the class scores higher for the concept than one of another class; 95 % interval."""

    auc: Float64Array
    low: Float64Array
    high: Float64Array

    def of_pair(self, class_idx: int, concept_idx: int) -> tuple[float, float, float]:
        """Estimate and bounds of one class and one concept."""
        at = class_idx, concept_idx
        return float(self.auc[at]), float(self.low[at]), float(self.high[at])


def class_share_means(shares: sparse.csr_array, predicted_idx: IntArray, n_classes: int) -> Float64Array:
    """Mean share of every concept over the pictures predicted as every class: (C, V), zero rows for empty classes."""
    n = predicted_idx.size
    known = np.flatnonzero(predicted_idx >= 0)
    member = sparse.csr_array((np.ones(known.size), (predicted_idx[known], known)), shape=(n_classes, n))
    sums = (member @ shares.astype(np.float64)).toarray()
    counts = np.bincount(predicted_idx[known], minlength=n_classes)
    return np.asarray(sums / np.maximum(counts, 1)[:, None])


def class_concepts(
    shares: sparse.csr_array,
    predicted_idx: IntArray,
    concepts: Sequence[Concept],
    class_names: Sequence[str],
    *,
    groups: IntArray | None,
    seed: int,
    order: IntArray | None = None,
) -> list[ClassConcept]:
    """E1: mean share of every concept over the pictures predicted as a class, against the mean over other classes.

    The mean elsewhere weighs every other class alike, so that a big class does not set it. The interval is a
    percentile bootstrap over pictures, or over groups of pictures where they come in groups (patients, clips).

    Args:
        shares: (N, V) shares of the phrases for the predicted class.
        predicted_idx: (N,) predicted classes.
        concepts: The V concepts.
        class_names: The C classes.
        groups: (N,) codes of the groups, or None.
        seed: Of the bootstrap.
        order: (N,) rank of every picture in an order that does not change when rows are shuffled (its id's rank), so
            that the drawn intervals do not change either.

    Returns:
        One record for every class and concept with a share above zero, by class, then by falling share.
    """
    n_classes = len(class_names)
    means = class_share_means(shares, predicted_idx, n_classes)
    counts = np.bincount(predicted_idx[predicted_idx >= 0], minlength=n_classes)
    seen = counts > 0
    elsewhere = (means[seen].sum(axis=0)[None] - means * seen[:, None]) / np.maximum(seen.sum() - seen, 1)[:, None]
    records: list[ClassConcept] = []
    for c in np.flatnonzero(seen):
        rows = np.flatnonzero(predicted_idx == c)
        if order is not None:
            rows = rows[np.argsort(order[rows], kind="stable")]
        low, high = _bootstrap_interval(shares[rows], None if groups is None else groups[rows], (seed, int(c)))
        for v in np.argsort(-means[c], kind="stable"):
            if means[c, v] <= 0:
                break
            records.append(
                ClassConcept(
                    class_idx=int(c),
                    class_name=class_names[int(c)],
                    concept_id=concepts[v].concept_id,
                    concept=concepts[v].term,
                    concept_kind=concepts[v].kind,
                    share=float(means[c, v]),
                    share_low=float(min(low[v], means[c, v])),
                    share_high=float(max(high[v], means[c, v])),
                    share_elsewhere=float(elsewhere[c, v]),
                    lift=float(means[c, v] / max(elsewhere[c, v], _SHARE_FLOOR)),
                    n_images=int(counts[c]),
                )
            )
    return records


def _bootstrap_interval(
    shares: sparse.csr_array, groups: IntArray | None, seed: tuple[int, int]
) -> tuple[Float64Array, Float64Array]:
    """Percentile interval of the mean share of every concept, by drawing rows (or whole groups) again."""
    sizes = np.ones(shares.shape[0])
    if groups is not None:
        # numbered by first appearance: the codes themselves may depend on the order of the pictures
        _, first, member = np.unique(groups, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first, kind="stable"), kind="stable")
        unit = sparse.csr_array((sizes, (rank[member], np.arange(sizes.size))), shape=(first.size, sizes.size))
        shares, sizes = sparse.csr_array(unit @ shares), np.asarray(unit.sum(axis=1)).ravel()
    n = shares.shape[0]
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=_BOOTSTRAP_DRAWS).astype(np.float64)
    resampled = np.asarray((shares.T.astype(np.float64) @ draws.T).T) / (draws @ sizes)[:, None]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    return low, high


def association_auc(
    presence: FloatArray,
    class_idx: IntArray,
    n_classes: int,
    *,
    groups: IntArray | None = None,
    known: BoolArray | None = None,
) -> AssociationAuc:
    """E2: one-vs-rest AUC of every concept's presence for every class, from ranks, with Hanley and McNeil's interval.

    The AUC has no baseline to choose: it is .5 for a concept that the class has as often as the others, however
    unequal the classes are. With ``groups``, the interval counts groups and not pictures.

    Args:
        presence: (N, V) continuous presence; pictures where it is not finite are left out of that concept.
        class_idx: (N,) labels; pictures below 0 are left out.
        n_classes: C.
        groups: (N,) codes of groups of pictures that belong together, or None.
        known: (N, V) pictures that count for a concept; None: all where presence is finite.

    Returns:
        Arrays (C, V); .5 with [0, 1] for a class without pictures or without others.
    """
    labelled = np.flatnonzero(class_idx >= 0)
    shape = (n_classes, presence.shape[1])
    rank_sums, inside, outside, n1, n0 = (np.empty(shape) for _ in range(5))
    of_all = _arms(class_idx[labelled], None if groups is None else groups[labelled], n_classes)
    for v in range(shape[1]):
        values = presence[labelled, v]
        seen = np.isfinite(values) if known is None else known[labelled, v]
        rows, labels = labelled[seen], class_idx[labelled[seen]]
        rank_sums[:, v] = np.bincount(labels, weights=stats.rankdata(values[seen]), minlength=n_classes)
        inside[:, v] = np.bincount(labels, minlength=n_classes)
        outside[:, v] = rows.size - inside[:, v]
        arms = of_all if seen.all() else _arms(labels, None if groups is None else groups[rows], n_classes)
        n1[:, v], n0[:, v] = arms
    known = (inside > 0) & (outside > 0)
    pairs = np.where(known, inside * outside, 1.0)
    auc = np.where(known, (rank_sums - inside * (inside + 1) / 2) / pairs, 0.5)
    half = stats.norm.ppf(0.5 + CONFIDENCE / 2) * _hanley_mcneil_error(auc, n1, n0)
    low, high = np.clip(auc - half, 0, 1), np.clip(auc + half, 0, 1)
    low[~known], high[~known] = 0.0, 1.0
    return AssociationAuc(auc, low, high)


def _hanley_mcneil_error(auc: Float64Array, n1: Float64Array, n0: Float64Array) -> Float64Array:
    """Standard error of an AUC of n1 positives and n0 negatives.

    Reference:
        Hanley & McNeil (1982), with their approximations Q1 = A / (2 - A) and Q2 = 2 A^2 / (1 + A).
    """
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    n1, n0 = np.maximum(n1, 1), np.maximum(n0, 1)
    variance = (auc * (1 - auc) + (n1 - 1) * (q1 - auc**2) + (n0 - 1) * (q2 - auc**2)) / (n1 * n0)
    return np.asarray(np.sqrt(np.maximum(variance, 0)))


def _arms(labels: IntArray, groups: IntArray | None, n_classes: int) -> tuple[Float64Array, Float64Array]:
    """Pictures (or distinct groups with pictures) of every class, and those of the other classes."""
    if groups is None:
        counts = np.bincount(labels, minlength=n_classes).astype(np.float64)
        return counts, labels.size - counts
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    inside = np.bincount(pairs[0], minlength=n_classes).astype(np.float64)
    return inside, pairs.shape[1] - inside


def present_counts(
    present: BoolArray,
    class_idx: IntArray,
    n_classes: int,
    weight: BoolArray | None = None,
    *,
    copies: IntArray | None = None,
) -> IntArray:
    """Pictures of every class in which every concept is present (and ``weight`` holds): (C, V).

    Copies of a picture (codes (N,)) that have the concept are one picture, for which the weight holds where it does
    for at least half of them.
    """
    holds = np.ones(class_idx.size, dtype=np.bool_) if weight is None else weight
    counts = _plain_counts(present, class_idx, n_classes, np.flatnonzero((class_idx >= 0) & holds))
    if copies is None:
        return counts
    labelled = np.flatnonzero(class_idx >= 0)
    _, unit, size = np.unique(
        np.stack([copies[labelled], class_idx[labelled]]), axis=1, return_inverse=True, return_counts=True
    )
    unit = unit.ravel()
    again = labelled[size[unit] > 1]
    if again.size == 0:
        return counts
    of_unit = np.unique(unit[size[unit] > 1], return_inverse=True)[1].ravel()
    n_units = int(of_unit.max()) + 1
    there = _plain_counts(present[again], of_unit, n_units, np.arange(again.size))
    held = _plain_counts(present[again], of_unit, n_units, np.flatnonzero(holds[again]))
    as_one = (there > 0) & (2 * held >= there)
    class_of = np.zeros(n_units, dtype=np.int64)
    class_of[of_unit] = class_idx[again]
    every = np.arange(n_units)
    return (
        counts
        - _plain_counts(present[again], class_idx[again], n_classes, np.flatnonzero(holds[again]))
        + _plain_counts(as_one, class_of, n_classes, every)
    )


def _plain_counts(present: BoolArray, class_idx: IntArray, n_classes: int, rows: IntArray) -> IntArray:
    """Pictures among ``rows`` of every class in which every concept is present: (C, V)."""
    member = sparse.csr_array(
        (np.ones(rows.size, np.float32), (class_idx[rows], rows)), shape=(n_classes, class_idx.size)
    )
    counts = np.empty((n_classes, present.shape[1]), dtype=np.int64)
    for start in range(0, present.shape[1], _COLUMNS):
        some = slice(start, start + _COLUMNS)
        counts[:, some] = np.rint(member @ present[:, some].astype(np.float32))
    return counts
