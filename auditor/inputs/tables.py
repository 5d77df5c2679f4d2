"""Tables of text from CSV, TSV, JSON lines and Parquet: every value a string, an absent one the empty string."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auditor.errors import InputError
from auditor.inputs.columns import PATH
from auditor.inputs.problems import Kind, Problems
from auditor.regular_files import require_regular
from auditor.wording import nearest, quote, quote_list

if TYPE_CHECKING:
    import pyarrow as pa

#: No line that names columns has more.
_MOST_CHARS = 2**20
#: Between the labels of a picture that has several, and between the entries of a list in JSON lines and Parquet.
SEVERAL = "|"

_RAGGED = Kind(
    "line has another number of values than there are columns",
    "lines have another number of values than there are columns",
    "quote values that contain the separator",
)
_NO_CSV = Kind("line is not readable as CSV, and ends the reading", "", "an open quote is a usual reason")
_NO_OBJECT = Kind(
    "line is no JSON object of plain values",
    "lines are no JSON objects of plain values",
    "expected one object a line, one line a picture",
)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of one length; ``places`` says where each row stands ("line 3" of a text, "row 2" of a Parquet file)."""

    columns: dict[str, list[str]]
    places: list[str]

    def require(self, names: Sequence[str], what: str) -> None:
        """Raise InputError for the first of the columns that is not there, with those that are."""
        for name in names:
            if name in self.columns:
                continue
            close = nearest(name, self.columns)
            hint = f"; nearest is {quote(close)}: rename it" if close else ""
            raise InputError(f"{what}: no column {name!r}; columns found: {quote_list(list(self.columns))}{hint}")


def read_table(path: Path, what: str, problems: Problems | None = None) -> Table:
    """Read a ``.csv`` (UTF-8, first line names), ``.tsv``, ``.jsonl`` (an object a line) or ``.parquet`` file.

    The columns of a CSV are separated by commas or, where its first line has none, by semicolons or tabs. Columns
    without a name (such as pandas' index in CSV) are left out. A list is its entries with ``SEVERAL`` between them.

    Args:
        path: The file.
        what: How messages call it, such as "manifest 'val.csv'".
        problems: Takes the lines that cannot be read, which are then left out; None: they are an error.

    Raises:
        InputError: the file cannot be read, is ragged, or names a column twice.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        hint = _HINTS.get(path.suffix.lower(), "")
        raise InputError(f"{what}: ends in {quote(path.suffix)}; expected .csv, .tsv, .jsonl or .parquet{hint}")
    found = Problems() if problems is None else problems
    try:
        require_regular(path)
        table = reader(path, what, found)
    except OSError as error:
        reason = error.strerror or _first_line(error)
        raise InputError(f"{what}: cannot be read: {reason}; look at its path and its rights") from error
    if problems is None:
        found.refuse(what)
    return table


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of a table by its beginning; none where it cannot be read."""
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            import pyarrow.parquet as pq

            return tuple(pq.ParquetFile(path).schema_arrow.names)
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(_MOST_CHARS)
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            given = json.loads(first)
            return tuple(given) if isinstance(given, dict) else ()
        return tuple(name.strip() for name in next(csv.reader([first], delimiter=_separator(first)), []))
    except Exception:  # broken files fail with nearly every type
        return ()


def _read_csv(path: Path, what: str, problems: Problems) -> Table:
    rows: list[list[str]] = []
    places: list[str] = []
    names: list[str] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            separator = "\t" if path.suffix.lower() == ".tsv" else _separator(file.readline())
            file.seek(0)
            # strict: an unclosed quote is an error instead of a last value that swallows the rest of the file.
            reader = csv.reader(file, delimiter=separator, strict=True, skipinitialspace=separator != "\t")
            names = [name.strip() for name in next(reader, [])]
            for row in reader:
                if not row:
                    continue
                place = f"line {reader.line_num}"
                if len(row) != len(names):
                    problems.add(_RAGGED, f"{place}: {len(row)} for {len(names)}")
                    continue
                rows.append(row)
                places.append(place)
        except csv.Error as error:
            problems.add(_NO_CSV, f"line {reader.line_num}: {_first_line(error)}")
        except UnicodeDecodeError as error:
            after = places[-1] if places else "its start"
            raise InputError(f"{what}: not UTF-8 after {after}; save it as UTF-8") from error
    _refuse_repeated(names, what)
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    return Table({name: column for name, column in zip(names, values, strict=True) if name}, places)


def _separator(first_line: str) -> str:
    """What separates the columns, by the line that names them; a spreadsheet of many a country writes semicolons."""
    return next((sign for sign in ",;\t" if sign in first_line), ",")


def _read_json_lines(path: Path, what: str, problems: Problems) -> Table:
    rows: list[dict[str, str]] = []
    places: list[str] = []
    with path.open(encoding="utf-8-sig") as file:
        number = 0
        try:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    given = json.loads(line, object_pairs_hook=_unrepeated)
                    if not isinstance(given, dict):
                        raise ValueError("no object")
                    rows.append({name.strip(): json_text(name, value) for name, value in given.items()})
                except (ValueError, RecursionError) as error:  # text in no UTF-8 too
                    at = f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
                    problems.add(_NO_OBJECT, f"line {number}: {at or _first_line(error)}")
                    continue
                places.append(f"line {number}")
        except UnicodeDecodeError as error:
            raise InputError(f"{what}: not UTF-8 after line {number}; save it as UTF-8") from error
    names = dict.fromkeys(name for row in rows for name in row if name)
    return Table({name: [row.get(name, "") for row in rows] for name in names}, places)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is given twice")
    return found


def json_text(name: str, value: Any) -> str:
    """Text of one value of an object in JSON; raises ValueError where it holds objects, or text that is none."""
    entries = value if isinstance(value, list) else [value]
    if any(isinstance(entry, dict | list) for entry in entries):
        raise ValueError(f"{name!r} holds objects; expected text, numbers or lists of them")
    text = SEVERAL.join(map(_as_text, entries))
    text.encode()  # half a character, as \ud800, can be written nowhere
    return text


def _read_parquet(path: Path, what: str, problems: Problems) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
        names = table.column_names
    except (pa.ArrowException, UnicodeDecodeError) as error:  # a column's name, in no UTF-8
        raise InputError(
            f"{what}: not readable as Parquet: {_first_line(error)}; write it again, or give a CSV"
        ) from error
    return Table(texts_of(table, names, what), [f"row {row}" for row in range(1, table.num_rows + 1)])


def texts_of(table: pa.Table, names: Sequence[str], what: str) -> dict[str, list[str]]:
    """The columns of an Arrow table as text.

    Raises:
        InputError: a column is named twice, holds something else, or a value that cannot be written.
    """
    import pyarrow as pa

    _refuse_repeated(names, what)
    columns: dict[str, list[str]] = {}
    for name, column in zip(names, table.columns, strict=True):
        kind, is_list = _entry_type(column.type)
        if not holds_text(column.type):
            raise InputError(
                f"{what}: column {quote(name)} holds {quote(kind)}; expected text, numbers, dates or lists of them: "
                "leave the column out (one of pictures is read where no other column names files, or "
                f"{PATH.flag} names it)"
            )
        try:
            written = _as_text if kind != pa.float32() else lambda value: _as_text(_narrow(value))
            values = column.to_pylist()
            if is_list:
                columns[name] = [SEVERAL.join(map(written, entries or ())) for entries in values]
            else:
                columns[name] = [written(value) for value in values]
        except (UnicodeDecodeError, OverflowError, ValueError) as error:  # text in no UTF-8, a date in no year of ours
            raise InputError(
                f"{what}: column {quote(name)} holds a value that cannot be read: {_first_line(error)}; write it as "
                "UTF-8 text"
            ) from error
    return columns


def holds_text(kind: pa.DataType) -> bool:
    """Whether a column of that type can be written as text: no objects and no bytes."""
    import pyarrow as pa

    entry, _ = _entry_type(kind)
    return not (pa.types.is_nested(entry) or pa.types.is_binary(entry) or pa.types.is_large_binary(entry))


def _entry_type(kind: pa.DataType) -> tuple[pa.DataType, bool]:
    """The type of the values, or of the entries of a column of lists, and whether it is one of lists."""
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return (kind.value_type if is_list else kind), bool(is_list)


#: How a file is read, by its suffix.
_READERS: dict[str, Callable[[Path, str, Problems], Table]] = {
    **dict.fromkeys((".csv", ".tsv"), _read_csv),
    **dict.fromkeys((".jsonl", ".ndjson"), _read_json_lines),
    **dict.fromkeys((".parquet", ".pq"), _read_parquet),
}


#: What to do with files that are meant otherwise, by their suffix.
_HINTS = {
    ".json": "; COCO annotations: `auditor manifest coco FILE`",
    **dict.fromkeys((".gz", ".tgz"), "; a tar with pictures is read as .tar, so gunzip it"),
}


TABLE_SUFFIXES = frozenset(_READERS)


def _as_text(value: Any) -> str:
    """Text of one typed value, written as the same table would be in CSV."""
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
