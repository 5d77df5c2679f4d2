"""Open a finished audit for reading: the tables are of today's schema, or brought to it in a copy."""

from __future__ import annotations

from pathlib import Path

import duckdb

from auditor.errors import StoreError
from auditor.store import connection, foreign, migrations
from auditor.store.manifest import DATABASE_NAME, newer_schema, read_audit_json


def open_audit_database(
    folder: Path, *, may_write_to: Path | None = None, memory_limit: str = "1GB"
) -> duckdb.DuckDBPyConnection:
    """Open a finished audit for reading; the connection is a context manager that closes itself.

    Args:
        folder: of the audit.
        may_write_to: the one folder that ``COPY`` may write to; None, and there is none.
        memory_limit: what DuckDB may take; see ``connection.connect_to_read``.

    Raises:
        StoreError: no audit there, an incomplete, truncated or foreign one, one that holds what no audit does, one of a
            newer schema, or one whose ``audit.json`` belongs to another run.
    """
    manifest = read_audit_json(folder)
    path = folder / DATABASE_NAME
    if not path.is_file():
        raise StoreError(f"the audit at {folder} has no {DATABASE_NAME}; make it again, or take it from a whole copy")
    reader = connection.connect_to_read(path, may_write_to=may_write_to, memory_limit=memory_limit)
    try:
        foreign.refuse_strange(reader, path)
        version = migrations.schema_version(reader)
        if version is None:
            raise StoreError(
                f"{path} is a DuckDB file, but not of an audit: it has no table 'migrations'; give the folder of "
                "`auditor run --out`"
            )
        if version > len(migrations.MIGRATIONS):
            writer = reader.execute("SELECT auditor_version FROM migrations ORDER BY position DESC").fetchone()
            raise newer_schema(folder, version, writer[0] if writer else None)
        if version < len(migrations.MIGRATIONS):
            foreign.refuse_oversized(reader, path)
            reader.close()
            reader = connection.open_migrated_copy(path, version, may_write_to=may_write_to, memory_limit=memory_limit)
        missing = migrations.expected_columns() - migrations.columns(reader)
        if missing:
            table, column, kind = min(missing)
            raise StoreError(
                f"{path} has other tables than an audit: no column {table}.{column} of type {kind}; make it again, or "
                "take it from a whole copy"
            )
        foreign.refuse_oversized(reader, path)
        row = reader.execute("SELECT run_id FROM runs").fetchone()
        if row is None or row[0] != manifest.get("run_id"):
            raise StoreError(
                f"{path} is of run {row[0] if row else None}, its audit.json of run {manifest.get('run_id')}: files of "
                "two audits are mixed; take both from one audit"
            )
    except StoreError:
        reader.close()
        raise
    except duckdb.Error as error:
        reader.close()
        raise StoreError(f"{path} cannot be read as an audit ({connection.reason_of(error)}); make it again") from error
    return reader
