"""Maps of a picture put to the test: places covered in their order, and what the model says of the rest.

Each map stands beside the same map elsewhere. What is made of the answers is in :mod:`auditor.faithfulness`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from auditor.extraction.covered_pictures import seen_through, with_places_covered
from auditor.extraction.picture_maps import map_picture, picture_as_seen
from auditor.faithfulness.controls import likeness, moved_map, points_at
from auditor.faithfulness.curves import Areas, area, called_probability, order_of, step_counts, taken_parts
from auditor.faithfulness.trials import Trial, mean_measures
from auditor.faithfulness_records import FaithfulnessMeasure
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.models.map_method_names import MAP_METHOD_NAMES
from auditor.records import BoolArray, ChannelWords, FloatArray
from auditor.textcam.attribution import centred_weights, channel_evidence
from auditor.textcam.phrases import assign_channels

#: How the two sorts of phrase maps are called.
BY_PLACES, BY_CHANNELS = "by places", "by channels"
#: Phrases of a picture that are tried, those of the largest share.
_PHRASES = 3
#: Part of a phrase's map that is covered to see whether the phrase goes.
_COVERED = 0.2
#: From which grey on a pixel of a mask belongs to the object, as in `auditor.inputs.masks`.
_WHITE = 128
#: Other places that a map is moved to.
_MOVES = 2


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A picture whose maps are tried, for the class that it is called."""

    image_id: str
    image: Image.Image
    class_idx: int
    mask: Image.Image | None = None  # white on the object; None where none is known


def try_class_maps(
    subject: Subject, drawings: Mapping[str, Classifier], shuffled: Classifier, seed: int
) -> list[Trial]:
    """The map of the class by every method.

    Args:
        subject: The picture.
        drawings: The model by the method that it draws with.
        shuffled: The model with its weights shuffled.
        seed: Of the places that maps are moved to, the same for all methods, and of the order of equal places.
    """
    trials = []
    for method, drawing in drawings.items():
        values = _class_map(drawing, subject)
        if values.size < 2 or np.ptp(values) == 0:
            continue
        found: dict[FaithfulnessMeasure, float] = {
            **_of_places(drawing, subject, values, seed),
            "likeness_randomised": likeness(values, _class_map(replace(shuffled, target=drawing.target), subject)),
        }
        moved = [_of_places(drawing, subject, one, seed) for one in _elsewhere(values, seed)]
        trials.append(Trial("class_map", MAP_METHOD_NAMES[method], subject.image_id, found, mean_measures(moved)))
    return trials


def try_phrase_maps(
    subject: Subject, drawing: Classifier, words: ChannelWords, encoder: Encoder, seed: int
) -> list[Trial]:
    """Maps of the picture's leading phrases, by their channels and by their places.

    Beside the curves of the class, each is asked for what is its own: whether covering the map's largest places takes
    more from the phrase's channels than from those of the other phrases, as a part of what each had.

    Args:
        subject: The picture.
        drawing: The model with the audit's own method.
        words: Channel directions, statistics and concept rows.
        encoder: Whose space the words are in.
        seed: As for the class maps.
    """
    trials = []
    for method, by in ((BY_PLACES, encoder), (BY_CHANNELS, None)):
        maps = map_picture(drawing, subject.image, subject.class_idx, words, by)
        phrases = maps.phrase_idx[:_PHRASES]
        shown = [p for p in range(len(phrases)) if maps.phrase_maps[p].size > 1 and np.ptp(maps.phrase_maps[p]) > 0]
        for p in shown:
            values = maps.phrase_maps[p]
            measured = []
            for one in (values, *_elsewhere(values, seed)):
                measures = _of_places(drawing, subject, one, seed)
                measures["specific"] = _takes_its_own(drawing, subject, words, phrases, p, one, seed)
                measured.append(measures)
            trials.append(Trial("phrase_map", method, subject.image_id, measured[0], mean_measures(measured[1:])))
    return trials


def _elsewhere(values: FloatArray, seed: int) -> list[FloatArray]:
    """The map at some other places."""
    rng = np.random.default_rng(seed)
    return [moved_map(values, rng) for _ in range(_MOVES)]


def _class_map(drawing: Classifier, subject: Subject) -> FloatArray:
    """(h, w) of the subject's class."""
    batch = drawing.preprocess(subject.image).unsqueeze(0)
    weights = drawing.head.weight[[subject.class_idx]][None]
    return np.asarray(cam.response_maps(drawing, batch, weights)[0, 0], np.float32)


def _of_places(
    classifier: Classifier, subject: Subject, values: FloatArray, seed: int
) -> dict[FaithfulnessMeasure, float]:
    """What one map (h, w) says of the places that the class rests on."""
    counts = step_counts(values.size)
    first = taken_parts(order_of(values.reshape(-1), np.random.default_rng(seed)), counts)
    hidden = np.concatenate([first, ~first]).reshape(-1, *values.shape)
    given, given_back = np.split(_probability(classifier, subject, hidden), 2)
    areas = Areas(area(given, counts), area(given_back, counts))
    _, seen = seen_through(classifier, subject.image, values[None])
    before, after = float(given[0]), float(_called(classifier, seen, subject)[0])
    measures: dict[FaithfulnessMeasure, float] = {
        "deletion": areas.deletion,
        "insertion": areas.insertion,
        "relevance_gain": areas.relevance_gain,
        # Chattopadhay et al., arXiv:1710.11063, section 5.1
        "average_drop": max(before - after, 0.0) / before if before > 0 else float("nan"),
        "increase": float(after > before),
    }
    if subject.mask is not None:
        seen_mask = np.asarray(picture_as_seen(classifier, subject.mask).convert("L")) >= _WHITE
        if seen_mask.any():
            measures["pointing"] = float(points_at(values, seen_mask))
    return measures


def _probability(classifier: Classifier, subject: Subject, hidden: BoolArray) -> FloatArray:
    """(n,) of the subject's class while places (n, h, w) are covered."""
    return _called(classifier, with_places_covered(classifier, subject.image, hidden)[1], subject)


def _called(classifier: Classifier, logits: FloatArray, subject: Subject) -> FloatArray:
    return called_probability(logits, subject.class_idx, multi_label=classifier.head.multi_label)


def _takes_its_own(
    classifier: Classifier,
    subject: Subject,
    words: ChannelWords,
    phrases: Sequence[int],
    p: int,
    values: FloatArray,
    seed: int,
) -> float:
    """1 where covering the largest places of a map takes more from phrase ``p`` than from the others on average."""
    counts = np.array([0, max(round(_COVERED * values.size), 1)])
    order = order_of(values.reshape(-1), np.random.default_rng(seed))
    covers = taken_parts(order, counts).reshape(-1, *values.shape)
    activations, _ = with_places_covered(classifier, subject.image, covers)
    classes = np.array([subject.class_idx])
    weights = centred_weights(classifier.head)
    evidence = channel_evidence(activations[:1], classes, weights, words.stats)[0]
    serves = assign_channels(evidence, words.directions, words.concept_rows, phrases)
    contributions = weights[subject.class_idx] * (activations - words.stats.mean)  # (2, K)
    before, after = (np.bincount(serves[serves >= 0], one[serves >= 0], len(phrases)) for one in contributions)
    served = before > 0
    if not served[p] or served.sum() < 2:
        return float("nan")
    falls = np.where(served, (before - after) / np.where(served, before, 1.0), np.nan)
    others = np.delete(falls, p)
    return float(falls[p] > np.nanmean(others))
