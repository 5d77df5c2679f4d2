"""E6, proof by editing: a property is set in the same picture, and the model is asked what it calls the result.

Every picture stands twice, with the level and without it, one of the two as it was (or, where something is covered,
with as much covered beside it). That a network falls under an edit is no reliance: it is one if the class *gains* by
the level what it would not gain by chance, in its own pictures and in those of others, and both beyond what the same
edit does to the other classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import t as student

from auditor.edit_records import PictureEdit
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.significance import paired_change
from auditor.evidence.effects.swaps import (
    NOT_TRIED,
    Intervention,
    InterventionStatus,
    changed_rates,
    no_intervention,
)
from auditor.records import BoolArray, IntArray
from auditor.rules import CONFIDENCE, DELTA, MARGIN_DELTA, MIN_ARM, MIN_EDITED

AnyNumbers = TypeVar("AnyNumbers", NDArray[np.int64], NDArray[np.float64])
_LEAST_SPREAD = 0.1  # of rises of margins, in standard deviations of the margins
#: A picture that cannot be read; one that cannot be brought to a level, as there is no way back from its own.
NOT_READABLE, CANNOT_BE_SET = -1, -2


@dataclass(frozen=True, slots=True, eq=False)
class EditAnswers:
    """What n edited pictures are called, (n,); NOT_READABLE or CANNOT_BE_SET where there is no answer.

    ``margin`` is the logit of their label less the largest other one (`kept_scores.as_parts`); not known in an audit of
    before margins were kept.
    """

    called: IntArray
    margin: IntArray


#: What the model makes of the pictures of rows after an edit. None where an audit is judged again without its model and
#: these edits were not carried out for it.
EditPictures = Callable[[PictureEdit, Sequence[int]], EditAnswers | None]


@dataclass(frozen=True, slots=True, eq=False)
class EditedPictures:
    """What n pictures are called with a level of a property and without it, one of the two as a rule as they were.

    ``label_idx`` is theirs, ``groups`` are codes of pictures that belong together, ``margins`` those of their labels
    with the level and without it, NaN where they are not known; all of n.
    """

    rows: IntArray
    label_idx: IntArray
    with_level: IntArray
    without_level: IntArray
    groups: IntArray
    margins: NDArray[np.float64]  # (n, 2)


@dataclass(frozen=True, slots=True)
class Edited:
    """How much more often a class's pictures, and those of others, are called it with a level than without it.

    ``margin`` is by how much the margin of its own rises, in standard deviations of all margins without the level: a
    class that is recognised in nearly every picture gains nothing else, nor does it show in few pictures.
    ``p`` is that of "at least one of both is at most :data:`DELTA`, or no more beyond what the edit does to the other
    classes": of the four tests the weakest, so that it needs no correction (intersection-union, Berger 1982); of its
    own pictures the smaller one of recall and margin counts twice. ``p_pull`` is that of the tests of the pull alone,
    which is measured as well where too few of its own pictures could be edited; then without the class that is pulled
    most: pictures that only fall may all fall into the class that is nearest. 1 where hardly a picture is left.
    """

    recall: Intervention = NOT_TRIED
    pull: Intervention = NOT_TRIED
    p: float = 1.0
    p_pull: float = 1.0
    margin: Intervention = NOT_TRIED


NOT_EDITED = Edited()


@dataclass(frozen=True, slots=True)
class EditedLoss:
    """How much less often a class's pictures are called it with a level, and what another class gains among them.

    ``p`` is that of "at least one of both is at most :data:`DELTA`": of the two tests the weaker.
    """

    recall: Intervention  # a loss: recall without the level less that with it
    taker_idx: int  # the class that is shown to rely on the level
    taken: Intervention
    p: float


def not_edited(status: InterventionStatus, n: int = 0) -> Edited:
    """An edit that says nothing, and why."""
    nothing = no_intervention(status, n)
    return Edited(nothing, nothing)


def edited_effects(pictures: EditedPictures, class_idx: int, n_classes: int) -> Edited:
    """Both effects of a level on what pictures are called a class.

    "Beyond the other classes" is, of recall, the class's gain less the median of the other classes' gains under the
    same edit (of their mean a class that relies on the opposite would take away what all others gain, of their upper
    quartile among few classes a second one that relies on the same); of the pull, in the same pictures of other
    classes, how much more often they are called the class than the median wrong class (of their mean a class that
    relies on the same more strongly would take away the same). A network that only falls under an edit loses everywhere
    and scatters its errors over all.

    Args:
        pictures: Of all classes.
        class_idx: The class.
        n_classes: Of the model.
    """
    labels = pictures.label_idx
    own = labels == class_idx
    if (~own).sum() < MIN_ARM:
        return not_edited("too_few", int(own.sum()))
    called = np.stack([pictures.with_level == class_idx, pictures.without_level == class_idx], axis=1)
    gained = _change(*called.T)
    pull = changed_rates(called[~own], pictures.groups[~own, None], pictures.rows[~own])
    p_pull = pull.p
    if n_classes > 2:
        beyond = _beyond_wrong_classes(pictures, gained, class_idx, n_classes)
        p_pull = max(p_pull, _p_beyond(beyond, 0.0, DELTA))
    if own.sum() < MIN_EDITED:
        p_pull = max(p_pull, _p_of_all_but_one(gained[~own], labels[~own]))
        return Edited(no_intervention("too_few", int(own.sum())), pull, p_pull=p_pull)
    recall = changed_rates(called[own], pictures.groups[own, None], pictures.rows[own])
    right = _change(pictures.with_level == labels, pictures.without_level == labels)
    usual = _middle(right[labels == k] for k in np.unique(labels[~own]))
    p_own = max(recall.p, _p_beyond(gained[own], _variance_of_mean(usual), DELTA + float(usual.mean())))
    margin = _margin(pictures, class_idx)
    if margin.status == "measured":
        p_own = min(1.0, 2 * min(p_own, margin.p))
    return Edited(recall, pull, max(p_own, p_pull), p_pull, margin)


def _p_of_all_but_one(gained: IntArray, labels: IntArray) -> float:
    """One-sided p of "at most DELTA" without the class that is pulled most; 1 with hardly a picture of others."""
    most = max(np.unique(labels), key=lambda k: float(gained[labels == k].mean()))
    others = gained[labels != most]
    return _p_beyond(others, 0.0, DELTA) if others.size >= MIN_ARM else 1.0


def _margin(pictures: EditedPictures, class_idx: int) -> Intervention:
    """By how much the margin of the class's own pictures rises, beyond what is usual of the other classes' own.

    Means of groups, t-tests: p is the larger one of "at most :data:`MARGIN_DELTA`" and of "no more than the
    median of the other classes". A shift of a quarter of a standard deviation moves at most a tenth of normal margins
    over zero: what is tolerated.
    """
    known = np.isfinite(pictures.margins).all(axis=1)
    if not known.any():
        return NOT_TRIED
    spread = float(pictures.margins[known, 1].std())
    rises: dict[int, NDArray[np.float64]] = {}
    for k in np.unique(pictures.label_idx[known]).tolist():
        at = known & (pictures.label_idx == k)
        _, group = np.unique(pictures.groups[at], return_inverse=True)
        change = pictures.margins[at, 0] - pictures.margins[at, 1]
        rises[k] = np.bincount(group, change) / np.bincount(group)
    own = rises.pop(class_idx, np.zeros(0))
    if own.size < MIN_EDITED or spread <= 0 or not rises:
        return no_intervention("too_few", int(own.size))
    usual = _middle(one / spread for one in rises.values())
    own = own / spread
    # few values that are all alike are no certainty
    error = max(float(np.sqrt(_variance_of_mean(own))), _LEAST_SPREAD / math.sqrt(own.size))
    effect, freedom = float(own.mean()), own.size - 1
    half = float(student.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    beyond = (
        (effect - MARGIN_DELTA) / error,
        (effect - float(usual.mean())) / float(np.hypot(error, np.sqrt(_variance_of_mean(usual)))),
    )
    p = max(float(student.sf(one, freedom)) for one in beyond)
    return Intervention(effect, effect - half, effect + half, p, 0.0, 0.0, int(own.size))


def _beyond_wrong_classes(
    pictures: EditedPictures, gained: IntArray, class_idx: int, n_classes: int
) -> NDArray[np.float64]:
    """How much more each picture of other classes is called the class by a level than its median other wrong class.

    Args:
        pictures: Of all classes.
        gained: (n,) what each is called the class more.
        class_idx: The class.
        n_classes: Of the model, three at least.
    """
    labels, others = pictures.label_idx, pictures.label_idx != class_idx
    gains = np.zeros(n_classes)  # of every class, in pictures that are not its own nor the class's
    for called, sign in ((pictures.with_level, 1), (pictures.without_level, -1)):
        gains += sign * np.bincount(called[others & (called != labels)], minlength=n_classes)
    own = np.bincount(labels[others], minlength=n_classes)
    gains /= np.maximum(others.sum() - own, 1)
    order = np.argsort(gains, kind="stable")
    order = order[order != class_idx]
    place = np.zeros(n_classes, dtype=np.int64)  # in that order
    place[order] = np.arange(order.size)
    usual = np.zeros(labels.size)
    n_wrong = order.size - 1  # for a picture: neither the class nor its own
    for middle in ((n_wrong - 1) // 2, n_wrong // 2):
        wrong = order[np.where(middle < place[labels], middle, middle + 1)]
        usual += _change(pictures.with_level == wrong, pictures.without_level == wrong) / 2
    return np.asarray((gained - usual)[others], dtype=np.float64)


def edited_loss(pictures: EditedPictures, class_idx: int, taker_idx: int) -> EditedLoss | None:
    """What a class loses by a level to another class that is shown to rely on it; None with too few pictures.

    All pictures are harder to recognise when they are blurred or small. What those of a class are called then, and no
    more often before, says that it is no mere hardness.

    Args:
        pictures: Of all classes.
        class_idx: The class that may lose pictures.
        taker_idx: The one that gains by the level (:func:`edited_effects`).
    """
    own = pictures.label_idx == class_idx
    if own.sum() < MIN_EDITED:
        return None
    sides = pictures.with_level[own], pictures.without_level[own]
    groups, rows = pictures.groups[own, None], pictures.rows[own]
    lost = changed_rates(np.stack([side == class_idx for side in reversed(sides)], axis=1), groups, rows)
    taken = changed_rates(np.stack([side == taker_idx for side in sides], axis=1), groups, rows)
    return EditedLoss(lost, taker_idx, taken, max(lost.p, taken.p))


def as_gap(effect: Intervention, p: float) -> Gap:
    """One of the two effects as a difference of rates, with the p of both."""
    gap = effect.as_gap()
    return Gap(gap.effect, gap.low, gap.high, p, gap.x_present, gap.n_present, gap.x_absent, gap.n_absent)


def _middle(of_classes: Iterable[AnyNumbers]) -> AnyNumbers:
    """The changes of the class whose mean is the median of theirs; of two in the middle the one that gains more."""
    in_order = sorted(of_classes, key=lambda one: float(one.mean()))
    return in_order[len(in_order) // 2]


def _change(with_level: BoolArray, without_level: BoolArray) -> IntArray:
    return with_level.astype(np.int64) - without_level


def _variance_of_mean(values: NDArray[np.int64] | NDArray[np.float64]) -> float:
    return float(values.var(ddof=1) / values.size) if values.size > 1 else 1.0


def _p_beyond(values: NDArray[np.int64] | NDArray[np.float64], variance: float, most: float) -> float:
    """One-sided p of "the mean is at most so much"; ``variance`` is that of the bound, which is an estimate.

    Few values that are all alike are no certainty: as in Bonett and Price's interval, one of either change is added.
    """
    _, spread = paired_change(float((values > 0).mean()), float((values < 0).mean()), values.size)
    error = np.sqrt(max(_variance_of_mean(values), spread) + variance)
    return float(ndtr((most - values.mean()) / max(error, 1e-9)))
