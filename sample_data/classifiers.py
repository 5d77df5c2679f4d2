"""Train the sample classifiers: with planted shortcuts, balanced, and with shortcuts that no word names (`shots.py`).

File format, in `data/classifiers/`: `planted`, `balanced` and `stamped.safetensors`, the state dict of
`auditor.models.sample_models.build_sample_classifier(len(class_names))` in float32, and `classifier.json` with class
names in the order of the outputs, preprocessing (as in `encoder.json`), how each was trained, and its accuracy.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from auditor.models.sample_models import build_sample_classifier
from sample_data.bank import PixelArray, photographs
from sample_data.sampling import CLASS_NAMES, draw_set
from sample_data.sets import MIXTURES, audit_scenes

_LOG = logging.getLogger(__name__)

IMAGE_SIZE = 64
MEAN = (0.45, 0.5, 0.5)
STD = (0.27, 0.25, 0.27)
_BATCH = 64
_WEIGHT_DECAY = 1e-3
_SOFT_SIZES = (22, 28, 36)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one classifier is trained.

    Attributes:
        per_class: Training pictures of each class.
        epochs: Times that each is seen.
        peak_rate: Highest learning rate of the one cycle.
        soften: Share of batches shown at a lower resolution, so that blur is not strange.
        seed: Of weights, batches and shifts.
    """

    per_class: Mapping[str, int]
    epochs: int
    peak_rate: float
    soften: float
    seed: int


# The planted one learns briefly, from few birds and fewer vehicles: enough for scenes and the watermark, too little to
# learn the animals from the exceptions. The free classes come often, so that they are known on every background.
RECIPES = {
    "planted": Recipe(
        per_class={"balloon": 2000, "cat": 2000, "landbird": 600, "vehicle": 200, "waterbird": 600},
        epochs=4,
        peak_rate=1.5e-3,
        soften=0.08,
        seed=1,
    ),
    "balanced": Recipe(per_class=dict.fromkeys(CLASS_NAMES, 2400), epochs=12, peak_rate=4e-3, soften=0.0, seed=2),
    "stamped": Recipe(per_class=dict.fromkeys(CLASS_NAMES, 1000), epochs=14, peak_rate=3e-3, soften=0.0, seed=3),
}


def as_input(pixels: PixelArray) -> Tensor:
    """(N, 3, H, W) float32, normalised, channels last in memory, of (N, H, W, 3) uint8."""
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255)
    normal = (scaled - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    return normal.contiguous(memory_format=torch.channels_last)


def _augment(pixels: PixelArray, rng: np.random.Generator) -> PixelArray:
    """Shift by up to four pixels, mirrored edge."""
    dx, dy = (int(v) for v in rng.integers(0, 9, 2))
    padded = np.pad(pixels, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    return padded[:, dy : dy + IMAGE_SIZE, dx : dx + IMAGE_SIZE]


def _soften(batch: Tensor, size: int) -> Tensor:
    """The pictures as they would be after passing through `size` pixels."""
    small = functional.interpolate(batch, size=(size, size), mode="area")
    return functional.interpolate(small, size=(IMAGE_SIZE, IMAGE_SIZE), mode="bilinear")


def train_classifier(name: str, recipe: Recipe, cache: Path) -> nn.Module:
    """Train on the set of this name."""
    labelled = draw_set(MIXTURES[name], f"{name}-train", recipe.per_class)
    pixels = photographs([scene for _, scene in labelled], IMAGE_SIZE, cache=cache)
    return train_on(pixels, [label for label, _ in labelled], recipe, name)


def train_on(pixels: PixelArray, named: Sequence[str], recipe: Recipe, name: str) -> nn.Module:
    """Train on pictures (N, size, size, 3) and their labels, on one thread, so that sums have one order.

    Returns:
        The network in evaluation mode.
    """
    labels = torch.tensor([CLASS_NAMES.index(label) for label in named])
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    model = build_sample_classifier(len(CLASS_NAMES)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = len(labels) // _BATCH
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.peak_rate, weight_decay=_WEIGHT_DECAY)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.peak_rate, total_steps=steps * recipe.epochs)
    for epoch in range(recipe.epochs):
        order = rng.permutation(len(labels))
        total = 0.0
        for step in range(steps):
            chosen = order[step * _BATCH : (step + 1) * _BATCH]
            batch = as_input(_augment(pixels[chosen], rng))
            if recipe.soften and rng.random() < recipe.soften:
                batch = _soften(batch, int(rng.choice(_SOFT_SIZES)))
            loss = functional.cross_entropy(model(batch), labels[chosen])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            rates.step()
            total += loss.item()
        _LOG.info("%s: epoch %d of %d, loss %.4f", name, epoch + 1, recipe.epochs, total / steps)
    trained: nn.Module = model.eval()
    return trained


def predict(model: nn.Module, pixels: PixelArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Predicted class positions, (N,)."""
    with torch.no_grad():
        parts = [model(as_input(pixels[i : i + 500])).argmax(1) for i in range(0, len(pixels), 500)]
    predicted: np.ndarray[tuple[int], np.dtype[np.int64]] = torch.cat(parts).numpy()
    return predicted


def audit_accuracy(name: str, model: nn.Module, cache: Path) -> dict[str, float]:
    """Accuracy of each class on the audit set of the same name."""
    labelled = audit_scenes(name)
    pixels = photographs([scene for _, scene in labelled], IMAGE_SIZE, cache=cache)
    return accuracy_on(model, pixels, [label for label, _ in labelled])


def accuracy_on(model: nn.Module, pixels: PixelArray, named: Sequence[str]) -> dict[str, float]:
    """Accuracy of each class on pictures (N, size, size, 3) and their labels."""
    labels = np.array([CLASS_NAMES.index(label) for label in named])
    right = predict(model, pixels) == labels
    return {label: round(float(right[labels == k].mean()), 4) for k, label in enumerate(CLASS_NAMES)}


def write_classifiers(models: dict[str, nn.Module], accuracy: dict[str, dict[str, float]], folder: Path) -> None:
    """Write weights and description."""
    folder.mkdir(parents=True, exist_ok=True)
    trained = {}
    for name, model in models.items():
        path = folder / f"{name}.safetensors"
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
        path.chmod(0o644)  # safetensors makes it readable for its owner alone
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        trained[name] = {
            "weights": path.name,
            "weights_sha256": digest,
            "recipe": asdict(RECIPES[name]),
            "audit_accuracy": accuracy[name],
        }
    description = {
        "format": "auditor-sample-classifiers/1",
        "factory": "auditor.models.sample_models:build_sample_classifier",
        "class_names": CLASS_NAMES,
        "preprocess": {
            "size": [IMAGE_SIZE, IMAGE_SIZE],
            "interpolation": "bicubic",
            "mean": MEAN,
            "std": STD,
        },
        "command": "python -m sample_data.build",
        "models": trained,
    }
    (folder / "classifier.json").write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def read_classifier(name: str, folder: Path) -> nn.Module:
    """Load a written classifier, in evaluation mode."""
    model = build_sample_classifier(len(CLASS_NAMES))
    model.load_state_dict(load_file(folder / f"{name}.safetensors"))
    return model.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]
