"""A hand-made audit with pictures, maps, channel groups and counterexamples: what pages of pictures are tested on."""

from __future__ import annotations

import functools
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from small_audit import make_run

from auditor.concept_records import Attribute, AttributeConcept, Counterexample
from auditor.records import (
    ActivationStats,
    ChannelGroups,
    ClassChannelGroup,
    ClassConcept,
    Concept,
    Finding,
    ImageItem,
    Phrases,
    SaliencyMap,
    Subgroup,
    Verdict,
)
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest

#: Of every class in turn: two with its concept, two without (one right, one wrong), one of it called the next class.
PER_CLASS = 5
CONCEPT = Concept("water", "water", "scene")
CROP = (0.125, 0.0, 0.875, 1.0)
CLAIM = 'The model calls a picture "{name}" largely because of water (scene): '
SENTENCE = CLAIM + "without it 31 % [25, 38] of 212 are recognised."


@functools.cache
def jpeg(seed: int, side: int = 160) -> bytes:
    """Noise, the hardest picture to keep small."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side * 3 // 4, side, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG", quality=80)
    return stream.getvalue()


def image_id(class_idx: int, number: int) -> str:
    return f"{class_idx * PER_CLASS + number:016x}"


def write_picture_audit(
    folder: Path, n_classes: int = 2, *, thumbnails: bool = True, crop=CROP, model: bool = True
) -> Path:
    """Every class is flagged for water, the last by its false calls; returns the folder.

    Without a model water goes with every class in the data.
    """
    names = tuple(f"bird {number}" for number in range(n_classes))
    run = make_run(class_names=names, notices=(), config={"seed": 0, "thumbnails": thumbnails})
    if not model:
        run = replace(run, model_spec="none")
    everyone = range(n_classes)
    ids = [image_id(c, number) for c in everyone for number in range(PER_CLASS)]
    labels = np.repeat(everyone, PER_CLASS)
    predicted = labels.copy()
    predicted[3::PER_CLASS] = (labels[3::PER_CLASS] + 1) % n_classes  # without it, and wrong
    predicted[4::PER_CLASS] = (labels[4::PER_CLASS] + 1) % n_classes  # with it, and pulled by the next class
    presence = np.tile(np.array([0.9, 0.8, 0.1, 0.2, 0.7], np.float32), n_classes)[:, None]
    with AuditDatabase(folder) as database:
        database.add_run(run)
        items = [
            ImageItem(ids[row], f"{names[labels[row]]}/{row}.jpg", names[labels[row]], attributes=_said_of(row))
            for row in range(len(ids))
        ]
        kept = [jpeg(row % 7) if thumbnails else None for row in range(len(ids))]
        database.add_images(items, [(640, 480)] * len(ids), ["d" * 64] * len(ids), kept)
        called = (predicted, 0.75) if model else (np.full(len(ids), -1), np.nan)
        database.add_predictions(ids, called[0], labels, np.full(len(ids), called[1], np.float32), names)
        database.add_concepts([CONCEPT], np.ones((1, 2), np.float32))
        database.add_concept_presence(ids, ["water"], presence)
        weights = np.full((len(ids), 1), 0.5, np.float32)
        database.add_attributions(
            ids, predicted, Phrases(weights, weights * presence, np.full(len(ids), 0.25, np.float32)),
            class_names=names, concepts=[CONCEPT],
        )  # fmt: skip
        groups = ChannelGroups(np.array([0, 1]), np.eye(2, dtype=np.float32))
        stats = ActivationStats(np.zeros(2, np.float32), np.ones(2, np.float32))
        directions = np.eye(2, dtype=np.float32)
        use = np.ones(2, np.float32)
        database.add_channels(
            use, ["water", "beak"], groups, ["water, lake", "beak"], directions=directions, stats=stats
        )
        database.add_attributes(
            [Attribute("scene", "examined", 2, len(ids), "examined")],
            [AttributeConcept("scene-water", "scene = water", "scene", 3, len(ids), "water", 0.875)],
        )
        for c, name in enumerate(names):
            if not model:
                _add_data_of_class(database, c, name)
                continue
            _add_class(database, c, name, by_pull=c == n_classes - 1, crop=crop, names=names)
    write_manifest(folder, run)
    return folder


def _said_of(row: int) -> dict[str, str]:
    """What a manifest says of a picture; of the last of every class nothing but how bright it is."""
    number = row % PER_CLASS
    light = {} if number == PER_CLASS - 1 else {"light": "night" if number % 2 else "day"}
    return {**light, "property:brightness": f"{number / 10:.1f}"}


def _add_data_of_class(database: AuditDatabase, c: int, name: str) -> None:
    who = (c, name, "water", "water", "scene")
    claim, numbers = "No model was examined.", "In the data water (scene) goes with it."
    told = f"{claim} {numbers}"
    reason = {"rule_id": "E2", "effect": 0.95, "effect_low": 0.94, "effect_high": 0.96}
    database.add_verdicts(
        [Verdict(c, name, "not_analysed", "none", *who[2:], told, 3622, **reason, claim=claim, numbers=numbers)]
    )
    database.add_findings([Finding(*who, "E2", 0.95, 0.94, 0.96, None, None, 7244, (image_id(c, 0),))])
    database.add_subgroups([Subgroup(*who[:4], True, 3410, None), Subgroup(*who[:4], False, 212, None)])


def _add_class(database: AuditDatabase, c: int, name: str, *, by_pull: bool, crop, names) -> None:
    who = (c, name, "water", "water", "scene")
    effects = {"E1": (0.41, 0.38, 0.44), "E4-recall": (0.65, 0.58, 0.71), "E4-pull": (0.22, 0.14, 0.34)}
    rule = "E4-pull" if by_pull else "E4-recall"
    gap, told = effects[rule], SENTENCE.format(name=name)
    claim, _, numbers = told.partition(": ")
    numbers = f"W{numbers[1:]}"
    pictures = tuple(image_id(c, number) for number in range(4))
    called = (image_id((c - 1) % len(names), 4),)
    database.add_verdicts(
        [
            Verdict(
                c,
                name,
                "flagged",
                "high",
                *who[2:],
                told,
                3622,
                0.41,
                *gap,
                0.06,
                rule,
                *gap,
                "E3-margin",
                claim=f"{claim}.",
                numbers=numbers,
            )
        ]
    )
    database.add_findings(
        [Finding(*who, rule, *effect, 0.001, 0.002, 3622, pictures[3:]) for rule, effect in effects.items()]
        + [Finding(*who, "E3-recall", float("nan"), float("nan"), float("nan"), None, None, 0, (), "too_few")]
    )
    database.add_class_concepts(
        [
            ClassConcept(*who, 0.41, 0.38, 0.44, 0.03, 13.7, 3400),
            ClassConcept(c, name, "beak", "beak", "part", 0.11, 0.1, 0.12, 0.0, 11.0, 3400),
        ]
    )
    database.add_subgroups([Subgroup(*who[:4], True, 3410, 3274), Subgroup(*who[:4], False, 212, 66)])
    database.add_counterexamples(
        [
            Counterexample(*who, "proven", True, 3410, 3274, 0.96, 0.95, 0.97, 0, 400, 88, 0, called),
            Counterexample(*who, "proven", False, 212, 66, 0.31, 0.25, 0.38, 180, 9000, 45, 0, pictures[2:]),
        ]
    )
    map_ = np.zeros((7, 7), np.uint8)
    map_[2:4, 2:5] = 255
    maps = [SaliencyMap(one, c, None, map_, 1.0, crop) for one in (*pictures, *called)]
    maps += [SaliencyMap(pictures[0], c, "water", map_.T.copy(), 0.5, crop)]
    database.add_saliency(maps, names)
    database.add_class_channel_groups(
        [
            ClassChannelGroup(c, name, 0, 0.46, 3400, pictures[:2]),
            ClassChannelGroup(c, name, 1, 0.12, 3400, pictures[1:3]),
        ]
    )
