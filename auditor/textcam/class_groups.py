"""Which channel groups carry the evidence of each class, and the pictures in which they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from auditor.records import ActivationStats, ChannelGroups, ClassChannelGroup, FloatArray, IntArray
from auditor.textcam.attribution import channel_evidence

#: Pictures that are named per class and group.
PICTURES_PER_GROUP = 6


def class_channel_groups(
    head_chunks: Iterable[tuple[slice, FloatArray, FloatArray]],
    image_ids: Sequence[str],
    predicted_idx: IntArray,
    class_names: Sequence[str],
    centred_weights: FloatArray,
    stats: ActivationStats,
    groups: ChannelGroups,
) -> tuple[ClassChannelGroup, ...]:
    """Sum the evidence for the predicted class of every picture over the channels of each group.

    Args:
        head_chunks: (rows, activations (b, K), logits) in order.
        image_ids: N ids.
        predicted_idx: (N,) predicted class.
        class_names: One per class.
        centred_weights: (C, K), :func:`auditor.textcam.attribution.centred_weights`.
        stats: Class-balanced means and deviations.
        groups: G groups; channels without a group count towards the whole and towards none of them.

    Returns:
        By class and descending share, the groups that carry anything, each with the pictures of whose evidence it is
        the largest part. Within a class the shares are means over the pictures with any evidence, so they sum to at
        most 1.
    """
    members = (groups.group_idx[:, None] == np.arange(len(groups.directions))).astype(np.float32)  # (K, G)
    carried = np.zeros((len(image_ids), members.shape[1]), np.float32)
    totals = np.zeros(len(image_ids), np.float32)
    for rows, activations, _ in head_chunks:
        # the sign says which end of the direction it is; here only the size counts
        evidence = np.abs(channel_evidence(activations, predicted_idx[rows], centred_weights, stats))
        carried[rows], totals[rows] = evidence @ members, evidence.sum(axis=1)
    ids = np.array(image_ids, dtype=np.str_)
    found: list[ClassChannelGroup] = []
    for class_idx in np.unique(predicted_idx):
        called = np.flatnonzero((predicted_idx == class_idx) & (totals > 0))
        if not called.size:
            continue
        parts = carried[called] / totals[called, None]
        shares = parts.mean(axis=0, dtype=np.float64)
        for group_idx in np.argsort(-shares, kind="stable"):
            if shares[group_idx] <= 0:
                break
            order = np.lexsort((ids[called], -parts[:, group_idx]))[:PICTURES_PER_GROUP]
            shown = called[order[parts[order, group_idx] > 0]]
            found.append(
                ClassChannelGroup(
                    class_idx=int(class_idx),
                    class_name=class_names[class_idx],
                    group_idx=int(group_idx),
                    share=float(shares[group_idx]),
                    n_images=int(called.size),
                    image_ids=tuple(image_ids[row] for row in shown),
                )
            )
    return tuple(found)
