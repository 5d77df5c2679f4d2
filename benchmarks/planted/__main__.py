"""The command: see the package."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from benchmarks.machine import write_result
from benchmarks.planted import protocol, report
from benchmarks.planted.grids import GRIDS
from benchmarks.planted.outcomes import Planted
from benchmarks.planted.run import Task, run
from benchmarks.planted.score import Outcome
from benchmarks.planted.second import run as second_edition

Cached = dict[str, list[list[object]]]
#: Fields of a scenario that counts are told by.
_GROUPS = ("sort", "control", "architecture", "correlation", "tier")
_SECOND_GROUPS = ("sort", "control", "audit", "n_classes", "per_class")


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
    parser.add_argument("--grid", choices=[*GRIDS, *second_edition.GRIDS], default="small")
    parser.add_argument("--output", type=Path, metavar="FILE.json")
    parser.add_argument("--work", type=Path, default=Path("audits/planted-benchmark"), help="what is kept")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes, of one thread each")
    arguments = parser.parse_args()
    started = time.monotonic()
    outcomes, cached = _second(arguments) if arguments.grid in second_edition.GRIDS else _rendered(arguments)
    own = [one for one in outcomes if one["scenario"]["encoder"] == "own"]
    summary = report.summarise(own)
    keys = _SECOND_GROUPS if arguments.grid in second_edition.GRIDS else _GROUPS
    groups = {key: report.by_group(own, key) for key in keys}
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
            # whose outcome an earlier run had left, by the scenario's seed and encoder: their seconds are not in here
            "cached": cached["outcomes"],
            "outcomes": outcomes,
        }
        write_result(arguments.output, result, reused={name: len(some) for name, some in cached.items()})


def _rendered(arguments: argparse.Namespace) -> tuple[list[Outcome], Cached]:
    """The first edition: rendered pictures and networks."""
    tasks = [
        Task(scenario, seed, arguments.grid, arguments.work)
        for seed in arguments.seeds
        for scenario in GRIDS[arguments.grid](seed)
    ]
    cached = {
        "models": [_name(task.scenario) for task in tasks if task.made_path.exists()],
        "outcomes": [_name(task.scenario) for task in tasks if task.outcome_path.exists()],
    }
    return run(tasks, jobs=arguments.jobs), cached


def _second(arguments: argparse.Namespace) -> tuple[list[Outcome], Cached]:
    """The second edition: a world of features, whose models are not kept."""
    tasks = [
        second_edition.FeatureTask(scenario, arguments.work)
        for seed in arguments.seeds
        for scenario in second_edition.GRIDS[arguments.grid](seed)
    ]
    cached = {"outcomes": [_name(task.scenario) for task in tasks if task.outcome_path.exists()]}
    return second_edition.run(tasks, jobs=arguments.jobs), cached


def _name(scenario: Planted) -> list[object]:
    told = scenario.as_dict()
    return [told["seed"], told["encoder"]]


if __name__ == "__main__":
    main()
