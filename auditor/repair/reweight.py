"""Rows of the last layer fitted again on features that are there, each picture counting what it is given.

With z the standardised features, w the weights, D and d the change of the rows that are fitted, the loss is

    sum_i w_i CE(y_i, W x_i + b + [D z_i + d]) / sum_i w_i + penalty |D|

where |D| is half the sum of squares, or the sum of absolute values: what pictures do not ask for stays as it was. The
other rows stand still. Scaling is folded back: the result is a head on x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, special

from auditor.records import FloatArray, IntArray, LinearHead
from auditor.repair.repair_input import Float64Array

Norm = Literal["l1", "l2"]

_MOST_STEPS = 200
_FLAT = 1e-6  # of the standard deviation of the most varying channel: a channel below it does not vary


@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """Features less their mean, over their standard deviation; a channel that does not vary is zero."""

    z: FloatArray  # (n, K)
    mean: Float64Array  # (K,)
    scale: Float64Array  # (K,)


def standardised(activations: FloatArray) -> Standardised:
    """Features (n, K) of mean 0 and standard deviation 1."""
    mean, spread = activations.mean(axis=0, dtype=np.float64), activations.std(axis=0, dtype=np.float64)
    scale = np.where(spread > _FLAT * spread.max(initial=0), 1 / np.maximum(spread, 1e-30), 0.0)
    z = ((activations - mean.astype(np.float32)) * scale.astype(np.float32)).astype(np.float32)
    return Standardised(z, mean, scale)


def refit(
    head: LinearHead,
    activations: FloatArray,
    labels: IntArray,
    weights: Float64Array,
    *,
    rows: IntArray,
    penalty: float,
    norm: Norm = "l2",
    start: LinearHead | None = None,
    scaled: Standardised | None = None,
) -> LinearHead:
    """The head with some of its rows fitted again.

    Args:
        head: From which a change is penalised; of (C, K).
        activations: (n, K).
        labels: (n,) classes, all known.
        weights: (n,) what each picture counts.
        rows: Rows that may change.
        penalty: On the change in standardised units.
        norm: Of the penalty.
        start: Where the search begins (a head that only ``rows`` tell from ``head``), to save steps.
        scaled: The activations standardised, where they are fitted to more than once.

    Reference:
        Last layer on balanced pictures: Kirichenko et al., arXiv:2204.02937; penalty on the change: Qiu et al.,
        arXiv:2306.11074.
    """
    scaled = standardised(activations) if scaled is None else scaled
    z, mean, scale = scaled.z, scaled.mean, scaled.scale
    base = (activations @ head.weight.T + head.bias).astype(np.float64)  # (n, C)
    of_others = special.logsumexp(np.delete(base, rows, axis=1), axis=1)  # of rows that stand still; -inf without any
    share = (weights / weights.sum()).astype(np.float64)
    place = {int(row): i for i, row in enumerate(rows)}
    own = np.array([place.get(int(label), -1) for label in labels])
    n_rows, width, pictures = len(rows), z.shape[1], np.arange(labels.size)
    n_free = n_rows * width

    def loss(change: Float64Array, bias: Float64Array) -> tuple[float, Float64Array, Float64Array]:
        """Of the pictures, with its gradients."""
        logits = base[:, rows] + z @ change.T.astype(np.float32) + bias
        total = np.logaddexp(of_others, np.logaddexp.reduce(logits, axis=1))
        right = np.where(own >= 0, logits[pictures, own], base[pictures, labels])
        value = float(share @ (total - right))
        error = np.exp(logits - total[:, None])
        error[own >= 0, own[own >= 0]] -= 1
        error *= share[:, None]
        return value, (error.T.astype(np.float32) @ z).astype(np.float64), error.sum(axis=0)

    def squared(flat: Float64Array) -> tuple[float, Float64Array]:
        change = flat[:n_free].reshape(n_rows, width)
        value, slope, slope_bias = loss(change, flat[n_free:])
        penalised = value + penalty / 2 * float((change**2).sum())
        return penalised, np.concatenate([(slope + penalty * change).ravel(), slope_bias])

    def absolute(flat: Float64Array) -> tuple[float, Float64Array]:
        """Change = up - down, both at least 0: |change| is smooth there."""
        up, down = flat[:n_free].reshape(n_rows, width), flat[n_free : 2 * n_free].reshape(n_rows, width)
        value, slope, slope_bias = loss(up - down, flat[2 * n_free :])
        slopes = (slope + penalty).ravel(), (penalty - slope).ravel(), slope_bias
        return value + penalty * float((up + down).sum()), np.concatenate(slopes)

    first, first_bias = np.zeros((n_rows, width)), np.zeros(n_rows)
    if start is not None:
        moved = (start.weight[rows] - head.weight[rows]).astype(np.float64)
        first = np.divide(moved, scale, out=np.zeros_like(moved), where=scale > 0)
        first_bias = (start.bias[rows] - head.bias[rows]).astype(np.float64) + moved @ mean
    options = {"maxiter": _MOST_STEPS, "maxcor": 10}
    if norm == "l2":
        at = np.concatenate([first.ravel(), first_bias])
        flat = optimize.minimize(squared, at, jac=True, method="L-BFGS-B", options=options).x
        change, bias = flat[:n_free].reshape(n_rows, width), flat[n_free:]
    else:
        at = np.concatenate([np.maximum(first, 0).ravel(), np.maximum(-first, 0).ravel(), first_bias])
        bounds = optimize.Bounds(np.r_[np.zeros(2 * n_free), np.full(n_rows, -np.inf)], np.inf)
        flat = optimize.minimize(absolute, at, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
        change = (flat[:n_free] - flat[n_free : 2 * n_free]).reshape(n_rows, width)
        bias = flat[2 * n_free :]
    weight, offset = head.weight.astype(np.float64), head.bias.astype(np.float64)
    weight[rows] += change * scale
    offset[rows] += bias - (change * scale) @ mean
    return LinearHead(weight.astype(np.float32), offset.astype(np.float32), head.multi_label)
