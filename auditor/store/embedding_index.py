"""The encoder's embeddings of an audit's pictures as a FAISS index, for search by words or by picture."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np

from auditor.errors import StoreError
from auditor.records import FloatArray

INDEX_NAME = "embeddings.faiss"


def write_embedding_index(folder: Path, embeddings: FloatArray) -> None:
    """Write the (N, D) unit rows, in the order of the table ``images``, beside their place and rename.

    Raises:
        StoreError: the folder cannot be written.
    """
    index = faiss.IndexFlatIP(embeddings.shape[1])
    index.add(np.ascontiguousarray(embeddings, dtype=np.float32))
    unfinished = folder / f"{INDEX_NAME}.tmp"
    try:
        unfinished.write_bytes(faiss.serialize_index(index).tobytes())
        unfinished.replace(folder / INDEX_NAME)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise StoreError(
            f"{folder / INDEX_NAME} cannot be written: {error.strerror or error}; mend that, then add --resume"
        ) from error
