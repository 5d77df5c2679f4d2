"""What each channel means: the direction, in the encoder's space, between the images that excite it most and least."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from auditor.errors import InputError
from auditor.records import FloatArray, IntArray

#: Within-class shrinkage; the less, the more of a narrow space is whitened away (docs/decisions/0002-lda-shrinkage.md).
DEFAULT_SHRINKAGE = 0.95
#: Rows gathered before a selection: many small selections would cost more than one over this many rows.
_MIN_BUFFER = 1024
_LOW_HALF = np.uint64(0xFFFFFFFF)
#: Activations tie for the last place when they differ by less than this part of themselves: machines and kernels make
#: them differ by about 1e-6, and either choice would be chance.
_TIED = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Runners:
    """For each channel and side the image after the last one, and the part of the last place that it gets.

    The part is a half where both are equally active and falls to 0 where they differ by :data:`_TIED`, so that nothing
    jumps when they change places.
    """

    rows: IntArray  # (K, 2): beside the highest, beside the lowest
    part: NDArray[np.float64]  # (K, 2) in [0, 0.5]


@dataclass(frozen=True, slots=True, eq=False)
class ExtremeImages:
    """For each channel the rows of the M most and M least active images, and who ties with the last of them."""

    highest: IntArray  # (K, M)
    lowest: IntArray  # (K, M)
    runners: Runners | None = None  # None: nobody ties


def extreme_images(chunks: Iterable[FloatArray], n_extreme: int, tie_keys: IntArray) -> ExtremeImages:
    """Find the rows of the M most and the M least active images of every channel, in one pass.

    Equal activations (the zeros of a ReLU fill the lowest set of many channels) are ordered by ``tie_keys``,
    so another order of the images selects the same images; others that are nearly equal at the border share its place
    (`Runners`). Channels without any spread get the same
    rows on both sides, hence no direction.

    Args:
        chunks: (b, K) activations, the rows of the data set in order; all finite.
        n_extreme: Images per side, M.
        tie_keys: (N,) one key per row that belongs to the image (from its id), without repetition.

    Returns:
        Rows of the data set, (K, M) each: ``highest`` from the most active down, ``lowest`` from the least active up.

    Raises:
        InputError: 2M > N, M < 1, other row counts than N, repeated keys, or values that are not finite.
    """
    n_images = len(tie_keys)
    if n_extreme < 1 or 2 * n_extreme > n_images:
        raise InputError(
            f"{n_images} images found, expected at least {max(2 * n_extreme, 2)} (twice the {n_extreme} extreme images"
            " of a channel): add images or lower the number of extreme images"
        )
    row_of_rank = np.argsort(tie_keys, kind="stable")
    if (np.diff(tie_keys[row_of_rank]) == 0).any():
        raise InputError(f"tie keys repeat among {n_images} images: expected one per image (give each image once)")
    rank_of_row = np.empty(n_images, dtype=np.uint64)
    rank_of_row[row_of_rank] = np.arange(n_images, dtype=np.uint64)

    kept: NDArray[np.uint64] | None = None  # (K, 2M): the lowest so far, then the highest
    n_seen = 0
    for start, activations in _buffered(chunks, max(_MIN_BUFFER, 4 * n_extreme)):
        n_seen = start + len(activations)
        if n_seen > n_images:
            raise InputError(f"more than {n_images} rows of activations found, expected {n_images}, one per tie key")
        ordered = _ordered_values(activations, rank_of_row[start:n_seen])  # (K, b)
        kept = _both_ends(ordered if kept is None else np.hstack([kept, ordered]), n_extreme + 1)
    if kept is None or n_seen != n_images:
        raise InputError(f"{n_seen} rows of activations found, expected {n_images}, one per tie key")
    kept = np.sort(kept, axis=1)
    lowest, highest = kept[:, : n_extreme + 1], kept[:, : -n_extreme - 2 : -1]  # the runner last
    constant = (highest[:, 0] >> np.uint64(32)) == (lowest[:, 0] >> np.uint64(32))
    part = np.stack([_tied_part(side[:, -2:]) for side in (highest, lowest)], axis=1)
    part[constant] = 0
    highest = np.where(constant[:, None], lowest, highest)
    runners = np.stack([row_of_rank[side[:, -1] & _LOW_HALF] for side in (highest, lowest)], axis=1)
    return ExtremeImages(
        highest=row_of_rank[highest[:, :-1] & _LOW_HALF],
        lowest=row_of_rank[lowest[:, :-1] & _LOW_HALF],
        runners=Runners(runners, part),
    )


def _tied_part(border: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Part (K,) of the last place that the runner gets, from both their packed values (K, 2).

    The zeros of a ReLU are equal for good and no near ties: their keys decide.
    """
    upper = (border >> np.uint64(32)).astype(np.uint32)
    bits = np.where(upper >> np.uint32(31), upper & np.uint32(0x7FFFFFFF), ~upper)
    values = bits.view(np.float32).astype(np.float64)
    gap, least = np.abs(values[:, 0] - values[:, 1]), _TIED * np.abs(values).max(axis=1)
    return np.where(gap < least, 0.5 - 0.5 * gap / np.where(least > 0, least, 1.0), 0.0)


def _buffered(chunks: Iterable[FloatArray], n_rows: int) -> Iterator[tuple[int, FloatArray]]:
    """Join chunks until at least ``n_rows`` are there; yields the first row's position and the rows."""
    start, held, waiting = 0, 0, list[FloatArray]()
    for chunk in chunks:
        waiting.append(chunk)
        held += len(chunk)
        if held >= n_rows:
            yield start, np.concatenate(waiting)
            start, held, waiting = start + held, 0, []
    if held:
        yield start, np.concatenate(waiting)


def _ordered_values(activations: FloatArray, ranks: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Pack (value, rank) into one integer of the same order: the value's bits above, the rank below; (K, b)."""
    if not np.isfinite(activations).all():
        raise InputError("activations that are not finite found, expected numbers: check the model's weights")
    values = np.ascontiguousarray(activations.T, dtype=np.float32) + np.float32(0)  # -0.0 must tie with 0.0
    bits = values.view(np.uint32)
    # IEEE 754 floats sort like integers once negative ones are inverted and positive ones lifted above them
    negative = (bits >> np.uint32(31)).astype(np.bool_)
    ordered = np.where(negative, ~bits, bits | np.uint32(0x80000000)).astype(np.uint64)
    return (ordered << np.uint64(32)) | ranks


def _both_ends(values: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """The ``n`` smallest of each row, then its ``n`` largest, none of them twice; all where they are fewer than 2n."""
    last = values.shape[1] - n
    if last < n:
        return values
    parted = np.partition(values, [n - 1, last], axis=1)
    return np.hstack([parted[:, :n], parted[:, last:]])


def fit_channel_directions(
    extremes: ExtremeImages, embeddings: FloatArray, *, shrinkage: float = DEFAULT_SHRINKAGE, block: int = 32
) -> FloatArray:
    """Fit one LDA direction per channel in the encoder's space: s_j = unit(Σ⁻¹ (μ⁺ − μ⁻)).

    Σ = (1 − s) S_w + s tr(S_w)/D I, with S_w the mean of both sides' covariances. As 2M is below D, the Woodbury
    identity replaces the D x D solve by one of 2M x 2M. With Z (2M, D) the rows less their side's mean,
    α = (1 − s)/2M, τ = s |Z|²/(2M D) and δ = μ⁺ − μ⁻:  Σ⁻¹ δ ∝ δ − Zᵀ (τ/α I + Z Zᵀ)⁻¹ Z δ.

    Args:
        extremes: Rows of the most and least active images.
        embeddings: (N, D) image embeddings.
        shrinkage: s, in (0, 1].
        block: Channels solved at a time; memory grows with block x 2M x D.

    Returns:
        (K, D) float32 unit rows that point towards high activation; zero rows where both sides have one mean.

    Raises:
        InputError: shrinkage outside (0, 1], or rows that ``embeddings`` does not have.

    Reference:
        TextCAM, arXiv:2510.01004 (reconstructed, see docs/method.md). Note: shrinkage, since 2M is usually below D.
    """
    if not 0 < shrinkage <= 1:
        raise InputError(f"shrinkage is {shrinkage}, expected a number above 0 and at most 1")
    if extremes.highest.max(initial=-1) >= len(embeddings) or extremes.lowest.max(initial=-1) >= len(embeddings):
        row = max(extremes.highest.max(), extremes.lowest.max())
        raise InputError(f"{len(embeddings)} image embeddings found, expected one per image (at least {row + 1})")
    if not np.isfinite(embeddings).all():
        raise InputError("image embeddings that are not finite found, expected numbers: check the encoder's weights")
    rows = np.concatenate([extremes.highest, extremes.lowest], axis=1)  # (K, 2M)
    directions = _fit(rows, embeddings, shrinkage, block)
    if extremes.runners is not None:
        directions = _share_last_places(directions, rows, extremes.runners, embeddings, shrinkage, block)
    # equal rows on both sides (constant channels): rounding must not invent a direction
    directions[(np.sort(extremes.highest, axis=1) == np.sort(extremes.lowest, axis=1)).all(axis=1)] = 0
    return directions


def _share_last_places(
    directions: FloatArray, rows: IntArray, runners: Runners, embeddings: FloatArray, shrinkage: float, block: int
) -> FloatArray:
    """Where somebody ties for a last place, the mean of the directions with either image in it, by their parts."""
    n_extreme = rows.shape[1] // 2
    mixed = directions.astype(np.float64)
    for side, last in enumerate((n_extreme - 1, 2 * n_extreme - 1)):
        tied = np.flatnonzero(runners.part[:, side])
        exchanged = rows[tied].copy()
        exchanged[:, last] = runners.rows[tied, side]
        other = _fit(exchanged, embeddings, shrinkage, block)
        mixed[tied] += runners.part[tied, side, None] * (other.astype(np.float64) - directions[tied])
    changed = runners.part.any(axis=1)
    length = np.linalg.norm(mixed[changed], axis=1, keepdims=True)
    directions[changed] = mixed[changed] / np.where(length > 0, length, 1.0)
    return directions


def _fit(rows: IntArray, embeddings: FloatArray, shrinkage: float, block: int) -> FloatArray:
    """Directions (n, D) of channels from the rows (n, 2M) of their images, the most active half first."""
    directions = np.zeros((len(rows), embeddings.shape[1]), dtype=np.float32)
    # one buffer for all blocks: fresh memory for each would cost more time than the solves
    buffer = np.empty((min(block, len(rows)), rows.shape[1], embeddings.shape[1]), dtype=np.float32)
    # matrices this small run many times faster without BLAS threads that wait for one another, and the same everywhere
    with threadpool_limits(limits=1, user_api="blas"):
        for start in range(0, len(rows), block):
            part = slice(start, start + block)
            samples = buffer[: len(rows[part])]
            np.take(embeddings, rows[part], axis=0, out=samples, mode="clip")  # "raise" would copy; checked above
            directions[part] = _solve_block(samples, shrinkage)
    return directions


def _solve_block(samples: FloatArray, shrinkage: float) -> NDArray[np.float64]:
    """Directions of a block from its images' embeddings (b, 2M, D), the most active half first; overwrites them."""
    n_block, n_samples, n_dims = samples.shape
    sides = samples.reshape(n_block, 2, n_samples // 2, n_dims)
    means = sides.mean(axis=2, dtype=np.float64)  # (b, 2, D)
    delta = means[:, 0] - means[:, 1]  # (b, D)
    if shrinkage < 1:
        sides -= means[:, :, None, :].astype(np.float32)  # samples is Z from here on
        # centred, the products lose nothing that matters in float32; the solve squares the condition: float64
        gram = (samples @ samples.transpose(0, 2, 1)).astype(np.float64)  # (b, 2M, 2M)
        total = np.trace(gram, axis1=1, axis2=2)  # |Z|²
        ridge = shrinkage / (1 - shrinkage) * total / n_dims  # τ/α
        ridge[total == 0] = 1.0  # without scatter the correction below is zero whatever the ridge
        diagonal = np.arange(n_samples)
        gram[:, diagonal, diagonal] += ridge[:, None]
        projected = samples @ delta[:, :, None].astype(np.float32)  # Zδ, (b, 2M, 1)
        correction = np.linalg.solve(gram, projected.astype(np.float64)).astype(np.float32)
        delta = delta - (correction.transpose(0, 2, 1) @ samples)[:, 0]
    length = np.linalg.norm(delta, axis=1, keepdims=True)
    units: NDArray[np.float64] = delta / np.where(length > 0, length, 1.0)
    return units
