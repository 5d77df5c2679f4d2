"""Places of pictures exchanged between classes, and what the model calls the result: the hands of E5 on places.

As with regions (:mod:`auditor.extraction.region_swaps`), they are cut and pasted after preprocessing, at equal places.
What decides which pictures meet is in ``auditor.evidence.verdicts.place_leads``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from auditor.evidence.effects.place_exchange import PlaceSwap
from auditor.extraction.region_swaps import BATCH, preprocessed_pictures
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.place_grid import PLACES, SIDE
from auditor.records import IntArray

#: How a place is cut: outcomes of another procedure are not compared with those of this one.
PLACE_PROCEDURE = f"cells of {SIDE} x {SIDE}, from equal places"


def place_swaps(
    classifier: Classifier, read: Callable[[int], Image.Image]
) -> Callable[[Sequence[PlaceSwap]], IntArray]:
    """The function that exchanges places, in batches of whole pictures.

    Args:
        classifier: The model under audit.
        read: Gives the picture of a row, upright RGB; raises InputError where it cannot be read any more.
    """
    picture = preprocessed_pictures(classifier, read)

    def exchange(swaps: Sequence[PlaceSwap]) -> IntArray:
        called = np.full((len(swaps), 2), -1, dtype=np.int64)
        for start in range(0, len(swaps), BATCH):
            chosen, targets, sources = [], [], []
            for i, swap in enumerate(swaps[start : start + BATCH], start=start):
                target, source = picture(swap.target), picture(swap.source)
                if target is not None and source is not None:
                    chosen.append(i)
                    targets.append(target)
                    sources.append(source)
            if chosen:
                given, taken = torch.stack(targets), torch.stack(sources)
                for side in range(2):
                    at = [(swaps[i].place_idx, swaps[i].mirror_idx)[side] for i in chosen]
                    logits = cam.forward(classifier, _pasted(given, taken, at))[1]
                    called[chosen, side] = logits.argmax(axis=1)
        return called

    return exchange


def _pasted(targets: Tensor, sources: Tensor, places: Sequence[int]) -> Tensor:
    """(b, channels, H, W) targets with a place of each filled from its source."""
    pasted = targets.clone()
    height, width = targets.shape[2:]
    for picture, source, place_idx in zip(pasted, sources, places, strict=True):
        (top, bottom), (left, right) = PLACES[place_idx].rows, PLACES[place_idx].columns
        rows = slice(round(height * top / SIDE), round(height * bottom / SIDE))
        columns = slice(round(width * left / SIDE), round(width * right / SIDE))
        picture[:, rows, columns] = source[:, rows, columns]
    return pasted
