"""The command: see the package."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from benchmarks.machine import write_result
from benchmarks.planted import protocol, report
from benchmarks.planted.grids import GRIDS
from benchmarks.planted.run import Task, run


def _seeds(text: str) -> range:
    first, _, last = text.partition(":")
    try:
        found = range(int(first), int(last))
    except ValueError:
        found = range(0)
    if not found or found.start < 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no range of seeds; give A:B with 0 <= A < B (B excluded)")
    return found


def main() -> None:
    """Make and audit the models of every seed, print the tables, write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planted", description=__doc__)
    parser.add_argument("--seeds", type=_seeds, required=True, metavar="A:B", help="B excluded")
    parser.add_argument("--grid", choices=list(GRIDS), default="small")
    parser.add_argument("--output", type=Path, metavar="FILE.json")
    parser.add_argument("--work", type=Path, default=Path("audits/planted-benchmark"), help="what is kept")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes, of one thread each")
    arguments = parser.parse_args()
    started = time.monotonic()
    tasks = [
        Task(scenario, seed, arguments.grid, arguments.work)
        for seed in arguments.seeds
        for scenario in GRIDS[arguments.grid](seed)
    ]
    reused = {
        "models": sum(task.made_path.exists() for task in tasks),
        "outcomes": sum(task.outcome_path.exists() for task in tasks),
    }
    outcomes = run(tasks, jobs=arguments.jobs)
    own = [one for one in outcomes if one["scenario"]["encoder"] == "own"]
    summary = report.summarise(own)
    groups = {key: report.by_group(own, key) for key in ("sort", "control", "architecture", "correlation", "tier")}
    print(report.table(summary, {f"{key} {name}": row for key, rows in groups.items() for name, row in rows.items()}))
    print(f"{time.monotonic() - started:.0f} s")
    if arguments.output:
        result = {
            "grid": arguments.grid,
            "seeds": [arguments.seeds.start, arguments.seeds.stop],
            "protocol": protocol.state(),
            "seconds": round(time.monotonic() - started),
            "summary": summary,
            "groups": groups,
            "sweep": report.by_encoder(outcomes),
            "outcomes": outcomes,
        }
        write_result(arguments.output, result, reused=reused)


if __name__ == "__main__":
    main()
