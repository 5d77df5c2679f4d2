"""Means over pictures as records, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest, t

from auditor.faithfulness_records import FaithfulnessKind, FaithfulnessMeasure, FaithfulnessRow

_LEVEL = 0.95
#: What lies between -1 and 1, where all else lies between 0 and 1.
_SIGNED = ("relevance_gain", "likeness_randomised")


def mean_row(
    kind: FaithfulnessKind,
    method: str,
    measure: FaithfulnessMeasure,
    values: Sequence[float],
    controls: Sequence[float] | None = None,
    against: str | None = None,
) -> FaithfulnessRow | None:
    """The mean over pictures, or that of the differences to a control, picture by picture.

    The interval is Student's, cut where no value can lie; that of a share (all values 0 or 1, no control) is exact
    (Clopper and Pearson).

    Args:
        kind: Of the explanation.
        method: Its name.
        measure: What was measured.
        values: One a picture; pictures where it or its control is NaN are left out.
        controls: The same of the control.
        against: Name of the control.

    Returns:
        None where no picture is left.
    """
    found = np.asarray(values, np.float64)
    if controls is not None:
        found = found - np.asarray(controls, np.float64)
    found = found[np.isfinite(found)]
    n = len(found)
    if not n:
        return None
    mean = float(found.mean())
    if controls is None and np.isin(found, (0, 1)).all():
        exact = binomtest(int(found.sum()), n).proportion_ci(_LEVEL, "exact")
        low, high = float(exact.low), float(exact.high)
    elif n == 1:
        return FaithfulnessRow(kind, method, measure, against, mean, None, None, n)
    else:
        half = float(t.ppf((1 + _LEVEL) / 2, n - 1) * found.std(ddof=1) / np.sqrt(n))
        low, high = mean - half, mean + half
        if controls is None and measure not in _SIGNED:
            low, high = max(low, 0.0), min(high, 1.0)
    return FaithfulnessRow(kind, method, measure, against, mean, low, high, n)
