"""Render many scenes at once, in several processes, into one array that can be kept in a file."""

from __future__ import annotations

import hashlib
import io
import logging
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sample_data.render import render
from sample_data.scene import Scene

PixelArray = NDArray[np.uint8]

PICTURE_SIZE = 128
JPEG_QUALITY = 80

_LOG = logging.getLogger(__name__)


def to_jpeg(image: Image.Image) -> bytes:
    """The picture as it is stored in the sample sets."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return buffer.getvalue()


def photograph(image: Image.Image, size: int) -> PixelArray:
    """Compress, decode, scale down: what a model sees of a stored picture."""
    stored: Image.Image = Image.open(io.BytesIO(to_jpeg(image)))
    if size != PICTURE_SIZE:
        stored = stored.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(stored)


def _photograph_scene(scene: Scene, size: int) -> PixelArray:
    return photograph(render(scene, PICTURE_SIZE), size)


def photographs(scenes: Sequence[Scene], size: int, *, cache: Path | None = None) -> PixelArray:
    """Pictures of all scenes.

    Args:
        scenes: What to draw.
        size: Width and height that the models take.
        cache: Folder that keeps the array under a digest of scenes and size; the digest does not cover the
            renderer's code, so delete the folder after changing it.

    Returns:
        (N, size, size, 3) uint8.
    """
    path = None
    if cache is not None:
        digest = hashlib.sha256(repr((list(scenes), size)).encode()).hexdigest()[:16]
        path = cache / f"{digest}.npy"
        if path.exists():
            loaded: PixelArray = np.load(path)
            return loaded
    _LOG.info("rendering %d scenes", len(scenes))
    jobs = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        pictures = pool.starmap(_photograph_scene, [(scene, size) for scene in scenes], chunksize=64)
    stacked = np.stack(pictures)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, stacked)
        partial.replace(path)
    return stacked
