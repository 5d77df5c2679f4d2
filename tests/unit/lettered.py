"""A soft scene, and letters on it, half transparent or not."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont


def scene(seed: int = 0, size: tuple[int, int] = (256, 256)) -> Image.Image:
    """Soft structure in all channels, no value at an end."""
    drawn = np.random.default_rng(seed).integers(40, 160, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(drawn).resize(size, Image.Resampling.BICUBIC)


def lettered(
    image: Image.Image, text: str = "PREVIEW", *, at: tuple[int, int] = (40, 100), opacity: float = 0.6, high: int = 30
) -> Image.Image:
    """The picture with white letters laid on."""
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).text(at, text, font=ImageFont.load_default(high), fill=round(255 * opacity))
    return Image.composite(Image.new("RGB", image.size, "white"), image, mask)
