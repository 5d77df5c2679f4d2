"""What repairs reach on heads planted on photographs: the planted pair is named, the manifest says what shows it.

    python -m benchmarks.photographs.repair --photos DIR --work DIR --output benchmarks/results/repair_photographs.json

Cats and dogs; one class's training pictures have the context in 95 %, the other's in 5 %, audited ones in 90 and 5 %. A
head is repaired as `auditor repair --class C --concept "COLUMN = VALUE" --force` does it, whether the audit flags the
class or not, and asked about photographs that neither training nor audit saw, each with and without the context; the
limit is a head fitted on the audited photographs in both versions. One file a head is kept: a run that was stopped goes
on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from auditor.records import FloatArray, IntArray, LinearHead
from auditor.repair.methods import candidates, repaired_heads
from auditor.repair.proof import answers_of, best, try_all
from auditor.repair.repair_input import repair_input
from auditor.repair.reweight import refit
from benchmarks.machine import write_result
from benchmarks.photographs import PHOTOS, models
from benchmarks.photographs.bank import Bank, conse_encoder
from benchmarks.photographs.models import Made, make
from benchmarks.photographs.pools import Photo
from benchmarks.photographs.scenarios import Scenario, grid
from benchmarks.planted.audit import audit, remembering
from benchmarks.repair_models import METHODS, repair_files
from benchmarks.resumable import keep

_CONTEXTS = ("watermark", "border", "greyscale")
_SEEDS = (201, 202, 203, 204)
_PENALTY = 0.01  # of the head that is the limit, as in `benchmarks.repair`


def scenarios(contexts: Sequence[str], seeds: Sequence[int]) -> list[Scenario]:
    """A head for each context and seed; which class is planted alternates."""
    of = {one.context_name: one for one in grid("open", "full") if one.control is None and one.photos == "cats_dogs"}
    return [
        replace(
            of[name],
            seed=seed + 1_000 * i,
            planted=(seed % 2,),
            correlation=0.95,
            audited=0.9,
            elsewhere=0.05,
            n_train=60,
            n_audit=100,
            noise=0.5,
            penalty=1e-2,
        )
        for i, name in enumerate(contexts)
        for seed in seeds
    ]


def examine(scenario: Scenario, bank: Bank) -> dict[str, Any]:
    """Make a head, audit it, repair it by every method, and ask all heads about other photographs."""
    made = make(scenario, bank)
    what, (c,) = scenario.context, scenario.planted
    audited = audit(made.examined(bank, column=True, properties=False), remembering(conse_encoder()), seed=0)
    inputs = audited.evidence_input
    v = next(v for v, one in enumerate(inputs.concepts) if one.term == f"{what.column} = {what.value}")
    given = repair_input(inputs, made.activations, ((c, v),), np.full(made.activations.shape[1], -1, np.int64))
    wanted = candidates(given, METHODS)
    fitted, trials = dict(repaired_heads(given, wanted)), try_all(given, wanted, lambda *_: None)
    heads = {"before": made.head, "limit": _limit(made, bank)}
    for method in ("auto", *METHODS):
        mine = [one for one in trials if method in ("auto", one.candidate.method)]
        if mine:
            heads[method] = fitted[best(mine).candidate]
    unseen, labels = _unseen(made, bank)
    asked = [bank.features(unseen, what, there)[0] for there in (True, False)]
    return {
        **scenario.as_dict(),
        "n_unseen": len(unseen),
        "n_audited_without": int((~made.present & (made.label_idx == c)).sum()),
        "flagged": any(
            one.class_idx == c and one.verdict in ("flagged", "harmed") for one in audited.evidence.verdicts
        ),
        "heads": {name: _asked(head, asked, labels) for name, head in heads.items()},
    }


def _limit(made: Made, bank: Bank) -> LinearHead:
    both = [bank.features(made.photos, made.scenario.context, there)[0] for there in (True, False)]
    x, labels = np.concatenate(both), np.tile(made.label_idx, 2)
    empty = LinearHead(np.zeros_like(made.head.weight), np.zeros_like(made.head.bias))
    return refit(empty, x, labels, np.ones(labels.size), rows=np.arange(len(empty.weight)), penalty=_PENALTY)


def _unseen(made: Made, bank: Bank) -> tuple[list[Photo], IntArray]:
    """Photographs of the open half that neither training nor audit has."""
    taken = {photo for photos in (*made.trained_on, made.photos) for photo in photos}
    found, labels = [], []
    for c, (pool, label) in enumerate(made.scenario.classes):
        own = [p for p in bank.photos(pool) if p.label == label and p.side == "open" and p not in taken]
        found += own
        labels += [c] * len(own)
    return found, np.array(labels, np.int64)


def _asked(head: LinearHead, asked: Sequence[FloatArray], labels: IntArray) -> dict[str, float]:
    """Worst class and version, and the mean over all."""
    right = np.stack([answers_of(head, x).called == labels for x in asked])
    cells = np.stack([right[:, labels == c].mean(axis=1) for c in range(int(labels.max()) + 1)])
    return {"worst": float(cells.min()), "mean": float(cells.mean())}


def report(found: Sequence[dict[str, Any]]) -> str:
    """Worst subgroup, mean, and the part of the way to the limit, by head: a Markdown table."""
    lines = ["| head | worst | mean | of the way | mean falls by a point |", "|---|---|---|---|---|"]
    for name in found[0]["heads"]:
        some = [one["heads"] for one in found if name in one["heads"]]
        worst, before, limit = (mean(one[n]["worst"] for one in some) for n in (name, "before", "limit"))
        falls = sum(one[name]["mean"] < one["before"]["mean"] - 0.01 for one in some)
        way = (worst - before) / (limit - before) if limit > before else float("nan")
        middle = mean(one[name]["mean"] for one in some)
        lines.append(f"| {name} | {worst:.2f} | {middle:.2f} | {way:.0%} | {falls} of {len(some)} |")
    return "\n".join(lines)


def run(wanted: Sequence[Scenario], photos: Path, work: Path) -> list[dict[str, Any]]:
    """All heads; what is there already is read."""
    work.mkdir(parents=True, exist_ok=True)
    code = [Path(__file__), Path(str(models.__file__)), *repair_files()]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()
    bank, found = Bank(photos, work / "features"), []
    for scenario in wanted:
        name = hashlib.sha256(repr((scenario, photos.name, digest)).encode()).hexdigest()[:20]
        path = work / f"repair-{name}.json"
        if not path.exists():
            keep(path, examine(scenario, bank))
        found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def main() -> None:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of the photographs")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--contexts", nargs="+", choices=_CONTEXTS, default=_CONTEXTS)
    parser.add_argument("--seeds", type=int, nargs="+", default=_SEEDS)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    before = len(list(arguments.work.glob("repair-*.json")))
    found = run(scenarios(arguments.contexts, arguments.seeds), arguments.photos.resolve(), arguments.work)
    print(report(found))
    print(f"{sum(one['flagged'] for one in found)} of {len(found)} planted classes are flagged or harmed")
    if arguments.output is not None:
        write_result(arguments.output, {"heads": found}, reused={"heads": min(before, len(found))})


if __name__ == "__main__":
    main()
