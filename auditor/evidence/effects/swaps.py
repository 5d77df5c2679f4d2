"""E5, interventions on pictures: the place where a picture shows a concept, filled without it and filled with it.

In a picture of the class, the place where it shows v and not its object is covered with what a picture of another class
without v has there (the control); and again with what a picture of that same other class with v has there (the donor).
Both fillings have one place, shape and area and come from one class, so what differs between the two results is v.
No picture of the class itself gives a filling: its object could come along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from auditor.evidence.effects.exact_test import exact_p_of_change
from auditor.evidence.effects.gaps import Gap, levels
from auditor.evidence.effects.significance import paired_change
from auditor.records import BoolArray, IntArray
from auditor.rules import CONFIDENCE, DELTA, LEAST_KEPT, MIN_ARM

InterventionStatus = Literal[
    "measured",
    "too_few",
    "unstable",
    "copies_class",  # the pictures that could give the concept look like the class, or have it by chance
    "control_failed",  # words that prove nothing move the pictures of this audit as well
    "not_applicable",
    "not_readable",
    "not_tried",
    "one_way",  # what an edit cannot take back, and no picture could be given it
    "not_tried_again",  # the audit is judged again without its model, and the swaps were not carried out for it
]


@dataclass(frozen=True, slots=True)
class Swap:
    """A place of ``target`` is filled from ``donor``, which has the concept, and from ``control``, which has not.

    Rows of pictures. ``word_idx`` is the concept of the vocabulary whose map says where in the target the place is.
    """

    class_idx: int
    word_idx: int
    target: int
    donor: int
    control: int


#: What the target is called with the filling of the donor and with that of the control, (n, 2); -1 where it cannot be.
#: None where an audit is judged again without its model and these swaps were not carried out for it.
Intervene = Callable[[Sequence[Swap]], IntArray | None]


@dataclass(frozen=True, slots=True)
class Intervention:
    """How much more often the class's pictures are called it when a place is filled with the concept than without it.

    ``p`` is that of "at most :data:`DELTA`"; ``called`` and ``called_without`` are the two rates. ``n_unlike`` counts
    pictures that could not give the concept, since none without it looks as much like the class.
    """

    effect: float
    low: float
    high: float
    p: float
    called: float
    called_without: float
    n: int
    status: InterventionStatus = "measured"
    changed: tuple[int, ...] = ()  # pictures that are called the class with the concept only
    n_unlike: int = 0

    def as_gap(self) -> Gap:
        """The same as a difference of rates."""
        counts = [round(rate * self.n) for rate in (self.called, self.called_without)]
        return Gap(self.effect, self.low, self.high, self.p, counts[0], self.n, counts[1], self.n)


def no_intervention(status: InterventionStatus, n: int = 0, *, called: float = 0.0) -> Intervention:
    """An intervention that says nothing, and why."""
    return Intervention(0.0, -1.0, 1.0, 1.0, called, 0.0, n, status)


NOT_TRIED = no_intervention("not_tried")


def intervention_of(
    found: IntArray, swaps: Sequence[Swap], *, value: IntArray | None = None, groups: IntArray | None = None
) -> Intervention:
    """Paired difference of the rates of being called the class, with Bonett and Price's interval and an exact p.

    As with the gaps (E4), "without" is not simply the rest: where the controls' values of v's kind differ in what
    pictures are called with them, only those of the upper-quartile level count. For the interval one swap of either
    change is added, so that swaps that changed nothing do not look certain. Swaps count as fewer where the changes
    follow the picture that was changed, the one that gave the concept or the one that did not.

    Args:
        found: (n, 2) from :data:`Intervene`.
        swaps: The n swaps, all of one class and concept.
        value: (N,) strongest value of v's kind in the pictures.
        groups: (N,) codes of groups of pictures that belong together.
    """
    rows = np.array([(swap.target, swap.donor, swap.control) for swap in swaps], dtype=np.int64).reshape(-1, 3)
    class_idx = np.array([swap.class_idx for swap in swaps], dtype=np.int64)
    used = np.asarray((found >= 0).all(axis=1))
    if value is not None and used.any():
        used &= levels(value[rows[:, 2]], found[:, 1] == class_idx, used, None)[value[rows[:, 2]]]
    called = found[used] == class_idx[used, None]
    return paired_effect(called, rows[used], groups=groups, least_kept=LEAST_KEPT)


def effect_of_swaps(
    called: IntArray, class_idx: Sequence[int] | IntArray, rows: IntArray, groups: IntArray | None, *, least_kept: float
) -> Intervention:
    """The paired effect of those swaps whose two pictures could be read.

    Args:
        called: (n, 2) what the changed picture is called, with what is looked for and without it; -1 if not readable.
        class_idx: (n,) the class of every swap.
        rows: (n, m) see :func:`paired_effect`, as ``groups`` and ``least_kept``.
        groups: See there.
        least_kept: See there.
    """
    used = np.asarray((called >= 0).all(axis=1))
    is_class = called[used] == np.array(class_idx, dtype=np.int64)[used, None]
    return paired_effect(is_class, rows[used], groups=groups, least_kept=least_kept)


def paired_effect(
    called: BoolArray, rows: IntArray, *, groups: IntArray | None = None, least_kept: float = 0.0
) -> Intervention:
    """How much more often pictures are called a class with one change of them than with another.

    Args:
        called: (n, 2) whether the changed picture is called the class, with what is looked for and without it.
        rows: (n, m) the pictures that met, the one that was changed first.
        groups: (N,) codes of groups of pictures that belong together.
        least_kept: Rate of the first column below which the change as such is what counts.
    """
    n, members = len(rows), rows if groups is None else groups[rows]
    if n < MIN_ARM or min(np.unique(one).size for one in members.T) < MIN_ARM:
        return no_intervention("too_few", n)
    if called[:, 0].mean() < least_kept:
        return no_intervention("unstable", n, called=float(called[:, 0].mean()))
    return changed_rates(called, members, rows[:, 0])


def changed_rates(called: BoolArray, members: IntArray, rows: IntArray) -> Intervention:
    """Paired difference of two rates, with Bonett and Price's interval and an exact p of "at most DELTA".

    Args:
        called: (n, 2) whether each picture is called the class with the concept, and without it.
        members: (n, m) codes of what each pair depends on: changes that follow one of them make pairs count as fewer.
        rows: (n,) of the pictures.
    """
    change, n = called[:, 0].astype(np.int64) - called[:, 1], len(called)
    size = n / max(1.0, sum(_clustering(change, one) for one in members.T) - (members.shape[1] - 1))
    more, fewer = float(np.mean(change > 0)), float(np.mean(change < 0))
    centre, variance = paired_change(more, fewer, size)
    half, effect = float(ndtri(0.5 + CONFIDENCE / 2) * np.sqrt(variance)), float(change.mean())
    rates = called.mean(axis=0)
    return Intervention(
        effect=effect,
        low=min(centre - half, effect),
        high=max(centre + half, effect),
        p=exact_p_of_change(more, fewer, size, DELTA),
        called=float(rates[0]),
        called_without=float(rates[1]),
        n=n,
        changed=tuple(dict.fromkeys(int(row) for row in rows[change > 0])),
    )


def _clustering(change: IntArray, members: IntArray) -> float:
    """Variance of the mean change with pictures that occur again counted as clusters, over that without."""
    _, member = np.unique(members, return_inverse=True)
    centred = change - change.mean()
    alone = float((centred**2).sum())
    return float((np.bincount(member, weights=centred) ** 2).sum()) / alone if alone > 0 else 1.0
