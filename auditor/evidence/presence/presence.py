"""How far a concept is present in a picture, by the encoder, in [0, 1]: the weak joint of E2 to E4.

Three ways, by kind:

* **Contest** (kinds whose values exclude each other: scene, weather, light, quality, colour, object): softmax, at the
  encoder's own logit scale, over all words of the kind and over what its absence reads like; the masses of a concept's
  words (term and synonyms) are summed.
* **Against absence** (other kinds with prompts for absence, such as artifact): each concept alone against "a clean
  photo". A contest of four artifacts has a winner in every clean picture: "watermark" was called present in 35 to
  48 % of the pictures where 1 % had one.
* **Against the crowd** (other kinds without such prompts, and every kind that may be absent where the encoder does not
  know what absence reads like): scores of centred texts and centred pictures (raw cosines share one large offset: AUC
  of "flower" .82 raw, .96 centred), turned into the posterior of the upper of two populations of pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from auditor.records import FloatArray

#: The kind that no picture is without: it was taken somewhere.
SCENE = "scene"
#: Kinds of which a picture has one value.
EXCLUSIVE_KINDS = (SCENE, "weather", "light", "quality", "colour", "object")

_ROWS = 8192  # pictures scored at a time, so that memory follows the vocabulary and not the data set
_BEHIND = 3.0  # logits, a factor of 20 in odds
# Crowd calibration: grid of standardised scores, and what may count as a second population
_GRID = np.linspace(-8.0, 16.0, 241)
_FEWEST = 20  # pictures
_LEAST_SHIFT = 2.0  # distance of the populations in spreads: nearer ones cannot be told apart picture by picture
_LEAST_GAIN = 12.0  # 2 x log-likelihood that the second population must earn
_ALONE = 3.5  # without a second population only scores this many spreads out count as present


def concept_presence(
    image_embeddings: FloatArray,
    prompt_embeddings: Sequence[FloatArray],
    kinds: Sequence[str],
    absent_embeddings: Mapping[str, FloatArray],
    *,
    logit_scale: float,
) -> FloatArray:
    """Presence of every concept in every picture.

    Args:
        image_embeddings: (N, D) unit rows.
        prompt_embeddings: For each concept one unit row per word (its term and its synonyms), averaged over prompts.
        kinds: Kind of each concept.
        absent_embeddings: For a kind, unit rows (q, D) of prompts for a picture with nothing of that kind; no rows
            where there is such a thing, but the encoder does not know what it reads like.
        logit_scale: Factor of the encoder's cosines before a softmax (100 for most CLIP models).

    Returns:
        (N, V) float32 in [0, 1]; above :data:`PRESENT` counts as present.
    """
    if len(prompt_embeddings) != len(kinds):
        raise ValueError(f"{len(prompt_embeddings)} concepts have prompts, {len(kinds)} have kinds")
    n = image_embeddings.shape[0]
    presence = np.zeros((n, len(kinds)), dtype=np.float32)
    crowd: list[int] = []
    for kind in dict.fromkeys(kinds):
        members = [v for v, other in enumerate(kinds) if other == kind]
        words = [prompt_embeddings[v] for v in members]
        absent = absent_embeddings.get(kind)
        if absent is not None and len(absent) == 0:
            crowd += members
        elif is_contest(kind, len(members), absent):
            presence[:, members] = _contest(image_embeddings, words, absent, logit_scale)
        elif absent is not None:
            presence[:, members] = _against_absence(image_embeddings, words, absent, logit_scale)
        else:
            crowd += members
    if crowd and n:
        texts = np.stack([_unit(words.mean(axis=0)) for words in prompt_embeddings])
        centred = _unit(texts - texts.mean(axis=0)) if len(texts) > 1 else texts
        scores = _centred_scores(image_embeddings, centred[crowd])
        presence[:, crowd] = crowd_posterior(scores)
    return presence


def is_contest(kind: str, n_concepts: int, absent: FloatArray | None) -> bool:
    """Whether presences of a kind are parts of one: its concepts, and its absence (q, D) where it has one, compete."""
    if kind not in EXCLUSIVE_KINDS:
        return False
    return n_concepts > 1 if absent is None else len(absent) > 0


def _unit(rows: NDArray[np.floating]) -> FloatArray:
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(np.divide(rows, norm, out=np.zeros_like(rows), where=norm > 1e-12), dtype=np.float32)


def _blocks(n: int) -> list[slice]:
    return [slice(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS)]


def _contest(
    images: FloatArray, words: Sequence[FloatArray], absent: FloatArray | None, logit_scale: float
) -> FloatArray:
    """Softmax over all words of the kind (and absence), summed by concept: (N, members)."""
    rows = np.concatenate([*words, *([absent] if absent is not None else [])])
    owner = np.repeat(np.arange(len(words)), [len(w) for w in words])
    result = np.empty((images.shape[0], len(words)), dtype=np.float32)
    starts = np.flatnonzero(np.r_[True, np.diff(owner) > 0])
    for block in _blocks(images.shape[0]):
        logits = logit_scale * (images[block] @ rows.T)
        mass = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
        result[block] = np.add.reduceat(mass[:, : owner.size], starts, axis=1)
    return result


def _against_absence(
    images: FloatArray, words: Sequence[FloatArray], absent: FloatArray, logit_scale: float
) -> FloatArray:
    """Each concept against absence, and not far behind its best rival.

    Log-mean-exp over words on both sides, so that more synonyms are no advantage. A picture with a ruler is unlike
    "a clean photo", and then every other artifact beats absence as well: a concept that is :data:`_BEHIND` or more
    behind a rival is explained away by it, while two that are both there score alike and both count.
    """
    result = np.empty((images.shape[0], len(words)), dtype=np.float32)
    for block in _blocks(images.shape[0]):
        nothing = logsumexp(logit_scale * (images[block] @ absent.T), axis=1) - np.log(len(absent))
        parts = [logsumexp(logit_scale * (images[block] @ w.T), axis=1) - np.log(len(w)) for w in words]
        scores = np.stack(parts, axis=1)
        margin = np.minimum(scores - nothing[:, None], scores - scores.max(axis=1, keepdims=True) + _BEHIND)
        result[block] = expit(margin)
    return result


def _centred_scores(images: FloatArray, texts: FloatArray) -> FloatArray:
    """Cosines of pictures (centred by their mean) and of texts that are centred already: (N, len(texts))."""
    mean = images.mean(axis=0, dtype=np.float64).astype(np.float32)
    return np.concatenate([_unit(images[block] - mean) @ texts.T for block in _blocks(images.shape[0])])


def crowd_posterior(scores: NDArray[np.floating]) -> FloatArray:
    """Posterior of the upper of two populations of scores, column by column; never falls as the score grows.

    Two normal populations of one spread are fitted by EM on a histogram. Where the second earns nothing over one
    normal alone (the concept is nowhere, or everywhere, or the encoder cannot tell), only far outliers count.

    Args:
        scores: (N, M) any scale; no column has a part in what comes of another.

    Returns:
        (N, M) in [0, 1].
    """
    posterior = np.zeros(scores.shape, dtype=np.float32)
    spread = np.std(scores, axis=0, dtype=np.float64)
    told = np.flatnonzero(spread >= 1e-9) if len(scores) >= _FEWEST else np.zeros(0, dtype=np.int64)
    if not told.size:
        return posterior
    z = np.clip((scores[:, told] - np.median(scores[:, told], axis=0)) / spread[told], _GRID[0], _GRID[-1]).T
    half = (_GRID[1] - _GRID[0]) / 2
    edges = (_GRID[0] - half, _GRID[-1] + half)
    counts = np.stack([np.histogram(row, bins=len(_GRID), range=edges)[0] for row in z]).astype(np.float64)
    fits = [_two_populations(counts, share) for share in (0.05, 0.2, 0.5)]
    best = np.argmax([gain for gain, _ in fits], axis=0)
    for row, column in enumerate(told):
        gain, weight = fits[best[row]]
        if np.isfinite(gain[row]):
            posterior[:, column] = np.interp(z[row], _GRID, weight[row])
        else:
            lower_half = z[row][z[row] <= 0]  # the median is 0: outliers above it do not widen this
            own_spread = max(float(np.sqrt(np.mean(lower_half**2))), 1e-6)
            posterior[:, column] = expit(4 * (z[row] / own_spread - _ALONE))
    return posterior


def _two_populations(
    counts: NDArray[np.float64], share_at_start: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit both populations to every row of pictures a bin of the grid (M, G).

    Args:
        counts: (M, G).
        share_at_start: Where EM starts: the share of pictures in the upper population.

    Returns:
        Gain in log-likelihood over one population (M,), minus infinity where a second one is not worth it, and the
        posterior of the upper population on the grid (M, G).
    """
    n = counts.sum(axis=1)

    def mean_of(mass: NDArray[np.float64], least: float = 0.0) -> NDArray[np.float64]:
        return np.asarray((mass * _GRID).sum(axis=1) / np.maximum(mass.sum(axis=1), least))

    def density(mean: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.exp(-0.5 * ((_GRID - mean[:, None]) / spread[:, None]) ** 2) / spread[:, None])

    mean = mean_of(counts)
    alone = np.sqrt((counts * (_GRID - mean[:, None]) ** 2).sum(axis=1) / n)
    upper = np.where(np.cumsum(counts, axis=1) >= ((1 - share_at_start) * n)[:, None], counts, 0)
    state = np.stack([np.full(len(counts), share_at_start), mean_of(counts - upper, 1.0), mean_of(upper, 1.0), alone])
    weight, mixture = np.zeros_like(counts), np.ones_like(counts)
    failed, live = np.zeros(len(counts), dtype=np.bool_), np.arange(len(counts))
    for _ in range(300):
        share, low, high, spread = state[:, live]
        second = share[:, None] * density(high, spread)
        mixture[live] = (1 - share)[:, None] * density(low, spread) + second + 1e-300
        weight[live] = second / mixture[live]
        mass = counts[live] * weight[live]
        rest = counts[live] - mass
        failed[live] = np.minimum(mass.sum(axis=1), rest.sum(axis=1)) < 1
        low_now, high_now = mean_of(rest, 1.0), mean_of(mass, 1.0)
        squares = rest * (_GRID - low_now[:, None]) ** 2 + mass * (_GRID - high_now[:, None]) ** 2
        spread_now = np.maximum(np.sqrt(squares.sum(axis=1) / n[live]), 0.05)
        state[:, live] = mass.sum(axis=1) / n[live], low_now, high_now, spread_now
        settled = np.abs(state[:3, live] - np.stack([share, low, high])).max(axis=0) <= 1e-6
        live = live[~(settled | failed[live])]
        if not live.size:
            break
    _, low, high, spread = state
    gain = 2 * (counts * np.log(mixture / (density(mean, alone) + 1e-300))).sum(axis=1)
    failed |= (gain < _LEAST_GAIN) | (high - low < _LEAST_SHIFT * spread)
    return np.where(failed, -np.inf, gain), weight
