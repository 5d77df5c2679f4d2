"""``auditor run --dry-run``: what an audit would do, how long the pictures take, and how much room they need.

Everything is loaded and checked as an audit does it, but beside its folder and its cache, in a folder that goes. No
figure is guessed: a few batches of the data's own pictures go through both models, and the rest is taken to be alike.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.analysis import Inputs
from auditor.audit_folder import FEATURES_NAME, check_out_folder, is_up_to_date
from auditor.config import AuditConfig
from auditor.errors import InputError
from auditor.extraction.embedding_cache import known_embeddings, open_embedding_cache
from auditor.extraction.extract import extract_features, shard_files
from auditor.extraction.shards import FeatureShards, is_whole
from auditor.figures import counted, duration, size_of
from auditor.inputs.contents import MEMORY_NAME
from auditor.inputs.head_features import what_was_given
from auditor.models.device import find_device
from auditor.pipeline import load_inputs, with_data
from auditor.records import ImageItem, Progress

#: A first batch that took so long is timing enough; after a faster one, this many more are timed, warmed up.
_LONG_SECONDS, _MORE_BATCHES = 10.0, 3


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """What an audit would do; sizes in bytes, times in seconds."""

    data: str
    per_class: tuple[int, ...]  # pictures of each label
    n_pictures: int
    model: str
    encoder: str
    n_concepts: int
    n_extracted: int  # pictures that --resume need not read again
    n_known: int  # of the others, those whose embedding is in the cache
    n_timed: int
    timed_seconds: float  # of the pictures that were timed
    seconds: float  # of all that are left, at the same speed
    disk: int
    free: int
    out: Path
    is_up_to_date: bool

    def lines(self) -> list[str]:
        """For the terminal."""
        smallest, largest = min(self.per_class), max(self.per_class)
        each = f"{largest:,} each" if smallest == largest else f"{smallest:,} to {largest:,} each"
        told = [
            f"data: {self.data}, {counted(self.n_pictures, 'picture')} of {len(self.per_class):,} classes, {each}",
            f"model: {self.model}",
            f"encoder: {self.encoder}; {counted(self.n_concepts, 'concept')}",
        ]
        if self.is_up_to_date:
            return [*told, f"{self.out} holds this audit already: there is nothing to do"]
        left = self.n_pictures - self.n_extracted
        if self.n_extracted:
            told.append(f"extracted before: {counted(self.n_extracted, 'picture')} in {self.out}")
        if left:
            told.append(f"embeddings in the cache: {self.n_known:,} of {left:,}")
            told.append(
                f"time: about {duration(self.seconds)} to bring {counted(left, 'picture')} through the models "
                f"({counted(self.n_timed, 'picture')} took {self.timed_seconds:.1f} s here, now); loading before it "
                "and the evidence after it are not in that; of few pictures the evidence takes several times "
                "as long"
            )
        told.append(
            f"disk: {size_of(self.disk)} in {self.out} for features, thumbnails and the search index, and besides what "
            f"is found; {size_of(self.free)} are free"
        )
        if self.disk > self.free:
            told.append("warning: that is more than is free; give --out a folder on another disk, or --no-thumbnails")
        return [*told, "Nothing was written; the same command without --dry-run does it."]


def plan_audit(config: AuditConfig, *, resume: bool = False, on_progress: Progress | None = None) -> AuditPlan:
    """Load and check what an audit needs, time a few batches, and write nothing.

    Args:
        config: The settings.
        resume: As `auditor.pipeline.run_audit` takes it.
        on_progress: Called with (stage, done, total).

    Raises:
        AuditorError: what would have ended the audit before its pictures are read.
    """
    if config.multi_label and config.one_label is None:
        raise InputError("--dry-run looks at one label of a multi-label classifier: name it with --label")
    check_out_folder(config.out, resume=resume)
    config = with_data(config, on_progress=on_progress)  # into the cache that the audit will use, not the scratch
    with tempfile.TemporaryDirectory(prefix="auditor-dry-run-") as name:
        scratch = Path(name)
        _copy_memory(config.cache_folder, scratch)
        inputs = load_inputs(config.model_copy(update={"cache": scratch}), on_progress=on_progress)
        up_to_date = is_up_to_date(config.out, config, inputs)
        left: list[ImageItem] = []
        for path, items in shard_files(
            inputs.dataset,
            inputs.classifier,
            inputs.encoder,
            folder=config.out / FEATURES_NAME,
            thumbnails=config.thumbnails,
            properties=config.properties,
            features=inputs.features,
        ):
            left += [] if is_whole(path) else items
        digests = [inputs.dataset.contents.get(item.path) for item in left]
        n_known = known_embeddings(config.cache_folder, inputs.encoder.digest, [one for one in digests if one])
        timed = _timed(config, inputs, left, n_known, scratch) if left and not up_to_date else _Timed(0, 0, 0, 0, 0)
    classifier, n = inputs.classifier, len(inputs.dataset.items)
    device = find_device(config.device)
    model = f"{config.model}: the data alone"
    if inputs.predictions is not None:
        model = f"none is run; {what_was_given(inputs.predictions, inputs.features)}"
    if classifier is not None:
        n_outputs, n_channels = classifier.head.weight.shape
        model = (
            f"{config.model} on {device}, {n_channels:,} channels into {n_outputs:,} outputs at "
            f"'{classifier.head_layer}', maps at '{classifier.target_layer}'"
        )
    seconds = timed.seconds_new * (len(left) - n_known) + timed.seconds_known * n_known
    return AuditPlan(
        data=config.data_name,
        per_class=tuple(Counter(item.label for item in inputs.dataset.items if item.label is not None).values()),
        n_pictures=n,
        model=model,
        encoder=f"{config.encoder} on {device}",
        n_concepts=len(inputs.concepts.concepts),
        n_extracted=n - len(left),
        n_known=n_known,
        n_timed=timed.n,
        timed_seconds=timed.seconds,
        seconds=seconds,
        disk=round(timed.n_bytes * len(left)) + 4 * inputs.encoder.dim * n,
        free=shutil.disk_usage(_existing(config.out)).free,
        out=config.out,
        is_up_to_date=up_to_date,
    )


@dataclass(frozen=True, slots=True)
class _Timed:
    """What ``n`` pictures took, and what one takes: with a new embedding, with a known one, and in bytes."""

    n: int
    seconds: float
    seconds_new: float
    seconds_known: float
    n_bytes: float


def _timed(config: AuditConfig, inputs: Inputs, left: Sequence[ImageItem], n_known: int, scratch: Path) -> _Timed:
    """A batch of pictures from all over the data, and a few more where that was quick: what comes first is slower."""
    n_batches = 1 + _MORE_BATCHES
    step = max(1, len(left) // (n_batches * config.batch_size))
    spread = left[::step][: n_batches * config.batch_size]
    timed, more = spread[: config.batch_size], spread[config.batch_size :]
    folder = scratch / "first"
    seconds, shards = _extracted(config, inputs, timed, folder, scratch)
    if more and seconds < _LONG_SECONDS:
        timed, folder = more, scratch / "more"
        seconds, shards = _extracted(config, inputs, timed, folder, scratch)
    again = _extracted(config, inputs, timed, scratch / "again", scratch)[0] if n_known else seconds
    n_bytes = sum(path.stat().st_size for path in folder.iterdir())
    for _, table in shards.picture_tables():  # the database holds the thumbnails once more
        n_bytes += sum(len(thumbnail) for thumbnail in table["thumbnail"].to_pylist() if thumbnail)
    return _Timed(len(timed), seconds, seconds / len(timed), again / len(timed), n_bytes / len(timed))


def _extracted(
    config: AuditConfig, inputs: Inputs, items: Sequence[ImageItem], folder: Path, cache_folder: Path
) -> tuple[float, FeatureShards]:
    """Seconds that some pictures take, and their features."""
    with open_embedding_cache(cache_folder, inputs.encoder.digest, inputs.encoder.dim) as cache:
        start = time.perf_counter()
        shards = extract_features(
            replace(inputs.dataset, items=tuple(items)),
            inputs.classifier,
            inputs.encoder,
            folder=folder,
            cache=cache,
            thumbnails=config.thumbnails,
            batch_size=config.batch_size,
            n_jobs=config.n_jobs,
            properties=config.properties,
            features=inputs.features,
        )
        return time.perf_counter() - start, shards


def _copy_memory(cache_folder: Path, scratch: Path) -> None:
    """What is remembered of the contents of files, so that those are not read again; only audits add to it."""
    memory = cache_folder / MEMORY_NAME
    if memory.is_file():
        shutil.copyfile(memory, scratch / MEMORY_NAME)


def _existing(folder: Path) -> Path:
    """The nearest folder above that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
