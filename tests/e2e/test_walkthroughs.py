"""The walk-throughs of the documentation, command by command, with what they say is printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_runs import Demo

from auditor.models.bundled import bundled_path

ROOT = Path(__file__).parents[2]
#: The audits that the pages make with ``auditor run``, by which of the fixtures they are.
MADE = {"audits/candidate": "planted", "audits/release-1": "planted", "audits/release-2": "balanced"}


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """Fenced blocks as (language, text), in order."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    yield from re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def as_printed(line: str, printed: str) -> bool:
    """Whether a line of the page was printed; … stands for anything within the line."""
    pattern = r"[^\n]*".join(re.escape(part.strip()) for part in line.split("…"))
    return re.search(rf"^\s*{pattern}\s*$", printed, re.MULTILINE) is not None


@pytest.fixture
def workplace(tmp_path: Path, demo: Demo, releases: tuple[Path, Path]) -> Path:
    """A checkout with the audits already made, so that ``auditor run --resume`` finds them up to date."""
    by_name = {"planted": releases[0], "balanced": releases[1]}
    for out, name in MADE.items():
        shutil.copytree(by_name[name], tmp_path / "made" / out, ignore=shutil.ignore_patterns("features"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "auditor").symlink_to(demo.folder / "cache")
    data = bundled_path("planted", "manifest.csv")
    program(
        tmp_path / "bin" / "auditor",
        'if [ "$1" = run ]; then',
        '  out="${@: -1}"',  # the pages give it last
        '  mkdir -p "$(dirname "$out")" && mv "made/$out" "$out"',
        rf'  set -- "${{@/sample_data\/data\/planted\/manifest.csv/{data}}}" --resume',
        "fi",
        f'exec {sys.executable} -m auditor.cli "$@"',
    )
    program(tmp_path / "bin" / "python", f'exec {sys.executable} "$@"')
    return tmp_path


def program(path: Path, *lines: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["#!/bin/bash", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PYTHONUTF8": "1",
        "COLUMNS": "160",
    }
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
        env=environment,
    )


@pytest.mark.parametrize("page", ["audit-before-deployment.md", "gate-a-release.md"])
def test_a_walk_through_goes_as_it_says(page, workplace):
    printed, n_commands = "", 0
    made = {path.parent.name: path.stat().st_mtime_ns for path in (workplace / "made").rglob("audit.duckdb")}
    for language, text in blocks(page):
        if language in ("toml", "python"):
            name = re.match(r"# (\S+)\n", text)
            assert name is not None, text
            (workplace / name[1]).write_text(text, encoding="utf-8")
        elif language == "bash":
            printed = ""
            for line in text.splitlines():
                expected = re.search(r"# exit code (\d)$", line)
                done = run(line, workplace)
                assert done.returncode == int(expected[1] if expected else 0), (line, done.stdout, done.stderr)
                # the fixture's audit was made under another name
                printed += done.stdout.replace("against 'planted'", "against 'release-1'")
                n_commands += 1
        else:
            assert language == "text"
            assert [line for line in text.splitlines() if not as_printed(line, printed)] == [], printed
    assert n_commands >= 7
    used = {path.parent.name: path.stat().st_mtime_ns for path in (workplace / "audits").rglob("audit.duckdb")}
    assert used
    assert used.items() <= made.items()  # each was up to date for the command of the page


def test_printed_lines_are_compared_as_they_stand():
    printed = "a table   x\n  a line of words that ends\n"
    assert as_printed("a table … x", printed)
    assert as_printed("  a line … ends", printed)
    assert not as_printed("a line", printed)
    assert not as_printed("table … x", printed)
    assert not as_printed("words … y", printed)
