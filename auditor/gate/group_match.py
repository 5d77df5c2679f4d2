"""Channel groups followed from one release to the next: by where they point, never by number or name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.gate.releases import GroupMatch, ReleaseGroups
from auditor.records import FloatArray

#: Groups less alike than this are not one and the same: of all pairs of groups of two releases one in twenty is more
#: alike (docs/decisions/0008-release-diff.md).
SAME_GROUP = 0.8


def match_groups(old: ReleaseGroups, new: ReleaseGroups) -> tuple[GroupMatch, ...]:
    """Pair groups so that the pairs are as alike as can be; what has no partner is left alone.

    Args:
        old: groups of the old release.
        new: groups of the new one, directions in the same space.

    Returns:
        One match for every pair and for every group without a partner, the largest change of use first.
    """
    from scipy.optimize import linear_sum_assignment  # 25 MiB of a dashboard that compares nothing

    if not old.names or not new.names:
        cosines = np.zeros((len(old.names), len(new.names)))
    else:
        cosines = _unit(old.directions) @ _unit(new.directions).T
    # What cannot be one group weighs nothing, or it would part pairs that are.
    rows, columns = linear_sum_assignment(np.maximum(cosines - SAME_GROUP, 0), maximize=True)
    pairs = [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if cosines[i, j] >= SAME_GROUP]
    matched_old, matched_new = {i for i, _ in pairs}, {j for _, j in pairs}
    matches = [_match(old, new, i, j, float(min(cosines[i, j], 1.0))) for i, j in pairs]
    matches += [_match(old, new, i, None, None) for i in range(len(old.names)) if i not in matched_old]
    matches += [_match(old, new, None, j, None) for j in range(len(new.names)) if j not in matched_new]
    return tuple(sorted(matches, key=_by_change))


def _unit(rows: FloatArray) -> NDArray[np.float64]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norms, out=np.zeros(rows.shape), where=norms > 0))


def _share(groups: ReleaseGroups, idx: int) -> float:
    total = float(groups.use.sum())
    return float(groups.use[idx]) / total if total > 0 else 0.0


def _match(old: ReleaseGroups, new: ReleaseGroups, i: int | None, j: int | None, cosine: float | None) -> GroupMatch:
    return GroupMatch(
        old_idx=i,
        new_idx=j,
        old_name=None if i is None else old.names[i],
        new_name=None if j is None else new.names[j],
        old_channels=None if i is None else old.n_channels[i],
        new_channels=None if j is None else new.n_channels[j],
        old_share=None if i is None else _share(old, i),
        new_share=None if j is None else _share(new, j),
        cosine=cosine,
    )


def _by_change(match: GroupMatch) -> tuple[float, int, int]:
    change = (match.new_share or 0.0) - (match.old_share or 0.0)
    return -abs(change), -1 if match.old_idx is None else match.old_idx, -1 if match.new_idx is None else match.new_idx
