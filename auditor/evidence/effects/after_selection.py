"""What a gap is worth that is only told because its p was small enough: estimate and interval, given that it was.

Of gaps near what can be seen those are told that chance made large. Given the truth, what is seen is spread about it
and cut off where p would have been too large; so the interval is made of the truths under which what was seen is
neither too large nor too small among what would have been told, and the estimate is that under which it is the median.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import log_ndtr, ndtri

from auditor.evidence.effects.gaps import Gap
from auditor.rules import CONFIDENCE, DELTA

_BISECTIONS = 30
#: What would be told in so many cases even if the truth were its lower bound was never in doubt, and stays as it is.
_NEVER_IN_DOUBT = 0.999


def after_selection(gap: Gap, bar: float, *, least: float = DELTA) -> Gap:
    """The gap with estimate and bounds given that its p was at most ``bar``; counts and p stay.

    With d the gap, s its standard error where the truth is x, and c the smallest gap that would have been told,
    P(D >= d | D >= c) = Phi((x - d) / s) / Phi((x - c) / s) is (1 - confidence) / 2 at the lower bound, 1/2 at the
    estimate, and (1 + confidence) / 2 at the upper bound. s comes from what is known of the gap: from its interval,
    whose bounds lie 1.96 of it away, and from p, which says how many of it d lies above ``least``. So does c, which
    lies as many above as ``bar`` says. Nothing lies below ``least``: that was rejected at a level that pays for all
    tests.

    Args:
        gap: A measured effect with ``gap.p <= bar``.
        bar: Largest p at which it would have been told, the other tests being what they are.
        least: The effect that H0 allows.

    Reference:
        Truncated likelihood after a significant test: Zhong & Prentice (2008), Biostatistics 9; median-unbiased
        estimate: Fithian, Sun & Taylor (2014), arXiv:1410.2597.
    """
    if not 0 < gap.p <= bar < 0.5 or gap.effect <= least:
        return gap
    z = float(ndtri(0.5 + CONFIDENCE / 2))
    seen, wanted = -float(ndtri(gap.p)), -float(ndtri(bar))
    smallest = least + (gap.effect - least) * wanted / seen
    known = {
        least: (gap.effect - least) / seen,
        gap.low: (gap.effect - gap.low) / z,
        gap.high: (gap.high - gap.effect) / z,
    }
    at = np.array(sorted(known))
    errors = np.maximum([known[x] for x in sorted(known)], 1e-6)
    if log_ndtr((gap.low - smallest) / np.interp(gap.low, at, errors)) > np.log(_NEVER_IN_DOUBT):
        return gap
    targets = np.log([(1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2])
    low, high = np.full(3, -1.0), np.full(3, 1.0)
    for _ in range(_BISECTIONS):
        truth = (low + high) / 2
        error = np.interp(truth, at, errors)
        tail = log_ndtr((truth - gap.effect) / error) - log_ndtr((truth - smallest) / error)
        low, high = np.where(tail < targets, truth, low), np.where(tail < targets, high, truth)
    bounds = np.maximum((low + high) / 2, least)
    # a p that only just did leaves no truth above ``least``: then the plain lower bound is the highest that is known of
    return replace(gap, effect=float(bounds[1]), low=float(bounds[0]), high=float(max(bounds[2], gap.low)))
