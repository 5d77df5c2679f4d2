"""Gaps that are told because their p was small enough: how much too large, and how many intervals hold the truth.

    python -m benchmarks.told_gaps --output benchmarks/results/told_gaps.json

Classes are drawn as pictures of scenes with a rate of being recognised each; no model is asked. Of the gaps with p up
to a bar, as many tests leave it, estimate and interval are compared with the truth before and after
``evidence/effects/after_selection.py``. Two truths: the gap to those pictures that it was measured against, and the gap
to the upper quartile of the other scenes, which is what the planted benchmark measures (docs/decisions/0029).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from auditor.evidence.effects.after_selection import after_selection
from auditor.evidence.effects.gaps import Gap, recall_gap, reference_pictures
from auditor.figures import percent, points
from benchmarks.machine import write_result

_SCENES = 8
_BARS = (0.018, 0.0036)  # one of five classes found, one concept associated; and five times as many tests


@dataclass(frozen=True, slots=True)
class Case:
    """A class: its pictures, the part of them that is of one scene for sure, and how much better that is recognised.

    ``spread`` is the standard deviation of the other scenes' rates. With several ``words`` each has its own presence,
    wrong in 3 % of the pictures, and the one with the highest lower bound is told.
    """

    pictures: int
    held: float
    gap: float
    spread: float = 0.0
    recall: float = 0.95
    words: int = 1


CASES = (
    Case(400, 0.95, 0.2),
    Case(400, 0.95, 0.4),
    Case(400, 0.95, 0.4, spread=0.1),
    Case(400, 0.95, 0.6, spread=0.1),
    Case(400, 0.8, 0.1),
    Case(400, 0.8, 0.15),
    Case(400, 0.8, 0.2, spread=0.1),
    Case(400, 0.3, 0.2, spread=0.2),
    Case(150, 0.9, 0.3),
    Case(2000, 0.95, 0.15, spread=0.1),
    Case(150, 0.5, 0.3, recall=0.7),
    Case(400, 0.9, 0.3, words=3),
)


def draw(case: Case, rng: np.random.Generator) -> tuple[Gap, float, float] | None:
    """The gap that would be told, and its truth by what it was measured against and by the upper quartile."""
    scene = np.where(rng.random(case.pictures) < case.held, 0, rng.integers(_SCENES, size=case.pictures))
    rates = np.clip(case.recall - case.gap + case.spread * rng.normal(size=_SCENES), 0.02, 0.98)
    rates[0] = case.recall
    right = rng.random(case.pictures) < rates[scene]
    drawn = []
    for _ in range(case.words):
        wrong = rng.random(case.pictures) < (0.03 if case.words > 1 else 0.0)
        value = np.where(wrong, np.where(scene == 0, 1, 0), scene)
        present = value == 0
        gap = recall_gap(present, value, right)
        if gap.status == "measured":
            reference = reference_pictures(present, value, right, None, None)
            drawn.append((gap, float(rates[scene[present]].mean() - rates[scene[reference]].mean())))
    if not drawn:
        return None
    gap, truth = max(drawn, key=lambda one: one[0].low)
    return gap, truth, float(case.recall - np.quantile(rates[1:], 0.75))


def measure(case: Case, bar: float, *, draws: int, seed: int) -> dict[str, Any]:
    """Mean of told less true, and how often the interval holds the truth, before and after."""
    rng = np.random.default_rng(seed)
    every = [one for one in (draw(case, rng) for _ in range(draws)) if one is not None]
    told = [(gap, after_selection(gap, bar), truth, quartile) for gap, truth, quartile in every if gap.p <= bar]
    found: dict[str, Any] = {"case": asdict(case), "bar": bar, "measured": len(every), "told": len(told)}
    if not told:
        return found
    truths = {"reference": [one[2] for one in told], "upper_quartile": [one[3] for one in told]}
    for when, gaps in (("before", [one[0] for one in told]), ("after", [one[1] for one in told])):
        for which, values in truths.items():
            held = [gap.low <= truth <= gap.high for gap, truth in zip(gaps, values, strict=True)]
            found[f"{when}_{which}_bias"] = float(np.mean([g.effect - t for g, t in zip(gaps, values, strict=True)]))
            found[f"{when}_{which}_cover"] = float(np.mean(held))
    found["all_reference_bias"] = float(np.mean([gap.effect - truth for gap, truth, _ in every]))
    return found


def main() -> None:
    """Measure every case, print a line for each, and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000, help="classes drawn for each case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="JSON file")
    asked = parser.parse_args()
    found = [measure(case, bar, draws=asked.draws, seed=asked.seed) for bar in _BARS for case in CASES]
    for one in found:
        line = [str(one["case"]), f"bar {one['bar']}", f"told {percent(one['told'] / max(one['measured'], 1))}"]
        if one["told"]:
            for which in ("reference", "upper_quartile"):
                bias, cover = (
                    [one[f"{when}_{which}_{what}"] for when in ("before", "after")] for what in ("bias", "cover")
                )
                line.append(f"{which} {' -> '.join(map(points, bias))}, {' -> '.join(map(percent, cover))}")
        sys.stdout.write("; ".join(line) + "\n")
    if asked.output is not None:
        write_result(asked.output, {"draws": asked.draws, "seed": asked.seed, "cases": found}, reused={})


if __name__ == "__main__":
    main()
