"""Models of a planted grid that a benchmark of repairs makes one by one, a file each, and the command line for it."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import torch

import auditor.repair
from auditor import repair_records
from auditor.repair_records import Method
from benchmarks.machine import write_result
from benchmarks.planted.bank import SMALL_BANK, TOY_BANK, Bank
from benchmarks.planted.grids import GRIDS
from benchmarks.planted.scenarios import Scenario
from benchmarks.planted.worlds import SAMPLE
from benchmarks.resumable import keep

#: Methods that are tried: no channel groups are made here.
METHODS: tuple[Method, ...] = tuple(method for method in repair_records.METHODS if method != "groups")
Found = list[dict[str, Any]]
Examine = Callable[[Scenario, str, Bank, Path], dict[str, Any]]


def examine_models(
    seeds: Sequence[int],
    size: str,
    work: Path,
    *,
    kept: str,
    source: str,
    wanted: Callable[[Scenario], bool],
    examine: Examine,
) -> Found:
    """All wanted models of the seeds; what is there already is read.

    Args:
        seeds: Of the grid.
        size: Name of the grid.
        work: Folder of what is kept.
        kept: What the files of models begin with.
        source: File of the benchmark: results of other code are not read again.
        wanted: Which scenarios of the grid's, of those under the grid's own encoder.
        examine: Gives what is kept of a scenario.
    """
    torch.set_num_threads(1)
    work.mkdir(parents=True, exist_ok=True)
    bank = Bank(work, TOY_BANK if size == "toy" else SMALL_BANK, SAMPLE, pool=0)
    code = hashlib.sha256(b"".join(path.read_bytes() for path in [Path(source), Path(__file__), *repair_files()]))
    found = []
    for seed in seeds:
        for scenario in GRIDS[size](seed):
            if scenario.encoder != "own" or not wanted(scenario):
                continue
            path = work / f"{kept}-{size}-{scenario.seed}-{code.hexdigest()[:12]}.json"
            if not path.exists():
                keep(path, examine(scenario, size, bank, work))
            found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def repair_files() -> list[Path]:
    """The code of the repairs."""
    return sorted(Path(str(auditor.repair.__file__)).parent.glob("*.py"))


def command_line(
    description: str | None,
    *,
    kept: str,
    seed: int,
    sizes: Collection[str],
    run: Callable[[Sequence[int], str, Path], Found],
    report: Callable[[Found], str],
) -> None:
    """Run by the flags of the command, print the table, and write the result where one is asked for."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[seed])
    parser.add_argument("--size", choices=sizes, default="small")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    before = set(arguments.work.glob(f"{kept}-*.json"))
    found = run(arguments.seeds, arguments.size, arguments.work)
    made = len(set(arguments.work.glob(f"{kept}-*.json")) - before)
    print(report(found))
    if arguments.output is not None:
        write_result(arguments.output, {"models": found}, reused={"models": len(found) - made})
