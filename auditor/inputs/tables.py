"""Tables of text from CSV and Parquet files: every value a string, an absent one the empty string."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from auditor.errors import InputError
from auditor.regular_files import require_regular
from auditor.wording import nearest, quote, quote_list


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of one length; ``places`` says where each row stands ("line 3" of a CSV, "row 2" of a Parquet file)."""

    columns: dict[str, list[str]]
    places: list[str]

    def require(self, names: Sequence[str], what: str) -> None:
        """Raise InputError for the first of the columns that is not there, with those that are."""
        for name in names:
            if name in self.columns:
                continue
            close = nearest(name, self.columns)
            hint = f"; nearest is {quote(close)}: rename it" if close else ""
            if len(self.columns) == 1 and any(sign in next(iter(self.columns)) for sign in ";\t|"):
                hint = "; separate the columns by commas"
            raise InputError(f"{what}: no column {name!r}; columns found: {quote_list(list(self.columns))}{hint}")


def read_table(path: Path, what: str) -> Table:
    """Read a ``.csv`` (UTF-8, commas, first line names) or ``.parquet`` file.

    Columns without a name (such as pandas' index in CSV) are left out.

    Args:
        path: The file.
        what: How messages call it, such as "manifest 'val.csv'".

    Raises:
        InputError: the file cannot be read, is ragged, or names a column twice.
    """
    readers = {".csv": _read_csv, ".parquet": _read_parquet, ".pq": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{what}: ends in {quote(path.suffix)}; expected .csv or .parquet")
    try:
        require_regular(path)
        return reader(path, what)
    except OSError as error:
        raise InputError(f"{what}: cannot be read: {error.strerror or _first_line(error)}") from error


def _read_csv(path: Path, what: str) -> Table:
    rows: list[list[str]] = []
    places: list[str] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        # strict: an unclosed quote is an error instead of a last value that swallows the rest of the file.
        reader = csv.reader(file, strict=True, skipinitialspace=True)
        try:
            names = [name.strip() for name in next(reader, [])]
            for row in reader:
                if not row:
                    continue
                if len(row) != len(names):
                    raise InputError(
                        f"{what}, line {reader.line_num}: {len(row)} values for {len(names)} columns; "
                        "quote values that contain commas"
                    )
                rows.append(row)
                places.append(f"line {reader.line_num}")
        except csv.Error as error:
            raise InputError(f"{what}, line {reader.line_num}: not readable as CSV: {_first_line(error)}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{what}: not UTF-8 after line {reader.line_num}; save it as UTF-8 CSV") from error
    _refuse_repeated(names, what)
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    return Table({name: column for name, column in zip(names, values, strict=True) if name}, places)


def _read_parquet(path: Path, what: str) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
        names = table.column_names
    except (pa.ArrowException, UnicodeDecodeError) as error:  # a column's name, in no UTF-8
        raise InputError(f"{what}: not readable as Parquet: {_first_line(error)}") from error
    _refuse_repeated(names, what)
    columns: dict[str, list[str]] = {}
    for name, column in zip(names, table.columns, strict=True):
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise InputError(
                f"{what}: column {quote(name)} holds {quote(kind)}; "
                "expected text, numbers or dates: leave the column out"
            )
        try:
            written = _as_text if kind != pa.float32() else lambda value: _as_text(_narrow(value))
            columns[name] = [written(value) for value in column.to_pylist()]
        except (UnicodeDecodeError, OverflowError, ValueError) as error:  # text in no UTF-8, a date in no year of ours
            raise InputError(
                f"{what}: column {quote(name)} holds a value that cannot be read: {_first_line(error)}; write it as "
                "UTF-8 text"
            ) from error
    return Table(columns, [f"row {row}" for row in range(1, table.num_rows + 1)])


def _as_text(value: Any) -> str:
    """Text of one Parquet value, written as the same table would be in CSV."""
    if value is None or value != value:  # null or NaN
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    # pandas turns whole numbers with gaps into floats: 3.0 was meant as 3. The largest have an exponent, as in CSV.
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e16 else str(value)


def _narrow(value: float | None) -> float | None:
    """The number that was meant by a float of 32 bits: .1, and not .10000000149011612."""
    return None if value is None else float(str(np.float32(value)))


def _refuse_repeated(names: Sequence[str], what: str) -> None:
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise InputError(f"{what}: column named more than once: {quote_list(repeated)}; expected one of each")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return quote(lines[0]) if lines else type(error).__name__
