"""What a repair costs where there is nothing to repair: concepts forced on models without a shortcut.

    python -m benchmarks.repair_clean --seeds 62 63 --work DIR --output benchmarks/results/repair_clean.json

Of every ordinary control of the small grid some pairs of class and context concept are drawn by its seed and repaired
as `auditor repair --class C --concept V --force` does. The heads are asked about fresh pictures, drawn as the audit's
were. One file a model is kept, so that a run that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from auditor.evidence.effects.significance import clopper_pearson, holm, paired_change
from auditor.models.encoders.load import load_encoder
from auditor.records import BoolArray, IntArray
from auditor.repair.proof import answers_of
from auditor.repair.repair import repair
from auditor.repair.repair_input import repair_input
from auditor.repair.subgroups import MARGIN
from auditor.repair_records import RepairTarget
from auditor.rules import PRESENT
from benchmarks.planted import answers
from benchmarks.planted.audit import audit, remembering
from benchmarks.planted.bank import Bank
from benchmarks.planted.drawing import draw_rows
from benchmarks.planted.models import Sizes, is_shared, make
from benchmarks.planted.networks import features_of
from benchmarks.planted.scenarios import Scenario
from benchmarks.repair_models import METHODS, command_line, examine_models

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
        found = repair(given, (target,), names, METHODS, seed=0)
        card = found.card
        after = np.equal(answers_of(found.head, fresh).called, labels)
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
    """All ordinary controls of the seeds; the toy grid has none, and its models show only that everything runs."""
    return examine_models(
        seeds,
        size,
        work,
        kept=_KEPT,
        source=__file__,
        wanted=lambda scenario: size == "toy" or scenario.control in _ORDINARY,
        examine=examine,
    )


def main() -> None:
    """Run and write."""
    command_line(__doc__, kept=_KEPT, seed=62, sizes=SIZES, run=run, report=report)


if __name__ == "__main__":
    main()
