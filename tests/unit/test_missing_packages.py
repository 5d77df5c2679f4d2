"""What a small install lacks is told in one line, and every package that is imported stands in one of three lists."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from auditor.cli.app import one_line_errors
from auditor.cli.missing_packages import REPORTS, RUN, missing_package

ROOT = Path(__file__).parents[2]
SAID = "is not installed, which this needs and the gate alone does not: pip install"
#: Packages that are not called what is imported, or come with another one.
PACKAGES = {
    "PIL": "pillow",
    "faiss": "faiss-cpu",
    "huggingface_hub": "open-clip-torch",
    "markupsafe": "jinja2",
    "open_clip": "open-clip-torch",
    "pillow_heif": "pillow-heif",
    "pydantic_core": "pydantic",
    "sklearn": "scikit-learn",
    "starlette": "streamlit",
    "vl_convert": "vl-convert-python",
}


def declared(extra=None):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(text).name) for text in texts} - {"auditor"}


def imported():
    """Top names of all that the two packages import, wherever in a file that stands (a script in a string is data)."""
    files = [*(ROOT / "auditor").rglob("*.py"), *(ROOT / "reports").rglob("*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}
    return {name.partition(".")[0] for name in found} - sys.stdlib_module_names - {"auditor", "reports"}


def packages(names):
    return {PACKAGES.get(name) or canonicalize_name(name) for name in names}


def test_every_package_is_declared_where_its_import_is_listed():
    assert packages(REPORTS) == declared("reports")
    assert packages(RUN) == declared("run")
    assert imported() | {"timm"} > REPORTS | RUN  # timm is looked for by its name
    asked_for = set().union(*(declared(extra) for extra in ("offline", "heic", "ray", "remote")))
    assert packages(imported() - REPORTS - RUN) - asked_for == declared()


@pytest.mark.parametrize(
    ("command", "module", "expected"),
    [
        ("diff", "scipy.special", f"scipy {SAID} 'auditor[reports]'"),
        ("report", "PIL", f"PIL {SAID} 'auditor[reports]'"),
        ("run", "numpy", f"numpy {SAID} 'auditor[run]'"),
        ("gate", "torch", f"torch {SAID} 'auditor[run]'"),
        ("run", "somebodys_layers", None),
        ("run", None, None),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_with_what_installs_it(command, module, expected):
    assert missing_package(command, ModuleNotFoundError("No module", name=module)) == expected


def test_a_command_ends_with_the_line_and_two(capsys):
    @one_line_errors
    def diff(debug: bool) -> None:
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")

    with pytest.raises(typer.Exit) as ended:
        diff(debug=False)
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == f"error: numpy {SAID} 'auditor[reports]'\n"
    with pytest.raises(ModuleNotFoundError):
        diff(debug=True)
