"""Connections to DuckDB files, one way for all: a file that is read may come from anybody.

No connection may touch another file or load an extension, and its settings are locked. The one exception is a folder
that the caller names for what is exported.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import duckdb

from auditor.errors import StoreError
from auditor.store import migrations
from auditor.store.limited_connection import limited
from auditor.version import auditor_version

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    # Bounded, so that neither a long run nor a strange file takes the machine; DuckDB spills beyond it.
    "memory_limit": "1GB",
    "threads": str(min(4, os.cpu_count() or 1)),
    "lock_configuration": "true",
}
#: What disk, memory and a damaged file do to whoever writes; all else that DuckDB raises is a mistake of this program.
WRITE_ERRORS = (OSError, duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException)
#: The oldest DuckDB that pyproject.toml allows can read what a newer one wrote.
_STORAGE_VERSION = "v1.2.0"
#: Long values that zstd packs are unpacked 2,048 at a time, whichever of them is asked for. Those of an audit are
#: JPEGs, which it hardly makes smaller: a page of thumbnails read them all.
_NOT_COMPRESSED_BY = "zstd"


def connect_to_write(path: Path) -> duckdb.DuckDBPyConnection:
    """Make or open a file for writing."""
    unlocked = {name: value for name, value in _SETTINGS.items() if name != "lock_configuration"}
    connection = duckdb.connect(str(path), config={**unlocked, "storage_compatibility_version": _STORAGE_VERSION})
    # Given with the others DuckDB forgets it.
    connection.execute(f"SET disabled_compression_methods = '{_NOT_COMPRESSED_BY}'")
    connection.execute("SET lock_configuration = true")
    return connection


def connect_to_read(
    path: Path, *, may_write_to: Path | None = None, memory_limit: str = "1GB", copy_of: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a file that must not change; ``COPY`` may write to one folder, where that is given.

    ``copy_of`` is the file that the caller asked for, where ``path`` is a copy of it.

    What is open for long keeps nearly all of its ``memory_limit``, as pages of the file. All who have one file open in
    a process at the same time must give the same.

    Each statement is stopped after a while that goes by the size of the file.

    Raises:
        StoreError: truncated, damaged or no DuckDB file, or one with a log beside it; from any statement later: it took
            too long.
    """
    log = path.with_name(f"{path.name}.wal")
    if os.path.lexists(log):  # DuckDB would read it as part of the file, read-only or not
        raise StoreError(f"{log} lies beside the audit's file and would change it, an audit has none: delete it")
    try:
        if may_write_to is None:
            reader = duckdb.connect(str(path), read_only=True, config={**_SETTINGS, "memory_limit": memory_limit})
        else:
            reader = _with_folder(path, may_write_to)
        return limited(reader, path, copy_of or path)
    except (duckdb.Error, UnicodeError, RuntimeError) as error:
        raise StoreError(
            f"{path} is truncated, damaged or no DuckDB file ({reason_of(error)}); make the audit again, "
            "or take it from a whole copy"
        ) from error


def _with_folder(path: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    """A folder can be allowed only while access is open; nothing of the file runs before that is shut and locked."""
    last = ("enable_external_access", "lock_configuration")
    first = {name: value for name, value in _SETTINGS.items() if name not in last}
    first["memory_limit"] = "512MB"  # what is copied streams, and its writers need memory besides
    connection = duckdb.connect(str(path), read_only=True, config=first)
    quoted = str(folder.resolve()).replace("'", "''")
    try:
        connection.execute(f"SET allowed_directories = ['{quoted}']")
        for name in last:
            connection.execute(f"SET {name} = {_SETTINGS[name]}")
    except BaseException:
        connection.close()
        raise
    return connection


def reason_of(error: Exception) -> str:
    """The first line of what the system or DuckDB says."""
    return next(iter(str(getattr(error, "strerror", None) or error).splitlines()), type(error).__name__)


def open_migrated_copy(
    path: Path, written_schema: int, *, may_write_to: Path | None = None, memory_limit: str = "1GB"
) -> duckdb.DuckDBPyConnection:
    """Bring a copy of an older audit to today's tables and open it for reading; the audit itself stays as it is.

    Raises:
        StoreError: no room for the copy, or its tables are not those of its schema.
    """
    work = Path(tempfile.mkdtemp(prefix="auditor-migrated-"))
    try:
        copy = work / path.name
        shutil.copyfile(path, copy)
        with connect_to_write(copy) as connection:
            migrations.migrate(connection, auditor_version=auditor_version())
        return connect_to_read(copy, may_write_to=may_write_to, memory_limit=memory_limit, copy_of=path)
    except (OSError, duckdb.Error) as error:
        raise StoreError(
            f"{path} has the older schema {written_schema} and could not be migrated on a copy in {work.parent}: "
            f"{reason_of(error)}; make the audit again"
        ) from error
    finally:
        # An open file outlives its name on POSIX; elsewhere the copy goes when the program ends.
        if os.name == "posix":
            shutil.rmtree(work, ignore_errors=True)
        else:
            atexit.register(shutil.rmtree, work, ignore_errors=True)
