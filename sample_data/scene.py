"""What a rendered scene is made of: the factors, their values, and one random stream for each factor.

Every factor draws from a stream of its own, so `dataclasses.replace(scene, background="sand")` describes the same
picture with the background changed and nothing else: the same object in the same pose, size, colour and place.
That is the ground truth of the benchmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

OBJECTS = (
    "duck",
    "swan",
    "heron",
    "owl",
    "rooster",
    "crow",
    "car",
    "truck",
    "bus",
    "cat",
    "balloon",
    "boat",
)
BACKGROUNDS = ("water", "forest", "sand", "snow", "grass", "city", "sky", "night")
ARTIFACTS = ("none", "watermark", "ruler", "sticker", "border")
LIGHTS = ("day", "bright", "dim", "fog")
CASTS = ("none", "red", "blue", "green")
QUALITIES = ("sharp", "blurred")

FACTORS: dict[str, tuple[str, ...]] = {
    "object": OBJECTS,
    "background": BACKGROUNDS,
    "artifact": ARTIFACTS,
    "light": LIGHTS,
    "cast": CASTS,
    "quality": QUALITIES,
}
# Values that no bundled picture has, for benchmarks; they count on after the others.
EXTRA: dict[str, tuple[str, ...]] = {
    "object": ("fish", "turtle", "mushroom", "tent", "bicycle", "airplane"),
    "background": ("canyon", "room", "bricks"),
}
NEUTRAL = {"artifact": "none", "light": "day", "cast": "none", "quality": "sharp"}

# Stream numbers are part of the data: changing one changes every picture.
_STREAMS = {"object": 1, "background": 2, "artifact": 3, "light": 4, "cast": 5, "quality": 6, "place": 7}


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture before it is drawn.

    Attributes:
        object: What stands in the picture, one of `OBJECTS`.
        background: Where it stands, one of `BACKGROUNDS`.
        artifact: What lies over the photograph, one of `ARTIFACTS`.
        light: One of `LIGHTS`; "day" changes nothing.
        cast: Colour cast, one of `CASTS`.
        quality: One of `QUALITIES`.
        seed: All that is left to chance: pose, size, colours, place, clouds, waves, wording of the watermark.
    """

    object: str
    background: str
    artifact: str = "none"
    light: str = "day"
    cast: str = "none"
    quality: str = "sharp"
    seed: int = 0

    def __post_init__(self) -> None:
        for factor, values in FACTORS.items():
            value = getattr(self, factor)
            if value not in values and value not in EXTRA.get(factor, ()):
                raise ValueError(f"{factor} {value!r} is not one of {', '.join(values)}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")

    def stream(self, factor: str) -> np.random.Generator:
        """Random numbers of one factor; they depend on the seed and on this factor's value alone."""
        value = getattr(self, factor, None)
        values = FACTORS.get(factor, ()) + EXTRA.get(factor, ())
        code = values.index(value) if values and value is not None else 0
        return np.random.Generator(np.random.PCG64([self.seed, _STREAMS[factor], code]))
