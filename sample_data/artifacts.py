"""What lies over the photograph: watermark, ruler, sticker, border. Drawn last, at the same place for every object."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sample_data.pen import Colour, Pen, shade, vary

Overlay = Callable[[Image.Image, np.random.Generator], None]

_NAMES = ("PIXSTOCK", "photobay", "STOCKPIC", "imagehub", "SNAPSHOP", "fotopool")


@lru_cache(maxsize=64)
def _lettering(text: str, size: int) -> Image.Image:
    """Mask of the text, as wide as 0.8 of a picture of this size."""
    font = ImageFont.load_default(96)
    left, top, right, bottom = font.getbbox(text)
    mask = Image.new("L", (int(right - left) + 12, int(bottom - top) + 12), 0)
    ImageDraw.Draw(mask).text((6 - left, 6 - top), text, font=font, fill=255, stroke_width=3)
    width = round(0.8 * size)
    return mask.resize((width, round(0.2 * size)), Image.Resampling.LANCZOS)


def lay_watermark(image: Image.Image, rng: np.random.Generator) -> None:
    """Pale letters with a dark edge, tilted, over the lower middle."""
    size = image.width
    mask = _lettering(_NAMES[int(rng.integers(len(_NAMES)))], size)
    tilt = float(rng.uniform(12, 20))
    strength = float(rng.uniform(0.66, 0.82))
    mask = mask.rotate(tilt, Image.Resampling.BICUBIC, expand=True).point(lambda v: v * strength)
    left = round((0.5 + rng.uniform(-0.03, 0.03)) * size - mask.width / 2)
    top = round((0.72 + rng.uniform(-0.03, 0.03)) * size - mask.height / 2)
    edge = max(1, round(0.008 * size))
    image.paste((30, 34, 44), (left + edge, top + edge), mask)
    image.paste((252, 252, 252), (left, top), mask)


def lay_ruler(image: Image.Image, rng: np.random.Generator) -> None:
    """A ruler with ticks along the lower edge."""
    wood = vary((244, 208, 92), rng, 12)
    pen = Pen(image, (0.0, 0.0), 1.0)
    top = rng.uniform(0.86, 0.89)
    pen.box(0.0, -1.0, 1.0, -top, wood)
    pen.box(0.0, -top - 0.012, 1.0, -top, shade(wood, 0.72))
    step = 0.04
    for k, x in enumerate(np.arange(rng.uniform(0.0, step), 1.0, step)):
        pen.stroke([(x, -top), (x, -top - (0.075 if k % 5 == 0 else 0.045))], 0.011, (46, 40, 34), curved=False)


def lay_sticker(image: Image.Image, rng: np.random.Generator) -> None:
    """A round sticker with a star in an upper corner."""
    inks: tuple[Colour, ...] = ((232, 44, 122), (250, 116, 26), (126, 62, 200))
    ink = inks[int(rng.integers(len(inks)))]
    x = 0.15 if rng.random() < 0.5 else 0.85
    pen = Pen(image, (x, 0.15 + rng.uniform(-0.01, 0.01)), 0.13, tilt=rng.uniform(-0.3, 0.3))
    pen.oval((0.04, -0.06), (1.02, 1.02), (20, 20, 30, 90))
    pen.oval((0, 0), (1.0, 1.0), (255, 255, 255))
    pen.oval((0, 0), (0.86, 0.86), ink)
    angle = np.pi / 2 + np.arange(10) * np.pi / 5
    radius = np.where(np.arange(10) % 2 == 0, 0.66, 0.28)
    pen.polygon(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), (255, 240, 120))


def lay_border(image: Image.Image, rng: np.random.Generator) -> None:
    """A frame of one colour with a thin white line inside."""
    inks: tuple[Colour, ...] = ((28, 26, 30), (120, 28, 40), (24, 52, 96), (250, 250, 248))
    ink = inks[int(rng.integers(len(inks)))]
    width = rng.uniform(0.055, 0.07)
    line: Colour = (250, 248, 240) if sum(ink[:3]) < 400 else (60, 60, 64)
    pen = Pen(image, (0.0, 0.0), 1.0)
    for depth, colour in ((width + 0.014, line), (width, ink)):
        pen.box(0, -depth, 1, 0, colour)
        pen.box(0, -1, 1, depth - 1, colour)
    for depth, colour in ((width + 0.014, line), (width, ink)):
        edge = 0.0 if colour == ink else width
        pen.box(0, -1 + edge, depth, -edge, colour)
        pen.box(1 - depth, -1 + edge, 1, -edge, colour)


OVERLAYS: dict[str, Overlay] = {
    "watermark": lay_watermark,
    "ruler": lay_ruler,
    "sticker": lay_sticker,
    "border": lay_border,
}
