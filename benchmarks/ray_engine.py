"""The Ray engine on one machine against plain processes: pictures a second, the same files to the bit.

``python -m benchmarks.ray_engine [--copies K] [--images N] [--workers W] [--repeat R] [--work DIR] [--output FILE]``

The bundled pictures, K copies of each with contents of their own, go through the bundled models: by the local engine in
one process and in W processes side by side (each its part of the pictures), and by the Ray engine with one worker and
with W; each into folders of its own and with an empty cache. Start-up is apart: from when the first shards are there
(one for each worker) pictures are counted. The figures are those of the fastest of R runs. Every process has one thread
for the models and one that decodes, and so has every worker.
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

import torch
from PIL import Image, PngImagePlugin

from auditor.config import AuditConfig
from auditor.extraction.extract import SHARD_IMAGES
from auditor.models.bundled import bundled_path
from auditor.pipeline import extract, load_inputs
from benchmarks.machine import write_result


Engine = Literal["local", "ray"]


class Job(NamedTuple):
    """One extraction: by which engine, of which part of the pictures, and where it is kept."""

    data: Path
    engine: Engine
    workers: int
    images: slice
    folder: Path


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=1, help="of each bundled picture")
    parser.add_argument("--images", type=int, help="the first N; default all")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp(prefix="auditor-ray-"))
    data, n_pictures = write_copies(work / "pictures", given.copies)
    n, several = min(given.images or n_pictures, n_pictures), given.workers
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
    rates = {name: one["pictures_a_second"] for name, one in best.items()}
    one_process, one_worker, processes, workers = rates.values()
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
    rows = list(csv.DictReader(bundled.open(encoding="utf-8", newline="")))
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for copy in range(copies):
        for number, row in enumerate(rows):
            text = PngImagePlugin.PngInfo()
            text.add_text("copy", str(copy))
            name = f"{copy:03}-{number:05}.png"
            Image.open(bundled.parent / row["path"]).save(folder / name, pnginfo=text)
            written.append({**row, "path": name})
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(written[0]))
        table.writeheader()
        table.writerows(written)
    return folder / "manifest.csv", len(written)


def _side_by_side(jobs: list[Job]) -> dict[str, Any]:
    """Extractions in processes of their own at the same time: their rates together, and a digest of all their files."""
    with multiprocessing.get_context("spawn").Pool(len(jobs)) as pool:
        parts = pool.map(_timed, jobs, chunksize=1)
    files = hashlib.sha256("".join(sorted(digest for part in parts for digest in part["files"])).encode())
    return {
        "pictures_a_second": sum(part["n_rest"] / part["rest_seconds"] for part in parts),
        "start_seconds": max(part["start_seconds"] for part in parts),
        "n_after_start": sum(part["n_rest"] for part in parts),
        "files": files.hexdigest(),
    }


def _timed(job: Job) -> dict[str, Any]:
    """Seconds of one extraction, until and after the first shards, and digests of its files."""
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
    inputs = load_inputs(config)
    inputs = replace(inputs, dataset=replace(inputs.dataset, items=inputs.dataset.items[job.images]))
    n, first = len(inputs.dataset.items), job.workers * SHARD_IMAGES
    at: dict[int, float] = {}

    def on_progress(stage: str, done: int, total: int) -> None:
        if stage == "pictures":
            at[done] = time.perf_counter()

    began = time.perf_counter()
    extract(config, inputs, on_progress=on_progress)
    started = at[min(done for done in at if done >= min(first, n))]
    paths = (config.out / "features").glob("*.parquet")
    return {
        "n_rest": max(0, n - first),
        "start_seconds": started - began,
        "rest_seconds": max(at[n] - started, 1e-9),
        "files": [hashlib.sha256(path.name.encode() + path.read_bytes()).hexdigest() for path in paths],
    }


if __name__ == "__main__":
    main()
