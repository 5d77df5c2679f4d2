"""Channel groups taken out of a decision one by one: exact from the head's inputs, without a pass of the model."""

from __future__ import annotations

import numpy as np

from auditor.faithfulness.curves import Areas, area, called_probability, step_counts
from auditor.records import FloatArray, IntArray, LinearHead
from auditor.textcam.attribution import centred_weights


def group_areas(
    activations: FloatArray,
    class_idx: IntArray,
    head: LinearHead,
    mean: FloatArray,
    group_idx: IntArray,
    *,
    n_random: int,
    rng: np.random.Generator,
) -> tuple[list[Areas], list[Areas]]:
    """Areas under the probability of each picture's class while groups of channels go to their mean, or come back.

    Groups go in order of what they add to the class beyond an average picture, sum_j w~_cj (a_j - mean_j), and in
    ``n_random`` orders by chance. Channels without a group stay as they are.

    Args:
        activations: (n, K) inputs of the head.
        class_idx: (n,) class of each.
        head: The last linear layer.
        mean: (K,) what a channel is set to.
        group_idx: (K,) group of each channel, -1 for none.
        n_random: Orders by chance a picture, averaged.
        rng: Draws them.

    Returns:
        By contribution and by chance, one a picture.
    """
    groups = np.unique(group_idx[group_idx >= 0])
    if not len(groups):
        return [], []
    members = (group_idx[None, :] == groups[:, None]).astype(np.float64)  # (G, K)
    centred, weight = centred_weights(head).astype(np.float64), head.weight.astype(np.float64)
    counts = step_counts(len(groups), len(groups))
    by_contribution, by_chance = [], []
    for row, class_of in zip(activations.astype(np.float64), class_idx, strict=True):
        deviation = row - mean
        effects = (members * deviation) @ weight.T  # (G, C) what each group adds to the logits
        logits = weight @ row + head.bias

        def areas(
            order: IntArray, logits: FloatArray = logits, effects: FloatArray = effects, c: int = class_of
        ) -> Areas:
            gone = np.concatenate([np.zeros((1, len(logits))), np.cumsum(effects[order], axis=0)])  # (G + 1, C)
            left = called_probability(logits - gone, c, multi_label=head.multi_label)
            back = called_probability(logits - gone[-1] + gone, c, multi_label=head.multi_label)
            return Areas(area(left, counts), area(back, counts))

        contributions = members @ (centred[class_of] * deviation)
        by_contribution.append(areas(np.argsort(-contributions, kind="stable")))
        drawn = [areas(rng.permutation(len(groups))) for _ in range(n_random)]
        by_chance.append(
            Areas(float(np.mean([one.deletion for one in drawn])), float(np.mean([one.insertion for one in drawn])))
        )
    return by_contribution, by_chance
