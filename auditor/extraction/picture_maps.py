"""Maps of single pictures: where the model looks for a class, and where for each phrase of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from auditor.evidence.exemplars import Exemplar
from auditor.inputs.images import read_image
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.records import ChannelWords, Concept, FloatArray, ImageItem, Progress, SaliencyMap
from auditor.textcam.attribution import attribution_vectors, centred_weights, channel_evidence
from auditor.textcam.phrases import DEFAULT_L1, DEFAULT_L2, assign_channels, solve_phrases


@dataclass(frozen=True, slots=True, eq=False)
class PictureMaps:
    """One picture, one class: its map, and the phrases (largest share first) with a map each."""

    logits: FloatArray  # (C,)
    class_map: FloatArray  # (h, w)
    phrase_idx: tuple[int, ...]  # positions in the vocabulary
    phrase_shares: tuple[float, ...]
    phrase_maps: FloatArray  # (P, h, w)
    residual: float


def map_picture(classifier: Classifier, image: Image.Image, class_idx: int | None, words: ChannelWords) -> PictureMaps:
    """Draw the class map of a picture and the map of every phrase.

    The map of a phrase is the map of the class restricted to the channels that serve the phrase best (method.md,
    section 1, step 4), with class-centred weights.

    Args:
        classifier: The model under audit.
        image: The picture, upright RGB.
        class_idx: The class that is explained; None for the predicted one.
        words: Channel directions, statistics and concept rows.
    """
    batch = classifier.preprocess(image).unsqueeze(0)
    activations, logits = cam.forward(classifier, batch)
    target = int(logits[0].argmax()) if class_idx is None else class_idx
    weights = centred_weights(classifier.head)
    classes = np.array([target], dtype=np.int64)
    evidence = channel_evidence(activations, classes, weights, words.stats)[0]
    vectors = attribution_vectors(activations, classes, weights, words.stats, words.directions)
    phrases = solve_phrases(vectors, words.concept_rows, l1=DEFAULT_L1, l2=DEFAULT_L2)
    order = np.argsort(-phrases.shares[0], kind="stable")
    phrase_idx = [int(idx) for idx in order if phrases.shares[0, idx] > 0]
    serves = assign_channels(evidence, words.directions, words.concept_rows, phrase_idx)
    masks = serves[None, :] == np.arange(len(phrase_idx))[:, None]
    channel_weights = np.concatenate([classifier.head.weight[[target]], weights[[target]] * masks])
    maps = cam.response_maps(classifier, batch, channel_weights[None].astype(np.float32))[0]
    return PictureMaps(
        logits=logits[0],
        class_map=maps[0],
        phrase_idx=tuple(phrase_idx),
        phrase_shares=tuple(float(phrases.shares[0, idx]) for idx in phrase_idx),
        phrase_maps=maps[1:],
        residual=float(phrases.residuals[0]),
    )


def picture_as_seen(classifier: Classifier, image: Image.Image) -> Image.Image:
    """The part of a picture that its maps cover: after resize and crop, before the scaling of the channels.

    The scaling is undone by what the same preprocessing makes of black and of white.
    """
    seen, black, white = (
        classifier.preprocess(picture).numpy()
        for picture in (image, Image.new("RGB", image.size, "black"), Image.new("RGB", image.size, "white"))
    )
    pixels = np.clip((seen - black) / np.maximum(white - black, 1e-6), 0, 1)
    return Image.fromarray(np.round(pixels.transpose(1, 2, 0) * 255).astype(np.uint8))


def exemplar_maps(
    exemplars: Sequence[Exemplar],
    root: Path,
    items: Sequence[ImageItem],
    classifier: Classifier,
    concepts: Sequence[Concept],
    words: ChannelWords,
    *,
    on_progress: Progress | None = None,
) -> tuple[SaliencyMap, ...]:
    """Class map of every exemplar and, where its phrases hold the concept, the map of that."""
    found: list[SaliencyMap] = []
    for done, exemplar in enumerate(exemplars, start=1):
        item = items[exemplar.row]
        image = read_image(root / item.path, min_side=classifier.input_size).image
        maps = map_picture(classifier, image, exemplar.class_idx, words)
        found.append(_saliency(item.image_id, exemplar.class_idx, None, maps.class_map))
        if exemplar.concept_idx in maps.phrase_idx:
            position = maps.phrase_idx.index(exemplar.concept_idx)
            concept_id = concepts[exemplar.concept_idx].concept_id
            found.append(_saliency(item.image_id, exemplar.class_idx, concept_id, maps.phrase_maps[position]))
        if on_progress:
            on_progress("maps", done, len(exemplars))
    return tuple(found)


def _saliency(image_id: str, class_idx: int, concept_id: str | None, values: FloatArray) -> SaliencyMap:
    """Positive part of a map as bytes and their scale; the sign is evidence for the class."""
    positive = np.maximum(values, 0)
    scale = float(positive.max())
    data = np.round(positive / scale * 255) if scale > 0 else positive
    return SaliencyMap(image_id, class_idx, concept_id, data.astype(np.uint8), scale)
