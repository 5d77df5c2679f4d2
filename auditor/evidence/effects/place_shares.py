"""Whether a class's evidence lies at one place of its pictures: more than at that place's mirror images.

Every picture has a share of its evidence in each place. From it the mean share of the other classes is taken: a network
whose maps lean to a side leans for all of them. Under the null hypothesis what is left prefers no corner to another:
it may as well be mirrored or turned by quarters, each picture's by itself. So objects in the middle, or at any distance
from it, find nothing, however many they are; what lies at one and the same corner does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from auditor.place_cells import CELLS, symmetries
from auditor.records import FloatArray
from auditor.rules import CONFIDENCE

_Doubles = NDArray[np.float64]
#: Times that every picture's map is mirrored and turned anew.
N_DEALS = 499
#: Pictures of a class that are dealt: more of them tell nothing new of a share.
_MOST_PICTURES = 500
#: Shares that differ by less differ by rounding.
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class PlaceScreen:
    """A class's evidence in each of the P places, all (P,).

    ``excess`` is the mean share less that in the other classes, with its 95 % interval. ``p`` is corrected for the
    number of places (Westfall-Young).
    """

    share: _Doubles
    share_elsewhere: _Doubles
    low: _Doubles
    high: _Doubles
    p: _Doubles
    statistic: _Doubles  # standard deviations over its mirror images

    @property
    def excess(self) -> _Doubles:
        """Mean share less that in the other classes."""
        return self.share - self.share_elsewhere


def screen_places(own: FloatArray, others: list[FloatArray], rng: np.random.Generator) -> PlaceScreen:
    """Shares of a class at every place against those of the other classes, and against its own maps turned anew.

    Args:
        own: (n, 9) of independent pictures of the class, n > 1, see `auditor.place_cells.evidence_shares`.
        others: The same of each other class, one at least, each of more than one picture.
        rng: Deals the mirrors and turns.
    """
    here, weight = own.astype(np.float64), 1 / len(others)
    elsewhere = np.mean([one.mean(axis=0, dtype=np.float64) for one in others], axis=0)  # (9,) each class the same
    doubt = weight**2 * np.sum([np.cov(one, rowvar=False) / len(one) for one in others], axis=0)  # of it, (9, 9)
    share, share_elsewhere = CELLS @ here.mean(axis=0), CELLS @ elsewhere
    variance = (here @ CELLS.T).var(axis=0, ddof=1) / len(here) + _at_places(doubt)
    half = float(ndtri(0.5 + CONFIDENCE / 2)) * np.sqrt(variance)
    if len(here) > _MOST_PICTURES:
        here = here[rng.permutation(len(here))[:_MOST_PICTURES]]
    p, statistic = _turned(here - elsewhere, doubt, rng)
    excess = share - share_elsewhere
    return PlaceScreen(share, share_elsewhere, excess - half, excess + half, p, statistic)


def _at_places(covariance: _Doubles) -> _Doubles:
    """Variances (P,) of sums over the cells of places."""
    return np.asarray(np.einsum("pi,ij,pj->p", CELLS, covariance, CELLS))


def _turned(left: _Doubles, doubt: _Doubles, rng: np.random.Generator) -> tuple[_Doubles, _Doubles]:
    """Corrected p (P,) of what is left (n, 9) against itself mirrored and turned, and by how much it stands out.

    What was taken from it is known with a ``doubt`` (9, 9) of its own, which no turning changes.
    """
    views = np.stack([left[:, cells] @ CELLS.T for cells in symmetries()], axis=1)  # (n, 8, P)
    observed, centre = views[:, 0].mean(axis=0), views.mean(axis=(0, 1))
    spread = np.sqrt(views.var(axis=1).sum(axis=0) / len(left) ** 2 + _at_places(doubt))
    scale = np.where(spread > _LEAST_SPREAD, spread, np.inf)
    statistic = (observed - centre) / scale
    rows = np.arange(len(left))
    noise = rng.multivariate_normal(np.zeros(len(doubt)), doubt, size=N_DEALS, method="svd") @ CELLS.T
    largest = np.empty(N_DEALS)
    for deal in range(N_DEALS):
        turned = views[rows, rng.integers(8, size=len(left))].mean(axis=0) - noise[deal]
        largest[deal] = ((turned - centre) / scale).max()
    # equal up to rounding counts as equal: a deal may turn no map at all
    exceeding = (largest[:, None] >= statistic[None] - 1e-9).sum(axis=0)
    return (1 + exceeding) / (N_DEALS + 1), statistic
