"""``auditor verify``: is an audit what was written?"""

from __future__ import annotations

import enum
import json
from dataclasses import asdict
from typing import Annotated

import typer

from auditor.cli.app import AuditDir, Debug, app, one_line_errors


class _Format(enum.StrEnum):
    text = "text"
    json = "json"


@app.command()
@one_line_errors
def verify(
    audit: AuditDir,
    expect_digest: Annotated[
        str | None, typer.Option(help="Digest of the audit that `auditor run` printed.", metavar="D")
    ] = None,
    output_format: Annotated[_Format, typer.Option("--format", help="text or json.")] = _Format.text,
    debug: Debug = False,
) -> None:
    """Check an audit against its digests: exit code 0 where it is what was written, 2 with a list where it is not.

    That finds damage, but whoever can write to the folder can write the digests too.

    Against them give the digest that the job which made the audit printed.
    """
    from auditor.store.verify import verify_audit

    found = verify_audit(audit, expected_digest=expect_digest)
    if output_format is _Format.json:
        typer.echo(json.dumps({"whole": found.is_whole, **asdict(found)}, indent=2))
    elif found.is_whole:
        typer.echo(f"{audit}: {found.n_files} files are what was written; digest {found.digest}")
        for note in found.notes:
            typer.echo(f"note: {note}")
    else:
        for line in found.damage:
            typer.echo(f"damaged: {line}")
        typer.echo(
            "the same `auditor run` with --resume makes again what is damaged, or take it from a whole copy", err=True
        )
    if not found.is_whole:
        raise typer.Exit(2)
