"""One digest over what an audit says, to tell whether two audits say the same."""

from __future__ import annotations

import hashlib

import duckdb

#: What may differ between two runs on the same inputs: when, by what name, and where things lay.
_NOT_CONTENTS = {("runs", "run_id"), ("runs", "created_at"), ("runs", "config"), ("runs", "data_path")}
_ROWS_AT_ONCE = 100_000


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def contents_digest(connection: duckdb.DuckDBPyConnection) -> str:
    """Digest of all rows of all tables in a canonical order: equal for runs on equal inputs.

    Left out is what says when, under which name and where the audit was made (``runs.run_id``, ``created_at``,
    ``data_path``, ``config``; ``config_digest`` stays). The order in which rows were written does not count.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    names = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY table_name").fetchall()
    for (name,) in names:
        columns = sorted(column for column in connection.table(name).columns if (name, column) not in _NOT_CONTENTS)
        digest.update(f"table {len(name)}:{name} {columns}\n".encode())
        # The length before each cell keeps neighbours apart; one md5 a row keeps what is sorted small.
        cells = [f"coalesce(strlen({_quoted(c)}::VARCHAR) || ':' || {_quoted(c)}::VARCHAR, '-')" for c in columns]
        rows = f"SELECT md5(concat({', '.join(cells)})) AS row FROM {_quoted(name)} ORDER BY row"  # noqa: S608 (quoted)
        connection.execute(rows)
        while batch := connection.fetchmany(_ROWS_AT_ONCE):
            digest.update("".join(row for (row,) in batch).encode())
    return digest.hexdigest()
