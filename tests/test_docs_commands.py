"""Every command that the documentation shows is one that the command line takes, with its options and their values."""

from __future__ import annotations

import argparse
import importlib
import sys
import typing
from typing import Any

import pytest
import typer
from test_docs import COMMANDS, generate_cli
from written_commands import PAGES, ROOT, Written, written_commands

#: Of the click that Typer stands on.
_UsageError: Any = typer.BadParameter.__base__
WRITTEN = [one for page in PAGES for one in written_commands(page)]
#: Without a command, these are all of a call.
_ALONE = {"--version", "--help", "-h", "--install-completion", "--show-completion"}


def problem(one: Written) -> str | None:
    """Why the command line refuses a command; None where it takes it."""
    if one.program != "auditor":
        return _problem_of_benchmark(one)
    name = next((name for name in COMMANDS if list(one.words[: len(name.split())]) == name.split()), None)
    if name is None:
        alone = one.words[:1] in [(word,) for word in (*_ALONE, "cache")] or one.words[0].startswith(("…", "..."))
        return None if alone else f"no command {one.words[0]!r}"
    command = COMMANDS[name]
    given = list(one.words[len(name.split()) :])
    if _ALONE & set(given):
        return None
    try:
        command.make_context(f"auditor {name}", given if one.whole else _filled(command, given))
    except _UsageError as error:
        missing = type(error).__name__ == "MissingParameter"
        return None if missing and not one.whole else str(error.format_message())
    return None


def _filled(command: Any, given: list[str]) -> list[str]:
    """The words of a form such as `report DIR [--format text|json] …`, with a value for what is left open."""
    hints = typing.get_type_hints(command.callback)
    takes = {opt: generate_cli.value_name(hints[param.name]) for param in command.params for opt in param.opts}
    of_first = generate_cli.value_name(hints[command.params[0].name])  # what an argument such as NAME may be
    filled: list[str] = []
    for word in (raw.strip("[],;.") or "…" for raw in given if raw != "[OPTIONS]"):
        kind = takes.get(filled[-1], "") if filled else ""
        if not filled and "|" in of_first and word.isupper():
            filled.append(of_first.partition("|")[0])
        elif not kind:
            filled += [] if word == "…" else [word.partition("|")[0]]
        elif "|" in kind and ("…" in word or set(word.split("|")) <= set(kind.split("|"))):
            filled.append(kind.partition("|")[0])
        else:
            filled.append("1" if "…" in word or word.isupper() else word)
    if filled and (kind := takes.get(filled[-1], "")):
        filled.append(kind.partition("|")[0] if "|" in kind else "1")
    return filled


class _ParsedError(Exception):
    """The arguments of a benchmark were taken."""


def _problem_of_benchmark(one: Written) -> str | None:
    module = importlib.import_module(one.program)
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{one.program}.__main__")
    given = [word.strip("…[]") for word in one.words]
    real = argparse.ArgumentParser.parse_args

    def parse(parser: argparse.ArgumentParser, *arguments: Any) -> None:
        real(parser, *arguments)
        raise _ParsedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse)
        patch.setattr(argparse.ArgumentParser, "error", lambda _, message: (_ for _ in ()).throw(ValueError(message)))
        patch.setattr(sys, "argv", [one.program, *[word for word in given if word]])
        try:
            module.main()
        except _ParsedError:
            return None
        except ValueError as error:
            return None if "are required" in str(error) and not one.whole else str(error)
    return "it did not read its arguments"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_command_line_takes_what_a_page_shows(page):
    refused = [(one.text, said) for one in WRITTEN if one.page == page and (said := problem(one)) is not None]
    assert refused == []


def test_commands_are_found_wherever_they_stand(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Say `auditor gate DIR\n--strict`, or\n\n"
        "    X=1 .venv/bin/auditor verify DIR > log.txt   # all files\n"
        "    cat a | auditor rules E4\n\n"
        "```yaml\n- run: auditor run --data val\n    --out audit\n```\n"
        "```bash\npython -m benchmarks.planted --seeds 0:1 \\\n  --grid toy\n```\n",
        encoding="utf-8",
    )
    found = {(one.program, one.words, one.whole) for one in written_commands(page)}
    assert found == {
        ("auditor", ("gate", "DIR", "--strict"), False),
        ("auditor", ("verify", "DIR"), True),
        ("auditor", ("rules", "E4"), True),
        ("auditor", ("run", "--data", "val", "--out", "audit"), True),
        ("benchmarks.planted", ("--seeds", "0:1", "--grid", "toy"), True),
    }


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("auditor gate DIR --strickt", "No such option"),
        ("auditor gates DIR", "no command 'gates'"),
        ("auditor report DIR --format pdf", "'pdf' is not one of"),
        ("auditor run --jobs many", "should be a valid integer"),
        ("auditor repair DIR", "Missing option"),
        ("python -m benchmarks.planted --seeds 0:1 --grind toy", "unrecognized arguments"),
    ],
)
def test_a_wrong_command_is_found_out(command, said, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```bash\n{command}\n```\n", encoding="utf-8")
    (one,) = written_commands(page)
    assert said.lower() in str(problem(one)).lower()
