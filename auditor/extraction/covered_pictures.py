"""Pictures with some of their places covered, and what the model makes of them."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.records import BoolArray, FloatArray

_BATCH = 32


def covered(pixels: Tensor, covers: Tensor) -> Tensor:
    """The picture (1, 3, H, W) with its mean colour where each of the covers (n, 1, H, W) lies."""
    return torch.where(covers, pixels.mean((2, 3), keepdim=True), pixels)


def with_places_covered(classifier: Classifier, image: Image.Image, hidden: BoolArray) -> tuple[FloatArray, FloatArray]:
    """What the model makes of a picture while places of its maps are covered with its mean colour.

    Args:
        classifier: The model under audit.
        image: Upright RGB.
        hidden: (n, h, w) places that are covered, each a rectangle of what the model sees.

    Returns:
        The channels (n, K) and the logits (n, C).
    """
    pixels = classifier.preprocess(image).unsqueeze(0)
    rows, columns = (
        (np.arange(n) * places // n).astype(np.int64)
        for n, places in zip(pixels.shape[2:], hidden.shape[1:], strict=True)
    )
    covers = torch.from_numpy(hidden[:, rows[:, None], columns[None, :]])[:, None]
    return _passed(classifier, [covered(pixels, some) for some in torch.split(covers, _BATCH)])


def seen_through(classifier: Classifier, image: Image.Image, maps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What the model makes of a picture seen through maps, scaled to [0, 1]: its mean colour where one is 0.

    Args:
        classifier: The model under audit.
        image: Upright RGB.
        maps: (n, h, w); below 0 counts as 0.

    Returns:
        The channels (n, K) and the logits (n, C).
    """
    pixels = classifier.preprocess(image).unsqueeze(0)
    positive = torch.from_numpy(np.maximum(maps, 0).astype(np.float32))[:, None]
    largest = positive.amax((2, 3), keepdim=True)
    masks = functional.interpolate(
        positive / torch.where(largest > 0, largest, 1.0),
        size=(int(pixels.shape[2]), int(pixels.shape[3])),
        mode="bilinear",
        align_corners=False,
    )
    mean = pixels.mean((2, 3), keepdim=True)
    return _passed(classifier, [mean + some * (pixels - mean) for some in torch.split(masks, _BATCH)])


def _passed(classifier: Classifier, batches: list[Tensor]) -> tuple[FloatArray, FloatArray]:
    found = [cam.forward(classifier, batch) for batch in batches]
    return np.concatenate([channels for channels, _ in found]), np.concatenate([logits for _, logits in found])
