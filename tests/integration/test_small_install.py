"""The commands that the small install has, in a process that finds nothing but its packages."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
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
main()
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


def run(folder: Path, *arguments: object, extra: str = "") -> subprocess.CompletedProcess[str]:
    allowed = modules_of(extra) | {"auditor", "reports"}
    return subprocess.run(
        [sys.executable, "-c", f"allowed = {allowed!r}{FINDS_NOTHING_ELSE}", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("form", ["text", "json", "markdown", "junit", "sarif", "github", "model-card"])
def test_the_gate_decides_and_tells_in_every_format_but_the_page(small_audit, tmp_path, form):
    (tmp_path / "policy.toml").write_text('fail_on = ["flagged", "suspect"]\nmay_skip = ["*"]\n', encoding="utf-8")
    done = run(tmp_path, "gate", small_audit, "--format", form, "--output", "told")
    assert (done.returncode, done.stderr) == (1, "")
    assert (tmp_path / "told").stat().st_size > 100


@pytest.mark.parametrize("command", ["report", "verify", "rules", "--help", "export"])
def test_reading_needs_nothing_else(small_audit, tmp_path, command):
    arguments = {"report": [small_audit], "verify": [small_audit], "export": [small_audit, "--output", "tables"]}
    done = run(tmp_path, command, *arguments.get(command, []))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("diff", "AUDIT", "AUDIT"), 0),
        (("history", "AUDIT"), 0),
        (("history", "AUDIT", "--format", "html", "--output", "page.html"), 0),
        (("report", "AUDIT", "--format", "html", "--output", "page.html"), 0),
        (("gate", "AUDIT", "--against", "COPY"), 2),  # it is the same audit
    ],
)
def test_comparing_and_the_page_need_the_extra_reports(small_audit, tmp_path, command, code):
    shutil.copytree(small_audit, tmp_path / "copy")
    given = {"AUDIT": small_audit, "COPY": tmp_path / "copy"}
    done = run(tmp_path, *(given.get(word, word) for word in command), extra="reports")
    assert done.returncode == code
    assert "not installed" not in done.stderr
    assert "Traceback" not in done.stderr


def test_what_needs_more_says_what_installs_it_in_one_line(small_audit, tmp_path):
    for arguments, package, extra in (
        (["diff", small_audit, small_audit], "numpy", "reports"),
        (["history", small_audit], "numpy", "reports"),
        (["report", small_audit, "--format", "html", "--output", "page.html"], "numpy", "reports"),
        (["gate", small_audit, "--against", small_audit], "numpy", "reports"),
        (["run", "--data", "val", "--model", "timm:resnet18", "--out", "out"], "numpy", "run"),
        (["demo", "--out", "out"], "numpy", "run"),
        (["rejudge", small_audit, "--out", "out"], "numpy", "run"),
    ):
        done = run(tmp_path, *arguments)
        assert done.returncode == 2
        line = f"error: {package} is not installed, which this needs and the gate alone does not: pip install"
        assert done.stderr == f"{line} 'auditor[{extra}]'\n"
