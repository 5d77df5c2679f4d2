"""From a scenario to a head that learnt in the feature world, what it truly relies on, and its audit's pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.inputs.copies import Copies, find_copies
from auditor.inputs.near_copies import FINGERPRINT_BYTES
from auditor.records import IntArray, LinearHead
from benchmarks.planted import truth
from benchmarks.planted.audit import Examined, items_of
from benchmarks.planted.bank import COLUMN
from benchmarks.planted.drawing import Mixture, variant_names
from benchmarks.planted.models import logistic_head
from benchmarks.planted.second.scenarios import WORLD, Column, FeatureScenario
from benchmarks.planted.second.world import FeatureWorld, Scenes
from benchmarks.planted.truth import PairTruth
from benchmarks.planted.worlds import FACTOR_VALUES

#: Training pictures of all classes together; of each at most, and of the largest where classes are unequal.
_TRAINING, _TRAINING_A_CLASS = 6000, 500
_PENALTY, _MAX_ITER = 0.05, 200
#: Pictures of the truth of all classes together, of each at most, and samples of its bootstrap with many classes.
_TRUTH, _TRUTH_A_CLASS = 60_000, 2000
_MANY, _FEW_SAMPLES = 20, 200
_FLIPPED = 8  # bits of a fingerprint by which a near copy differs


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A model under test."""

    scenario: FeatureScenario
    world: FeatureWorld
    examined: Examined
    truth: list[PairTruth]

    @property
    def accuracy(self) -> tuple[float, ...]:
        """Of every class, on the audit's pictures and by their labels."""
        right = self.examined.logits.argmax(axis=1) == self.examined.label_idx
        own = [self.examined.label_idx == c for c in range(self.scenario.n_classes)]
        return tuple(round(float(right[mine].mean()), 4) if mine.any() else 0.0 for mine in own)


def sizes(scenario: FeatureScenario, largest: int, smallest: int) -> IntArray:
    """Pictures of every class, from the largest to the smallest in equal ratios."""
    return np.round(np.geomspace(largest, smallest, scenario.n_classes)).astype(np.int64)


def make(scenario: FeatureScenario) -> Made:
    """Fit the head, ask it about the truth's pictures, and draw the audit's."""
    world = FeatureWorld.of(scenario)
    rng = np.random.default_rng((scenario.seed, 93))
    head = _head(world, rng)
    called_labels, called = _answers(world, head, rng)
    many = scenario.n_classes > _MANY
    known = truth.measure(
        called_labels,
        called,
        variant_names(WORLD),
        scenario.classes,
        seed=scenario.seed,
        **({"n_samples": _FEW_SAMPLES} if many else {}),
    )
    return Made(scenario, world, _examined(world, head, rng), known)


def _head(world: FeatureWorld, rng: np.random.Generator) -> LinearHead:
    what = world.scenario
    most = min(_TRAINING_A_CLASS, _TRAINING // what.n_classes)
    least = max(most * what.smallest // what.per_class, 2)
    labels = np.repeat(np.arange(what.n_classes), sizes(what, most, least))
    scenes = world.draw(labels, what.train, rng)
    wrong = _mislabelled(labels, what, rng)
    return logistic_head(world.features(scenes), wrong, penalty=_PENALTY, max_iter=_MAX_ITER)


def _answers(world: FeatureWorld, head: LinearHead, rng: np.random.Generator) -> tuple[IntArray, NDArray[np.int8]]:
    """Labels (n,) and answers (n, variants), of pictures with nothing planted.

    But for concepts that act only together: one of them changed shows nothing unless the other is there, so their
    pictures are drawn as the model learnt them.
    """
    what = world.scenario
    labels = np.repeat(np.arange(what.n_classes), min(_TRUTH_A_CLASS, _TRUTH // what.n_classes))
    scenes = world.draw(labels, what.train if what.together else Mixture(), rng)
    return labels, world.called(scenes, head.weight, head.bias)


def _examined(world: FeatureWorld, head: LinearHead, rng: np.random.Generator) -> Examined:
    what = world.scenario
    shown = np.repeat(np.arange(what.n_classes), sizes(what, what.per_class, what.smallest))
    scenes = world.draw(shown, what.audit, rng, copied=what.copied)
    labels = _mislabelled(shown, what, rng)
    labels = labels[scenes.origin]  # a copy has the label of its picture
    names = tuple(one.name for one in what.classes)
    examined = Examined(
        names,
        head,
        world.features(scenes),
        world.embeddings(scenes),
        labels,
        scenes.rows,
        np.zeros((len(labels), 0), np.float32),
        attributes={column.name: _cells(column, scenes, rng) for column in what.columns},
        groups=[f"patient {k}" for k in scenes.patient] if what.group_size > 1 else None,
    )
    return examined.with_copies(_copies(examined, scenes, rng)) if what.copied else examined


def _mislabelled(labels: IntArray, what: FeatureScenario, rng: np.random.Generator) -> IntArray:
    """Labels, a share of which is that of another class."""
    wrong = rng.random(labels.size) < what.label_noise
    other = (labels + rng.integers(1, max(what.n_classes, 2), size=labels.size)) % what.n_classes
    return np.where(wrong, other, labels)


def _cells(column: Column, scenes: Scenes, rng: np.random.Generator) -> list[str | None]:
    """The column's cells: a level of its own where the value is, or a larger number."""
    factor, value = column.tells
    bears = scenes.rows[:, COLUMN[factor]] == FACTOR_VALUES[factor].index(value)
    if column.levels is None:
        numbers = rng.normal(size=bears.size) + 3.0 * bears
        cells: list[str | None] = [f"{number:.3f}" for number in numbers]
    else:
        level = np.where(bears, 0, rng.integers(1, column.levels, size=bears.size))
        cells = [f"s{k}" for k in level]
    missing = rng.random(bears.size) < column.missing
    return [None if gone else cell for cell, gone in zip(cells, missing, strict=True)]


def _copies(examined: Examined, scenes: Scenes, rng: np.random.Generator) -> Copies:
    """As the program finds them in files: by contents that exact copies share, by fingerprints that nearly agree."""
    n = len(scenes.origin)
    contents = [
        str(origin if same else row) for row, (origin, same) in enumerate(zip(scenes.origin, scenes.exact, strict=True))
    ]
    prints = rng.integers(0, 256, size=(n, FINGERPRINT_BYTES), dtype=np.uint8)[scenes.origin]
    near = np.flatnonzero((scenes.origin != np.arange(n)) & ~scenes.exact)
    for row in near:
        prints[row, rng.choice(FINGERPRINT_BYTES, size=_FLIPPED, replace=False)] ^= 1
    return find_copies(items_of(examined), contents, prints, examined.embeddings)
