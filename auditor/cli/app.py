"""The application that every command registers with, and what the commands share.

Exit codes: 0 done, 1 the gate found something, 2 bad usage, bad input or failure. Results go to stdout, progress and
warnings to stderr.
"""

from __future__ import annotations

import functools
import itertools
import logging
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from auditor.cli.missing_packages import missing_package
from auditor.errors import AuditorError, InputError
from auditor.models.map_method_names import MAP_METHOD_NAMES
from auditor.wording import plain, quote

if TYPE_CHECKING:
    from auditor.gate.decision import GateDecision
    from auditor.store.queries.audit import Connection
    from reports.formats import ReportFormat

#: Of the click that this Typer stands on, be it its own or another package.
_UsageError: Any = typer.BadParameter.__base__


def _value_given(error: Any, words: Sequence[str]) -> str | None:
    """What stands for the option that an error is on, where it names one that takes a value."""
    for option in getattr(getattr(error, "param", None), "opts", ()):
        for word, following in itertools.zip_longest(words, words[1:]):
            if word == option:
                return following
            if word.startswith(f"{option}="):
                return word.partition("=")[2]
    return None


class _OneLineGroup(TyperGroup):
    """Wrong usage is one line, like every other mistake."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run the command that the arguments name, and end with its exit code."""
        try:
            ended = super().main(*args, **{**kwargs, "standalone_mode": False})
        except _UsageError as error:
            message = error.format_message()
            if type(error).__name__ == "NoArgsIsHelpError":
                typer.echo(message, nl=False)  # the help, unless it was printed in colours already
                sys.exit(2)
            told = " ".join(message.replace("Value error, ", "").split()).rstrip(".")
            value = _value_given(error, kwargs.get("args") or sys.argv[1:])
            told += f", found {quote(value)};" if value is not None else "" if told.endswith("?") else ";"
            name = error.ctx.command_path if error.ctx else "auditor"
            typer.echo(f"error: {told} `{name} -h` lists what it takes", err=True)
            sys.exit(2)
        except typer.Abort:
            sys.exit(2)
        sys.exit(ended if isinstance(ended, int) else 0)


app = typer.Typer(
    cls=_OneLineGroup,
    help="Finds the shortcuts that an image classifier learnt from its data, says them in words, and proves them.",
    epilog="First `auditor demo`, which needs nothing; then `auditor run --data FOLDER --model SPEC --out AUDIT`, "
    "and `auditor report AUDIT --format html` or `auditor dashboard AUDIT` to read it. `auditor repair AUDIT` takes a "
    "shortcut out of the model, and `auditor gate AUDIT` decides on a release.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Command = TypeVar("Command", bound=Callable[..., None])

#: Name of the page in the folder of its audit.
HTML_NAME = "report.html"

Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no warnings.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AuditDir = Annotated[Path, typer.Argument(help="Folder of a finished audit.", metavar="DIR")]
MAP_METHODS = f"How maps are drawn: {', '.join(MAP_METHOD_NAMES)}."
#: Of what an audit was made of, for commands that load it again.
ModelAgain = Annotated[str | None, typer.Option(help="Model, where it is no longer the audit's.")]
WeightsAgain = Annotated[Path | None, typer.Option(help="Weights: files that an audit names are given again.")]
PredictionsAgain = Annotated[Path | None, typer.Option(help="Predictions, which an audit names as well.")]
FeaturesAgain = Annotated[Path | None, typer.Option(help="Features, which an audit names as well.")]
DataAgain = Annotated[str | None, typer.Option(help="Data, where it has moved.")]
PreprocessAgain = Annotated[Path | None, typer.Option(help="TOML file: size, crop, mean, std.")]
ClassMapAgain = Annotated[Path | None, typer.Option(help="File that maps labels to outputs.")]
EncoderAgain = Annotated[str | None, typer.Option(help="Encoder, where it is a file or no longer the audit's.")]
VocabularyAgain = Annotated[Path | None, typer.Option(help="Own vocabulary.toml.")]
#: How a manifest is read.
DataRoot = Annotated[
    Path | None, typer.Option(help="Folder that the manifest's paths begin in.", show_default="its own")
]
PathColumn = Annotated[
    str | None, typer.Option(help="Column of the pictures' files.", show_default="found by its name")
]
LabelColumn = Annotated[str | None, typer.Option(help="Column of the classes.", show_default="found by its name")]
#: Given where a file is asked for, it means standard output.
STDOUT = Path("-")
OutputFile = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to this file; - is standard output, as without it.")
]
TrustCode = Annotated[
    bool,
    typer.Option(
        "--trust-code",
        envvar="AUDITOR_TRUST_CODE",
        show_envvar=False,
        help="Allow the code of FILE.py:factory to run, and files that an audit names to be read; "
        "AUDITOR_TRUST_CODE=1 says the same.",
    ),
]


def _tell_version(asked: bool) -> None:
    if asked:
        from auditor.version import auditor_version

        typer.echo(f"auditor {auditor_version()} (Python {platform.python_version()})")
        raise typer.Exit


@app.callback()
def _of_all_commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


def one_line_errors(command: Command) -> Command:
    """Print a user's mistake as one line and exit with 2; the traceback only under ``--debug``."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, force=True)
        logging.disable(logging.WARNING if kwargs.get("quiet") else logging.NOTSET)
        try:
            command(*args, **kwargs)
        except (AuditorError, OSError) as error:
            if kwargs.get("debug"):
                raise
            told = str(error) if isinstance(error, AuditorError) else _of_system(error)
            typer.echo(f"error: {' '.join(told.split())}", err=True)
            raise typer.Exit(2) from error
        except ModuleNotFoundError as error:
            missing = missing_package(command.__name__, error)
            if kwargs.get("debug") or missing is None:
                raise
            typer.echo(f"error: {missing}", err=True)
            raise typer.Exit(2) from error
        except Exception as error:
            if kwargs.get("debug") or not _is_of_duckdb(error):
                raise
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            audit = kwargs.get("audit")
            advice = (
                f"{shlex.join(['auditor', 'verify', str(audit)])} says what is damaged" if audit else "make it again"
            )
            typer.echo(f"error: the audit's file cannot be read ({plain(first, 300)}); {advice}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            goes_on = "what was extracted is kept: the same command with --resume goes on"
            typer.echo(f"interrupted; {goes_on if 'resume' in kwargs else 'no audit was changed'}", err=True)
            raise typer.Exit(2) from error

    return run  # type: ignore[return-value]  # functools.wraps keeps the signature


def _of_system(error: OSError) -> str:
    """What the system refused, on which file, and what to look at."""
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{plain(str(error.filename), 500)}: {error.strerror}; look at the path, the rights and the room on its disk"


def _is_of_duckdb(error: Exception) -> bool:
    """Whether DuckDB raised it, which is not imported where nothing is read."""
    duckdb = sys.modules.get("duckdb")
    return duckdb is not None and isinstance(error, duckdb.Error)


def tell_digest(audit: Path) -> None:
    """The digest of a finished audit on stderr, for whoever is to know later that it is this one."""
    from auditor.store.checksums import DIGEST
    from auditor.store.manifest import read_audit_json

    typer.echo(f"digest of the audit: {read_audit_json(audit).get(DIGEST)}", err=True)


def print_report(audit: Path) -> None:
    """The text report of a finished audit on stdout."""
    from auditor.store.open_audit import open_audit_database
    from reports.formats import ReportFormat

    with open_audit_database(audit) as connection:
        give_report(connection, ReportFormat.text, None)


def write_page(audit: Path) -> Path:
    """The HTML report of a finished audit in its folder."""
    from auditor.store.open_audit import open_audit_database
    from reports.formats import ReportFormat

    page = audit / HTML_NAME
    with open_audit_database(audit) as connection:
        give_report(connection, ReportFormat.html, page)
    return page


def give_report(
    connection: Connection, output_format: ReportFormat, output: Path | None, *, decision: GateDecision | None = None
) -> None:
    """Render an open audit and what the gate decided on it: into ``output``, or on stdout where that is None or "-".

    Text on stdout has the width and the colours of the terminal.
    """
    from reports.formats import ReportFormat, render_report, to_bytes

    if output_format is ReportFormat.text and output in (None, STDOUT):
        from rich.console import Console

        from reports.written.text import print_text

        print_text(connection, Console(), decision=decision)
    else:
        put_out(to_bytes(render_report(output_format, connection, decision=decision)), output)


def put_out(content: bytes, output: Path | None) -> None:
    """Write what a command made into ``output``, or on stdout where that is None or "-"."""
    from reports.formats import write_output

    if output is None or output == STDOUT:
        typer.echo(content, nl=False)
    else:
        write_output(content, output)


def on_terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout.isatty()


def refuse_binary(output: Path, what: str) -> None:
    """A terminal cannot show a binary format.

    Raises:
        InputError: ``output`` is standard output, and that a terminal.
    """
    if output == STDOUT and on_terminal():
        raise InputError(
            f"--output - would write {what}, a binary format, to this terminal; send it on (… -o - > FILE), or give "
            "--output FILE"
        )
