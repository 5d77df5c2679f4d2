"""What repairs reach on planted models whose truth is known by rendering balanced pictures.

    python -m benchmarks.repair --seeds 61 62 --work DIR --output benchmarks/results/repair.json

For every planted model of the small grid: the audit's own verdicts say what is repaired. Balanced pictures are one bank
of scenes under every value of the planted factor; the worst subgroup is the class and value with the least accuracy.
Beside the product's methods stand DFR with true groups (the oracle), JTT and AFR on the same features, and the limit:
the head fitted on balanced pictures. One file a model is kept, so that a run that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from auditor.models.encoders.load import load_encoder
from auditor.records import FloatArray, IntArray, LinearHead
from auditor.repair.balance import balanced_weights, mistake_weights
from auditor.repair.methods import candidates, repaired_heads
from auditor.repair.proof import answers_of, best, try_all
from auditor.repair.repair_input import RepairInput, repair_input
from auditor.repair.reweight import refit
from auditor.repair.subgroups import MARGIN, subgroups, worst_accuracy
from benchmarks.planted import answers
from benchmarks.planted.audit import Audited, audit, remembering
from benchmarks.planted.bank import COLUMN, Bank
from benchmarks.planted.drawing import Mixture, draw_rows
from benchmarks.planted.models import Sizes, is_shared, make
from benchmarks.planted.networks import features_of
from benchmarks.planted.scenarios import Scenario
from benchmarks.planted.worlds import FACTOR_VALUES, SAMPLE
from benchmarks.repair_models import METHODS, command_line, examine_models

#: Scenes a class of the balanced pictures, and pictures a class of the audit and of the head that is the limit.
SIZES = {"small": (200, 400), "toy": (12, 40)}
_TRUTH = 4  # scenes a class of the planted benchmark's own truth, which is not read here
_KEPT = "repair"  # what the files of models begin with
_PENALTY = 0.01  # of the peers' heads, the best of the oracle's on seed 60
_JTT_FACTOR = 20.0  # Liu et al., arXiv:2107.09044: what a mistake of the first head counts
_LAYERS = ("background", "artifact", "surface")


def examine(scenario: Scenario, size: str, bank: Bank, work: Path) -> dict[str, Any]:
    """Make a model, audit it, repair it in every way, and ask all heads about balanced pictures."""
    n_scenes, n_audit = SIZES[size]
    encoder = remembering(load_encoder("sample"))
    if is_shared(scenario):
        answers.prepare(scenario.architecture, scenario.backbone, bank, _TRUTH, work)
    one = make(scenario, bank, encoder, Sizes(audit=n_audit, truth=_TRUTH), work)
    audited = audit(one.examined, encoder, seed=0)
    network = one.network().features
    rng = np.random.default_rng((scenario.seed, 90))
    names = [c.name for c in scenario.classes]
    labels = np.repeat(np.arange(len(names)), n_scenes)
    scenes = draw_rows(scenario.classes, Mixture(), labels, bank, "truth", rng)
    balanced = []
    for factor in sorted({one.factor for one in scenario.train.plants}):
        for value in SAMPLE.of(factor):
            rows = scenes.copy()
            rows[:, COLUMN[factor]] = FACTOR_VALUES[factor].index(value)
            if factor in _LAYERS:
                rows[:, COLUMN[f"{factor}_layer"]] = rng.integers(*bank.layer_range(factor, "truth"), size=len(rows))
            balanced.append(features_of(network, bank.pictures(rows)))
    many = np.repeat(np.arange(len(names)), n_audit)
    fresh = features_of(network, bank.pictures(draw_rows(scenario.classes, Mixture(), many, bank, "audit", rng)))
    heads = {"before": one.examined.head, "limit": _from_nothing(one.examined.head, fresh, many, np.ones(many.size))}
    heads |= _repaired(audited, scenario)
    return {
        **scenario.as_dict(),
        "flagged": [[v.class_name, v.concept] for v in audited.evidence.verdicts if v.verdict in ("flagged", "harmed")],
        "heads": {name: _asked(head, balanced, labels) for name, head in heads.items()},
    }


def _repaired(audited: Audited, scenario: Scenario) -> dict[str, LinearHead]:
    """By method; what is not flagged is not repaired, and stays as it is in the product's rows."""
    inputs, examined = audited.evidence_input, audited.examined
    head, x = examined.head, examined.activations
    position = {concept.concept_id: v for v, concept in enumerate(inputs.concepts)}
    targets = dict.fromkeys(
        (v.class_idx, position[v.concept_id])
        for v in audited.evidence.verdicts
        if v.verdict in ("flagged", "harmed") and v.concept_id in position
    )
    groups = np.full(x.shape[1], -1, dtype=np.int64)
    found: dict[str, LinearHead] = {"auto": head, **dict.fromkeys(METHODS, head)}
    if targets:
        given = repair_input(inputs, x, tuple(targets), groups)
        wanted = candidates(given, METHODS)
        fitted, trials = dict(repaired_heads(given, wanted)), try_all(given, wanted, lambda *_: None)
        for method in found:
            mine = [one for one in trials if method in ("auto", one.candidate.method)]
            chosen = best(mine)
            improves = chosen.worst > _worst_before(given)
            found[method] = fitted[chosen.candidate] if improves else head
    labels = examined.label_idx
    there = np.stack(
        [examined.rows[:, COLUMN[p.factor]] == FACTOR_VALUES[p.factor].index(p.value) for p in scenario.train.plants], 1
    )
    logits = x @ head.weight.T + head.bias
    wrong = logits.argmax(axis=1) != labels
    peers = {
        "DFR, true groups": balanced_weights(labels, there, np.ones_like(there)),
        "JTT": np.where(wrong, _JTT_FACTOR, 1.0),
        "AFR": mistake_weights(labels, logits),
    }
    found |= {name: _from_nothing(head, x, labels, weights) for name, weights in peers.items() if name != "AFR"}
    every = np.arange(len(head.weight))
    found["AFR"] = refit(head, x, labels, peers["AFR"], rows=every, penalty=_PENALTY)
    return found


def _worst_before(given: RepairInput) -> float:
    return worst_accuracy(answers_of(given.head, given.activations).called == given.labels, subgroups(given))


def _from_nothing(head: LinearHead, x: FloatArray, labels: IntArray, weights: Any) -> LinearHead:
    """A head fitted from nothing."""
    empty = LinearHead(np.zeros_like(head.weight), np.zeros_like(head.bias))
    return refit(empty, x, labels, weights, rows=np.arange(len(head.weight)), penalty=_PENALTY)


def _asked(head: LinearHead, balanced: Sequence[FloatArray], labels: IntArray) -> dict[str, Any]:
    """Worst subgroup, mean, and accuracy of every class on the balanced pictures."""
    right = np.stack([answers_of(head, x).called == labels for x in balanced])  # (values, n)
    by_class = np.stack([right[:, labels == c].mean(axis=1) for c in range(int(labels.max()) + 1)])
    return {"worst": float(by_class.min()), "mean": float(by_class.mean()), "classes": by_class.mean(axis=1).tolist()}


def report(found: Sequence[dict[str, Any]]) -> str:
    """Worst subgroup, mean, and the part of the distance to the limit, by architecture: a Markdown table."""
    lines = [
        "| head | worst, CNN | mean, CNN | of the way | worst, ViT | mean, ViT | of the way | mean falls by a point |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in found[0]["heads"]:
        cells = []
        falls = sum(one["heads"][name]["mean"] < one["heads"]["before"]["mean"] - MARGIN for one in found)
        for sort in ("cnn", "vit"):
            some = [one["heads"] for one in found if one["architecture"].startswith(sort)]
            if not some:
                cells += ["–"] * 3
                continue
            worst, before, limit = (mean(one[n]["worst"] for one in some) for n in (name, "before", "limit"))
            part = (worst - before) / (limit - before) if limit > before else float("nan")
            cells += [f"{worst:.2f}", f"{mean(one[name]['mean'] for one in some):.2f}", f"{part:.0%}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {falls} of {len(found)} |")
    return "\n".join(lines)


def run(seeds: Sequence[int], size: str, work: Path) -> list[dict[str, Any]]:
    """All planted models of the seeds; what is there already is read."""
    return examine_models(
        seeds,
        size,
        work,
        kept=_KEPT,
        source=__file__,
        wanted=lambda scenario: scenario.control is None,
        examine=examine,
    )


def main() -> None:
    """Run and write."""
    command_line(__doc__, kept=_KEPT, seed=61, sizes=SIZES, run=run, report=report)


if __name__ == "__main__":
    main()
