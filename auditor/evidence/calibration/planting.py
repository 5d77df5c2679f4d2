"""Heads with a known truth, made of the user's own: what a concept does to the head's inputs, planted in it or erased.

Within classes, and with the other concepts held still, a concept v moves the head's inputs x by

    d_v = Cov_w(x, q) / Cov_w(b, q)

with b its presence (0 or 1) and q its residual presence (covariates.py): the coefficient of b in the regression of x on
class, the other concepts and b (Frisch & Waugh 1933). *Flipping* v in a picture is x + d_v where it is absent and
x - d_v where it is present. The counterfactual reliance of class c on v is, over the pictures of c,

    R_c(v) = mean 1[called c | x with v] - mean 1[called c | x without v]

where one of the two is the picture as it is and the other its flip. It needs no test, no interval and nothing that the
evidence measures: it is a property of the head, given what v does to its inputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from auditor.evidence.effects.covariates import residual_presence, within_class
from auditor.evidence.evidence_input import EvidenceInput
from auditor.records import FloatArray, IntArray, LinearHead
from auditor.rules import PRESENT

Float64Array = NDArray[np.float64]

#: lambda of the planted direction (Sigma + lambda diag Sigma)^-1 Cov_w(x, q). Sigma is the covariance over all classes:
#: by that within classes the direction also leads from one class to another, and a fifth of all pictures follows it.
_RIDGE = 0.1
#: Damping of inverses, as part of the largest singular value. Presences of an exclusive kind sum to one, so the effects
#: of its concepts are linearly dependent: undamped, rounding decides what a head without reliances looks like.
DAMPING = 1e-3
#: Least within-class covariance of presence and residual presence: below it nothing but noise would be flipped.
_LEAST_COVARIANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What T concepts do to the head's inputs, from some of the pictures."""

    concept_idx: IntArray  # (T,) one concept for each column; those merged with it are in ``alike``
    alike: tuple[tuple[int, ...], ...]  # per column, the concepts that cannot be told from it, itself included
    shift: Float64Array  # (T, K) d_v
    covariance: Float64Array  # (T, K) Cov_w(x, q)
    direction: Float64Array  # (T, K) ridge solution, scaled so that direction . shift = 1
    within: Float64Array  # (K, K) Sigma_w

    def only(self, column: int) -> Effects:
        """One column alone."""
        t = slice(column, column + 1)
        kept = self.shift[t], self.covariance[t], self.direction[t]
        return Effects(self.concept_idx[t], self.alike[t], *kept, self.within)


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The head's inputs and outputs of all pictures, and who may be used for what."""

    activations: FloatArray  # (N, K)
    present: NDArray[np.bool_]  # (N, V)
    known: NDArray[np.bool_]  # (N, V)
    label_idx: IntArray  # (N,)

    @classmethod
    def of(cls, inputs: EvidenceInput, activations: FloatArray) -> Features:
        """Those that the evidence reads."""
        known = np.isfinite(inputs.presence)
        return cls(activations, np.where(known, inputs.presence, 0) > PRESENT, known, inputs.label_idx)


def residuals(inputs: EvidenceInput, targets: IntArray) -> tuple[FloatArray, tuple[tuple[int, ...], ...]]:
    """Residual presence (N, T) of the target concepts that can be told from others, and the concepts of each column."""
    labels = inputs.label_idx
    own = np.where(labels >= 0, inputs.class_prompt_score[np.arange(labels.size), np.maximum(labels, 0)], 0)
    found = residual_presence(
        inputs.presence, labels, own.astype(np.float32), inputs.concepts, targets.tolist(), inputs.same_as
    )
    columns = sorted(set(found.column_of.values()))
    alike = tuple(tuple(sorted(v for v, i in found.column_of.items() if i == column)) for column in columns)
    return found.values[:, columns], alike


def concept_effects(
    features: Features, residual: FloatArray, alike: tuple[tuple[int, ...], ...], rows: IntArray
) -> Effects:
    """Effects from the pictures of ``rows`` alone; columns whose presence hardly varies there are left out.

    Args:
        features: Of all pictures.
        residual: (N, T) of :func:`residuals`.
        alike: Concepts of each of its columns.
        rows: Labelled and unlabelled pictures; the latter are left out.
    """
    rows = rows[features.label_idx[rows] >= 0]
    labels = features.label_idx[rows]
    x = within_class(features.activations[rows], labels).astype(np.float64)
    q = within_class(residual[rows], labels).astype(np.float64)
    first = np.array([members[0] for members in alike], dtype=np.int64)
    b = within_class(features.present[rows][:, first].astype(np.float32), labels).astype(np.float64)
    n = max(rows.size, 1)
    within = x.T @ x / n
    along = (b * q).sum(axis=0) / n
    kept = np.flatnonzero(along > _LEAST_COVARIANCE)
    covariance = (q[:, kept].T @ x) / n
    shift = covariance / along[kept][:, None]
    spread = features.activations[rows] - features.activations[rows].mean(axis=0, dtype=np.float64)
    total = spread.T @ spread / n
    variance = np.diag(total)
    floor = max(1e-6 * float(variance.mean()), 1e-12)
    regular = total + np.diag(_RIDGE * variance + floor)
    direction = linalg.cho_solve(linalg.cho_factor(regular, check_finite=False), covariance.T, check_finite=False).T
    scale = (direction * shift).sum(axis=1, keepdims=True)
    direction = np.divide(direction, scale, out=np.zeros_like(direction), where=scale > 1e-12)
    return Effects(first[kept], tuple(alike[i] for i in kept), shift, covariance, direction, within)


def logits_of(head: LinearHead, activations: FloatArray) -> FloatArray:
    """(n, C)."""
    return np.asarray(activations @ head.weight.T + head.bias, dtype=np.float32)


def class_reliance(
    head: LinearHead, features: Features, effects: Effects, rows: IntArray, class_idx: int
) -> Float64Array:
    """Counterfactual reliance R_c(v) of one class on every column of ``effects``: (T,); nan without pictures.

    Args:
        head: Of at least two rows.
        features: Of all pictures.
        effects: ``shift`` is what flips.
        rows: Pictures; those of the class count.
        class_idx: c.
    """
    own = rows[features.label_idx[rows] == class_idx]
    logits = logits_of(head, features.activations[own])
    steps = head.weight @ effects.shift.T.astype(np.float32)  # (C, T)
    found = np.full(effects.concept_idx.size, np.nan)
    for t, v in enumerate(effects.concept_idx):
        seen = features.known[own, v]
        if not seen.any():
            continue
        there = features.present[own[seen], v][:, None]
        having = (logits[seen] + np.where(there, 0, steps[:, t])).argmax(axis=1) == class_idx
        lacking = (logits[seen] - np.where(there, steps[:, t], 0)).argmax(axis=1) == class_idx
        found[t] = having.mean() - lacking.mean()
    return found


def reliances(
    head: LinearHead, features: Features, effects: Effects, rows: IntArray, classes: Iterable[int]
) -> Float64Array:
    """:func:`class_reliance` of some classes, (len(classes), T)."""
    found = [class_reliance(head, features, effects, rows, int(c)) for c in classes]
    return np.stack(found) if found else np.zeros((0, effects.concept_idx.size))


def erased(head: LinearHead, effects: Effects, columns: IntArray, centre: FloatArray) -> LinearHead:
    """The head with some concepts taken out together: what it adds along their covariances with x is projected away.

    W' = W - W S (U^T S)^-1 U^T and b' = b + W S (U^T S)^-1 U^T mean x, S and U the columns' covariances and directions:
    the head's outputs no longer vary with the residual presences of ``effects``. The inverse is damped, see
    :data:`DAMPING`.
    """
    if columns.size == 0:
        return head
    s, u = effects.covariance[columns].T, effects.direction[columns].T  # (K, m)
    overlap = u.T @ s
    damping = (DAMPING * np.linalg.norm(overlap, 2)) ** 2 * np.eye(columns.size)
    removed = (head.weight @ s) @ np.linalg.solve(overlap.T @ overlap + damping, overlap.T) @ u.T
    bias = head.bias + removed @ centre
    return LinearHead((head.weight - removed).astype(np.float32), bias.astype(np.float32), head.multi_label)


def leaning(head: LinearHead, class_idx: int, direction: Float64Array, centre: float, size: float) -> LinearHead:
    """The head with ``size`` times (direction . x - centre) added to a class."""
    weight, bias = head.weight.astype(np.float64), head.bias.astype(np.float64)
    weight[class_idx] += size * direction
    bias[class_idx] -= size * centre
    return LinearHead(weight.astype(np.float32), bias.astype(np.float32), head.multi_label)
