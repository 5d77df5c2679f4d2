"""``auditor diff``: what a release changed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.app import STDOUT, Debug, OutputFile, app, one_line_errors, put_out

if TYPE_CHECKING:
    from auditor.gate.releases import ReleaseDiff


class DiffFormat(StrEnum):
    """Formats of ``auditor diff``."""

    text = "text"
    json = "json"
    markdown = "markdown"


@app.command()
@one_line_errors
def diff(
    old: Annotated[Path, typer.Argument(help="Folder of the audit of the release before.", metavar="OLD")],
    new: Annotated[Path, typer.Argument(help="Folder of the audit of the new release.", metavar="NEW")],
    output_format: Annotated[DiffFormat, typer.Option("--format", help="text, json, or markdown.")] = DiffFormat.text,
    output: OutputFile = None,
    allow_different_data: Annotated[
        bool, typer.Option("--allow-different-data", help="Compare audits of other data, or with another encoder.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Say what a release changed: findings new, fixed, worse and better; ends with 0 whatever it says."""
    from auditor.gate.release_diff import compare_releases
    from auditor.release.facts import release_facts
    from auditor.store.manifest import check_whole
    from auditor.store.open_audit import open_audit_database
    from reports.formats import to_bytes

    both = []
    for folder in (old, new):  # one after the other: two open audits would take twice the memory
        check_whole(folder)
        with open_audit_database(folder) as connection:
            both.append(release_facts(connection))
    found = compare_releases(*both, allow_different_data=allow_different_data)
    if output_format is DiffFormat.text and output in (None, STDOUT):
        from rich.console import Console

        from reports.diff.text import print_diff

        print_diff(found, Console())
        return
    put_out(to_bytes(_rendered(found, output_format)), output)


def _rendered(found: ReleaseDiff, output_format: DiffFormat) -> str:
    if output_format is DiffFormat.json:
        from reports.diff.json import render_diff_json

        return render_diff_json(found)
    if output_format is DiffFormat.markdown:
        from reports.diff.markdown import render_diff_markdown

        return render_diff_markdown(found)
    from reports.diff.text import render_diff_text

    return render_diff_text(found)
