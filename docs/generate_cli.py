"""Write docs/cli.md from the commands themselves: ``python docs/generate_cli.py``."""

from __future__ import annotations

import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from auditor.cli import app

CLI_PAGE = Path(__file__).with_name("cli.md")
_HEADER = """\
# Command line

Made by `python docs/generate_cli.py` from the commands themselves; changes belong into `auditor/cli/`.

`auditor --version` prints the version, `-h` the help of any command; `python -m auditor` is the same program where
`auditor` is not on the PATH. `auditor --install-completion` lets the shell complete commands and options (bash, zsh,
fish, PowerShell; a new shell has it), `auditor --show-completion` prints what that would install.

Results go to stdout, progress and warnings to stderr. In a terminal progress is a bar for each stage with the time
left; elsewhere, as in a log of CI, a line every 30 seconds; `--quiet` leaves both out. `--output` (`-o`) takes a
file, and `-` for stdout; what is binary (`auditor explain -o -`) is not written onto a terminal.

Exit codes: 0 done, 1 a gate found something, 2 bad usage, bad input or failure. A mistake is one line; `--debug`
shows where it was raised. The options of `auditor run` can stand in `auditor.toml` as well (`auditor init` writes one
with every setting explained); a flag wins, and a message of `auditor run` names both.

`auditor run --dry-run` loads and checks everything, times a few batches of the data's own pictures on this machine,
and says what would be done, how long the pictures would take and how much room they need. It writes nothing: no
audit, no cache.
"""


def commands() -> dict[str, Any]:
    """Every command by its words after ``auditor``, in the order of the help page."""
    found: dict[str, Any] = {}

    def walk(words: tuple[str, ...], group: Any) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk((*words, name), command)
            else:
                found[" ".join((*words, name))] = command

    walk((), typer.main.get_command(app))
    return found


def value_name(annotation: Any) -> str:
    """What an option takes: "" for a switch, else PATH, N, TEXT or the values to choose from."""
    kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    if isinstance(annotation, types.UnionType) and kinds:
        annotation = kinds[0]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(member.value) for member in annotation)
    return {bool: "", int: "N", float: "X", Path: "PATH"}.get(annotation, "TEXT")


def render_page() -> str:
    """The text of docs/cli.md."""
    return "\n".join([_HEADER, *(_section(name, command) for name, command in commands().items())])


def _section(name: str, command: Any) -> str:
    hints = typing.get_type_hints(command.callback)
    arguments = [param for param in command.params if not param.opts[0].startswith("-")]
    options = [param for param in command.params if param.opts[0].startswith("-")]
    needed = [f"{_option(param, hints[param.name])}" for param in options if param.required]
    usage = " ".join(["auditor", name, *(_argument(param) for param in arguments), *needed, "[OPTIONS]"])
    lines = [f"## auditor {name}", "", str(command.help).strip(), "", "```text", usage, "```", ""]
    lines += [f"- `{_argument(param)}`: {param.help}" for param in arguments]
    lines += [f"- `{_names(param, hints[param.name])}`: {param.help}{_default(param)}" for param in options]
    return "\n".join([*lines, ""])


def _argument(param: Any) -> str:
    return str(param.metavar or param.name).upper()


def _option(param: Any, annotation: Any) -> str:
    return f"{param.opts[0]} {value_name(annotation)}".strip()


def _names(param: Any, annotation: Any) -> str:
    return ", ".join([*param.opts[1:], _option(param, annotation)])


def _default(param: Any) -> str:
    if param.required:
        return " Required."
    if isinstance(param.show_default, str):
        return f" Default: {param.show_default}."
    if param.default is None or param.default is False:
        return ""
    return f" Default: `{param.default.value if isinstance(param.default, Enum) else param.default}`."


if __name__ == "__main__":
    CLI_PAGE.write_text(render_page(), encoding="utf-8")
