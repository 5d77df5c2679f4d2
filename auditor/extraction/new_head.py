"""Features of an earlier audit under a new last layer: no picture is read and the network is not run.

What a file of features holds is decided by its name: models, contents of pictures, settings and version. The earlier
audit's names are made again with its model's digest in the place of the new one's, so that features are taken over only
where all but the head is the same; that the body is, the files themselves say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from auditor.errors import InputError
from auditor.extraction.extract import shard_files
from auditor.extraction.shards import FeatureShards, body_of, failed_ids, is_whole, write_with_logits
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.records import Dataset, FloatArray, ImageItem, Progress

logger = logging.getLogger(__name__)

#: What a reader must know of an audit that was made so.
REUSED_NOTICE = (
    "features were taken from an audit of the same network under another last layer; where the evidence lies in "
    "pictures was not looked at, so neither fixed places nor unnamed halves of classes were looked for: audit without "
    "--resume-features for these"
)


def features_under_new_head(
    dataset: Dataset,
    classifier: Classifier | None,
    encoder: Encoder,
    *,
    source: Path,
    digests: Mapping[str, str],
    folder: Path,
    thumbnails: bool,
    batch_size: int,
    properties: bool,
    on_progress: Progress | None = None,
) -> FeatureShards:
    """Take over the features of an audit, with the logits of another head on them.

    Logits come of batches of the size and order of an extraction, so that they are those that one would give.

    Args:
        dataset: The pictures, in order.
        classifier: The model with the new head.
        encoder: As the earlier audit's.
        source: Folder of the earlier audit's features.
        digests: The earlier audit's, by their names in ``audit.json``.
        folder: Where the new ones go.
        thumbnails: As the earlier audit's settings.
        batch_size: As the earlier audit's; another one may change logits by rounding.
        properties: As the earlier audit's settings.
        on_progress: Called with ("pictures", done, total).

    Raises:
        InputError: the features are of another body, of other pictures or settings, damaged or gone; says which.
        StoreError: they cannot be written.
    """
    if classifier is None or classifier.body is None:
        raise InputError(
            "--resume-features needs a model whose head is one plain linear layer; leave it out, and the pictures go "
            "through the model"
        )
    audited = replace(classifier, digest=str(digests.get("model")))
    earlier = shard_files(dataset, audited, encoder, folder=source, thumbnails=thumbnails, properties=properties)
    made = shard_files(
        dataset, classifier, encoder, folder=folder, thumbnails=thumbnails, properties=properties, marked="new head"
    )
    _check(earlier, classifier, encoder, dataset, source, digests)
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for (old, items), (new, _) in zip(earlier, made, strict=True):
        if not (new.exists() and is_whole(new)):
            write_with_logits(old, new, _logits(classifier, _readable(items, failed_ids(old)), batch_size))
        done += len(items)
        if on_progress:
            on_progress("pictures", done, len(dataset.items))
    return FeatureShards([path for path, _ in made])


def bodies_at(source: Path) -> set[str | None]:
    """Of which networks the features in a folder are, damaged files left out; None stands for those that do not say."""
    return {body_of(path) for path in source.glob("*.parquet") if is_whole(path)} if source.is_dir() else set()


def _check(
    files: Sequence[tuple[Path, tuple[ImageItem, ...]]],
    classifier: Classifier,
    encoder: Encoder,
    dataset: Dataset,
    source: Path,
    digests: Mapping[str, str],
) -> None:
    """Find out before anything is written."""
    again = "leave out --resume-features, and the pictures go through the model"
    here = sorted(source.glob("*.parquet")) if source.is_dir() else []
    if not here:
        raise InputError(f"there are no features at {source}: {again}")
    bodies = bodies_at(source)
    if None in bodies or not bodies:
        raise InputError(f"the features at {source} are damaged, or do not say which network they are of: {again}")
    if bodies != {classifier.body}:
        found = ", ".join(sorted(str(body)[:12] for body in bodies))
        raise InputError(
            f"the network before the last layer is not that of the features at {source} (digest "
            f"{str(classifier.body)[:12]}, expected {found}), by its weights or its preprocessing: {again}"
        )
    for name, digest in (("data", dataset.digest), ("encoder", encoder.digest)):
        if digests.get(name) != digest:
            raise InputError(f"the features at {source} are of another {name} (digest {digest[:12]}): {again}")
    missing = [path for path, _ in files if not path.exists()]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(files)} files of features are not at {source}: they are of other settings "
            f"(--no-thumbnails, --no-properties, --target-layer), of another version of auditor, or gone; {again}"
        )
    damaged = [path.name for path, _ in files if not is_whole(path)]
    if damaged:
        raise InputError(f"{len(damaged)} files of features at {source} are damaged (first: {damaged[0]}): {again}")


def _readable(items: Sequence[ImageItem], failed: set[str]) -> list[str | None]:
    """Ids by the places that pictures had in their shard, None where one could not be read."""
    return [None if item.image_id in failed else item.image_id for item in items]


def _logits(
    classifier: Classifier, places: Sequence[str | None], batch_size: int
) -> Callable[[Sequence[str], FloatArray], FloatArray]:
    head = classifier.module.get_submodule(classifier.head_layer)

    def logits_of(image_ids: Sequence[str], activations: FloatArray) -> FloatArray:
        row_of = {image_id: row for row, image_id in enumerate(image_ids)}
        found = np.zeros((len(image_ids), classifier.n_classes), np.float32)
        for start in range(0, len(places), batch_size):
            batch = places[start : start + batch_size]
            rows = {at: row_of[image_id] for at, image_id in enumerate(batch) if image_id is not None}
            if not rows:
                continue
            filled = [rows.get(at, next(iter(rows.values()))) for at in range(batch_size)]
            with torch.inference_mode():
                given = head(torch.from_numpy(activations[filled]).to(classifier.device))
            logits = (cam.two_classes(given) if classifier.one_logit else given).float().cpu().numpy()
            found[list(rows.values())] = logits[list(rows)]
        return found

    return logits_of
