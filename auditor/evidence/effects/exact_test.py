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

from auditor.evidence.effects.significance import TwoArms, constrained_rates

Float64Array = NDArray[np.float64]

#: A tie of differences is a tie although their last digits differ.
_TIE = 1e-9
#: The blur of a difference over several strata, in its standard deviations. Three blurs are added to what was seen, so
#: that p is never too small for it: at p = .00001 it is at most a seventh too large.
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
    characteristic function. Arms that are worth fewer pictures than they have (n not whole) are taken for the next
    whole number of pictures, their deviations stretched to the variance p q / n.

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
    x1, n1, x0, n0 = (a[used] for a in arms)
    rate1, rate0 = constrained_rates(x1, n1, x0, n0, np.full_like(x1, difference))
    whole1, whole0 = (np.ceil(n - _TIE) for n in (n1, n0))
    weight = arms.weights[used] / arms.weights.sum()
    # how far one picture moves the difference: w / n where n is whole
    step1, step0 = weight / np.sqrt(n1 * whole1), weight / np.sqrt(n0 * whole0)
    excess = float((weight * (x1 / n1 - x0 / n0 - difference)).sum())
    if x1.size == 1:
        smaller_first = whole1[0] < whole0[0]
        one, other = (whole1[0], rate1[0], step1[0]), (whole0[0], 1 - rate0[0], step0[0])
        return _one_stratum(*(one if smaller_first else other), *(other if smaller_first else one), excess)
    # a failure of the arm without counts as a success of the arm with: all steps go up
    # the rates are estimated in each stratum: n / (n - 1), as in Miettinen and Nurminen's variance
    estimated = np.sqrt((n1 + n0) / np.maximum(n1 + n0 - 1, 0.5))
    steps = np.concatenate([step1 * estimated, step0 * estimated])
    return _several_strata(np.concatenate([whole1, whole0]), np.concatenate([rate1, 1 - rate0]), steps, excess)


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
