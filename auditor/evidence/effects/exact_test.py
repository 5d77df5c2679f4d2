"""The test of a difference of two rates that keeps its level in small arms: exact at the rates that are most likely.

The score test's normal tail is wrong where one arm is small and its rate near 0 or 1: with 380 pictures on one side and
10 on the other, 95 % of them recognised, a p of .00001 comes about 57 times too often. Here the p is the probability
itself: of a (weighted) difference as large as the one that was seen, under binomial counts at the rates that are most
likely where the difference is exactly the one that is tested (docs/decisions/0023).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats
from scipy.optimize import brentq

from auditor.evidence.effects.significance import TwoArms, constrained_rates, distinct_strata

Float64Array = NDArray[np.float64]

#: A tie of differences is a tie although their last digits differ.
_TIE = 1e-9
#: The blur of a difference over several strata, in its standard deviations. Three blurs are added to what was seen, so
#: that p is never too small for it; it was seen to be a fifth too large at the most.
_BLUR = 0.01
_SHIFT = 3.0
#: The distribution repeats itself after so many standard deviations: what lies beyond is below 1e-9 of p.
_PERIOD = 30.0
#: The blur makes frequencies beyond this many of its inverse negligible (exp(-6^2 / 2) = 1.5e-8 of the largest).
_LAST_FREQUENCY = 6.0
_NEGLIGIBLE = -32.0  # a logarithm: 1e-14
_ARMS_AT_ONCE = 16


def exact_p_above(arms: TwoArms, difference: float) -> float:
    """One-sided p of H0: p1 - p0 <= difference, for the weighted difference of one table of S strata.

    P(sum_s w_s (X1/n1 - X0/n0) >= the same as it was seen), w = n1 n0 / (n1 + n0), X binomial at the constrained
    maximum-likelihood rates of each stratum. One stratum is summed over its lattice, several by inverting their
    characteristic function, strata of equal counts at once, for their counts add up to a binomial one. Arms that are
    worth fewer pictures than they have (n not whole) are taken for the next whole number of pictures, their deviations
    stretched to the variance p q / n.

    Args:
        arms: Counts, (S,).
        difference: In (-1, 1).

    Returns:
        p in [0, 1]; 1 where no stratum has both arms.

    Reference:
        Estimated ("E") p-values: Lloyd (2008), Aust. N. Z. J. Stat. 50; tails by the Laplace inversion of the moment
        generating function along its saddlepoint: Daniels (1954), Ann. Math. Stat. 25.
    """
    used = arms.weights > 0
    if not used.any():
        return 1.0
    n_strata = int(used.sum())
    some, times = distinct_strata(type(arms)(*(a[used] for a in arms)))
    x1, n1, x0, n0 = some
    rate1, rate0 = constrained_rates(x1, n1, x0, n0, np.full_like(x1, difference))
    whole1, whole0 = (np.ceil(n - _TIE) for n in (n1, n0))
    stretched1, stretched0 = np.sqrt(whole1 / n1), np.sqrt(whole0 / n0)
    if n_strata > 1:  # rates are estimated in every stratum: n / (n - 1), as in Miettinen and Nurminen's variance
        estimated = np.sqrt((n1 + n0) / np.maximum(n1 + n0 - 1, 0.5))
        stretched1, stretched0 = stretched1 * estimated, stretched0 * estimated
    weight = some.weights / arms.weights.sum()
    excess = float((times * weight * (x1 / n1 - x0 / n0 - difference)).sum())
    # what was seen must not be left out where it lies below the mean: stretched, it lies lower
    excess = min(excess, excess * float(max(stretched1.max(), stretched0.max())))
    # how far one picture moves the difference; a failure without counts as a success with, so all steps go up
    step1, step0 = weight * stretched1 / whole1, weight * stretched0 / whole0
    if n_strata > 1:
        steps = np.concatenate([step1, step0])
        return _several_strata(
            np.concatenate([times * whole1, times * whole0]), np.concatenate([rate1, 1 - rate0]), steps, excess
        )
    one, other = (whole1[0], rate1[0], step1[0]), (whole0[0], 1 - rate0[0], step0[0])
    return _one_stratum(*min(one, other), *max(one, other), excess)


def _one_stratum(
    n: float, rate: float, step: float, other_n: float, other_rate: float, other_step: float, excess: float
) -> float:
    """P(step (X - n rate) + other_step (Y - other_n other_rate) >= excess), X and Y binomial; summed over X."""
    x = np.arange(n + 1)
    needed = other_n * other_rate + (excess - step * (x - n * rate)) / other_step
    tails = stats.binom.sf(np.ceil(needed - _TIE * other_n) - 1, other_n, other_rate)
    return float(min((stats.binom.pmf(x, n, rate) * tails).sum(), 1.0))


def _several_strata(n: Float64Array, rate: Float64Array, step: Float64Array, excess: float) -> float:
    """P(sum step (X - n rate) >= excess) for independent binomial X, a hair too large (:data:`_BLUR`).

    exp(K(s) - s t) / s, with K the cumulants' generating function, integrated along Re s = theta with K'(theta) = t.
    """
    varies = (rate > 0) & (rate < 1)
    if not varies.any():
        return 1.0 if excess <= _TIE else 0.0
    n, rate, step = n[varies], rate[varies], step[varies]
    spread = float(np.sqrt((n * step**2 * rate * (1 - rate)).sum()))
    blur = _BLUR * spread
    t = excess - _SHIFT * blur
    logit = special.logit(rate)

    def beyond(theta: float) -> float:
        """K'(theta) - t: how far the tilted mean lies above."""
        return float((n * step * (special.expit(logit + theta * step) - rate)).sum() + theta * blur**2) - t

    # any theta > 0 will do, and the saddlepoint leaves the least to integrate
    least = 0.5 / spread
    most = least
    while beyond(most) < 0:
        most *= 2
    theta = least if most == least else float(brentq(beyond, most / 2, most, rtol=1e-6))
    tilted = special.expit(logit + theta * step)
    cumulants = n * (np.logaddexp(np.log1p(-rate), np.log(rate) + theta * step) - theta * step * rate)
    scale = float(cumulants.sum()) + (theta * blur) ** 2 / 2 - theta * t
    tilted_spread = float(np.sqrt((n * step**2 * tilted * (1 - tilted)).sum() + blur**2))
    width = 2 * np.pi / (_PERIOD * max(spread, tilted_spread))
    omega = np.arange(int(np.ceil(_LAST_FREQUENCY / blur / width))) * width
    # log modulus and phase of the tilted characteristic function, arms that spread most first: frequencies that they
    # make negligible are dropped
    modulus, phase = -((omega * blur) ** 2) / 2, omega * (theta * blur**2 - t)
    order = np.argsort(-n * step**2 * tilted * (1 - tilted))
    for start in range(0, order.size, _ARMS_AT_ONCE):
        block = order[start : start + _ARMS_AT_ONCE]
        angle = omega[:, None] * step[block]
        real, imaginary = 1 - tilted[block] * (1 - np.cos(angle)), tilted[block] * np.sin(angle)
        modulus = modulus + np.log(real**2 + imaginary**2) @ n[block] / 2
        phase = phase + np.arctan2(imaginary, real) @ n[block] - omega * float((n * step * rate)[block].sum())
        kept = modulus > _NEGLIGIBLE
        omega, modulus, phase = omega[kept], modulus[kept], phase[kept]
    summed = (np.exp(modulus + 1j * phase) / (theta + 1j * omega)).real
    summed[0] /= 2  # the trapezoidal rule; the frequency 0 is never negligible
    return float(np.clip(np.exp(scale) * summed.sum() * width / np.pi / special.ndtr(_SHIFT), 0.0, 1.0))


def exact_p_of_change(more: float, fewer: float, n: float, difference: float) -> float:
    """One-sided p of H0: P(changed one way) - P(changed the other way) <= difference, of n pairs.

    P(B - C >= the same as it was seen), (B, C) multinomial at the constrained maximum-likelihood rates. n that is not
    whole is treated as by :func:`exact_p_above`.

    Args:
        more: Share of the pairs that changed the one way, in [0, 1].
        fewer: Share that changed the other way.
        n: Pairs, > 0; fewer than there are where they depend on each other.
        difference: In [0, 1).

    Reference:
        Constrained rates: Tango (1998), Stat. Med. 17.
    """
    # the likelihood's stationary point: -2 q^2 + b q + c = 0, q the rate of the other way
    b = (more + fewer) * (1 - difference) - 2 * difference * (1 - more)
    c = fewer * difference * (1 - difference)
    back = min(max((b + np.sqrt(b * b + 8 * c)) / 4, 0.0), (1 - difference) / 2)
    whole = np.ceil(n - _TIE)
    excess = more - fewer - difference
    excess = min(excess, excess * float(np.sqrt(n / whole)))
    needed = np.ceil(whole * (difference + excess - _TIE))
    changed_back = np.arange(whole + 1)
    given_back = min((back + difference) / (1 - back), 1.0)
    tails = stats.binom.sf(needed + changed_back - 1, whole - changed_back, given_back)
    return float(min((stats.binom.pmf(changed_back, whole, back) * tails).sum(), 1.0))
