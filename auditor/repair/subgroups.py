"""Who is right in which subgroup: accuracies by class and concept, and whether a class surely lost some of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from auditor.evidence.effects.gaps import design_effect
from auditor.evidence.effects.significance import holm, paired_change
from auditor.records import BoolArray, IntArray
from auditor.repair.balance import balanced_weights
from auditor.repair.repair_input import Float64Array, RepairInput
from auditor.rules import ALPHA, MIN_ARM

#: What a class may lose, a fraction: a point.
MARGIN = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Subgroup:
    """Pictures of a class with, or without, a concept: enough of them to be judged."""

    class_idx: int
    column: int
    present: bool
    rows: IntArray
    n_units: int  # that do not belong together


def subgroups(given: RepairInput) -> list[Subgroup]:
    """All of at least :data:`MIN_ARM` pictures that do not belong together; a class that none splits is one itself."""
    found: list[Subgroup] = []
    for c in np.unique(given.labels):
        own, split = given.labels == c, False
        for column in range(given.present.shape[1]):
            seen = own & given.known[:, column]
            for present in (True, False):
                rows = np.flatnonzero(seen & (given.present[:, column] == present))
                n_units = np.unique(given.units[rows]).size
                if n_units >= MIN_ARM:
                    found.append(Subgroup(int(c), column, present, rows, n_units))
                    split = True
        if not split:
            found.append(Subgroup(int(c), -1, True, np.flatnonzero(own), np.unique(given.units[own]).size))
    return found


def worst_subgroup(right: BoolArray, groups: list[Subgroup]) -> Subgroup:
    """The subgroup where accuracy is least; of several the smallest, whose accuracy is known least."""
    return min(groups, key=lambda one: (float(right[one.rows].mean()), one.n_units))


def worst_accuracy(right: BoolArray, groups: list[Subgroup]) -> float:
    """Accuracy in the subgroup where it is least."""
    return float(right[worst_subgroup(right, groups).rows].mean())


def class_accuracies(right: BoolArray, labels: IntArray, weights: Float64Array) -> Float64Array:
    """Accuracy of each class that has pictures, each picture counting its weight."""
    classes, member = np.unique(labels, return_inverse=True)
    return np.asarray(
        np.bincount(member, weights=weights * right) / np.bincount(member, weights=weights, minlength=classes.size)
    )


def loss_p(given: RepairInput, before: BoolArray, after: BoolArray) -> tuple[IntArray, Float64Array]:
    """Of every class the p of "it loses at most :data:`MARGIN`", with and without the concepts alike; by Holm.

    A small p says that the class surely lost more. Pictures count as :func:`balanced_weights` has it: what a class
    loses where its shortcut is present and gains where it is not is no loss.

    Args:
        given: The pictures.
        before: (n,) whether each was called rightly.
        after: (n,) the same of the repaired head.
    """
    weights = balanced_weights(given.labels, given.present, given.known)
    classes = np.unique(given.labels)
    p = np.ones(classes.size)
    for i, c in enumerate(classes):
        own = np.flatnonzero(given.labels == c)
        w, change = weights[own], before[own].astype(np.int64) - after[own]
        lost, gained = (float(w[change == sign].sum() / w.sum()) for sign in (1, -1))
        n = float(w.sum() ** 2 / (w**2).sum()) / design_effect(change != 0, given.units[own])
        centre, variance = paired_change(lost, gained, n)
        p[i] = 1 - special.ndtr((centre - MARGIN) / np.sqrt(variance))
    return classes, holm(p)


def sure_losers(given: RepairInput, before: BoolArray, after: BoolArray) -> IntArray:
    """Classes that surely lost more than the margin."""
    classes, p = loss_p(given, before, after)
    return classes[p < ALPHA]
