"""Drawing in unit coordinates, so that a scene looks the same at every size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sample_data.scene import FloatArray

Colour = tuple[int, int, int] | tuple[int, int, int, int]
Points = Sequence[tuple[float, float]] | NDArray[np.float64]

_CURVE_STEPS = 6


def shade(colour: Colour, factor: float) -> Colour:
    """Darken (factor below 1) or lighten a colour; alpha is kept."""
    red, green, blue = (max(0, min(255, round(channel * factor))) for channel in colour[:3])
    return (red, green, blue, *colour[3:]) if len(colour) == 4 else (red, green, blue)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first[:3], second[:3], strict=True))
    return red, green, blue


def vary(colour: Colour, rng: np.random.Generator, spread: float = 14.0) -> Colour:
    """The colour with a little noise on each channel."""
    noise = rng.uniform(-spread, spread, 3)
    red, green, blue = (max(0, min(255, round(c + n))) for c, n in zip(colour[:3], noise, strict=True))
    return red, green, blue


def smooth(points: Points, *, closed: bool) -> NDArray[np.float64]:
    """Catmull-Rom curve through (n, 2) points, as a denser (m, 2) polyline."""
    knots = np.asarray(points, dtype=np.float64)
    if closed:
        before, after, last = np.roll(knots, 1, 0), np.roll(knots, -1, 0), np.roll(knots, -2, 0)
    else:
        padded = np.concatenate([knots[:1], knots, knots[-1:]])
        before, knots, after, last = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, _CURVE_STEPS, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (p[:, None, :] for p in (before, knots, after, last))
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    flat: NDArray[np.float64] = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, last[-1:]])


class Pen:
    """Draws shapes of a local frame (x right, y up, about -1 to 1) into an image through an affine map.

    Args:
        image: RGB or RGBA image that is drawn into.
        centre: Where the local origin lies, in shares of the image's width and height.
        scale: Half extent of the local frame, in shares of the image.
        flip: Mirror left and right.
        tilt: Rotation in radians, anticlockwise.
        outline: Width of the darker line round each shape in local units; 0 for none.
    """

    def __init__(
        self,
        image: Image.Image,
        centre: tuple[float, float],
        scale: float,
        *,
        flip: bool = False,
        tilt: float = 0.0,
        outline: float = 0.0,
    ) -> None:
        self._draw = ImageDraw.Draw(image, "RGBA") if image.mode == "RGB" else ImageDraw.Draw(image)
        size = image.width
        self._unit = scale * size
        cos, sin, side = np.cos(tilt), np.sin(tilt), -1.0 if flip else 1.0
        self._map = np.array([[side * cos, -sin], [side * -sin, -cos]]).T * self._unit
        self._origin = np.array(centre) * size
        self._outline = outline

    def _place(self, points: Points) -> list[tuple[float, float]]:
        placed = np.asarray(points, dtype=np.float64) @ self._map + self._origin
        return [(x, y) for x, y in placed.tolist()]

    def polygon(self, points: Points, fill: Colour, *, outline: bool = True) -> None:
        """Fill a polygon with straight sides."""
        placed = self._place(points)
        self._draw.polygon(placed, fill=fill)
        width = round(self._outline * self._unit)
        if outline and width > 0:
            self._draw.line([*placed, placed[0], placed[1]], fill=shade(fill, 0.55), width=width, joint="curve")

    def blob(self, points: Points, fill: Colour, *, outline: bool = True) -> None:
        """Fill the smooth closed curve through the points."""
        self.polygon(smooth(points, closed=True), fill, outline=outline)

    def oval(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        fill: Colour,
        *,
        turn: float = 0.0,
        outline: bool = True,
    ) -> None:
        """Fill an ellipse, turned anticlockwise by `turn` radians."""
        angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        x, y = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
        turned = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
        self.polygon(turned + np.array(centre), fill, outline=outline)

    def box(self, left: float, bottom: float, right: float, top: float, fill: Colour, *, outline: bool = True) -> None:
        """Fill an axis-parallel rectangle of the local frame."""
        self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], fill, outline=outline)

    def stroke(self, points: Points, width: float, fill: Colour, *, curved: bool = True) -> None:
        """Draw a line of the given local width with round ends."""
        line = smooth(points, closed=False) if curved else np.asarray(points, dtype=np.float64)
        placed = self._place(line)
        pixels = max(1, round(width * self._unit))
        self._draw.line(placed, fill=fill, width=pixels, joint="curve")
        if pixels >= 4:
            for x, y in (placed[0], placed[-1]):
                radius = pixels / 2 - 0.5
                self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def gradient(size: int, stops: Sequence[tuple[float, Colour]]) -> FloatArray:
    """Vertical gradient through (height, colour) stops: (size, size, 3) float32 in 0 .. 255."""
    rows = (np.arange(size, dtype=np.float32) + 0.5) / size
    heights = [height for height, _ in stops]
    column = np.stack([np.interp(rows, heights, [c[k] for _, c in stops]) for k in range(3)], axis=1)
    return np.repeat(column[:, None, :], size, axis=1).astype(np.float32)


def noise(size: int, rng: np.random.Generator, cells: tuple[int, int], octaves: int = 3) -> FloatArray:
    """Smooth noise in about 0 .. 1: (size, size) float32; the random draws do not depend on the size."""
    total = np.zeros((size, size), np.float32)
    weight = 1.0
    for octave in range(octaves):
        shape = (cells[1] * 2**octave + 1, cells[0] * 2**octave + 1)
        grid = Image.fromarray(rng.random(shape, dtype=np.float32))
        total += weight * np.asarray(grid.resize((size, size), Image.Resampling.BICUBIC))
        weight *= 0.5
    return total / (2 - 2 * weight)


def ridge(
    pixels: FloatArray,
    heights: NDArray[np.float64],
    top: Colour,
    bottom: Colour,
) -> None:
    """Paint everything below a line of heights (one a column, 0 is the top) with a vertical gradient, in place."""
    size = pixels.shape[0]
    rows = (np.arange(size, dtype=np.float32)[:, None] + 0.5) / size
    line = heights.astype(np.float32)[None, :]
    cover = np.clip((rows - line) * size + 0.5, 0, 1)[..., None]
    depth = np.clip((rows - line) / np.maximum(1 - line, 1e-3), 0, 1)[..., None]
    colour = np.array(top[:3], np.float32) * (1 - depth) + np.array(bottom[:3], np.float32) * depth
    pixels += cover * (colour - pixels)


def waves_line(size: int, rng: np.random.Generator, level: float, swing: float, count: int = 3) -> NDArray[np.float64]:
    """A smooth random line of heights round `level`, one a column: sums of `count` sines."""
    x = (np.arange(size) + 0.5) / size
    line = np.full(size, level)
    for k in range(count):
        line += swing / (k + 1) * np.sin(2 * np.pi * (x * rng.uniform(0.5, 1.2) * (k + 1) + rng.random()))
    return line


def to_image(pixels: FloatArray) -> Image.Image:
    """RGB image of an (H, W, 3) array in 0 .. 255."""
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
