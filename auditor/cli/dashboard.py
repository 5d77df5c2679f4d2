"""``auditor dashboard``: audits in the browser."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.app import Debug, TrustCode, app, one_line_errors

#: What every view draws with. The command loads it: else the first reader would wait for it.
_LOADED_FIRST = ("pandas", "reports.page.html_report")


@app.command()
@one_line_errors
def dashboard(
    audits: Annotated[list[Path], typer.Argument(help="Folders of audits, or folders that hold some.", metavar="DIR…")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to serve at.")] = 8501,
    host: Annotated[str, typer.Option(help="Address to serve at; by default only this machine reaches it.")] = (
        "127.0.0.1"
    ),
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another name that it answers to, such as that of a proxy before it; may be repeated."),
    ] = None,
    read_only: Annotated[
        bool,
        typer.Option("--read-only", help="No review, ticking, tags or renaming: nothing is written."),
    ] = False,
    baseline: Annotated[Path, typer.Option(help="What was accepted; reviews are written into it.")] = Path(
        "baseline.toml"
    ),
    trust_code: TrustCode = False,
    debug: Debug = False,
) -> None:
    """Browse audits in the browser: classes, concepts, pictures with maps, releases side by side."""
    from auditor.figures import counted
    from reports.dashboard.launch import address, check_start, is_local, serve
    from reports.dashboard.options import Options

    options, names = Options(tuple(audits), read_only, baseline, trust_code), allow_host or []
    n_audits = check_start(options, host, port, names)
    for name in _LOADED_FIRST:
        importlib.import_module(name)
    typer.echo(f"dashboard of {counted(n_audits, 'audit')}: {address(host, port)}   (Ctrl-C ends it)")
    if not is_local(host):
        may = "look" if read_only else "look and accept findings; --read-only takes the second away"
        without = "there are no passwords and no encryption"
        typer.echo(f"warning: OPEN TO OTHERS: {without}, so whoever reaches {host} can {may}", err=True)
    code: object = 0
    try:
        serve(options, host, port, names)
    except SystemExit as ended:
        code = ended.code
    _leave(code if isinstance(code, int) else int(code is not None))


def _leave(code: int) -> None:
    """End before the interpreter is taken apart: DuckDB would then tell, by the page, what threads still hold."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
