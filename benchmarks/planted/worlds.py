"""Which values the factors of a picture may take: those of the bundled data, and more of them for the full grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sample_data.extras import SURFACES
from sample_data.scene import ARTIFACTS, BACKGROUNDS, CASTS, EXTRA, LIGHTS, OBJECTS, QUALITIES

#: All values of every factor, in the order of their codes.
FACTOR_VALUES: Mapping[str, tuple[str, ...]] = {
    "object": OBJECTS + EXTRA["object"],
    "background": BACKGROUNDS + EXTRA["background"],
    "artifact": ARTIFACTS,
    "light": LIGHTS,
    "cast": CASTS,
    "quality": QUALITIES,
    "surface": SURFACES,
}
#: Factors that are changed to measure reliance, with the value that means nothing (None: every value is a concept).
CHANGED: Mapping[str, str | None] = {
    "background": None,
    "artifact": "none",
    "light": "day",
    "cast": "none",
    "quality": "sharp",
    "surface": "none",
}
#: What no model of a seed below `FIRST_HELD_BACK_SEED` has seen, and no threshold was chosen on.
HELD_BACK: Mapping[str, tuple[str, ...]] = {
    "object": EXTRA["object"],
    "background": EXTRA["background"],
    "surface": ("carpet",),
}
FIRST_HELD_BACK_SEED = 100

_MARK_RATE, _LIGHT_RATE, _CAST_RATE, _BLUR_RATE, _SURFACE_RATE = 0.035, 0.08, 0.08, 0.1, 0.06


@dataclass(frozen=True, slots=True)
class World:
    """The values that occur, by factor."""

    name: str
    values: tuple[tuple[str, tuple[str, ...]], ...]

    def of(self, factor: str) -> tuple[str, ...]:
        """Values of a factor, in the order of their codes."""
        return dict(self.values)[factor]

    def rates(self, factor: str) -> list[float]:
        """How often each value of `FACTOR_VALUES` occurs where nothing is planted; the neutral value takes the rest."""
        allowed = self.of(factor)
        rate = {
            "background": 1 / len(allowed),
            "artifact": _MARK_RATE,
            "light": _LIGHT_RATE,
            "cast": _CAST_RATE,
            "quality": _BLUR_RATE,
            "surface": _SURFACE_RATE,
        }[factor]
        rates = {value: rate for value in allowed if value != CHANGED[factor]}
        rest = 1 - sum(rates.values())
        return [rates.get(value, rest if value == CHANGED[factor] else 0.0) for value in FACTOR_VALUES[factor]]


def _world(name: str, without: Mapping[str, tuple[str, ...]]) -> World:
    return World(
        name,
        tuple(
            (factor, tuple(value for value in values if value not in without.get(factor, ())))
            for factor, values in FACTOR_VALUES.items()
        ),
    )


#: What the bundled encoder knows; the small grid.
SAMPLE = _world("sample", {**HELD_BACK, "surface": SURFACES[1:]})
#: The full grid before and after its thresholds were fixed.
OPEN = _world("open", HELD_BACK)
WIDE = _world("wide", {})
