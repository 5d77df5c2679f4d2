"""Maps of single pictures: where the model looks for a class, and where for each phrase of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

from auditor.evidence.presence.families import members_of
from auditor.evidence.verdicts.exemplars import Exemplar
from auditor.extraction.word_places import word_places
from auditor.inputs.images import read_image
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.records import BoolArray, ChannelWords, Concept, FloatArray, ImageItem, Progress, SaliencyMap
from auditor.rules import LITTLE_EVIDENCE
from auditor.textcam.attribution import (
    Side,
    attribution_vectors,
    centred_weights,
    channel_evidence,
    evidence_strength,
)
from auditor.textcam.phrases import DEFAULT_L1, DEFAULT_L2, assign_channels, solve_phrases

#: (left, top, right, bottom) in fractions of the picture.
Crop = tuple[float, float, float, float]
#: Blue of the ramp from which on a place holds nothing but picture, and no padding.
_INSIDE = 0.98
#: Of the picture's side; more and the transform did something else than resize and crop.
_OFF_THE_LINE = 0.03
_AT_THE_END = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class PictureMaps:
    """One picture, one class: its map, and the phrases (largest share first) with a map each.

    ``strength`` is how much speaks for the class, 1 what pictures have of that on average; below it the phrases are
    those of the evidence that there is, and not of what it has beyond the average. Phrases against
    the class have no maps.
    """

    logits: FloatArray  # (C,)
    class_map: FloatArray  # (h, w)
    phrase_idx: tuple[int, ...]  # positions in the vocabulary
    phrase_shares: tuple[float, ...]
    phrase_maps: FloatArray  # (P, h, w)
    residual: float
    strength: float
    against_idx: tuple[int, ...]
    against_shares: tuple[float, ...]


def map_picture(
    classifier: Classifier,
    image: Image.Image,
    class_idx: int | None,
    words: ChannelWords,
    encoder: Encoder | None = None,
    lacks: Collection[int] = (),
    without_words: Collection[int] = (),
) -> PictureMaps:
    """Draw the class map of a picture and the map of every phrase.

    The map of a phrase is the map of the class restricted to the channels that serve the phrase best (method.md,
    section 1, step 4), with class-centred weights. With an encoder it is the positive class map restricted to the
    places that are the phrase's (`auditor.extraction.word_places`): channels do not tell places apart.

    Args:
        classifier: The model under audit.
        image: The picture, upright RGB.
        class_idx: The class that is explained; None for the predicted one.
        words: Channel directions, statistics and concept rows.
        encoder: Whose space the words are in; None for phrase maps by channels.
        lacks: Words that the picture is known not to show: with an encoder they have no place in it, and where the
            phrases hold no other word, those follow that describe the evidence best without them.
        without_words: Classes of which the encoder's words say nothing: neither for nor against them is any said.
    """
    batch = classifier.preprocess(image).unsqueeze(0)
    activations, logits = cam.forward(classifier, batch)
    target = int(logits[0].argmax()) if class_idx is None else class_idx
    weights = centred_weights(classifier.head)
    if target in without_words:
        words = replace(words, concept_rows=np.zeros_like(words.concept_rows))  # which are never said
    said = _said(activations, target, weights, words, "for", lacks)
    against = _said(activations, target, weights, words, "against")
    phrase_idx = said.phrase_idx
    channel_weights = classifier.head.weight[[target]]
    if encoder is None:
        serves = assign_channels(said.evidence, words.directions, words.concept_rows, phrase_idx)
        masks = serves[None, :] == np.arange(len(phrase_idx))[:, None]
        channel_weights = np.concatenate([channel_weights, weights[[target]] * masks])
    maps = cam.response_maps(classifier, batch, channel_weights[None].astype(np.float32))[0]
    phrase_maps = maps[1:]
    if encoder is not None:
        phrase_maps = np.zeros((len(phrase_idx), *maps[0].shape), np.float32)
        shown = [p for p, v in enumerate(phrase_idx) if v not in lacks]
        if shown:
            rows = words.concept_rows[[phrase_idx[p] for p in shown]]
            places = word_places(encoder, picture_as_seen(classifier, image), rows)
            phrase_maps[shown] = np.maximum(maps[0], 0) * _at_grid(places, maps[0].shape)
    return PictureMaps(
        logits=logits[0],
        class_map=maps[0],
        phrase_idx=tuple(phrase_idx),
        phrase_shares=said.shares,
        phrase_maps=phrase_maps,
        residual=said.residual,
        strength=said.strength,
        against_idx=tuple(against.phrase_idx),
        against_shares=against.shares,
    )


def _at_grid(places: FloatArray, grid: tuple[int, ...]) -> FloatArray:
    """(P, h, w) of (P, 8, 8)."""
    scaled = functional.interpolate(torch.from_numpy(places)[None], size=grid, mode="bilinear", align_corners=False)
    return np.asarray(scaled[0].numpy(), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What speaks on one side of a picture's class: channels, and their phrases with the largest share first."""

    evidence: FloatArray  # (K,)
    strength: float
    phrase_idx: list[int]
    shares: tuple[float, ...]
    residual: float


def _said(
    activations: FloatArray,
    target: int,
    weights: FloatArray,
    words: ChannelWords,
    side: Side,
    lacks: Collection[int] = (),
) -> _Said:
    """Phrases of what a picture (1, K) has beyond the average; where that is less, of what it has at all.

    Less the average little evidence is the words of what it lacks, turned around: a duck at night is then called
    waterbird for "forest". Where the picture lacks all of them, as in many mistakes, the words that it does not lack
    are asked by themselves: what it is then called "balloon" for.
    """
    classes = np.array([target], dtype=np.int64)
    evidence = channel_evidence(activations, classes, weights, words.stats, side)
    sided = weights if side == "for" else -weights
    strength = float(evidence_strength(evidence, classes, sided, words.stats)[0])
    vectors = attribution_vectors(activations, classes, weights, words.stats, words.directions, side)
    if strength < LITTLE_EVIDENCE:
        vectors = evidence @ words.directions
    phrases = solve_phrases(vectors, words.concept_rows, l1=DEFAULT_L1, l2=DEFAULT_L2)
    said = _largest_first(phrases.shares[0])
    if said and all(idx in lacks for idx, _ in said):
        rows = words.concept_rows.copy()
        rows[[v for v in lacks if v < len(rows)]] = 0  # which is never said; families have no row
        said += _largest_first(solve_phrases(vectors, rows, l1=DEFAULT_L1, l2=DEFAULT_L2).shares[0])
    phrase_idx, shares = [idx for idx, _ in said], tuple(share for _, share in said)
    return _Said(evidence[0], strength, phrase_idx, shares, float(phrases.residuals[0]))


def _largest_first(shares: FloatArray) -> list[tuple[int, float]]:
    """Words of a share, with it."""
    return [(int(idx), float(shares[idx])) for idx in np.argsort(-shares, kind="stable") if shares[idx] > 0]


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


def seen_crop(classifier: Classifier, size: tuple[int, int]) -> Crop | None:
    """Which part of a picture its maps cover, read off what the preprocessing makes of a ramp in x and one in y.

    Args:
        classifier: The model under audit; its preprocessing may be any transform.
        size: (width, height) of the picture.

    Returns:
        (left, top, right, bottom) in fractions of the picture, beyond 0 and 1 where the model sees padding; None where
        the transform is no resize and crop.
    """
    width, height = size
    ramp = np.full((height, width, 3), 255, np.uint8)
    ramp[..., 0] = np.round((np.arange(width) + 0.5) / width * 255)[None, :]
    ramp[..., 1] = np.round((np.arange(height) + 0.5) / height * 255)[:, None]
    seen = np.asarray(picture_as_seen(classifier, Image.fromarray(ramp)), np.float64) / 255
    inside = seen[..., 2] > _INSIDE
    sides = [_source_range(seen[..., 0], inside), _source_range(seen[..., 1].T, inside.T)]
    if sides[0] is None or sides[1] is None:
        return None
    (left, right), (top, bottom) = sides[0], sides[1]
    return left, top, right, bottom


def _source_range(values: NDArray[np.float64], inside: BoolArray) -> tuple[float, float] | None:
    """Where the first and the last column begin and end in the source, if places follow the columns in a line."""
    columns = np.broadcast_to((np.arange(values.shape[1]) + 0.5) / values.shape[1], values.shape)[inside]
    places = values[inside]
    if np.unique(columns).size < 2:
        return None
    slope, start = np.polyfit(columns, places, 1)
    if slope <= 0 or float(np.abs(start + slope * columns - places).max()) > _OFF_THE_LINE:
        return None
    return _snapped(float(start)), _snapped(float(start + slope))


def _snapped(place: float) -> float:
    """The ends of the picture themselves where it is them: the ramp's eight bits and its blur miss them a little."""
    nearest = float(round(place))
    return nearest if nearest in (0, 1) and abs(place - nearest) < _AT_THE_END else round(place, 4)


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
    """Class map of every exemplar and, where its phrases hold the concept, the map of that; of a family, the sum."""
    found: list[SaliencyMap] = []
    crops: dict[tuple[int, int], Crop | None] = {}
    members = members_of(concepts)
    for done, exemplar in enumerate(exemplars, start=1):
        item = items[exemplar.row]
        image = read_image(root / item.path, min_side=classifier.input_size).image
        if image.size not in crops:
            crops[image.size] = seen_crop(classifier, image.size)
        v = exemplar.concept_idx
        concept_id, words_of = (None, ()) if v is None else (concepts[v].concept_id, (v, *members.get(v, ())))
        crop = crops[image.size]
        found += maps_for_concept(
            classifier, image, item.image_id, exemplar.class_idx, concept_id, words_of, words, crop
        )
        if on_progress:
            on_progress("maps", done, len(exemplars))
    return tuple(found)


def maps_for_concept(
    classifier: Classifier,
    image: Image.Image,
    image_id: str,
    class_idx: int,
    concept_id: str | None,
    words_of: Collection[int],
    words: ChannelWords,
    crop: Crop | None = None,
) -> tuple[SaliencyMap, ...]:
    """Class map of a picture and, where its phrases hold one of a concept's words, the sum of their maps.

    Args:
        classifier: The model under audit.
        image: The picture, upright RGB.
        image_id: Its id.
        class_idx: The class that is explained.
        concept_id: The concept; None for the class map alone.
        words_of: Positions of its words in the vocabulary; of a family those of its members.
        words: Channel directions, statistics and concept rows.
        crop: Which part of the picture its maps cover.
    """
    maps = map_picture(classifier, image, class_idx, words)
    found = [positive_map(image_id, class_idx, None, maps.class_map, crop)]
    said = [i for i, u in enumerate(maps.phrase_idx) if u in words_of]
    if concept_id is not None and said:
        found.append(positive_map(image_id, class_idx, concept_id, maps.phrase_maps[said].sum(axis=0), crop))
    return tuple(found)


def positive_map(
    image_id: str, class_idx: int, concept_id: str | None, values: FloatArray, crop: Crop | None
) -> SaliencyMap:
    """Positive part of a map as bytes and their scale; the sign is evidence for the class."""
    positive = np.maximum(values, 0)
    scale = float(positive.max())
    data = np.round(positive / scale * 255) if scale > 0 else positive
    return SaliencyMap(image_id, class_idx, concept_id, data.astype(np.uint8), scale, crop)
