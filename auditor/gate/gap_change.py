"""Intervals for how much a gap differs between two releases.

On the same pictures the outcomes of the two are paired. Each arm (with the concept, without it) then has a mean
change, with Tango's score interval, and the two arms, which share no picture, are combined by MOVER. On different
pictures MOVER combines the intervals of the two gaps. docs/decisions/0008-release-diff.md says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from auditor.records import BoolArray, IntArray
from auditor.rules import CONFIDENCE, MIN_ARM

Float64Array = NDArray[np.float64]

#: Halvings of [-1, 1] when a score test is inverted: far below any digit that is printed.
_BISECTIONS = 40


@dataclass(frozen=True, slots=True)
class Estimate:
    """A gap, or a difference of gaps, with its interval."""

    effect: float
    low: float
    high: float

    def reversed(self) -> Estimate:
        """The same with the arms exchanged."""
        return Estimate(-self.effect, -self.high, -self.low)


@dataclass(frozen=True, slots=True)
class PairedArm:
    """The pictures of one arm under both releases: rates of being called the class, and of changing either way.

    ``effective`` is the number of pictures that know as much, where they are weighed or belong together.
    """

    old: float
    new: float
    gained: float
    lost: float
    effective: float

    def change(self, confidence: float) -> Estimate:
        """New rate less old rate."""
        n = self.effective
        return Estimate(self.new - self.old, *tango_interval(self.gained * n, self.lost * n, n, confidence=confidence))


@dataclass(frozen=True, slots=True)
class PairedGap:
    """A gap of two releases on the same pictures."""

    with_concept: PairedArm
    without: PairedArm
    counts: tuple[int, int]  # pictures with the concept, without it

    def reversed(self) -> PairedGap:
        """The same with the arms exchanged."""
        return PairedGap(self.without, self.with_concept, self.counts[::-1])

    @property
    def old(self) -> Estimate:
        """The gap of the old release."""
        return _gap((self.with_concept.old, self.without.old), (self.with_concept.effective, self.without.effective))

    @property
    def new(self) -> Estimate:
        """The gap of the new release."""
        return _gap((self.with_concept.new, self.without.new), (self.with_concept.effective, self.without.effective))

    def difference(self, confidence: float) -> Estimate:
        """The new gap less the old one, by its paired outcomes."""
        return difference(self.without.change(confidence), self.with_concept.change(confidence), bound=2.0)


@dataclass(frozen=True, slots=True)
class SeparateGaps:
    """A gap of two releases on different pictures, each with its 95 % interval."""

    old: Estimate
    new: Estimate

    def difference(self, confidence: float) -> Estimate:
        """The new gap less the old one; limits of another level lie as many times as far from the gap as z does."""
        wider = quantile(confidence) / quantile(CONFIDENCE)
        return difference(_widened(self.old, wider), _widened(self.new, wider), bound=2.0)


def _widened(gap: Estimate, factor: float) -> Estimate:
    low, high = gap.effect - factor * (gap.effect - gap.low), gap.effect + factor * (gap.high - gap.effect)
    return Estimate(gap.effect, max(low, -1.0), min(high, 1.0))


def level_of_each(n_intervals: int) -> float:
    """Confidence of each of ``n_intervals`` so that all hold together with 95 % (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / max(n_intervals, 1)


def quantile(confidence: float) -> float:
    """The normal deviate of a two-sided interval."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def difference(subtracted: Estimate, from_: Estimate, *, bound: float) -> Estimate:
    """``from_`` less ``subtracted``, independent of each other, by MOVER, within ``bound`` of zero.

    Reference:
        Zou & Donner, Statistics in Medicine 27 (2008): construction of confidence limits about effect measures.
    """
    effect = from_.effect - subtracted.effect
    down = np.hypot(from_.effect - from_.low, subtracted.high - subtracted.effect)
    up = np.hypot(from_.high - from_.effect, subtracted.effect - subtracted.low)
    return Estimate(effect, max(effect - float(down), -bound), min(effect + float(up), bound))


def wilson_interval(rate: float, n: float) -> tuple[float, float]:
    """Wilson's 95 % score interval of a rate over ``n`` (effective) pictures."""
    z = quantile(CONFIDENCE)
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2)))
    return min(max(centre - half, 0.0), rate), max(min(centre + half, 1.0), rate)


def _gap(rates: tuple[float, float], sizes: tuple[float, float]) -> Estimate:
    """Rate with less rate without, by Newcombe's hybrid score method (MOVER on Wilson's limits)."""
    arms = [Estimate(rate, *wilson_interval(rate, n)) for rate, n in zip(rates, sizes, strict=True)]
    return difference(arms[1], arms[0], bound=1.0)


def plain_gap(n_correct: tuple[int, int], n: tuple[int, int], *, design_effect: float = 1.0) -> Estimate | None:
    """The gap of two counts (with the concept, without it); None with fewer than :data:`MIN_ARM` pictures in an arm."""
    if min(n) < MIN_ARM:
        return None
    rates = (n_correct[0] / n[0], n_correct[1] / n[1])
    return _gap(rates, (n[0] / design_effect, n[1] / design_effect))


def tango_interval(gained: float, lost: float, n: float, *, confidence: float) -> tuple[float, float]:
    """Tango's score interval of (gained - lost) / n, the difference of two paired rates.

    Args:
        gained: Pictures that are right in the new release alone.
        lost: Pictures that are right in the old release alone.
        n: All pictures.
        confidence: Two-sided.

    Reference:
        Tango, Statistics in Medicine 17 (1998): equivalence test and confidence interval for the difference in
        proportions for the paired-sample design.
    """
    z = quantile(confidence)
    low, high = np.full(2, -1.0), np.full(2, 1.0)
    targets = np.array([z, -z])
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        above = _tango_score(gained, lost, n, middle) > targets  # falls as the tested difference grows
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    bounds = (low + high) / 2
    return float(bounds[0]), float(bounds[1])


def _tango_score(gained: float, lost: float, n: float, tested: Float64Array) -> Float64Array:
    """Score statistic of the hypothesis that the difference is ``tested``, in (-1, 1)."""
    b = -(gained + lost) + (2 * n - gained + lost) * tested
    c = -lost * tested * (1 - tested)
    lost_rate = (np.sqrt(np.maximum(b**2 - 8 * n * c, 0)) - b) / (4 * n)
    spread = np.sqrt(np.maximum(n * (2 * lost_rate + tested * (1 - tested)), 0))
    distance = gained - lost - n * tested
    certain = np.where(np.abs(distance) < 1e-12, 0.0, np.where(distance > 0, np.inf, -np.inf))
    return np.asarray(np.divide(distance, spread, out=certain, where=spread > 1e-12))


def paired_gap(
    old: BoolArray, new: BoolArray, present: BoolArray, stratum: IntArray, groups: IntArray | None = None
) -> PairedGap | None:
    """Count how a gap changed on the pictures given.

    Over strata k the arms are weighed as E4's pull is, w_k = n_k1 n_k0 / (n_k1 + n_k0).

    Args:
        old: (n,) whether the old release calls the picture the class.
        new: (n,) the same for the new release.
        present: (n,) whether the concept is there.
        stratum: (n,) codes; zeros for one stratum.
        groups: (n,) codes of pictures that belong together, or None.

    Returns:
        None with fewer than :data:`MIN_ARM` pictures in either arm of the strata that have both.
    """
    size = int(stratum.max(initial=0)) + 1
    n1 = np.bincount(stratum[present], minlength=size).astype(np.float64)
    n0 = np.bincount(stratum[~present], minlength=size).astype(np.float64)
    w = n1 * n0 / np.maximum(n1 + n0, 1)
    counts = int(n1[w > 0].sum()), int(n0[w > 0].sum())
    if min(counts) < MIN_ARM:
        return None
    w /= w.sum()
    arms = [
        _arm(old[arm], new[arm], stratum[arm], w, n_k, None if groups is None else groups[arm])
        for arm, n_k in ((present, n1), (~present, n0))
    ]
    return PairedGap(arms[0], arms[1], counts)


def _arm(
    old: BoolArray, new: BoolArray, stratum: IntArray, w: Float64Array, n_k: Float64Array, groups: IntArray | None
) -> PairedArm:
    """Rates and changes of the pictures of one arm, strata weighed by ``w``, which sums to 1."""
    safe = np.maximum(n_k, 1)
    # as many equally weighed pictures know as much (Kish)
    effective = 1 / float((w**2 / safe).sum())
    if groups is not None:
        before, after = old.astype(np.int64), new.astype(np.int64)
        effective /= max(design_effect(values, groups) for values in (before, after, after - before))

    def rate(outcome: BoolArray) -> float:
        return float((w * np.bincount(stratum[outcome], minlength=w.size) / safe).sum())

    return PairedArm(rate(old), rate(new), rate(new & ~old), rate(old & ~new), effective)


def design_effect(values: IntArray, groups: IntArray) -> float:
    """How many pictures in groups are worth one on its own, at least 1; a group counts as one where all agree."""
    _, member = np.unique(groups, return_inverse=True)
    n_groups = int(member.max(initial=-1)) + 1
    centred = values - values.mean()
    alone = float((centred**2).sum())
    if n_groups < 2 or alone == 0:
        return values.size / max(n_groups, 1)
    sums = np.bincount(member, weights=centred)
    return max(1.0, n_groups / (n_groups - 1) * float((sums**2).sum()) / alone)
