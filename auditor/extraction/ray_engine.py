"""The pass over the pictures on a Ray cluster: workers that hold both models, each with one shard at a time.

A shard is what it is with the local engine (the same pictures, order and batches, under the same name), and the same
function makes it; a worker is handed the shard's pictures and writes its file into the audit's folder, which all nodes
see. Nothing else travels: no feature passes through the machine that began the audit.

A worker that is lost is replaced and its shard goes to whichever worker is free. That is not left to Ray's retries,
which bind a shard to its actor: where a node leaves and no other has room, they wait for ever, and the shard with them.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
import socket
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditor.config import AuditConfig
from auditor.errors import AuditorError, InputError, ModelError, StoreError
from auditor.extraction.embedding_cache import open_embedding_cache
from auditor.extraction.extract import check_one_shape, extract_features, left_to_extract, shard_files
from auditor.extraction.shards import FeatureShards, is_whole
from auditor.inputs.head_features import HeadFeatures
from auditor.models.classifier import Classifier
from auditor.models.device import find_device
from auditor.models.encoders.encoder import Encoder
from auditor.models.encoders.load import load_encoder
from auditor.models.load_classifier import classifier_of
from auditor.records import Dataset, ImageItem, Progress
from auditor.wording import quote

logger = logging.getLogger(__name__)

#: How often one shard may be lost before that is no accident: its pictures may be what ends the workers.
_MOST_TRIES = 4
#: Seconds without a single worker, lost ones not replaced for want of room, after which the audit gives up.
_PATIENCE_SECONDS = 600.0
#: Seconds between two looks at whether there is a worker.
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """What every worker must know."""

    config: AuditConfig
    features: HeadFeatures | None
    folder: Path  # of the shards
    token: str  # name of a file in it that a worker must see
    host: str
    working_folder: Path
    n_labels: int
    model_digest: str | None
    encoder_digest: str


class _Worker:
    """Both models on some node. The models are not loaded when it is made, so that an error comes with its words."""

    def __init__(self, job: Any) -> None:
        self._job: _Job = job
        self._classifier: Classifier | None = None
        self._encoder: Encoder | None = None

    def prepare(self) -> str:
        """Load what the job needs and check that it is the same here; the name of the node."""
        job, node = self._job, socket.gethostname()
        if not (job.folder / job.token).is_file():
            raise StoreError(
                f"the audit's folder {job.folder} is not shared with node {quote(node)}: what is written there is not "
                "seen from it; give --out a folder on a disk that all nodes mount under the same path"
            )
        with suppress(OSError):  # relative paths of the settings begin in it
            os.chdir(job.working_folder)
        device = find_device(job.config.device)
        self._classifier = classifier_of(job.config, n_labels=job.n_labels, device=device)
        self._encoder = load_encoder(job.config.encoder, device=device)
        found = [self._classifier.digest if self._classifier else None, self._encoder.digest]
        for what, here, wanted in zip(("model", "encoder"), found, (job.model_digest, job.encoder_digest), strict=True):
            if here != wanted:
                raise ModelError(
                    f"node {quote(node)} loads another {what} than the machine that began the audit (digest "
                    f"{str(here)[:12]}, expected {str(wanted)[:12]}): put the same weights, code and versions of "
                    "packages on all nodes"
                )
        return node

    def extract(self, part: Dataset, name: str) -> tuple[str, dict[tuple[int, ...], str]]:
        """Write the one shard of some pictures; the name of the node, and the shapes that the classifier was given."""
        job, config, node = self._job, self._job.config, socket.gethostname()
        if self._encoder is None:
            raise RuntimeError("extract() before prepare()")
        what: dict[str, Any] = {
            "thumbnails": config.thumbnails,
            "properties": config.properties,
            "features": job.features,
        }
        (path, _), *_ = shard_files(part, self._classifier, self._encoder, folder=job.folder, **what)
        if path.name != name:
            raise StoreError(
                f"node {quote(node)} would write features {path.stem[:12]}, expected {name[:12]}: its auditor is not "
                "the one that began the audit; install the same version on all nodes"
            )
        # SQLite keeps processes of one machine from each other, not machines that share a disk.
        cache_folder = config.cache_folder
        if node != job.host:
            cache_folder = cache_folder / f"node-{node}"
        shapes: dict[tuple[int, ...], str] = {}
        with open_embedding_cache(cache_folder, self._encoder.digest, self._encoder.dim) as cache:
            extract_features(
                part,
                self._classifier,
                self._encoder,
                folder=job.folder,
                cache=cache,
                batch_size=config.batch_size,
                n_jobs=config.jobs or max(1, round(config.ray_cpus)),
                shapes=shapes,
                **what,
            )
        return node, shapes


def check_ray() -> None:
    """Refuse the engine where Ray is not installed, before anything is loaded.

    Raises:
        InputError: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError(
            "engine 'ray' needs the package ray, which is not installed: pip install 'auditor[ray]', here and on every "
            "node, or leave --engine out"
        )


def extract_on_ray(
    config: AuditConfig,
    dataset: Dataset,
    classifier: Classifier | None,
    encoder: Encoder,
    *,
    folder: Path,
    features: HeadFeatures | None = None,
    on_progress: Progress | None = None,
) -> FeatureShards:
    """Bring every picture through both models on a Ray cluster, as `extract_features` does in this process.

    The cluster is the one at ``RAY_ADDRESS``; where that is not set, or "local", one is started on this machine, which
    listens to this machine alone and goes with the extraction. A cluster that the process is connected to already is
    used as it is.

    Args:
        config: Names the models, which every worker loads for itself, and what a worker takes of the cluster.
        dataset: The pictures; their files lie under the same path on every node.
        classifier: As it was loaded here, to compare with what the workers load.
        encoder: Likewise.
        folder: Where the shards go; all nodes must see it.
        features: Inputs of a head, where there is no classifier to give them.
        on_progress: Called with ("pictures", done, total), shard by shard.

    Returns:
        The shards, in the order of the data set: the same names as those of the local engine, and the same contents
        (up to rounding where nodes have other processors, or threads).

    Raises:
        InputError: no cluster answers, its version differs, or none of its nodes has room for a worker.
        StoreError: the folder is not shared; a shard was lost again and again; no worker was left.
        AuditorError: whatever a worker meets that the local engine would refuse, too.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    files = shard_files(
        dataset,
        classifier,
        encoder,
        folder=folder,
        thumbnails=config.thumbnails,
        properties=config.properties,
        features=features,
    )
    waiting = left_to_extract(files, len(dataset.items))
    if waiting:
        token = folder / f"seen-by-all-{uuid.uuid4().hex}"
        job = _Job(
            config=config.model_copy(update={"data": dataset.root}),  # what an address holds of keys stays here
            features=features,
            folder=folder,
            token=token.name,
            host=socket.gethostname(),
            working_folder=Path.cwd(),
            n_labels=len(dataset.labels),
            model_digest=classifier.digest if classifier else None,
            encoder_digest=encoder.digest,
        )
        token.touch()
        try:
            with _cluster() as ray:
                _Crew(ray, job, classifier).work_off(dataset, waiting, on_progress)
        finally:
            token.unlink(missing_ok=True)
    return FeatureShards([path for path, _ in files])


@contextmanager
def _cluster() -> Iterator[Any]:
    """Ray, connected to a cluster that is there or is started for this."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what is audited is nobody's business
    os.environ.setdefault("RAY_worker_niceness", "0")  # on this machine workers are the work, not what stands aside
    import ray

    if ray.is_initialized():
        yield ray
        return
    address = os.environ.get("RAY_ADDRESS") or "local"
    own: dict[str, Any] = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address == "local" else {}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (RuntimeError, ValueError, ImportError, OSError, ray.exceptions.RayError) as error:
        raise InputError(
            f"no Ray cluster can be used at {quote(address)}: {_reason(error)}; this is Ray {ray.__version__} on "
            f"Python {platform.python_version()}, and the cluster must have the same: mend RAY_ADDRESS, or unset it to "
            "use this machine alone"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


class _Crew:
    """The workers of one extraction, the shards that they have, and those that wait."""

    def __init__(self, ray: Any, job: _Job, classifier: Classifier | None) -> None:
        self._ray, self._job, self._classifier = ray, job, classifier
        self._shared = ray.put(job)
        config = job.config
        self._actor = ray.remote(_Worker).options(num_cpus=config.ray_cpus, num_gpus=config.ray_gpus)
        #: What was asked of whom: a worker, and its shard, or None while it loads the models.
        self._asked: dict[Any, tuple[Any, _Shard | None]] = {}
        self._hired: list[Any] = []  # all of them, so that none outlives the extraction in a cluster of somebody's own
        self._last_loss = ""
        self._n_hired_first = 0
        self._n_lost_loading = 0  # in a row

    def work_off(
        self, dataset: Dataset, files: Sequence[tuple[Path, tuple[ImageItem, ...]]], on_progress: Progress | None
    ) -> None:
        """Have all files written, and let the workers go, however that ends; errors as `extract_on_ray`."""
        try:
            self._work_off(dataset, files, on_progress)
        finally:
            for worker in self._hired:
                self._ray.kill(worker)

    def _work_off(
        self, dataset: Dataset, files: Sequence[tuple[Path, tuple[ImageItem, ...]]], on_progress: Progress | None
    ) -> None:
        waiting = deque(_Shard(path, items) for path, items in files)
        total = len(dataset.items)
        done = total - sum(len(shard.items) for shard in waiting)
        shapes: dict[tuple[int, ...], str] = {}
        self._n_hired_first = min(self._n_workers(), len(waiting))
        for _ in range(self._n_hired_first):
            self._hire()
        free: list[Any] = []
        alone_since = time.monotonic()
        while waiting or any(shard for _, shard in self._asked.values()):
            ready, _ = self._ray.wait(list(self._asked), num_returns=1, timeout=_LOOK_SECONDS)
            if any(shard for _, shard in self._asked.values()):
                alone_since = time.monotonic()
            elif not ready and time.monotonic() - alone_since > _PATIENCE_SECONDS:
                told = f" (the last one was lost: {self._last_loss})" if self._last_loss else ""
                raise StoreError(
                    f"no Ray worker for {_PATIENCE_SECONDS / 60:.0f} minutes{told}: the cluster has no room for one "
                    f"of {self._job.config.ray_cpus:g} CPUs and {self._job.config.ray_gpus:g} GPUs; add nodes, then "
                    "run again with --resume"
                )
            for answer in ready:
                worker, shard = self._asked.pop(answer)
                lost = self._outcome(answer, shard, shapes)
                if lost is None:
                    free.append(worker)
                    self._n_lost_loading = 0
                    if shard is not None:
                        done += len(shard.items)
                        if on_progress:
                            on_progress("pictures", done, total)
                else:
                    self._last_loss = lost
                    logger.warning("a Ray worker was lost (%s): another one goes on with its pictures", lost)
                    self._ray.kill(worker)
                    if shard is None:
                        self._n_lost_loading += 1
                        self._refuse_to_go_on_loading()
                    else:
                        waiting.appendleft(shard.lost(lost))
                    if not free:
                        self._hire()
            while waiting and free:
                self._give(free.pop(), waiting.popleft(), dataset)

    def _n_workers(self) -> int:
        """As many as the settings ask for, else as many as there is room for now.

        Raises:
            InputError: not one has room on any node.
        """
        config = self._job.config
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        room = [
            int(
                min(
                    node.get("CPU", 0) / config.ray_cpus,
                    node.get("GPU", 0) / config.ray_gpus if config.ray_gpus else float("inf"),
                )
                + 1e-9
            )
            for node in nodes
        ]
        if not sum(room) and not config.ray_workers:
            largest = max(
                (f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes), default="none"
            )
            raise InputError(
                f"no node of the Ray cluster has room for a worker of {config.ray_cpus:g} CPUs and {config.ray_gpus:g} "
                f"GPUs (the largest has {largest}); lower --ray-cpus or --ray-gpus"
            )
        return config.ray_workers or sum(room)

    def _refuse_to_go_on_loading(self) -> None:
        if self._n_lost_loading > self._n_hired_first + _MOST_TRIES:
            raise StoreError(
                f"{self._n_lost_loading} Ray workers in a row were lost before they were ready (the last: "
                f"{self._last_loss}); expected auditor installed on every node, and room for both models there: mend "
                "that, then run again with --resume"
            )

    def _hire(self) -> None:
        worker = self._actor.remote(self._shared)
        self._hired.append(worker)
        self._asked[worker.prepare.remote()] = (worker, None)

    def _give(self, worker: Any, shard: _Shard, dataset: Dataset) -> None:
        names = [name for item in shard.items for name in (item.path, item.mask_path) if name is not None]
        known = {name: dataset.contents[name] for name in names if name in dataset.contents}
        part = replace(dataset, items=shard.items, contents=known, notices=())
        self._asked[worker.extract.remote(part, shard.path.name)] = (worker, shard)

    def _outcome(self, answer: Any, shard: _Shard | None, shapes: dict[tuple[int, ...], str]) -> str | None:
        """None where what was asked is done, else in a few words how it was lost.

        Raises:
            AuditorError: it is refused, and would be by every other worker.
        """
        exceptions = self._ray.exceptions
        try:
            found = self._ray.get(answer)
        except exceptions.RayTaskError as error:
            if isinstance(error.cause, AuditorError):
                raise error.cause from None
            raise
        except exceptions.RayError as error:  # its process, its node, or what leads to it
            return _reason(error)
        if shard is None:
            logger.info("a Ray worker is ready on %s", found)
            return None
        node, of_shard = found
        for shape, path in of_shard.items():
            shapes.setdefault(shape, path)
        if self._classifier is not None:
            check_one_shape(self._classifier, shapes)
        if not is_whole(shard.path):
            return f"{shard.path.name} from node {node} is not whole"
        return None


@dataclass(frozen=True, slots=True)
class _Shard:
    """A file to write, its pictures, and how often a worker was lost over it."""

    path: Path
    items: tuple[ImageItem, ...]
    n_lost: int = 0

    def lost(self, reason: str) -> _Shard:
        if self.n_lost + 1 == _MOST_TRIES:
            first, last = self.items[0].path, self.items[-1].path
            raise StoreError(
                f"{_MOST_TRIES} Ray workers were lost over the pictures {quote(first)} to {quote(last)} (the last: "
                f"{reason}): their processes may run out of memory; lower --batch-size, raise --ray-cpus so that fewer "
                "share a node, or take the picture out that ends them, then run again with --resume"
            )
        return replace(self, n_lost=self.n_lost + 1)


def _reason(error: Exception) -> str:
    """What Ray says at length, in one line and cut short."""
    return quote(" ".join(str(error).split()) or type(error).__name__, 200)
