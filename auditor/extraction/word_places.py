"""Where in a picture the things lie that words name: where covering a place takes a word away, and no other more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from auditor.extraction.covered_pictures import covered
from auditor.models.encoders.encoder import Encoder
from auditor.records import FloatArray

#: Places a side, and how many of them a cover is wide (docs/decisions/0057-maps.md).
SIDE, _REACH = 8, 2
_BATCH = 32


def word_places(encoder: Encoder, picture: Image.Image, words: FloatArray) -> FloatArray:
    """How much of each word goes when a place is covered, at the places where it is the word of which most goes.

    A channel of a late layer sees most of the picture, so the maps of channels do not tell the things in it apart; what
    the encoder says of the picture without a place does.

    Args:
        encoder: Whose space the words are in.
        picture: What the maps cover.
        words: (P, D) rows of the concepts.

    Returns:
        (P, 8, 8) at least 0, of each place one word alone; all 0 for a word that has no place of its own.
    """
    pixels = encoder.preprocess(picture).unsqueeze(0)
    before = encoder.encode_images(pixels) @ words.T  # (1, P)
    after = np.concatenate([encoder.encode_images(batch) for batch in _covered(pixels)]) @ words.T
    falls = np.maximum(before - after, 0).T.reshape(len(words), SIDE, SIDE)
    first = np.arange(len(words))[:, None, None] == falls.argmax(axis=0)
    return np.where(first, falls, 0).astype(np.float32)


def _covered(pixels: Tensor) -> Iterator[Tensor]:
    """The picture (1, 3, H, W) with each place and half of those beside it covered, in batches."""
    centres = (torch.arange(SIDE) + 0.5) / SIDE
    rows, columns = (
        ((torch.arange(n) + 0.5) / n - centres[:, None]).abs() < _REACH / SIDE / 2 for n in pixels.shape[2:]
    )
    covers = (rows[:, None, :, None] & columns[None, :, None, :]).reshape(-1, 1, *pixels.shape[2:])
    for start in range(0, len(covers), _BATCH):
        yield covered(pixels, covers[start : start + _BATCH])
