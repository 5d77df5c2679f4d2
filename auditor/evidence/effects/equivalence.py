"""How large a gap may still be: bounds for many classes and concepts at once, for the claim that there is none.

A claim of equivalence is the reverse of a test that shows a gap: what is asked is not whether a gap was seen, but
whether one of a size that nobody tolerates would have to be. Both directions have a one-sided bound each, which is
two one-sided tests (Schuirmann 1987), and a claim over several gaps holds where it holds for each of them at that
level (intersection-union test, Berger 1982): no correction for their number is due.

The gaps are plain, all pictures with against all without. The reference level of :mod:`auditor.evidence.effects.gaps`
is chosen by the outcomes, as the better part of the pictures without, which makes gaps smaller: good for showing a
reliance, and on the wrong side for excluding one (decision 0027).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from auditor.evidence.effects import significance
from auditor.evidence.effects.association import present_counts
from auditor.evidence.effects.significance import TwoArms
from auditor.evidence.evidence_input import EvidenceInput
from auditor.records import BoolArray, IntArray
from auditor.rules import BOUND_CONFIDENCE, MIN_ARM, POWER

Float64Array = NDArray[np.float64]

#: Numbers that are gathered at a time: groups times concepts, some 160 MB.
_GATHERED = 20_000_000
#: More pictures than this in an arm are no answer to how many are missing.
_MOST_PICTURES = 100_000
_CANDIDATES = 400
_ROUNDING = 1e-6  # of sums of thirds
#: Steps of the search for a bound, what is near enough, what is 0, and what is far from it.
_STEPS, _ENOUGH, _NOTHING, _FAR = 60, 1e-8, 1e-12, 1e3
_Z = float(special.ndtri(0.5 + BOUND_CONFIDENCE / 2))


class ArmEffects(NamedTuple):
    """Of the arms with and without (2, ...): pictures that are worth one on its own, at least 1, and groups in them."""

    design: Float64Array
    n_groups: Float64Array


def recall_bounds(tables: TwoArms, groups: ArmEffects | None = None) -> Float64Array:
    """The larger of the upper bounds of p1 - p0 and of p0 - p1, each one-sided at 98 %.

    Args:
        tables: Counts (..., 1): pictures of the class with and without the concept, and those recognised.
        groups: Design effects (2, ...) and groups of both arms, or None where every picture is alone.

    Returns:
        (...,) in [0, 1]; 1 where an arm has fewer than :data:`MIN_ARM` pictures or groups.
    """
    enough = np.minimum(tables.n1, tables.n0)[..., 0] >= MIN_ARM
    if groups is not None:
        with_v, without_v = groups.design[..., None]
        tables = TwoArms(tables.x1 / with_v, tables.n1 / with_v, tables.x0 / without_v, tables.n0 / without_v)
        worth = np.minimum(np.minimum(tables.n1, tables.n0)[..., 0], groups.n_groups.min(axis=0))
        enough = worth > MIN_ARM - _ROUNDING
    shape = tables.x1.shape[:-1]
    flat = TwoArms(*(counts.reshape(-1, tables.x1.shape[-1]) for counts in tables))

    def parts(of: IntArray, difference: Float64Array) -> tuple[Float64Array, Float64Array]:
        return significance.score_parts(TwoArms(*(counts[of] for counts in flat)), difference)

    bounds = _largest_gaps(parts, np.full(len(flat.x1), _Z), np.zeros(len(flat.x1))).reshape(shape)
    return np.where(enough, bounds, 1.0)


def _lets_stand(tables: TwoArms, size: float) -> BoolArray:
    """(...,) whether a bound of :func:`recall_bounds` lies beyond a size: one look where the bound is not asked for."""
    stands = []
    for sign in (1.0, -1.0):
        numerator, variance = significance.score_parts(tables, sign * size)
        known = (np.abs(numerator) < _NOTHING) & (variance < _NOTHING)  # as in _largest_gaps
        stands.append(known | (sign * numerator + _Z * np.sqrt(variance) > 0))
    return np.logical_or(*stands)


def _largest_gaps(
    parts: Callable[[IntArray, Float64Array], tuple[Float64Array, Float64Array]],
    z: Float64Array,
    at_least: Float64Array,
) -> Float64Array:
    """Of n tables the difference furthest from 0 that a score test lets stand: the larger of its two bounds.

    Numerator less z standard errors falls through 0 there, next to straight, so that false position finds most bounds
    in a few steps where bisection takes twenty; every third step is a bisection, which takes care of the rest.

    Args:
        parts: Numerator and variance of the statistic of some tables at one tested difference each.
        z: (n,) the bounds lie where the statistic is z and -z.
        at_least: (n,) in [0, 1]; a bound that is smaller is not looked for, and this is given for it.
    """
    n = z.size
    table, targets, sign = np.tile(np.arange(n), 2), np.concatenate([-z, z]), np.repeat([1.0, -1.0], n)

    def beyond(of: IntArray, size: Float64Array) -> Float64Array:
        """Above 0 where the bound lies beyond a difference of this size in its direction."""
        numerator, variance = parts(table[of], sign[of] * size)
        known = (np.abs(numerator) < _NOTHING) & (variance < _NOTHING)  # no error yet: the bound is not here
        return sign[of] * np.where(known, -_FAR * targets[of], numerator - targets[of] * np.sqrt(variance))

    near, far = np.tile(at_least, 2), np.ones(2 * n)
    found, fell = near.copy(), np.zeros(2 * n)
    left = np.flatnonzero(near < 1)
    at_near, at_far = np.zeros(2 * n), np.zeros(2 * n)
    at_near[left] = beyond(left, near[left])
    left = left[at_near[left] > 0]
    at_far[left] = beyond(left, far[left])
    found[left] = 1.0
    left = left[at_far[left] < 0]
    enough = _ENOUGH * (at_near - at_far)
    for step in range(_STEPS):
        if left.size == 0:
            break
        start, stop, at_start, at_stop = near[left], far[left], at_near[left], at_far[left]
        line = start + (stop - start) * at_start / (at_start - at_stop)
        middle = (start + stop) / 2 if step % 3 == 2 else line
        here = beyond(left, middle)
        side = np.where(here > 0, 1.0, -1.0)
        # an end that stays a second time counts for half (the Illinois rule): false position would creep up to it
        stays = np.where(side == fell[left], 0.5, 1.0)
        at_near[left], at_far[left] = np.where(side > 0, [here, at_stop * stays], [at_start * stays, here])
        near[left], far[left] = np.where(side > 0, [middle, stop], [start, middle])
        found[left], fell[left] = middle, side
        left = left[(np.abs(here) > enough[left]) & (far[left] - near[left] > _ENOUGH)]
    return np.asarray(np.maximum(found[:n], found[n:]))


class PullStrata(NamedTuple):
    """Arms of every class and concept, and what a class adds to the score statistic where nothing is called wrongly."""

    n_with: Float64Array  # (C, V)
    n_without: Float64Array  # (C, V)
    #: (3, C, V) w, and its part in the variance where the tested difference is above 0, and where it is below
    silent: Float64Array
    of_all: Float64Array  # (3, V) the sum over classes

    @classmethod
    def of(cls, n_with: IntArray, n_without: IntArray) -> PullStrata:
        """Of counts (C, V) of pictures with and without every concept."""
        n1, n0 = n_with.astype(np.float64), n_without.astype(np.float64)
        weight = TwoArms(n1, n1, n0, n0).weights
        inflated = weight**2 * (n1 + n0) / np.maximum(n1 + n0 - 1, 0.5)
        silent = np.stack([weight, inflated / np.maximum(n1, 1), inflated / np.maximum(n0, 1)])
        return cls(n1, n0, silent, silent.sum(axis=1))


def pull_bounds(
    inputs: EvidenceInput,
    present: BoolArray,
    known: BoolArray,
    strata: PullStrata,
    class_idx: int,
    chosen: IntArray,
    at_least: Float64Array,
    groups: ArmEffects | None = None,
) -> Float64Array:
    """The same for the pull on one class: the difference of false calls, stratified by the classes of the pictures.

    Of a thousand classes next to none is ever called c. A stratum where no picture is has a known part in the score
    statistic: the most likely rates given a difference d are d and 0, so it adds -w d and w^2 |d| (1 - |d|) / n1 (of
    n0 where d is below 0). Only the others are worked out, and the answer is that of the score test over all strata.

    With groups z is stretched by the root of the larger design effect of the two arms.

    Args:
        inputs: Labels, predictions and copies.
        present: (N, V).
        known: (N, V) whether presence is known.
        strata: Of all classes, by what is counted as present and known.
        class_idx: c.
        chosen: Concepts (V',).
        at_least: (V',) in [0, 1]; of a pull whose bound is smaller this is given, and saves the search.
        groups: Design effects (2, V') and groups of both arms over the other classes' pictures, or None.

    Returns:
        (V',) in [0, 1]; 1 where no other class has both arms.
    """
    labels, copies = inputs.label_idx, inputs.copies
    called = (inputs.predicted_idx == class_idx) & (labels >= 0) & (labels != class_idx)
    rows = np.flatnonzero(called)
    if copies is not None:  # a copy that is called otherwise has a say in what the picture is called
        rows = np.flatnonzero((labels >= 0) & (labels != class_idx) & np.isin(copies, copies[rows]))
    sources, of_source = np.unique(labels[rows], return_inverse=True)
    there, seen = present[np.ix_(rows, chosen)], known[np.ix_(rows, chosen)]
    x1, x0 = (
        present_counts(arm, of_source, sources.size, called[rows], copies=None if copies is None else copies[rows])
        for arm in (there, seen & ~there)
    )
    at = np.ix_(sources, chosen)
    some = TwoArms(x1.T.astype(np.float64), strata.n_with[at].T, x0.T.astype(np.float64), strata.n_without[at].T)
    counted = np.append(sources, class_idx)
    # what is left of a difference of two sums is not below 0
    weight, up, down = np.maximum(strata.of_all[:, chosen] - strata.silent[:, counted][:, :, chosen].sum(axis=1), 0)
    total = weight + some.weights.sum(axis=-1)

    def parts(of: IntArray, difference: Float64Array) -> tuple[Float64Array, Float64Array]:
        numerator, variance = significance.score_parts(TwoArms(*(counts[of] for counts in some)), difference)
        size, spread = np.abs(difference), np.where(difference > 0, up[of], down[of])
        return numerator - weight[of] * difference, variance + size * (1 - size) * spread

    stretched = np.ones(chosen.size) if groups is None else np.sqrt(groups.design.max(axis=0))
    return np.where(total > 0, _largest_gaps(parts, _Z * stretched, at_least), 1.0)


def _witnesses(labels: IntArray, copies: IntArray | None) -> Float64Array:
    """What every picture (N,) counts for: copies in one class together for one."""
    if copies is None:
        return np.ones(labels.size)
    _, unit, size = np.unique(np.stack([copies, labels]), axis=1, return_inverse=True, return_counts=True)
    return np.asarray(1 / size[unit.ravel()])


def _arm_effects(hits2: Float64Array, cross: Float64Array, sizes2: Float64Array, hits: Float64Array,
                 sizes: Float64Array, n_groups: Float64Array) -> Float64Array:  # fmt: skip
    """Design effects by sums over groups: of squared hits, hits times sizes, squared sizes, hits and sizes.

    As :func:`auditor.evidence.effects.gaps.design_effect`: sum (hits - rate sizes)^2 in full.
    """
    n = np.maximum(sizes, 1e-12)
    rate = hits / n
    plain = rate * (1 - rate) / n
    squares = np.maximum(hits2 - 2 * rate * cross + rate**2 * sizes2, 0)
    clustered = n_groups / np.maximum(n_groups - 1, 1) * squares / n**2
    varies = (plain > _ROUNDING / n) & (n_groups >= 2)
    effect = np.where(varies, clustered / np.where(varies, plain, 1), sizes / np.maximum(n_groups, 1))
    return np.where(n_groups >= sizes - _ROUNDING, 1.0, np.maximum(effect, 1.0))


def group_effects(
    inputs: EvidenceInput, present: BoolArray, known: BoolArray, chosen: IntArray
) -> tuple[ArmEffects, ArmEffects] | None:
    """Design effects and groups of the arms of recall and of pull, of every class and some concepts (Rao & Scott 1992).

    Args:
        inputs: Labels, predictions, groups and copies.
        present: (N, V).
        known: (N, V) whether presence is known.
        chosen: Concepts (V',).

    Returns:
        Arrays (2, C, V') for recall and for pull; None where every picture is alone.
    """
    if inputs.groups is None:
        return None
    rows = np.flatnonzero(inputs.label_idx >= 0)
    labels, called = inputs.label_idx[rows], inputs.predicted_idx[rows]
    _, group = np.unique(inputs.groups[rows], return_inverse=True)
    n_groups, n_classes = int(group.max(initial=-1)) + 1, len(inputs.class_names)
    weight = _witnesses(labels, None if inputs.copies is None else inputs.copies[rows])
    found = np.ones((2, 2, 2, n_classes, chosen.size))  # recall or pull; design or groups; arm
    by_class = [np.flatnonzero(labels == c) for c in range(n_classes)]
    false_calls = [np.flatnonzero((called == c) & (labels != c)) for c in range(n_classes)]
    block = max(1, _GATHERED // max(n_groups, 1))
    for start in range(0, chosen.size, block):
        part = slice(start, min(start + block, chosen.size))
        at = np.ix_(rows, chosen[part])
        for arm, there in enumerate((present[at], known[at] & ~present[at])):
            _fill(found[:, :, arm, :, part], there, weight, group, n_groups, called, by_class, false_calls)
    return ArmEffects(*found[0]), ArmEffects(*found[1])


def _fill(
    found: Float64Array,
    there: BoolArray,
    weight: Float64Array,
    group: IntArray,
    n_groups: int,
    called: IntArray,
    by_class: list[IntArray],
    false_calls: list[IntArray],
) -> None:
    """Design effects and groups of one arm, (recall or pull, design or groups, C, V')."""

    def sums(rows: IntArray) -> tuple[IntArray, Float64Array]:
        """Groups that pictures are in, and what of the arm is in each."""
        of, member = np.unique(group[rows], return_inverse=True)
        matrix = sparse.csr_array((weight[rows], (member, np.arange(rows.size))), shape=(of.size, rows.size))
        return of, np.asarray(matrix @ there[rows].astype(np.float64))

    everywhere = np.zeros((n_groups, there.shape[1]))
    of, sizes = sums(np.arange(group.size))
    everywhere[of] = sizes
    squares, n_all, groups_all = (everywhere**2).sum(0), everywhere.sum(0), (everywhere > 0).sum(0)
    for c, own in enumerate(by_class):
        of, sizes = sums(own)
        hit, hits = sums(own[called[own] == c])
        among = np.searchsorted(of, hit)
        n_groups_here = (sizes > 0).sum(0).astype(np.float64)
        recall = (hits**2).sum(0), (hits * sizes[among]).sum(0), (sizes**2).sum(0), hits.sum(0), sizes.sum(0)
        found[0, :, c] = _arm_effects(*recall, n_groups_here), n_groups_here
        # the other classes' pictures: all of them less the class's own, in the groups that it has a part in
        before = everywhere[of]
        left = np.maximum(before - sizes, 0)
        left[left < _ROUNDING] = 0
        everywhere[of] = left
        others = (groups_all - (before > 0).sum(0) + (left > 0).sum(0)).astype(np.float64)
        wrong, calls = sums(false_calls[c])
        pull = (
            (calls**2).sum(0),
            (calls * everywhere[wrong]).sum(0),
            squares - (before**2).sum(0) + (left**2).sum(0),
            calls.sum(0),
            n_all - sizes.sum(0),
        )
        found[1, :, c] = _arm_effects(*pull, others), others
        everywhere[of] = before


def pictures_to_bound(rate: float, n_other: int, tolerance: float) -> int | None:
    """Pictures in an arm with which both bounds of a gap that is not there lie under the tolerance, four times in five.

    The other arm has ``n_other`` pictures, or as many where it has fewer.

    Args:
        rate: Of what is counted, in both arms.
        n_other: Pictures in the other arm.
        tolerance: Bound of the gap as it is seen, diluted by errors of presence; above 0.

    Returns:
        None where no number up to 100,000 would do.
    """
    n = np.unique(np.rint(np.geomspace(MIN_ARM, _MOST_PICTURES, _CANDIDATES)))
    other = np.maximum(n, n_other)
    unlucky = special.ndtri((1 + POWER) / 2) * np.sqrt(rate * (1 - rate) * (1 / n + 1 / other))
    seen = np.clip(rate + np.stack([unlucky, -unlucky]), 0, 1)
    tables = TwoArms.of(*(a[..., None] for a in (n * seen, n, other * rate, other)))
    too_wide = np.flatnonzero(_lets_stand(tables, tolerance).any(axis=0))
    first = int(too_wide[-1]) + 1 if too_wide.size else 0
    return int(n[first]) if first < n.size else None
