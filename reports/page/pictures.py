"""Pictures inside a page as data URIs, within a budget; cut to what the model saw where a map lies over them.

An audit may come from anybody: a thumbnail that is no small JPEG, or a map that does not fit, is left out.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from auditor.place_grid import Box
from auditor.records import SaliencyMap
from reports.explain_figure import overlay
from reports.page.records import Drawn

#: A thumbnail of more pixels a side was not written by auditor.
_LARGEST_THUMBNAIL = 1024
#: Parts of a picture, in its own width and height, that a model can have seen; more is no crop.
_LEAST_SIDE, _FARTHEST = 0.02, 4.0
_COVER = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Longest side of a picture with its map and of the small ones in strips, and the quality of both as WebP.

    Thumbnails have at most 160 pixels a side.
    """

    large: int = 160
    small: int = 96
    quality: int = 80


class PictureBudget:
    """Draws pictures until their bytes are spent, and counts what is left out."""

    def __init__(self, n_bytes: int, sizes: Sizes | None = None) -> None:
        self._left, self._sizes = n_bytes, sizes or Sizes()
        self._reserved = 0
        self.n_left_out = 0
        self.n_broken = 0

    def begin_part(self, n_parts: int) -> None:
        """Begin one of ``n_parts`` parts that are still to come: it may take what it leaves the others as much of."""
        self._reserved = self._left - self._left // max(n_parts, 1)

    def small(self, jpeg: bytes) -> Drawn | None:
        """A whole picture for a strip."""
        image = self._opened(jpeg)
        return None if image is None else self._drawn(fitted(image, self._sizes.small))

    def part(self, jpeg: bytes, box: Box, covered: Box | None = None) -> Drawn | None:
        """A part of a picture for a strip, in fractions of the whole; None where that is no part.

        ``covered`` is what of the picture is grey.
        """
        image = self._opened(jpeg) if is_crop(box) else None
        if image is None:
            return None
        if covered is not None and is_crop(covered):
            left, top, right, bottom = covered
            sides = left * image.width, top * image.height, right * image.width, bottom * image.height
            ImageDraw.Draw(image).rectangle(sides, fill=_COVER)
        return self._drawn(_cut(image, box, self._sizes.small))

    def with_map(self, jpeg: bytes, saliency: SaliencyMap | None) -> tuple[Drawn | None, Drawn | None]:
        """What the model saw of a picture, plain and under its map; the whole picture where the map has no place."""
        image = self._opened(jpeg)
        if image is None:
            return None, None
        seen = None if saliency is None else part_seen(image, saliency.crop, self._sizes.large)
        if saliency is None or seen is None:
            return self._drawn(fitted(image, self._sizes.large)), None
        plain = self._drawn(seen)
        return plain, None if plain is None else self._drawn(overlay(seen, saliency.data.astype(np.float32)))

    def mapped(self, jpeg: bytes, saliency: SaliencyMap) -> Drawn | None:
        """What the model saw of a picture under a map, for a strip; None where the map has no place."""
        image = self._opened(jpeg)
        seen = None if image is None else part_seen(image, saliency.crop, self._sizes.small)
        return None if seen is None else self._drawn(overlay(seen, saliency.data.astype(np.float32)))

    def _opened(self, jpeg: bytes) -> Image.Image | None:
        if self._left <= self._reserved:
            self.n_left_out += 1
            return None
        image = open_thumbnail(jpeg)
        self.n_broken += image is None
        return image

    def _drawn(self, image: Image.Image) -> Drawn | None:
        drawn = as_webp(image, self._sizes.quality)
        if len(drawn.uri) > self._left - self._reserved:
            self._reserved = self._left  # nothing smaller either: what comes first matters most
            self.n_left_out += 1
            return None
        self._left -= len(drawn.uri)
        return drawn


def open_thumbnail(jpeg: bytes) -> Image.Image | None:
    """The picture of a thumbnail; None where it was not written by auditor."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as opened:
            return opened.convert("RGB") if max(opened.size) <= _LARGEST_THUMBNAIL else None
    except Exception:  # Decoders fail on hostile bytes with nearly every type; one picture must not end a report.
        return None


def as_webp(image: Image.Image, quality: int) -> Drawn:
    """A picture as its data URI."""
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=quality, method=4)
    return Drawn(f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}", *image.size)


def part_seen(image: Image.Image, crop: tuple[float, float, float, float] | None, longest: int) -> Image.Image | None:
    """The part of a picture that a map with this crop covers; None where that is not known."""
    return _cut(image, crop, longest) if crop is not None and is_crop(crop) else None


def fitted(image: Image.Image, longest: int) -> Image.Image:
    """The picture with a longest side of at most ``longest``; small ones are not enlarged."""
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return image


def is_crop(crop: tuple[float, ...]) -> bool:
    """Whether it is a part of a picture that a model can have seen, in the picture's own width and height."""
    if len(crop) != 4 or not all(math.isfinite(side) and abs(side) <= _FARTHEST for side in crop):
        return False
    left, top, right, bottom = crop
    return right - left >= _LEAST_SIDE and bottom - top >= _LEAST_SIDE


def _cut(image: Image.Image, crop: tuple[float, float, float, float], longest: int) -> Image.Image:
    """The part of a picture that the model saw, black where it saw padding, with a longest side of ``longest``."""
    left, top, right, bottom = (share * side for share, side in zip(crop, (image.width, image.height) * 2, strict=True))
    # What lies outside is padded by whole pixels first: a resize takes fractions of pixels, but nothing outside.
    outer = (
        min(0, math.floor(left)),
        min(0, math.floor(top)),
        max(image.width, math.ceil(right)),
        max(image.height, math.ceil(bottom)),
    )
    padded = image.crop(outer)
    scale = longest / max(right - left, bottom - top)
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    box = (left - outer[0], top - outer[1], right - outer[0], bottom - outer[1])
    return padded.resize(size, Image.Resampling.LANCZOS, box=box)
