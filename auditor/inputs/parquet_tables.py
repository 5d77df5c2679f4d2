"""Rows of Parquet shards that hold pictures as a table: each picture's address, and the other columns as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import InputError
from auditor.inputs.columns import PATH
from auditor.inputs.packed_address import PARQUET_SUFFIXES, row_key
from auditor.inputs.parquet_pictures import (
    class_names,
    has_several,
    hugging_face_features,
    picture_column,
    unread_columns,
)
from auditor.inputs.problems import Kind, Problems
from auditor.inputs.tables import SEVERAL, Table, texts_of
from auditor.wording import quote, quote_list

if TYPE_CHECKING:
    import pyarrow as pa

#: How Hugging Face's data sets write that a picture has no class (the test splits of contests).
_NO_CLASS = "-1"


def holds_pictures(path: Path, named: str | None) -> bool:
    """Whether a file is Parquet with pictures in it; False where it cannot be read, which reading it as a table tells.

    Args:
        path: The file.
        named: The column that the user names for the pictures.

    Raises:
        InputError: several of its columns could be meant.
    """
    import pyarrow as pa

    if path.suffix.lower() not in PARQUET_SUFFIXES:
        return False
    try:
        schema = _schema(path)
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return False
    return picture_column(schema, f"Parquet file {quote(path.name)}", named=named) is not None


def parquet_table(
    shards: Sequence[str], root: Path, named: str | None, what: str, problems: Problems
) -> tuple[Table, list[str]]:
    """The rows of shards, one after another, and notices on columns that are not read.

    Args:
        shards: Paths from ``root``.
        root: Folder of the data set.
        named: The column that the user names for the pictures.
        what: How messages call the data.
        problems: Takes numbers of classes without a name.

    Raises:
        InputError: a shard cannot be read, has no pictures, or other columns than the first.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[str]] = {}
    places: list[str] = []
    notices: dict[str, None] = {}
    for shard in shards:
        of_shard = f"{what}: shard {quote(shard)}" if len(shards) > 1 or shard != Path(shard).name else what
        try:
            schema = _schema(root / shard)
            column = picture_column(schema, of_shard, named=named)
            if column is None:
                raise _no_pictures(schema, of_shard, named)
            unread = unread_columns(schema, column)
            names = [name for name in schema.names if name != column and name not in unread]
            table = pq.ParquetFile(root / shard).read(columns=names).select(names)
            n_rows = pq.read_metadata(root / shard).num_rows
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            lines = str(error).strip().splitlines()
            raise InputError(
                f"{of_shard}: not readable as Parquet: {quote(lines[0]) if lines else type(error).__name__}; it may be "
                "cut short: fetch or write it again"
            ) from error
        texts = texts_of(table, names, of_shard)
        features = hugging_face_features(schema)
        for name in names:
            known = class_names(features.get(name, {}))
            if known is not None:
                texts[name] = _named(texts[name], known, name, shard, problems)
        if column != "image":
            notices[f"{what}: column {quote(column)} holds the pictures"] = None
        if unread:
            held = "holds" if len(unread) == 1 else "hold"
            notices[f"{what}: {quote_list(unread)} {held} no text, numbers or dates, and {_are(unread)} left out"] = (
                None
            )
        if PATH.name in texts:
            del texts[PATH.name]
            notices[f"{what}: column 'path' is left out: a picture's path is its shard and its row"] = None
        in_address = column if has_several(schema) else None
        texts[PATH.name] = [f"{shard}#{row_key(row, n_rows, in_address)}" for row in range(n_rows)]
        if columns and set(texts) != set(columns):
            differing = sorted(set(texts) ^ set(columns))
            raise InputError(
                f"{of_shard}: {quote_list(differing)} not in all shards; expected the same columns in each: give one "
                "data set, or one shard, alone"
            )
        for name, values in texts.items():
            columns.setdefault(name, []).extend(values)
        places += [f"row {row} of {quote(shard)}" for row in range(n_rows)]
    return Table(columns, places), list(notices)


def _schema(path: Path) -> pa.Schema:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).schema_arrow


def _named(texts: Sequence[str], names: Sequence[str], column: str, shard: str, problems: Problems) -> list[str]:
    """Names of classes for their numbers, in cells that may hold several."""
    kind = Kind(
        f"row has a number of {quote(column)} that no class has",
        f"rows have a number of {quote(column)} that no class has",
        f"expected 0 to {len(names) - 1} by the names that the file gives (-1 for none)",
    )
    by_number = {str(number): name for number, name in enumerate(names)} | {_NO_CLASS: ""}
    found = []
    for row, text in enumerate(texts):
        cells = text.split(SEVERAL) if text else []
        for cell in cells:
            if cell not in by_number:
                problems.add(kind, f"{quote(cell)} in row {row} of {quote(shard)}")
        found.append(SEVERAL.join(by_number.get(cell, "") for cell in cells))
    return found


def _no_pictures(schema: pa.Schema, what: str, named: str | None) -> InputError:
    asked = "" if named is None else f" {quote(named)}"
    table = "" if named is not None else "; a table that names files is given itself, as --data FILE"
    return InputError(
        f"{what}: no column{asked} of pictures; columns found: {quote_list(schema.names)}; expected bytes, or a struct "
        f"with 'bytes' as Hugging Face's 'image' is{table}"
    )


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
