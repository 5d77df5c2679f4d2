"""What the encoder makes of pictures in which a place was exchanged: the second opinion of E5 on places.

A place that decides a class may be where its object is: heads of dogs lie at the top. An encoder that knows nothing of
the model sees less of a dog, too, where the top of its picture is another one's; of a stamp it sees no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from auditor.errors import InputError
from auditor.evidence.effects.place_exchange import PlaceSwap
from auditor.evidence.effects.place_likeness import NOT_SEEN, PARTS
from auditor.extraction.region_swaps import BATCH
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.models.preprocess import Preprocess
from auditor.place_grid import PLACES, pixels_of
from auditor.records import FloatArray, IntArray

#: How a place is exchanged for the encoder: what another procedure saw is not compared with what this one does.
LOOK_PROCEDURE = "thirds of what the model sees, from equal places"
_PAIRS = BATCH // 2  # two pictures each
_KEPT = 256  # pictures
_LARGE = 512  # pixels of the shorter side that no encoder needs more of


def place_looks(
    classifier: Classifier, encoder: Encoder, class_rows: FloatArray, read: Callable[[int], Image.Image]
) -> Callable[[Sequence[PlaceSwap]], IntArray]:
    """The function that exchanges places and asks the encoder; see :data:`effects.place_likeness.Look`.

    Args:
        classifier: What it sees of a picture is exchanged.
        encoder: Is asked.
        class_rows: (C, D) directions of the names of the classes.
        read: Gives the picture of a row, upright RGB; raises InputError where it cannot be read any more.
    """
    picture = pictures_as_seen(classifier, read)

    def exchanged(swap: PlaceSwap) -> Tensor | None:
        """(2, 3, H, W) the target with the place and with its mirror image filled, for the encoder."""
        target, source = picture(swap.target), picture(swap.source)
        if target is None or source is None:
            return None
        source = source.resize(target.size)
        places = swap.place_idx, swap.mirror_idx
        return torch.stack([encoder.preprocess(_pasted(target, source, place)) for place in places])

    def look(swaps: Sequence[PlaceSwap]) -> IntArray:
        found = np.full((len(swaps), 2), NOT_SEEN, dtype=np.int64)
        for start in range(0, len(swaps), _PAIRS):
            pairs = {at: exchanged(swap) for at, swap in enumerate(swaps[start : start + _PAIRS], start=start)}
            seen = {at: pair for at, pair in pairs.items() if pair is not None}
            if seen:
                likeness = encoder.encode_images(torch.cat(list(seen.values()))) @ class_rows.T
                likeness -= likeness.mean(axis=1, keepdims=True)
                of_class = [swaps[at].class_idx for at in seen for _ in range(2)]
                own = likeness[np.arange(len(of_class)), of_class]
                found[list(seen)] = np.rint(PARTS * own.astype(np.float64)).astype(np.int64).reshape(-1, 2)
        return found

    return look


def pictures_as_seen(classifier: Classifier, read: Callable[[int], Image.Image]) -> Callable[[int], Image.Image | None]:
    """What the model sees of pictures, as pictures; None where one cannot be read. Some are kept.

    Args:
        classifier: The model under audit.
        read: Gives the picture of a row, upright RGB; raises InputError where it cannot be read any more.
    """

    @lru_cache(_KEPT)  # each takes part several times
    def picture(row: int) -> Image.Image | None:
        try:
            return _as_seen(classifier, read(row))
        except InputError:
            return None

    return picture


def _as_seen(classifier: Classifier, image: Image.Image) -> Image.Image:
    """What is left of a picture by the model's resize and crop; all of it, reduced, where a transform does not say."""
    preprocess = classifier.preprocess
    if not isinstance(preprocess, Preprocess):
        return image.reduce(max(1, min(image.size) // _LARGE))
    pixels = preprocess(image).numpy().transpose(1, 2, 0) * np.asarray(preprocess.std) + np.asarray(preprocess.mean)
    return Image.fromarray(np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8))


def _pasted(target: Image.Image, source: Image.Image, place_idx: int) -> Image.Image:
    """The target with a place filled from a picture of the same size."""
    box = pixels_of(PLACES[place_idx].box, *target.size)
    pasted = target.copy()
    pasted.paste(source.crop(box), box[:2])
    return pasted
