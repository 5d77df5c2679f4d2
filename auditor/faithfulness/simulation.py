"""Simulatability: how well an explanation alone tells what the model calls a picture that the teller has not seen.

The usual stand-in for a person's understanding (Doshi-Velez and Kim, arXiv:1702.08608; Hase and Bansal,
arXiv:2005.01831). The explanation is that of the call itself, so it may give the call away: that is what is measured.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from auditor.records import FloatArray, IntArray

N_FOLDS = 5
_ITERATIONS = 500


def foretold(features: FloatArray, called: IntArray, units: IntArray) -> FloatArray:
    """Whether the call of each picture is told by a multinomial logistic regression on the others, fold by fold.

    Args:
        features: (n, F) what the explanations say.
        called: (n,) class that the model calls each picture.
        units: (n,) codes of pictures that are one witness (copies); a fold has all of a unit.

    Returns:
        (n,) 1 where it is told, else 0.

    Raises:
        ValueError: every class has fewer pictures than there are folds.
    """
    right = np.zeros(len(called), np.float32)
    for known, held_out in _folds(called, units):
        told = _told(features[known], called[known], features[held_out])
        right[held_out] = told == called[held_out]
    return right


def foretold_by_chance(called: IntArray, units: IntArray) -> FloatArray:
    """The same of a teller that knows no explanation and always says what is called most often; (n,) 0 or 1."""
    right = np.zeros(len(called), np.float32)
    for known, held_out in _folds(called, units):
        right[held_out] = called[held_out] == np.bincount(called[known]).argmax()
    return right


def _folds(called: IntArray, units: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Pictures to learn from and pictures to tell, every class in each fold as far as its units allow."""
    folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=0)
    yield from folds.split(np.zeros(len(called)), called, units)


def _told(features: FloatArray, called: IntArray, asked: FloatArray) -> IntArray:
    if len(np.unique(called)) < 2:
        return np.full(len(asked), called[0], np.int64)
    teller = make_pipeline(MaxAbsScaler(), LogisticRegression(max_iter=_ITERATIONS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a teller short of its optimum tells a little less
        return np.asarray(teller.fit(features, called).predict(asked), np.int64)
