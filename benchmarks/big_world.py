"""Pictures, predictions and words of a large audit, drawn a chunk at a time; no model has seen them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from auditor.records import (
    CONTEXT_KINDS,
    Concept,
    FloatArray,
    ImageItem,
    IntArray,
    Phrases,
    VerdictName,
)

CHUNK = 2048
#: Concepts that are measured on a class, the leading one first.
MEASURED = 6
#: Bytes of a photograph's thumbnail, or about that.
THUMBNAIL_BYTES = 4_500
_FLAGGED, _SUSPECT, _NOT_ANALYSED = 0.15, 0.10, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What holds for all pictures: names, which concepts are measured on which class, who relies on what."""

    class_names: tuple[str, ...]
    concepts: tuple[Concept, ...]
    measured: IntArray  # (C, MEASURED) concepts, the leading one first
    verdicts: tuple[VerdictName, ...]
    relies: NDArray[np.bool_]  # (C,)
    seed: int
    release: int

    @property
    def used(self) -> IntArray:
        """Concepts whose presence is kept."""
        return np.unique(self.measured)

    def rng(self, *key: int) -> np.random.Generator:
        """Of one thing, the same whatever else is drawn; pictures are those of both releases."""
        return np.random.default_rng([self.seed, *key])


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some pictures."""

    items: tuple[ImageItem, ...]
    label_idx: IntArray
    predicted_idx: IntArray
    confidence: FloatArray
    presence: FloatArray  # (B, V)
    phrases: Phrases
    thumbnails: list[bytes]

    @property
    def image_ids(self) -> list[str]:
        """Ids in order."""
        return [item.image_id for item in self.items]


def make_world(n_classes: int, n_concepts: int, seed: int, release: int) -> World:
    """Draw who relies on what; in release 1 every other shortcut is gone and two classes have a new one."""
    rng = np.random.default_rng([seed, 1])
    kinds = ("object", "part", "object", *CONTEXT_KINDS[:-1])
    concepts = tuple(
        Concept(
            f"{kinds[v % len(kinds)].replace('_', '-')}-{v}",
            f"{kinds[v % len(kinds)].replace('_', ' ')} {v}",
            kinds[v % len(kinds)],
            (f"synonym {v}",) if v % 3 == 0 else (),
        )
        for v in range(n_concepts)
    )
    context = np.array([v for v, concept in enumerate(concepts) if concept.is_context])
    measured = np.stack([rng.choice(context, MEASURED, replace=False) for _ in range(n_classes)])
    n_flagged, n_suspect = round(_FLAGGED * n_classes), round(_SUSPECT * n_classes)
    flagged = np.arange(n_classes) < n_flagged
    if release:
        flagged = flagged & (np.arange(n_classes) % 2 == 0)
        flagged[-2:] = True
    verdicts: list[VerdictName] = ["flagged" if on else "clean" for on in flagged]
    verdicts[n_flagged : n_flagged + n_suspect] = ["suspect"] * n_suspect
    n_left = round(_NOT_ANALYSED * n_classes)
    verdicts[n_flagged + n_suspect : n_flagged + n_suspect + n_left] = ["not_analysed"] * n_left
    names = tuple(f"class {c:04}" for c in range(n_classes))
    return World(names, concepts, measured, tuple(verdicts), flagged, seed, release)


def thumbnail_pool(rng: np.random.Generator, n: int = 128) -> list[bytes]:
    """Different JPEGs of about the weight of a photograph at 160 px."""
    pool = []
    for _ in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((160, 120))
        grain = Image.fromarray(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)).filter(ImageFilter.GaussianBlur(1))
        quality, data = 95, b""
        while quality > 30 and (not data or len(data) > THUMBNAIL_BYTES - 1000):
            buffer = io.BytesIO()
            Image.blend(coarse, grain, 0.35).save(buffer, "JPEG", quality=quality)
            quality, data = quality - 10, buffer.getvalue()
        pool.append(data)
    return pool


def chunks(world: World, n_images: int) -> Iterator[Chunk]:
    """The pictures, in their order."""
    pool = thumbnail_pool(world.rng(2))
    for start in range(0, n_images, CHUNK):
        yield _chunk(world, start, min(start + CHUNK, n_images), pool)


def _chunk(world: World, start: int, stop: int, pool: list[bytes]) -> Chunk:
    rng = world.rng(3, start)  # the same pictures in both releases
    n, n_classes, n_concepts = stop - start, len(world.class_names), len(world.concepts)
    label = np.arange(start, stop) % n_classes
    paths = [f"{world.class_names[c]}/{row:07}.jpg" for row, c in zip(range(start, stop), label, strict=True)]
    ids = [hashlib.sha256(path.encode()).hexdigest()[:16] for path in paths]
    items = tuple(
        ImageItem(image_id, path, world.class_names[c], "val", None, None, {"site": f"site {c % 7}"})
        for image_id, path, c in zip(ids, paths, label, strict=True)
    )
    presence = (rng.random((n, n_concepts)) ** 3).astype(np.float32)
    lead = world.measured[label, 0]
    shown = rng.random(n) < 0.9
    presence[np.arange(n), lead] = np.where(shown, 0.5 + rng.random(n) / 2, rng.random(n) / 2)
    draw, wrong, phrase_draw = rng.random(n), rng.integers(1, n_classes, n), rng.random((n, n_concepts), np.float32)
    right = draw < np.where(world.relies[label] & ~shown, 0.4, 0.95)
    predicted = np.where(right, label, (label + wrong) % n_classes)
    return Chunk(
        items=items,
        label_idx=label,
        predicted_idx=predicted,
        confidence=(0.5 + draw / 2).astype(np.float32),
        presence=presence,
        phrases=_phrases(world, predicted, phrase_draw),
        thumbnails=[_stamped(pool[row % len(pool)], row) for row in range(start, stop)],
    )


def _phrases(world: World, predicted: IntArray, draw: FloatArray) -> Phrases:
    """About seven concepts a picture; the leading one of a class that relies on it has most of the words."""
    rows = np.arange(len(predicted))
    weights = np.where(draw < 6 / draw.shape[1], draw * draw.shape[1] / 60, 0).astype(np.float32)
    weights[rows, world.measured[predicted, 0]] = np.where(world.relies[predicted], 0.5, 0.06)
    shares = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1) * np.float32(0.8)
    return Phrases(weights, shares, (1 - shares.sum(axis=1)).astype(np.float32))


def _stamped(jpeg: bytes, row: int) -> bytes:
    """The JPEG with a comment of a kilobyte of its own, so that no two are one to the file."""
    comment = hashlib.shake_256(str(row).encode()).digest(1000)
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]
