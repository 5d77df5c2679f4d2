"""Add tables to a finished audit: a copy of its file is changed and takes the file's place when it is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from auditor.errors import StoreError
from auditor.store import connection, migrations
from auditor.store.manifest import DATABASE_NAME, check_whole, replace_database
from auditor.store.open_audit import open_audit_database
from auditor.store.tables import record_table
from auditor.version import auditor_version


@contextmanager
def amended(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a copy of the audit's file for writing, brought to today's tables; it replaces the file unless this raises.

    Who reads the audit meanwhile reads the old file to the end.

    Raises:
        StoreError: no finished audit there, or the copy cannot be written; the audit is as it was then.
    """
    check_amendable(folder)
    path = folder / DATABASE_NAME
    copy = folder / f"{DATABASE_NAME}.tmp-{uuid.uuid4().hex[:12]}"
    try:
        shutil.copyfile(path, copy)
        with connection.connect_to_write(copy) as writer:
            migrations.migrate(writer, auditor_version=auditor_version())
            yield writer
            writer.execute("CHECKPOINT")
        with copy.open("rb+") as file:
            os.fsync(file.fileno())
        replace_database(folder, copy)
    except connection.WRITE_ERRORS as error:
        raise _refused(folder, error) from error
    finally:
        copy.unlink(missing_ok=True)


def add_rows(writer: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Add rows to a table, column by column of its name."""
    writer.from_arrow(table.select(writer.table(name).columns)).insert_into(name)


def replace_rows(writer: duckdb.DuckDBPyConnection, name: str, records: Sequence[Any], kind: type[Any]) -> None:
    """Put records of a dataclass into a table in the place of what it holds."""
    writer.execute(f"DELETE FROM {name}")  # noqa: S608 (a name of this program)
    add_rows(writer, name, record_table(records, kind))


def check_amendable(folder: Path) -> None:
    """Find out before long work whether :func:`amended` will do, as far as it can be told.

    Raises:
        StoreError: no finished audit there, or its folder cannot be written.
    """
    check_whole(folder)  # else the new file would bind what is damaged
    with open_audit_database(folder):
        pass  # complete, of this program, and of one run
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _refused(folder, error) from error


def _refused(folder: Path, error: Exception) -> StoreError:
    reason = connection.reason_of(error)
    return StoreError(
        f"nothing can be added to the audit at {folder}: {reason}; free some space, or copy the audit to a place "
        "that can be written"
    )
