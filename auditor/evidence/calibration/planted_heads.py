"""Heads of known truth for calibration: with a reliance planted in one class, and without any.

What is planted or erased is fitted on one third of the pictures; the heads are judged on the other two, whole groups of
pictures together. Reliance is measured with what the concepts do in all pictures (planting.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.calibration.planting import (
    DAMPING,
    Effects,
    Features,
    class_reliance,
    concept_effects,
    erased,
    leaning,
    logits_of,
    reliances,
    residuals,
)
from auditor.evidence.effects.reliance import assign_folds, varying_pictures
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.presence.families import members_of
from auditor.records import BoolArray, FloatArray, IntArray, LinearHead
from auditor.rules import MIN_ARM, MIN_VARYING

Float64Array = NDArray[np.float64]

#: A class is free when no reliance of it reaches this: then what is planted in it is all that it has.
FREE = 0.025
#: How near to the size asked for a planted reliance must come.
_NEAR = 0.02
_N_THIRDS = 3
_ERASING_ROUNDS = 3
#: Share of its recall that a class of a head without reliances loses at random: least and most.
_LOST = (0.05, 0.30)
#: Strength beyond which more of a direction changes nothing.
_STRONGEST = 2.0**20


@dataclass(frozen=True, slots=True, eq=False)
class _Third:
    """What a third of the pictures says of the concepts, and the pictures that are judged instead."""

    effects: Effects
    centre: FloatArray  # (K,)
    judged: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """One audit, ready for planting."""

    inputs: EvidenceInput
    head: LinearHead
    features: Features
    truth: Effects
    own: Float64Array  # (C, T) reliances of the user's head
    context: BoolArray  # (C, V) concepts that are context for a class
    thirds: tuple[_Third, ...]

    @classmethod
    def of(cls, inputs: EvidenceInput, activations: FloatArray) -> Bench:
        """Measure what the concepts do, in all pictures and in each third.

        Args:
            inputs: What the audit was judged on; its head has at least two rows.
            activations: (N, K) inputs of the head.
        """
        if inputs.head is None:
            raise ValueError("there is no head to plant in: the data were audited alone")
        features = Features.of(inputs, activations)
        labels = [np.where(features.known[:, v], inputs.label_idx, -1) for v in range(len(inputs.concepts))]
        context = np.zeros((len(inputs.class_names), len(inputs.concepts)), dtype=np.bool_)
        for c in range(len(inputs.class_names)):
            context[c, inputs.context_of(c)] = True
        context[:, list(members_of(inputs.concepts))] = False  # a family is not planted: its members are
        # nor is a measured property: what shows it is an edit of pictures, which a planted head is not asked for
        context[:, [concept.is_property for concept in inputs.concepts]] = False
        somewhere = np.flatnonzero(context.any(axis=0))
        n_classes = len(inputs.class_names)
        varying = [
            v for v in somewhere if varying_pictures(features.present[:, v], labels[v], n_classes).sum() >= MIN_VARYING
        ]
        residual, alike = residuals(inputs, np.array(varying, dtype=np.int64))
        everything = np.arange(inputs.label_idx.size)
        truth = concept_effects(features, residual, alike, everything)
        own = reliances(inputs.head, features, truth, everything, range(len(inputs.class_names)))
        folds = assign_folds(inputs.image_ids, inputs.groups, seed=inputs.seed + 1, n_folds=_N_THIRDS)
        thirds = []
        for fold in range(_N_THIRDS):
            fitted = np.flatnonzero((folds == fold) & (inputs.label_idx >= 0))
            centre = activations[fitted].mean(axis=0) if fitted.size else activations[:1].mean(axis=0)
            effects = concept_effects(features, residual, alike, fitted)
            thirds.append(_Third(effects, centre, np.flatnonzero(folds != fold)))
        return cls(inputs, inputs.head, features, truth, own, context, tuple(thirds))

    def free_classes(self) -> IntArray:
        """Classes with pictures in which the user's head relies on no context concept."""
        return np.flatnonzero(_largest(self.own) < FREE)

    def classes(self) -> IntArray:
        """Classes with pictures."""
        return np.unique(self.inputs.label_idx[self.inputs.label_idx >= 0])


@dataclass(frozen=True, slots=True)
class Plant:
    """A head in which one class relies on one concept, and the pictures to judge it on."""

    head: LinearHead
    class_idx: int
    alike: tuple[int, ...]  # the concept, and those that cannot be told from it
    reliance: float
    rows: IntArray


def plants(bench: Bench, size: float, n_heads: int, *, common: bool) -> Iterator[Plant]:
    """At most ``n_heads`` heads with a reliance of about ``size``, drawn among classes, concepts and thirds.

    Args:
        bench: The audit.
        size: Counterfactual reliance of the class on the concept.
        n_heads: Fewer come out where fewer pairs allow it.
        common: Leave out so many of the class's pictures without the concept that half of them have it.
    """
    rng = np.random.default_rng([bench.inputs.seed, round(1000 * size), int(common)])
    pairs = [
        (int(c), third, t)
        for c in bench.free_classes()
        for third in bench.thirds
        for t, members in enumerate(third.effects.alike)
        if bench.context[c, list(members)].all()
    ]
    made = 0
    for at in rng.permutation(len(pairs)):
        if made == n_heads:
            return
        c, third, t = pairs[at]
        rows = _where_common(bench, third.judged, c, int(third.effects.concept_idx[t])) if common else third.judged
        plant = _planted(bench, third, c, t, rows, size)
        if plant is not None:
            made += 1
            yield plant


def _where_common(bench: Bench, rows: IntArray, c: int, v: int) -> IntArray:
    """The pictures less as many of the class's without v that it has v in at least half of what is left."""
    own = (bench.inputs.label_idx[rows] == c) & bench.features.known[rows, v]
    there = own & bench.features.present[rows, v]
    absent = np.flatnonzero(own & ~there)
    by_id = absent[np.argsort([bench.inputs.image_ids[row] for row in rows[absent]], kind="stable")]
    kept = np.ones(rows.size, dtype=np.bool_)
    kept[by_id[int(there.sum()) :]] = False
    return rows[kept]


def _planted(bench: Bench, third: _Third, c: int, t: int, rows: IntArray, size: float) -> Plant | None:
    """Find the strength that gives the reliance asked for; None where it cannot be had or could not be judged."""
    v = int(third.effects.concept_idx[t])
    column = np.flatnonzero(bench.truth.concept_idx == v)
    own = rows[(bench.inputs.label_idx[rows] == c) & bench.features.known[rows, v]]
    there = bench.features.present[own, v]
    if column.size == 0 or min(there.sum(), (~there).sum()) < MIN_ARM:
        return None
    direction = third.effects.direction[t]
    along = bench.features.activations[own] @ direction
    # half of it is taken from pictures without the concept, half is given to those with it, other classes' as well
    centre = float(along[there].mean() + along[~there].mean()) / 2
    truth = bench.truth.only(int(column[0]))

    def measured(strength: float) -> float:
        head = leaning(bench.head, c, direction, centre, strength)
        return float(class_reliance(head, bench.features, truth, own, c)[0])

    strength = _strength(measured, size)
    if strength is None or abs(measured(strength) - size) > _NEAR:
        return None
    head = leaning(bench.head, c, direction, centre, strength)
    return Plant(head, c, third.effects.alike[t], measured(strength), rows)


def _strength(measured: Callable[[float], float], wanted: float) -> float | None:
    """Strength at which what is measured reaches ``wanted``, None if none does.

    What is measured is a count, which rises in steps, and at the least strength that does some picture lies on the
    border: the middle of the step, to 1 in 65,536, leaves all pictures on their sides.
    """
    low, high = 0.0, 1.0
    while measured(high) < wanted:
        low, high = high, 2 * high
        if high > _STRONGEST:
            return None
    start = _rise(measured, wanted, low, high)
    reached = np.nextafter(measured(start), np.inf)
    low, high = start, 2 * start
    while measured(high) < reached:
        low, high = high, 2 * high
        if high > _STRONGEST:  # nothing changes any more
            return 2 * start
    return (start + _rise(measured, float(reached), low, high)) / 2


def _rise(measured: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Least strength between two, to 1 in 65,536, at which what is measured reaches ``wanted``."""
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if measured(middle) < wanted else (low, middle)
    return high


def without_reliance(bench: Bench, number: int, classes: IntArray) -> tuple[LinearHead, IntArray]:
    """A head with its reliances erased in which every class errs at random, and the pictures to judge it on.

    The errors follow a random direction that no concept moves. They cost each class 5 to 30 % of its recall: a head
    that makes no mistakes has no gaps to be taken for reliance.

    Args:
        bench: The audit.
        number: Of the head; each has other errors.
        classes: Those that shall err.
    """
    rng = np.random.default_rng([bench.inputs.seed, 7, number])
    third = bench.thirds[number % len(bench.thirds)]
    base = _free_head(bench, third)
    size = len(bench.truth.within)
    ridge = 1e-3 * float(np.trace(bench.truth.within)) / size
    root = np.linalg.cholesky(bench.truth.within + max(ridge, 1e-12) * np.eye(size))
    head = base
    for c in classes:
        # x . direction has variance 1 within classes
        direction = _not_along(np.linalg.solve(root.T, rng.normal(size=size)), bench.truth.shift)
        strength, centre = _erring(bench, base, int(c), direction, third.judged, rng.uniform(*_LOST))
        head = leaning(head, int(c), direction, centre, strength)
    return head, third.judged


def _free_head(bench: Bench, third: _Third) -> LinearHead:
    """The user's head with every concept erased that it leans on, as far as the third's directions reach."""
    head, columns, leans = bench.head, np.zeros(0, dtype=np.int64), bench.own
    for _ in range(_ERASING_ROUNDS):
        strong = bench.truth.concept_idx[_largest(np.abs(leans).T) >= FREE]
        more = np.union1d(columns, np.flatnonzero(np.isin(third.effects.concept_idx, strong)))
        if more.size == columns.size:
            break
        columns = more
        head = erased(bench.head, third.effects, columns, third.centre)
        leans = reliances(head, bench.features, bench.truth, third.judged, bench.classes())
    return head


def _not_along(direction: Float64Array, shifts: Float64Array) -> Float64Array:
    """The direction less what lies along the shifts, where these leave room."""
    if 2 * len(shifts) > direction.size or not shifts.any():
        return direction
    gram = shifts @ shifts.T
    damping = DAMPING**2 * np.linalg.norm(gram, 2) * np.eye(len(shifts))
    return np.asarray(direction - shifts.T @ np.linalg.solve(gram + damping, shifts @ direction))


def _erring(
    bench: Bench, head: LinearHead, c: int, direction: Float64Array, rows: IntArray, share: float
) -> tuple[float, float]:
    """Strength and centre with which the direction costs the class this share of its recall."""
    x = bench.features.activations[rows[bench.inputs.label_idx[rows] == c]]
    centre = float((x @ direction).mean()) if len(x) else 0.0
    right = float((logits_of(head, x).argmax(axis=1) == c).mean()) if len(x) else 0.0

    def lost(strength: float) -> float:
        called = logits_of(leaning(head, c, direction, centre, strength), x).argmax(axis=1)
        return 1 - float((called == c).mean()) / right

    return (_strength(lost, share) or 0.0) if right > 0 else 0.0, centre


def _largest(found: Float64Array) -> Float64Array:
    """Largest value of every row; without any measured one a row has none."""
    return np.asarray(np.max(np.nan_to_num(found, nan=-np.inf), axis=1, initial=-np.inf))
