"""Whether moving a picture's embedding along the direction of a word raises the class that the word is said for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import RidgeCV

from auditor.records import FloatArray, IntArray

#: Strengths that leave-one-out chooses from.
_PENALTIES = np.logspace(-4, 3, 15)
#: Part of a class's pictures that a word must lead in to count as one of the class.
_LEADS_IN = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Of P pairs of class and leading word."""

    class_idx: IntArray  # (P,)
    word_idx: IntArray  # (P,)
    raises: FloatArray  # (P,) 1 where the class rises along the word's direction, else 0
    raised_by_all: FloatArray  # (P,) part of the whole vocabulary's directions along which the class rises
    rank: FloatArray  # (P,) part of the vocabulary along whose directions the class rises less, ties half


def slopes_along_words(
    embeddings: FloatArray, activations: FloatArray, weights: FloatArray, rows: FloatArray
) -> FloatArray:
    """Change of each class's response along each word's direction, (C, V).

    Channels are fitted to the embedding by ridge regression, the penalty by leave-one-out; what follows is exact by
    the head: responses are linear in the channels, so their fit is the channels' fit times the weights.

    Args:
        embeddings: (n, D) of the encoder.
        activations: (n, K) inputs of the head.
        weights: (C, K) class-centred.
        rows: (V, D) directions of the words.
    """
    responses = activations.astype(np.float64) @ weights.T.astype(np.float64)  # (n, C)
    fitted = RidgeCV(alphas=_PENALTIES).fit(embeddings.astype(np.float64), responses)
    coefficients = np.atleast_2d(fitted.coef_)  # (C, D)
    return np.asarray(coefficients @ rows.T.astype(np.float64), np.float32)


def slopes_as_pictures_differ(
    embeddings: FloatArray, activations: FloatArray, weights: FloatArray, rows: FloatArray
) -> FloatArray:
    """The same for a move as pictures differ that say more of the word: along the pattern of its direction, (C, V).

    A word's own direction leads away from where pictures lie; the pattern (Haufe et al., NeuroImage 87, 2014,
    equation 6), cov(x) d / d'cov(x) d, is what changes in pictures by one more of the word. For a response that is
    linear in the embedding this is the slope of the response on the word's cosine, picture by picture.

    Args:
        embeddings: (n, D) of the encoder.
        activations: (n, K) inputs of the head.
        weights: (C, K) class-centred.
        rows: (V, D) directions of the words.
    """
    responses = activations.astype(np.float64) @ weights.T.astype(np.float64)
    cosines = embeddings.astype(np.float64) @ rows.T.astype(np.float64)  # (n, V)
    responses, cosines = responses - responses.mean(axis=0), cosines - cosines.mean(axis=0)
    spread = (cosines**2).sum(axis=0)
    return np.asarray(responses.T @ cosines / np.where(spread > 0, spread, np.inf), np.float32)


def leading_words(shares: FloatArray, class_idx: IntArray) -> list[tuple[int, int]]:
    """Pairs of class and word where the word leads the description in a twentieth of the class's pictures or more.

    Args:
        shares: (n, V) of the words in each picture's description.
        class_idx: (n,) class that is described.
    """
    said = shares.max(axis=1) > 0
    leading = shares.argmax(axis=1)
    pairs = []
    for c in np.unique(class_idx):
        of_class = (class_idx == c) & said
        if not of_class.any():
            continue
        counts = np.bincount(leading[of_class], minlength=shares.shape[1])
        pairs += [(int(c), int(v)) for v in np.flatnonzero(counts >= max(_LEADS_IN * of_class.sum(), 1))]
    return pairs


def raised(slopes: FloatArray, pairs: list[tuple[int, int]]) -> Slopes:
    """What the slopes (C, V) say of pairs of class and word, beside all words of the vocabulary."""
    class_idx = np.array([c for c, _ in pairs], np.int64)
    word_idx = np.array([v for _, v in pairs], np.int64)
    of_class = slopes[class_idx]  # (P, V)
    own = slopes[class_idx, word_idx][:, None]
    n_others = max(slopes.shape[1] - 1, 1)
    below = (of_class < own).sum(axis=1) + 0.5 * ((of_class == own).sum(axis=1) - 1)
    return Slopes(
        class_idx,
        word_idx,
        (own[:, 0] > 0).astype(np.float32),
        (of_class > 0).mean(axis=1).astype(np.float32),
        (below / n_others).astype(np.float32),
    )
