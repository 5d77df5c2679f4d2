"""Rendered pictures with several labels each, and a multi-label head that was trained on others of them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression

from auditor.models import cam
from auditor.models.bundled import bundled_path
from auditor.models.load_classifier import load_classifier

#: In the order of the outputs of sample:planted, which calls the third one "landbird".
OUTPUTS = ("balloon", "cat", "bird", "vehicle", "waterbird")
#: Pictures of a class of the bundled set that the heads are trained on, behind those that are audited.
AUDITED, TRAINED = 60, 200


def labels_of(label: str) -> list[str]:
    """Labels of a picture of the bundled set: birds have two, or one."""
    return {"waterbird": ["bird", "waterbird"], "landbird": ["bird"]}.get(label, [label])


def train_outputs(weights: Path) -> None:
    """Write weights of sample:planted with a sigmoid output for each label; waterbirds of the set lie on water."""
    with bundled_path("planted", "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    taken: dict[str, int] = {}
    pictures, labels = [], []
    for row in rows:
        n = taken[row["label"]] = taken.get(row["label"], 0) + 1
        if AUDITED < n <= AUDITED + TRAINED:
            with Image.open(bundled_path("planted", "manifest.csv").parent / row["path"]) as opened:
                pictures.append(opened.convert("RGB"))
            labels.append(labels_of(row["label"]))
    found = _features(pictures)
    fits = [LogisticRegression(C=1, max_iter=1000).fit(found, [name in own for own in labels]) for name in OUTPUTS]
    state = load_file(bundled_path("classifiers", "planted.safetensors"))
    state["head.weight"] = torch.tensor(np.concatenate([fit.coef_ for fit in fits]), dtype=torch.float32)
    state["head.bias"] = torch.tensor(np.concatenate([fit.intercept_ for fit in fits]), dtype=torch.float32)
    save_file(state, weights)


def _features(pictures: Sequence[Image.Image]) -> np.ndarray:
    classifier = load_classifier("sample:planted", weights=None)
    found = []
    for start in range(0, len(pictures), 64):
        batch = torch.stack([classifier.preprocess(one) for one in pictures[start : start + 64]])
        found.append(cam.forward(classifier, batch)[0])
    return np.concatenate(found)


def write_labels(manifest: Path, target: Path, class_map: Path) -> None:
    """The manifest of a set with all labels of each picture in one column, and which output is which."""
    class_map.write_text("".join(["label,output\n", *(f"{name},{at}\n" for at, name in enumerate(OUTPUTS))]))
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with target.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("path", "label"), *((row["path"], "|".join(labels_of(row["label"]))) for row in rows)]
        )
