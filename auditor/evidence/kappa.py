"""How far two ways of telling agree, beyond what chance explains."""

from __future__ import annotations

import numpy as np

from auditor.records import BoolArray


def cohens_kappa(first: BoolArray, second: BoolArray) -> float | None:
    """(p_o - p_e) / (1 - p_e), p_o how often both say the same, p_e how often they would if independent.

    None without pictures, and where both always say one and the same thing: agreement by chance is certain then.

    Reference:
        Cohen (1960).
    """
    if first.size == 0:
        return None
    observed = float(np.mean(first == second))
    rate1, rate2 = float(first.mean()), float(second.mean())
    expected = rate1 * rate2 + (1 - rate1) * (1 - rate2)
    return (observed - expected) / (1 - expected) if expected < 1 else None
