"""Which pictures a model learns from and is audited on: how often each value occurs, and what goes with what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.planted.bank import COLUMN, COLUMNS, SORTS_OF_LAYER, Bank, IntArray, Split
from benchmarks.planted.worlds import CHANGED, FACTOR_VALUES, World

FAINTEST = 35  # hundredths; some pictures are harder than others everywhere


@dataclass(frozen=True, slots=True)
class Plant:
    """In pictures of this class the factor takes ``value`` at this rate, and its other values share the rest."""

    class_idx: int
    factor: str
    value: str
    rate: float


@dataclass(frozen=True, slots=True)
class Tie:
    """In pictures of a class that bear ``value`` the column ``goes_with`` is ``then`` at this rate, else ``otherwise``.

    ``goes_with`` is a factor (its values by name) or "faint" (hundredths). Nothing that a model learnt is changed by a
    tie that only its audit has: it is what makes a control confounded.
    """

    class_idx: int
    factor: str
    value: str
    goes_with: str
    then: str | int
    otherwise: str | int
    rate: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """``plants`` and ``ties`` on top of the free rates, and ``kinds``: (class_idx, rates of its objects)."""

    plants: tuple[Plant, ...] = ()
    ties: tuple[Tie, ...] = ()
    kinds: tuple[tuple[int, tuple[float, ...]], ...] = ()
    faintest: int = FAINTEST


@dataclass(frozen=True, slots=True)
class ClassOf:
    """A class: its name and the objects (or, for classes that are scenes, the background) that make it up."""

    name: str
    objects: tuple[str, ...]
    background: str | None = field(default=None)


def draw_rows(
    classes: Sequence[ClassOf],
    mixture: Mixture,
    class_idx: IntArray,
    bank: Bank,
    split: Split,
    rng: np.random.Generator,
) -> IntArray:
    """One row of the bank for every entry of ``class_idx``."""
    rows = np.zeros((len(class_idx), len(COLUMNS)), np.int64)
    for sort in SORTS_OF_LAYER:
        rows[:, COLUMN[f"{sort}_layer"]] = rng.integers(*bank.layer_range(sort, split), size=len(rows))
    rows[:, COLUMN["faint"]] = np.floor(mixture.faintest * rng.beta(1, 2, size=len(rows)))
    for factor in CHANGED:
        rows[:, COLUMN[factor]] = rng.choice(len(FACTOR_VALUES[factor]), size=len(rows), p=bank.world.rates(factor))
    kinds = dict(mixture.kinds)
    for c, one in enumerate(classes):
        own = np.flatnonzero(class_idx == c)
        codes = np.array([FACTOR_VALUES["object"].index(name) for name in one.objects])
        rows[own, COLUMN["object"]] = rng.choice(codes, size=own.size, p=kinds.get(c))
        for plant in mixture.plants:
            if plant.class_idx == c:
                _plant(rows, own, plant, bank.world, rng)
        if one.background is not None:
            rows[own, COLUMN["background"]] = FACTOR_VALUES["background"].index(one.background)
        for tie in mixture.ties:
            if tie.class_idx == c:
                _tie(rows, own, tie, rng)
    return rows


def _plant(rows: IntArray, own: IntArray, plant: Plant, world: World, rng: np.random.Generator) -> None:
    """Move pictures to or from the planted value until it has its rate; several plants of one factor share it."""
    column, code = COLUMN[plant.factor], FACTOR_VALUES[plant.factor].index(plant.value)
    others = np.array([0.0 if k == code else rate for k, rate in enumerate(world.rates(plant.factor))])
    held = rng.random(own.size) < plant.rate
    rows[own[held], column] = code
    strayed = own[~held & (rows[own, column] == code)]
    rows[strayed, column] = rng.choice(others.size, size=strayed.size, p=others / others.sum())


def _tie(rows: IntArray, own: IntArray, tie: Tie, rng: np.random.Generator) -> None:
    bears = rows[own, COLUMN[tie.factor]] == FACTOR_VALUES[tie.factor].index(tie.value)
    tied = rng.random(own.size) < tie.rate
    for chosen, wanted in ((bears & tied, tie.then), (~bears & tied, tie.otherwise)):
        code = FACTOR_VALUES[tie.goes_with].index(wanted) if isinstance(wanted, str) else wanted
        rows[own[chosen], COLUMN[tie.goes_with]] = code


def variants(rows: IntArray, world: World) -> IntArray:
    """The same pictures under every value of every changed factor: (n, variants, columns)."""
    names = variant_names(world)
    changed = np.repeat(rows[:, None], len(names), axis=1)
    for k, (factor, value) in enumerate(names):
        changed[:, k, COLUMN[factor]] = FACTOR_VALUES[factor].index(value)
    return changed


def variant_names(world: World) -> list[tuple[str, str]]:
    """(factor, value) of every variant, in order."""
    return [(factor, value) for factor in CHANGED if len(world.of(factor)) > 1 for value in world.of(factor)]
