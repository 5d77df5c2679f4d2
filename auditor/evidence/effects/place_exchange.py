"""E5 on places: a place of a picture exchanged with a picture of another class, against its mirror images.

Of two pictures, one of the class and one of another, the one gives the other what it has at the place; and, for
comparison, what it has at a place of the same shape as far from the middle. Both times the same two pictures meet and
the same area changes hands, so what differs between the results lies at the place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.evidence.effects.swaps import Intervention, effect_of_swaps
from auditor.records import IntArray
from auditor.rules import DELTA, LEAST_KEPT


@dataclass(frozen=True, slots=True)
class PlaceSwap:
    """``target`` gets what ``source`` has at the place; for comparison what it has at the place's mirror image.

    Rows of pictures, one of the class and one of another; ``place_idx`` and ``mirror_idx`` are positions in
    `auditor.place_grid.PLACES`.
    """

    class_idx: int
    place_idx: int
    mirror_idx: int
    target: int
    source: int


#: What the target is called with the place filled and with its mirror image filled, (n, 2); -1 where it cannot be
#: read. None where an audit is judged again without its model and these swaps were not carried out for it.
Exchange = Callable[[Sequence[PlaceSwap]], IntArray | None]


def taken_away(found: IntArray, swaps: Sequence[PlaceSwap], groups: IntArray | None) -> Intervention:
    """How much less often the class's pictures are called it without the place than without its mirror image.

    Args:
        found: (n, 2) from :data:`Exchange`.
        swaps: Whose targets are pictures of the class.
        groups: (N,) codes of groups of pictures that belong together.
    """
    # the place is still there where its mirror image was filled
    return _effect(found[:, ::-1], swaps, groups, least_kept=LEAST_KEPT)


def given(found: IntArray, swaps: Sequence[PlaceSwap], groups: IntArray | None) -> Intervention:
    """How much more often other classes' pictures are called the class with its place than with the mirror image.

    Args:
        found: (n, 2) from :data:`Exchange`.
        swaps: Whose sources are pictures of the class.
        groups: (N,) codes of groups of pictures that belong together.
    """
    return _effect(found, swaps, groups, least_kept=0.0)


@dataclass(frozen=True, slots=True)
class PlaceLoss:
    """How much less often a class is recognised with another class's place, and how much more often called that class.

    ``bar`` is the largest p at which it would be shown.
    """

    class_idx: int
    recall: Intervention  # with the mirror image of the place less with the place
    taken: Intervention
    bar: float = 0.0

    @property
    def is_measured(self) -> bool:
        """Whether enough of the class's pictures were given the place."""
        return self.recall.status == self.taken.status == "measured"

    @property
    def p(self) -> float:
        """Of "at least one of both is at most :data:`DELTA`": of the two tests the weaker."""
        return max(self.recall.p, self.taken.p)

    @property
    def is_shown(self) -> bool:
        """Whether both surely make a difference."""
        return self.is_measured and self.p <= self.bar and min(self.recall.low, self.taken.low) > DELTA


def losses_to(
    found: IntArray, swaps: Sequence[PlaceSwap], label_idx: IntArray, groups: IntArray | None
) -> tuple[PlaceLoss, ...]:
    """What each other class loses to the place when its pictures are given it, by class.

    Args:
        found: (n, 2) from :data:`Exchange`.
        swaps: Whose sources are pictures of the class that the place decides, and whose targets are of the others.
        label_idx: (N,) labels.
        groups: (N,) codes of groups of pictures that belong together.
    """
    rows = np.array([(swap.target, swap.source) for swap in swaps], dtype=np.int64).reshape(-1, 2)
    takers = np.array([swap.class_idx for swap in swaps], dtype=np.int64)
    losses = []
    for c in np.unique(label_idx[rows[:, 0]]).tolist():
        own = label_idx[rows[:, 0]] == c
        recall = effect_of_swaps(found[own, ::-1], np.full(int(own.sum()), c), rows[own], groups, least_kept=0.0)
        taken = effect_of_swaps(found[own], takers[own], rows[own], groups, least_kept=0.0)
        losses.append(PlaceLoss(c, recall, taken))
    return tuple(losses)


def _effect(found: IntArray, swaps: Sequence[PlaceSwap], groups: IntArray | None, *, least_kept: float) -> Intervention:
    rows = np.array([(swap.target, swap.source) for swap in swaps], dtype=np.int64).reshape(-1, 2)
    return effect_of_swaps(found, [swap.class_idx for swap in swaps], rows, groups, least_kept=least_kept)
