"""Where every picture lies on a plane on which like ones lie together: one by the encoder, one by the model's features.

Reading aid alone: no finding and no verdict knows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from auditor.records import FloatArray

#: Pictures that t-SNE lays out (its cost grows with them); the others go between those that they are most like.
LANDMARKS = 1000
#: Of these, so many of the likest decide where another picture goes.
_NEIGHBOURS = 5
#: Directions in which they vary most; further ones are noise to distances, and cost.
_DIRECTIONS = 50
_PERPLEXITY = 30.0
#: t-SNE gathers clusters in its first 250 steps and spreads them after; 500 steps kept hardly more neighbours.
_STEPS = 300


def lay_out(image_ids: Sequence[str], chunks: Callable[[], Iterable[FloatArray]]) -> FloatArray:
    """Lay pictures out on a plane: t-SNE of some of them, the others beside the likest of those.

    The same pictures give the same plane in whatever order they come: those that t-SNE lays out are the ones with the
    smallest ids, which are digests and so as good as drawn. One thread: sums of several differ in their last digits.

    Args:
        image_ids: N ids.
        chunks: Gives the (N, K) vectors of the pictures in order, a chunk of rows at a time; called twice.

    Returns:
        (N, 2) float32 within -1 and 1; zeros where all vectors are equal. Near is alike; far
        says nothing of how far, and the axes mean nothing.

    Reference:
        van der Maaten and Hinton, JMLR 9 (2008): t-SNE; as scikit-learn has it, begun from the principal components.
    """
    n = len(image_ids)
    first = np.argsort(np.array(image_ids))[:LANDMARKS]
    if len(first) < 3:
        return np.zeros((n, 2), np.float32)
    with threadpool_limits(limits=1):
        landmarks = _rows(chunks(), first)
        if not np.ptp(landmarks, axis=0).any():
            return np.zeros((n, 2), np.float32)
        components = min(_DIRECTIONS, *landmarks.shape)
        directions = PCA(components, svd_solver="full").fit(landmarks)
        start = directions.transform(landmarks)
        tsne = TSNE(
            init="pca" if components > 1 else "random",
            perplexity=min(_PERPLEXITY, (len(first) - 1) / 3),
            max_iter=_STEPS,
            random_state=0,
        )
        places = tsne.fit_transform(start)
        places -= places.mean(axis=0)
        places /= np.abs(places).max()
        if n == len(first):
            places = places[np.argsort(first)]
        else:
            beside = KNeighborsRegressor(_NEIGHBOURS, weights="distance").fit(start, places)
            places = np.concatenate([beside.predict(directions.transform(chunk)) for chunk in chunks()])
    found: FloatArray = places.astype(np.float32)
    return found


def _rows(chunks: Iterable[FloatArray], wanted: np.ndarray) -> FloatArray:
    """Some rows of chunks, in the order that is wanted; no more is in memory than a chunk and these."""
    found: dict[int, FloatArray] = {}
    start, asked = 0, np.sort(wanted)
    for chunk in chunks:
        here = asked[(asked >= start) & (asked < start + len(chunk))]
        found.update(zip(here.tolist(), chunk[here - start], strict=True))
        start += len(chunk)
    return np.stack([found[row] for row in wanted.tolist()]).astype(np.float32)
