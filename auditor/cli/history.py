"""``auditor history``: what became of findings from release to release."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.app import Debug, OutputFile, Quiet, app, one_line_errors, put_out
from auditor.errors import InputError
from auditor.wording import quote_path

if TYPE_CHECKING:
    from auditor.gate.release_history import ReleaseHistory


class HistoryFormat(StrEnum):
    """Formats of ``auditor history``."""

    text = "text"
    json = "json"
    html = "html"


@app.command()
@one_line_errors
def history(
    folders: Annotated[list[Path], typer.Argument(help="Folders of audits, or that hold audits.", metavar="DIR...")],
    output_format: Annotated[HistoryFormat, typer.Option("--format", help="text, json, or html.")] = HistoryFormat.text,
    output: OutputFile = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Follow every finding through the releases, by the day of their audits; ends with 0 whatever it says."""
    from auditor.release.history import read_history
    from reports.dashboard.audits import find_audits
    from reports.formats import to_bytes

    missing = [folder for folder in folders if not folder.is_dir()]
    if missing:
        raise InputError(f"{quote_path(missing[0])} is no folder; give folders of audits, or one that holds them")
    found = read_history([(one.key, one.folder) for one in find_audits(folders)])
    if output_format is HistoryFormat.text and output is None:
        from rich.console import Console

        from reports.history.text import print_history

        print_history(found, Console())
        return
    text = _rendered(found, output_format)
    put_out(to_bytes(text), output)


def _rendered(found: ReleaseHistory, output_format: HistoryFormat) -> str:
    if output_format is HistoryFormat.json:
        from reports.history.json import render_history_json

        return render_history_json(found)
    if output_format is HistoryFormat.html:
        from reports.history.html import render_history_html

        return render_history_html(found)
    from reports.history.text import render_history_text

    return render_history_text(found)
