"""The families of the second edition: what an audit may meet that the rendered grids never show.

Every family has a planted model and one in which nothing is planted; classes without a shortcut beside planted ones
count as clean too. A scenario is drawn from its seed and its place alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.planted.drawing import Mixture, Plant, Tie
from benchmarks.planted.second.scenarios import WORLD, AuditKind, Column, FeatureScenario, Value
from benchmarks.planted.worlds import CHANGED

N_CLASSES = 5
#: Of planted values with their class in training, where a family does not vary it.
CORRELATION = 0.9
#: Drawn between, where something is planted: reliances of 60 to 20 points; and where nothing is, so that classes are
#: clean. Two classes are told apart more easily, and a hundred less.
_PLANTED_STRENGTHS, _CLEAN_STRENGTHS = (0.6, 1.05), (1.3, 1.8)
_TWO_CLASSES, _MANY_CLASSES = 0.6, 1.4
#: Controls of each sort in a seed, the faintest pictures of those that learn from hard ones, and what hard ones are.
_OF_EACH, _FAINTEST, _HARD = 4, 85, 72
_MARK: Value = ("artifact", "watermark")
_KINDS: tuple[AuditKind, ...] = ("as training", "balanced", "independent")


@dataclass(frozen=True, slots=True)
class Extent:
    """How large the grid is: pictures a class of an ordinary audit, and what costs most."""

    per_class: int
    by_size: tuple[int, ...]  # pictures a class of the audits that false clean is told of
    most_classes: int
    largest: int  # pictures of the largest class where classes are 1 : 50
    levels: tuple[int, ...]  # of a column


SECOND = Extent(per_class=300, by_size=(50, 150, 400), most_classes=100, largest=1000, levels=(2, 20, 500))
TOY = Extent(per_class=40, by_size=(40,), most_classes=8, largest=60, levels=(2,))


def second_grid(seed: int, extent: Extent = SECOND) -> Iterator[FeatureScenario]:
    """All scenarios of a seed."""
    yield from _numbered(seed, _scenarios(seed, extent))


def toy_grid(seed: int) -> Iterator[FeatureScenario]:
    """Every family once, tiny: that all of it runs, nothing else."""
    seen: set[str] = set()
    for scenario in second_grid(seed, TOY):
        if scenario.family not in seen:
            seen.add(scenario.family)
            yield scenario


def controls_grid(seed: int, extent: Extent = SECOND) -> Iterator[FeatureScenario]:
    """Controls, ordinary and confounded, several of each sort: what bounds false alarms is their number."""
    rng = np.random.default_rng((seed, 97))
    yield from _numbered(seed, (one for _ in range(_OF_EACH) for one in _controls(extent, rng)))


def _numbered(seed: int, scenarios: Iterable[FeatureScenario]) -> Iterator[FeatureScenario]:
    for place, scenario in enumerate(scenarios):
        yield replace(scenario, seed=seed * 1000 + place)


def _scenarios(seed: int, extent: Extent) -> Iterator[FeatureScenario]:
    rng = np.random.default_rng((seed, 92))
    yield from _sizes_of_audits(extent, rng)
    yield from _numbers_of_classes(extent, rng)
    yield from _vocabularies(extent, rng)
    yield from _absence(extent, rng)
    yield from _pictures(extent, rng)
    yield from _columns(extent, rng)
    yield from _shapes_of_shortcuts(extent, rng)


def _planted(
    family: str,
    plants: tuple[Plant, ...],
    extent: Extent,
    rng: np.random.Generator,
    *,
    kind: AuditKind = "as training",
    n_classes: int = N_CLASSES,
    **more: Any,
) -> FeatureScenario:
    """A model that learns the plants, and an audit of this kind."""
    train = Mixture(plants)
    per_class = more.pop("per_class", extent.per_class)
    planted = any(one.rate > 0 for one in plants)
    strengths = _PLANTED_STRENGTHS if planted else _CLEAN_STRENGTHS
    fields = {
        "control": None if planted else "nothing planted",
        "correlation": max((one.rate for one in plants), default=0.0),
        "train": train,
        "audit": audited_as(kind, train, n_classes),
        "smallest": per_class,
        "class_strength": round(float(rng.uniform(*strengths)), 2),
    }
    return FeatureScenario(family, audit_kind=kind, n_classes=n_classes, per_class=per_class, **{**fields, **more})


def audited_as(kind: AuditKind, train: Mixture, n_classes: int) -> Mixture:
    """How the audit's pictures are drawn.

    Balanced pictures were chosen so that what a class has of a value, all have: what is planted is in half of each
    class's pictures (of two values of one factor in a quarter each).
    """
    if kind == "as training":
        return train
    if kind == "independent":
        return Mixture()
    values = dict.fromkeys((one.factor, one.value) for one in train.plants)
    of_factor = {factor: sum(name == factor for name, _ in values) for factor, _ in values}
    # the first plant's share is cut by those that follow it, so each asks for its part of what is left
    plants: list[Plant] = []
    for c in range(n_classes):
        for factor, count in of_factor.items():
            own = [value for name, value in values if name == factor]
            for k, value in enumerate(own):
                rate = 0.5 / count / (1 - 0.5 * (count - 1 - k) / count)
                plants.append(Plant(c, factor, value, round(rate, 4)))
    return Mixture(tuple(plants))


def _two_scenes(rng: np.random.Generator, correlation: float, n_classes: int = N_CLASSES) -> tuple[Plant, ...]:
    """A scene in one class, another one in a second."""
    classes = rng.choice(n_classes, size=2, replace=False)
    values = rng.permutation(WORLD.of("background"))[:2]
    return tuple(Plant(int(c), "background", str(v), correlation) for c, v in zip(classes, values, strict=True))


def _one_mark(rng: np.random.Generator, correlation: float = CORRELATION) -> tuple[Plant, ...]:
    return (Plant(int(rng.integers(N_CLASSES)), *_MARK, correlation),)


def _controls(extent: Extent, rng: np.random.Generator) -> Iterator[FeatureScenario]:
    """The controls of the rendered world, ordinary and confounded, that a world of features can have.

    Nothing planted; learnt from pictures where nothing goes with anything, and audited where scenes go with three
    classes; hard pictures away from one scene; a mark that goes with the scene of classes that may rely on the scene;
    an encoder that errs.
    """

    def one(control: str, train: Mixture, audit: Mixture, **more: Any) -> FeatureScenario:
        kind: AuditKind = "independent" if audit == Mixture() else "as training"
        return _planted(control, (), extent, rng, kind=kind, control=control, train=train, audit=audit, **more)

    scenes = rng.permutation(WORLD.of("background"))[:N_CLASSES]
    yield one("nothing planted", Mixture(), Mixture())
    gone = tuple(Plant(c, "background", str(v), 0.95) for c, v in enumerate(scenes[:3]))
    yield one("not learnt", Mixture(), Mixture(gone))
    half = tuple(Plant(c, "background", str(v), 0.5) for c, v in enumerate(scenes))
    hard = tuple(Tie(p.class_idx, p.factor, p.value, "faint", 0, _HARD, 0.9) for p in half)
    yield one("difficulty", Mixture(faintest=_FAINTEST), Mixture(half, hard))
    plants = _two_scenes(rng, CORRELATION)
    along = tuple(Tie(p.class_idx, p.factor, p.value, "artifact", _MARK[1], "none", 0.9) for p in plants)
    strength = round(float(rng.uniform(*_PLANTED_STRENGTHS)), 2)
    yield one("collinear", Mixture(plants), Mixture(plants, along), class_strength=strength)
    wrong = tuple((c, str(v)) for c, v in enumerate(scenes))
    yield one("encoder error", Mixture(), Mixture(), misled=wrong)


def _sizes_of_audits(extent: Extent, rng: np.random.Generator) -> Iterator[FeatureScenario]:
    """Shortcuts of about 20, 40 and 60 points, and none, under audits of every kind and size."""
    for correlation, strength in ((0.7, 0.9), (0.95, 0.9), (0.95, 0.7)):
        plants = _two_scenes(rng, correlation)
        for kind in _KINDS:
            for n in extent.by_size:
                yield _planted("audits", plants, extent, rng, kind=kind, per_class=n, class_strength=strength)
    for n in extent.by_size:
        yield _planted("audits", (), extent, rng, kind="independent", per_class=n)


def _numbers_of_classes(extent: Extent, rng: np.random.Generator) -> Iterator[FeatureScenario]:
    """Two classes; and as many as can be afforded, a tenth of which rely on something."""
    for plants in (_two_scenes(rng, CORRELATION, 2)[:1], ()):
        strength: dict[str, Any] = {"class_strength": _TWO_CLASSES} if plants else {}
        yield _planted("two classes", plants, extent, rng, n_classes=2, **strength)
    many = extent.most_classes
    chosen = rng.choice(many, size=max(many // 10, 1), replace=False)
    scenes = rng.choice(WORLD.of("background"), size=len(chosen))
    plants = tuple(Plant(int(c), "background", str(v), CORRELATION) for c, v in zip(chosen, scenes, strict=True))
    few = min(60, extent.per_class)
    yield _planted("many classes", plants, extent, rng, n_classes=many, per_class=few, class_strength=_MANY_CLASSES)


def _vocabularies(extent: Extent, rng: np.random.Generator) -> Iterator[FeatureScenario]:
    """Words that nearly mean what is planted; no word for it; an encoder that does not see it."""
    for plants in (_two_scenes(rng, CORRELATION), ()):
        yield _planted("near synonyms", plants, extent, rng, synonyms=True)
    for family, field in (("no word for it", "unnamed"), ("encoder blind to it", "unseen")):
        for plants in (_two_scenes(rng, CORRELATION)[:1], _one_mark(rng)):
            (one,) = plants
            hidden: dict[str, Any] = {field: ((one.factor, one.value),)}
            yield _planted(family, plants, extent, rng, **hidden)


def _absence(extent: Extent, rng: np.random.Generator) -> Iterator[FeatureScenario]:
    """A class that was never seen with a mark that others have: the mark costs it its pictures.

    The audit shows the mark in a quarter of every class's pictures, or, as training does, never in that class's.
    """
    harmed, pulling = (int(c) for c in rng.choice(N_CLASSES, size=2, replace=False))
    others = [c for c in range(N_CLASSES) if c != harmed]
    for rates in ({pulling: 0.6}, dict.fromkeys(others, 0.5)):
        plants = (Plant(harmed, *_MARK, 0.0), *(Plant(c, *_MARK, rate) for c, rate in rates.items()))
        shown = Mixture(tuple(Plant(c, *_MARK, 0.25) for c in range(N_CLASSES)))
        yield _planted("absence", plants, extent, rng, kind="balanced", audit=shown)
        yield _planted("absence", plants, extent, rng)


def _pictures(extent: Extent, rng: np.random.Generator) -> Iterator[FeatureScenario]:
    """Balanced, unequal, few, grouped, wrongly labelled and copied pictures."""
    for plants in (_two_scenes(rng, CORRELATION), _one_mark(rng), ()):
        kind: AuditKind = "balanced" if plants else "independent"
        yield _planted("balanced audit", plants, extent, rng, kind=kind)
    for plants in (_two_scenes(rng, CORRELATION), ()):
        smallest = max(extent.largest // 50, 2)
        yield _planted("classes 1 : 50", plants, extent, rng, per_class=extent.largest, smallest=smallest)
        yield _planted("50 pictures a class", plants, extent, rng, per_class=min(50, extent.per_class))
        yield _planted("10 pictures a patient", plants, extent, rng, group_size=10)
        yield _planted("a tenth of labels wrong", plants, extent, rng, label_noise=0.1)
        yield _planted("copies", plants, extent, rng, copied=0.5)


def _columns(extent: Extent, rng: np.random.Generator) -> Iterator[FeatureScenario]:
    """A mark that only a column tells: no word for it, and the encoder does not see it."""
    for plants in (_one_mark(rng), ()):
        hidden: dict[str, Any] = {"unnamed": (_MARK,), "unseen": (_MARK,)}
        for levels in extent.levels:
            column = Column("site", _MARK, levels)
            yield _planted(f"column of {levels} levels", plants, extent, rng, columns=(column,), **hidden)
        yield _planted("numeric column", plants, extent, rng, columns=(Column("dose", _MARK, None),), **hidden)
        column = Column("site", _MARK, 5, missing=0.4)
        yield _planted("column with gaps", plants, extent, rng, columns=(column,), **hidden)


def _shapes_of_shortcuts(extent: Extent, rng: np.random.Generator) -> Iterator[FeatureScenario]:
    """Two classes with one shortcut; two concepts that act only together."""
    for kind in ("as training", "balanced"):
        both = tuple(Plant(int(c), *_MARK, CORRELATION) for c in rng.choice(N_CLASSES, size=2, replace=False))
        yield _planted("one shortcut, two classes", both, extent, rng, kind=kind)
    c, scene = int(rng.integers(N_CLASSES)), str(rng.choice(WORLD.of("background")))
    plants: tuple[Plant, ...] = (Plant(c, "background", scene, CORRELATION), Plant(c, *_MARK, CORRELATION))
    # in the others each comes without the other, so that neither alone says anything
    plants += tuple(Plant(k, *one, 0.3) for k in range(N_CLASSES) if k != c for one in (("background", scene), _MARK))
    ties = tuple(
        Tie(k, "background", scene, "artifact", str(CHANGED["artifact"]), _MARK[1], 0.3)
        for k in range(N_CLASSES)
        if k != c
    )
    mixture = Mixture(plants, ties)
    together = (("background", scene), _MARK)
    yield _planted("only together", plants, extent, rng, train=mixture, audit=mixture, together=together)
