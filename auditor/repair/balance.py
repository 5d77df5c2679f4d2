"""What a picture counts when the last layer is fitted again: no class has more with a concept than without it."""

from __future__ import annotations

import numpy as np

from auditor.records import BoolArray, FloatArray, IntArray
from auditor.repair.repair_input import Float64Array
from auditor.rules import MIN_ARM

#: How much more a picture counts that the model is sure to get wrong than one that it is sure of: exp of it.
_MISTAKE_FACTOR = 4.0


def balanced_weights(labels: IntArray, present: BoolArray, known: BoolArray) -> Float64Array:
    """Weights that give each class as much with as without each of the concepts, and as much as it had in all.

    An arm of fewer than :data:`MIN_ARM` pictures gets its part of a half, so that three pictures do not outweigh the
    rest. Of several concepts the weights are averaged; pictures of which presence is not known count as they are.

    Args:
        labels: (n,) classes, all known.
        present: (n, T) whether each concept is there.
        known: (n, T) where that is known.

    Returns:
        (n,) positive, of mean 1 in every class.

    Reference:
        Deep feature reweighting (Kirichenko et al., arXiv:2204.02937), with weights in place of sub-sampling.
    """
    weights = np.ones(labels.size)
    if present.shape[1] == 0:
        return weights
    total = np.zeros(labels.size)
    for there, seen in zip(present.T, known.T, strict=True):
        one = np.ones(labels.size)
        for c in np.unique(labels):
            arms = [(labels == c) & seen & (there == value) for value in (True, False)]
            sizes = np.array([arm.sum() for arm in arms])
            if not sizes.all():
                continue
            mass = np.minimum(sizes / MIN_ARM, 1)
            mass *= sizes.sum() / mass.sum()
            for arm, size, part in zip(arms, sizes, mass, strict=True):
                one[arm] = part / size
        total += one
    return np.asarray(total / present.shape[1])


def mistake_weights(labels: IntArray, logits: FloatArray) -> Float64Array:
    """Weights by how wrong the model is, for concepts of which nobody knows in which pictures they are.

    exp(-4 p), p what the model gives the picture's class, of mean 1 in every class.

    Args:
        labels: (n,) classes, all known.
        logits: (n, C) of the model.

    Reference:
        Automatic feature reweighting (Qiu et al., arXiv:2306.11074).
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted[np.arange(labels.size), labels]) / np.exp(shifted).sum(axis=1)
    weights = np.exp(-_MISTAKE_FACTOR * p)
    mean = np.bincount(labels, weights=weights) / np.maximum(np.bincount(labels), 1)
    return np.asarray(weights / mean[labels])
