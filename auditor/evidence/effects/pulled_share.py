"""E4, the share of what is called a class that other classes' pictures are, called so because of a concept.

The mean pull over the other classes hides a pull on two of a hundred. This share does not: it counts the pictures that
are too many, whatever classes they are of, against all that is called the class. Which classes they are of is told
apart from that, and by other pictures than those on which it is then looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects import significance
from auditor.evidence.effects.exact_test import exact_p_above
from auditor.evidence.effects.gaps import Gap, counted_arms, pull_reference
from auditor.evidence.effects.significance import PresentArms, TwoArms
from auditor.evidence.effects.witnesses import witness_weights
from auditor.records import BoolArray, IntArray
from auditor.rules import DELTA, MIN_ARM, NOTABLE_P, PULLED_DELTA

#: Pictures of a class that must be pulled for it to be named: one or two are anybody's mistakes.
_FEWEST_PULLED = 3
#: Part of the share that the classes which are named must make; else it is spread over all.
_MOST_OF_IT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Classes whose pictures a concept pulls.

    Attributes:
        class_idx: Those that most folds name, most pictures first.
        n_pictures: Pictures of these with the concept that are called the class.
        pulled: (F, C) whether the pictures outside a fold say that a class is pulled.
    """

    class_idx: tuple[int, ...]
    n_pictures: int
    pulled: BoolArray


def pulled_share(
    present: BoolArray,
    value: IntArray,
    called: BoolArray,
    source_idx: IntArray,
    n_called: float,
    *,
    groups: IntArray | None = None,
    copies: IntArray | None = None,
) -> Gap:
    """Sum_k n_k1 (p_k1 - p_k0) / M over the other classes k: pictures called c because of v, of the M called c.

    M is taken as it is, so H0 "share <= PULLED_DELTA" is one on the mean difference over the pictures with v, and is
    tested like any other gap (:func:`auditor.evidence.effects.exact_test.exact_p_above`). p_k0 is that of the same
    reference as in :func:`auditor.evidence.effects.gaps.pull_gap`; classes that lack an arm add nothing.

    Args:
        present: (n,) whether v is present, for pictures of the other classes.
        value: (n,) strongest value of v's kind.
        called: (n,) whether the picture is called c.
        source_idx: (n,) the picture's own class.
        n_called: M, pictures of all classes that are called c, copies counted once.
        groups: (n,) codes of groups of pictures that belong together, or None.
        copies: (n,) codes of pictures that are copies of each other, or None. All copies in an arm are one picture.

    Returns:
        The share, in [-1, 1]; ``x_present`` of ``n_present`` called c are other classes' pictures with v, ``x_absent``
        such without it. ``too_few`` where an arm, or what is called c, has fewer than :data:`MIN_ARM` pictures.
    """
    reference = pull_reference(present, value, called, source_idx, groups, copies)
    rows = np.flatnonzero(present | reference)
    within = (None if codes is None else codes[rows] for codes in (groups, copies))
    counted = counted_arms(present[rows], called[rows], source_idx[rows], *within)
    tables = PresentArms(*counted.tables)
    n_pulled, n_others = counted.x_counts
    enough = counted.enough and n_called >= MIN_ARM
    reach = counted.n_compared / max(n_called, 1.0)  # the share if all with v were called c because of it
    if not enough:
        return Gap(0.0, -1.0, 1.0, 1.0, n_pulled, round(n_called), n_others, round(n_called), status="too_few")
    low, high = (float(np.clip(bound * reach, -1, 1)) for bound in significance.score_interval(tables))
    effect = float(significance.risk_difference(tables)) * reach
    p = exact_p_above(tables, PULLED_DELTA / reach) if reach > PULLED_DELTA else 1.0
    return Gap(effect, low, high, p, n_pulled, round(n_called), n_others, round(n_called))


def pulled_sources(
    present: BoolArray,
    called: BoolArray,
    source_idx: IntArray,
    folds: IntArray,
    n_classes: int,
    *,
    copies: IntArray | None = None,
) -> Sources | None:
    """The classes that a concept pulls, chosen for every fold on the pictures of the other folds.

    A class is chosen whose plain gap exceeds :data:`DELTA` at an uncorrected level, with three pictures pulled. On the
    pictures of the fold, which had no say, those chosen must make half of all that is pulled: else it is spread over
    all classes, and naming a few would mislead.

    Args:
        present: (n,) whether v is present, for pictures of the other classes.
        called: (n,) whether the picture is called c.
        source_idx: (n,) the picture's own class.
        folds: (n,) fold of every picture; groups and copies lie in one.
        n_classes: C.
        copies: (n,) codes of copies, or None.

    Returns:
        None where the pull is spread over all classes, or there is none.
    """
    n_folds = int(folds.max(initial=0)) + 1
    cell, shape = folds * n_classes + source_idx, (n_folds, n_classes)
    counts: list[NDArray[np.float64]] = []
    for arm in (present, ~present):
        weight = witness_weights(arm, copies)
        for of_arm in (weight * called, weight):
            summed = np.bincount(cell, weights=of_arm, minlength=n_folds * n_classes)
            counts.append(summed.astype(np.float64).reshape(shape))
    here = PresentArms(*counts)
    elsewhere = TwoArms(*((count.sum(axis=0) - count)[..., None] for count in counts))
    with np.errstate(invalid="ignore"):  # nan without both arms
        pulled = significance.risk_difference(elsewhere) > DELTA
    pulled &= elsewhere.x1[..., 0] >= _FEWEST_PULLED
    pulled[pulled] = significance.p_above(TwoArms(*(a[pulled] for a in elsewhere)), DELTA) < NOTABLE_P

    def too_many(chosen: BoolArray) -> float:
        """Pictures with the concept that are too many, by the rates in the chosen cells of each class."""
        x1, n1, x0, n0 = (np.where(chosen, count, 0).sum(axis=0) for count in here)
        both = (n1 > 0) & (n0 > 0)
        return float((x1 - n1 * x0 / np.maximum(n0, 1))[both].sum())

    everything = too_many(np.ones_like(pulled))
    if everything <= 0 or too_many(pulled) < _MOST_OF_IT * everything:
        return None
    often = np.flatnonzero(2 * pulled.sum(axis=0) > n_folds)
    if often.size == 0:
        return None
    n_pulled = here.x1.sum(axis=0)
    often = often[np.argsort(-n_pulled[often], kind="stable")]
    return Sources(tuple(often.tolist()), round(float(n_pulled[often].sum())), pulled)
