"""Scores as integers, so that they are kept with the calls beside them: logits, margins, cosines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.records import FloatArray, IntArray

_PARTS = 1_000_000
_FARTHEST = 2.0**53
#: Of a picture that cannot be read, and of a score that is no number.
UNKNOWN = -(2**62)


def as_parts(scores: FloatArray | NDArray[np.float64]) -> IntArray:
    """Scores of any shape in millionths; :data:`UNKNOWN` where one is no number."""
    known = np.isfinite(scores)
    parts = np.rint(np.where(known, scores, 0.0).astype(np.float64) * _PARTS)
    return np.where(known, np.clip(parts, -_FARTHEST, _FARTHEST), UNKNOWN).astype(np.int64)


def from_parts(parts: IntArray) -> NDArray[np.float64]:
    """The scores again, NaN where they are not known."""
    return np.where(parts > UNKNOWN, parts / _PARTS, np.nan)
