"""What the file of an audit that comes from anybody may hold: plain tables of bounded size.

A view or a generated column would run its maker's SQL whenever a report reads it; a macro or a type could stand for a
function of ours; a sentence of 50 MB or a class with 200,000 rows would fill the memory of whoever reads them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import duckdb

from auditor.errors import StoreError
from auditor.wording import quote

#: Far beyond what any audit has: the longest text of a cell, in bytes.
MOST_TEXT = 100_000
#: Of a list, and of ``runs``, whose one row holds settings and the names of all classes.
MOST_LONG_TEXT = 20_000_000
#: Text of one table other than those with rows for pictures, which reports read page by page.
MOST_TABLE_TEXT = 500_000_000
MOST_CLASS_ROWS = 50_000
MOST_ROWS = 1_000_000_000

_PLAIN_TYPES = {
    "BIGINT",
    "BLOB",
    "BOOLEAN",
    "DOUBLE",
    "DOUBLE[]",
    "FLOAT",
    "FLOAT[]",
    "INTEGER",
    "INTEGER[]",
    "VARCHAR",
    "VARCHAR[]",
}
_OF_PICTURES = {
    "attribution_residuals",
    "attributions",
    "concept_presence",
    "concepts_seen",
    "failures",
    "image_attributes",
    "images",
    "predictions",
    "saliency",
}
#: One row a picture, or joins would multiply.
_ONE_ROW_A_PICTURE = ("images", "predictions")

#: Each gives names of what an audit never has.
_STRANGE = {
    "view": "SELECT view_name FROM duckdb_views() WHERE NOT internal",
    "macro": "SELECT function_name FROM duckdb_functions() WHERE NOT internal",
    "type": "SELECT type_name FROM duckdb_types() WHERE NOT internal",
    "schema": "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal AND schema_name <> 'main'",
    "sequence": "SELECT sequence_name FROM duckdb_sequences()",
    "index": "SELECT index_name FROM duckdb_indexes()",
    "generated column or a check in table": "SELECT table_name FROM duckdb_tables() "
    "WHERE NOT internal AND (check_constraint_count > 0 OR contains(sql, 'GENERATED ALWAYS'))",
}


def refuse_strange(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a file that holds anything but plain tables; asked before any of them is read.

    Raises:
        StoreError: names what it holds.
    """
    for what, question in _STRANGE.items():
        row = connection.execute(question).fetchone()
        if row is not None:
            raise _refused(path, f"a {what} {quote(row[0])}", "plain tables alone")
    for table, column, kind in _columns(connection):
        if kind not in _PLAIN_TYPES:
            raise _refused(path, f"a column {quote(f'{table}.{column}')} of type {quote(kind)}", "plain types alone")


def refuse_oversized(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a file with more rows or longer texts than an audit ever has.

    Raises:
        StoreError: names the table, what was found and the bound.
    """
    columns: dict[str, dict[str, str]] = defaultdict(dict)
    for table, column, kind in _columns(connection):
        columns[table][column] = kind
    for table, kinds in columns.items():
        _refuse_long_texts(connection, path, table, kinds)
        if "class_idx" in kinds and table not in _OF_PICTURES:
            most = _one(connection, f"SELECT count(*) AS n FROM {_quoted(table)} GROUP BY class_idx ORDER BY n DESC")  # noqa: S608
            if most > MOST_CLASS_ROWS:
                raise _refused(path, f"{most:,} rows of one class in {table}", f"at most {MOST_CLASS_ROWS:,}")
    for table in (table for table in _ONE_ROW_A_PICTURE if table in columns):
        twice = _one(connection, f"SELECT count(*) - count(DISTINCT image_id) FROM {table}")  # noqa: S608
        if twice:
            raise _refused(path, f"{twice:,} pictures more than once in {table}", "one row a picture")


def _refuse_long_texts(connection: duckdb.DuckDBPyConnection, path: Path, table: str, kinds: Mapping[str, str]) -> None:
    n_rows = _one(connection, f"SELECT count(*) FROM {_quoted(table)}")  # noqa: S608 (quoted)
    if n_rows > MOST_ROWS:
        raise _refused(path, f"{n_rows:,} rows in {quote(table)}", f"at most {MOST_ROWS:,}")
    lengths = {
        name: f"strlen({_quoted(name)})" if kind == "VARCHAR" else f"strlen(array_to_string({_quoted(name)}, ' '))"
        for name, kind in kinds.items()
        if kind.startswith("VARCHAR")
    }
    if not lengths:
        return
    asked = ", ".join(f"max({length}), sum({length})" for length in lengths.values())
    found = connection.execute(f"SELECT {asked} FROM {_quoted(table)}").fetchone() or ()  # noqa: S608 (quoted)
    for name, longest in zip(lengths, found[::2], strict=True):
        most = MOST_TEXT if kinds[name] == "VARCHAR" and table != "runs" else MOST_LONG_TEXT
        if longest is not None and longest > most:
            where = quote(f"{table}.{name}")
            raise _refused(path, f"a text of {longest:,} bytes in {where}", f"at most {most:,}")
    whole = sum(int(length or 0) for length in found[1::2])
    if table not in _OF_PICTURES and whole > MOST_TABLE_TEXT:
        raise _refused(path, f"{whole:,} bytes of text in {quote(table)}", f"at most {MOST_TABLE_TEXT:,}")


def _columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    return connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
    ).fetchall()


def _one(connection: duckdb.DuckDBPyConnection, question: str) -> int:
    row = connection.execute(question).fetchone()
    return int(row[0] or 0) if row else 0


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _refused(path: Path, found: str, expected: str) -> StoreError:
    return StoreError(f"{path} holds {found}; an audit has {expected}: take it from whoever made it once more")
