"""One pass over the pictures: each is read and decoded once, for the classifier and for the encoder."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from auditor.errors import InputError
from auditor.extraction.embedding_cache import EmbeddingCache
from auditor.extraction.shards import FeatureShards, ShardRows, shard_digest, write_shard
from auditor.inputs.images import read_image, thumbnail_jpeg
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.encoders import Encoder
from auditor.records import Dataset, Failure, FloatArray, ImageItem, Progress

logger = logging.getLogger(__name__)

#: Pictures per shard: what a killed run has to do again at most, and what one chunk of features costs in memory.
SHARD_IMAGES = 256
#: Batches that are decoded ahead of the models.
_AHEAD_BATCHES = 3
THUMBNAIL_SIDE = 160


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A decoded picture, ready for both models."""

    item: ImageItem
    content_digest: str
    size: tuple[int, int]
    for_classifier: torch.Tensor | None
    for_encoder: torch.Tensor | None  # None: its embedding was known
    embedding: FloatArray | None
    thumbnail: bytes | None


def extract_features(
    dataset: Dataset,
    classifier: Classifier | None,
    encoder: Encoder,
    *,
    folder: Path,
    cache: EmbeddingCache,
    thumbnails: bool,
    batch_size: int,
    n_jobs: int,
    on_progress: Progress | None = None,
) -> FeatureShards:
    """Bring every picture of ``dataset`` through both models into shards below ``folder``.

    Shards that are there already are kept, so a run that was killed goes on where it was. Pictures that cannot be
    decoded become failures of their shard.

    Args:
        dataset: The pictures, in order.
        classifier: The model under audit; None when the data alone is audited.
        encoder: Text-image encoder; embeddings found in ``cache`` are not computed again.
        folder: Where the shards go.
        cache: Embeddings by content.
        thumbnails: Whether small JPEGs are kept.
        batch_size: Pictures per forward pass.
        n_jobs: Decoding threads.
        on_progress: Called with ("pictures", done, total).

    Returns:
        The shards, in the order of the data set.

    Raises:
        StoreError: the shards cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = _features_key(classifier, encoder, thumbnails)
    slices = [dataset.items[start : start + SHARD_IMAGES] for start in range(0, len(dataset.items), SHARD_IMAGES)]
    paths = [folder / f"{shard_digest(key, _entries(dataset.root, items))}.parquet" for items in slices]
    done = sum(len(items) for items, path in zip(slices, paths, strict=True) if path.exists())
    if done:
        logger.info("%d of %d pictures were extracted before", done, len(dataset.items))
    with ThreadPoolExecutor(n_jobs) as pool:
        for items, path in zip(slices, paths, strict=True):
            if path.exists():
                continue
            rows = _extract_shard(dataset.root, items, classifier, encoder, cache, thumbnails, batch_size, pool)
            write_shard(path, rows)
            done += len(items)
            if on_progress:
                on_progress("pictures", done, len(dataset.items))
    return FeatureShards(paths)


def _features_key(classifier: Classifier | None, encoder: Encoder, thumbnails: bool) -> str:
    """Digest of all that decides a shard's contents besides the pictures."""
    parts = [classifier.digest if classifier else None, encoder.digest, thumbnails and THUMBNAIL_SIDE]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _entries(root: Path, items: Sequence[ImageItem]) -> list[tuple[str, int, int]]:
    """What tells whether a picture's file has changed: path, size and time of its last change."""
    entries = []
    for item in items:
        try:
            stat = (root / item.path).stat()
            entries.append((item.path, stat.st_size, stat.st_mtime_ns))
        except OSError:
            entries.append((item.path, -1, 0))
    return entries


def _extract_shard(
    root: Path,
    items: Sequence[ImageItem],
    classifier: Classifier | None,
    encoder: Encoder,
    cache: EmbeddingCache,
    thumbnails: bool,
    batch_size: int,
    pool: ThreadPoolExecutor,
) -> ShardRows:
    def prepare(item: ImageItem) -> _Prepared | Failure:
        return _prepare(root, item, classifier, encoder, cache, thumbnails)

    pictures: list[_Prepared] = []  # kept without their tensors
    activations, logits, embeddings = [], [], []
    failures: list[Failure] = []
    for batch in _decoded_batches(items, prepare, batch_size, pool):
        prepared = [picture for picture in batch if isinstance(picture, _Prepared)]
        failures += [picture for picture in batch if isinstance(picture, Failure)]
        if not prepared:
            continue
        if classifier is not None:
            stacked = torch.stack([p.for_classifier for p in prepared if p.for_classifier is not None])
            batch_activations, batch_logits = cam.forward(classifier, stacked)
            activations.append(batch_activations)
            logits.append(batch_logits)
        embeddings.append(_embed(prepared, encoder, cache))
        pictures += [replace(picture, for_classifier=None, for_encoder=None) for picture in prepared]
    n = len(pictures)
    return ShardRows(
        image_ids=tuple(p.item.image_id for p in pictures),
        content_digests=tuple(p.content_digest for p in pictures),
        sizes=tuple(p.size for p in pictures),
        activations=np.concatenate(activations) if activations else np.zeros((n, 0), np.float32),
        logits=np.concatenate(logits) if logits else np.zeros((n, 0), np.float32),
        embeddings=np.concatenate(embeddings) if embeddings else np.zeros((n, encoder.dim), np.float32),
        thumbnails=tuple(p.thumbnail for p in pictures),
        failures=tuple(failures),
    )


def _decoded_batches(
    items: Sequence[ImageItem],
    prepare: Callable[[ImageItem], _Prepared | Failure],
    batch_size: int,
    pool: ThreadPoolExecutor,
) -> Iterator[list[_Prepared | Failure]]:
    """Batches in order, a few decoded ahead, so that decoding and the models overlap and memory stays bounded."""
    pending: deque[list[Future[_Prepared | Failure]]] = deque()
    starts = iter(range(0, len(items), batch_size))

    def submit() -> None:
        start = next(starts, None)
        if start is not None:
            batch = items[start : start + batch_size]
            pending.append([pool.submit(prepare, item) for item in batch])

    for _ in range(_AHEAD_BATCHES):
        submit()
    while pending:
        futures = pending.popleft()
        submit()
        yield [future.result() for future in futures]


def _prepare(
    root: Path,
    item: ImageItem,
    classifier: Classifier | None,
    encoder: Encoder,
    cache: EmbeddingCache,
    thumbnails: bool,
) -> _Prepared | Failure:
    """Read, decode and preprocess one picture for both models; for the encoder only where its content is new."""
    min_side = max(encoder.input_size, classifier.input_size if classifier else 0)
    try:
        decoded = read_image(root / item.path, min_side=min_side)
    except InputError as error:
        return Failure(item.image_id, item.path, "decoding", str(error))
    embedding = cache.get(decoded.content_digest)
    return _Prepared(
        item=item,
        content_digest=decoded.content_digest,
        size=decoded.size,
        for_classifier=classifier.preprocess(decoded.image) if classifier else None,
        for_encoder=encoder.preprocess(decoded.image) if embedding is None else None,
        embedding=embedding,
        thumbnail=thumbnail_jpeg(decoded.image, longest_side=THUMBNAIL_SIDE) if thumbnails else None,
    )


def _embed(prepared: Sequence[_Prepared], encoder: Encoder, cache: EmbeddingCache) -> FloatArray:
    """Embeddings (b, D); those that were not in the cache are computed and added to it."""
    missing = {p.content_digest: p.for_encoder for p in prepared if p.for_encoder is not None}
    fresh: dict[str, FloatArray] = {}
    if missing:
        rows = encoder.encode_images(torch.stack(list(missing.values())))
        fresh = dict(zip(missing, rows, strict=True))
        cache.put(fresh)
    return np.stack([fresh[p.content_digest] if p.embedding is None else p.embedding for p in prepared])
