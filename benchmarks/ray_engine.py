"""The Ray engine on one machine against plain processes: pictures a second, the same files to the bit.

``python -m benchmarks.ray_engine [--copies K] [--images N] [--workers W] [--repeat R] [--work DIR] [--output FILE]``

The bundled pictures, K copies of each with contents of their own, go through the bundled models: by the local engine in
one process and in W processes side by side (each its part of the pictures), and by the Ray engine with one worker and
with W; each into folders of its own and with an empty cache. Pictures are counted while all are at work: from the first
shards (one for each worker) to the last ones. The figures are those of the fastest of R runs. Every process has one
thread for the models and one that decodes, and so has every worker.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import multiprocessing
import os
import shutil
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from PIL import Image, PngImagePlugin

from auditor.config import AuditConfig
from auditor.extraction.extract import SHARD_IMAGES
from auditor.models.bundled import bundled_path
from auditor.pipeline import extract, load_inputs
from benchmarks.machine import write_result

Engine = Literal["local", "ray"]
#: Of every process or worker; its first and its last one do not count.
_FEWEST_SHARDS = 4


class Job(NamedTuple):
    """One extraction: by which engine, of which part of the pictures, and where it is kept."""

    data: Path
    engine: Engine
    workers: int
    images: slice
    folder: Path


def main() -> None:
    """Run the command.

    Raises:
        SystemExit: too few pictures for any of the processes to be timed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=1, help="of each bundled picture")
    parser.add_argument("--images", type=int, help="the first N; default all")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of all that is started from here; Ray does so by itself
    work = given.work or Path(tempfile.mkdtemp(prefix="auditor-ray-"))
    data, n_pictures = write_copies(work / "pictures", given.copies)
    n, several = min(given.images or n_pictures, n_pictures), given.workers
    if n < _FEWEST_SHARDS * SHARD_IMAGES * several:
        raise SystemExit(
            f"{n:,} pictures for {several} workers: at least {_FEWEST_SHARDS * SHARD_IMAGES * several:,} are needed, "
            f"{_FEWEST_SHARDS} shards for each; raise --copies or --images"
        )
    edges = [round(n * part / several / SHARD_IMAGES) * SHARD_IMAGES for part in range(several)] + [n]
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(given.repeat):
        plans: dict[str, list[tuple[Engine, int, slice]]] = {
            "one process": [("local", 1, slice(0, n))],
            "one worker": [("ray", 1, slice(0, n))],
            f"{several} processes": [("local", 1, slice(*ends)) for ends in pairwise(edges)],
            f"{several} workers": [("ray", several, slice(0, n))],
        }
        for name, jobs in plans.items():
            folder = work / f"{name.replace(' ', '-')}-{number}"
            parts = [Job(data, *job, folder / str(part)) for part, job in enumerate(jobs)]
            found.setdefault(name, []).append(_side_by_side(parts))
            shutil.rmtree(folder)
    best = {name: max(runs, key=lambda one: float(one["pictures_a_second"])) for name, runs in found.items()}
    one_process, one_worker, processes, workers = (one["pictures_a_second"] for one in best.values())
    result = {
        "n_images": n,
        "workers": several,
        "repeat": given.repeat,
        "load_average": list(os.getloadavg()),
        "runs": best,
        "ray_over_local": one_process / one_worker,
        "workers_over_one": workers / one_worker,
        "processes_over_one": processes / one_process,
        "same_files": len({one["files"] for runs in found.values() for one in runs}) == 1,
    }
    print(result)
    if given.output:
        write_result(given.output, result, reused={})
    if given.work is None:
        shutil.rmtree(work)


def write_copies(folder: Path, copies: int) -> tuple[Path, int]:
    """The bundled pictures so many times, each with a text of its own in the file: the manifest, and how many."""
    bundled = bundled_path("planted", "manifest.csv")
    with bundled.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for copy in range(copies):
        for number, row in enumerate(rows):
            text = PngImagePlugin.PngInfo()
            text.add_text("copy", str(copy))
            name = f"{copy:03}-{number:05}.png"
            with Image.open(bundled.parent / row["path"]) as picture:
                picture.save(folder / name, pnginfo=text)
            written.append({**row, "path": name})
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(written[0]))
        table.writeheader()
        table.writerows(written)
    return folder / "manifest.csv", len(written)


def _side_by_side(jobs: list[Job]) -> dict[str, Any]:
    """Extractions in processes of their own at the same time: their rate together, and a digest of all their files."""
    with multiprocessing.get_context("spawn").Pool(len(jobs)) as pool:
        parts = pool.map(_timed, jobs, chunksize=1)
    # all are at work from when the last one has its first shards to when the first one has only its last ones left
    first = [job.workers * SHARD_IMAGES for job in jobs]
    begins = max(_when(part["done"], n) for part, n in zip(parts, first, strict=True))
    ends = min(_when(part["done"], part["n"] - n) for part, n in zip(parts, first, strict=True))
    n_between = sum(_done(part["done"], ends) - _done(part["done"], begins) for part in parts)
    files = hashlib.sha256("".join(sorted(digest for part in parts for digest in part["files"])).encode())
    return {
        "pictures_a_second": n_between / (ends - begins),
        "n_pictures": round(n_between),
        "start_seconds": max(_when(part["done"], n) - part["began"] for part, n in zip(parts, first, strict=True)),
        "files": files.hexdigest(),
    }


def _when(done: list[tuple[float, int]], n: int) -> float:
    """When n pictures were done."""
    return min(at for at, so_many in done if so_many >= n)


def _done(done: list[tuple[float, int]], moment: float) -> float:
    """Pictures that were done at a moment; between two reports in proportion to the time."""
    return float(np.interp(moment, [at for at, _ in done], [n for _, n in done]))


def _timed(job: Job) -> dict[str, Any]:
    """When how many pictures of an extraction were done, and digests of its files."""
    torch.set_num_threads(1)
    config = AuditConfig(
        data=job.data,
        model="sample:planted",
        encoder="sample",
        out=job.folder / "audit",
        cache=job.folder / "cache",
        engine=job.engine,
        ray_workers=job.workers,
        n_extreme=2,
        jobs=1,
        device="cpu",
    )
    began = time.monotonic()  # of the machine: the same for all processes
    inputs = load_inputs(config)
    inputs = replace(inputs, dataset=replace(inputs.dataset, items=inputs.dataset.items[job.images]))
    done: list[tuple[float, int]] = []

    def on_progress(stage: str, n_done: int, _: int) -> None:
        if stage == "pictures":
            done.append((time.monotonic(), n_done))

    extract(config, inputs, on_progress=on_progress)
    paths = (config.out / "features").glob("*.parquet")
    return {
        "n": len(inputs.dataset.items),
        "began": began,
        "done": done,
        "files": [hashlib.sha256(path.name.encode() + path.read_bytes()).hexdigest() for path in paths],
    }


if __name__ == "__main__":
    main()
