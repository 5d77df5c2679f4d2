"""How many reliances a test would find that knew where to look: what the misses of a verdict are to be held against.

It asks one class about the one concept that it relies on, with the presence of every picture known and no other
question beside it. A verdict asks about many concepts of many classes and wants an intervention to agree, so it finds
fewer; where even this test finds few, the pictures do not show it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy import stats

from auditor.evidence.effects.significance import TwoArms, p_above
from auditor.rules import ALPHA, DELTA

#: Of a single question, and of one in fifty, as in five classes with ten concepts that pass a screen.
LEVELS = (ALPHA, ALPHA / 50)


@cache
def power(n_with: int, n_without: int, rate_with: float, rate_without: float, level: float) -> float:
    """Chance that recall with the concept is shown to be more than 5 points above recall without it.

    Args:
        n_with: Pictures with it.
        n_without: Pictures without it.
        rate_with: True recall with it.
        rate_without: True recall without it.
        level: Of the score test (Miettinen and Nurminen 1985), one-sided; in small arms it finds a little too much.
    """
    if min(n_with, n_without) == 0:
        return 0.0
    one, other = np.arange(n_with + 1.0), np.arange(n_without + 1.0)
    x1, x0 = (grid.reshape(-1, 1) for grid in np.meshgrid(one, other, indexing="ij"))
    arms = TwoArms(x1, np.full_like(x1, n_with), x0, np.full_like(x0, n_without))
    shown = (p_above(arms, DELTA) <= level).reshape(n_with + 1, n_without + 1)
    chance = np.outer(stats.binom.pmf(one, n_with, rate_with), stats.binom.pmf(other, n_without, rate_without))
    return float(chance[shown].sum())


def chances(pairs: list[dict[str, Any]]) -> dict[str, float]:
    """By level, the chance that the test shows the pair that tells most, of those that one class relies on."""
    return {
        f"{level:g}": max(
            power(
                pair["n_with"],
                pair["n_without"],
                round(pair["accuracy"], 3),
                round(min(max(pair["accuracy"] - pair["effect"], 0.0), 1.0), 3),
                level,
            )
            for pair in pairs
        )
        for level in LEVELS
    }
