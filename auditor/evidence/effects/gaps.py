"""E4, observed gaps: how recall, and the pull on other classes, differ between pictures with and without a concept.

"Without" is not simply the rest. When another class pulls pictures with water, a class that relies on nothing loses
its pictures on water and then seems to rely on every scene that is left ("repelled by grass" is no reliance on sand).
So the pictures without v are split by the strongest other value of v's kind, values whose rates are alike form one
level, and the level that the upper quartile of the values belongs to is what v is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, xlogy

from auditor.evidence.effects import significance
from auditor.evidence.effects.exact_test import exact_p_above
from auditor.evidence.effects.significance import TwoArms
from auditor.evidence.effects.strata import usable_strata
from auditor.evidence.effects.witnesses import witness_weights
from auditor.records import BoolArray, FloatArray, IntArray
from auditor.rules import DELTA, MIN_ARM, PRESENT

Float64Array = NDArray[np.float64]

#: Values of a kind are split into levels where this level of Gabriel's test says that they differ.
LEVEL_ALPHA = 0.01
_REFERENCE_QUANTILE = 0.75
_ROUNDING = 1e-6  # of sums of thirds
_FEWEST_PULLED = 3  # two pictures called c do not make levels

GapStatus = Literal["measured", "too_few", "not_measurable"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference of rates, its 95 % interval, the exact p of "effect <= DELTA", and counts behind the plain rates.

    ``narrowed`` says that the arm without the concept is a level of its kind and not all the rest.
    """

    effect: float
    low: float
    high: float
    p: float
    x_present: int
    n_present: int
    x_absent: int
    n_absent: int
    narrowed: bool = False
    status: GapStatus = "measured"


#: Of a concept whose presence cannot be told.
NOT_MEASURABLE = Gap(0.0, -1.0, 1.0, 1.0, 0, 0, 0, 0, status="not_measurable")


def strongest_value(presence: FloatArray, members: Sequence[int]) -> IntArray:
    """Position in ``members`` of each picture's strongest concept of a kind, ``len(members)`` where none is present."""
    of_kind = np.nan_to_num(presence[:, list(members)])  # what is not known is not strongest
    strongest = of_kind.argmax(axis=1)
    return np.where(of_kind.max(axis=1) > PRESENT, strongest, len(members)).astype(np.int64)


def reference_level(successes: Float64Array, trials: Float64Array) -> BoolArray:
    """Values of a kind that make up the upper-quartile level of their rates.

    The values, in the order of their rates, are split where that explains most, as long as the likelihood ratio
    within a part exceeds the chi-square bound of *all* values (Gabriel's simultaneous test: the choice of the split
    is paid for). Thin values therefore stay with their neighbours. The quartile is taken over values, each weighed
    by its pictures up to :data:`MIN_ARM`, since the values and not the pictures are what v competes with.

    Args:
        successes: (U,) pictures of each value that are called the class.
        trials: (U,) pictures of each value.

    Returns:
        (U,) True for the values of the reference; all that have pictures when they do not differ.
    """
    used = np.flatnonzero(trials > 0)
    chosen = np.zeros(trials.size, dtype=np.bool_)
    if used.size < 2:
        chosen[used] = True
        return chosen
    order = used[np.argsort(successes[used] / trials[used], kind="stable")]
    bound = float(chdtri(used.size - 1, LEVEL_ALPHA))
    weight = np.minimum(trials[order], MIN_ARM)
    quartile = int(np.searchsorted(np.cumsum(weight) / weight.sum(), _REFERENCE_QUANTILE))
    start, stop = 0, order.size
    while stop - start > 1:
        split, heterogeneity = _best_split(successes[order[start:stop]], trials[order[start:stop]])
        if heterogeneity <= bound:
            break
        if quartile < start + split:
            stop = start + split
        else:
            start += split
    chosen[order[start:stop]] = True
    return chosen


def _log_likelihood(successes: Float64Array, trials: Float64Array) -> Float64Array:
    rate = successes / np.maximum(trials, 1e-12)
    return np.asarray(xlogy(successes, rate) + xlogy(trials - successes, 1 - rate))


def _best_split(successes: Float64Array, trials: Float64Array) -> tuple[int, float]:
    """Where two levels explain ordered rates best, and twice the log-likelihood ratio of all rates against one."""
    x, n = np.cumsum(successes), np.cumsum(trials)
    one = float(_log_likelihood(x[-1], n[-1]))
    heterogeneity = 2 * (float(_log_likelihood(successes, trials).sum()) - one)
    two = _log_likelihood(x[:-1], n[:-1]) + _log_likelihood(x[-1] - x[:-1], n[-1] - n[:-1])
    return int(np.argmax(two)) + 1, heterogeneity


def recall_gap(
    present: BoolArray,
    value: IntArray,
    correct: BoolArray,
    *,
    strata: Sequence[IntArray] = (),
    groups: IntArray | None = None,
    copies: IntArray | None = None,
) -> Gap:
    """P(called c | c, v) - P(called c | c, reference without v), over the pictures of one class.

    Args:
        present: (n,) whether v is present.
        value: (n,) strongest value of v's kind (:func:`strongest_value`).
        correct: (n,) whether the picture is called its class.
        strata: Stratifications (n,) in order of preference. The first that keeps most of the information is used,
            none if all lose it: strata that follow v itself would hide a true reliance.
        groups: (n,) codes of groups of pictures that belong together, or None.
        copies: (n,) codes of pictures that are copies of each other, or None. All copies in an arm are one picture.
    """
    return _recall(present, value, correct, correct, strata, groups, copies)


def recall_loss(
    present: BoolArray,
    value: IntArray,
    correct: BoolArray,
    *,
    strata: Sequence[IntArray] = (),
    groups: IntArray | None = None,
    copies: IntArray | None = None,
) -> Gap:
    """P(called c | c, reference without v) - P(called c | c, v): the same comparison, tested in its other tail.

    Effect and bounds are those of :func:`recall_gap` with the other sign, p is of "loss <= DELTA", and the counts stay
    those of pictures with and without v that are called c. Of how many are missed nothing else is to be known, so it
    is the gap of the misses.

    Args:
        present: (n,) whether v is present.
        value: (n,) strongest value of v's kind (:func:`strongest_value`).
        correct: (n,) whether the picture is called its class.
        strata: As :func:`recall_gap` has them.
        groups: (n,) codes of groups of pictures that belong together, or None.
        copies: (n,) codes of pictures that are copies of each other, or None.
    """
    missed = _recall(present, value, correct, ~correct, strata, groups, copies)
    return replace(missed, x_present=missed.n_present - missed.x_present, x_absent=missed.n_absent - missed.x_absent)


def reference_pictures(
    present: BoolArray, value: IntArray, correct: BoolArray, groups: IntArray | None, copies: IntArray | None
) -> BoolArray:
    """(n,) the pictures of a class without v that those with it are compared with; as :func:`recall_gap` has them."""
    return ~present & levels(value, correct, ~present, groups, copies)[value]


def _recall(
    present: BoolArray,
    value: IntArray,
    correct: BoolArray,
    outcome: BoolArray,
    strata: Sequence[IntArray],
    groups: IntArray | None,
    copies: IntArray | None,
) -> Gap:
    """The stratified difference of an outcome between v and its reference, which recall chooses."""
    reference = reference_pictures(present, value, correct, groups, copies)
    rows = np.flatnonzero(present | reference)
    stratum = usable_strata(present[rows, None], [s[rows] for s in strata])
    narrowed = int(reference.sum()) < int((~present).sum())
    return _gap(present[rows], outcome[rows], stratum, _of(groups, rows), _of(copies, rows), narrowed)


def pull_gap(
    present: BoolArray,
    value: IntArray,
    called: BoolArray,
    source_idx: IntArray,
    *,
    groups: IntArray | None = None,
    copies: IntArray | None = None,
) -> Gap:
    """Sum_k w_k (p_k1 - p_k0) / sum_k w_k over the other classes k: how much v makes their pictures be called c.

    The reference without v is chosen within every class k of which a few pictures are called c.

    Args:
        present: (n,) whether v is present, for pictures of the other classes.
        value: (n,) strongest value of v's kind.
        called: (n,) whether the picture is called c.
        source_idx: (n,) the picture's own class.
        groups: (n,) codes of groups of pictures that belong together, or None.
        copies: (n,) codes of pictures that are copies of each other, or None. All copies in an arm are one picture.
    """
    reference = pull_reference(present, value, called, source_idx, groups, copies)
    rows = np.flatnonzero(present | reference)
    narrowed = int(reference.sum()) < int((~present).sum())
    return _gap(present[rows], called[rows], source_idx[rows], _of(groups, rows), _of(copies, rows), narrowed)


def pull_reference(
    present: BoolArray,
    value: IntArray,
    called: BoolArray,
    source_idx: IntArray,
    groups: IntArray | None,
    copies: IntArray | None,
) -> BoolArray:
    """(n,) the pictures without v that those with it are compared with, for the arguments of :func:`pull_gap`."""
    reference = ~present
    pulled = np.bincount(source_idx[called & ~present])
    for k in np.flatnonzero(pulled >= _FEWEST_PULLED):
        rows = np.flatnonzero((source_idx == k) & ~present)
        everything = np.ones(rows.size, dtype=np.bool_)
        among = levels(value[rows], called[rows], everything, _of(groups, rows), _of(copies, rows))
        reference[rows] = among[value[rows]]
    return reference


def _of(codes: IntArray | None, rows: IntArray) -> IntArray | None:
    return None if codes is None else codes[rows]


def levels(
    value: IntArray, outcome: BoolArray, among: BoolArray, groups: IntArray | None, copies: IntArray | None = None
) -> BoolArray:
    """Whether each value belongs to the reference, indexed by value."""
    size = int(value.max(initial=0)) + 1
    weight = witness_weights(among, copies)
    if groups is not None:
        weight = weight / design_effect(outcome[among], groups[among], weight[among])
    trials = np.bincount(value, weights=weight, minlength=size)
    successes = np.bincount(value[outcome], weights=weight[outcome], minlength=size)
    return reference_level(successes.astype(np.float64), trials.astype(np.float64))


def _gap(
    present: BoolArray,
    outcome: BoolArray,
    stratum: IntArray,
    groups: IntArray | None,
    copies: IntArray | None,
    narrowed: bool,
) -> Gap:
    """Stratified difference with Miettinen and Nurminen's interval and exact p, counts deflated by the design effect.

    The interval is the score test's, so that its lower end may lie above DELTA where p, which decides, does not agree.
    """
    counted = counted_arms(present, outcome, stratum, groups, copies)
    used = counted.tables
    low, high = significance.score_interval(used) if counted.enough else (-1.0, 1.0)
    return Gap(
        effect=float(significance.risk_difference(used)) if used.n1.size else 0.0,
        low=float(low),
        high=float(high),
        p=exact_p_above(used, DELTA) if counted.enough else 1.0,
        x_present=counted.x_counts[0],
        n_present=counted.n_counts[0],
        x_absent=counted.x_counts[1],
        n_absent=counted.n_counts[1],
        narrowed=narrowed,
        status="measured" if counted.enough else "too_few",
    )


@dataclass(frozen=True, slots=True, eq=False)
class CountedArms:
    """Pictures with and without a concept, counted for a test.

    Attributes:
        tables: By stratum, of those with both arms; deflated by the design effect where pictures come in groups.
        n_compared: Pictures with the concept in these strata, not deflated.
        x_counts: Pictures with the outcome in each arm, over all strata.
        n_counts: Pictures in each arm, over all strata.
        enough: Whether both arms have :data:`MIN_ARM` pictures, and groups.
    """

    tables: TwoArms
    n_compared: float
    x_counts: tuple[int, int]
    n_counts: tuple[int, int]
    enough: bool


def counted_arms(
    present: BoolArray, outcome: BoolArray, stratum: IntArray, groups: IntArray | None, copies: IntArray | None
) -> CountedArms:
    """Count the pictures of two arms, all (n,): copies as one, groups by what they are worth."""
    size = int(stratum.max(initial=0)) + 1
    arms: list[Float64Array] = []
    x_counts: list[int] = []
    n_counts: list[int] = []
    effects: list[float] = []
    for arm in (present, ~present):
        weight = witness_weights(arm, copies)
        effects.append(1.0 if groups is None else design_effect(outcome[arm], groups[arm], weight[arm]))
        arms.append(np.bincount(stratum[outcome], weights=weight[outcome], minlength=size) / effects[-1])
        arms.append(np.bincount(stratum, weights=weight, minlength=size) / effects[-1])
        x_counts.append(round(float(weight[outcome].sum())))
        n_counts.append(round(float(weight.sum())))
    tables = TwoArms(*arms)
    paired = tables.weights > 0
    units = [float(tables.n1[paired].sum()), float(tables.n0[paired].sum())]
    n_compared = units[0] * effects[0]
    if groups is not None:
        units += [np.unique(groups[arm & paired[stratum]]).size for arm in (present, ~present)]
    return CountedArms(
        TwoArms(*(a[paired] for a in tables)),
        n_compared,
        (x_counts[0], x_counts[1]),
        (n_counts[0], n_counts[1]),
        min(units) > MIN_ARM - _ROUNDING,
    )


def design_effect(outcome: BoolArray, groups: IntArray, weight: Float64Array | None = None) -> float:
    """How many pictures in groups are worth one on its own (Rao & Scott 1992), at least 1.

    Where all outcomes agree the variance says nothing, and a group counts as one picture.

    Args:
        outcome: (n,).
        groups: (n,) codes; copies of a picture are in one group.
        weight: (n,) what each picture counts for, in (0, 1]; 1 without.
    """
    if outcome.size == 0:
        return 1.0
    weight = np.ones(outcome.size) if weight is None else weight
    _, member = np.unique(groups, return_inverse=True)
    sizes = np.bincount(member, weights=weight)
    n, n_groups = float(weight.sum()), sizes.size
    if sizes.max() <= 1 + _ROUNDING:
        return 1.0  # no picture belongs to another
    if n_groups < 2 or outcome.all() or not outcome.any():
        return n / n_groups
    rate = float(weight[outcome].sum()) / n
    sums = np.bincount(member, weights=weight * outcome)
    clustered = n_groups / (n_groups - 1) * float(((sums - rate * sizes) ** 2).sum()) / n**2
    return max(1.0, clustered / (rate * (1 - rate) / n))
