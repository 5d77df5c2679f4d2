"""Takes the lettering off a picture, and lays that of another one on it.

What is taken off is filled from what lies around it, and compared with a picture that is filled beside its lettering.
What is laid on is no cut-out, which would carry the picture that it came from along: what the marks there leave of
what is behind them, and what they add, is estimated as alpha blending has it, and the same layer laid on.

Reference:
    Dekel, Rubinstein, Liu and Freeman, "On the effectiveness of visible watermarks", CVPR 2017, equation 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from auditor.properties.lettering import Row, strokes, text_rows
from auditor.properties.measure import reduced
from auditor.records import BoolArray, FloatArray

# all in pixels of the reduced picture: nothing costs more in a large one
_HALO = 2  # round a mark, where its edge is blurred
_REACHES = (3.0, 12.0, 48.0)  # that a filling comes from: the next where there is nothing nearer
_LEAST_WEIGHT = 0.02
_MOST_ROUNDS = 4
_LEAST_PIXELS = 20
_LEAST_VARIANCE = 9.0  # grey levels squared
_EDGE = 0.5  # standard deviation of the blur of a mark's edge
_MARKED = 0.5  # of a layer's alpha
_SEEN = 13.0  # grey levels that marks change a picture by
#: How far what is filled beside lettering lies from it, in heights of its marks; and how much of it there must be.
_SHIFTS, _AS_MUCH = (1.5, 2.5, 4.0), 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The lettering of a picture: what it leaves of the picture behind, and what it adds."""

    alpha: FloatArray  # (h, w) of the reduced picture, 0 to 1, where the marks are
    kept: float  # of what is behind a mark, 0 to 1
    added: FloatArray  # (3,)
    n_marks: int


def without_lettering(image: Image.Image) -> Image.Image | None:
    """The picture with its lettering covered; None where some is still found after several rounds."""
    for _ in range(_MOST_ROUNDS):
        small = reduced(image)
        levels, rows = _rows_of(small)
        if not rows:
            return image
        image = _covered(image, small, _covering(levels, rows))
    return None


def covered_beside(image: Image.Image) -> Image.Image | None:
    """The picture with its lettering, as much covered above or below it as would be of it; None where it has none.

    None as well where there is no room for as much, as under letters all over a picture.
    """
    small = reduced(image)
    levels, rows = _rows_of(small)
    if not rows:
        return None
    mask, height = _covering(levels, rows), max(row.height for row in rows)
    moved = [_moved(mask, round(sign * heights * height)) & ~mask for heights in _SHIFTS for sign in (1, -1)]
    beside = max(moved, key=np.count_nonzero)
    if np.count_nonzero(beside) < _AS_MUCH * np.count_nonzero(mask):
        return None
    return _covered(image, small, beside)


def lettering_of(image: Image.Image) -> Layer | None:
    """The lettering of a picture, to be laid on others; None where it has none."""
    small = reduced(image)
    levels, rows = _rows_of(small)
    marks = strokes(levels, rows, faint=False)
    if np.count_nonzero(marks) < _LEAST_PIXELS:
        return None
    kept, added = _layer(_pixels(small)[marks], _filled(small, _covering(levels, rows))[marks])
    alpha = ndimage.gaussian_filter(marks.astype(np.float32), _EDGE)
    return Layer(alpha, kept, added, sum(row.n_marks for row in rows))


def with_lettering(image: Image.Image, layer: Layer) -> Image.Image | None:
    """The picture with a layer laid on, scaled to it; None where that can hardly be seen, as white on white."""
    small = reduced(image)
    marks = np.asarray(_alpha(layer, small.size)) > _MARKED * 255
    before = _pixels(small)[marks]
    after = np.clip(before * layer.kept + layer.added, 0, 255)
    if not before.size or float(np.abs(after - before).mean()) < _SEEN:
        return None
    inked = image.point([round(value * layer.kept + float(more)) for more in layer.added for value in range(256)])
    return Image.composite(inked, image, _alpha(layer, image.size))


def _alpha(layer: Layer, size: tuple[int, int]) -> Image.Image:
    scaled = Image.fromarray(np.rint(255 * layer.alpha).astype(np.uint8))
    return scaled.resize(size, Image.Resampling.BILINEAR)


def _layer(marks: FloatArray, behind: FloatArray) -> tuple[float, FloatArray]:
    """Of marks = kept * behind + added, (n, 3) each, by least squares over all colours: what is kept, what is added.

    Where nothing behind them varies nothing says that one can see through them.
    """
    of_marks, of_behind = marks - marks.mean(axis=0), behind - behind.mean(axis=0)
    varies = float((of_behind**2).mean())
    kept = float((of_marks * of_behind).mean()) / varies if varies >= _LEAST_VARIANCE else 0.0
    kept = min(max(kept, 0.0), 1.0)
    return kept, np.asarray(marks.mean(axis=0) - kept * behind.mean(axis=0), np.float32)


def _rows_of(small: Image.Image) -> tuple[Image.Image, list[Row]]:
    """The grey copy of a reduced picture, and the rows of its lettering."""
    levels = small.convert("L")
    return levels, text_rows(levels)


def _covering(levels: Image.Image, rows: list[Row]) -> BoolArray:
    """(h, w) what is covered with the lettering."""
    return np.asarray(ndimage.binary_dilation(strokes(levels, rows, faint=True), iterations=_HALO))


def _moved(mask: BoolArray, down: int) -> BoolArray:
    """The mask so many lines further down, or up; what leaves the picture is gone."""
    found = np.zeros_like(mask)
    lines = len(mask)
    found[max(down, 0) : lines + min(down, 0)] = mask[max(-down, 0) : lines - max(down, 0)]
    return found


def _covered(image: Image.Image, small: Image.Image, mask: BoolArray) -> Image.Image:
    """The picture with what is masked of its reduced copy filled from what lies around it there."""
    filling = Image.fromarray(np.clip(np.rint(_filled(small, mask)), 0, 255).astype(np.uint8))
    filling = filling.resize(image.size, Image.Resampling.BICUBIC)
    return Image.composite(filling, image, Image.fromarray(mask).resize(image.size, Image.Resampling.NEAREST))


def _filled(small: Image.Image, mask: BoolArray) -> FloatArray:
    """(h, w, 3) with what is masked replaced by the weighted mean of what lies around it."""
    pixels, free = _pixels(small), (~mask).astype(np.float32)
    found, left = pixels.copy(), mask.copy()
    for reach in _REACHES:
        weight = ndimage.gaussian_filter(free, reach)
        near = left & (weight >= _LEAST_WEIGHT)
        total = ndimage.gaussian_filter(pixels * free[..., None], (reach, reach, 0))
        found[near] = total[near] / weight[near, None]
        left &= ~near
        if not left.any():
            break
    return found


def _pixels(image: Image.Image) -> FloatArray:
    return np.asarray(image, np.float32)
