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
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Nobody can accept findings: the baseline is not written.")
    ] = False,
    baseline: Annotated[Path, typer.Option(help="What was accepted; reviews are written into it.")] = Path(
        "baseline.toml"
    ),
    trust_code: TrustCode = False,
    debug: Debug = False,
) -> None:
    """Browse audits in the browser: classes, concepts, pictures with maps, releases side by side."""
    from auditor.figures import counted
    from reports.dashboard.launch import address, check_start, is_local, streamlit_arguments
    from reports.dashboard.options import Options

    options = Options(tuple(audits), read_only, baseline, trust_code)
    n_audits = check_start(options, host, port)
    # Streamlit's own command, in this process: it takes Ctrl-C and SIGTERM itself and leaves nothing running.
    from streamlit.web.cli import main as streamlit

    for name in _LOADED_FIRST:
        importlib.import_module(name)
    typer.echo(f"dashboard of {counted(n_audits, 'audit')}: {address(host, port)}   (Ctrl-C ends it)")
    if not (is_local(host) or read_only):
        typer.echo(
            f"warning: whoever reaches {host} can look and accept findings; --read-only takes the second away", err=True
        )
    code: object = 0
    try:
        streamlit(args=streamlit_arguments(options, host, port), prog_name="streamlit")
    except SystemExit as ended:
        code = ended.code
    _leave(code if isinstance(code, int) else int(code is not None))


def _leave(code: int) -> None:
    """End before the interpreter is taken apart: DuckDB would then tell, by the page, what threads still hold."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
