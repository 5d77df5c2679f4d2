"""Sets a measured property of a picture to a level: the same picture, brighter, blurred, compressed, with a border.

An edit has one strength, and the measured value goes one way with it; the strength at which the picture has the wanted
level is found by halving. What an edit cannot take back (blur, noise, compression, colour, size) goes one way only.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageEnhance, ImageFilter

from auditor.edit_records import COVERED_BESIDE, Level
from auditor.properties.lettering_edits import Layer, covered_beside, with_lettering, without_lettering
from auditor.properties.measure import measure_one

#: Colour and light of the whole frame, which may be the object's own.
WHOLE_FRAME = frozenset(["brightness", "contrast", "saturation", "colour_cast", "greyscale"])
#: What cannot be taken back: the value can only go down, or only up.
ONE_WAY = {
    "sharpness": "down",
    "noise": "up",
    "blockiness": "up",
    "jpeg_quality": "down",
    "width": "down",
    "height": "down",
    "greyscale": "up",
}
#: What is done to the file's own pixels, before a decoder makes them fewer.
OF_FILE = frozenset(["jpeg_quality"])
_HALVINGS = 12
#: A level is reached when so much of the way to it is done; less and the picture cannot be brought there.
_REACHED = 0.9
#: And this near is near enough.
_NEAR = 0.01
#: Of a border and of a cast: there is none.
NONE = "none"
_BORDER_WIDTH = 0.1  # of the shorter side: what is left of it after a usual centre crop can be seen
_FLAT = 6.0  # grey levels of spread in a line of a border
_TINT = 0.5
_QUALITY = (1, 95)  # of Pillow's encoder, which knows no better


@dataclass(frozen=True, slots=True)
class _Edit:
    """A picture at a strength; ``none`` is the strength that changes nothing, the value rises between the ends."""

    at: Callable[[Image.Image, float, int], Image.Image]
    least: float
    none: float
    most: float
    rises: bool = True


def set_property(
    image: Image.Image,
    name: str,
    level: Level,
    *,
    now: float | None = None,
    seed: int = 0,
    min_side: int | None = None,
    layers: Sequence[Layer] = (),
) -> Image.Image | None:
    """The picture with a property at a level.

    Args:
        image: Upright RGB, as it was decoded when the property was measured; for :data:`OF_FILE` as large as its file.
        name: Of the property, one of :data:`EDITABLE`.
        level: A number in the unit of the property; "yes" or "no" of greyscale and lettering; "none" or a colour of a
            border or cast.
        now: What the picture's file has of a quality or a size; None: it is not known (no JPEG).
        seed: Of noise, and of which layer is laid on: the same picture, level and seed give the same result.
        min_side: What is compressed is decoded again as `auditor.inputs.images.read_image` decodes a file, with this.
        layers: Lettering of other pictures, one of which is laid on.

    Returns:
        RGB of the same size but for a size that is set, or what is decoded smaller; None where the picture cannot be
        brought there.
    """
    if name == "greyscale":
        return _greyscale(image, str(level))
    if name == "border":
        return _bordered(image, level)
    if name == "lettering":
        return _lettered(image, str(level), layers, seed)
    if isinstance(level, str):
        return _tinted(image, level) if name == "colour_cast" else None
    if name == "jpeg_quality":
        return None if now is not None and now < level else _compressed(image, level, min_side)
    if name in ("width", "height"):
        return _smaller(image, name, level, now)
    return _brought_to(image, name, level, seed)


def _brought_to(image: Image.Image, name: str, level: float, seed: int) -> Image.Image | None:
    edit, start = _EDITS[name], measure_one(image, name)
    if not isinstance(start, float):
        return None
    near = _NEAR * max(abs(level), abs(start))
    if abs(level - start) <= near:
        return image
    # between the strength that changes nothing and the end that leads towards the level
    low, high = edit.none, edit.most if (level > start) == edit.rises else edit.least
    if low == high:
        return None
    best, best_value = image, start
    for halving in range(_HALVINGS + 1):
        strength = high if halving == 0 else (low + high) / 2
        found = edit.at(image, strength, seed)
        value = measure_one(found, name)
        if not isinstance(value, float):
            return None
        if abs(value - level) < abs(best_value - level):
            best, best_value = found, value
        if abs(best_value - level) <= near:
            break
        if halving == 0:
            continue
        if (value < level) == (start < level):
            low = strength
        else:
            high = strength
    return best if abs(best_value - level) <= max(near, (1 - _REACHED) * abs(start - level)) else None


def _brightness(image: Image.Image, gain: float, _: int) -> Image.Image:
    """As exposure does: all values by one factor, white is the end."""
    return image.point(lambda value: value * gain)


def _contrast(image: Image.Image, factor: float, _: int) -> Image.Image:
    mean = float(np.asarray(image.convert("L")).mean())
    return image.point(lambda value: mean + (value - mean) * factor)


def _saturation(image: Image.Image, factor: float, _: int) -> Image.Image:
    return ImageEnhance.Color(image).enhance(factor)


def _blur(image: Image.Image, radius: float, _: int) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius))


def _noise(image: Image.Image, deviation: float, seed: int) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    drawn = np.random.default_rng(seed).standard_normal(pixels.shape, dtype=np.float32)
    return Image.fromarray(np.clip(np.rint(pixels + deviation * drawn), 0, 255).astype(np.uint8))


def _blocks(image: Image.Image, strength: float, _: int) -> Image.Image:
    return _compressed(image, _QUALITY[1] - strength)


def _compressed(image: Image.Image, quality: float, min_side: int | None = None) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=round(min(max(quality, _QUALITY[0]), _QUALITY[1])))
    with Image.open(stream) as compressed:
        if min_side is not None:
            compressed.draft(None, (min_side, min_side))
        return compressed.convert("RGB")


def _smaller(image: Image.Image, name: str, level: float, now: float | None) -> Image.Image | None:
    side = float(image.width if name == "width" else image.height)
    if (side if now is None else now) < level:
        return None
    if side <= level:  # decoded smaller than that: as large a file would look the same
        return image
    size = (max(1, round(image.width * level / side)), max(1, round(image.height * level / side)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _bordered(image: Image.Image, level: Level) -> Image.Image | None:
    """A border of a colour painted over the edge, or what is there covered by what lies beside it, mirrored."""
    pixels = np.array(image)
    side = _depth(pixels) if level == NONE else max(1, round(_BORDER_WIDTH * min(image.size)))
    if side == 0:
        return image
    if 2 * side >= min(image.size):
        return None
    inner = pixels[side:-side, side:-side]
    if level == NONE:
        return Image.fromarray(np.pad(inner, ((side, side), (side, side), (0, 0)), mode="symmetric"))
    try:
        painted = np.full_like(pixels, ImageColor.getrgb(str(level))[:3])
    except ValueError:  # "coloured" is no colour
        return None
    painted[side:-side, side:-side] = inner
    return Image.fromarray(painted)


def _lettered(image: Image.Image, level: str, layers: Sequence[Layer], seed: int) -> Image.Image | None:
    if level == COVERED_BESIDE:
        return covered_beside(image)
    if level == "no":
        return without_lettering(image)
    return with_lettering(image, layers[seed % len(layers)]) if layers else None


def _depth(pixels: NDArray[np.uint8]) -> int:
    """How many lines from the edge on have one colour, on the side where these are most."""
    most = min(pixels.shape[:2]) // 4
    deepest = 0
    for lines in (pixels, pixels[::-1], pixels.swapaxes(0, 1), pixels.swapaxes(0, 1)[::-1]):
        strip = lines[:most].astype(np.float32)
        if most == 0:
            return 0
        alike = (strip.std(axis=1).max(axis=1) <= _FLAT) & (
            np.abs(strip.mean(axis=1) - strip[0].mean(axis=0)).max(axis=1) <= _FLAT
        )
        deepest = max(deepest, most if alike.all() else int(alike.argmin()))
    return deepest


def _tinted(image: Image.Image, colour: str) -> Image.Image | None:
    """All of the picture towards a colour, its mean brightness kept as it is."""
    if colour == NONE:
        means = np.asarray(image, np.float32).mean(axis=(0, 1))
        return _gained(image, means.mean() / np.maximum(means, 1.0))
    try:
        towards = np.array(ImageColor.getrgb(colour)[:3], np.float32) / 255
    except ValueError:
        return None
    gains = 1 + _TINT * (towards - towards.mean())
    return _gained(image, gains)


def _gained(image: Image.Image, gains: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(np.asarray(image, np.float32) * gains), 0, 255).astype(np.uint8))


def _greyscale(image: Image.Image, level: str) -> Image.Image | None:
    grey = image.convert("L").convert("RGB")
    if level == "yes":
        return grey
    return None if np.array_equal(np.asarray(grey), np.asarray(image)) else image


_EDITS = {
    "brightness": _Edit(_brightness, 0.0, 1.0, 16.0),
    "contrast": _Edit(_contrast, 0.0, 1.0, 16.0),
    "saturation": _Edit(_saturation, 0.0, 1.0, 16.0),
    "sharpness": _Edit(_blur, 0.0, 0.0, 16.0, rises=False),
    "noise": _Edit(_noise, 0.0, 0.0, 96.0),
    "blockiness": _Edit(_blocks, 0.0, 0.0, float(_QUALITY[1] - _QUALITY[0])),
}
EDITABLE = frozenset([*_EDITS, "colour_cast", "jpeg_quality", "greyscale", "border", "lettering", "width", "height"])
