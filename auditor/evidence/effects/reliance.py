"""E3, erasure: what of a class's recall and of its pull goes when a concept is erased from the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from auditor.evidence.effects.gaps import design_effect
from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.effects.significance import paired_change
from auditor.records import BoolArray, FloatArray, IntArray
from auditor.rules import CONFIDENCE, MIN_ARM, NULL_ALPHA

#: Folds of pictures (whole groups together) that erasers are fitted without.
N_FOLDS = 5
#: Classes are left out one by one up to this many, a twentieth of them at a time beyond it.
MAX_CLASS_FOLDS = 20

#: "not_identified": where the concept may be learnt from, nothing varies. "not_told": it does, but what was learnt does
#: not surely tell the concept in the pictures that are judged.
ErasureStatus = Literal["measured", "too_few", "not_identified", "not_told"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """Difference in differences of recall or pull, with its 95 % interval.

    ``p`` and ``permuted`` (the mean effect) come from erasers refitted to permuted presence, where that was done.
    """

    effect: float
    low: float
    high: float
    n_present: int
    n_absent: int
    status: ErasureStatus = "measured"
    p: float | None = None
    permuted: float | None = None


NOT_IDENTIFIED = Erasure(0.0, -1.0, 1.0, 0, 0, "not_identified")
NOT_TOLD = Erasure(0.0, -1.0, 1.0, 0, 0, "not_told")


def assign_folds(image_ids: Sequence[str], groups: IntArray | None, *, seed: int, n_folds: int = N_FOLDS) -> IntArray:
    """Fold of every picture by the hash of its id, whole groups together (by the id that comes first in the group)."""
    keys = np.asarray(image_ids, dtype=object)
    if groups is not None:
        order = np.argsort(np.asarray(image_ids), kind="stable")
        _, first, member = np.unique(groups[order], return_index=True, return_inverse=True)
        by_group = np.empty(len(keys), dtype=object)
        by_group[order] = keys[order][first[member]]
        keys = by_group
    return (hashed(f"{seed}\x00{key}" for key in keys) % np.uint64(n_folds)).astype(np.int64)


def assign_class_folds(class_names: Sequence[str]) -> IntArray:
    """Fold of every class: its own, or one of :data:`MAX_CLASS_FOLDS` by the hash of its name where there are more."""
    if len(class_names) <= MAX_CLASS_FOLDS:
        return np.arange(len(class_names), dtype=np.int64)
    return (hashed(class_names) % np.uint64(MAX_CLASS_FOLDS)).astype(np.int64)


def varying_pictures(present: BoolArray, label_idx: IntArray, n_classes: int) -> IntArray:
    """Pictures that vary within each class: its smaller arm, (C,)."""
    labelled = label_idx >= 0
    n1 = np.bincount(label_idx[labelled & present], minlength=n_classes)
    n0 = np.bincount(label_idx[labelled & ~present], minlength=n_classes)
    return np.asarray(np.minimum(n1, n0))


def tells(along: FloatArray, residual: FloatArray, label_idx: IntArray, *, groups: IntArray | None = None) -> bool:
    """Whether what is erased surely follows the concept in pictures that the eraser was not fitted on.

    A within-class correlation, by Fisher's z above zero at the level :data:`NULL_ALPHA`, groups counted as pictures.

    Args:
        along: (n,) how far the pictures lie along what is erased.
        residual: (n,) residual presence.
        label_idx: (n,) classes.
        groups: (n,) pictures that belong together.
    """
    sizes = np.bincount(label_idx)

    def centred(values: FloatArray) -> NDArray[np.float64]:
        return np.asarray(values - (np.bincount(label_idx, weights=values) / np.maximum(sizes, 1))[label_idx])

    x, q = centred(along), centred(residual)
    free = (label_idx.size if groups is None else np.unique(groups).size) - np.count_nonzero(sizes) - 2
    spread = float(np.sqrt((x**2).sum() * (q**2).sum()))
    if free < 1 or spread <= 0:
        return False
    z = np.arctanh(min(float((x * q).sum()) / spread, 1 - 1e-12)) * np.sqrt(free)
    return bool(z > ndtri(1 - NULL_ALPHA))


def erasure_effect(
    before: BoolArray,
    after: BoolArray,
    present: BoolArray,
    source_idx: IntArray,
    *,
    groups: IntArray | None = None,
    n_called: float | None = None,
) -> Erasure:
    """F with v less F without, F the fall of the rate of being called c (``before``, ``after``) when v is erased.

    With the pictures of c itself (one source class) it is the DiD of recall; with those of the other classes, weighed
    by w_k = n_k1 n_k0 / (n_k1 + n_k0), the DiD of pull. With ``n_called``, M, it is the DiD of the share of these M
    that is pulled, sum_k n_k1 [F_k1 - F_k0] / M. The interval adds one picture of either change to each arm (Bonett &
    Price 2012), so that arms in which nothing changed do not look certain.
    """
    fall = before.astype(np.int64) - after
    size = int(source_idx.max(initial=0)) + 1
    n1 = np.bincount(source_idx[present], minlength=size).astype(np.float64)
    n0 = np.bincount(source_idx[~present], minlength=size).astype(np.float64)
    w = (n1 * n0 / np.maximum(n1 + n0, 1)) if n_called is None else np.where(n0 > 0, n1, 0)
    scale = 1.0 if n_called is None else float(w.sum()) / n_called
    counts = int(n1[w > 0].sum()), int(n0[w > 0].sum())
    used = (w > 0)[source_idx]
    witnesses = counts if groups is None else [np.unique(groups[arm & used]).size for arm in (present, ~present)]
    if min(*counts, *witnesses) < MIN_ARM:
        return Erasure(0.0, -1.0, 1.0, *counts, "too_few")
    means, centres, variances = [], [], []
    for arm, sizes in ((present, n1), (~present, n0)):
        weight = (w / np.maximum(sizes, 1))[source_idx[arm]]
        change = fall[arm]
        total = weight.sum()
        lost, gained = float(weight[change > 0].sum() / total), float(weight[change < 0].sum() / total)
        n_effective = float(total**2 / (weight**2).sum())
        if groups is not None:
            n_effective /= design_effect(change != 0, groups[arm])
        centre, variance = paired_change(lost, gained, n_effective)
        means.append(lost - gained)
        centres.append(centre)
        variances.append(variance)
    effect, centre = scale * (means[0] - means[1]), scale * (centres[0] - centres[1])
    half = scale * float(ndtri(0.5 + CONFIDENCE / 2)) * float(np.sqrt(sum(variances)))
    return Erasure(effect, min(centre - half, effect), max(centre + half, effect), *counts)


def margin_loss(
    before: FloatArray, after: FloatArray, present: BoolArray, *, groups: IntArray | None = None
) -> Erasure:
    """The part that erasing v takes of the difference that v makes to the margin of a class's own pictures.

    With m the margin, m' the same with v erased, D = m - m', and d(.) the mean with v less the mean without:
    d(D) / d(m), with the interval of a ratio estimator (delta method, clusters where there are groups). Counts of
    changed predictions stand still where margins are wide, although most of what held them up is gone; this does not.
    ``not_identified`` where the margin itself is not larger with v, ``too_few`` with fewer than :data:`MIN_ARM`
    pictures or groups in an arm.

    Args:
        before: (n,) margins of the class's pictures.
        after: (n,) the same with v erased.
        present: (n,) whether v is there.
        groups: (n,) pictures that belong together.
    """
    counts = int(present.sum()), int((~present).sum())
    groups = np.arange(present.size) if groups is None else groups
    n_groups = [np.unique(groups[arm]).size for arm in (present, ~present)]
    if min(n_groups) < MIN_ARM:
        return Erasure(0.0, -1.0, 1.0, *counts, "too_few")
    margin, fall = before.astype(np.float64), before.astype(np.float64) - after

    def difference(values: NDArray[np.float64]) -> tuple[float, float]:
        """Mean with v less mean without, and its standard error."""
        variance = 0.0
        for arm, n in zip((present, ~present), n_groups, strict=True):
            centred = values[arm] - values[arm].mean()
            sums = np.bincount(np.unique(groups[arm], return_inverse=True)[1], weights=centred)
            variance += n / (n - 1) * float((sums**2).sum()) / centred.size**2
        return float(values[present].mean() - values[~present].mean()), float(np.sqrt(variance))

    z = float(ndtri(0.5 + CONFIDENCE / 2))
    made, error = difference(margin)
    if made <= z * error:
        return Erasure(0.0, -1.0, 1.0, *counts, "not_identified")
    part = difference(fall)[0] / made
    half = z * difference(fall - part * margin)[1] / made
    return Erasure(part, part - half, part + half, *counts)
