"""What a repair costs where there is nothing to repair: concepts forced on models without a shortcut.

    python -m benchmarks.repair_clean --seeds 62 63 --work DIR --output benchmarks/results/repair_clean.json

Of every ordinary control of the small grid some pairs of class and context concept are drawn by its seed and repaired
as `auditor repair --class C --concept V --force` does. The heads are asked about fresh pictures, drawn as the audit's
were. One file a model is kept, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import special

from auditor.evidence.effects.significance import clopper_pearson, holm, paired_change
from auditor.models.encoders.load import load_encoder
from auditor.records import BoolArray, IntArray
from auditor.repair.proof import answers_of
from auditor.repair.repair import repair
from auditor.repair.repair_input import repair_input
from auditor.repair.subgroups import MARGIN
from auditor.repair_records import METHODS, RepairTarget
from auditor.rules import PRESENT
from benchmarks.machine import write_result
from benchmarks.planted import answers
from benchmarks.planted.audit import audit, remembering
from benchmarks.planted.bank import SMALL_BANK, TOY_BANK, Bank
from benchmarks.planted.drawing import draw_rows
from benchmarks.planted.grids import GRIDS
from benchmarks.planted.models import Sizes, is_shared, make
from benchmarks.planted.networks import features_of
from benchmarks.planted.scenarios import Scenario
from benchmarks.planted.worlds import SAMPLE
from benchmarks.repair import repair_code
from benchmarks.resumable import keep

#: Pairs of a model, pictures a class of the audit, and fresh ones a class that the heads are asked about.
SIZES = {"small": (12, 400, 600), "toy": (2, 40, 12)}
_ORDINARY = ("balanced", "not learnt")
_TRUTH = 4  # scenes a class of the planted benchmark's own truth, which is not read here
_KEPT = "repair-clean"  # what the files of models begin with
_SURE = 0.01  # of a loss, after Holm over the classes of a repair


def examine(scenario: Scenario, size: str, bank: Bank, work: Path) -> dict[str, Any]:
    """Make a model, audit it, force repairs on it, and ask the heads about fresh pictures."""
    n_pairs, n_audit, n_fresh = SIZES[size]
    encoder = remembering(load_encoder("sample"))
    if is_shared(scenario):
        answers.prepare(scenario.architecture, scenario.backbone, bank, _TRUTH, work)
    one = make(scenario, bank, encoder, Sizes(audit=n_audit, truth=_TRUTH), work)
    audited = audit(one.examined, encoder, seed=0)
    inputs, names = audited.evidence_input, audited.evidence_input.class_names
    rng = np.random.default_rng((scenario.seed, 91))
    labels = np.repeat(np.arange(len(names)), n_fresh)
    rows = draw_rows(scenario.classes, scenario.audit, labels, bank, "audit", rng)
    fresh = features_of(one.network().features, bank.pictures(rows))
    before = np.equal(answers_of(one.examined.head, fresh).called, labels)
    told = np.flatnonzero(np.isfinite(inputs.presence).any(axis=0))
    pairs = [(c, int(v)) for c in range(len(names)) for v in np.intersect1d(inputs.named(inputs.context_of(c)), told)]
    drawn = [pairs[i] for i in rng.permutation(len(pairs))[:n_pairs]]
    groups = np.full(one.examined.activations.shape[1], -1, dtype=np.int64)
    repairs = []
    for c, v in drawn:
        given = repair_input(inputs, one.examined.activations, ((c, v),), groups)
        there = inputs.presence[inputs.label_idx == c, v] > PRESENT
        concept = inputs.concepts[v]
        target = RepairTarget(names[c], concept.concept_id, concept.term, int(there.sum()), int((~there).sum()), 0)
        methods = tuple(method for method in METHODS if method != "groups")
        head, card = repair(given, (target,), names, methods, seed=0)
        after = np.equal(answers_of(head, fresh).called, labels)
        repairs.append(
            {
                "class": names[c],
                "concept": concept.term,
                "method": card.method,
                "penalty": card.penalty,
                "refused": list(card.objections),
                "accuracy": [float(before.mean()), float(after.mean())],
                "change": [float(after[labels == k].mean() - before[labels == k].mean()) for k in range(len(names))],
                "falls": falls(labels, before, after, 0.0).tolist(),
                "falls_by_a_point": falls(labels, before, after, MARGIN).tolist(),
            }
        )
    return {**scenario.as_dict(), "repairs": repairs}


def falls(labels: IntArray, before: BoolArray, after: BoolArray, margin: float) -> BoolArray:
    """Of every class whether its accuracy surely fell by more than ``margin``: paired, Holm over the classes."""
    p = []
    for c in np.unique(labels):
        change = before[labels == c].astype(np.int64) - after[labels == c]
        centre, variance = paired_change(float((change == 1).mean()), float((change == -1).mean()), change.size)
        p.append(1 - special.ndtr((centre - margin) / np.sqrt(variance)))
    return np.less(holm(p), _SURE)


def report(found: Sequence[dict[str, Any]]) -> str:
    """Of all repairs and classes how many lost, with the exact interval: a Markdown table."""
    repairs = [one for model in found for one in model["repairs"]]
    written = [one for one in repairs if not one["refused"]]
    lines = ["| repairs | classes asked | surely fall | surely fall by more than a point |", "|---|---|---|---|"]
    for name, some in (("all, by force", repairs), ("written without force", written)):
        n = sum(len(one["falls"]) for one in some)
        cells = []
        for key in ("falls", "falls_by_a_point"):
            lost = sum(sum(one[key]) for one in some)
            low, high = clopper_pearson(lost, n) if n else (0.0, 1.0)
            cells.append(f"{lost} ({low:.1%} to {high:.1%})")
        lines.append(f"| {len(some)} {name} | {n} | {' | '.join(cells)} |")
    return "\n".join(lines)


def run(seeds: Sequence[int], size: str, work: Path) -> list[dict[str, Any]]:
    """All ordinary controls of the seeds; what is there already is read."""
    torch.set_num_threads(1)
    work.mkdir(parents=True, exist_ok=True)
    bank = Bank(work, TOY_BANK if size == "toy" else SMALL_BANK, SAMPLE, pool=0)
    found = []
    for seed in seeds:
        for scenario in GRIDS[size](seed):
            if scenario.encoder != "own" or (size != "toy" and scenario.control not in _ORDINARY):
                continue  # the toy grid has no control: it shows only that everything runs
            code = Path(__file__).read_bytes() + repair_code()
            path = work / f"{_KEPT}-{size}-{scenario.seed}-{hashlib.sha256(code).hexdigest()[:12]}.json"
            if not path.exists():
                keep(path, examine(scenario, size, bank, work))
            found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[62])
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    kept = set(arguments.work.glob(f"{_KEPT}-*.json"))
    found = run(arguments.seeds, arguments.size, arguments.work)
    made = len(set(arguments.work.glob(f"{_KEPT}-*.json")) - kept)
    print(report(found))
    if arguments.output is not None:
        write_result(arguments.output, {"models": found}, reused={"models": len(found) - made})


if __name__ == "__main__":
    main()
