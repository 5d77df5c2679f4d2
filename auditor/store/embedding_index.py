"""The encoder's embeddings of an audit's pictures as a FAISS index, for search by words or by picture."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from auditor.errors import StoreError
from auditor.records import FloatArray, IntArray
from auditor.regular_files import require_regular
from auditor.store.checksums import FILES, damage_of
from auditor.store.manifest import is_complete, read_audit_json

INDEX_NAME = "embeddings.faiss"
#: How an IndexFlatIP begins: its name, D, N, two fixed numbers, that it is trained, the metric, how many floats follow.
_HEADER = struct.Struct("<4siqqq?iQ")
#: Floats that are read at once: 16 MiB.
_BLOCK = 2**22


@dataclass(frozen=True, slots=True)
class EmbeddingIndex:
    """An index that stays in its file: 100,000 pictures would take 200 MB, and are read through in a tenth of a second.

    Row i is the picture of ``images.image_idx`` i.
    """

    path: Path
    ntotal: int
    d: int

    def search(self, queries: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """Inner products and rows of the ``k`` best for each of the (Q, D) queries, as FAISS gives them.

        Raises:
            StoreError: the file is gone, or became another one.
        """
        scores = np.concatenate(
            [queries @ block.T for block in self._blocks()] or [np.zeros((len(queries), 0))], axis=1
        )
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        found: FloatArray = np.take_along_axis(scores, best, axis=1).astype(np.float32)
        return found, best

    def reconstruct(self, row: int) -> FloatArray:
        """The embedding of a picture."""
        embedding: FloatArray = self._read(row, 1)[0]
        return embedding

    def _blocks(self) -> Iterator[FloatArray]:
        rows = max(1, _BLOCK // self.d)
        for start in range(0, self.ntotal, rows):
            yield self._read(start, min(rows, self.ntotal - start))

    def _read(self, start: int, n: int) -> FloatArray:
        try:
            floats = np.fromfile(self.path, "<f4", n * self.d, offset=_HEADER.size + 4 * start * self.d)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror or error}; reload the page") from error
        if floats.size != n * self.d:
            raise StoreError(f"{self.path} was replaced by a shorter one; reload the page")
        return floats.reshape(n, self.d)


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


def read_embedding_index(folder: Path, n_images: int) -> EmbeddingIndex:
    """The index of an audit with ``n_images`` pictures.

    An audit may come from anybody: only a file of just the size and kind that `write_embedding_index` gives is taken,
    and where ``audit.json`` binds it, only that one.

    Raises:
        StoreError: no index, a damaged one, or not that of such an audit.
    """
    path = folder / INDEX_NAME
    again = "make it again with the same `auditor run` and --resume, or take the audit from a whole copy"
    try:
        size = require_regular(path)  # a named pipe in somebody's audit would wait for ever
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}; {again}") from error
    if len(header) < _HEADER.size:
        raise StoreError(f"{path} is truncated: {size} bytes; {again}")
    kind, dim, n, _, _, trained, metric, n_floats = _HEADER.unpack(header)
    whole = n_floats == dim * n and size == _HEADER.size + 4 * n_floats
    if kind != b"IxFI" or not trained or metric != faiss.METRIC_INNER_PRODUCT or dim < 1 or n < 0 or not whole:
        raise StoreError(f"{path} is damaged or no index of an audit; {again}")
    if n != n_images:
        raise StoreError(f"{path} holds {n} pictures, the audit {n_images}: files of two audits are mixed; {again}")
    manifest = read_audit_json(folder) if is_complete(folder) else {}
    damage = damage_of(folder, manifest, [INDEX_NAME]) if INDEX_NAME in manifest.get(FILES, {}) else []
    if damage:
        raise StoreError(f"{path} is not what was written ({damage[0]}); {again}")
    return EmbeddingIndex(path, n, dim)
