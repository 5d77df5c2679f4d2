"""Regions of pictures filled from other pictures, and what the model calls the result: the hands of E5.

Regions are cut and pasted after preprocessing, at equal places, so nothing is scaled twice. What decides which
pictures meet is in ``auditor.evidence.verdicts.swap_pairs``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from auditor.errors import InputError
from auditor.evidence.effects.swaps import Swap
from auditor.inputs.images import read_image
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.records import ChannelWords, FloatArray, ImageItem, IntArray

#: Part of a picture that is filled: where it shows the concept most.
FILLED = 0.5
#: Channels show a concept by this power of their likeness to it: those that say little of it are many.
_SHARPNESS = 3
#: How a place is found and filled: outcomes of another procedure are not compared with those of this one.
PROCEDURE = f"{FILLED:g} of the picture, likeness to the power of {_SHARPNESS}, from equal places"
BATCH = 32
_KEPT = 512  # preprocessed pictures


def region_swaps(
    classifier: Classifier,
    read: Callable[[int], Image.Image],
    words: ChannelWords,
    names: Sequence[int | None],
) -> Callable[[Sequence[Swap]], IntArray]:
    """The function that carries out swaps, in batches of whole pictures.

    Args:
        classifier: The model under audit.
        read: Gives the picture of a row, upright RGB; raises InputError where it cannot be read any more.
        words: Directions of the channels and of the concepts.
        names: By class, the concept that its name is, if any.
    """
    picture = preprocessed_pictures(classifier, read)

    def intervene(swaps: Sequence[Swap]) -> IntArray:
        called = np.full((len(swaps), 2), -1, dtype=np.int64)
        for start in range(0, len(swaps), BATCH):
            chosen, pictures = [], []
            for i, swap in enumerate(swaps[start : start + BATCH], start=start):
                three = [picture(row) for row in (swap.target, swap.donor, swap.control)]
                if all(one is not None for one in three):
                    chosen.append(i)
                    pictures.append(torch.stack([one for one in three if one is not None]))
            if chosen:
                called[chosen] = _called(classifier, torch.stack(pictures), [swaps[i] for i in chosen], words, names)
        return called

    return intervene


def preprocessed_pictures(classifier: Classifier, read: Callable[[int], Image.Image]) -> Callable[[int], Tensor | None]:
    """Gives the picture of a row as the classifier takes it, the last ones kept; None where it cannot be read."""
    kept: OrderedDict[int, Tensor | None] = OrderedDict()

    def picture(row: int) -> Tensor | None:
        if row not in kept:
            try:
                kept[row] = classifier.preprocess(read(row))
            except InputError:
                kept[row] = None
            if len(kept) > _KEPT:
                kept.popitem(last=False)
        return kept[row]

    return picture


def picture_files(root: Path, items: Sequence[ImageItem], *, min_side: int | None) -> Callable[[int], Image.Image]:
    """Reads the picture of a row from its file."""
    return lambda row: read_image(root / items[row].path, min_side=min_side).image


def _called(
    classifier: Classifier, pictures: Tensor, swaps: Sequence[Swap], words: ChannelWords, names: Sequence[int | None]
) -> IntArray:
    """(b, 2) what pictures (b, 3, channels, H, W), target, donor and control, are called with either filling."""
    targets, donors, controls = pictures.unbind(1)
    mask = _regions(classifier, targets, swaps, words, names)[:, None].to(targets.dtype)
    found = [
        cam.forward(classifier, targets * (1 - mask) + filling * mask)[1].argmax(axis=1)
        for filling in (donors, controls)
    ]
    called = np.stack(found, axis=1).astype(np.int64)
    called[~mask.flatten(1).any(1).cpu().numpy()] = -1  # no channel says the concept: there is no region
    return called


def _regions(
    classifier: Classifier, targets: Tensor, swaps: Sequence[Swap], words: ChannelWords, names: Sequence[int | None]
) -> Tensor:
    """(b, H, W) places that are filled: where the picture shows the concept rather than what the class's name says.

    The class's own map would not do: where the class relies on the concept, that is what it shows.
    """
    wanted = channel_weights(words, [swap.word_idx for swap in swaps])
    objects = channel_weights(words, [names[swap.class_idx] for swap in swaps])
    maps = torch.from_numpy(cam.response_maps(classifier, targets, np.stack([wanted, objects], axis=1)))
    size = (int(targets.shape[2]), int(targets.shape[3]))
    scaled = functional.interpolate(maps, size=size, mode="bilinear", align_corners=False).flatten(2)
    spread = scaled.std(dim=2, keepdim=True)
    scaled = torch.where(spread > 0, (scaled - scaled.mean(dim=2, keepdim=True)) / spread, 0.0)
    shown = scaled[:, 0] - scaled[:, 1]
    region = shown > torch.quantile(shown, 1 - FILLED, dim=1, keepdim=True)
    return region.view(len(swaps), *size) & (spread[:, 0] > 0)[..., None]


def channel_weights(words: ChannelWords, concepts: Sequence[int | None]) -> FloatArray:
    """(n, K) by which channels show each of n concepts: how like they are to it; 0 where there is none."""
    nothing = np.zeros_like(words.concept_rows[0])
    rows = np.stack([nothing if v is None else words.concept_rows[v] for v in concepts])
    return np.asarray(np.maximum(rows @ words.directions.T, 0) ** _SHARPNESS, dtype=np.float32)
