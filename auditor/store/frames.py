"""What an audit holds as pandas frames: records of a query, and the answer to a question in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from auditor.errors import InputError
from auditor.store.connection import reason_of
from auditor.store.open_audit import open_audit_database


def frame_of(rows: Sequence[Any], kind: type) -> pd.DataFrame:
    """Records of one dataclass as a frame: a column a field, a row a record; without rows the columns alone."""
    return pd.DataFrame({field.name: [getattr(row, field.name) for row in rows] for field in fields(kind)})


def query_frame(folder: Path, query: str, parameters: Mapping[str, object] | Sequence[object] | None) -> pd.DataFrame:
    """The answer of a finished audit to a question in SQL.

    The audit is open for reading alone, as every audit is: the question reaches no other file and no variable of the
    program, loads no extension, and is stopped after ten seconds and more for a large audit.

    Args:
        folder: Of the audit.
        query: In DuckDB's SQL; docs/schema.md has the tables.
        parameters: For ``?`` (a list) or ``$name`` (a mapping) in it.

    Raises:
        StoreError: no finished audit there, or the question took too long.
        InputError: DuckDB cannot answer it, or it asks nothing.
    """
    with open_audit_database(folder) as connection:
        try:
            answered = connection.execute(query, parameters)
            if answered is None or answered.description is None:
                raise InputError(f"the query {query!r:.80} asks nothing; expected a SELECT")
            return answered.df()
        except duckdb.Error as error:
            raise InputError(
                f"the audit at {folder} cannot answer the query: {reason_of(error)}; docs/schema.md has the tables, "
                "and an audit is only read"
            ) from error
