"""The commands that the small install has, in a process that finds nothing but its packages."""

from __future__ import annotations

import functools
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

FINDS_NOTHING_ELSE = """
import sys
from importlib.machinery import PathFinder

class Only(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        top = name.partition(".")[0]
        built_in = top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        return super().find_spec(name, path, target) if built_in or top.lstrip("_") in allowed else None

sys.meta_path = [Only if finder is PathFinder else finder for finder in sys.meta_path]
from auditor.cli import main
for words in commands:
    sys.argv = ["auditor", *words]
    try:
        main()
    except SystemExit as end:
        print("ended with", end.code, file=sys.stderr)
"""


@functools.cache
def modules_of(extra: str) -> set[str]:
    """Modules of what pyproject.toml needs with an extra, "" for none, and of what that needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [*project["dependencies"], *project["optional-dependencies"].get(extra, [])]
    found: set[str] = set()
    while waiting:
        one = Requirement(waiting.pop())
        name = canonicalize_name(one.name)
        if name not in found and (one.marker is None or one.marker.evaluate({"extra": ""})):
            found.add(name)
            waiting += distribution(name).requires or []
    assert len(found) < 35
    homes = packages_distributions()
    return {module for module, names in homes.items() if {canonicalize_name(name) for name in names} <= found}


def run(folder: Path, *commands: list[object], extra: str = "") -> list[str]:
    """Run the commands one after the other in one process; gives what they wrote to stderr, with their exit codes."""
    allowed, words = modules_of(extra) | {"auditor", "reports"}, [[str(word) for word in one] for one in commands]
    done = subprocess.run(
        [sys.executable, "-c", f"allowed, commands = {allowed!r}, {words!r}\n{FINDS_NOTHING_ELSE}"],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.stderr.splitlines()


def test_the_gate_decides_and_tells_in_every_format_but_the_page(small_audit, tmp_path):
    (tmp_path / "policy.toml").write_text('fail_on = ["flagged", "suspect"]\nmay_skip = ["*"]\n', encoding="utf-8")
    formats = ["text", "json", "markdown", "junit", "sarif", "github", "model-card"]
    told = run(tmp_path, *(["gate", small_audit, "--format", form, "--output", form] for form in formats))
    assert told == ["ended with 1"] * len(formats)
    assert all((tmp_path / form).stat().st_size > 100 for form in formats)


def test_reading_needs_nothing_else(small_audit, tmp_path):
    reading = [["report", small_audit], ["verify", small_audit], ["rules"], ["--help"]]
    reading.append(["export", small_audit, "--output", "tables"])
    assert run(tmp_path, *reading) == ["ended with 0"] * len(reading)


def test_comparing_and_the_page_need_the_extra_reports(small_audit, tmp_path):
    page = ["--format", "html", "--output", "page.html"]
    comparing = [["diff", small_audit, small_audit], ["history", small_audit], ["history", small_audit, *page]]
    comparing.append(["report", small_audit, *page])
    assert run(tmp_path, *comparing, extra="reports") == ["ended with 0"] * len(comparing)
    (said, ended) = run(tmp_path, ["gate", small_audit, "--against", small_audit], extra="reports")
    assert "are the same audit" in said
    assert ended == "ended with 2"


def test_what_needs_more_says_what_installs_it_in_one_line(small_audit, tmp_path):
    needing = {
        "reports": [
            ["diff", small_audit, small_audit],
            ["history", small_audit],
            ["report", small_audit, "--format", "html", "--output", "page.html"],
            ["gate", small_audit, "--against", small_audit],
        ],
        "run": [
            ["run", "--data", "val", "--model", "timm:resnet18", "--out", "out"],
            ["demo", "--out", "out"],
            ["rejudge", small_audit, "--out", "out"],
        ],
    }
    for extra, commands in needing.items():
        line = "error: numpy is not installed, which this needs and the gate alone does not: pip install"
        assert run(tmp_path, *commands) == [f"{line} 'auditor[{extra}]'", "ended with 2"] * len(commands)
