"""Pictures by likeness in the encoder's space: to another picture, or to words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from auditor.records import FloatArray
from auditor.store.embedding_index import EmbeddingIndex
from auditor.store.queries.audit import Connection
from auditor.store.queries.picture_lists import PAGE_SIZE, GridPicture, PicturePage, nearest_page, told
from auditor.store.queries.pictures import ids_of_index_rows

if TYPE_CHECKING:
    from auditor.models.encoders.encoder import Encoder

#: Pictures that a search gives; further ones are hardly like what was asked for.
MOST_FOUND = 10 * PAGE_SIZE
#: What people type, as it is and as encoders were taught captions.
_PROMPTS = ("a photo of {}", "{}")


def words_vector(encoder: Encoder, text: str) -> FloatArray:
    """Any words as a unit row (D,): the mean over a few prompts."""
    rows = encoder.encode_texts([prompt.replace("{}", text) for prompt in _PROMPTS])
    mean = rows.mean(axis=0)
    unit: FloatArray = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    return unit


def most_like(
    connection: Connection, index: EmbeddingIndex, vector: FloatArray, *, limit: int = MOST_FOUND, without: int = -1
) -> list[tuple[str, float]]:
    """(image id, cosine) of the pictures most like a vector, the likest first.

    Args:
        connection: the audit of the index.
        index: its pictures.
        vector: (D,), a unit row.
        limit: at most so many.
        without: row that is left out: that of the picture itself.
    """
    wanted = min(limit + (without >= 0), index.ntotal)
    if wanted < 1:
        return []
    scores, rows = index.search(np.ascontiguousarray(vector[None], np.float32), wanted)
    pairs = [
        (int(row), float(score))
        for row, score in zip(rows[0], scores[0], strict=True)
        if row >= 0 and row != without and np.isfinite(score)
    ][:limit]
    id_of = ids_of_index_rows(connection, [row for row, _ in pairs])
    return [(id_of[row], score) for row, score in pairs if row in id_of]


def page_of(
    connection: Connection,
    found: Sequence[tuple[str, float]],
    number: int,
    *,
    class_idx: int | None = None,
    concept_id: str | None = None,
    size: int = PAGE_SIZE,
) -> PicturePage:
    """A page of what was found, each with its score."""
    number = nearest_page(number, len(found), size=size)
    scores = dict(found[(number - 1) * size : number * size])
    pictures = told(connection, list(scores), class_idx=class_idx, concept_id=concept_id)
    scored = [replace(picture, score=scores[picture.image_id]) for picture in pictures]
    return PicturePage(tuple[GridPicture, ...](scored), len(found), number)
