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
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from auditor.evidence.effects.kept_scores import UNKNOWN, from_parts
from auditor.evidence.effects.swaps import Intervention, effect_of_swaps
from auditor.records import IntArray
from auditor.rules import CONFIDENCE, LEAST_KEPT, MIN_ARM, NULL_ALPHA, SURROUNDINGS_EXCESS, SURROUNDINGS_TIMES

_Doubles = NDArray[np.float64]
#: In the place of a class, of a picture that cannot be read; its score is `kept_scores.UNKNOWN`.
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
#: exceeds that of the other (`kept_scores.as_parts`): (n, 4). None where an audit is judged again without its model
#: and these swaps were not carried out for it.
SwapSurroundings = Callable[[Sequence[SurroundingsSwap]], IntArray | None]
#: By how much the encoder finds them more like the class than like the other, (n, 2).
LookAtSurroundings = Callable[[Sequence[SurroundingsSwap]], IntArray | None]


@dataclass(frozen=True, slots=True)
class PartAround:
    """What part of all that tells a class from another lies around the middle, to the model and to the encoder.

    ``p`` is the larger of two one-sided ones: of "to the model it is no more than :data:`SURROUNDINGS_EXCESS`", and of
    "no more than that beyond :data:`SURROUNDINGS_TIMES` the encoder's".
    """

    model: float
    encoder: float
    low: float  # of the model's
    high: float
    p: float

    @property
    def is_over(self) -> bool:
        """Whether the model's part is over the bar that the encoder's sets, surely or not."""
        return self.model > SURROUNDINGS_TIMES * self.encoder + SURROUNDINGS_EXCESS


def of_either_class(ask: SwapSurroundings) -> SwapSurroundings:
    """Asks of each swap for the class of the two that comes first, so that both share what was asked once.

    Args:
        ask: Of the model or of the encoder.
    """

    def asked(swaps: Sequence[SurroundingsSwap]) -> IntArray | None:
        turned = np.array([one.class_idx > one.other_idx for one in swaps], dtype=np.bool_)
        in_order = [
            replace(one, class_idx=one.other_idx, other_idx=one.class_idx) if is_so else one
            for one, is_so in zip(swaps, turned, strict=True)
        ]
        found = ask(in_order)
        if found is None:
            return None
        found = found.copy()
        scores = found[turned, -2:]
        found[turned, -2:] = np.where(scores == UNKNOWN, UNKNOWN, -scores)
        return found

    return asked


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
    return effect_of_swaps(called, [swap.class_idx for swap in swaps], rows, groups, least_kept=least_kept)


def part_around(
    scores: Sequence[IntArray], looks: Sequence[IntArray], swaps: Sequence[SurroundingsSwap], groups: IntArray | None
) -> PartAround | None:
    """The parts of model and encoder; None with too few pictures, or where either does not tell the classes apart.

    Pictures take part several times, in several parts, so pairs are no independent ones: pairs with a picture (or
    group) in common are alike.

    Args:
        scores: Of the model, (n, 2) for pictures of the class and (n, 2) for those that these met, each with the
            surroundings of the other class, as :class:`SurroundingsSwap` has it, and with its own.
        looks: The same of the encoder.
        swaps: All 2 n of them, those first whose targets are pictures of the class.
        groups: (N,) codes of groups of pictures that belong together and count as one.
    """
    read = [from_parts(one) for one in (*scores, *looks)]
    seen = np.all([np.isfinite(one).all(axis=1) for one in read], axis=0)
    members = _members(swaps, groups)[:, seen]
    if min(np.unique(one).size for one in members) < MIN_ARM:
        return None
    parts: list[tuple[float, _Doubles]] = []
    for own, other in (read[:2], read[2:]):
        around, everything = _differences(own[seen], other[seen])
        if not _p_at_most(everything, 0.0, members) <= NULL_ALPHA:
            return None
        part = float(around.mean() / everything.mean())
        parts.append((part, (around - part * everything) / everything.mean()))  # what each pair adds to its doubt
    (model, of_model), (encoder, of_encoder) = parts
    error, freedom = _error(of_model, members)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    to_model, beside = model + of_model, SURROUNDINGS_TIMES * (encoder + of_encoder)
    p = max(_p_at_most(values, SURROUNDINGS_EXCESS, members) for values in (to_model, to_model - beside))
    return PartAround(model, encoder, model - half, model + half, p)


def model_part(scores: Sequence[IntArray]) -> float:
    """The model's part alone, before anybody else is asked; NaN where it does not tell the classes apart.

    Args:
        scores: As :func:`part_around` has them.
    """
    own, other = (from_parts(one) for one in scores)
    seen = np.isfinite(own).all(axis=1) & np.isfinite(other).all(axis=1)
    around, everything = _differences(own[seen], other[seen])
    return float(around.mean() / everything.mean()) if seen.any() and everything.mean() > 0 else float("nan")


def _members(swaps: Sequence[SurroundingsSwap], groups: IntArray | None) -> IntArray:
    """(4, n) of each pair the pictures that take part, or their groups."""
    n = len(swaps) // 2
    rows = np.array([(a.target, a.alike, b.target, b.alike) for a, b in zip(swaps[:n], swaps[n:], strict=True)])
    return np.asarray((rows if groups is None else groups[rows]).reshape(-1, 4).T)


def _differences(own: _Doubles, other: _Doubles) -> tuple[_Doubles, _Doubles]:
    """(n,) what surroundings make of the score, the mean over both middles; and surroundings and middle together."""
    return (own[:, 1] - own[:, 0] + other[:, 0] - other[:, 1]) / 2, own[:, 1] - other[:, 1]


def _p_at_most(values: _Doubles, most: float, members: IntArray) -> float:
    """One-sided p of "the mean is at most so much": a t-test."""
    error, freedom = _error(values, members)
    return float(stats.t.sf((float(values.mean()) - most) / max(error, 1e-12), freedom))


def _error(values: _Doubles, members: IntArray) -> tuple[float, int]:
    """Standard error of the mean of pairs, of which any two with a picture in common are alike; degrees of freedom.

    Sums over all such pairs of pairs, whatever the picture's part in either (Aronow, Samii and Assenova 2015,
    "Cluster-robust variance estimation for dyadic data"), and at least what each part of a picture gives alone.
    """
    centred = values - values.mean()
    alike = (members[:, None, :, None] == members[None, :, None, :]).any(axis=(0, 1))
    n_members = np.unique(members).size
    found, freedom = [centred @ alike @ centred * n_members / (n_members - 1)], n_members - 1
    for one in members:
        _, group = np.unique(one, return_inverse=True)
        n_groups = int(group.max()) + 1
        found.append(float((np.bincount(group, centred) ** 2).sum()) * n_groups / (n_groups - 1))
        freedom = min(freedom, n_groups - 1)
    return float(np.sqrt(max(found))) / values.size, freedom
