"""One pass over the pictures: each is read and decoded once, for the classifier and for the encoder.

What comes of a picture does not depend on the others. Kernels choose how they sum by the shape of a batch (a batch of
one picture differs from one of 32 by 6e-8), so every forward pass has ``batch_size`` pictures: each has its place in
its shard, and places whose picture cannot be read, is known already or is not there are filled with another one.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from auditor.errors import InputError, ModelError
from auditor.extraction.embedding_cache import EmbeddingCache
from auditor.extraction.shards import FeatureShards, ShardRows, is_whole, shard_digest, write_shard
from auditor.inputs.contents import file_digest
from auditor.inputs.head_features import HeadFeatures
from auditor.inputs.images import DecodedImage, read_image, thumbnail_jpeg
from auditor.inputs.masks import cover_object, covered_digest
from auditor.inputs.near_copies import FINGERPRINT_BYTES, fingerprint
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.place_cells import evidence_shares
from auditor.place_grid import N_CELLS
from auditor.properties.measure import MEASURES, measure_pixels, packed
from auditor.records import MASK_STAGE, Dataset, Failure, FloatArray, ImageItem, IntArray, Progress
from auditor.textcam.attribution import centred_weights
from auditor.version import auditor_version
from auditor.wording import SHOWN_PATH_CHARS, quote

logger = logging.getLogger(__name__)

#: Pictures per shard: what a killed run has to do again at most, and what one chunk of features costs in memory.
SHARD_IMAGES = 256
#: Batches that are decoded ahead of the models.
_AHEAD_BATCHES = 3
THUMBNAIL_SIDE = 160
#: Pictures of a class, in a shard, that get a map where a map takes a pass of its own.
_MAPPED = 32


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """Another output of the module that is passed through, whose features go into a folder of their own.

    Attributes:
        classifier: Of the same module and layers, with a head of its own.
        folder: Where its shards go.
        labels: Of all N pictures, by this output's classes.
    """

    classifier: Classifier
    folder: Path
    labels: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Head:
    """A classifier, and the ids of the pictures of a shard that get its map."""

    classifier: Classifier
    mapped: set[str]


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What the encoder is to see: a picture as it is, or with its object covered."""

    content_digest: str
    key: str  # under which its embedding is cached
    pixels: torch.Tensor | None  # None: its embedding was known
    embedding: FloatArray | None


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A decoded picture, ready for both models."""

    item: ImageItem
    size: tuple[int, int]
    for_classifier: torch.Tensor | None
    whole: _View
    surroundings: _View | None  # None without a usable mask
    mask_failure: Failure | None
    thumbnail: bytes | None
    fingerprint: bytes
    properties: str | None  # packed; None: not measured
    wide_peak: float | None  # see `images.DecodedImage`, as the next
    see_through: bool


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
    properties: bool = False,
    features: HeadFeatures | None = None,
    shapes: dict[tuple[int, ...], str] | None = None,
    beside: Sequence[Beside] = (),
    on_progress: Progress | None = None,
) -> FeatureShards:
    """Bring every picture of ``dataset`` through both models into shards below ``folder``.

    Shards that are there already and whole are kept, so a run that was killed goes on where it was; they go by
    contents, so that one is made anew where a picture or a mask of it holds something else. Pictures that cannot be
    decoded become failures of their shard, and so do masks that cannot be used; their pictures stay.

    Args:
        dataset: The pictures, in order.
        classifier: The model under audit; None when the data alone is audited.
        encoder: Text-image encoder; embeddings found in ``cache`` are not computed again.
        folder: Where the shards go.
        cache: Embeddings by content.
        thumbnails: Whether small JPEGs are kept.
        batch_size: Pictures per forward pass, of both models; another size may change features by rounding.
        n_jobs: Decoding threads.
        properties: Whether what can be measured of pictures and files is kept.
        features: Inputs of a head, of all pictures, where there is no classifier to give them.
        shapes: Is given the shapes of what goes into the classifier, each with the first picture that has it.
        beside: Other outputs of the classifier's module, whose shards are written in the same pass.
        on_progress: Called with ("pictures", done, total).

    Returns:
        The shards, in the order of the data set.

    Raises:
        StoreError: the shards cannot be written.
        InputError: a picture or a mask changed since the data set was loaded.
        ModelError: the classifier's own code raised something, its transform gives pictures of two shapes, or it
            answers with values that are not finite; the picture is named.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = shard_files(
        dataset, classifier, encoder, folder=folder, thumbnails=thumbnails, properties=properties, features=features
    )
    of_slice: dict[Path, list[Path]] = {path: [path] for path, _ in files}  # all files of a slice
    for one in beside:
        one.folder.mkdir(parents=True, exist_ok=True)
        own = shard_files(
            dataset, one.classifier, encoder, folder=one.folder, thumbnails=thumbnails, properties=properties
        )
        for (path, _), (other, _) in zip(files, own, strict=True):
            of_slice[path].append(other)
    left = left_to_extract(files, len(dataset.items), of_slice)
    done = len(dataset.items) - sum(len(items) for _, items in left)

    def told(within_shard: int) -> None:
        if on_progress:
            on_progress("pictures", done + within_shard, len(dataset.items))

    shapes = {} if shapes is None else shapes
    with ThreadPoolExecutor(n_jobs) as pool:
        waiting = {path for path, _ in left}
        for at, (path, items) in enumerate(files):
            if path not in waiting:
                continue
            part = slice(at * SHARD_IMAGES, at * SHARD_IMAGES + len(items))
            heads = [_Head(classifier, _mapped(items))] if classifier else []
            heads += [_Head(one.classifier, _mapped(items, one.labels[part])) for one in beside]
            of_heads = _extract_shard(
                dataset, items, heads, encoder, cache, thumbnails, properties, batch_size, pool, shapes, told
            )
            if features is not None:
                path_of = {item.image_id: item.path for item in items}
                activations, logits = features.of([path_of[image_id] for image_id in of_heads[0].image_ids])
                of_heads = [replace(of_heads[0], activations=activations, logits=logits)]
            for file, rows in zip(of_slice[path], of_heads, strict=True):
                write_shard(file, rows)
            done += len(items)
    return FeatureShards([path for path, _ in files])


def shard_files(
    dataset: Dataset,
    classifier: Classifier | None,
    encoder: Encoder,
    *,
    folder: Path,
    thumbnails: bool,
    properties: bool = False,
    features: HeadFeatures | None = None,
    marked: str = "",
) -> list[tuple[Path, tuple[ImageItem, ...]]]:
    """Each file of features, there or not, with the pictures that go into it; arguments as `extract_features`.

    ``marked`` tells apart files that hold less than those of a whole extraction.
    """
    key = _features_key(classifier or features, encoder, thumbnails, properties) + marked
    slices = [dataset.items[start : start + SHARD_IMAGES] for start in range(0, len(dataset.items), SHARD_IMAGES)]
    return [(folder / f"{shard_digest(key, _entries(dataset, items))}.parquet", items) for items in slices]


def left_to_extract(
    files: Sequence[tuple[Path, tuple[ImageItem, ...]]],
    n_pictures: int,
    of_slice: Mapping[Path, Sequence[Path]] | None = None,
) -> list[tuple[Path, tuple[ImageItem, ...]]]:
    """Those of `shard_files` that are not there whole; says how many of all pictures were extracted before.

    ``of_slice`` has by file all that must be there of its pictures, itself among them; it alone unless given.
    """
    needed = of_slice or {path: [path] for path, _ in files}
    there = [path for paths in needed.values() for path in paths if path.exists()]
    whole = {path for path in there if is_whole(path)}
    if len(whole) < len(there):
        logger.warning(
            "%d of %d files of features are damaged, or without their checksum: their pictures are extracted again",
            len(there) - len(whole),
            len(there),
        )
    left = [(path, items) for path, items in files if not whole.issuperset(needed[path])]
    done = n_pictures - sum(len(items) for _, items in left)
    if done:
        logger.info("%d of %d pictures were extracted before", done, n_pictures)
    return left


def decoded_side(classifier: Classifier | None, encoder: Encoder) -> int:
    """Short side of a picture that its decoder does not go below: what the larger of both models takes."""
    return max(encoder.input_size, classifier.input_size if classifier else 0)


def _features_key(
    source: Classifier | HeadFeatures | None, encoder: Encoder, thumbnails: bool, properties: bool
) -> str:
    """Digest of all that decides a shard's contents besides the pictures."""
    models = [source.digest if source else None, encoder.digest]
    # Of one module another head may be found (by the number of labels), and another layer mapped (by the settings).
    found = [*map(astuple, source.head_parts), astuple(source.target)] if isinstance(source, Classifier) else []
    if isinstance(source, Classifier) and source.label_output is not None:
        found.append(astuple(source.label_output))
    kept = [thumbnails and THUMBNAIL_SIDE, FINGERPRINT_BYTES, N_CELLS, properties and MEASURES]
    parts = [*models, *found, *kept, auditor_version()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _entries(dataset: Dataset, items: Sequence[ImageItem]) -> list[tuple[str | None, ...]]:
    """Path and contents of every picture and of its mask."""
    return [
        tuple(
            fact
            for path in (item.path, item.mask_path)
            if path is not None
            for fact in (path, dataset.contents.get(path))
        )
        for item in items
    ]


def _extract_shard(
    dataset: Dataset,
    items: Sequence[ImageItem],
    heads: Sequence[_Head],
    encoder: Encoder,
    cache: EmbeddingCache,
    thumbnails: bool,
    properties: bool,
    batch_size: int,
    pool: ThreadPoolExecutor,
    shapes: dict[tuple[int, ...], str],
    told: Callable[[int], None],
) -> list[ShardRows]:
    """The pictures of a shard, once for each of the heads of one module; once where there is none."""
    classifier = heads[0].classifier if heads else None

    def prepare(item: ImageItem) -> _Prepared | Failure:
        return _prepare(dataset, item, classifier, encoder, cache, thumbnails, properties)

    pictures: list[_Prepared] = []  # kept without their tensors
    activations, embeddings, surroundings = [], [], []
    decided: list[list[tuple[FloatArray, FloatArray]]] = [[] for _ in heads]  # logits and places, by head and batch
    failures: list[Failure] = []
    seen = 0
    for batch in _decoded_batches(items, prepare, batch_size, pool):
        seen += len(batch)
        readable = {place: picture for place, picture in enumerate(batch) if isinstance(picture, _Prepared)}
        failures += [picture for picture in batch if isinstance(picture, Failure)]
        if not readable:
            told(seen)
            continue
        if classifier is not None:
            for picture in readable.values():
                if picture.for_classifier is not None:
                    shapes.setdefault(tuple(picture.for_classifier.shape), picture.item.path)
            check_one_shape(classifier, shapes)
            full = _full_batch({at: picture.for_classifier for at, picture in readable.items()}, batch_size)
            wanted = [
                np.array([at for at, picture in readable.items() if picture.item.image_id in head.mapped], np.int64)
                for head in heads
            ]
            batch_activations, of_batch = _decided([head.classifier for head in heads], full, wanted)
            activations.append(batch_activations[list(readable)])
            for found, (batch_logits, batch_places) in zip(decided, of_batch, strict=True):
                _check_finite(classifier, readable, batch_activations, batch_logits)
                found.append((batch_logits[list(readable)], batch_places[list(readable)]))
        whole = {at: picture.whole for at, picture in readable.items()}
        around = {at: picture.surroundings for at, picture in readable.items()}
        embeddings.append(_embed(whole, encoder, cache, batch_size))
        surroundings.append(_embed(around, encoder, cache, batch_size))
        pictures += [_without_pixels(picture) for picture in readable.values()]
        told(seen)
    n = len(pictures)
    rows = ShardRows(
        image_ids=tuple(p.item.image_id for p in pictures),
        content_digests=tuple(p.whole.content_digest for p in pictures),
        sizes=tuple(p.size for p in pictures),
        activations=np.concatenate(activations) if activations else np.zeros((n, 0), np.float32),
        logits=np.zeros((n, 0), np.float32),
        embeddings=np.concatenate(embeddings) if embeddings else np.zeros((n, encoder.dim), np.float32),
        surroundings=np.concatenate(surroundings) if surroundings else np.zeros((n, encoder.dim), np.float32),
        thumbnails=tuple(p.thumbnail for p in pictures),
        fingerprints=tuple(p.fingerprint for p in pictures),
        properties=tuple(p.properties for p in pictures if p.properties is not None),
        failures=(*failures, *(p.mask_failure for p in pictures if p.mask_failure is not None)),
        wide_peaks=tuple(p.wide_peak for p in pictures),
        see_through=tuple(p.see_through for p in pictures),
        body=classifier.body if classifier is not None else None,
    )
    if not pictures or not heads:
        return [rows] * max(1, len(heads))
    return [
        replace(
            rows,
            logits=np.concatenate([logits for logits, _ in of_head]),
            places=np.concatenate([places for _, places in of_head]),
        )
        for of_head in decided
    ]


def check_one_shape(classifier: Classifier, shapes: Mapping[tuple[int, ...], str]) -> None:
    """Pictures of two shapes fit in no batch, and what a model makes of them is not compared.

    Raises:
        ModelError: names two shapes, each with a picture.
    """
    if len(shapes) > 1:
        found = [f"{shape} for {quote(path, SHOWN_PATH_CHARS)}" for shape, path in shapes.items()][:2]
        raise ModelError(
            f"transform of {classifier.spec} gives pictures of two shapes, {' and '.join(found)}; expected one shape: "
            "let it resize and crop to fixed sides, or give --preprocess"
        )


def _check_finite(
    classifier: Classifier, readable: Mapping[int, _Prepared], activations: FloatArray, logits: FloatArray
) -> None:
    for at, picture in readable.items():
        if not (np.isfinite(activations[at]).all() and np.isfinite(logits[at]).all()):
            path = quote(picture.item.path, SHOWN_PATH_CHARS)
            raise ModelError(
                f"model {classifier.spec} answers picture {path} with values that are not finite; "
                "expected finite logits: mend the model or its weights, or take the picture out"
            )


def _mapped(items: Sequence[ImageItem], labels: Sequence[str | None] | None = None) -> set[str]:
    """Ids of some pictures of every class of a shard, which nothing but the shard decides."""
    by_label: dict[str | None, list[str]] = {}
    for item, label in zip(items, labels or [item.label for item in items], strict=True):
        by_label.setdefault(label, []).append(item.image_id)
    return {image_id for ids in by_label.values() for image_id in ids[:_MAPPED]}


def _decided(
    classifiers: Sequence[Classifier], batch: torch.Tensor, wanted: Sequence[IntArray]
) -> tuple[FloatArray, list[tuple[FloatArray, FloatArray]]]:
    """Features (b, K), and by classifier logits (b, C) and where the evidence for what each picture is called lies.

    The classifiers are outputs of one module, through which the batch goes once. Shares of the evidence are (b, 9).
    Where a map takes a pass of its own, it is drawn of the pictures that are ``wanted`` alone; the others have NaN.
    """
    first = classifiers[0]
    weights = [centred_weights(one.head) for one in classifiers]
    if first.target.method == "cam":
        if len(classifiers) == 1:
            activations, logits, maps = cam.forward_with_maps(first, batch, weights[0])
            return activations, [(logits, evidence_shares(maps))]
        activations, of_outputs = cam.forward_outputs_with_maps(first, batch, [one.head for one in classifiers])
        return activations, [(logits, evidence_shares(maps)) for logits, maps in of_outputs]
    activations, logits = cam.forward(first, batch)
    of_all = [logits, *(activations @ one.head.weight.T + one.head.bias for one in classifiers[1:])]
    places = [np.full((len(batch), N_CELLS), np.nan, np.float32) for _ in classifiers]
    if any(rows.size for rows in wanted):
        asked = np.stack([w[found.argmax(axis=1)] for w, found in zip(weights, of_all, strict=True)], axis=1)
        maps = cam.response_maps(first, batch, asked)
        for at, rows in enumerate(wanted):
            places[at][rows] = evidence_shares(maps[:, at])[rows]
    return activations, list(zip(of_all, places, strict=True))


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
    dataset: Dataset,
    item: ImageItem,
    classifier: Classifier | None,
    encoder: Encoder,
    cache: EmbeddingCache,
    thumbnails: bool,
    properties: bool,
) -> _Prepared | Failure:
    """Read, decode and preprocess one picture for both models; for the encoder only where its content is new."""
    try:
        decoded = read_image(dataset.root / item.path, min_side=decoded_side(classifier, encoder))
    except InputError as error:
        if file_digest(dataset.root / item.path) != dataset.contents.get(item.path):
            raise _changed(item.path) from error
        return Failure(item.image_id, item.path, "decoding", str(error))
    if decoded.content_digest != dataset.contents.get(item.path):
        raise _changed(item.path)
    surroundings, mask_failure = None, None
    if item.mask_path is not None:
        try:
            covered = cover_object(decoded, dataset.root / item.mask_path)
        except InputError as error:
            if file_digest(dataset.root / item.mask_path) != dataset.contents.get(item.mask_path):
                raise _changed(item.mask_path) from error
            mask_failure = Failure(item.image_id, item.mask_path, MASK_STAGE, str(error))
        else:
            expected = covered_digest(decoded.content_digest, dataset.contents.get(item.mask_path))
            if covered.content_digest != expected:
                raise _changed(item.mask_path)
            surroundings = _view(covered, encoder, cache)
    return _Prepared(
        item=item,
        size=decoded.size,
        for_classifier=_for_classifier(classifier, decoded, item.path) if classifier else None,
        whole=_view(decoded, encoder, cache),
        surroundings=surroundings,
        mask_failure=mask_failure,
        thumbnail=thumbnail_jpeg(decoded.image, longest_side=THUMBNAIL_SIDE) if thumbnails else None,
        fingerprint=fingerprint(decoded.image),
        properties=_measured(decoded) if properties else None,
        wide_peak=decoded.wide_peak,
        see_through=decoded.see_through,
    )


def _for_classifier(classifier: Classifier, decoded: DecodedImage, path: str) -> torch.Tensor:
    """(3, H, W); a transform of the user's that fails on it names the picture."""
    try:
        return classifier.preprocess(decoded.image)
    except ModelError as error:
        raise ModelError(f"picture {quote(path, SHOWN_PATH_CHARS)}: {error}") from error


def _measured(decoded: DecodedImage) -> str:
    """What the file says and what its pixels are, packed."""
    found = {**decoded.facts, **measure_pixels(decoded.image)}
    if decoded.image.size != decoded.size:  # scaled down while it was decoded, blocks and all
        found.pop("blockiness", None)
    return packed(found)


def _changed(path: str) -> InputError:
    """A shard is named by the contents that the data set was loaded with, so it must hold no others."""
    return InputError(
        f"{quote(path)} changed while it was audited; run again with --resume when nothing writes to the data"
    )


def _view(decoded: DecodedImage, encoder: Encoder, cache: EmbeddingCache) -> _View:
    """A picture for the encoder, preprocessed only where its content is new."""
    key = decoded.content_digest
    if decoded.image.size != decoded.size:
        # The classifier's wish decides as well how far a large JPEG is scaled down by its decoder, and the encoder sees
        # the difference.
        key = "{} at {}x{}".format(key, *decoded.image.size)
    known = cache.get(key)
    return _View(decoded.content_digest, key, encoder.preprocess(decoded.image) if known is None else None, known)


def _without_pixels(picture: _Prepared) -> _Prepared:
    surroundings = None if picture.surroundings is None else replace(picture.surroundings, pixels=None)
    whole = replace(picture.whole, pixels=None)
    return replace(picture, for_classifier=None, whole=whole, surroundings=surroundings)


def _full_batch(pixels: Mapping[int, torch.Tensor | None], batch_size: int) -> torch.Tensor:
    """(batch_size, 3, H, W) with every picture in its place, and the first one in the places that are left."""
    given = {at: one for at, one in pixels.items() if one is not None}
    first = next(iter(given.values()))
    return torch.stack([given.get(at, first) for at in range(batch_size)])


def _embed(views: Mapping[int, _View | None], encoder: Encoder, cache: EmbeddingCache, batch_size: int) -> FloatArray:
    """Embeddings (b, D) of views by their places, NaN where there is none; new ones are computed and cached.

    Of equal pictures the first one counts: those of an earlier batch that was not through when this one was prepared
    are found in the cache now.
    """
    rows = {view.key: view.embedding for view in views.values() if view is not None and view.embedding is not None}
    missing: dict[str, int] = {}
    for at, view in views.items():
        if view is not None and view.key not in rows and view.key not in missing:
            known = cache.get(view.key)
            if known is None:
                missing[view.key] = at
            else:
                rows[view.key] = known
    if missing:
        pixels = {at: view.pixels for at, view in views.items() if view is not None and at in missing.values()}
        encoded = encoder.encode_images(_full_batch(pixels, batch_size))
        fresh = {key: encoded[at] for key, at in missing.items()}
        cache.put(fresh)
        rows |= fresh
    nothing = np.full(encoder.dim, np.nan, np.float32)
    return np.stack([nothing if view is None else rows[view.key] for view in views.values()])
