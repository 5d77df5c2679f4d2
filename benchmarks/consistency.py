"""Do three architectures that learn from the same pictures come out alike? Leading concepts, shares and verdicts.

    python -m benchmarks.consistency --seeds 66 --work DIR --output benchmarks/results/consistency.json

Of a planted scene, a planted mark and a balanced control of every seed of the small grid, a convolutional network and
vision transformers with a class token and with mean pooling learn from the same pictures in the same order, for as many
batches, and are audited on the same pictures with interventions. Compared are, class by class and pair by pair, the
word of the largest share, the shares of all words (rank correlation), and the verdicts. One file a scenario is kept, so
that a run that was stopped goes on. Backbones that are not bundled are trained first (some minutes).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from auditor.evidence.effects.significance import clopper_pearson
from auditor.faithfulness.controls import likeness
from auditor.models.encoders.load import load_encoder
from benchmarks.planted import backbones
from benchmarks.planted.audit import Asked, Audited, audit, remembering
from benchmarks.planted.bank import Bank
from benchmarks.planted.models import Made, Sizes, make
from benchmarks.planted.networks import ARCHITECTURES
from benchmarks.planted.scenarios import Scenario
from benchmarks.repair_models import command_line, examine_models

#: Pictures a class of the audit.
SIZES = {"small": 400, "toy": 40}
_TRUTH = 4  # scenes a class of the planted benchmark's own truth, which is not read here
_KEPT = "consistency"  # what the files of scenarios begin with
#: Places in the small grid: a scene and a mark planted, and a control where nothing is.
_PLACES = (0, 2, 5)


def examine(scenario: Scenario, size: str, bank: Bank, work: Path) -> dict[str, Any]:
    """Train and audit the three, and say of each what it found of each class."""
    encoder = remembering(load_encoder("sample"))
    found = {}
    for architecture in ARCHITECTURES:
        what = replace(scenario, architecture=architecture)
        if size == "toy":  # nothing has to be learnt
            what = replace(what, backbone="scratch", tier=1, steps=2)
        backbones.prepare(architecture, what.backbone, bank, work)
        one = make(what, bank, encoder, Sizes(audit=SIZES[size], truth=_TRUTH), work)
        asked = Asked.of_pixels(one.network(), bank.pictures(one.examined.rows))
        found[architecture] = _of_classes(one, audit(one.examined, encoder, seed=0, asked=asked))
    return {**scenario.as_dict(), "audits": found}


def _of_classes(one: Made, audited: Audited) -> dict[str, Any]:
    """Accuracy, and of every class its verdict, its leading word, and the mean shares of all words."""
    n_words = len(audited.concepts.concepts)
    classes = []
    for verdict in audited.evidence.verdicts:
        called = np.flatnonzero(audited.predicted_idx == verdict.class_idx)
        shares = np.zeros(n_words)
        if called.size:
            shares = np.asarray(audited.shares[called].mean(axis=0)).reshape(-1)[:n_words]
        leading = audited.concepts.concepts[int(shares.argmax())].term if shares.max() > 0 else None
        classes.append(
            {
                "class": verdict.class_name,
                "verdict": verdict.verdict,
                "concept": verdict.concept,
                "leading": leading,
                "shares": np.round(shares, 5).tolist(),
            }
        )
    return {"accuracy": one.accuracy, "classes": classes}


def compare(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every class of every scenario under every pair of architectures."""
    pairs = []
    for scenario in found:
        planted = {c for c, _, _ in scenario["planted"]}
        for first, second in itertools.combinations(scenario["audits"], 2):
            both = zip(scenario["audits"][first]["classes"], scenario["audits"][second]["classes"], strict=True)
            for c, (one, other) in enumerate(both):
                shares = np.array([one["shares"], other["shares"]])
                shares = shares[:, (shares > 0).any(axis=0)]  # words that neither says agree on nothing
                alike = likeness(*shares) if shares.shape[1] > 2 else np.nan
                pairs.append(
                    {
                        "pair": f"{first}, {second}",
                        "seed": scenario["seed"],
                        "planted": c in planted,
                        "leading": one["leading"] is not None and one["leading"] == other["leading"],
                        "correlation": None if np.isnan(alike) else alike,
                        "verdict": one["verdict"] == other["verdict"],
                        "flagged": (one["verdict"] == "flagged") == (other["verdict"] == "flagged"),
                        "concept": None
                        if one["verdict"] != "flagged" or other["verdict"] != "flagged"
                        else one["concept"] == other["concept"],
                    }
                )
    return pairs


def report(found: Sequence[dict[str, Any]]) -> str:
    """How often pairs of architectures agree, with exact intervals: a Markdown table."""
    pairs = compare(found)
    lines = [
        "| architectures | classes | same leading word | rank correlation of shares | same verdict "
        "| both flagged or neither | same concept where both flagged |",
        "|---|---|---|---|---|---|---|",
    ]
    names = list(dict.fromkeys(one["pair"] for one in pairs))
    for name, sort in itertools.product([*names, "all pairs"], ("planted", "not planted")):
        some = [one for one in pairs if one["planted"] == (sort == "planted") and name in (one["pair"], "all pairs")]
        if not some:
            continue
        cells = [_counted([one[key] for one in some]) for key in ("leading", "verdict", "flagged", "concept")]
        cells.insert(1, _mean([one["correlation"] for one in some if one["correlation"] is not None]))
        lines.append(f"| {name} | {len(some)} {sort} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _counted(agree: Sequence[bool | None]) -> str:
    known = [one for one in agree if one is not None]
    if not known:
        return "–"
    low, high = clopper_pearson(sum(known), len(known))
    return f"{sum(known)} of {len(known)} ({low:.0%} to {high:.0%})"


def _mean(values: Sequence[float]) -> str:
    if len(values) < 2:
        return "–"
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{np.mean(values):.2f} ({np.mean(values) - half:.2f} to {np.mean(values) + half:.2f})"


def run(seeds: Sequence[int], size: str, work: Path) -> list[dict[str, Any]]:
    """Three scenarios of every seed; the toy grid's one shows only that everything runs."""
    return examine_models(
        seeds,
        size,
        work,
        kept=_KEPT,
        source=__file__,
        wanted=lambda scenario: scenario.seed % 1000 in _PLACES,
        examine=examine,
    )


def main() -> None:
    """Run and write."""
    command_line(__doc__, kept=_KEPT, seed=66, sizes=SIZES, run=run, report=report)


if __name__ == "__main__":
    main()
