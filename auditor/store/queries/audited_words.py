"""What an audit stores of its pictures and of their words, in the shapes in which the evidence reads them."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from auditor.records import FloatArray, ImageItem
from auditor.store.queries.audit import Connection

_ITEMS = "SELECT image_id, path, label, split, group_id, mask_path FROM images ORDER BY image_idx"

_SHARES = """
SELECT i.image_idx, c.concept_idx, a.share
FROM attributions a
JOIN predictions p ON p.image_id = a.image_id AND p.predicted_idx = a.class_idx
JOIN images i ON i.image_id = a.image_id
JOIN concepts c ON c.concept_id = a.concept_id
"""

_RESIDUALS = """
SELECT i.image_idx, r.residual
FROM attribution_residuals r
JOIN predictions p ON p.image_id = r.image_id AND p.predicted_idx = r.class_idx
JOIN images i ON i.image_id = r.image_id
"""

_MAPPED = "SELECT image_id, class_idx FROM saliency WHERE concept_id IS NULL"


def audited_items(connection: Connection) -> tuple[ImageItem, ...]:
    """The pictures that could be read, in order, without the values of the manifest's other columns."""
    return tuple(ImageItem(*row) for row in connection.execute(_ITEMS).fetchall())


def words_of_predictions(
    connection: Connection, *, n_images: int, n_concepts: int
) -> tuple[sparse.csr_array, FloatArray]:
    """Shares (N, V) and residuals (N,) of every picture's phrases for its predicted class; NaN is no residual.

    Raises:
        ValueError: a picture or concept lies beyond those that the audit has.
    """
    found = connection.execute(_SHARES).fetchnumpy()
    cells = np.asarray(found["image_idx"], np.int64), np.asarray(found["concept_idx"], np.int64)
    shares = sparse.coo_array((np.asarray(found["share"], np.float32), cells), shape=(n_images, n_concepts)).tocsr()
    shares.eliminate_zeros()
    shares.sort_indices()
    residuals: FloatArray = np.full(n_images, np.nan, np.float32)
    rest = connection.execute(_RESIDUALS).fetchnumpy()
    rows = np.asarray(rest["image_idx"], np.int64)
    if rows.size and (rows.min() < 0 or rows.max() >= n_images):
        raise ValueError(f"a picture is number {rows.max()} of {n_images}")
    residuals[rows] = np.ma.filled(np.ma.asarray(rest["residual"]).astype(np.float32), np.nan)
    return shares, residuals


def mapped_pictures(connection: Connection) -> set[tuple[str, int]]:
    """(image_id, class_idx) of the pictures whose map of the class was drawn."""
    return {(image_id, class_idx) for image_id, class_idx in connection.execute(_MAPPED).fetchall()}
