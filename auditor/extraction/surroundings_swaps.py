"""Middles of pictures with surroundings of others, and what model and encoder make of them: the hands of E5.

As with places (:mod:`auditor.extraction.place_swaps`), they are cut and pasted after preprocessing. What decides which
pictures meet is in ``auditor.evidence.verdicts.surroundings_meetings``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from auditor.evidence.effects.kept_scores import UNKNOWN, as_parts
from auditor.evidence.effects.surroundings import NOT_READ, SurroundingsSwap
from auditor.extraction.place_looks import pictures_as_seen
from auditor.extraction.region_swaps import BATCH, preprocessed_pictures
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.place_grid import MIDDLE, pixels_of
from auditor.records import FloatArray, IntArray

#: How they are cut: outcomes of another procedure are not compared with those of this one.
SURROUNDINGS_PROCEDURE = "middle of two thirds of either side"
Read = TypeVar("Read", Tensor, Image.Image)


def surroundings_swaps(
    classifier: Classifier, read: Callable[[int], Image.Image]
) -> Callable[[Sequence[SurroundingsSwap]], IntArray]:
    """The function that asks the model; see :data:`effects.surroundings.SwapSurroundings`.

    Args:
        classifier: The model under audit.
        read: Gives the picture of a row, upright RGB; raises InputError where it cannot be read any more.
    """
    picture = preprocessed_pictures(classifier, read)

    def swap(swaps: Sequence[SurroundingsSwap]) -> IntArray:
        found = np.full((len(swaps), 4), UNKNOWN, dtype=np.int64)
        found[:, :2] = NOT_READ
        for batch in _batches(len(swaps)):
            made = {at: pair for at in batch if (pair := _tensors(picture, swaps[at])) is not None}
            if made:
                asked = list(made)
                logits = cam.forward(classifier, torch.cat(list(made.values())))[1].reshape(len(asked), 2, -1)
                own, other = (
                    logits[np.arange(len(asked)), :, [getattr(swaps[at], name) for at in asked]]
                    for name in ("class_idx", "other_idx")
                )
                found[asked, :2] = np.where(np.isfinite(logits).all(axis=2), logits.argmax(axis=2), NOT_READ)
                found[asked, 2:] = as_parts(own.astype(np.float64) - other)
        return found

    return swap


def surroundings_looks(
    classifier: Classifier, encoder: Encoder, class_rows: FloatArray, read: Callable[[int], Image.Image]
) -> Callable[[Sequence[SurroundingsSwap]], IntArray]:
    """The function that asks the encoder; see :data:`effects.surroundings.LookAtSurroundings`.

    Args:
        classifier: What it sees of a picture is exchanged.
        encoder: Is asked.
        class_rows: (C, D) directions of the names of the classes.
        read: Gives the picture of a row, upright RGB; raises InputError where it cannot be read any more.
    """
    picture = pictures_as_seen(classifier, read)

    def look(swaps: Sequence[SurroundingsSwap]) -> IntArray:
        found = np.full((len(swaps), 2), UNKNOWN, dtype=np.int64)
        for batch in _batches(len(swaps)):
            made = {at: pair for at in batch if (pair := _images(picture, swaps[at])) is not None}
            if made:
                asked = list(made)
                shown = torch.stack([encoder.preprocess(one) for pair in made.values() for one in pair])
                between = class_rows[[swaps[at].class_idx for at in asked]]
                between = between - class_rows[[swaps[at].other_idx for at in asked]]
                seen = encoder.encode_images(shown).reshape(len(asked), 2, -1)
                found[asked] = as_parts(np.einsum("ijd,id->ij", seen, between, dtype=np.float64))
        return found

    return look


def _batches(n: int) -> Iterator[range]:
    """Two pictures are made for each swap."""
    return (range(start, min(start + BATCH // 2, n)) for start in range(0, n, BATCH // 2))


def _read(picture: Callable[[int], Read | None], swap: SurroundingsSwap) -> list[Read] | None:
    """Target, source and alike; None where one of them cannot be read."""
    found = [picture(row) for row in (swap.target, swap.source, swap.alike)]
    read = [one for one in found if one is not None]
    return read if len(read) == len(found) else None


def _tensors(picture: Callable[[int], Tensor | None], swap: SurroundingsSwap) -> Tensor | None:
    """(2, channels, H, W) the target's middle with the surroundings of source and of alike."""
    read = _read(picture, swap)
    if read is None:
        return None
    target, *around = read
    made = torch.stack(around)
    left, top, right, bottom = pixels_of(MIDDLE, int(target.shape[2]), int(target.shape[1]))
    made[:, :, top:bottom, left:right] = target[:, top:bottom, left:right]
    return made


def _images(picture: Callable[[int], Image.Image | None], swap: SurroundingsSwap) -> list[Image.Image] | None:
    """The same as pictures."""
    read = _read(picture, swap)
    if read is None:
        return None
    target, *around = read
    box = pixels_of(MIDDLE, *target.size)
    made = [one.resize(target.size) for one in around]
    for one in made:
        one.paste(target.crop(box), box[:2])
    return made
