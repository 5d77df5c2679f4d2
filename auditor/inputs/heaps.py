"""Whether numbers fall into two heaps, such as sharp pictures and blurred ones, and where the one ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: How far apart two heaps lie, in Ashman's D. Cut where the variance between both parts is largest, one normal heap
#: has 2.7 and an even spread 3.5; photographs before and after edits are in decision 0080.
_APART = 4.0
_LEAST_PART, _LEAST = 0.1, 20  # of the numbers that a heap has, and how many
_POSITIVE = 0.9  # part of the numbers from which on those that are 0 do not keep them from a scale of ratios


def heap_edge(numbers: NDArray[np.float64]) -> float | None:
    """The smallest number of the upper heap; None where there are not two, or more than two.

    They are cut where the variance between both parts is largest, on the scale of the numbers or of their logarithms
    (a ratio is what sharpness differs by), whichever lies further apart.

    Args:
        numbers: (n,) finite, ascending.

    Reference:
        Otsu, IEEE Transactions on Systems, Man, and Cybernetics 9, 1979; Ashman, Bird and Zepf, AJ 108, 1994, eq. 4.
    """
    first = _heap(numbers)
    if first is None or any(_heap(part) is not None for part in (numbers[:first], numbers[first:])):
        return None
    return float(numbers[first])


def _heap(numbers: NDArray[np.float64]) -> int | None:
    """The position where an upper heap begins that lies apart from the rest."""
    scales = [numbers]
    positive = numbers[numbers > 0]
    if numbers.size and numbers[0] >= 0 and positive.size >= _POSITIVE * numbers.size:
        scales.append(np.log(np.maximum(numbers, positive[0])))
    cuts = [cut for cut in map(_cut, scales) if cut is not None]
    apart, first = max(cuts, default=(0.0, 0))
    return first if apart >= _APART else None


def _cut(x: NDArray[np.float64]) -> tuple[float, int] | None:
    """How far the parts lie apart, and the position where the upper one begins."""
    n = x.size
    first = np.flatnonzero(np.diff(x) > 0) + 1  # sizes that the lower part can have
    if first.size == 0:
        return None
    x = x - x.mean()
    below = np.cumsum(x)[first - 1]
    between = first * (n - first) * (below / first + below / (n - first)) ** 2  # the sum of all is 0
    at = int(first[between.argmax()])
    if min(at, n - at) < max(_LEAST, _LEAST_PART * n):
        return None
    lower, upper = x[:at], x[at:]
    spread = float(np.sqrt((lower.var() + upper.var()) / 2))
    distance = float(upper.mean() - lower.mean())
    return (distance / spread if spread > 0 else np.inf), at
