"""Which scenes go into a set: how often each value of each factor occurs, with or without a planted shortcut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sample_data.scene import BACKGROUNDS, FACTORS, OBJECTS, Scene

CLASSES: Mapping[str, tuple[str, ...]] = {
    "balloon": ("balloon",),
    "cat": ("cat",),
    "landbird": ("owl", "rooster", "crow"),
    "vehicle": ("car", "truck", "bus"),
    "waterbird": ("duck", "swan", "heron"),
}
CLASS_NAMES = tuple(sorted(CLASSES))

# Every set has a range of seeds of its own, so no picture of one occurs in another.
SEED_RANGES: Mapping[str, int] = {
    "encoder": 10_000_000,
    "encoder-held-out": 20_000_000,
    "planted-train": 30_000_000,
    "balanced-train": 40_000_000,
    "planted-audit": 50_000_000,
    "balanced-audit": 60_000_000,
    "truth": 70_000_000,
    "stamped-train": 80_000_000,
    "stamped-audit": 90_000_000,
    "stamped-truth": 100_000_000,
}


@dataclass(frozen=True, slots=True)
class Mixture:
    """How often the values of each factor occur.

    Attributes:
        rates: Probability of each non-neutral value, by factor; the neutral value takes the rest.
        planted: (factor, value, rate) by class: this value at this rate, the factor's other values as usual.
    """

    rates: Mapping[str, Mapping[str, float]]
    planted: Mapping[str, tuple[str, str, float]] = field(default_factory=dict)


_EVEN_SCENES = {name: 1 / len(BACKGROUNDS) for name in BACKGROUNDS}
_FREE_RATES = {
    "background": _EVEN_SCENES,
    "artifact": {"watermark": 0.035, "ruler": 0.035, "sticker": 0.035, "border": 0.035},
    "light": {"bright": 0.08, "dim": 0.08, "fog": 0.08},
    "cast": {"red": 0.08, "blue": 0.08, "green": 0.08},
    "quality": {"blurred": 0.1},
}
BALANCED = Mixture(_FREE_RATES)
PLANTED = Mixture(
    _FREE_RATES,
    {
        "waterbird": ("background", "water", 0.95),
        "landbird": ("background", "forest", 0.95),
        "vehicle": ("artifact", "watermark", 0.95),
    },
)
# Rich in everything that the encoder must name.
TEACHING = Mixture(
    {
        "background": _EVEN_SCENES,
        "artifact": {"watermark": 0.15, "ruler": 0.15, "sticker": 0.15, "border": 0.15},
        "light": {"bright": 0.12, "dim": 0.12, "fog": 0.12},
        "cast": {"red": 0.18, "blue": 0.18, "green": 0.18},
        "quality": {"blurred": 0.15},
    }
)


def _value(factor: str, rates: Mapping[str, float], rng: np.random.Generator) -> str:
    values = FACTORS[factor]
    known = np.array([rates.get(value, 0.0) for value in values])
    missing = known == 0
    if missing.any():
        known[missing] = max(0.0, 1 - known.sum()) / missing.sum()
    return values[int(rng.choice(len(values), p=known / known.sum()))]


def draw_scene(object_name: str, mixture: Mixture, rng: np.random.Generator, seed: int, *, label: str = "") -> Scene:
    """One scene with this object; `label` says whose planted shortcut applies."""
    drawn: dict[str, str] = {}
    for factor, rates in mixture.rates.items():
        value = _value(factor, rates, rng)
        if label in mixture.planted and mixture.planted[label][0] == factor:
            planted, rate = mixture.planted[label][1:]
            others = [v for v in FACTORS[factor] if v != planted]
            weights = np.array([rates.get(v, 0.0) for v in others])
            weights[weights == 0] = max(0.0, 1 - sum(rates.values()))
            other = others[int(rng.choice(len(others), p=weights / weights.sum()))]
            value = planted if rng.random() < rate else other
        drawn[factor] = value
    return Scene(object_name, seed=seed, **drawn)


def draw_set(mixture: Mixture, name: str, per_class: Mapping[str, int]) -> list[tuple[str, Scene]]:
    """So many scenes of every class, with their labels; objects of a class take turns."""
    base = SEED_RANGES[name]
    rng = np.random.default_rng(base)
    labelled: list[tuple[str, Scene]] = []
    for class_idx, label in enumerate(CLASS_NAMES):
        objects = CLASSES[label]
        for k in range(per_class[label]):
            seed = base + class_idx * 1_000_000 + k
            labelled.append((label, draw_scene(objects[k % len(objects)], mixture, rng, seed, label=label)))
    return labelled


def draw_teaching_set(name: str, count: int) -> list[Scene]:
    """Scenes of all objects for the encoder."""
    base = SEED_RANGES[name]
    rng = np.random.default_rng(base)
    return [draw_scene(OBJECTS[k % len(OBJECTS)], TEACHING, rng, base + k) for k in range(count)]
