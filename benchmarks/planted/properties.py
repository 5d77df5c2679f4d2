"""Properties of pictures that need no model: what cleanvision and Datalab measure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted.bank import PixelArray

#: Image properties and the concepts that a reader would take them for, in the words of any vocabulary.
PROPERTIES = {
    "dark": ("dim light", "night", "underexposed"),
    "light": ("bright light", "snow", "overexposed"),
    "blurry": ("blurred", "blur"),
    "low information": ("fog", "sky"),
}


def image_properties(pixels: PixelArray) -> NDArray[np.float64]:
    """(N, 4) scores of `PROPERTIES`: 5th and 95th percentile of brightness, variance of the Laplacian, entropy."""
    grey = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    laplacian = (
        4 * grey[:, 1:-1, 1:-1] - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:]
    )
    flat = grey.reshape(len(grey), -1)
    counts = np.stack([np.histogram(one, bins=64, range=(0, 256))[0] for one in flat]) / flat.shape[1]
    entropy = -(counts * np.log(np.maximum(counts, 1e-12))).sum(axis=1)
    dark, light = np.percentile(flat, (95, 5), axis=1)
    return np.stack([-dark, light, -np.log(laplacian.var(axis=(1, 2)) + 1), -entropy], axis=1)
