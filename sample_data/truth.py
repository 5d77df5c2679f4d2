"""What the sample classifiers really rely on, measured from paired renders.

Every scene of a bank is rendered again under every value of every factor with only that factor changed. For class c and
value v: effect = accuracy on c with v, less the upper quartile of the accuracies under the factor's other values;
pull = share of the other classes' pictures called c with v, less the share called c with the factor's neutral value
(for backgrounds: less the upper quartile over the other backgrounds). Intervals: 95 % bootstrap over scenes, which
keeps the pairs together.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sample_data.bank import PICTURE_SIZE, PixelArray, photograph
from sample_data.classifiers import IMAGE_SIZE, predict
from sample_data.render import compose, finish
from sample_data.sampling import BALANCED, CLASS_NAMES, draw_set
from sample_data.scene import FACTORS, NEUTRAL, Scene

_LOG = logging.getLogger(__name__)

PER_CLASS = 420
CHANGED = ("background", "artifact", "cast", "light", "quality")
_N_BOOTSTRAP = 1000


def variants(scene: Scene) -> list[Scene]:
    """The scene under every value of every changed factor, in the order of `CHANGED` and `FACTORS`."""
    return [
        replace(scene, **{factor: value})  # type: ignore[arg-type]
        for factor in CHANGED
        for value in FACTORS[factor]
    ]


def _render_variants(scene: Scene) -> PixelArray:
    """(variants, size, size, 3) pictures; all but the backgrounds share one composition."""
    composed = compose(scene, PICTURE_SIZE)
    pictures = []
    for variant in variants(scene):
        base = composed if variant.background == scene.background else compose(variant, PICTURE_SIZE)
        pictures.append(photograph(finish(base, variant), IMAGE_SIZE))
    return np.stack(pictures)


def render_bank(cache: Path, per_class: int = PER_CLASS) -> tuple[NDArray[np.int64], PixelArray]:
    """Labels (N,) and pictures (N, variants, size, size, 3) of the paired bank, kept in the cache."""
    labelled = draw_set(BALANCED, "truth", dict.fromkeys(CLASS_NAMES, per_class))
    labels = np.array([CLASS_NAMES.index(label) for label, _ in labelled])
    path = cache / f"truth-{per_class}.npy"
    if path.exists():
        return labels, np.load(path)
    _LOG.info("rendering %d scenes in all variants", len(labelled))
    with multiprocessing.get_context("spawn").Pool(os.cpu_count() or 1) as pool:
        pictures = np.stack(pool.map(_render_variants, [scene for _, scene in labelled], chunksize=16))
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, pictures)
    return labels, pictures


def _upper_quartile_gap(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column less the upper quartile of the other columns: (..., V) to (..., V)."""
    gaps = np.empty_like(rates)
    for v in range(rates.shape[-1]):
        gaps[..., v] = rates[..., v] - np.quantile(np.delete(rates, v, -1), 0.75, axis=-1)
    return gaps


def measure(model: nn.Module, labels: NDArray[np.int64], pictures: PixelArray, *, seed: int = 0) -> dict[str, Any]:
    """Accuracy, effect and pull of every value of every factor on every class.

    Args:
        model: Classifier in evaluation mode.
        labels: (N,) class positions.
        pictures: (N, variants, size, size, 3) as `render_bank` gives them.
        seed: Of the bootstrap.

    Returns:
        By class, by factor, by value: accuracy, effect, low, high, pull, pull_low, pull_high; shares, not points.
    """
    n_scenes, n_variants = pictures.shape[:2]
    flat = pictures.reshape(-1, *pictures.shape[2:])
    predicted = predict(model, flat).reshape(n_scenes, n_variants)
    rng = np.random.default_rng(seed)
    truth: dict[str, Any] = {}
    for class_idx, name in enumerate(CLASS_NAMES):
        called = (predicted == class_idx).astype(np.float64)
        own, others = called[labels == class_idx], called[labels != class_idx]
        own_means = _bootstrap_means(own, rng)
        other_means = _bootstrap_means(others, rng)
        truth[name] = {}
        start = 0
        for factor in CHANGED:
            values = FACTORS[factor]
            columns = slice(start, start + len(values))
            start += len(values)
            effects = _upper_quartile_gap(own_means[:, columns])
            pulls = _pull(other_means[:, columns], factor)
            truth[name][factor] = {
                value: {
                    "accuracy": _round(own_means[0, columns][v]),
                    "effect": _round(effects[0, v]),
                    "low": _round(np.quantile(effects[1:, v], 0.025)),
                    "high": _round(np.quantile(effects[1:, v], 0.975)),
                    "pull": _round(pulls[0, v]),
                    "pull_low": _round(np.quantile(pulls[1:, v], 0.025)),
                    "pull_high": _round(np.quantile(pulls[1:, v], 0.975)),
                }
                for v, value in enumerate(values)
            }
    return truth


def _pull(rates: NDArray[np.float64], factor: str) -> NDArray[np.float64]:
    if factor in NEUTRAL:
        neutral = FACTORS[factor].index(NEUTRAL[factor])
        return rates - rates[..., neutral : neutral + 1]
    return _upper_quartile_gap(rates)


def _bootstrap_means(rows: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Column means of the rows (first) and of bootstrap samples of them: (1 + samples, columns)."""
    weights = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=_N_BOOTSTRAP) / len(rows)
    means: NDArray[np.float64] = np.concatenate([rows.mean(0, keepdims=True), weights @ rows])
    return means


def _round(value: float) -> float:
    return round(float(value), 4)


def write_truth(measured: dict[str, Any], accuracy: dict[str, dict[str, float]], path: Path) -> None:
    """Write `truth.json`."""
    document = {
        "format": "auditor-sample-truth/1",
        "command": "python -m sample_data.build",
        "scenes_per_class": PER_CLASS,
        "interval": f"95 % bootstrap over scenes, {_N_BOOTSTRAP} samples",
        "neutral": NEUTRAL,
        "audit_accuracy": accuracy,
        "models": measured,
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
