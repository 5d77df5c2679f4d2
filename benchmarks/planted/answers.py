"""What a model calls every scene of the truth's bank under every value of every factor.

Shared backbones see the bank once, and a head on one of them is then asked about it in a moment.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from auditor.records import LinearHead
from benchmarks.planted.backbones import backbone
from benchmarks.planted.bank import COLUMN, Bank, IntArray, PixelArray
from benchmarks.planted.drawing import ClassOf, Mixture, draw_rows, variants
from benchmarks.planted.networks import features_of
from benchmarks.planted.scenarios import Scenario

_SCENES = 32  # at once; times their variants


def model_answers(
    predict: Callable[[PixelArray], IntArray],
    classes: Sequence[ClassOf],
    mixture: Mixture,
    bank: Bank,
    *,
    per_class: int,
    seed: int,
) -> tuple[IntArray, NDArray[np.int8]]:
    """What the model calls every scene of the bank under every value of every factor.

    Scenes are drawn with nothing planted, but with each class's objects and faintness as its audit has them: a model
    may lean on a scene in the pictures that are hard, and the audit is about such pictures.

    Returns:
        Labels (n,) and answers (n, variants), the variants in the order of `drawing.variant_names`.
    """
    rng = np.random.default_rng((seed, 77))
    labels = np.repeat(np.arange(len(classes)), per_class)
    rows = draw_rows(classes, Mixture(), labels, bank, "truth", rng)
    audited = draw_rows(classes, mixture, labels, bank, "truth", rng)
    for c in range(len(classes)):
        own = np.flatnonzero(labels == c)
        for column in (COLUMN["object"], COLUMN["faint"]):
            rows[own, column] = audited[rng.permutation(own), column]
    changed = variants(rows, bank.world)
    same = (changed == rows[:, None]).all(axis=2)  # the picture as it is: asked once
    called = np.empty(same.shape, np.int8)
    for start in range(0, len(rows), _SCENES):
        part = slice(start, start + _SCENES)
        wanted = ~same[part]
        found = predict(bank.pictures(np.concatenate([rows[part], changed[part][wanted]])))
        here = len(rows[part])
        called[part][wanted] = found[here:]
        called[part] = np.where(wanted, called[part], found[:here, None])
    return labels, called


def prepare(architecture: str, strength: str, layers: Bank, per_object: int, work: Path) -> None:
    """Bring the truth's pictures of every object under every variant through the backbone, unless that is done."""
    module = backbone(architecture, strength, layers.world, work).eval()
    for name in layers.world.of("object"):
        path = _path(architecture, strength, layers, name, per_object, work)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{os.getpid()}.npy")
            np.save(partial, _features(module, layers, name, per_object))
            partial.replace(path)


def _features(module: torch.nn.Module, layers: Bank, name: str, n: int) -> NDArray[np.float16]:
    """(n, variants, K): pictures of one object, nothing planted, under every value of every factor."""
    rng = np.random.default_rng((layers.pool, layers.world.of("object").index(name), 84))
    rows = draw_rows([ClassOf(name, (name,))], Mixture(), np.zeros(n, np.int64), layers, "truth", rng)
    changed = variants(rows, layers.world)
    parts = []
    for start in range(0, n, _SCENES):
        block = changed[start : start + _SCENES]
        unique, place = np.unique(block.reshape(-1, block.shape[-1]), axis=0, return_inverse=True)
        parts.append(features_of(module, layers.pictures(unique))[place.reshape(-1)].reshape(*block.shape[:2], -1))
    return np.concatenate(parts).astype(np.float16)


def shared_answers(
    scenario: Scenario, head: LinearHead, layers: Bank, per_class: int, work: Path
) -> tuple[IntArray, NDArray[np.int8]]:
    """As `model_answers`, for a head on a shared backbone: the class's objects in equal parts."""
    rng = np.random.default_rng((scenario.seed, 85))
    called = []
    for one in scenario.classes:
        for name, count in zip(one.objects, _parts(per_class, len(one.objects)), strict=True):
            path = _path(scenario.architecture, scenario.backbone, layers, name, per_class, work)
            stored = np.load(path, mmap_mode="r")
            chosen = np.sort(rng.choice(len(stored), size=count, replace=False))
            logits = stored[chosen].astype(np.float32) @ head.weight.T + head.bias
            called.append(logits.argmax(axis=2).astype(np.int8))
    labels = np.repeat(np.arange(len(scenario.classes)), per_class)
    return labels, np.concatenate(called)


def _parts(total: int, n: int) -> Sequence[int]:
    return [total // n + (k < total % n) for k in range(n)]


def _path(architecture: str, strength: str, layers: Bank, name: str, per_object: int, work: Path) -> Path:
    digest = hashlib.sha256(repr((architecture, strength, layers.identity, per_object)).encode()).hexdigest()[:16]
    return work / f"features-{digest}" / f"{name}.npy"
