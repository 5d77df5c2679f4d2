"""Sigma + lambda diag Sigma, ready to be solved: of few pictures by the pictures, of many by the channels.

With Z the n pictures (n, K), centred and over the root of n, Sigma = Z^T Z and D = lambda diag Sigma,

    (Z^T Z + D)^-1 = D^-1 - D^-1 Z^T (I + Z D^-1 Z^T)^-1 Z D^-1

(Woodbury): where there are more channels than pictures the matrix to be factored has a row a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Float64Array = NDArray[np.float64]

#: lambda of the formula: a tenth of every channel's own variance.
RIDGE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class RidgedCovariance:
    """A factored (K, K) matrix; channels that never vary get no weight."""

    _factor: NDArray[np.floating]  # lower Cholesky factor, (K, K) or (n, n)
    _diagonal: NDArray[np.floating]  # (K,) D
    _pictures: NDArray[np.floating] | None  # (n, K) Z, where they are fewer than the channels

    @classmethod
    def of_channels(cls, covariance: Float64Array) -> RidgedCovariance:
        """From the covariance (K, K)."""
        diagonal = _ridge(np.diag(covariance))
        return cls(linalg.cholesky(covariance + np.diag(diagonal), lower=True, check_finite=False), diagonal, None)

    @classmethod
    def of_pictures(cls, centred: Float64Array) -> RidgedCovariance:
        """From pictures (n, K), each less the mean of its class."""
        z = centred / np.sqrt(max(len(centred), 1))
        diagonal = _ridge((z**2).sum(axis=0))
        inner = np.eye(len(z)) + (z / diagonal) @ z.T
        return cls(linalg.cholesky(inner, lower=True, check_finite=False), diagonal, z)

    def solve(self, columns: NDArray[np.floating]) -> NDArray[np.floating]:
        """The inverse times columns (K, m), in their own precision."""
        kind = columns.dtype
        factor, diagonal = self._factor.astype(kind, copy=False), self._diagonal[:, None].astype(kind, copy=False)
        if self._pictures is None:
            return np.asarray(linalg.cho_solve((factor, True), columns, check_finite=False))
        pictures, scaled = self._pictures.astype(kind, copy=False), columns / diagonal
        inner = linalg.cho_solve((factor, True), pictures @ scaled, check_finite=False)
        return np.asarray(scaled - (pictures.T @ inner) / diagonal)

    def in_single_precision(self) -> RidgedCovariance:
        """The same in half the memory, for what is asked in single precision over and over."""
        pictures = None if self._pictures is None else self._pictures.astype(np.float32)
        return RidgedCovariance(self._factor.astype(np.float32), self._diagonal.astype(np.float32), pictures)

    def products(
        self, others: NDArray[np.floating], rows: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """The inverse between other rows (m, K) and rows (s, K), and between these themselves: (m, s) and (s, s).

        With the factor L of the matrix they are products of L^-1 rows^T: half the work of solving.
        """
        kind, m = rows.dtype, len(others)
        both = np.concatenate([others, rows]).T  # (K, m + s)
        if self._pictures is None:
            halved = linalg.solve_triangular(
                self._factor.astype(kind, copy=False), both, lower=True, check_finite=False
            )
            own = halved[:, m:]
            return halved[:, :m].T @ own, own.T @ own
        # the difference of two large products, of which little may be left: in double precision
        diagonal, both = self._diagonal[:, None].astype(np.float64), both.astype(np.float64)
        plain, whole = both / np.sqrt(diagonal), self._pictures @ (both / diagonal)
        taken = linalg.solve_triangular(self._factor.astype(np.float64), whole, lower=True, check_finite=False)
        own, own_taken = plain[:, m:], taken[:, m:]
        of_others = plain[:, :m].T @ own - taken[:, :m].T @ own_taken
        return of_others.astype(kind), (own.T @ own - own_taken.T @ own_taken).astype(kind)


def _ridge(variance: Float64Array) -> Float64Array:
    floor = max(1e-6 * float(variance.mean()), 1e-12)
    return np.asarray(RIDGE * np.maximum(variance, 0) + floor)
