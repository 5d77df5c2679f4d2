"""What speaks for a class in a picture: signed channel evidence, and its sum along the channels' directions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditor.errors import InputError
from auditor.records import ActivationStats, FloatArray, IntArray, LinearHead

#: Evidence for a class, or against it: the same computation with weights of the other sign, shown apart.
Side = Literal["for", "against"]

_Doubles = NDArray[np.float64]


def class_balanced_stats(chunks: Callable[[], Iterable[FloatArray]], class_idx: IntArray) -> ActivationStats:
    """Mean of every channel and mean absolute deviation from it, each class counting the same.

    With plain means the big classes would set the zero, and small ones would be described by not being big.

    Args:
        chunks: Gives the (b, K) activations in the data set's order; called twice.
        class_idx: (N,) class of each row; rows with -1 count for nothing.

    Raises:
        InputError: no row has a class, or the chunks do not hold N rows.
    """
    known = class_idx >= 0
    if not known.any():
        raise InputError(f"no class found for any of {len(class_idx)} images, expected a class for at least one")
    counts = np.bincount(class_idx[known])
    image_weights = np.zeros(len(class_idx))  # sums to 1, and to the same in every class
    image_weights[known] = 1 / (np.count_nonzero(counts) * counts[class_idx[known]])
    mean = _weighted_sum(chunks(), image_weights)
    deviation = _weighted_sum((np.abs(chunk - mean) for chunk in chunks()), image_weights)
    return ActivationStats(mean=mean.astype(np.float32), mean_abs_deviation=deviation.astype(np.float32))


def _weighted_sum(chunks: Iterable[FloatArray | _Doubles], image_weights: _Doubles) -> _Doubles:
    """Sum of the rows by weight, in float64 so that neither order nor chunks of the images matter; (K,)."""
    total: _Doubles = np.zeros(1)
    start = 0
    for chunk in chunks:
        rows = image_weights[start : start + len(chunk)]
        start += len(chunk)
        if start > len(image_weights):
            break
        total = total + rows @ chunk.astype(np.float64)
    if start != len(image_weights):
        raise InputError(f"{start} or more rows of activations found, expected {len(image_weights)}, one per image")
    return total


def centred_weights(head: LinearHead) -> FloatArray:
    """Weights that tell a class from the others, w̃: what all classes share cancels in a softmax and explains nothing.

    Returns:
        (C, K): the head's rows less their mean; the rows themselves for multi-label heads, whose classes do not
        compete.
    """
    if head.multi_label:
        return head.weight.copy()
    weight = head.weight.astype(np.float64)
    centred: FloatArray = (weight - weight.mean(axis=0)).astype(np.float32)
    return centred


def channel_evidence(
    activations: FloatArray,
    class_idx: IntArray,
    centred_weights: FloatArray,
    stats: ActivationStats,
    side: Side = "for",
) -> FloatArray:
    """Signed evidence of each channel: relu(w̃ (a − ā)) · sign(a − ā), for the class of each row.

    The size is what the channel adds to the class beyond an average picture. The sign says which end of the channel's
    direction that is: without a final ReLU a *low* activation is often the evidence, and the words are those of the
    low images. (The plain product w̃ (a − ā) is antisymmetric for C = 2 and gives both classes one text.)

    Args:
        activations: (B, K).
        class_idx: (B,) rows of ``centred_weights``.
        centred_weights: (C, K), see `centred_weights`.
        stats: Class-balanced mean of every channel.
        side: "against" gives the evidence against the class, computed in the same way with -w̃.

    Returns:
        (B, K); with "for" alone nothing here speaks against the class.
    """
    deviation = activations - stats.mean
    weights = centred_weights[class_idx] if side == "for" else -centred_weights[class_idx]
    evidence: FloatArray = np.where(weights * deviation > 0, np.abs(weights) * deviation, np.float32(0))
    return evidence


def evidence_strength(
    evidence: FloatArray, class_idx: IntArray, centred_weights: FloatArray, stats: ActivationStats
) -> FloatArray:
    """How much speaks for (or against) each row's class, as a part of what pictures have of that on average.

    Σ_j |ε_j| / Σ_j ½ |w̃_c^j| E|a_j − ā_j|: the floor of `attribution_vectors`, as an amount. Below 1 the floor leads
    the vector, and its words are those of what is missing.

    Args:
        evidence: (B, K), see `channel_evidence`.
        class_idx: (B,) rows of ``centred_weights``.
        centred_weights: (C, K), see `centred_weights`.
        stats: Class-balanced mean absolute deviation of every channel.

    Returns:
        (B,), at least 0; 1 where no picture has any evidence of the class.
    """
    amounts = np.abs(evidence).sum(axis=1)
    floors = 0.5 * (np.abs(centred_weights) @ stats.mean_abs_deviation)[class_idx]
    strength: FloatArray = np.divide(amounts, floors, out=np.ones_like(amounts), where=floors > 0).astype(np.float32)
    return strength


def attribution_vectors(
    activations: FloatArray,
    class_idx: IntArray,
    centred_weights: FloatArray,
    stats: ActivationStats,
    directions: FloatArray,
    side: Side = "for",
) -> FloatArray:
    """Sum the evidence along the channels' directions, less what any picture would get.

    T_c(x) = Σ_j relu(w̃_c^j (a_j − ā_j)) sign(a_j − ā_j) s_j − Σ_j ½ w̃_c^j E|a_j − ā_j| s_j. The floor is the
    class-balanced mean of the first sum over pictures, so T averages to zero over the data set.

    Args:
        activations: (B, K).
        class_idx: (B,) rows of ``centred_weights``.
        centred_weights: (C, K), see `centred_weights`.
        stats: Class-balanced mean and mean absolute deviation of every channel.
        directions: (K, D) unit or zero rows.
        side: "for" the class or "against" it.

    Returns:
        (B, D) float32.
    """
    evidence = channel_evidence(activations, class_idx, centred_weights, stats, side)
    classes, class_of_row = np.unique(class_idx, return_inverse=True)
    half = np.float32(0.5 if side == "for" else -0.5)
    floors = half * centred_weights[classes] * stats.mean_abs_deviation  # (classes in the batch, K)
    return (evidence @ directions - (floors @ directions)[class_of_row]).astype(np.float32)


def class_vectors(centred_weights: FloatArray, directions: FloatArray) -> FloatArray:
    """Describe each class without an image: Σ_j w̃_c^j s_j, (C, D)."""
    return centred_weights @ directions
