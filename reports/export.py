"""Every table of an audit as a file of its own, CSV or Parquet, streamed by DuckDB so that memory stays bounded.

CSV is opened in spreadsheets, and an audit may come from anybody: text that a spreadsheet would take for a formula gets
an apostrophe in front, and columns of bytes (thumbnails, maps) are left out. Parquet keeps everything as it is.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from auditor.errors import InputError, StoreError
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.audit import Connection
from reports.display import FORMULA
from reports.formats import ExportFormat

_NO_TEXT = re.compile(
    r"(BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\)|DATE|TIME|TIMESTAMP)(\[\d*\])*"
)
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
#: Rows that Parquet holds in memory at once, for tables with pictures in them; else its own 122,880.
_PICTURE_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class ExportedTable:
    """A file that was written, its rows, and the columns that were left out of it."""

    path: Path
    n_rows: int
    left_out: tuple[str, ...]


def export_tables(audit: Path, folder: Path, export_format: ExportFormat) -> list[ExportedTable]:
    """Write every table of an audit into a new folder, which appears when it is whole.

    Args:
        audit: folder of a finished audit.
        folder: does not exist yet, or is empty.
        export_format: of the files.

    Raises:
        InputError: the folder is not empty, or cannot be made.
        StoreError: the audit cannot be read, or the disk is full.
    """
    if export_format not in (ExportFormat.csv, ExportFormat.parquet):
        raise InputError(f"--format {export_format} is for --pictures; tables are written as csv or parquet")
    try:
        with (
            new_folder(folder, "the tables") as unfinished,
            open_audit_database(audit, may_write_to=unfinished) as connection,
        ):
            written = [_export(connection, name, unfinished, export_format) for name in _tables(connection)]
    except duckdb.Error as error:
        again = "`auditor verify` says whether the audit is damaged"
        raise StoreError(f"{audit} cannot be exported to {folder}: {str(error).splitlines()[0]}; {again}") from error
    return [ExportedTable(folder / table.path.name, table.n_rows, table.left_out) for table in written]


@contextmanager
def new_folder(folder: Path, what: str) -> Iterator[Path]:
    """A folder to write ``what`` into, which becomes ``folder`` when the block ends well, and goes when it does not.

    Raises:
        InputError: ``folder`` is not empty, or cannot be made or written.
    """
    unfinished = folder.parent / f"{folder.name}.tmp-{uuid.uuid4().hex[:12]}"
    try:
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise InputError(f"--output {folder} exists already and is not an empty folder; choose another one")
        str(unfinished.resolve()).encode()  # DuckDB takes no other paths
        unfinished.mkdir(parents=True)
        yield unfinished
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is no valid Unicode"
        raise InputError(
            f"{what} cannot be written to {folder}: {reason}; give --output a folder that can be made"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _tables(connection: Connection) -> Iterator[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT temporary ORDER BY table_name"
    ).fetchall()
    for (name,) in rows:
        yield _checked(name)


def _export(connection: Connection, name: str, folder: Path, export_format: ExportFormat) -> ExportedTable:
    columns = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name = 'main' AND table_name = $name ORDER BY column_index",
        {"name": name},
    ).fetchall()
    left_out = tuple(column for column, kind in columns if kind == "BLOB") if export_format is ExportFormat.csv else ()
    kept = [(_checked(column), kind) for column, kind in columns if column not in left_out]
    if export_format is ExportFormat.csv:
        chosen = ", ".join(f'{_for_csv(column, kind)} AS "{column}"' for column, kind in kept)
        options = "FORMAT csv, HEADER"
    else:
        chosen = ", ".join(f'"{column}"' for column, _ in kept)
        has_pictures = any(kind == "BLOB" for _, kind in kept)
        options = "FORMAT parquet, COMPRESSION zstd" + (f", ROW_GROUP_SIZE {_PICTURE_ROWS}" if has_pictures else "")
    path = folder / f"{name}.{export_format}"
    quoted = str(path.resolve()).replace("'", "''")
    copied = f"COPY (SELECT {chosen} FROM \"{name}\") TO '{quoted}' ({options})"  # noqa: S608  # names were checked
    ((n_rows,),) = connection.execute(copied).fetchall()
    return ExportedTable(path, int(n_rows), left_out)


def _for_csv(column: str, kind: str) -> str:
    """A column as it goes into a cell: text without formulas, lists of text as JSON.

    A foreign audit may have text in columns of other types (ENUM, UNION, JSON): all but numbers and dates is text.
    """
    if kind == "VARCHAR[]":
        return f'to_json("{column}")'
    if _NO_TEXT.fullmatch(kind):
        return f'"{column}"'
    text = f'CAST("{column}" AS VARCHAR)'
    return f"""CASE WHEN regexp_matches({text}, '{FORMULA}') THEN '''' || {text} ELSE {text} END"""


def _checked(name: str) -> str:
    if not _PLAIN_NAME.fullmatch(name):
        raise StoreError(
            f"the audit has a table or column called {name!r}, which no auditor makes; take the audit from a whole copy"
        )
    return name
