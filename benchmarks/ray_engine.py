"""The Ray engine on one machine against the local engine: seconds for the same pictures, the same files to the bit.

``python -m benchmarks.ray_engine [--data MANIFEST] [--images N] [--workers W] [--repeat K] [--work DIR]
[--output FILE.json]``. The bundled pictures go through the bundled models with either engine in turn, into folders of
their own and with an empty cache. Start-up is apart: from when the last of the first W shards is there, both engines
are timed over the same rest. The figures are those of the fastest of K runs. The local engine has one thread for the
models and one that decodes, and so has every worker.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from auditor.config import AuditConfig
from auditor.extraction.extract import SHARD_IMAGES
from auditor.models.bundled import bundled_path
from auditor.pipeline import extract, load_inputs
from benchmarks.machine import write_result


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=bundled_path("planted", "manifest.csv"))
    parser.add_argument("--images", type=int, help="the first N; default all")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    work = given.work or Path(tempfile.mkdtemp(prefix="auditor-ray-"))
    config = AuditConfig(
        data=given.data, model="sample:planted", encoder="sample", out=work / "unset", n_extreme=2, jobs=1, device="cpu"
    )
    runs: dict[str, list[dict[str, Any]]] = {"local": [], "ray": []}
    for number in range(given.repeat):
        for engine, found in runs.items():
            found.append(_timed(config, engine, given.images, given.workers, work / f"{engine}-{number}"))
    digests = {one["digest"] for found in runs.values() for one in found}
    best = {
        engine: {key: min(one[key] for one in found) for key in ("seconds", "start_seconds", "rest_seconds")}
        for engine, found in runs.items()
    }
    result = {
        "n_images": runs["local"][0]["n_images"],
        "n_after_start": runs["local"][0]["n_rest"],
        "workers": given.workers,
        "repeat": given.repeat,
        "load_average": list(os.getloadavg()),
        "local": best["local"],
        "ray": best["ray"],
        "ray_over_local": best["ray"]["rest_seconds"] / best["local"]["rest_seconds"],
        "same_files": len(digests) == 1,
    }
    print({key: value for key, value in result.items() if key != "machine"})
    if given.output:
        write_result(given.output, result, reused={})
    if given.work is None:
        shutil.rmtree(work)


def _timed(config: AuditConfig, engine: str, n_images: int | None, workers: int, folder: Path) -> dict[str, Any]:
    """Seconds of one extraction, until and after the first shards, and a digest of its files."""
    config = config.model_copy(
        update={"out": folder / "audit", "cache": folder / "cache", "engine": engine, "ray_workers": workers}
    )
    inputs = load_inputs(config)
    inputs = replace(inputs, dataset=replace(inputs.dataset, items=inputs.dataset.items[:n_images]))
    first = workers * SHARD_IMAGES
    at: dict[int, float] = {}

    def on_progress(stage: str, done: int, total: int) -> None:
        if stage == "pictures":
            at[done] = time.perf_counter()

    began = time.perf_counter()
    extract(config, inputs, on_progress=on_progress)
    n = len(inputs.dataset.items)
    started = at[min(done for done in at if done >= min(first, n))]
    digest = hashlib.sha256()
    for path in sorted((config.out / "features").glob("*.parquet")):
        digest.update(path.name.encode() + path.read_bytes())
    return {
        "n_images": n,
        "n_rest": max(0, n - first),
        "seconds": at[n] - began,
        "start_seconds": started - began,
        "rest_seconds": at[n] - started,
        "digest": digest.hexdigest(),
    }


if __name__ == "__main__":
    main()
