"""A world of four numbers: uniform pictures, a network set by hand, and an encoder that sees the mean colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from toy_models import GapCnn

from auditor.inputs.dataset import load_dataset
from auditor.models.classifier import Classifier, make_classifier
from auditor.models.encoders import Encoder
from auditor.models.preprocess import Preprocess
from auditor.records import Dataset, FloatArray

SIDE = 8
PLAIN = Preprocess(size=(SIDE, SIDE), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
#: By path, sorted as the data set sorts them.
COLOURS = {
    "leaf/0.png": (0, 255, 0),
    "leaf/1.png": (0, 204, 51),
    "rose/0.png": (255, 0, 0),
    "rose/1.png": (204, 51, 0),
    "rose/2.png": (102, 0, 0),
}


def write_pictures(root: Path, colours: Mapping[str, tuple[int, int, int]] | None = None) -> Dataset:
    """One uniform picture per path, beside those that are there, as a data set."""
    for path, colour in (COLOURS if colours is None else colours).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 10), colour).save(root / path)
    return load_dataset(root)


def toy_classifier() -> Classifier:
    """GapCnn: channels are red and green minus blue; logits [a0 - a1, 2 a1 + 0.5]."""
    return make_classifier(GapCnn(), PLAIN, spec="toy", class_names=("rose", "leaf"))


def channels_of(colour: tuple[int, int, int]) -> list[float]:
    """What the two channels are for a uniform picture."""
    red, green, blue = (value / 255 for value in colour)
    return [red, max(green - blue, 0)]


def toy_encoder(
    rows: Mapping[str, Sequence[float]] | None = None,
    *,
    knows: Callable[[str], bool] | None = None,
    seen: list[int] | None = None,
) -> Encoder:
    """Encoder of three dimensions.

    Args:
        rows: Embeddings by text.
        knows: Whether a text was taught; None: every one.
        seen: Gets the size of every batch of pictures.
    """

    def encode_images(batch: Tensor) -> FloatArray:
        if seen is not None:
            seen.append(len(batch))
        means = batch.mean(dim=(2, 3)).numpy()
        unit: FloatArray = means / np.linalg.norm(means, axis=1, keepdims=True)
        return unit

    def encode_texts(texts: Sequence[str]) -> FloatArray:
        return np.array([(rows or {})[text] for text in texts], np.float32)

    return Encoder(
        spec="toy",
        digest="e" * 64,
        dim=3,
        logit_scale=10.0,
        preprocess=PLAIN,
        input_size=SIDE,
        encode_images=encode_images,
        encode_texts=encode_texts,
        knows=knows or (lambda _: True),
    )
