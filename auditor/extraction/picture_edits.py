"""Pictures with a property set, and what the model calls them: the hands of E6.

A picture is edited as the audit decoded it, and preprocessed as there, so that an edit that changes nothing leaves what
it is called. Compression alone is done as large as its file is, and decoded again as a file would be. Which pictures
are set to what is decided in ``auditor.evidence.verdicts.edit_pairs``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from auditor.edit_records import PictureEdit
from auditor.errors import InputError, ModelError
from auditor.evidence.effects.edits import CANNOT_BE_SET, NOT_READABLE, EditAnswers
from auditor.evidence.effects.erased_outcome import called_with_margin
from auditor.evidence.effects.kept_scores import UNKNOWN, as_parts
from auditor.extraction.region_swaps import BATCH, channel_weights
from auditor.inputs.images import read_image
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.properties.edit import OF_FILE, set_property
from auditor.properties.lettering_edits import Layer, lettering_of
from auditor.records import BoolArray, ChannelWords, IntArray

#: Changes when an edit does: outcomes of another procedure are not compared with those of this one.
PROCEDURE = "edits/2, place by likeness to the power of 3"
_LETTERED, _FULLEST = 48, 0.25  # pictures whose lettering may be laid on others, and the part of them that is
_OBJECT_PART = 0.5  # of a picture, where it shows its class's name most

#: The picture of a row, upright RGB, with a short side of at least so much (None: as large as its file); raises
#: InputError where it cannot be read any more.
Read = Callable[[int, int | None], Image.Image]
#: Where the pictures of rows, preprocessed (b, 3, H, W), show their object: (b, H, W); a row without a place is empty.
ObjectPlaces = Callable[[Sequence[int], Tensor], BoolArray]


def picture_edits(
    classifier: Classifier,
    read: Read,
    values: Mapping[str, Sequence[float | str | None]],
    seeds: Sequence[int],
    places: ObjectPlaces,
    label_idx: IntArray,
    *,
    min_side: int,
    n_jobs: int = 1,
) -> Callable[[PictureEdit, Sequence[int]], EditAnswers]:
    """The function that edits pictures and asks the model, in batches; see `effects.edits.EditPictures`.

    Args:
        classifier: The model under audit.
        read: Gives pictures.
        values: By property what each of the N pictures' files has of it, for what no picture can measure.
        seeds: (N,) of noise.
        places: Where their objects are.
        label_idx: (N,) labels, -1 for none.
        min_side: Short side that the audit's own decoder did not go below.
        n_jobs: Threads that read and edit, each one picture at a time.
    """

    @cache
    def layers() -> list[Layer]:
        return _lettering(lambda row: read(row, min_side), values["lettering"], seeds)

    def edited(asked: PictureEdit, row: int) -> tuple[Tensor, Tensor] | int:
        """A picture edited and as it was, preprocessed; or why there is none."""
        laid_on = layers() if _lays_on(asked) else ()
        name = asked.property_name
        try:
            picture = read(row, None if name in OF_FILE else min_side)
            now = _of_file(values, name, row)
            found = set_property(
                picture, name, asked.level, now=now, seed=seeds[row], min_side=min_side, layers=laid_on
            )
            as_it_was = read(row, min_side) if name in OF_FILE else picture
        except (InputError, OSError):  # gone since, or none that Pillow can write again
            return NOT_READABLE
        if found is None:
            return CANNOT_BE_SET
        original = classifier.preprocess(as_it_was)
        try:
            tensor = classifier.preprocess(found)
        except ModelError:  # a transform of the user's that takes no picture of that size
            return CANNOT_BE_SET
        return (tensor, original) if tensor.shape == original.shape else CANNOT_BE_SET

    def edit(asked: PictureEdit, rows: Sequence[int]) -> EditAnswers:
        called = np.full(len(rows), NOT_READABLE, dtype=np.int64)
        margin = np.full(len(rows), UNKNOWN, dtype=np.int64)
        if _lays_on(asked):
            layers()  # once, before the threads ask for them
        with ThreadPoolExecutor(n_jobs) as pool:
            for start in range(0, len(rows), BATCH):
                batch = list(pool.map(lambda row: edited(asked, row), rows[start : start + BATCH]))
                pairs = {}
                for at, one in enumerate(batch, start=start):
                    if isinstance(one, int):
                        called[at] = one
                    else:
                        pairs[at] = one
                if pairs:
                    found = answers(asked, [rows[at] for at in pairs], list(pairs.values()))
                    called[list(pairs)], margin[list(pairs)] = found.called, found.margin
        return EditAnswers(called, margin)

    def answers(asked: PictureEdit, rows: Sequence[int], pairs: Sequence[tuple[Tensor, Tensor]]) -> EditAnswers:
        """What b edited pictures are called; where their object has no place, why they are not."""
        batch, has_place = torch.stack([one for one, _ in pairs]), np.ones(len(rows), np.bool_)
        if asked.keep_object:
            originals = torch.stack([one for _, one in pairs])
            kept = torch.from_numpy(places(rows, originals))
            batch, has_place = torch.where(kept[:, None], originals, batch), kept.flatten(1).any(1).numpy()
        called, margin = called_with_margin(cam.forward(classifier, batch)[1].copy(), label_idx[list(rows)])
        return EditAnswers(np.where(has_place, called, CANNOT_BE_SET), np.where(has_place, as_parts(margin), UNKNOWN))

    return edit


def _lays_on(asked: PictureEdit) -> bool:
    return (asked.property_name, asked.level) == ("lettering", "yes")


def _lettering(
    read: Callable[[int], Image.Image], values: Sequence[float | str | None], seeds: Sequence[int]
) -> list[Layer]:
    """The lettering of the pictures with the most, of some that have any: where marks were missed, it is a part alone.

    Args:
        read: Gives pictures.
        values: (N,) whether each picture has lettering.
        seeds: (N,) by which the pictures are picked.
    """
    rows = sorted((row for row, value in enumerate(values) if value == "yes"), key=lambda row: seeds[row])
    found = []
    for row in rows[:_LETTERED]:
        try:
            found.append(lettering_of(read(row)))
        except (InputError, OSError):
            continue
    layers = sorted((one for one in found if one is not None), key=lambda one: -one.n_marks)
    return layers[: math.ceil(_FULLEST * len(layers))]


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
