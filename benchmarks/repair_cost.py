"""What a repair costs: synthetic features, one class of ten repaired by every method, held-out folds included.

    python -m benchmarks.repair_cost --pictures 20000 --channels 2048 --output benchmarks/results/repair_cost.json

Beside it stands one full logistic fit of all classes from nothing on the same features in the same process, so that the
ratio says more than a second of one machine does. Processor seconds count what this process used, whatever else ran.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from auditor.evidence.effects.covariates import within_class
from auditor.records import LinearHead
from auditor.repair.repair import repair
from auditor.repair.repair_input import RepairInput
from auditor.repair.reweight import refit
from auditor.repair_records import METHODS, RepairTarget
from benchmarks.machine import write_result

N_CLASSES = 10
_WITH_OWN, _WITH_OTHERS = 0.95, 0.3  # pictures with the concept in the repaired class, and in the others
_FOLDS, _GROUPS = 5, 16
_PENALTY = 0.01  # of the full fit


def made(n: int, n_channels: int, seed: int) -> RepairInput:
    """Features that tell their classes, and a head, fitted to class means, that rests on a concept in class 0."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % N_CLASSES
    present = rng.random(n) < np.where(labels == 0, _WITH_OWN, _WITH_OTHERS)
    means = rng.normal(0, 1, size=(N_CLASSES, n_channels)).astype(np.float32) * 4 / np.sqrt(n_channels)
    shift = rng.normal(0, 1, size=n_channels).astype(np.float32) * 4 / np.sqrt(n_channels)
    x = rng.normal(0, 1, size=(n, n_channels)).astype(np.float32)
    x += means[labels] + present[:, None] * shift
    weight = means.copy()
    weight[0] += shift
    head = LinearHead(weight, -(weight**2).sum(axis=1) / 2)
    return RepairInput(
        activations=x,
        labels=labels.astype(np.int64),
        head=head,
        present=present[:, None],
        known=np.ones((n, 1), np.bool_),
        residual=within_class(present[:, None].astype(np.float32), labels.astype(np.int64)),
        folds=rng.integers(_FOLDS, size=n),
        units=np.arange(n),
        pairs=((0, 0),),
        channel_groups=np.arange(n_channels) % _GROUPS,
        image_ids=tuple(map(str, range(n))),
    )


def measure(n: int, n_channels: int, seed: int) -> dict[str, Any]:
    """Seconds of a whole repair and of one full fit."""
    given = made(n, n_channels, seed)
    names = tuple(f"class {c}" for c in range(N_CLASSES))
    own = given.labels == 0
    sizes = int((own & given.present[:, 0]).sum()), int((own & ~given.present[:, 0]).sum())
    target = RepairTarget(names[0], "concept", "concept", *sizes, 0)
    empty = LinearHead(np.zeros_like(given.head.weight), np.zeros_like(given.head.bias))
    rows, even = np.arange(N_CLASSES), np.ones(n)

    def fit() -> object:
        return refit(empty, given.activations, given.labels, even, rows=rows, penalty=_PENALTY)

    full = _seconds(fit)
    whole = _seconds(lambda: repair(given, (target,), names, METHODS, seed=seed))
    return {
        "pictures": n,
        "channels": n_channels,
        "classes": N_CLASSES,
        "repair": whole,
        "full_fit": full,
        "ratio_of_processor_seconds": whole["processor"] / full["processor"],
    }


def _seconds(work: Callable[[], object]) -> dict[str, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}


def main() -> None:
    """Measure and print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--channels", type=int, default=2_048)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    found = [measure(n, arguments.channels, arguments.seed) for n in arguments.pictures]
    for one in found:
        print(
            f"{one['pictures']:,} pictures, {one['channels']:,} channels: repair {one['repair']['processor']:.1f} s of "
            f"processor time ({one['repair']['wall']:.1f} s), full fit {one['full_fit']['processor']:.1f} s, ratio "
            f"{one['ratio_of_processor_seconds']:.1f}"
        )
    if arguments.output is not None:
        write_result(arguments.output, {"sizes": found}, reused={})


if __name__ == "__main__":
    main()
