"""How the evidence and the store grow with the pictures: time, peak memory, bytes a picture.

``python -m benchmarks.scale [--images N ...] [--classes C ...] [--channels K] [--concepts V] [--work DIR]
[--output FILE.json]``

Features are drawn, no model runs: what is measured begins where extraction ends. Every row (so many pictures, so many
classes) is a process of its own and is kept as soon as it is measured, so that a run that was stopped goes on; its
features are deleted before the next row's are written. ``growth`` compares rows of equal classes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.big_audit import write_big_audit
from benchmarks.evidence_cost import DIM, Size
from benchmarks.machine import write_result
from benchmarks.resumable import keep

#: Peak memory may grow by so much for ten times the pictures.
BAR_MEMORY = 1.2


def disk_bytes(size: Size) -> int:
    """What the drawn features of a row take, about: activations, logits, two embeddings on disk and one in an array."""
    return size.images * 4 * (size.channels + size.classes + 3 * DIM + size.concepts)


def measure_row(size: Size, work: Path) -> dict[str, Any]:
    """Evidence in a process of its own, then the store of an audit of as many pictures.

    Raises:
        SystemExit: the features do not fit on the disk.
    """
    free = shutil.disk_usage(work).free
    if disk_bytes(size) * 1.2 > free:
        raise SystemExit(
            f"{size.images:,} pictures take {disk_bytes(size) / 1e9:.0f} GB of features, and {work} has "
            f"{free / 1e9:.0f} GB free; give another folder with --work, or fewer --channels"
        )
    command = [sys.executable, "-m", "benchmarks.evidence_cost", "--work", str(work)]
    for name in ("images", "channels", "classes", "concepts", "seed"):
        command += [f"--{name}", str(getattr(size, name))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory(prefix="scale-", dir=work) as folder:
        audit = write_big_audit(
            Path(folder) / "audit",
            n_images=size.images,
            n_classes=size.classes,
            n_concepts=size.concepts,
            seed=size.seed,
            release=0,
        )
        stored = (audit / "audit.duckdb").stat().st_size
    return {**json.loads(done.stdout), "store_bytes_a_picture": round(stored / size.images)}


def growth(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """From every row to the next larger one of as many classes: times the pictures, the time and the memory."""
    found = []
    for n_classes in sorted({row["size"]["classes"] for row in rows}):
        alike = sorted((r for r in rows if r["size"]["classes"] == n_classes), key=lambda r: r["size"]["images"])
        for small, large in pairwise(alike):
            seconds = [sum(row["stages"]["cpu_seconds"].values()) for row in (small, large)]
            found.append(
                {
                    "classes": n_classes,
                    "images": [small["size"]["images"], large["size"]["images"]],
                    "times_the_pictures": round(large["size"]["images"] / small["size"]["images"], 2),
                    "times_the_processor_time": round(seconds[1] / max(seconds[0], 1e-9), 2),
                    "times_the_peak": round(large["peak_gigabytes"]["all"] / small["peak_gigabytes"]["all"], 2),
                    "bar_of_the_peak": BAR_MEMORY,
                }
            )
    return found


def run(sizes: list[Size], work: Path) -> dict[str, Any]:
    """All rows, those that are kept below ``work`` read again."""
    work.mkdir(parents=True, exist_ok=True)
    rows, reused = [], 0
    for size in sizes:
        name = f"{size.images}x{size.classes}x{size.channels}x{size.concepts}-{size.seed}.json"
        path = work / f"scale-{name}"
        if path.is_file():
            reused += 1
        else:
            print(f"{size.images:,} pictures x {size.classes:,} classes", file=sys.stderr, flush=True)
            keep(path, measure_row(size, work))
        rows.append(json.loads(path.read_text(encoding="utf-8")))
    return {"rows": rows, "growth": growth(rows), "reused_rows": reused}


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--classes", type=int, nargs="+", default=[100, 1_000])
    parser.add_argument("--channels", type=int, default=2048)
    parser.add_argument("--concepts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("scale"), help="features for a while, rows for good")
    parser.add_argument("--output", type=Path, help="JSON file")
    asked = parser.parse_args()
    sizes = [
        Size(images, asked.channels, classes, asked.concepts, asked.seed)
        for classes in asked.classes
        for images in asked.images
    ]
    found = run(sizes, asked.work)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if asked.output is not None:
        write_result(asked.output, found, reused={"rows": found.pop("reused_rows")})


if __name__ == "__main__":
    main()
