"""Features of the pictures on disk: Parquet shards named by the digest of all that decides what they hold.

A shard is written beside its place and renamed, so a shard that is there was whole; a run that was killed goes on with
the shards that it finds. Beside each lies its sha256, in the form of ``sha256sum``: what is no longer what was written
is made again. Reading goes shard by shard, so memory does not grow with the number of pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from auditor.errors import StoreError
from auditor.inputs.near_copies import FINGERPRINT_BYTES
from auditor.properties.measure import Value, unpacked
from auditor.records import MASK_STAGE, ByteArray, Failure, FloatArray
from auditor.regular_files import file_sha256, read_regular

_FAILURES_KEY, _BODY_KEY = b"failures", b"body"
LogitsOf = Callable[[Sequence[str], FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class ShardRows:
    """The readable pictures of one shard; ``activations`` and ``logits`` have no columns when no model is audited."""

    image_ids: tuple[str, ...]
    content_digests: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    activations: FloatArray  # (n, K)
    logits: FloatArray  # (n, C)
    embeddings: FloatArray  # (n, D)
    surroundings: FloatArray  # (n, D) of the picture with its object covered, NaN without a usable mask
    thumbnails: tuple[bytes | None, ...]
    fingerprints: tuple[bytes, ...]
    failures: tuple[Failure, ...]
    properties: tuple[str, ...] = ()  # packed, see `auditor.properties.measure`; () where they are not measured
    places: FloatArray | None = None  # (n, 9) where the evidence for the class that it is called lies, or NaN
    wide_peaks: tuple[float | None, ...] = ()  # lightest grey of wide grey files, a fraction; () where not looked at
    see_through: tuple[bool, ...] = ()  # whether something lies on white
    body: str | None = None  # digest of what gave the activations, see `auditor.models.classifier`; None: not known


def shard_digest(key: str, entries: Sequence[tuple[str | None, ...]]) -> str:
    """Name of a shard: digest of ``key`` (models, preprocessing) and of its (path, sha256), mask included."""
    return hashlib.sha256(json.dumps([key, list(entries)]).encode()).hexdigest()[:32]


def _vectors(array: FloatArray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(array, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, array.shape[1])


def write_shard(path: Path, rows: ShardRows) -> None:
    """Write ``rows`` to ``path``, whole or not at all.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    columns: dict[str, pa.Array] = {
        "image_id": pa.array(rows.image_ids, pa.string()),
        "content_digest": pa.array(rows.content_digests, pa.string()),
        "width": pa.array([width for width, _ in rows.sizes], pa.int32()),
        "height": pa.array([height for _, height in rows.sizes], pa.int32()),
        "thumbnail": pa.array(rows.thumbnails, pa.binary()),
        "fingerprint": pa.array(rows.fingerprints, pa.binary()),
    }
    if rows.properties:
        columns["properties"] = pa.array(rows.properties, pa.string())
    if rows.wide_peaks:
        columns["wide_peak"] = pa.array(rows.wide_peaks, pa.float32())
        columns["see_through"] = pa.array(rows.see_through, pa.bool_())
    for name, array in (("activations", rows.activations), ("logits", rows.logits), ("embedding", rows.embeddings)):
        if array.shape[1]:
            columns[name] = _vectors(array)
    if np.isfinite(rows.surroundings).any():
        columns["surroundings"] = _vectors(rows.surroundings)
    if rows.places is not None:
        columns["places"] = _vectors(rows.places)
    failures = [[f.image_id, f.path, f.stage, f.reason] for f in rows.failures]
    known = {} if rows.body is None else {_BODY_KEY: rows.body.encode()}
    _write_table(
        path, pa.table(columns).replace_schema_metadata({_FAILURES_KEY: json.dumps(failures).encode(), **known})
    )


def write_with_logits(source: Path, path: Path, logits_of: LogitsOf) -> None:
    """Write a shard as it is in ``source``, with other logits: what lies where in its pictures is not known then.

    Args:
        source: A shard that is whole.
        path: Where the new one goes.
        logits_of: Gives the logits (n, C) of the pictures by their ids and activations (n, K).

    Raises:
        StoreError: as :func:`write_shard`.
    """
    table = pq.read_table(source)
    names = [name for name in table.column_names if name not in ("logits", "places")]
    made = table.select(names)
    if table.num_rows:
        logits = logits_of(table.column("image_id").to_pylist(), _matrix(table, "activations"))
        made = made.append_column("logits", _vectors(logits))
    _write_table(path, made.replace_schema_metadata(table.schema.metadata))


def body_of(path: Path) -> str | None:
    """Digest of what gave the activations of a shard; None where it does not say."""
    said = (pq.read_metadata(path).metadata or {}).get(_BODY_KEY)
    return None if said is None else said.decode("ascii", "replace")


def failed_ids(path: Path) -> set[str]:
    """Ids of the pictures of a shard that could not be read."""
    stored = (pq.read_metadata(path).metadata or {}).get(_FAILURES_KEY, b"[]")
    failures = [Failure(*row) for row in json.loads(stored)]
    return {one.image_id for one in failures if one.stage != MASK_STAGE}


def _write_table(path: Path, table: pa.Table) -> None:
    # Random floats do not compress: reading them plain is several times faster.
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="none", use_dictionary=False)
    written = content.getvalue()
    unfinished = path.with_suffix(".unfinished")
    try:
        unfinished.write_bytes(written)
        # first: a shard that is in its place without it would be made again
        checksum_path(path).write_text(f"{hashlib.sha256(written).hexdigest()}  {path.name}\n", encoding="ascii")
        unfinished.replace(path)
    except OSError as error:
        for half_written in (unfinished, checksum_path(path)):
            half_written.unlink(missing_ok=True)
        raise StoreError(
            f"features cannot be written to {path.parent}: {error.strerror or error}; free some space or choose "
            "another --out, then add --resume"
        ) from error


def checksum_path(path: Path) -> Path:
    """Where the sha256 of a shard lies."""
    return path.with_suffix(".sha256")


def is_whole(path: Path) -> bool:
    """Whether the shard is, byte for byte, what was written."""
    try:
        return read_regular(checksum_path(path)) == f"{file_sha256(path)}  {path.name}\n".encode()
    except OSError:
        return False


def _matrix(table: pa.Table, name: str) -> FloatArray:
    if name not in table.column_names:
        return np.zeros((table.num_rows, 0), dtype=np.float32)
    column = table.column(name).combine_chunks()
    flat: FloatArray = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(table.num_rows, -1) if table.num_rows else np.zeros((0, column.type.list_size), np.float32)


class FeatureShards:
    """The shards of one extraction, read in the order of the data set."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        counts: list[int] = []
        failures: list[Failure] = []
        for path in self._paths:
            metadata = pq.read_metadata(path)
            counts.append(metadata.num_rows)
            stored = (metadata.metadata or {}).get(_FAILURES_KEY, b"[]")
            failures += [Failure(*row) for row in json.loads(stored)]
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
        self.failures: tuple[Failure, ...] = tuple(one for one in failures if one.stage != MASK_STAGE)
        self.mask_failures: tuple[Failure, ...] = tuple(one for one in failures if one.stage == MASK_STAGE)

    @property
    def names(self) -> list[str]:
        """Names of the files, in order."""
        return [path.name for path in self._paths]

    @property
    def n(self) -> int:
        """Number of readable pictures."""
        return int(self._starts[-1])

    def _tables(self, columns: list[str]) -> Iterator[tuple[slice, pa.Table]]:
        for path, start, stop in zip(self._paths, self._starts[:-1], self._starts[1:], strict=True):
            if stop > start:
                present = [name for name in columns if name in pq.read_schema(path).names]
                yield slice(int(start), int(stop)), pq.read_table(path, columns=present)

    def head_chunks(self) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Rows, activations (b, K) and logits (b, C), shard by shard."""
        for rows, table in self._tables(["activations", "logits"]):
            yield rows, _matrix(table, "activations"), _matrix(table, "logits")

    def activation_chunks(self) -> Iterator[FloatArray]:
        """Activations (b, K), shard by shard."""
        for _, table in self._tables(["activations"]):
            yield _matrix(table, "activations")

    def _gather(self, name: str) -> FloatArray:
        parts = [_matrix(table, name) for _, table in self._tables([name])]
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def embeddings(self) -> FloatArray:
        """Encoder embeddings (N, D) of all pictures."""
        return self._gather("embedding")

    def surroundings(self) -> FloatArray | None:
        """Embeddings (N, D) of the pictures with their objects covered, NaN without a mask; None if none has one."""
        return self._where_known("surroundings")

    def places(self) -> FloatArray | None:
        """(N, 9) see `auditor.place_cells.evidence_shares`, NaN where not known; None in older features."""
        return self._where_known("places")

    def _where_known(self, name: str) -> FloatArray | None:
        """A column (N, .) that not every shard has; NaN where it is not there, None where no shard has it."""
        found = [(rows, _matrix(table, name)) for rows, table in self._tables([name])]
        known = [(rows, part) for rows, part in found if part.shape[1]]
        if not known:
            return None
        whole = np.full((self.n, known[0][1].shape[1]), np.nan, np.float32)
        for rows, part in known:
            whole[rows] = part
        return whole

    def logits(self) -> FloatArray:
        """Logits (N, C) of all pictures."""
        return self._gather("logits")

    def image_ids(self) -> tuple[str, ...]:
        """Ids of the readable pictures."""
        return tuple(self._values("image_id"))

    def content_digests(self) -> tuple[str, ...]:
        """sha256 of the readable pictures' files."""
        return tuple(self._values("content_digest"))

    def fingerprints(self) -> ByteArray:
        """(N, 64) what all pictures look like, to find near copies."""
        values = self._values("fingerprint")
        return np.frombuffer(b"".join(values), dtype=np.uint8).reshape(len(values), FINGERPRINT_BYTES)

    def properties(self) -> list[dict[str, Value]]:
        """What was measured of each readable picture, by property; empty where nothing was."""
        found: list[dict[str, Value]] = []
        for rows, table in self._tables(["properties"]):
            texts = table.column("properties").to_pylist() if table.num_columns else ["{}"] * (rows.stop - rows.start)
            found += [unpacked(text) for text in texts]
        return found

    def wide_peaks(self) -> list[float]:
        """Of every readable picture with more than 8 bits of grey, its lightest as a fraction of white."""
        return [peak for peak in self._values("wide_peak") if peak is not None]

    def n_see_through(self) -> int:
        """How many readable pictures have transparency, and were laid on white."""
        return sum(self._values("see_through"))

    def _values(self, name: str) -> list[Any]:
        """A column of all readable pictures, without those of features that do not have it."""
        tables = (table for _, table in self._tables([name]) if table.num_columns)
        return [value for table in tables for value in table.column(name).to_pylist()]

    def picture_tables(self) -> Iterator[tuple[slice, pa.Table]]:
        """Rows with image_id, content_digest, width, height and thumbnail, for the store."""
        yield from self._tables(["image_id", "content_digest", "width", "height", "thumbnail"])
