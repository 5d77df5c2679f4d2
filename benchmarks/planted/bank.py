"""One bank of layers for all models: objects cut out, backgrounds, surfaces and artifacts, at the size networks take.

A picture is a row of numbers (which layer of what, which light ...) until it is put together, so the same picture with
only one factor changed is the same row with one number changed: that is how the truth is measured. Putting layers
together takes a small part of the time of drawing, and the renderer's own pictures differ only by JPEG and scaling.

Pools: every hundred seeds draw from layers of their own; within a pool, training, audit and truth have their own too.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmarks.planted import worlds
from benchmarks.planted.worlds import FACTOR_VALUES, World
from sample_data import artifacts, backgrounds, birds, extras, objects, pen, render
from sample_data.extras import surface_layer
from sample_data.render import backdrop, cut_outs, overlay, tint, veil
from sample_data.scene import FloatArray, Scene

IntArray = NDArray[np.int64]
PixelArray = NDArray[np.uint8]
Split = Literal["train", "audit", "truth"]

SIZE = 64
SORTS_OF_LAYER = ("object", "background", "artifact", "surface")
#: A picture's row: values of the factors by code, which layer of each is used, and ``faint`` 0 .. 100, by how many
#: hundredths the object is let through: that makes a picture hard without any context.
COLUMNS = (*FACTOR_VALUES, *(f"{sort}_layer" for sort in SORTS_OF_LAYER), "faint")
COLUMN = {name: k for k, name in enumerate(COLUMNS)}

_SPLITS: tuple[Split, ...] = ("train", "audit", "truth")
_FIRST_SEED, _POOL_SEEDS = 100_000_000, 1_000_000
_GROUNDS = ("sand", "water", "sky")  # an object touches land, touches water, or touches nothing
_GROUND_OF = np.array([{"water": 1, "sky": 2}.get(name, 0) for name in FACTOR_VALUES["background"]])
_CODE = (artifacts, backgrounds, birds, extras, objects, pen, render, worlds)
_BATCH = 256


@dataclass(frozen=True, slots=True)
class BankSize:
    """Layers of every object, of every background, and of every artifact and surface, for (training, audit, truth)."""

    objects: tuple[int, int, int]
    backgrounds: tuple[int, int, int]
    marks: tuple[int, int, int]

    def of(self, sort: str) -> tuple[int, int, int]:
        """Layers of one value of this sort."""
        return {"object": self.objects, "background": self.backgrounds}.get(sort, self.marks)


SMALL_BANK = BankSize(objects=(140, 100, 240), backgrounds=(100, 60, 80), marks=(20, 20, 20))
TOY_BANK = BankSize(objects=(4, 4, 4), backgrounds=(4, 4, 4), marks=(2, 2, 2))
FULL_BANK = BankSize(objects=(500, 300, 1000), backgrounds=(400, 250, 400), marks=(80, 60, 60))


class Bank:
    """Layers of one pool, as memory-mapped bytes."""

    def __init__(self, folder: Path, size: BankSize, world: World, *, pool: int, jobs: int = 1) -> None:
        """Open the pool's layers; whatever is missing is drawn first, in ``jobs`` processes."""
        self.size, self.pool, self.world = size, pool, world
        digest = hashlib.sha256(repr((size, pool, SIZE)).encode())
        for module in _CODE:
            digest.update(Path(str(module.__file__)).read_bytes())
        self.identity = f"{world.name}-{digest.hexdigest()[:16]}"
        self._folder = folder / f"bank-{digest.hexdigest()[:16]}"
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = [(sort, value) for sort in SORTS_OF_LAYER for value in world.of(sort) if value != "none"]
        tasks = [(self._path(*what), *what, size, pool) for what in wanted if not self._path(*what).exists()]
        if len(tasks) > 1 and jobs > 1:
            with multiprocessing.get_context("spawn").Pool(jobs) as workers:
                workers.starmap(_draw_layers, tasks, chunksize=1)
        else:
            for task in tasks:
                _draw_layers(*task)
        self._layers = {what: np.load(self._path(*what), mmap_mode="r") for what in wanted}

    def _path(self, sort: str, name: str) -> Path:
        return self._folder / f"{sort}-{name}.npy"

    def layer_range(self, sort: str, split: Split) -> tuple[int, int]:
        """First and last (excluded) layer that pictures of this split may use."""
        counts, place = self.size.of(sort), _SPLITS.index(split)
        return sum(counts[:place]), sum(counts[: place + 1])

    def pictures(self, rows: IntArray) -> PixelArray:
        """Put pictures together: (n, len(COLUMNS)) rows to (n, 64, 64, 3) bytes."""
        parts = [self._batch(rows[start : start + _BATCH]) for start in range(0, len(rows), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, SIZE, SIZE, 3), np.uint8)

    def _batch(self, rows: IntArray) -> PixelArray:
        pixels = self._gather("background", rows)
        self._lay("surface", rows, pixels)
        cuts = self._gather("object", rows)
        cuts *= (1 - rows[:, COLUMN["faint"]].astype(np.float32) / 100)[:, None, None, None]
        pixels *= 1 - cuts[..., 3:] / 255
        pixels += cuts[..., :3]
        for light, chosen in _by_value("light", rows):
            pixels[chosen] = veil(pixels[chosen], light)
        strength = 0.85 + 0.25 * _fraction(rows[:, COLUMN["object_layer"]])
        for cast, chosen in _by_value("cast", rows):
            pixels[chosen] = tint(pixels[chosen], cast, strength[chosen, None, None, None])
        pixels = np.clip(pixels + 0.5, 0, 255).astype(np.uint8).astype(np.float32)
        for _, chosen in _by_value("quality", rows):
            radii = (0.012 + 0.004 * _fraction(rows[chosen, COLUMN["background_layer"]])) * SIZE
            for k, radius in zip(chosen, radii.tolist(), strict=True):
                pixels[k] = gaussian_filter(pixels[k], (radius, radius, 0))
        self._lay("artifact", rows, pixels)
        finished: PixelArray = np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
        return finished

    def _lay(self, sort: str, rows: IntArray, pixels: FloatArray) -> None:
        """Lay marks or surfaces over those pictures that have one, in place."""
        chosen = np.flatnonzero(rows[:, COLUMN[sort]] > 0)
        if chosen.size:
            layers = self._gather(sort, rows[chosen])
            pixels[chosen] = layers[..., :3] + pixels[chosen] * (1 - layers[..., 3:] / 255)

    def _gather(self, sort: str, rows: IntArray) -> FloatArray:
        values, layers = rows[:, COLUMN[sort]], rows[:, COLUMN[f"{sort}_layer"]]
        result = np.empty((len(rows), SIZE, SIZE, 3 if sort == "background" else 4), np.float32)
        for value in np.unique(values):
            chosen = np.flatnonzero(values == value)
            source = self._layers[sort, FACTOR_VALUES[sort][value]]
            if sort == "object":
                result[chosen] = source[layers[chosen], _GROUND_OF[rows[chosen, COLUMN["background"]]]]
            else:
                result[chosen] = source[layers[chosen]]
        return result


def _by_value(factor: str, rows: IntArray) -> list[tuple[str, IntArray]]:
    """Pictures that have each value but the neutral one, which is the first."""
    codes = rows[:, COLUMN[factor]]
    return [(FACTOR_VALUES[factor][k], np.flatnonzero(codes == k)) for k in np.unique(codes[codes > 0])]


def _fraction(layers: IntArray) -> FloatArray:
    """A number in 0 .. 1 that belongs to the layer."""
    return np.asarray((layers * 0.6180339887) % 1, dtype=np.float32)


def _draw_layers(path: Path, sort: str, name: str, size: BankSize, pool: int) -> None:
    """Draw all layers of one object, background, artifact or surface into a file."""
    layers = []
    for k in range(sum(size.of(sort))):
        seed = _FIRST_SEED + pool * _POOL_SEEDS + k
        if sort == "object":
            layers.append(cut_outs(Scene(name, "sand", seed=seed), _GROUNDS, SIZE))
        elif sort == "background":
            layers.append(backdrop(Scene("duck", name, seed=seed), SIZE))
        elif sort == "artifact":
            layers.append(overlay(Scene("duck", "sand", artifact=name, seed=seed), SIZE))
        else:
            code = FACTOR_VALUES["surface"].index(name)
            layers.append(surface_layer(name, np.random.default_rng((seed, code)), SIZE))
    stacked = np.clip(np.stack(layers) + 0.5, 0, 255).astype(np.uint8)
    partial = path.with_suffix(f".{os.getpid()}.npy")
    np.save(partial, stacked)
    partial.replace(path)
