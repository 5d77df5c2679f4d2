"""Two releases of a small classifier, every picture of them set by hand: what a diff reads of an audit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from auditor.gate.releases import Release, ReleaseFacts, ReleaseGroups, ReleasePictures
from auditor.records import Finding, Subgroup, Verdict

CLASSES = ("bird", "cat", "car")
#: Of each class 100 pictures, of which the first 60 show water.
PER_CLASS, WITH = 100, 60
N = PER_CLASS * len(CLASSES)
LABEL = np.repeat(np.arange(len(CLASSES)), PER_CLASS)
WATER = np.tile(np.arange(PER_CLASS) < WITH, len(CLASSES))


def predictions(right):
    """What a model calls the pictures.

    Args:
        right: by class, how many of its pictures with water and without it are called right, the first ones of each;
            the others are called the next class. Classes not named are all right.
    """
    predicted = LABEL.copy()
    for name, (right_with, right_without) in right.items():
        c = CLASSES.index(name)
        wrong = np.r_[np.arange(right_with, WITH), np.arange(WITH + right_without, PER_CLASS)]
        predicted[c * PER_CLASS + wrong] = (c + 1) % len(CLASSES)
    return predicted


def verdict(class_name, kind="clean", concept="water", **changes):
    found = kind in ("flagged", "harmed", "suspect")
    lead = (concept, concept, "scene") if found else (None, None, None)
    severity = "high" if kind == "flagged" else "low" if found else "none"
    made = Verdict(CLASSES.index(class_name), class_name, kind, severity, *lead, "Why.", PER_CLASS)
    return replace(made, **changes)


def gap(class_name, effect=0.5, low=0.3, high=0.7, *, rule="E4-recall", q=0.001, concept="water", status="measured"):
    c = CLASSES.index(class_name)
    bounds: tuple[Any, Any, Any] = (effect, low, high) if status == "measured" else (math.nan, math.nan, math.nan)
    return Finding(c, class_name, concept, concept, "scene", rule, *bounds, q, q, PER_CLASS, status=status)


def subgroups(predicted):
    """Counts of every class with and without water."""
    made = []
    for c, name in enumerate(CLASSES):
        for present in (True, False):
            rows: Any = (c == LABEL) & (present == WATER)
            n_correct = int((predicted[rows] == c).sum())
            made.append(Subgroup(c, name, "water", "water", present, int(rows.sum()), n_correct))
    return tuple(made)


def groups(directions=((1.0, 0.0), (0.0, 1.0)), use=(3.0, 1.0), names=("water", "beak")):
    return ReleaseGroups(names, np.array(use), (2,) * len(names), np.array(directions, np.float32))


def release(name, **changes):
    made = Release(
        name=name,
        created_at="2025-01-02T03:04:05+00:00",
        model_spec="timm:resnet50",
        model_digest=name * 8,
        weights=f"{name}.safetensors",
        data_path="val",
        data_digest="d" * 64,
        encoder_spec="sample",
        encoder_digest="e" * 64,
        vocabulary_digest="v" * 64,
        auditor_version="0.1.0",
        n_images=N,
    )
    return replace(made, **changes)


def facts(name="old", right=None, found=None, *, gaps=None, predicted=None, keys=None, present=None, **changes):
    """An audit of the 300 pictures.

    Args:
        name: of the release.
        right: see :func:`predictions`.
        found: verdict of the classes that are not clean; those that are found lead with water.
        gaps: E4's findings; default one of recall for every class that is found.
        predicted: instead of ``right``.
        keys: of the pictures.
        present: by concept, which pictures show it; default water.
        changes: fields of the facts, and those of :class:`Release` that begin with ``release_``.
    """
    found = found or {}
    predicted = predictions(right or {}) if predicted is None else predicted
    of_release = {key.removeprefix("release_"): changes.pop(key) for key in list(changes) if key.startswith("release_")}
    shown = [class_name for class_name, kind in found.items() if kind in ("flagged", "suspect")]
    made = ReleaseFacts(
        release=release(name, **of_release),
        settings={"seed": 0, "n_extreme": 60},
        class_names=CLASSES,
        concept_ids=frozenset({"water", "mark"}),
        same_as={},
        core=frozenset(),
        states={},
        verdicts=tuple(verdict(class_name, found.get(class_name, "clean")) for class_name in CLASSES),
        gaps=tuple(gap(class_name) for class_name in shown) if gaps is None else tuple(gaps),
        subgroups=subgroups(predicted),
        pictures=ReleasePictures(
            keys=np.arange(N, dtype=np.uint64) if keys is None else np.asarray(keys, np.uint64),
            label_idx=LABEL,
            predicted_idx=predicted,
            groups=None,
            present={name: column.astype(np.int8) for name, column in (present or {"water": WATER}).items()},
        ),
        groups=groups(),
    )
    return replace(made, **changes)
