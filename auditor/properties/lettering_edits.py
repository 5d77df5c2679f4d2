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

from auditor.properties.lettering import strokes, text_rows
from auditor.properties.measure import reduced_grey
from auditor.records import BoolArray, FloatArray

_REDUCED = 256  # pixels of the longer side that the following are of
_HALO = 2  # round a mark, where its edge is blurred
_REACHES = (3.0, 12.0, 48.0)  # that a filling comes from: the next where there is nothing nearer
_LEAST_WEIGHT = 0.02
_MOST_ROUNDS = 4
_LEAST_PIXELS = 20
_LEAST_VARIANCE = 9.0  # grey levels squared
_MARKED, _WHITE = 0.5, 255.0
_SEEN = 13.0  # grey levels that marks change a picture by
_EDGE = 0.5  # standard deviation of the blur of a mark's edge
_SHIFTS = (1.5, 2.5, 4.0)  # heights of a row that lie between its marks and what is filled beside them


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The lettering of a picture: what it leaves of the picture behind, and what it adds."""

    alpha: FloatArray  # (H, W), 0 to 1, where the marks are
    kept: float  # of what is behind a mark, 0 to 1
    added: FloatArray  # (3,)
    n_marks: int


def without_lettering(image: Image.Image) -> Image.Image | None:
    """The picture with its lettering covered; None where some is still found after several rounds."""
    for _ in range(_MOST_ROUNDS):
        mask, _ = _covering(image)
        if not mask.any():
            return image
        image = _image(_filled(_pixels(image), mask))
    return None


def covered_beside(image: Image.Image) -> Image.Image | None:
    """The picture with its lettering, as much covered beside it as would be of it; None where it has none."""
    mask, height = _covering(image)
    if not mask.any():
        return None
    moved = [np.roll(mask, round(sign * heights * height), axis=0) for heights in _SHIFTS for sign in (1, -1)]
    free = max((one & ~mask for one in moved), key=np.count_nonzero)
    return _image(_filled(_pixels(image), free))


def lettering_of(image: Image.Image) -> Layer | None:
    """The lettering of a picture, to be laid on others; None where it has none."""
    levels = reduced_grey(image)
    rows = text_rows(levels)
    clear = _scaled(strokes(levels, rows, faint=False), image)
    if np.count_nonzero(clear) < _LEAST_PIXELS:
        return None
    pixels = _pixels(image)
    kept, added = _layer(pixels[clear], _filled(pixels, _covering(image)[0])[clear])
    alpha = ndimage.gaussian_filter(clear.astype(np.float32), _EDGE)
    return Layer(alpha, kept, added, sum(row.n_marks for row in rows))


def with_lettering(image: Image.Image, layer: Layer) -> Image.Image | None:
    """The picture with a layer laid on, scaled to it; None where that can hardly be seen, as white on white."""
    scaled = Image.fromarray(layer.alpha).resize(image.size, Image.Resampling.BILINEAR)
    alpha, pixels = np.asarray(scaled, np.float32)[..., None], _pixels(image)
    marks = alpha[..., 0] > _MARKED
    found = pixels * (1 - alpha) + np.clip(pixels * layer.kept + layer.added, 0, _WHITE) * alpha
    changed = np.abs(found - pixels).mean(axis=2)[marks]
    return _image(found) if changed.size and changed.mean() >= _SEEN else None


def _layer(marks: FloatArray, behind: FloatArray) -> tuple[float, FloatArray]:
    """Of marks = kept * behind + added, (n, 3) each, by least squares over all colours: what is kept, what is added.

    Where nothing behind them varies nothing says that one can see through them.
    """
    of_marks, of_behind = marks - marks.mean(axis=0), behind - behind.mean(axis=0)
    varies = float((of_behind**2).mean())
    kept = float((of_marks * of_behind).mean()) / varies if varies >= _LEAST_VARIANCE else 0.0
    kept = min(max(kept, 0.0), 1.0)
    return kept, np.asarray(marks.mean(axis=0) - kept * behind.mean(axis=0), np.float32)


def _covering(image: Image.Image) -> tuple[BoolArray, float]:
    """(H, W) what is covered with the lettering, and the height of its marks."""
    levels = reduced_grey(image)
    rows = text_rows(levels)
    mask = ndimage.binary_dilation(strokes(levels, rows, faint=True), iterations=_HALO)
    tallest = max((row.height for row in rows), default=0)
    return _scaled(mask, image), tallest * image.height / levels.height


def _scaled(mask: BoolArray, image: Image.Image) -> BoolArray:
    return np.asarray(Image.fromarray(mask).resize(image.size, Image.Resampling.NEAREST), np.bool_)


def _filled(pixels: FloatArray, mask: BoolArray) -> FloatArray:
    """(H, W, 3) with what is masked replaced by the weighted mean of what lies around it."""
    free, scale = (~mask).astype(np.float32), max(mask.shape) / _REDUCED
    found, left = pixels.copy(), mask.copy()
    for reach in _REACHES:
        sigma = (reach * scale, reach * scale)
        weight = ndimage.gaussian_filter(free, sigma)
        near = left & (weight >= _LEAST_WEIGHT)
        total = ndimage.gaussian_filter(pixels * free[..., None], (*sigma, 0))
        found[near] = total[near] / weight[near, None]
        left &= ~near
        if not left.any():
            break
    return found


def _pixels(image: Image.Image) -> FloatArray:
    return np.asarray(image, np.float32)


def _image(pixels: FloatArray) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
