"""What a picture measures of the properties that an edit brings to a level by degrees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BLOCK = 8  # pixels of a side of JPEG's blocks


def measure(image: Image.Image, name: str) -> float | None:
    """The value of a property of an RGB picture; None where it has none, as a picture of one pixel has no sharpness."""
    measured = _MEASURES.get(name)
    return None if measured is None else measured(image)


def _luma(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image.convert("L"), np.float64) / 255


def _brightness(image: Image.Image) -> float:
    """Mean luma, 0 to 1."""
    return float(_luma(image).mean())


def _contrast(image: Image.Image) -> float:
    """Standard deviation of luma, 0 to .5."""
    return float(_luma(image).std())


def _saturation(image: Image.Image) -> float:
    """Mean saturation of HSV, 0 to 1."""
    return float(np.asarray(image.convert("HSV"), np.float64)[..., 1].mean() / 255)


def _colour_cast(image: Image.Image) -> float:
    """Spread of the channels' means over their mean: 0 of a picture that is grey in the mean."""
    means = np.asarray(image, np.float64).mean(axis=(0, 1))
    return float(means.std() / max(means.mean(), 1.0))


def _sharpness(image: Image.Image) -> float | None:
    """Root mean square of the Laplacian of luma."""
    grey = _luma(image)
    if min(grey.shape) < 3:
        return None
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(np.sqrt((laplacian**2).mean()))


def _noise(image: Image.Image) -> float | None:
    """Deviation of noise in luma, by a mask that ignores edges (Immerkaer 1996, CVIU 64)."""
    grey = _luma(image)
    if min(grey.shape) < 3:
        return None
    rows = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    masked = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return float(np.sqrt(np.pi / 2) * np.abs(masked).mean() / 6)


def _blockiness(image: Image.Image) -> float | None:
    """How much larger steps of luma are across the borders of JPEG's blocks than within them, less 1."""
    grey = _luma(image)
    if min(grey.shape) < 2 * _BLOCK:
        return None
    across, within = [], []
    for steps in (np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0)).T):
        at_border = np.arange(steps.shape[1]) % _BLOCK == _BLOCK - 1
        across.append(steps[:, at_border].mean())
        within.append(steps[:, ~at_border].mean())
    return float(np.mean(across) / max(float(np.mean(within)), 1e-6) - 1)


_MEASURES: dict[str, Callable[[Image.Image], float | None]] = {
    "brightness": _brightness,
    "contrast": _contrast,
    "saturation": _saturation,
    "colour_cast": _colour_cast,
    "sharpness": _sharpness,
    "noise": _noise,
    "blockiness": _blockiness,
}
