"""False suspects where no model is run: controls judged by predictions alone, and with the head and its inputs beside.

    python -m benchmarks.planted.without_a_model --seeds 0:4 --output benchmarks/results/without_a_model.json

The control models of a rendered grid, ordinary and confounded, are made (or read from ``--work``) and judged twice: as
`auditor run --predictions` and as `auditor run --predictions --features` judge them. Truth is that of the grid: a class
is innocent where all its pairs are clean and nothing pulls or harms it; a suspect or a flag there is a false one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from scipy import sparse

from auditor.evidence.evidence_input import EvidenceInput, EvidenceResult
from auditor.evidence.verdicts.judge import judge
from auditor.figures import counted
from benchmarks.machine import write_result
from benchmarks.planted import truth
from benchmarks.planted.audit import audit
from benchmarks.planted.drawing import variant_names
from benchmarks.planted.grids import GRIDS
from benchmarks.planted.run import Task, examined, made, prepare
from benchmarks.planted.truth import PairTruth

Standing = Literal["relies", "innocent", "between"]
#: How a class is judged.
WAYS = ("predictions", "features")


def without_head(given: EvidenceInput) -> EvidenceInput:
    """What is left of an audit where a file says what pictures are called, and nothing more is known of the model."""
    n, n_concepts = given.presence.shape
    return replace(
        given,
        head=None,
        head_chunks=None,
        shares=sparse.csr_array((n, n_concepts), dtype=np.float32),
        residuals=np.full(n, np.nan, np.float32),
        places=None,
    )


def standing(pairs: Sequence[PairTruth], class_idx: int) -> Standing:
    """What a class is in truth, by its own pairs."""
    own = [pair for pair in pairs if pair.class_idx == class_idx]
    if any(pair.status == "relies" for pair in own):
        return "relies"
    spoiled = any(pair.status == "between" or pair.pulls or pair.harmed for pair in own)
    return "between" if spoiled else "innocent"


def judged(task: Task, jobs: int) -> dict[str, Any]:
    """Truth and both verdicts of every class of one model."""
    prepare(task, jobs)
    one = made(task)
    given, encoder = examined(task, one)
    audited = audit(given, encoder, seed=0)
    alone = judge(without_head(audited.evidence_input))
    what = task.scenario
    known = truth.measure(one.truth_labels, one.called, variant_names(task.layers[2]), what.classes, seed=what.seed)
    by_way: dict[str, EvidenceResult] = {"predictions": alone, "features": audited.evidence}
    return {
        "sort": what.sort,
        "control": what.control,
        "seed": what.seed,
        "classes": [
            {"name": name, "truth": standing(known, c), **{way: by_way[way].verdicts[c].verdict for way in WAYS}}
            for c, name in enumerate(given.class_names)
        ],
    }


def table(models: Sequence[Mapping[str, Any]]) -> list[str]:
    """By sort of model and truth: how many classes have which verdict, by predictions and with features."""
    lines = [
        "| models | classes | judged by | flagged | suspect | clean | other |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    kinds = dict.fromkeys(one["control"] for one in models)
    for kind in kinds:
        for truth_of in ("relies", "innocent", "between"):
            own = [
                cls for one in models if one["control"] == kind for cls in one["classes"] if cls["truth"] == truth_of
            ]
            for way in WAYS if own else ():
                counts = Counter(cls[way] for cls in own)
                named = [counts.pop(name, 0) for name in ("flagged", "suspect", "clean")]
                rest = counts.total()
                cells = [kind, f"{len(own)} {truth_of}", way, *map(str, [*named, rest])]
                lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Judge the models of the seeds, print the table, write the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planted.without_a_model", description=__doc__)
    parser.add_argument("--seeds", required=True, metavar="A:B", help="B excluded")
    parser.add_argument("--grid", choices=[*GRIDS], default="quick")
    parser.add_argument("--output", type=Path, metavar="FILE.json")
    parser.add_argument("--work", type=Path, default=Path("audits/planted-benchmark"), help="what is kept")
    parser.add_argument("--jobs", type=int, default=1, help="processes that draw")
    arguments = parser.parse_args()
    started = time.monotonic()
    torch.set_num_threads(1)
    first, last = (int(part) for part in arguments.seeds.split(":"))
    models, n_read = [], 0
    for seed in range(first, last):
        for scenario in GRIDS[arguments.grid](seed):
            if scenario.control is None:
                continue
            task = Task(scenario, seed, arguments.grid, arguments.work)
            task.made_path.parent.mkdir(parents=True, exist_ok=True)
            n_read += task.made_path.exists()
            models.append(judged(task, arguments.jobs))
            sys.stderr.write(f"{counted(len(models), 'model')}, {time.monotonic() - started:.0f} s\n")
    print("\n".join(table(models)))
    if arguments.output:
        write_result(
            arguments.output,
            {
                "grid": arguments.grid,
                "seeds": [first, last],
                "seconds": round(time.monotonic() - started),
                "models": models,
            },
            reused={"models": n_read},
        )


if __name__ == "__main__":
    main()
