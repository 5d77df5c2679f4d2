"""Every picture of a data set in phrases: attribution vectors and their sparse words, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from auditor.records import ActivationStats, FloatArray, IntArray, Progress
from auditor.textcam.attribution import attribution_vectors
from auditor.textcam.phrases import DEFAULT_L1, DEFAULT_L2, solve_phrases


@dataclass(frozen=True, slots=True, eq=False)
class Descriptions:
    """R descriptions: one of every picture's predicted class, and one of its label where that differs."""

    image_idx: IntArray  # (R,) row of the picture
    class_idx: IntArray  # (R,)
    weights: sparse.csr_array  # (R, V)
    shares: sparse.csr_array  # (R, V)
    residuals: FloatArray  # (R,)

    def of_classes(self, class_idx: IntArray) -> tuple[sparse.csr_array, FloatArray]:
        """Shares (N, V) and residuals (N,) of each picture for its class in ``class_idx`` (N,)."""
        rows = np.flatnonzero(class_idx[self.image_idx] == self.class_idx)
        rows = rows[np.argsort(self.image_idx[rows], kind="stable")]
        return self.shares[rows], self.residuals[rows]


def describe_images(
    head_chunks: Iterable[tuple[slice, FloatArray, FloatArray]],
    label_idx: IntArray,
    predicted_idx: IntArray,
    centred_weights: FloatArray,
    stats: ActivationStats,
    directions: FloatArray,
    concept_rows: FloatArray,
    *,
    on_progress: Progress | None = None,
) -> Descriptions:
    """Attribute and name every picture, for its predicted class and for its label where that differs.

    Args:
        head_chunks: (rows, activations (b, K), logits) in order.
        label_idx: (N,) class of the label, -1 for none.
        predicted_idx: (N,) predicted class.
        centred_weights: (C, K), :func:`auditor.textcam.attribution.centred_weights`.
        stats: Class-balanced means and deviations.
        directions: (K, D) channel directions.
        concept_rows: (V, D), :func:`auditor.textcam.phrases.concept_matrix`.
        on_progress: Called with ("words", done, total).

    Returns:
        The descriptions, in the order of the pictures within each of the two passes over a chunk.
    """
    image_idx, class_idx, weights, shares, residuals = [], [], [], [], []
    for rows, activations, _ in head_chunks:
        positions = np.arange(rows.start, rows.stop)
        other = (label_idx[rows] >= 0) & (label_idx[rows] != predicted_idx[rows])
        which = np.concatenate([np.arange(len(positions)), np.flatnonzero(other)])
        classes = np.concatenate([predicted_idx[rows], label_idx[rows][other]])
        targets = attribution_vectors(activations[which], classes, centred_weights, stats, directions)
        phrases = solve_phrases(targets, concept_rows, l1=DEFAULT_L1, l2=DEFAULT_L2)
        image_idx.append(positions[which])
        class_idx.append(classes)
        weights.append(sparse.csr_array(phrases.weights))
        shares.append(sparse.csr_array(phrases.shares))
        residuals.append(phrases.residuals)
        if on_progress:
            on_progress("words", rows.stop, len(label_idx))
    return Descriptions(
        image_idx=np.concatenate(image_idx),
        class_idx=np.concatenate(class_idx),
        weights=sparse.vstack(weights, format="csr"),
        shares=sparse.vstack(shares, format="csr"),
        residuals=np.concatenate(residuals),
    )
