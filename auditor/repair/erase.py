"""A concept erased from the head's inputs, folded into the head: no layer is added.

With S = Cov_w(x, q), q the residual presences (R of them), A = Sigma_w + lambda diag Sigma_w and U = A^-1 S,

    W' = W - W S (U^T S)^+ U^T        b' = b + W S (U^T S)^+ U^T mean x

so that what the head reads, P x, has no covariance with any of the q within classes: P S = 0 whatever lambda is. The
projection of E3 (`evidence/effects/erasers.py`) for R concepts together; with lambda = 0 it is LEACE (Belrose et al.,
arXiv:2306.03819) on the class-residualised presence, the one that changes x least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditor.evidence.effects.covariates import within_class
from auditor.evidence.effects.ridged_covariance import RidgedCovariance
from auditor.records import FloatArray, IntArray, LinearHead
from auditor.repair.repair_input import Float64Array

#: Singular values of U^T S below this part of the largest are of concepts that say the same.
_SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Eraser:
    """x - (x - mean) directions shifts^T is x with the concepts erased."""

    directions: Float64Array  # (K, R) U (U^T S)^+
    shifts: Float64Array  # (K, R) S
    mean: Float64Array  # (K,)

    def inputs(self, activations: FloatArray) -> FloatArray:
        """The head's inputs (n, K) with the concepts erased."""
        along = (activations - self.mean.astype(np.float32)) @ self.directions.astype(np.float32)
        return np.asarray(activations - along @ self.shifts.T.astype(np.float32), dtype=np.float32)

    def folded(self, head: LinearHead) -> LinearHead:
        """The head that gives for x what ``head`` gives for x with the concepts erased."""
        moved = head.weight.astype(np.float64) @ self.shifts  # (C, R)
        return LinearHead(
            (head.weight - moved @ self.directions.T).astype(np.float32),
            (head.bias + moved @ (self.directions.T @ self.mean)).astype(np.float32),
            head.multi_label,
        )


def fit_eraser(activations: FloatArray, labels: IntArray, residual: FloatArray) -> Eraser:
    """Fit on pictures of which every one counts.

    Args:
        activations: (n, K).
        labels: (n,) classes, all known.
        residual: (n, R) residual presences.
    """
    # products over pictures in single precision: A only says how far x moves, and P S = 0 holds for any S
    x, q = within_class(activations, labels), within_class(residual, labels)
    n, width = x.shape
    shifts = (x.T @ q).astype(np.float64) / max(n, 1)
    if n <= width:
        inverse = RidgedCovariance.of_pictures(x.astype(np.float64))
    else:
        inverse = RidgedCovariance.of_channels((x.T @ x).astype(np.float64) / n)
    solved = np.asarray(inverse.solve(shifts), dtype=np.float64)
    directions = solved @ np.linalg.pinv(solved.T @ shifts, rcond=_SAME, hermitian=True)
    return Eraser(directions, shifts, activations.mean(axis=0, dtype=np.float64))
