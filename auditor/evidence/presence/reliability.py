"""How far presence can be trusted: it is told twice, by two halves of the prompts, and the two are compared.

The same encoder tells both, so an error that all prompts share stays unseen; where the manifest knows a concept of the
same name, its word is taken as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from auditor.records import BoolArray, FloatArray, IntArray
from auditor.rules import MIN_ARM, PRESENT

#: Pictures that presence is told twice on.
MAX_PICTURES = 10_000


def told_twice(presence: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Kappa of every concept between two tellings of presence, all (n, V), each at the number that are called present.

    Which pictures, and not how many, is what the halves are asked: half the prompts are another scale. Equally many
    present in both, kappa is PPV + NPV - 1 of one against the other, the factor that dilutes an effect.

    Returns:
        (V,), NaN where a concept is present in, or absent from, fewer than :data:`MIN_ARM` pictures: nothing can be
        tested on it. A telling that is the same for all pictures agrees with nothing.
    """
    kappa = np.full(presence.shape[1], np.nan, dtype=np.float32)
    n_present = (presence > PRESENT).sum(axis=0)
    for v in np.flatnonzero(np.minimum(n_present, len(presence) - n_present) >= MIN_ARM):
        one, other = (_strongest(half[:, v], int(n_present[v])) for half in (first, second))
        kappa[v] = cohens_kappa(one, other) or 0.0
    return kappa


def _strongest(presence: FloatArray, n: int) -> BoolArray:
    """The n pictures of largest presence; those that tie at the border are called present only if all of them fit."""
    border = np.sort(presence)[-n]
    tied = presence >= border
    return np.asarray(tied if int(tied.sum()) == n else presence > border)


def told_twice_elsewhere(
    presence: FloatArray, first: FloatArray, second: FloatArray, label_idx: IntArray, n_classes: int
) -> FloatArray:
    """Kappa as in :func:`told_twice`, but within the classes other than each: sum n (p_o - p_e) / sum n (1 - p_e).

    A presence that only copies the labels agrees with itself over all pictures, and within a class by chance.

    Args:
        presence: (n, V).
        first: (n, V), by one half of the prompts.
        second: (n, V), by the other.
        label_idx: (n,), -1 for none.
        n_classes: C.

    Returns:
        (C, V), NaN where no other class has pictures with and without the concept.

    Reference:
        Barlow, Lai and Azen (1991), A comparison of methods for calculating a stratified kappa.
    """
    gained, possible = np.zeros((2, n_classes, presence.shape[1]))
    for k in range(n_classes):
        rows = label_idx == k
        n, n_present = int(rows.sum()), (presence[rows] > PRESENT).sum(axis=0)
        for v in np.flatnonzero((n_present > 0) & (n_present < n)):
            one, other = (_strongest(half[rows, v], int(n_present[v])) for half in (first, second))
            expected = _by_chance(one, other)
            gained[k, v], possible[k, v] = n * (float(np.mean(one == other)) - expected), n * (1 - expected)
    elsewhere = possible.sum(axis=0) - possible
    kappa = np.full(elsewhere.shape, np.nan)
    np.divide(gained.sum(axis=0) - gained, elsewhere, out=kappa, where=elsewhere > 0)
    return kappa.astype(np.float32)


def with_manifest(kappa: FloatArray, presence: FloatArray, same_as: Mapping[int, int]) -> FloatArray:
    """The lower of kappa and that against the attribute of a concept's name, both in ``presence`` (N, V)."""
    lower = kappa.copy()
    for attribute, v in same_as.items():
        known = np.isfinite(presence[:, attribute]) & np.isfinite(presence[:, v])
        agreement = cohens_kappa(presence[known, attribute] > PRESENT, presence[known, v] > PRESENT)
        if agreement is not None:
            lower[v] = np.fmin(lower[v], agreement)
    return lower


def cohens_kappa(first: BoolArray, second: BoolArray) -> float | None:
    """(p_o - p_e) / (1 - p_e), p_o how often both say the same, p_e how often they would if independent.

    None without pictures, and where both always say one and the same thing: agreement by chance is certain then.

    Reference:
        Cohen (1960).
    """
    if first.size == 0:
        return None
    observed = float(np.mean(first == second))
    expected = _by_chance(first, second)
    return (observed - expected) / (1 - expected) if expected < 1 else None


def _by_chance(first: BoolArray, second: BoolArray) -> float:
    """How often two tellings would say the same if they were independent."""
    rate1, rate2 = float(first.mean()), float(second.mean())
    return rate1 * rate2 + (1 - rate1) * (1 - rate2)
