"""A concept learnt from examples: a logistic probe, judged on examples that it has not seen.

Fitted within classes, so that it learns the concept and not which class shows it more often, and without what tells the
classes from each other, so that it says the same of a picture whatever its class. Presence must not know the label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orth
from scipy.special import expit
from scipy.stats import mannwhitneyu
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from auditor.evidence.presence.reliability import cohens_kappa
from auditor.records import BoolArray, FloatArray, IntArray
from auditor.rules import PRESENT

Float64Array = NDArray[np.float64]

#: Folds of the examples, by group.
N_FOLDS = 5
#: Examples of either side that a class must have for its mean to be known.
_LEAST_OF_CLASS = 2
#: Inverse of the penalty, on features of unit mean square; 1 and 100 differ by .01 in AUC (decision 0035).
_PENALTY_C = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class ExampleProbe:
    """A direction in the features and a calibrated threshold on it, with what it is worth.

    ``auc`` counts pairs of a picture with the concept and one without it, of one class, neither of which the probe
    had seen; ``p`` is that of an AUC of .5. ``kappa`` is Cohen's between what the examples are told, unseen, and what
    they show.
    """

    direction: FloatArray  # (F,)
    offset: float
    auc: float
    p: float
    kappa: float

    def presence(self, features: FloatArray) -> FloatArray:
        """Probability (n,) that pictures (n, F) show the concept, were half of the pictures to show it."""
        told: FloatArray = expit(features @ self.direction + self.offset).astype(np.float32)
        return told


def varying_within(class_idx: IntArray, yes: BoolArray) -> BoolArray:
    """(n,) examples of classes with pictures of both sides: from the others a probe would learn the class."""
    counts = [[int((side & (class_idx == c)).sum()) for side in (yes, ~yes)] for c in np.unique(class_idx)]
    both = [c for c, n in zip(np.unique(class_idx), counts, strict=True) if min(n) >= _LEAST_OF_CLASS]
    return np.isin(class_idx, both)


def fit_probe(
    features: FloatArray, yes: BoolArray, class_idx: IntArray, groups: IntArray, *, seed: int
) -> ExampleProbe:
    """Fit on all examples, judge on folds of them.

    Args:
        features: (n, F) of the encoder.
        yes: (n,) whether each shows the concept.
        class_idx: (n,) class of each, every class with pictures of both sides; all alike where it is not known.
        groups: (n,) pictures of one group are in one fold; at least :data:`N_FOLDS` groups.
        seed: Of the folds.
    """
    classes, inverse = np.unique(class_idx, return_inverse=True)
    x = features.astype(np.float64)
    centres = np.stack([_centre(x, yes, inverse == c) for c in range(len(classes))])
    origin = centres.mean(axis=0)
    between = orth((centres - origin).T, rcond=1e-6)  # (F, C - 1); nothing where all examples are of one class
    x = (x - origin) - (x - origin) @ between @ between.T
    size = max(float(np.sqrt((x**2).sum(axis=1).mean())), 1e-12)
    x /= size
    told = np.zeros(len(x))
    folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    for train, test in folds.split(x, yes, groups):
        if 0 < yes[train].sum() < train.size:
            told[test] = _logistic(x[train], yes[train]).decision_function(x[test])
    spread = max(float(told.std()), 1e-12)
    calibrated = _logistic(told[:, None] / spread, yes)
    # of noise, unseen examples are told the wrong way round as often as not: that is nothing learnt
    slope, shift = max(float(calibrated.coef_[0, 0]), 0.0) / spread, float(calibrated.intercept_[0])
    whole = _logistic(x, yes)
    direction = slope * whole.coef_[0] / size
    offset = slope * float(whole.intercept_[0]) + shift - float(origin @ direction)
    held_out = np.asarray(expit(slope * told + shift) > PRESENT)
    auc, p = _within_classes(told, yes, inverse)
    return ExampleProbe(direction.astype(np.float32), offset, auc, p, cohens_kappa(held_out, yes) or 0.0)


def _centre(x: Float64Array, yes: BoolArray, own: BoolArray) -> Float64Array:
    """Half way between a class's examples with the concept and those without it, however many there are of each."""
    middle: Float64Array = (x[own & yes].mean(axis=0) + x[own & ~yes].mean(axis=0)) / 2
    return middle


def _logistic(x: Float64Array, yes: BoolArray) -> LogisticRegression:
    """Both sides weigh the same: how many examples were given says nothing of how often the concept is there."""
    return LogisticRegression(C=_PENALTY_C, class_weight="balanced", max_iter=1000).fit(x, yes)


def _within_classes(told: Float64Array, yes: BoolArray, class_idx: IntArray) -> tuple[float, float]:
    """Part of the pairs within a class that are in order, and its p."""
    won = pairs = 0.0
    centred = np.zeros(told.size)
    for c in np.unique(class_idx):
        own = class_idx == c
        more = told[own & yes][:, None] - told[own & ~yes]
        won, pairs = won + float((more > 0).sum() + 0.5 * (more == 0).sum()), pairs + more.size
        centred[own] = told[own] - (told[own & yes].mean() + told[own & ~yes].mean()) / 2
    p = float(mannwhitneyu(centred[yes], centred[~yes], alternative="greater").pvalue)
    return won / pairs, p
