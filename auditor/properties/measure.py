"""What can be measured of a picture without knowing what it shows: of its file, and of its pixels.

Shortcuts that no word names are of this sort: another camera, a JPEG setting, a grey border, brighter pictures. Each
property is one number or one name; :data:`PROPERTIES` is the table. Pixels are measured on a reduced copy, so that a
large picture costs no more than a small one; what blocks a JPEG has can be seen at full size alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from auditor.properties.lettering import text_rows
from auditor.records import FloatArray

#: Part of the name of every set of features: changes when a measure does.
MEASURES = "properties/2"
#: A number in the property's unit, or a name.
Value = float | str
#: What a picture has of each property; those that it does not have are left out.
Values = Mapping[str, Value]

_SIDE = 256  # longest side of the grey copy that fine structure is measured on
_COLOUR_SIDE = 96  # and of the one for colour and light, which have no fine structure
_CORNER = 128  # pixels a side that JPEG blocks are looked for in
_FLAT = 6.0  # grey levels of spread in a line of a border
_LEAST_COLOURED = 0.05  # of the mean of max - min over max: below, a hue says nothing
_CAST = 0.06  # of the range: mean opponent colour from which a cast has a name
_HUES = ("red", "yellow", "green", "cyan", "blue", "magenta")


@dataclass(frozen=True, slots=True)
class Property:
    """One row of the table: what it is called in words, and its unit ("" where its values are names).

    ``examined``: it becomes a column. The others say little of how a picture was made and much of what it shows.
    """

    name: str
    words: str
    unit: str
    examined: bool = True


PROPERTIES = (
    Property("format", "file format", ""),
    Property("mode", "colour mode", ""),
    Property("width", "width", "pixels"),
    Property("height", "height", "pixels"),
    Property("aspect", "aspect ratio", "width / height"),
    Property("bytes_per_pixel", "bytes per pixel", "bytes", examined=False),
    Property("jpeg_quality", "JPEG quality", "1 to 100, as libjpeg counts"),
    Property("jpeg_subsampling", "JPEG subsampling", ""),
    Property("camera", "camera", ""),
    Property("software", "software", ""),
    Property("brightness", "brightness", "mean grey, 0 to 1"),
    Property("contrast", "contrast", "standard deviation of grey, 0 to .5"),
    Property("saturation", "saturation", "mean of (max - min) / max, 0 to 1"),
    Property("hue", "hue", "", examined=False),
    Property("colour_cast", "colour cast", ""),
    Property("sharpness", "sharpness", "standard deviation of the Laplacian of grey"),
    Property("noise", "noise", "standard deviation in grey, 0 to 1"),
    Property("blockiness", "blockiness", "steps at block edges over steps elsewhere"),
    Property("entropy", "entropy", "bits of the grey histogram", examined=False),
    Property("greyscale", "greyscale", ""),
    Property("border", "border", ""),
    Property("letterbox", "letterbox", ""),
    Property("lettering", "lettering", ""),
    Property("vignette", "vignette", "grey of the middle less that of the corners", examined=False),
)


def measure_pixels(image: Image.Image) -> dict[str, Value]:
    """Everything of a picture's pixels.

    Args:
        image: RGB.

    Returns:
        By name; a hue of a grey picture, or anything else that a picture does not have, is left out.
    """
    reduced = _Reduced(image)
    found = {name: measured(reduced) for name, measured in _OF_PIXELS.items()}
    return {name: value for name, value in found.items() if value is not None}


def measure_one(image: Image.Image, name: str) -> Value | None:
    """One property of a picture's pixels; None where the picture does not have it.

    Args:
        image: RGB.
        name: Of a property that is not the file's.
    """
    return _OF_PIXELS[name](_Reduced(image))


class _Reduced:
    """A picture, and its small copy in the forms that several properties are measured on."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        small = reduced(image)  # before all else, which is cheaper then
        self.levels = small.convert("L")
        self.grey: FloatArray = np.asarray(self.levels, dtype=np.float32) / np.float32(255)
        colours = np.asarray(_reduced(small, _COLOUR_SIDE), dtype=np.float32) / np.float32(255)
        self.rgb: FloatArray = np.ascontiguousarray(colours.transpose(2, 0, 1))  # (3, h, w)
        self.most: FloatArray = self.rgb.max(axis=0)
        self.least: FloatArray = self.rgb.min(axis=0)


def reduced(image: Image.Image) -> Image.Image:
    """The copy that fine structure is measured on, once it is grey."""
    return _reduced(image, _SIDE)


def _reduced(image: Image.Image, side: int) -> Image.Image:
    factor = -(-max(image.size) // side)
    return image.reduce(factor) if factor > 1 else image


def _brightness(one: _Reduced) -> float:
    return float(one.grey.mean())


def _contrast(one: _Reduced) -> float:
    return float(one.grey.std())


def _saturation(one: _Reduced) -> float:
    return float(((one.most - one.least) / np.maximum(one.most, 1e-3)).mean())


def _hue(one: _Reduced) -> str | None:
    """The commonest of six hues, pixels counted by their chroma."""
    chroma = one.most - one.least
    if float(chroma.mean()) < _LEAST_COLOURED:
        return None
    red, green, blue = one.rgb
    safe = np.maximum(chroma, 1e-6)
    of_red, of_green = (green - blue) / safe, 2 + (blue - red) / safe
    sector = np.where(one.most == red, of_red, np.where(one.most == green, of_green, 4 + (red - green) / safe))
    code = np.rint(sector).astype(np.int64) % len(_HUES)
    return _HUES[int(np.bincount(code.ravel(), chroma.ravel(), len(_HUES)).argmax())]


def _colour_cast(one: _Reduced) -> str:
    """Which way the picture's mean lies from grey, in the plane of red-green and yellow-blue."""
    red, green, blue = one.rgb.reshape(3, -1).mean(axis=1)
    red_green, yellow_blue = float(red - green), float((red + green) / 2 - blue)
    if max(abs(red_green), abs(yellow_blue)) < _CAST:
        return "none"
    if abs(red_green) > abs(yellow_blue):
        return "red" if red_green > 0 else "green"
    return "yellow" if yellow_blue > 0 else "blue"


def _sharpness(one: _Reduced) -> float | None:
    grey = one.grey
    if min(grey.shape) < 3:
        return None
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((around - 4 * grey[1:-1, 1:-1]).std())


def _noise(one: _Reduced) -> float | None:
    """Standard deviation of noise by Immerkær (1996), "Fast noise variance estimation"."""
    if min(one.grey.shape) < 3:
        return None
    # his mask is the second difference along rows of that along columns
    bent = one.grey[:-2] - 2 * one.grey[1:-1] + one.grey[2:]
    answers = bent[:, :-2] - 2 * bent[:, 1:-1] + bent[:, 2:]
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(answers).mean())


def _blockiness(one: _Reduced) -> float | None:
    """Mean step across the edges of 8 x 8 blocks over that between all other neighbours; 1: none can be seen."""
    width, height = one.image.size
    if min(width, height) < 24:
        return None
    box = (0, 0, min(width, _CORNER), min(height, _CORNER))
    grey = np.asarray(one.image.crop(box).convert("L"), dtype=np.float32)
    ratios = []
    for steps in (np.abs(np.diff(grey, axis=1)).mean(axis=0), np.abs(np.diff(grey, axis=0)).mean(axis=1)):
        at_edges = np.arange(steps.size) % 8 == 7
        elsewhere = float(steps[~at_edges].mean())
        ratios.append(float(steps[at_edges].mean()) / elsewhere if elsewhere > 0 else 1.0)
    return float(np.mean(ratios))


def _entropy(one: _Reduced) -> float:
    return float(one.levels.entropy())


def _greyscale(one: _Reduced) -> str:
    return "yes" if float(np.quantile(one.most - one.least, 0.999)) <= 2.5 / 255 else "no"


def _border(one: _Reduced) -> str:
    """The colour of a frame of one colour round all four sides; "none"."""
    return _uniform(one, [one.rgb[at] for at in _edges(one.rgb)])


def _letterbox(one: _Reduced) -> str:
    """Where bars of one colour lie on two sides, the other two having none."""
    top, bottom, left, right = (one.rgb[at] for at in _edges(one.rgb))
    lying, standing = (_uniform(one, pair) != "none" for pair in ((top, bottom), (left, right)))
    if lying == standing:
        return "none"
    return "top and bottom" if lying else "left and right"


def _edges(rgb: FloatArray) -> tuple[tuple[slice, slice, slice], ...]:
    """Strips at top, bottom, left and right, a fiftieth of the shorter side wide, two pixels at least."""
    deep = max(2, min(rgb.shape[1:]) // 50)
    first, last, whole = slice(0, deep), slice(-deep, None), slice(None)
    return (whole, first, whole), (whole, last, whole), (whole, whole, first), (whole, whole, last)


def _uniform(one: _Reduced, strips: list[FloatArray] | tuple[FloatArray, ...]) -> str:
    """The name of the one colour that strips have, "none" where they have no one colour, or all of the picture has."""
    pixels = np.concatenate([strip.reshape(3, -1) for strip in strips], axis=1)
    spread, spread_of_all = (float(some.std(axis=1).max()) * 255 for some in (pixels, one.rgb.reshape(3, -1)))
    if spread > _FLAT or spread_of_all <= _FLAT:
        return "none"
    red, green, blue = (float(value) for value in pixels.mean(axis=1))
    if max(red, green, blue) - min(red, green, blue) > 0.15:
        return "coloured"
    return "black" if red < 0.2 else "white" if red > 0.85 else "grey"


def _lettering(one: _Reduced) -> str:
    """Whether there are text-like marks: a watermark, a caption, a tag, a date."""
    return "yes" if text_rows(one.levels) else "no"


def _vignette(one: _Reduced) -> float | None:
    height, width = one.grey.shape
    if min(height, width) < 8:
        return None
    up, across = height // 4, width // 4
    corners = [one.grey[y : y + up, x : x + across].mean() for y in (0, height - up) for x in (0, width - across)]
    top, left = (height - up) // 2, (width - across) // 2
    return float(one.grey[top : top + up, left : left + across].mean() - np.mean(corners))


_OF_PIXELS: dict[str, Callable[[_Reduced], Value | None]] = {
    "brightness": _brightness,
    "contrast": _contrast,
    "saturation": _saturation,
    "hue": _hue,
    "colour_cast": _colour_cast,
    "sharpness": _sharpness,
    "noise": _noise,
    "blockiness": _blockiness,
    "entropy": _entropy,
    "greyscale": _greyscale,
    "border": _border,
    "letterbox": _letterbox,
    "lettering": _lettering,
    "vignette": _vignette,
}


def packed(values: Values) -> str:
    """Values as JSON, numbers to six digits."""
    return json.dumps({name: float(f"{v:.6g}") if isinstance(v, float) else v for name, v in values.items()})


def unpacked(text: str) -> dict[str, Value]:
    """What :func:`packed` wrote; anything that is neither number nor name is dropped."""
    known = {one.name for one in PROPERTIES}
    read = json.loads(text)
    return {
        name: float(value) if isinstance(value, int | float) else value
        for name, value in read.items()
        if name in known and isinstance(value, int | float | str) and not isinstance(value, bool)
    }
