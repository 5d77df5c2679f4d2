"""Intervals and tests for rates and their differences, corrections for many tests, and the pictures they take.

Every function is vectorised over the leading axes of its counts; strata are the last axis where there are any.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from auditor.rules import CONFIDENCE, POWER

Float64Array = NDArray[np.float64]

#: Halvings of [-1, 1] when a score test is inverted: 2^-22 is far below any digit that is printed.
_BISECTIONS = 22


class Interval(NamedTuple):
    """Bounds of a confidence interval, arrays of one shape."""

    low: Float64Array
    high: Float64Array


def constrained_rates(
    x1: Float64Array, n1: Float64Array, x0: Float64Array, n0: Float64Array, difference: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Maximum-likelihood rates of two arms given p1 - p0 = difference (closed form of the cubic).

    Reference:
        Miettinen & Nurminen (1985); closed form as in Farrington & Manning (1990).
    """
    theta = n0 / n1
    p1, p0 = x1 / n1, x0 / n0
    a = 1 + theta
    b = -(1 + theta + p1 + theta * p0 + difference * (theta + 2))
    c = difference**2 + difference * (2 * p1 + theta + 1) + p1 + theta * p0
    d = -p1 * difference * (1 + difference)
    v = b**3 / (27 * a**3) - b * c / (6 * a**2) + d / (2 * a)
    u = np.where(v >= 0, 1.0, -1.0) * np.sqrt(np.maximum(b**2 / (9 * a**2) - c / (3 * a), 0.0))
    cubed = u**3
    ratio = np.divide(v, cubed, out=np.zeros_like(v), where=np.abs(cubed) > 1e-300)
    angle = (np.pi + np.arccos(np.clip(ratio, -1, 1))) / 3
    rate1 = np.clip(2 * u * np.cos(angle) - b / (3 * a), np.maximum(difference, 0), np.minimum(1 + difference, 1))
    return rate1, np.clip(rate1 - difference, 0, 1)


class TwoArms(NamedTuple):
    """Successes and sizes of two arms in S strata, each (..., S); strata with an empty arm weigh nothing."""

    x1: Float64Array
    n1: Float64Array
    x0: Float64Array
    n0: Float64Array

    @classmethod
    def of(cls, x1: ArrayLike, n1: ArrayLike, x0: ArrayLike, n0: ArrayLike) -> TwoArms:
        """Arrays of float64 of one shape with at least one axis (the strata)."""
        arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in (x1, n1, x0, n0)))
        return cls(*arrays)

    @property
    def weights(self) -> Float64Array:
        """Weights n1 n0 / (n1 + n0): zero where an arm is empty."""
        product = self.n1 * self.n0
        return np.asarray(np.divide(product, self.n1 + self.n0, out=np.zeros_like(product), where=product > 0))


class PresentArms(TwoArms):
    """Two arms whose strata weigh as many pictures as have the concept: the difference is the mean over these."""

    __slots__ = ()

    @property
    def weights(self) -> Float64Array:
        """Weights n1: zero where an arm is empty."""
        return np.asarray(np.where(self.n0 > 0, self.n1, 0.0))


def distinct_strata(arms: TwoArms) -> tuple[TwoArms, Float64Array]:
    """Strata (S,) of one table that differ from each other, and how often each is there.

    A sum over a thousand classes of twenty pictures has a few dozen different terms. Where all differ the table is
    given back as it is, so that its sums stay the same to the last digit.
    """
    rows, times = np.unique(np.stack(arms, axis=1), axis=0, return_counts=True)
    if times.size == arms.x1.size:
        return arms, np.ones(times.size)
    return type(arms)(*np.ascontiguousarray(rows.T)), times.astype(np.float64)


def risk_difference(arms: TwoArms) -> Float64Array:
    """Weighted mean of p1 - p0 over strata, w = n1 n0 / (n1 + n0); nan where no stratum has both arms."""
    w = arms.weights
    safe1, safe0 = np.maximum(arms.n1, 1e-12), np.maximum(arms.n0, 1e-12)
    total = w.sum(axis=-1)
    summed = (w * (arms.x1 / safe1 - arms.x0 / safe0)).sum(axis=-1)
    return np.asarray(np.divide(summed, total, out=np.full_like(total, np.nan), where=total > 0))


def score_z(arms: TwoArms, difference: ArrayLike, times: Float64Array | None = None) -> Float64Array:
    """Miettinen-Nurminen score statistic of H0: p1 - p0 = difference, stratified with w = n1 n0 / (n1 + n0).

    Args:
        arms: Counts, (..., S).
        difference: Scalar, (...,), or several of these stacked in front, in (-1, 1).
        times: (S,) how often each stratum is there (:func:`distinct_strata`); None: once.

    Returns:
        (...,) standard normal under H0; positive where the data lie above ``difference``; 0 where nothing is known.
    """
    numerator, variance = score_parts(arms, difference, times)
    spread = np.sqrt(variance)
    certain = np.where(np.abs(numerator) < 1e-12, 0.0, np.where(numerator > 0, np.inf, -np.inf))
    return np.asarray(np.divide(numerator, spread, out=certain, where=spread > 1e-12))


def score_parts(
    arms: TwoArms, difference: ArrayLike, times: Float64Array | None = None
) -> tuple[Float64Array, Float64Array]:
    """Numerator and variance of :func:`score_z`, to which strata that are known otherwise can be added."""
    w = arms.weights
    used = w > 0
    n1, n0 = np.where(used, arms.n1, 1.0), np.where(used, arms.n0, 1.0)
    x1, x0 = np.where(used, arms.x1, 0.0), np.where(used, arms.x0, 0.0)
    tested = np.asarray(difference, dtype=np.float64)[..., None]
    delta = np.broadcast_to(tested, np.broadcast_shapes(tested.shape, w.shape))
    rate1, rate0 = constrained_rates(x1, n1, x0, n0, delta)
    total = n1 + n0
    variance = (rate1 * (1 - rate1) / n1 + rate0 * (1 - rate0) / n0) * total / np.maximum(total - 1, 0.5)
    numerators, variances = w * (x1 / n1 - x0 / n0 - delta), w**2 * variance
    if times is not None:
        numerators, variances = times * numerators, times * variances
    return numerators.sum(axis=-1), variances.sum(axis=-1)


def p_above(arms: TwoArms, difference: ArrayLike) -> Float64Array:
    """One-sided p of H0: p1 - p0 <= difference by the score test's normal tail; 1 where no stratum has both arms.

    For many tables at once, to choose those that are worth a test. With a small arm it is far too small (see
    :mod:`auditor.evidence.effects.exact_test`, which decides).
    """
    p = special.ndtr(-score_z(arms, difference))
    return np.asarray(np.where(arms.weights.sum(axis=-1) > 0, p, 1.0))


def score_interval(arms: TwoArms, *, confidence: float = CONFIDENCE) -> Interval:
    """Miettinen-Nurminen interval of the (stratified) risk difference, by inverting :func:`score_z`.

    Without a stratum that has both arms it is [-1, 1].
    """
    times = None
    if arms.x1.ndim == 1:
        arms, times = distinct_strata(arms)
    z = float(special.ndtri(0.5 + confidence / 2))
    targets = np.array([z, -z]).reshape(2, *[1] * (arms.x1.ndim - 1))
    # score_z falls as the tested difference grows: look for where it crosses either target
    low, high = (np.full((2, *arms.x1.shape[:-1]), end) for end in (-1.0, 1.0))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = score_z(arms, middle, times) > targets
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    known = arms.weights.sum(axis=-1) > 0
    bounds = (low + high) / 2
    return Interval(np.where(known, bounds[0], -1.0), np.where(known, bounds[1], 1.0))


def wilson_interval(successes: ArrayLike, trials: ArrayLike, *, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a rate; [0, 1] where there are no trials."""
    x, n = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64))
    z = float(special.ndtri(0.5 + confidence / 2))
    safe = np.maximum(n, 1e-12)
    rate = x / safe
    centre = (rate + z**2 / (2 * safe)) / (1 + z**2 / safe)
    half = z / (1 + z**2 / safe) * np.sqrt(rate * (1 - rate) / safe + z**2 / (4 * safe**2))
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    return Interval(np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0))


def paired_change(lost: float, gained: float, n: float) -> tuple[float, float]:
    """Centre and variance of lost - gained, the shares of n pairs that changed either way, with one pair of each added.

    The added pairs keep pairs that never changed from looking certain (Bonett & Price 2012).
    """
    more, fewer = (n * lost + 1) / (n + 2), (n * gained + 1) / (n + 2)
    centre = more - fewer
    return centre, (more + fewer - centre**2) / (n + 2)


def clopper_pearson(successes: int, trials: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Exact interval of a rate: never covers less than ``confidence``."""
    tail = (1 - confidence) / 2
    low = float(special.betaincinv(successes, trials - successes + 1, tail)) if successes > 0 else 0.0
    high = float(special.betaincinv(successes + 1, trials - successes, 1 - tail)) if successes < trials else 1.0
    return low, high


def holm(p_values: ArrayLike, *, n_tests: int | None = None) -> Float64Array:
    """Holm's adjusted p-values of one family; ``n_tests`` counts tests of the family that are not listed.

    Controls the chance of one false rejection whatever the dependence.
    """
    p = np.asarray(p_values, dtype=np.float64)
    m = p.size if n_tests is None else max(n_tests, p.size)
    order = np.argsort(p, kind="stable")
    factors = m - np.arange(p.size)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> Float64Array:
    """q-values: the smallest false-discovery rate at which each p is a discovery."""
    p = np.asarray(p_values, dtype=np.float64)
    if p.size == 0:
        return p
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def pictures_per_arm(
    rate1: float,
    rate0: float,
    effect: float,
    bound: float,
    *,
    alpha: float,
    power: float = POWER,
    reliability: float = 1.0,
) -> int:
    """Pictures in each arm that tell a true ``effect`` from ``bound``, one-sided.

    n = (z_{1-alpha} + z_{power})^2 (p1 q1 + p0 q0) / (effect - bound)^2, the effect divided by PPV + NPV - 1 of the
    presence (``reliability``), which dilutes it. Never fed with the observed effect.
    """
    z = float(special.ndtri(1 - alpha) + special.ndtri(power))
    spread = rate1 * (1 - rate1) + rate0 * (1 - rate0)
    distance = effect * reliability - bound
    return int(np.ceil(z**2 * spread / distance**2)) if distance != 0 else 10**9


def detectable_effect(
    rate: float,
    n1: ArrayLike,
    n0: ArrayLike,
    bound: float,
    *,
    alpha: ArrayLike,
    power: float = POWER,
    reliability: ArrayLike = 1.0,
) -> Float64Array:
    """Smallest true gap between arms of n1 and n0 pictures that would be shown to exceed ``bound``, at most 1.

    The gap g with g - bound - 1/(2 min(n1, n0)) = z_{1-alpha} s + z_{power} t: t is the standard error at the rates p
    and p - g, s that at the constrained ones, which the test takes (docs/decisions/0023). Half a picture of the smaller
    arm is lost to its steps.

    Args:
        rate: p, of the arm with the concept.
        n1: Pictures with it.
        n0: Pictures without it.
        bound: The gap that H0 allows.
        alpha: One-sided level.
        power: Chance of showing it.
        reliability: PPV + NPV - 1 of the presence that makes the arms: a true gap is seen diluted by it.
    """
    size1, size0, z = np.broadcast_arrays(
        *(np.maximum(np.asarray(n, dtype=np.float64), 1e-9) for n in (n1, n0)),
        special.ndtri(1 - np.asarray(alpha, dtype=np.float64)),
    )
    smallest = np.minimum(size1, size0)
    # a rate of exactly 0 or 1 would promise certainty: half a picture of either sort is added
    rate1 = (rate * (size1 + size0) + 0.5) / (size1 + size0 + 1)
    low, high = np.zeros_like(smallest), np.ones_like(smallest)
    for _ in range(_BISECTIONS):
        gap = (low + high) / 2
        rate0 = np.maximum(rate1 - gap, 0.0)
        most_likely = constrained_rates(rate1 * size1, size1, rate0 * size0, size0, np.full_like(gap, bound))
        tested, true = (
            np.sqrt(one * (1 - one) / size1 + other * (1 - other) / size0)
            for one, other in (most_likely, (rate1, rate0))
        )
        shown = gap - bound - 0.5 / smallest > z * tested + special.ndtri(power) * true
        low, high = np.where(shown, low, gap), np.where(shown, gap, high)
    return np.asarray(np.minimum(high / np.maximum(reliability, 1e-9), 1.0))
