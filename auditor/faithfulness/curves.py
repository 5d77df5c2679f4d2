"""Deletion, insertion and symmetric relevance gain: areas under what a model says while parts are taken or given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.integrate import trapezoid

from auditor.records import BoolArray, FloatArray, IntArray

#: Steps of a curve, at most: a step is then a tenth of the parts.
N_STEPS = 10


@dataclass(frozen=True, slots=True)
class Areas:
    """Areas under the curves of one explanation of one picture, each in the unit of the response.

    ``deletion`` is small and ``insertion`` large where the parts that are said to matter most do.
    """

    deletion: float
    insertion: float

    @property
    def relevance_gain(self) -> float:
        """Insertion less deletion (Bluecher et al., arXiv:2401.06654): what is uncovered last is covered first."""
        return self.insertion - self.deletion


def order_of(values: FloatArray, rng: np.random.Generator) -> IntArray:
    """Positions (n,) of the values (n,), the largest first; equal ones in an order by chance, not by their place."""
    return np.lexsort((rng.random(len(values)), -np.asarray(values, np.float64))).astype(np.int64)


def step_counts(n: int, n_steps: int = N_STEPS) -> IntArray:
    """How many of n parts are taken at each point of a curve: from 0 to n, in even steps of at least one."""
    return np.unique(np.round(np.linspace(0, n, min(n_steps, n) + 1))).astype(np.int64)


def taken_parts(order: IntArray, counts: IntArray) -> BoolArray:
    """(S, n) whether each part is among the first ``counts`` of the order."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[None, :] < counts[:, None]


def area(responses: FloatArray, counts: IntArray) -> float:
    """Area under a curve (S,) over the share of parts, by trapezoids: the mean response on the way.

    Args:
        responses: (S,) at each of the counts.
        counts: (S,) from 0 to all parts, see :func:`step_counts`.
    """
    return float(trapezoid(np.asarray(responses, np.float64), counts / counts[-1]))


def called_probability(logits: FloatArray, class_idx: int, *, multi_label: bool) -> FloatArray:
    """(n,) probability of a class by logits (n, C): softmax, or sigmoid where classes do not compete."""
    z = np.asarray(logits, np.float64)
    if multi_label:
        return np.asarray(1 / (1 + np.exp(-z[:, class_idx])), np.float32)
    z = z - z.max(axis=1, keepdims=True)
    exponentials = np.exp(z)
    return np.asarray(exponentials[:, class_idx] / exponentials.sum(axis=1), np.float32)
