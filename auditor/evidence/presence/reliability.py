"""How far presence can be trusted: it is told twice, by two halves of the prompts, and the two are compared.

The same encoder tells both, so an error that all prompts share stays unseen; where the manifest knows a concept of the
same name, its word is taken as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from auditor.records import BoolArray, FloatArray
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
    rate1, rate2 = float(first.mean()), float(second.mean())
    expected = rate1 * rate2 + (1 - rate1) * (1 - rate2)
    return (observed - expected) / (1 - expected) if expected < 1 else None
