"""``auditor collect``: which pictures to gather next."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from auditor.cli.app import AuditDir, Debug, OutputFile, app, one_line_errors, put_out


class CollectionFormat(StrEnum):
    """What ``auditor collect --format`` takes."""

    text = "text"
    csv = "csv"


@app.command()
@one_line_errors
def collect(
    audit: AuditDir,
    output_format: Annotated[CollectionFormat, typer.Option("--format", help="text, or csv.")] = CollectionFormat.text,
    output: OutputFile = None,
    debug: Debug = False,
) -> None:
    """List the pictures that would settle what is open or not shown, one list for all classes."""
    from auditor.collection import collection_of
    from auditor.store.open_audit import open_audit_database
    from reports.formats import to_bytes
    from reports.written.collection import collection_csv, collection_text

    with open_audit_database(audit) as connection:
        found = collection_of(connection)
    text = collection_csv(found) if output_format is CollectionFormat.csv else collection_text(found)
    put_out(to_bytes(text), output)
