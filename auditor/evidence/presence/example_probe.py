"""A concept learnt from examples: a logistic probe, judged on examples that it has not seen.

Fitted within classes, so that it learns the concept and not which class shows it more often. What it says of a
picture does not depend on the picture's class, which presence must not know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import mannwhitneyu
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from auditor.evidence.presence.reliability import cohens_kappa
from auditor.records import BoolArray, FloatArray, IntArray
from auditor.rules import PRESENT

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
        groups: (n,) pictures of one group are in one fold.
        seed: Of the folds.
    """
    x = features.astype(np.float64)
    centres = np.stack([_centre(x, yes, class_idx == c) for c in np.unique(class_idx)])
    inverse = np.unique(class_idx, return_inverse=True)[1]
    within, origin = x - centres[inverse], centres.mean(axis=0)
    within /= (size := max(float(np.sqrt((within**2).sum(axis=1).mean())), 1e-12))
    seen_from_afar = (x - origin) / size
    told = np.zeros(len(x))
    folds = StratifiedGroupKFold(min(N_FOLDS, len(np.unique(groups))), shuffle=True, random_state=seed)
    for train, test in folds.split(within, 2 * inverse + yes, groups):
        if 0 < yes[train].sum() < train.size:
            told[test] = _logistic(within[train], yes[train]).decision_function(seen_from_afar[test])
    spread = max(float(told.std()), 1e-12)
    calibrated = _logistic(told[:, None] / spread, yes)
    slope, shift = float(calibrated.coef_[0, 0]) / spread, float(calibrated.intercept_[0])
    whole = _logistic(within, yes)
    direction = slope * whole.coef_[0] / size
    offset = slope * float(whole.intercept_[0]) + shift - float(origin @ direction)
    held_out = np.asarray(expit(slope * told + shift) > PRESENT)
    auc, p = _within_classes(told, yes, inverse)
    return ExampleProbe(direction.astype(np.float32), offset, auc, p, cohens_kappa(held_out, yes) or 0.0)


def _centre(x: FloatArray, yes: BoolArray, own: BoolArray) -> FloatArray:
    """Half way between a class's examples with the concept and those without it, however many there are of each."""
    middle: FloatArray = (x[own & yes].mean(axis=0) + x[own & ~yes].mean(axis=0)) / 2
    return middle


def _logistic(x: FloatArray, yes: BoolArray) -> LogisticRegression:
    """Both sides weigh the same: how many examples were given says nothing of how often the concept is there."""
    return LogisticRegression(C=_PENALTY_C, class_weight="balanced", max_iter=1000).fit(x, yes)


def _within_classes(told: FloatArray, yes: BoolArray, class_idx: IntArray) -> tuple[float, float]:
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
