"""What the evidence costs on a large audit, against passes of a matrix product over the same shards.

``python -m benchmarks.evidence_cost [--images N] [--channels K] [--classes C] [--concepts V] [--seed S] [--work DIR]
[--output FILE.json]``

A world is drawn and written as an audit's shards are; screens, gaps and erasure without nulls are then timed in a
process of its own, with the permuted nulls apart. A pass reads every shard and multiplies its activations by a K x K
matrix; passes are taken before, between and after in the same process, so that whatever else the machine does slows
both. The bars: at most three passes (about a minute on two cores), and 4 GB at the peak.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.judge import judge
from auditor.extraction.extract import SHARD_IMAGES
from auditor.extraction.shards import FeatureShards, ShardRows, write_shard
from auditor.records import FloatArray, LinearHead
from benchmarks.big_world import World, make_world
from benchmarks.machine import write_result

BAR_PASSES, BAR_GIGABYTES = 3.0, 4.0
DIM = 512
#: Concepts that go with a class in the data: they pass a screen, are erased, and have nulls.
_ASSOCIATED = 3
_OFTEN, _SELDOM = 0.6, 0.15
_PHRASES = 7
#: The last stage before the nulls, as the evidence names it.
_ERASED = "evidence: erasure"


@dataclass(frozen=True, slots=True)
class Size:
    """N, K, C, V."""

    images: int
    channels: int
    classes: int
    concepts: int
    seed: int


@dataclass(slots=True)
class Clock:
    """Wall and processor seconds since it was last asked, by stage; what is taken out counts for nothing."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    _last: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        """From here on."""
        self._last = time.perf_counter(), time.process_time()

    def lap(self, stage: str) -> None:
        """All since then was for ``stage``."""
        now = time.perf_counter(), time.process_time()
        self.wall[stage] = self.wall.get(stage, 0.0) + now[0] - self._last[0]
        self.cpu[stage] = self.cpu.get(stage, 0.0) + now[1] - self._last[1]
        self.start()


def write_world(folder: Path, size: Size) -> None:
    """Shards, and beside them what an audit has in memory by the time it weighs the evidence."""
    world = make_world(size.classes, size.concepts, size.seed, 0)
    rng = world.rng(7)
    means = rng.normal(size=(size.classes, size.channels)).astype(np.float32)
    shifts = rng.normal(size=(size.concepts, size.channels)).astype(np.float32)
    seen = rng.normal(size=(size.classes, DIM)).astype(np.float32)
    weight = means.copy()
    relying = np.flatnonzero(world.relies)
    weight[relying] += 0.5 * shifts[world.measured[relying, 0]]
    weight /= np.float32(size.channels)
    head = LinearHead(weight, np.zeros(size.classes, np.float32))
    labels = np.arange(size.images) % size.classes
    predicted = np.zeros(size.images, np.int64)
    presence = np.lib.format.open_memmap(
        folder / "presence.npy", "w+", dtype=np.float32, shape=(size.images, size.concepts)
    )
    embeddings = np.lib.format.open_memmap(folder / "embeddings.npy", "w+", dtype=np.float32, shape=(size.images, DIM))
    (folder / "shards").mkdir()
    for start in range(0, size.images, SHARD_IMAGES):
        rows = np.arange(start, min(start + SHARD_IMAGES, size.images))
        there = rng.random((rows.size, size.concepts)) < _SELDOM
        often = world.measured[labels[rows], :_ASSOCIATED]
        there[np.arange(rows.size)[:, None], often] = rng.random(often.shape) < _OFTEN
        presence[rows] = np.where(there, 0.6, 0.1) + 0.3 * rng.random(there.shape)
        noise = rng.standard_normal((rows.size, size.channels), dtype=np.float32)
        x = means[labels[rows]] + there.astype(np.float32) @ shifts * np.float32(0.3) + 12 * noise
        logits = (x @ head.weight.T + head.bias).astype(np.float32)
        predicted[rows] = logits.argmax(axis=1)
        e = rng.standard_normal((rows.size, DIM), dtype=np.float32) + seen[labels[rows]]
        embeddings[rows] = e / np.linalg.norm(e, axis=1, keepdims=True)
        ids = [hashlib.sha256(str(row).encode()).hexdigest()[:16] for row in rows]
        nothing, sizes = (None,) * rows.size, ((64, 64),) * rows.size
        features = x.astype(np.float32), logits, embeddings[rows], np.full_like(embeddings[rows], np.nan)
        write_shard(
            folder / "shards" / f"{start:09}.parquet",
            ShardRows(tuple(ids), tuple(ids), sizes, *features, nothing, (bytes(64),) * len(ids), ()),
        )
    np.savez(folder / "rest.npz", weight=head.weight, labels=labels, predicted=predicted)
    sparse.save_npz(folder / "shares.npz", _shares(world, predicted, rng))


def _shares(world: World, predicted: np.ndarray, rng: np.random.Generator) -> sparse.csr_array:
    """Seven phrases a picture; the first concept of a class that relies on it has most of the words."""
    n, n_concepts = predicted.size, len(world.concepts)
    columns = rng.integers(n_concepts, size=(n, _PHRASES))
    values = np.full((n, _PHRASES), 0.05, np.float32)
    columns[:, 0] = world.measured[predicted, 0]
    values[:, 0] = np.where(world.relies[predicted], 0.4, 0.05)
    rows = np.repeat(np.arange(n), _PHRASES)
    return sparse.csr_array((values.ravel(), (rows, columns.ravel())), shape=(n, n_concepts), dtype=np.float32)


def load_world(folder: Path, size: Size) -> tuple[EvidenceInput, FeatureShards]:
    """What the pipeline would hand to the evidence."""
    world = make_world(size.classes, size.concepts, size.seed, 0)
    shards = FeatureShards(sorted((folder / "shards").glob("*.parquet")))
    rest, embeddings = np.load(folder / "rest.npz"), np.load(folder / "embeddings.npy")
    prompts = world.rng(8).standard_normal((size.classes, DIM), dtype=np.float32)
    inputs = EvidenceInput(
        image_ids=shards.image_ids(),
        label_idx=rest["labels"],
        predicted_idx=rest["predicted"],
        class_names=world.class_names,
        concepts=world.concepts,
        shares=sparse.csr_array(sparse.load_npz(folder / "shares.npz")),
        residuals=np.full(size.images, 0.3, np.float32),
        presence=np.load(folder / "presence.npy"),
        embeddings=embeddings,
        class_prompt_score=(embeddings @ prompts.T).astype(np.float32),
        groups=None,
        head=LinearHead(rest["weight"], np.zeros(size.classes, np.float32)),
        head_chunks=shards.head_chunks,
        seed=size.seed,
        in_training=False,
    )
    return inputs, shards


def one_pass(shards: FeatureShards, square: FloatArray) -> None:
    """Read every shard and multiply its activations by a K x K matrix."""
    for activations in shards.activation_chunks():
        activations @ square


def measure(folder: Path, size: Size) -> dict[str, Any]:
    """Seconds by stage, of a pass, and the peak of this process."""
    inputs, shards = load_world(folder, size)
    before = _peak()
    square = np.random.default_rng(0).standard_normal((size.channels, size.channels), dtype=np.float32)
    clock, passes = Clock(), Clock()
    peak_without_nulls = [0.0]

    def take_pass(name: str) -> None:
        passes.start()
        one_pass(shards, square)
        passes.lap(name)

    def on_progress(stage: str, done: int, total: int) -> None:
        clock.lap(stage)
        if stage == _ERASED and done == total:
            peak_without_nulls[0] = _peak()
            take_pass("between")
            clock.start()

    take_pass("before")
    clock.start()
    result = judge(inputs, on_progress=on_progress)
    clock.lap("verdicts")
    take_pass("after")
    timed = [stage for stage in clock.wall if stage not in ("evidence: permuted", "verdicts")]
    wall, cpu = (sum(taken[stage] for stage in timed) for taken in (clock.wall, clock.cpu))
    pass_wall, pass_cpu = (sum(taken.values()) / len(taken) for taken in (passes.wall, passes.cpu))
    verdicts = [verdict.verdict for verdict in result.verdicts]
    return {
        "size": asdict(size),
        "pairs_measured": len({(one.class_idx, one.concept_id) for one in result.findings if one.rule_id[:2] == "E4"}),
        "verdicts": {name: verdicts.count(name) for name in sorted(set(verdicts))},
        "passes": {"wall_seconds": _rounded(passes.wall), "cpu_seconds": _rounded(passes.cpu)},
        "stages": {"wall_seconds": _rounded(clock.wall), "cpu_seconds": _rounded(clock.cpu)},
        "without_nulls": {"wall_seconds": round(wall, 2), "cpu_seconds": round(cpu, 2)},
        "in_passes": {"wall": round(wall / pass_wall, 2), "cpu": round(cpu / pass_cpu, 2), "bar": BAR_PASSES},
        "peak_gigabytes": {
            "inputs": round(before, 2),
            "without_nulls": round(peak_without_nulls[0], 2),
            "all": round(_peak(), 2),
            "bar": BAR_GIGABYTES,
        },
        "load_average": os.getloadavg(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {stage: round(value, 2) for stage, value in seconds.items()}


def _peak() -> float:
    """Largest memory of this process so far, in GB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used * (1 if sys.platform == "darwin" else 1024) / 1e9


def main() -> None:
    """Write the world, measure in a process of its own, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("images", 100_000), ("channels", 2048), ("classes", 100), ("concepts", 500), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--work", type=Path, help="folder for about 1.5 GB; default a temporary one")
    parser.add_argument("--output", type=Path, help="JSON file")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    size = Size(asked.images, asked.channels, asked.classes, asked.concepts, asked.seed)
    if asked.measure is not None:
        sys.stdout.write(json.dumps(measure(asked.measure, size)))
        return
    folder = Path(tempfile.mkdtemp(prefix="evidence-cost-", dir=asked.work))
    try:
        write_world(folder, size)
        flags = [part for name, value in asdict(size).items() for part in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "benchmarks.evidence_cost", "--measure", str(folder), *flags]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    finally:
        shutil.rmtree(folder)
    found = json.loads(done.stdout)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if asked.output is not None:
        write_result(asked.output, found, reused={})


if __name__ == "__main__":
    main()
