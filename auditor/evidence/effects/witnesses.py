"""Copies are one witness: what a picture counts for among others of which some are its copies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.records import BoolArray, IntArray


def witness_weights(among: BoolArray, copies: IntArray | None) -> NDArray[np.float64]:
    """What every picture counts for: nothing where ``among`` (n,) does not hold, and copies together for one there.

    Args:
        among: (n,) the pictures of an arm.
        copies: (n,) codes of pictures that are copies of each other; None: there are none.
    """
    if copies is None:
        return among.astype(np.float64)
    _, member = np.unique(copies, return_inverse=True)
    return np.asarray(among / np.maximum(np.bincount(member, weights=among), 1)[member])


def n_witnesses(among: BoolArray, copies: IntArray | None, outcome: BoolArray | None = None) -> int:
    """Pictures of an arm, copies taken for one; those with an outcome, of which copies that differ are a part."""
    weight = witness_weights(among, copies)
    return round(float(weight.sum() if outcome is None else weight[outcome].sum()))
