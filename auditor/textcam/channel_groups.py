"""Channels that mean the same: groups that are shared by all classes and can be followed between releases."""

from __future__ import annotations

import faiss
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from auditor.errors import InputError
from auditor.records import ChannelGroups, FloatArray

#: As many as a person reads on one page; fewer where there are few channels (docs/decisions/0003-channel-groups.md).
DEFAULT_N_GROUPS = 16
_ITERATIONS = 25
_RESTARTS = 10  # one start leaves groups that depend on the seed
#: Share of the largest use that the least used channels still weigh: FAISS loses clusters of no weight.
_LEAST_WEIGHT = 1e-3


def group_channels(
    directions: FloatArray, use: FloatArray, *, n_groups: int = DEFAULT_N_GROUPS, seed: int
) -> ChannelGroups:
    """Cluster channel directions by spherical k-means, weighted by use.

    Args:
        directions: (K, D) unit rows; zero rows (constant channels) belong to no group.
        use: (K,) how much the head makes of each channel, at least 0; in any unit.
        n_groups: At most that many groups; fewer where fewer channels have a direction.
        seed: For the choice of the first centres.

    Returns:
        Groups by descending total use; each has its members' weighted mean direction. Permuting the channels
        permutes the members and changes nothing else, as long as no two channels have the same use.

    Raises:
        InputError: sizes that do not fit, negative or infinite use, or less than one group.
    """
    if use.shape != directions.shape[:1] or not (np.isfinite(use).all() and (use >= 0).all()):
        raise InputError(
            f"use {use.shape} of {len(directions)} channels found, expected one finite number >= 0 for each"
        )
    if n_groups < 1:
        raise InputError(f"{n_groups} channel groups found, expected at least 1")
    members = np.flatnonzero(directions.any(axis=1))
    group_idx = np.full(len(directions), -1, dtype=np.int64)
    if not members.size:
        return ChannelGroups(group_idx, np.zeros((0, directions.shape[1]), dtype=np.float32))
    # FAISS draws the first centres by position: sort by content, so that the order of the channels does not matter
    members = members[np.lexsort((*directions[members].T[::-1], -use[members]))]
    rows = np.ascontiguousarray(directions[members], dtype=np.float32)
    most = float(use[members].max())
    weights = np.maximum(use[members] / most, _LEAST_WEIGHT) if most > 0 else np.ones(len(members))
    kmeans = faiss.Kmeans(
        rows.shape[1],
        min(n_groups, len(members)),
        niter=_ITERATIONS,
        nredo=_RESTARTS,
        spherical=True,
        seed=seed,
        min_points_per_centroid=1,  # neither warn about few channels
        max_points_per_centroid=len(members),  # nor sample from many
    )
    with threadpool_limits(limits=1):  # a small problem, and sums that do not depend on the number of threads
        kmeans.train(rows, weights=weights.astype(np.float32))
    centres = np.asarray(kmeans.centroids)
    nearest = (rows @ centres.T).argmax(axis=1)
    totals = np.bincount(nearest, weights=weights, minlength=len(centres))
    by_use = np.argsort(-totals, kind="stable")[: np.count_nonzero(totals)]
    rank = np.full(len(totals), -1, dtype=np.int64)
    rank[by_use] = np.arange(len(by_use))
    group_idx[members] = rank[nearest]
    sums = np.zeros((len(by_use), rows.shape[1]))
    np.add.at(sums, rank[nearest], weights[:, None] * rows)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return ChannelGroups(group_idx, (sums / np.where(length > 0, length, 1.0)).astype(np.float32))
