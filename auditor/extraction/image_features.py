"""Pictures before the encoder's projection onto its texts, by which concepts are learnt from examples.

Audits without such concepts never ask for them, so they come from a pass of their own; they are cached by contents,
like embeddings, so that other examples, and the next release, pay for nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from auditor.errors import InputError
from auditor.extraction.embedding_cache import open_embedding_cache
from auditor.inputs.images import read_image
from auditor.models.encoders.encoder import Encoder, ImageFeatures
from auditor.records import FloatArray, Progress


def encode_features(
    pictures: Sequence[tuple[Path, str | None]],
    encoder: Encoder,
    features: ImageFeatures,
    *,
    cache_folder: Path,
    batch_size: int,
    n_jobs: int,
    on_progress: Progress | None = None,
) -> FloatArray:
    """What ``features`` makes of pictures.

    Args:
        pictures: n paths, each with the sha256 of its bytes; None where it cannot be read.
        encoder: Whose features they are.
        features: Of the encoder.
        cache_folder: Of all caches.
        batch_size: Pictures per forward pass, all of which are filled, so that no picture depends on another.
        n_jobs: Decoding threads.
        on_progress: Called with ("examples", done, total) for pictures that are not cached.

    Returns:
        (n, F) float32, NaN for pictures that cannot be decoded or have changed.

    Raises:
        StoreError: the cache cannot be used.
    """
    key = hashlib.sha256(f"image features\x00{encoder.digest}".encode()).hexdigest()
    rows = np.full((len(pictures), features.dim), np.nan, np.float32)
    with open_embedding_cache(cache_folder, key, features.dim) as cache, ThreadPoolExecutor(n_jobs) as pool:
        missing: list[int] = []
        for i, (_, content) in enumerate(pictures):
            known = None if content is None else cache.get(content)
            if known is not None:
                rows[i] = known
            elif content is not None:
                missing.append(i)
        for start in range(0, len(missing), batch_size):
            batch = missing[start : start + batch_size]
            decoded = list(pool.map(lambda i: _pixels(*pictures[i], encoder), batch))
            readable = {i: pixels for i, pixels in zip(batch, decoded, strict=True) if pixels is not None}
            if readable:
                rows[list(readable)] = _encoded(list(readable.values()), features, batch_size)
                cache.put({str(pictures[i][1]): rows[i] for i in readable})
            if on_progress:
                on_progress("examples", start + len(batch), len(missing))
    return rows


def _pixels(path: Path, content: str | None, encoder: Encoder) -> torch.Tensor | None:
    try:
        decoded = read_image(path, min_side=encoder.input_size)
    except InputError:
        return None
    return encoder.preprocess(decoded.image) if decoded.content_digest == content else None


def _encoded(pixels: Sequence[torch.Tensor], features: ImageFeatures, batch_size: int) -> FloatArray:
    """Rows of up to ``batch_size`` pictures, from a batch of just as many (kernels sum by the shape of a batch)."""
    filled = [*pixels, *[pixels[0]] * (batch_size - len(pixels))]
    return features.encode(torch.stack(filled))[: len(pixels)]
