"""E5 on surroundings: what is around the middle of a picture, given by a picture of another class.

Four pictures are made of two that meet, one of the class and one of another: the middle of either, with surroundings of
the class and of the other. Nothing is left as it was: surroundings of a picture's own class come from another picture
of it, so that all four have the same seam. Who looks at objects goes by the middle; who learnt a background, by what is
around it (Xiao et al. 2021, "Noise or Signal", whose "mixed-next" and "mixed-same" these are).

Objects are larger than the middle, and their ears and legs come along. How much of a class that is, an encoder says
that knows nothing of the model: it is shown the same pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from auditor.evidence.effects.place_likeness import NOT_SEEN
from auditor.evidence.effects.swaps import Intervention, paired_effect
from auditor.records import IntArray
from auditor.rules import CONFIDENCE, LEAST_KEPT, MIN_ARM, NULL_ALPHA, SURROUNDINGS_EXCESS

_Doubles = NDArray[np.float64]
#: In the place of a class, of a picture that cannot be read; in that of a score it is NOT_SEEN.
NOT_READ = -1


@dataclass(frozen=True, slots=True)
class SurroundingsSwap:
    """``target`` keeps its middle and gets the surroundings of ``source``; for comparison those of ``alike``.

    Rows of pictures: of target and source the one is of the class, the other of ``other_idx``; ``alike`` is of the
    target's own class.
    """

    class_idx: int
    other_idx: int
    target: int
    source: int
    alike: int


#: What the target is called with the surroundings of source and of alike, and by how much its logit of the class then
#: exceeds that of the other, in `place_likeness.PARTS`: (n, 4). None where an audit is judged again without its model
#: and these swaps were not carried out for it.
SwapSurroundings = Callable[[Sequence[SurroundingsSwap]], IntArray | None]
#: By how much the encoder finds them more like the class than like the other, (n, 2).
LookAtSurroundings = Callable[[Sequence[SurroundingsSwap]], IntArray | None]


@dataclass(frozen=True, slots=True)
class PartAround:
    """What part of all that tells a class from another lies around the middle, to the model and to the encoder.

    ``p`` is the larger of two one-sided ones: of "to the model it is no more than :data:`SURROUNDINGS_EXCESS` beyond
    the encoder's", and of "to the encoder half of it or more lies there".
    """

    model: float
    encoder: float
    low: float  # of the model's
    high: float
    p: float

    @property
    def decides(self) -> bool:
        """Whether the model surely goes by the surroundings, and the encoder by the middle."""
        return self.p <= NULL_ALPHA


def surroundings_taken(found: IntArray, swaps: Sequence[SurroundingsSwap], groups: IntArray | None) -> Intervention:
    """How much less often the class's pictures are called it with another class's surroundings than with its own.

    Args:
        found: (n, 4) from :data:`SwapSurroundings`.
        swaps: Whose targets are pictures of the class.
        groups: (N,) codes of groups of pictures that belong together.
    """
    return _effect(found[:, 1::-1], swaps, groups, least_kept=LEAST_KEPT)


def surroundings_given(found: IntArray, swaps: Sequence[SurroundingsSwap], groups: IntArray | None) -> Intervention:
    """How much more often other classes' pictures are called the class with its surroundings than with their own.

    Args:
        found: (n, 4) from :data:`SwapSurroundings`.
        swaps: Whose sources are pictures of the class.
        groups: (N,) codes of groups of pictures that belong together.
    """
    return _effect(found[:, :2], swaps, groups, least_kept=0.0)


def _effect(
    called: IntArray, swaps: Sequence[SurroundingsSwap], groups: IntArray | None, *, least_kept: float
) -> Intervention:
    rows = np.array([(swap.target, swap.source, swap.alike) for swap in swaps], dtype=np.int64).reshape(-1, 3)
    class_idx = np.array([swap.class_idx for swap in swaps], dtype=np.int64)
    used = (called >= 0).all(axis=1)
    return paired_effect(called[used] == class_idx[used, None], rows[used], groups=groups, least_kept=least_kept)


def part_around(
    scores: Sequence[IntArray], looks: Sequence[IntArray], swaps: Sequence[SurroundingsSwap], groups: IntArray | None
) -> PartAround | None:
    """The parts of model and encoder; None with too few pictures, or where either does not tell the classes apart.

    Args:
        scores: Of the model, (n, 2) for pictures of the class and (n, 2) for those that these met, each with the
            surroundings of the other class, as :class:`SurroundingsSwap` has it, and with its own.
        looks: The same of the encoder.
        swaps: The first n of them, whose targets are pictures of the class.
        groups: (N,) codes of groups of pictures that belong together and count as one.
    """
    seen = np.all([(one > NOT_SEEN).all(axis=1) for one in (*scores, *looks)], axis=0)
    targets = np.array([swap.target for swap in swaps], dtype=np.int64)[seen]
    _, group = np.unique(targets if groups is None else groups[targets], return_inverse=True)
    if group.size == 0 or group.max() + 1 < MIN_ARM:
        return None
    parts: list[tuple[float, _Doubles]] = []
    for own, other in (scores, looks):
        around, everything = _differences(own[seen], other[seen])
        everything_by_group = np.bincount(group, everything) / np.bincount(group)
        if stats.ttest_1samp(everything_by_group, 0.0, alternative="greater").pvalue > NULL_ALPHA:
            return None
        part = float(around.mean() / everything.mean())
        parts.append((part, (around - part * everything) / everything.mean()))  # what each pair adds to its doubt
    (model, of_model), (encoder, of_encoder) = parts
    error = _error(of_model, group)
    freedom = float(group.max())
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    beyond = (model - encoder - SURROUNDINGS_EXCESS) / max(_error(of_model - of_encoder, group), 1e-9)
    in_middle = (0.5 - encoder) / max(_error(of_encoder, group), 1e-9)
    p = max(float(stats.t.sf(one, freedom)) for one in (beyond, in_middle))
    return PartAround(model, encoder, model - half, model + half, p)


def _differences(own: IntArray, other: IntArray) -> tuple[_Doubles, _Doubles]:
    """(n,) what surroundings make of the score, the mean over both middles; and surroundings and middle together."""
    own_lost = own[:, 1].astype(np.float64) - own[:, 0]
    other_won = other[:, 0].astype(np.float64) - other[:, 1]
    return (own_lost + other_won) / 2, own[:, 1].astype(np.float64) - other[:, 1]


def _error(added: _Doubles, group: IntArray) -> float:
    """Standard error of a mean whose members are alike within groups."""
    n_groups = int(group.max()) + 1
    sums = np.bincount(group, added)
    return float(np.sqrt((sums**2).sum() * n_groups / (n_groups - 1)) / added.size)
