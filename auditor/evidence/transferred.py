"""Erasers of a concept as the other classes know it: without the class that is judged, and without each picture's own.

What goes with a concept in one class only (its sub-kinds, an encoder's error on it) is erased along with it by an
eraser that saw the class. A recall is judged without the class itself. A pull on c by pictures of k is judged without
either: k's own secrets may look like c, and c's own may be what the eraser takes out of the pictures of k.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from auditor.evidence.erasure import Erasers, Fitted, erasers_of
from auditor.records import FloatArray, IntArray, LinearHead

_ROUNDING = 1e-6  # what a difference of float32 sums may leave of u.sigma where nothing is left


def pair_erasers(
    fitted: Fitted, classes: IntArray, columns: Sequence[int], class_folds: IntArray, head: LinearHead
) -> Erasers:
    """For every fold of classes (of the picture) and every pair, the eraser fitted without the folds of both classes.

    Args:
        fitted: Sums by fold of classes.
        classes: (J,) the class of every pair.
        columns: The column of each pair's concept in ``fitted``.
        class_folds: (C,) fold of every class.
        head: The last linear layer.
    """
    own = class_folds[classes]
    parts = [fitted.sigma_of[:, :, list(columns)], fitted.solved_of[:, :, list(columns)]]
    whole = [part.sum(axis=0) for part in parts]
    known = (whole[0] * whole[1]).sum(axis=0)
    others = [all_ - part[own, :, np.arange(own.size)].T for all_, part in zip(whole, parts, strict=True)]

    def by_fold() -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        for fold in range(fitted.sigma_of.shape[0]):
            sigma, solved = (
                left - np.where(own != fold, part[fold], 0) for left, part in zip(others, parts, strict=True)
            )
            sigma[:, (sigma * solved).sum(axis=0) < _ROUNDING * known] = 0
            yield sigma, solved, fitted.mean

    return erasers_of(by_fold(), head)
