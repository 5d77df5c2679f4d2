"""Whether labels and outputs are swapped: classes whose pictures are called each other, all round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

from auditor.records import IntArray
from auditor.rules import SWAPPED_GAIN, SWAPPED_P


@dataclass(frozen=True, slots=True, eq=False)
class SwappedOutputs:
    """Classes that look swapped.

    Attributes:
        called_as: By class the class that its pictures are called, by the assignment that fits best.
        counts: By class its pictures, those of them that are called what they are labelled, and those called the other.
    """

    called_as: Mapping[int, int]
    counts: Mapping[int, tuple[int, int, int]]

    @property
    def all_counts(self) -> tuple[int, int, int]:
        """The same of all these classes together."""
        pictures, own, other = np.sum(list(self.counts.values()), axis=0)
        return int(pictures), int(own), int(other)


def swapped_outputs(label_idx: IntArray, predicted_idx: IntArray) -> SwappedOutputs | None:
    """Look for classes that are exchanged among each other, by the assignment of labels to outputs that fits best.

    A class looks swapped where one other class gets more of its pictures than it has itself, by ``SWAPPED_GAIN`` of
    all of them, and that class is swapped too. Outputs that no picture is labelled with (of a model that knows more
    classes) count where most labels would have to move: the order of the outputs is another one. A single class whose
    pictures go to another that keeps its own is a weak class, and none that is swapped.

    Args:
        label_idx: (N,), -1 for none.
        predicted_idx: (N,), -1 where no model was examined.

    Returns:
        None where nothing looks swapped, or where chance may have done it.
    """
    judged = (label_idx >= 0) & (predicted_idx >= 0)
    if not judged.any():
        return None
    classes, codes = np.unique(np.concatenate([label_idx[judged], predicted_idx[judged]]), return_inverse=True)
    labels, called = np.split(codes, 2)
    counts = np.zeros((classes.size, classes.size), dtype=np.int64)
    np.add.at(counts, (labels, called), 1)
    n = counts.sum(axis=1)
    labelled = np.flatnonzero(n)
    rates = counts[labelled] / n[labelled, None]
    target = np.arange(classes.size)
    target[labelled] = linear_sum_assignment(rates, maximize=True)[1]
    gain = np.zeros(classes.size)
    gain[labelled] = (counts[labelled, target[labelled]] - counts[labelled, labelled]) / n[labelled]
    moved = gain >= SWAPPED_GAIN
    elsewhere = (n == 0) & (2 * moved.sum() > labelled.size)
    while (moved & ~(moved | elsewhere)[target]).any():
        moved &= (moved | elsewhere)[target]
    rows = np.flatnonzero(moved)
    if rows.size < 2:
        return None
    own, other = counts[rows, rows], counts[rows, target[rows]]
    if binom.cdf(own.sum(), own.sum() + other.sum(), 0.5) >= SWAPPED_P:
        return None
    return SwappedOutputs(
        called_as={int(classes[row]): int(classes[target[row]]) for row in rows},
        counts={int(classes[row]): (int(n[row]), int(k), int(m)) for row, k, m in zip(rows, own, other, strict=True)},
    )
