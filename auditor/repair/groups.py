"""The channels that carry a shortcut no longer count for its class: the repair that one sentence explains.

For the class and a concept, the group of channels that gives the class's own pictures with the concept most of their
advantage over those without it: sum over its channels of w~_cj (mean x_j with - mean x_j without), w~ the class's
weights less the other classes' mean. Its weights become those that every class has on average, at the pictures' mean.
"""

from __future__ import annotations

import numpy as np

from auditor.records import IntArray, LinearHead
from auditor.repair.repair_input import RepairInput
from auditor.rules import MIN_ARM


def without_groups(given: RepairInput) -> LinearHead:
    """The head without each pair's leading group of channels; the same head where no pair has both arms.

    Reference:
        The intervention on channel groups of TextCAM (arXiv:2510.01004), reconstructed.
    """
    weight, bias = given.head.weight.astype(np.float64), given.head.bias.astype(np.float64)
    for c, column in given.pairs:
        channels = leading_group(given, c, column)
        if channels.size:
            mean = given.activations[:, channels].mean(axis=0, dtype=np.float64)
            average = given.head.weight[:, channels].mean(axis=0, dtype=np.float64)
            bias[c] += (weight[c, channels] - average) @ mean
            weight[c, channels] = average
    return LinearHead(weight.astype(np.float32), bias.astype(np.float32), given.head.multi_label)


def leading_group(given: RepairInput, class_idx: int, column: int) -> IntArray:
    """Channels of the group that carries most of the advantage of pictures with the concept; empty where none does."""
    own = given.labels == class_idx
    seen, there = given.known[:, column], given.present[:, column]
    arms = [own & seen & there, own & seen & ~there]
    if min(int(arm.sum()) for arm in arms) < MIN_ARM:
        return np.zeros(0, np.int64)
    with_it, without = (given.activations[arm].mean(axis=0, dtype=np.float64) for arm in arms)
    centred = given.head.weight[class_idx] - given.head.weight.mean(axis=0)
    gain = centred * (with_it - without)
    grouped = given.channel_groups >= 0
    if not grouped.any():
        return np.zeros(0, np.int64)
    by_group = np.bincount(given.channel_groups[grouped], weights=gain[grouped])
    # a class that a concept harms loses by it
    loss = gain.sum() < 0
    best = int((-by_group if loss else by_group).argmax())
    return np.flatnonzero(given.channel_groups == best).astype(np.int64)
