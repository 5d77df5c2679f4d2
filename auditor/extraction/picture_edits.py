"""Pictures with a property set, and what the model calls them: the hands of E6.

Pictures are edited as large as their files have them, since blur, noise and compression mean something at a size, and
then preprocessed as in the audit. Which pictures are set to what is decided in
``auditor.evidence.verdicts.edit_pairs``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from auditor.edit_records import PictureEdit
from auditor.errors import InputError
from auditor.evidence.effects.edits import CANNOT_BE_SET, NOT_READABLE
from auditor.extraction.region_swaps import BATCH, channel_weights
from auditor.inputs.images import read_image
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.properties.edit import set_property
from auditor.records import BoolArray, ChannelWords, IntArray

#: Changes when an edit does: outcomes of another procedure are not compared with those of this one.
PROCEDURE = "edits/1, place by likeness to the power of 3"
_OBJECT_PART = 0.5  # of a picture, where it shows its class's name most

#: The picture of a row as its file has it, upright RGB; raises InputError where it cannot be read any more.
Read = Callable[[int], Image.Image]
#: Where the pictures of rows, preprocessed (b, 3, H, W), show their object: (b, H, W); a row without a place is empty.
ObjectPlaces = Callable[[Sequence[int], Tensor], BoolArray]


def picture_edits(
    classifier: Classifier,
    read: Read,
    values: Mapping[str, Sequence[float | str | None]],
    seeds: Sequence[int],
    places: ObjectPlaces,
) -> Callable[[PictureEdit, Sequence[int]], IntArray]:
    """The function that edits pictures and asks the model, in batches; see `effects.edits.EditPictures`.

    Args:
        classifier: The model under audit.
        read: Gives pictures.
        values: By property what each of the N pictures' files has of it, for what no picture can measure.
        seeds: (N,) of noise.
        places: Where their objects are.
    """

    def edit(asked: PictureEdit, rows: Sequence[int]) -> IntArray:
        called = np.full(len(rows), NOT_READABLE, dtype=np.int64)
        for start in range(0, len(rows), BATCH):
            chosen, edited, as_they_were = [], [], []
            for at in range(start, min(start + BATCH, len(rows))):
                try:
                    picture = read(rows[at])
                    found = set_property(
                        picture,
                        asked.property_name,
                        asked.level,
                        now=_of_file(values, asked.property_name, rows[at]),
                        seed=seeds[rows[at]],
                    )
                except (InputError, OSError):  # gone since, or none that Pillow can write again
                    continue
                if found is None:
                    called[at] = CANNOT_BE_SET
                    continue
                chosen.append(at)
                edited.append(classifier.preprocess(found))
                if asked.keep_object:
                    as_they_were.append(classifier.preprocess(picture))
            if not chosen:
                continue
            batch = torch.stack(edited)
            if asked.keep_object:
                originals = torch.stack(as_they_were)
                kept = torch.from_numpy(places([rows[at] for at in chosen], originals))
                batch = torch.where(kept[:, None], originals, batch)
            answers = cam.forward(classifier, batch)[1].argmax(axis=1)
            if asked.keep_object:
                answers = np.where(kept.flatten(1).any(1).numpy(), answers, CANNOT_BE_SET)
            called[chosen] = answers
        return called

    return edit


def _of_file(values: Mapping[str, Sequence[float | str | None]], name: str, row: int) -> float | None:
    value = values[name][row] if name in values else None
    return value if isinstance(value, float) else None


def object_places(
    classifier: Classifier,
    root: Path,
    masks: Sequence[str | None],
    words: ChannelWords,
    names: Sequence[int | None],
    label_idx: IntArray,
) -> ObjectPlaces:
    """Where pictures show their object: what is white in its mask; without one the upper half of the map of its name.

    The class's own map would not do: it shows what decides, which is what is in doubt.

    Args:
        classifier: The model under audit.
        root: Of the data set.
        masks: (N,) paths of masks, None where there is none.
        words: Directions of the channels and of the concepts.
        names: By class, the concept that its name is, if any; without one there is no place.
        label_idx: (N,) of all pictures.
    """

    def places(rows: Sequence[int], pictures: Tensor) -> BoolArray:
        weights = channel_weights(words, [names[label_idx[row]] for row in rows])[:, None]
        maps = torch.from_numpy(cam.response_maps(classifier, pictures, weights))
        size = (int(pictures.shape[2]), int(pictures.shape[3]))
        shown = functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)[:, 0].flatten(1)
        place = (shown > torch.quantile(shown, 1 - _OBJECT_PART, dim=1, keepdim=True)).view(len(rows), *size)
        for at, row in enumerate(rows):
            mask = _mask(classifier, root, masks[row])
            if mask is not None:
                place[at] = mask
        return np.asarray(place.numpy(), np.bool_)

    return places


def _mask(classifier: Classifier, root: Path, path: str | None) -> Tensor | None:
    """(H, W) what is white in a mask, cropped and scaled as its picture is; None without one that can be read."""
    if path is None:
        return None
    try:
        white = read_image(root / path).image
    except InputError:
        return None
    grey = classifier.preprocess(Image.new("RGB", white.size, (127, 127, 127)))
    return (classifier.preprocess(white) > grey)[0]
