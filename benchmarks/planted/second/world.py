"""Pictures as numbers: what a network's last layer and an encoder would see of a scene, and the same scene changed.

A picture is a row of the bank's columns, as in the rendered world, and noise that belongs to it. Features are a random
mixture of what is there, cut at zero; the encoder's row is a sum of the words of what is there. One value changed is
the same row with one number changed and the same noise, so reliance is measured and not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from auditor.records import BoolArray, FloatArray, IntArray
from benchmarks.planted.bank import COLUMN, Bank, Split
from benchmarks.planted.drawing import Mixture, draw_rows, variants
from benchmarks.planted.encoders import towards
from benchmarks.planted.second.language import DIM, Language
from benchmarks.planted.second.scenarios import WORLD, FeatureScenario
from benchmarks.planted.worlds import FACTOR_VALUES

WIDTH = 64  # channels, up to so many classes; beyond it as many as there are classes
_FACTORS = {"background": 1.6, "artifact": 1.6, "light": 0.5}  # and how plainly the features show each
_NOISE = 0.7
_ENCODER_NOISE = 0.05  # a dimension, beside words of length 1
#: How plainly the encoder sees each factor, and the class.
_SEEN = {"background": 1.0, "artifact": 1.0, "light": 0.5}
_CLASS_SEEN = 0.8
_NEAR = 0.05  # of a picture's noise that is new in a near copy
_GROUP_PART = 0.5  # of the noise's variance that a patient's pictures have in common


class _NoLayers:
    """Stands in for the bank: draws of values without any layers to draw them with."""

    world = WORLD

    def layer_range(self, sort: str, split: Split) -> tuple[int, int]:
        """One layer of everything."""
        del sort, split
        return 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """Pictures of a model's audit, training or truth."""

    class_idx: IntArray  # (n,) what they truly show
    rows: IntArray  # (n, columns)
    noise: FloatArray  # (n, K)
    encoder_noise: FloatArray  # (n, D)
    patient: IntArray  # (n,)
    origin: IntArray  # (n,) the picture that each is a copy of, itself where it is none
    exact: BoolArray  # (n,) whether it is the same to the byte


@dataclass(frozen=True, slots=True, eq=False)
class FeatureWorld:
    """The laws of one scenario's world: they depend on its seed and on nothing that is drawn."""

    scenario: FeatureScenario
    mix: NDArray[np.float64]  # (classes + values + 1, K)
    bias: NDArray[np.float64]  # (K,)
    language: Language

    @classmethod
    def of(cls, scenario: FeatureScenario) -> FeatureWorld:
        """Draw the laws."""
        rng = np.random.default_rng((scenario.seed, 90))
        width = max(WIDTH, scenario.n_classes)
        n_values = sum(len(FACTOR_VALUES[factor]) for factor in _FACTORS)
        mix = rng.normal(size=(scenario.n_classes + n_values + 1, width)) / np.sqrt(8)
        return cls(scenario, mix, rng.normal(size=width) * 0.3, Language.of(scenario))

    def draw(self, class_idx: IntArray, mixture: Mixture, rng: np.random.Generator, *, copied: float = 0.0) -> Scenes:
        """Pictures of these classes; patients and copies as the scenario has them."""
        n, size = len(class_idx), self.scenario.group_size
        # consecutive pictures of one class are a patient's
        starts = np.r_[True, np.diff(class_idx) != 0]
        first = np.maximum.accumulate(np.where(starts, np.arange(n), 0)) if n else np.zeros(0, np.int64)
        _, patient = np.unique(first * n + (np.arange(n) - first) // size, return_inverse=True)
        split: Split = "audit"
        drawn = draw_rows(self.scenario.classes, mixture, class_idx, cast(Bank, _NoLayers()), split, rng)
        noise = rng.normal(size=(n, self.mix.shape[1] + DIM)).astype(np.float32)
        if size > 1:
            leader = np.unique(patient, return_index=True)[1][patient]
            shared = rng.normal(size=noise.shape).astype(np.float32)[leader]
            noise = np.float32(np.sqrt(1 - _GROUP_PART)) * noise + np.float32(np.sqrt(_GROUP_PART)) * shared
            context = [COLUMN[factor] for factor in _FACTORS]
            drawn[:, context] = drawn[leader][:, context]
        origin, exact = np.arange(n), np.zeros(n, np.bool_)
        for c in np.unique(class_idx) if copied else ():
            own = rng.permutation(np.flatnonzero(class_idx == c))
            again, kept = np.split(own, [round(copied * own.size)])
            # few pictures are copied often: a tenth of those that are no copies
            origin[again] = rng.choice(kept[: max(kept.size // 10, 1)], size=again.size)
            exact[again] = rng.random(again.size) < 0.5
        fresh = np.where(exact, 0.0, _NEAR)[:, None]
        copy = (origin != np.arange(n))[:, None]
        noise = np.where(copy, noise[origin] + fresh * noise, noise).astype(np.float32)
        width = self.mix.shape[1]
        return Scenes(class_idx, drawn[origin], noise[:, :width], noise[:, width:], patient, origin, exact)

    def features(self, scenes: Scenes, rows: IntArray | None = None) -> FloatArray:
        """(n, K) inputs of the head, of the pictures or of the same ones with other ``rows``."""
        rows = scenes.rows if rows is None else rows
        n, n_classes = len(rows), self.scenario.n_classes
        plain = (1 - rows[:, COLUMN["faint"]] / 100) * self.scenario.class_strength
        total = plain[:, None] * self.mix[scenes.class_idx]
        start = n_classes
        both = self.scenario.together
        for factor, strength in _FACTORS.items():
            code = rows[:, COLUMN[factor]]
            shown = np.full(n, strength)
            for _, value in (one for one in both or () if one[0] == factor):
                shown[code == FACTOR_VALUES[factor].index(value)] = 0.0
            total += shown[:, None] * self.mix[start + code]
            start += len(FACTOR_VALUES[factor])
        if both:
            there = np.all([_bears(rows, *one) for one in both], axis=0)
            total += (2.0 * there)[:, None] * self.mix[-1]
        return np.maximum(total + self.bias + _NOISE * scenes.noise, 0).astype(np.float32)

    def embeddings(self, scenes: Scenes) -> FloatArray:
        """(n, D) unit rows of the encoder."""
        rows, tongue = scenes.rows, self.language
        total = tongue.common[None] + _ENCODER_NOISE * scenes.encoder_noise.astype(np.float64)
        plain = 1 - rows[:, COLUMN["faint"]] / 100
        total = total + _CLASS_SEEN * plain[:, None] * tongue.class_vectors[scenes.class_idx]
        for factor, strength in _SEEN.items():
            total = total + strength * tongue.value_vectors[factor][rows[:, COLUMN[factor]]]
        return _unit(self._misled(_unit(total), scenes)).astype(np.float32)

    def _misled(self, total: NDArray[np.float64], scenes: Scenes) -> NDArray[np.float64]:
        """The more like its class a picture is, the more of the scene is seen in it, whatever is there."""
        scene_vectors = self.language.value_vectors["background"]
        for c, value in self.scenario.misled:
            direction = scene_vectors[FACTOR_VALUES["background"].index(value)] - scene_vectors.mean(axis=0)
            own = np.flatnonzero(scenes.class_idx == c)
            total[own] += towards(direction, total[own], self.language.class_vectors[c])
        return total

    def called(self, scenes: Scenes, weight: FloatArray, bias: FloatArray) -> NDArray[np.int8]:
        """(n, variants) what a head calls every picture under every value, as `answers.model_answers`."""
        changed = variants(scenes.rows, WORLD)
        columns = [
            (self.features(scenes, changed[:, k]) @ weight.T + bias).argmax(axis=1) for k in range(changed.shape[1])
        ]
        return np.stack(columns, axis=1).astype(np.int8)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _bears(rows: IntArray, factor: str, value: str) -> BoolArray:
    return np.asarray(rows[:, COLUMN[factor]] == FACTOR_VALUES[factor].index(value))
