"""Pictures that are bytes in a column of Parquet, as Hugging Face's data sets keep them, read row by row as needed.

Of a shard some rows are held at a time. Rows that are asked for in their order are decoded once, whatever the size of
the row groups; a row that lies behind is found again from the beginning of its row group.
"""

from __future__ import annotations

import bisect
import itertools
import json
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.errors import InputError
from auditor.inputs.columns import PATH
from auditor.wording import quote, quote_list

if TYPE_CHECKING:
    import pyarrow as pa

#: Shards that a process holds open; data are read in their order, and what is not is few pictures.
_OPEN_SHARDS = 4
#: Rows that are decoded at a time, or fewer, of so many bytes; and how many such batches are kept.
_BATCH_ROWS, _BATCH_BYTES, _KEPT_BATCHES = 64, 16 * 2**20, 2
_READ_BYTES = 2**20


def picture_column(schema: pa.Schema, what: str, *, named: str | None = None) -> str | None:
    """The column that holds pictures as bytes; None where there is none, or another column names files.

    A struct with ``bytes`` is one, unless Hugging Face's metadata say that it is something else (sound), and so is a
    column of plain bytes.

    Args:
        schema: Of the file.
        what: How messages call it.
        named: The column that the user names.

    Raises:
        InputError: several could be meant.
    """
    features = hugging_face_features(schema)
    held = [field for field in schema if bytes_of_pictures(field.type)]
    held = [field for field in held if features.get(field.name, {}).get("_type", "Image") in ("Image", "Value")]
    if named is not None:
        return named if any(field.name == named for field in held) else None
    structs = [field.name for field in held if _is_struct(field.type)]
    names_files = any(PATH.is_known_as(field.name) and not bytes_of_pictures(field.type) for field in schema)
    found = structs or ([] if names_files else [field.name for field in held])
    if len(found) > 1:
        found = [name for name in found if PATH.is_known_as(name)] or found
    if len(found) > 1:
        raise InputError(
            f"{what}: {len(found)} columns hold pictures: {quote_list(found)}; say which with {PATH.flag} "
            f"({PATH.setting} in auditor.toml)"
        )
    return found[0] if found else None


def has_several(schema: pa.Schema) -> bool:
    """Whether more than one column holds bytes, so that an address must say which is meant."""
    return sum(bytes_of_pictures(field.type) for field in schema) > 1


def hugging_face_features(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """What the data set says of its columns, by column; nothing where it was written by something else."""
    try:
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        found = told["info"]["features"]
        return {str(name): value for name, value in found.items() if isinstance(value, dict)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def class_names(features: Mapping[str, Any]) -> list[str] | None:
    """Names of the classes whose numbers a column (or a list in it) holds, by its feature; None where it has none."""
    for feature in (features, features.get("feature")):
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
            names = feature.get("names")
            if isinstance(names, list) and all(isinstance(name, str) for name in names):
                return names
    return None


def bytes_of_pictures(kind: pa.DataType) -> bool:
    """Whether a column of that type may hold pictures: bytes, or a struct that has them beside a path."""
    return _is_bytes(kind) or _is_struct(kind)


def _is_struct(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_struct(kind)) and any(f.name == "bytes" and _is_bytes(f.type) for f in kind)


def _is_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


class _Place:
    """How far a row group has been read, with the last rows that were decoded."""

    def __init__(self) -> None:
        self._batches: Iterator[Any] = iter(())
        self._decoded: deque[tuple[int, Any]] = deque(maxlen=_KEPT_BATCHES)  # the first row of a batch, and its column
        self._next = self._end = 0  # the row that the next batch begins with, and where the row group ends

    def begin(self, batches: Iterator[Any], start: int, end: int) -> None:
        self._batches, self._next, self._end = batches, start, end

    def is_before(self, row: int) -> bool:
        return self._next <= row < self._end

    def at_hand(self, row: int) -> Any:
        for start, values in self._decoded:
            if start <= row < start + len(values):
                return values[row - start]
        return None

    def advance_to(self, row: int) -> Any:
        found = None
        while found is None:
            values = next(self._batches).column(0)
            self._decoded.append((self._next, values))
            self._next += len(values)
            found = self.at_hand(row)
        if self._next >= self._end:
            self._batches = iter(())  # with the pages that it holds
        return found


class _Shard:
    """One open file, read at two places: a thread that comes late must not take the others back with it."""

    def __init__(self, path: str, column: str | None) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path, buffer_size=_READ_BYTES, pre_buffer=False)
        schema = self._file.schema_arrow
        self.column = picture_column(schema, f"shard {quote(Path(path).name)}", named=column)
        if self.column is None:
            named = "" if column is None else f" {quote(column)}"
            raise InputError(f"its shard has no column{named} of pictures; columns found: {quote_list(schema.names)}")
        self._leaf = f"{self.column}.bytes" if _is_struct(schema.field(self.column).type) else self.column
        meta = self._file.metadata
        self._starts: list[int] = [
            0,
            *itertools.accumulate(meta.row_group(at).num_rows for at in range(meta.num_row_groups)),
        ]
        self._lock = threading.Lock()
        self._places = deque([_Place(), _Place()])  # the one that was used last comes last
        self._absent: frozenset[int] | None = None

    @property
    def n_rows(self) -> int:
        return self._starts[-1]

    def bytes_of(self, row: int) -> bytes | None:
        with self._lock:
            for place in self._places:
                found = place.at_hand(row)
                if found is not None:
                    return _held(found)
            place = next((one for one in self._places if one.is_before(row)), self._places[0])
            if not place.is_before(row):
                group = bisect.bisect_right(self._starts, row) - 1
                place.begin(self._read(group), self._starts[group], self._starts[group + 1])
            self._places.remove(place)
            self._places.append(place)
            return _held(place.advance_to(row))

    def absent_rows(self) -> frozenset[int]:
        """Rows that hold no bytes; read through only where the file itself does not say that there are none."""
        with self._lock:
            if self._absent is None:
                groups = [group for group in range(self._file.num_row_groups) if self._may_lack(group)]
                self._absent = frozenset(row for group in groups for row in self._absent_in(group))
            return self._absent

    def _read(self, group: int) -> Iterator[Any]:
        chunk = self._chunk(group)
        mean = max(1, chunk.total_uncompressed_size // max(1, chunk.num_values))
        rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // mean))
        return iter(self._file.iter_batches(rows, row_groups=[group], columns=[self._leaf], use_threads=False))

    def _chunk(self, group: int) -> Any:
        of_group = self._file.metadata.row_group(group)
        chunks = (of_group.column(at) for at in range(of_group.num_columns))
        return next(chunk for chunk in chunks if chunk.path_in_schema == self._leaf)

    def _may_lack(self, group: int) -> bool:
        statistics = self._chunk(group).statistics
        return statistics is None or not statistics.has_null_count or statistics.null_count > 0

    def _absent_in(self, group: int) -> Iterator[int]:
        row = self._starts[group]
        for batch in self._read(group):
            for value in batch.column(0):
                if _held(value) is None:
                    yield row
                row += 1


def _held(value: Any) -> bytes | None:
    """The bytes of a value of the column, which is a struct of them where the column is one."""
    held = value.as_py()
    found: bytes | None = held["bytes"] if isinstance(held, dict) else held
    return found


_shards: OrderedDict[tuple[object, ...], _Shard] = OrderedDict()
_shards_lock = threading.Lock()


def _open(path: str, column: str | None) -> _Shard:
    """The shard as it is now: a file that was written anew is opened anew."""
    found = os.stat(path)  # noqa: PTH116 (a million times)
    key = (path, column, found.st_size, found.st_mtime_ns, found.st_ino)
    with _shards_lock:
        shard = _shards.pop(key, None) or _Shard(path, column)
        _shards[key] = shard
        while len(_shards) > _OPEN_SHARDS:
            _shards.popitem(last=False)
    return shard


def read_row(path: str, row: int, column: str | None) -> bytes:
    """The bytes of one picture; safe to call from several threads.

    Args:
        path: The shard.
        row: From 0.
        column: The column of the pictures where there are several.

    Raises:
        InputError: a short reason, without the address.
    """
    try:
        shard = _open(path, column)
        if row >= shard.n_rows:
            raise InputError(f"no row {row}: its shard has {shard.n_rows:,} rows")
        data = shard.bytes_of(row)
    except InputError:
        raise
    except Exception as error:  # broken files fail with nearly every type
        lines = str(error).strip().splitlines()
        raise InputError(f"its shard cannot be read: {quote(lines[0]) if lines else 'it ends too early'}") from error
    if not data:
        raise InputError("its row holds no bytes")
    return data


def holds_row(path: str, row: int, column: str | None) -> bool:
    """Whether a shard has the row, and bytes in it; True where the shard cannot be read, which is told elsewhere."""
    try:
        shard = _open(path, column)
        return row < shard.n_rows and row not in shard.absent_rows()
    except Exception:  # as above
        return True


def unread_columns(schema: pa.Schema, column: str) -> Sequence[str]:
    """Columns beside the pictures that are no text, numbers or dates: bytes, boxes and the like."""
    from auditor.inputs.tables import holds_text

    return [field.name for field in schema if field.name != column and not holds_text(field.type)]
