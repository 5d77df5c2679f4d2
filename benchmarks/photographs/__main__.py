"""``python -m benchmarks.photographs [--side open] [--grid full] [--output FILE] [--jobs 2] [--work DIR]``.

The side that is held back is run when thresholds are fixed, and not before.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.machine import write_result
from benchmarks.photographs import PHOTOS, report
from benchmarks.photographs.outcomes import MODES
from benchmarks.photographs.pools import POOLS, SIDES
from benchmarks.photographs.run import run, tasks_of
from benchmarks.photographs.scenarios import GRIDS, grid
from benchmarks.planted import protocol


def main() -> None:
    """Run the benchmark, print its tables, and keep its outcomes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=SIDES, default="open")
    parser.add_argument("--grid", choices=GRIDS, default="full")
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of the photographs")
    parser.add_argument("--work", type=Path, default=Path("audits/photographs-benchmark"))
    parser.add_argument("--output", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--given", choices=MODES, nargs="+", default=MODES, help="what audits are given")
    parser.add_argument(
        "--no-interventions",
        "--no-swaps",  # its name before there were others than swaps
        action="store_true",
        help="leave out what is done to pictures (E5, E6) and fixed places",
    )
    arguments = parser.parse_args()
    absent = [pool for pool in POOLS if not (arguments.photos / pool / "metadata.csv").is_file()]
    if absent:
        where = f"no photographs in {arguments.photos}: {', '.join(absent)} with a metadata.csv"
        print(f"{where} expected; name their folder by --photos", file=sys.stderr)
        raise SystemExit(2)
    started = time.monotonic()
    scenarios = list(grid(arguments.side, arguments.grid))
    photos, interventions = arguments.photos.resolve(), not arguments.no_interventions
    tasks = tasks_of(scenarios, photos, arguments.work, interventions=interventions, modes=arguments.given)
    reused = {"outcomes": sum(task.path.exists() for task in tasks)}
    outcomes = run(tasks, jobs=arguments.jobs)
    summary = report.summarise(outcomes)
    print(report.table(summary))
    print(f"{time.monotonic() - started:.0f} s")
    if arguments.output:
        result = {
            "side": arguments.side,
            "grid": arguments.grid,
            "interventions": interventions,
            "protocol": protocol.state(),
            "seconds": round(time.monotonic() - started),
            "summary": summary,
            "outcomes": outcomes,
        }
        write_result(arguments.output, result, reused=reused)


if __name__ == "__main__":
    main()
