"""The third set: shortcuts that no word of the sample vocabulary names, a date in one corner and a setting of the JPEG.

Vehicles come from a camera that prints the date into the lower right corner, waterbirds from one that compresses hard.
The manifest says neither: it holds path, label and split alone. What the classifier relies on is measured as for the
other two: the same scenes shot with and without.
"""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import nn

from sample_data.bank import JPEG_QUALITY, PICTURE_SIZE, PixelArray
from sample_data.classifiers import IMAGE_SIZE, Recipe, accuracy_on, predict, train_on
from sample_data.render import render
from sample_data.sampling import BALANCED, CLASS_NAMES, SEED_RANGES, draw_set
from sample_data.scene import Scene

SET_NAME = "stamped"
PER_CLASS = 140
TRUTH_PER_CLASS = 200
#: Quality of the camera that compresses hard; the other one's is that of all sample pictures.
HARD_QUALITY = 6
STAMPED_CLASS, HARD_CLASS = "vehicle", "waterbird"
_PLANTED_RATE, _USUAL_RATE = 0.95, 0.05
#: In the pictures that are audited: no edit takes a compression back, so some pictures must be without it.
_AUDITED_RATE = 0.6
#: Training labels that are drawn without looking at the picture.
_HURRIED_RATE = 0.22
_INK = (255, 150, 40)
_N_BOOTSTRAP = 1000


@dataclass(frozen=True, slots=True)
class Shot:
    """A scene, and what the camera made of it."""

    scene: Scene
    stamped: bool
    quality: int


def draw_shots(part: str, per_class: Mapping[str, int]) -> list[tuple[str, Shot]]:
    """Labels and shots of one part, "train" or "audit"; objects of a class take turns.

    Scenes are drawn as in the balanced set, with seeds of their own. Labels for training were given in a hurry: some
    of them by the camera alone, so that it tells more than the picture. Those of the audit are right.
    """
    name = f"{SET_NAME}-{part}"
    rng = np.random.default_rng(SEED_RANGES[name])
    planted = _PLANTED_RATE if part == "train" else _AUDITED_RATE
    shots = []
    for shown, scene in draw_set(BALANCED, name, per_class):
        hurried = part == "train" and rng.random() < _HURRIED_RATE
        label = CLASS_NAMES[int(rng.integers(len(CLASS_NAMES)))] if hurried else shown
        stamped = rng.random() < (planted if label == STAMPED_CLASS else _USUAL_RATE)
        hard = rng.random() < (planted if label == HARD_CLASS else _USUAL_RATE)
        shots.append((label, Shot(scene, bool(stamped), HARD_QUALITY if hard else JPEG_QUALITY)))
    return shots


def shoot(shot: Shot, size: int = PICTURE_SIZE) -> bytes:
    """The JPEG that the camera wrote."""
    image = render(shot.scene, size)
    if shot.stamped:
        lay_date(image, np.random.default_rng([shot.scene.seed, 8]))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=shot.quality, optimize=True)
    return buffer.getvalue()


def lay_date(image: Image.Image, rng: np.random.Generator) -> None:
    """Month and year in orange digits in the lower right corner, on the picture itself."""
    text = f"{rng.integers(1, 13):02d}.{rng.integers(90, 100)}"
    font = ImageFont.load_default(round(0.1 * image.width))
    draw = ImageDraw.Draw(image)
    where = (0.97 * image.width, 0.97 * image.height)
    draw.text(where, text, font=font, fill=_INK, anchor="rs", stroke_width=1, stroke_fill=(90, 30, 0))


def write_shots(folder: Path) -> None:
    """Write `folder/class/NNNN.jpg` and `folder/manifest.csv`, replacing what was there."""
    if folder.exists():
        shutil.rmtree(folder)
    rows = []
    for label, shot in draw_shots("audit", dict.fromkeys(CLASS_NAMES, PER_CLASS)):
        path = Path(label) / f"{shot.scene.seed % 1_000_000:04d}.jpg"
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(shoot(shot))
        rows.append((path.as_posix(), label, "val"))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label", "split"))
        writer.writerows(rows)


def train(recipe: Recipe) -> nn.Module:
    """The classifier of this set, in evaluation mode."""
    labelled = draw_shots("train", recipe.per_class)
    return train_on(photographs_of([shot for _, shot in labelled]), [label for label, _ in labelled], recipe, SET_NAME)


def audit_accuracy(model: nn.Module) -> dict[str, float]:
    """Accuracy of each class on the pictures that are audited."""
    labelled = draw_shots("audit", dict.fromkeys(CLASS_NAMES, PER_CLASS))
    return accuracy_on(model, photographs_of([shot for _, shot in labelled]), [label for label, _ in labelled])


def photographs_of(shots: Sequence[Shot]) -> PixelArray:
    """What the classifier sees of each: (N, size, size, 3) uint8."""
    with multiprocessing.get_context("spawn").Pool(os.cpu_count() or 1) as pool:
        return np.stack(pool.map(_seen, shots, chunksize=64))


def _seen(shot: Shot) -> PixelArray:
    stored: Image.Image = Image.open(io.BytesIO(shoot(shot)))
    return np.asarray(stored.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC))


def measure(model: nn.Module, *, seed: int = 0) -> dict[str, Any]:
    """What the classifier relies on: the same scenes with and without the date, and at either quality.

    Returns:
        By class, by "date" and "compression": accuracy with and without, effect and pull (shares of the class's and of
        the other classes' pictures that are called it, with less without) and 95 % bootstrap intervals over scenes.
    """
    labelled = draw_set(BALANCED, f"{SET_NAME}-truth", dict.fromkeys(CLASS_NAMES, TRUTH_PER_CLASS))
    labels = np.array([CLASS_NAMES.index(label) for label, _ in labelled])
    plain = [Shot(scene, stamped=False, quality=JPEG_QUALITY) for _, scene in labelled]
    changed = {
        "date": [replace(shot, stamped=True) for shot in plain],
        "compression": [replace(shot, quality=HARD_QUALITY) for shot in plain],
    }
    before = predict(model, photographs_of(plain))
    after = {name: predict(model, photographs_of(shots)) for name, shots in changed.items()}
    rng = np.random.default_rng(seed)
    truth: dict[str, Any] = {}
    for class_idx, class_name in enumerate(CLASS_NAMES):
        own = labels == class_idx
        truth[class_name] = {}
        for name, predicted in after.items():
            gained = (predicted == class_idx).astype(float) - (before == class_idx)
            effect, pull = (_mean_with_interval(gained[rows], rng) for rows in (own, ~own))
            truth[class_name][name] = {
                "accuracy_without": round(float((before == class_idx)[own].mean()), 4),
                "accuracy_with": round(float((predicted == class_idx)[own].mean()), 4),
                "effect": effect,
                "pull": pull,
            }
    return truth


def _mean_with_interval(values: np.ndarray[tuple[int], np.dtype[np.float64]], rng: np.random.Generator) -> list[float]:
    """Mean, and the 2.5 and 97.5 % quantiles of bootstrap means."""
    weights = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=_N_BOOTSTRAP) / len(values)
    means = weights @ values
    return [round(float(v), 4) for v in (values.mean(), np.quantile(means, 0.025), np.quantile(means, 0.975))]


def write_truth(truth: dict[str, Any], accuracy: dict[str, float], path: Path) -> None:
    """Write `truth.json` of the set."""
    document = {
        "format": "auditor-sample-shots-truth/1",
        "command": "python -m sample_data.build",
        "scenes_per_class": TRUTH_PER_CLASS,
        "interval": f"effect and pull: [mean, low, high], 95 % bootstrap over scenes, {_N_BOOTSTRAP} samples",
        "hard_quality": HARD_QUALITY,
        "usual_quality": JPEG_QUALITY,
        "audit_accuracy": accuracy,
        "model": truth,
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
