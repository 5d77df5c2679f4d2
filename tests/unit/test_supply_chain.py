"""What is taken from others: packages by hash, actions by commit, and a bill of all of it."""

import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from importlib.metadata import version
from pathlib import Path

import pytest
from hatchling.build import build_editable
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements-gate.lock", "requirements.lock", "requirements-test.lock")
_LOCKED = re.compile(r"^(\S+==\S+)(?: ; [^\\]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def pins(path):
    """Versions by name, of a file of pins with or without hashes."""
    found = [Requirement(line.partition(" ")[0]) for line in path.read_text().splitlines() if re.match(r"\w", line)]
    return {canonicalize_name(one.name): str(one.specifier) for one in found}


def declared():
    """Names that the gate needs, those that an audit needs as well, and those of the extras for the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return [
        {canonicalize_name(Requirement(text).name) for text in texts} - {"auditor"}
        for texts in (project["dependencies"], extras["reports"] + extras["run"], extras["test"] + extras["offline"])
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_a_version_with_its_hashes(name):
    text = (ROOT / name).read_text()
    assert _LOCKED.sub("", text).strip() == ""
    assert len(_LOCKED.findall(text)) == len(pins(ROOT / name))
    assert "://" not in text  # no index, no file of some machine


def test_the_locks_hold_what_is_declared_in_the_versions_that_are_tested():
    tested, gate, core, all_of_it = (pins(ROOT / name) for name in ("constraints.txt", *LOCKS))
    for_the_gate, for_audits, for_tests = declared()
    assert for_the_gate | {"hatchling"} <= gate.keys()
    assert not for_audits & gate.keys()
    assert for_audits <= core.keys()
    assert for_tests <= all_of_it.keys()
    assert gate.items() <= core.items() <= all_of_it.items()
    # What only the build of torch with CUDA or another system needs is in no list of what is installed here.
    assert {name: pin for name, pin in all_of_it.items() if name in tested} == {
        name: pin for name, pin in tested.items() if name in all_of_it
    }


@pytest.mark.slow
def test_a_checkout_is_installed_with_what_the_locks_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setitem(sys.modules, "editables", None)  # hatchling asks for it, unless it is told the folders
    with zipfile.ZipFile(tmp_path / build_editable(str(tmp_path))) as wheel:
        assert wheel.read("_auditor.pth").decode() == str(ROOT)


def test_every_action_is_pinned_by_commit_with_its_version_beside_it():
    pages = [ROOT / "action.yml", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    used = [
        line.strip()
        for page in pages
        for line in page.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(- )?uses: ", line)
    ]
    assert len(used) >= 6
    loose = [line for line in used if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)]
    # Where this repository lives, and which commit its release is, only its readers know.
    assert [line.partition(" #")[0] for line in loose] == ["- uses: OWNER/auditor@COMMIT"]


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / ".ci" / "sbom.py"))


def test_the_bill_names_all_that_is_needed_once(script):
    bill = script["bill"]()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "auditor"
    versions = {one["name"]: one["version"] for one in bill["components"]}
    assert len(versions) == len(bill["components"])
    for_the_gate, for_audits, _ = declared()
    assert for_the_gate | for_audits <= versions.keys()
    assert versions["duckdb"] == version("duckdb")
    assert "pytest" not in versions
    references = {one["bom-ref"] for one in [bill["metadata"]["component"], *bill["components"]]}
    assert {one["ref"] for one in bill["dependencies"]} == references
    assert {one for each in bill["dependencies"] for one in each["dependsOn"]} <= references
    assert bill == script["bill"]()


class Package:
    """An installed package with these requirements."""

    def __init__(self, name, *requires, **metadata):
        self.requires, self.version, self.metadata = list(requires), "1.0+cpu", Message()
        self.metadata["Name"] = name
        for key, value in metadata.items():
            self.metadata[key.replace("_", "-")] = value


def test_needs_are_followed_by_marker_and_extra(script, monkeypatch):
    world = {
        "a": Package(
            "a",
            "B_b[x]>=1",
            "never; python_version < '3'",
            "never; extra == 'test'",
            "a[more]; extra == 'own'",
            "d; extra == 'more'",
        ),
        "b-b": Package("B_b", "c; extra == 'x'", "never; extra == 'y'"),
        "c": Package("c", "a"),  # in a circle
        "d": Package("d"),
    }
    monkeypatch.setitem(script["needed"].__globals__, "distribution", world.__getitem__)
    assert script["needed"]("a", "own") == {"a": {"b-b", "d"}, "b-b": {"c"}, "c": {"a"}, "d": set()}
    assert script["reference"]("b-b") == "pkg:pypi/b-b@1.0%2Bcpu"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"License_Expression": "MIT", "License": "x"}, [{"expression": "MIT"}]),
        ({"License": "BSD"}, [{"license": {"name": "BSD"}}]),
        ({"License": "line\nline", "Classifier": "License :: OSI Approved :: MIT"}, [{"license": {"name": "MIT"}}]),
        ({"Classifier": "License :: OSI Approved"}, None),
        ({}, None),
    ],
)
def test_licences_are_told_as_the_package_says_them(script, monkeypatch, metadata, expected):
    package = Package("a", **metadata)
    monkeypatch.setitem(script["component"].__globals__, "distribution", {"a": package}.__getitem__)
    assert script["component"](package).get("licenses") == expected


def test_a_package_that_is_missing_is_named(script, monkeypatch):
    def distribution(name):
        if name == "gone":
            raise script["PackageNotFoundError"](name)
        return Package("a", "gone")

    monkeypatch.setitem(script["needed"].__globals__, "distribution", distribution)
    with pytest.raises(SystemExit, match="error: a needs gone, which is not installed"):
        script["needed"]("a", "")


# --- known vulnerabilities ----

UNTOLD = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (1)"}
BAD = {
    "name": "c",
    "version": "2",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}, {"id": "GHSA-2", "fix_versions": []}],
}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, ["no known vulnerability of 1 packages"]),
        ([BAD], 1, ["c 2: PYSEC-1, mended in 3", "c 2: GHSA-2, mended in none yet"]),
        (
            [{"name": "a", "version": "1", "vulns": []}, UNTOLD],
            3,
            [f"NOT CHECKED for known vulnerabilities: 1 of 2 packages ({UNTOLD['skip_reason']})"],
        ),
        (None, 3, ["NOT CHECKED for known vulnerabilities: ERROR: no network"]),
    ],
)
def test_an_index_that_does_not_answer_does_not_pass_for_one_without_vulnerabilities(
    tmp_path, capsys, packages, code, said
):
    (tmp_path / "answer.json").write_text(json.dumps({"dependencies": packages}))
    write = "" if packages is None else f'cp "{tmp_path}/answer.json" "${{@: -1}}"'
    (tmp_path / "pip-audit").write_text(f"#!/bin/bash\n{write}\necho 'ERROR: no network' >&2\nexit 1\n")
    (tmp_path / "pip-audit").chmod(0o755)
    main = runpy.run_path(str(ROOT / ".ci" / "vulnerabilities.py"))["main"]
    assert main(str(tmp_path / "pip-audit")) == code
    assert capsys.readouterr().out.splitlines() == said
    assert main(str(tmp_path / "nowhere")) == 3


@pytest.mark.parametrize(
    ("found", "demanded", "ends"),
    [(0, "", 0), (1, "", 0), (1, "1", 1), (3, "", 0), (3, "1", 3), (0, "1", 0), (None, "", 0), (None, "1", 3)],
)
def test_the_checks_end_with_what_is_known_and_say_where_nobody_could_be_asked(tmp_path, found, demanded, ends):
    """``found`` is what the question ends with; None: pip-audit cannot be installed."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_bytes((ROOT / ".ci" / "run").read_bytes())
    programs = {
        "bin/make": f"echo make $1; [ $1 = test ] || exit {int(found is None)}",
        "venv/tools/bin/python": f"exit {found}",
    }
    for name, line in programs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"#!/bin/bash\n{line}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "VENV": "venv"}
    done = subprocess.run(
        ["bash", tmp_path / ".ci" / "run"],
        check=False,
        capture_output=True,
        text=True,
        env=environment | {"AUDITOR_CHECK_VULNERABILITIES": demanded},
    )
    assert done.returncode == ends
    assert done.stdout.splitlines()[0] == "make venv/tools"
    assert ("make test" in done.stdout) == (ends == 0)
    assert ("NOT CHECKED" in done.stdout) == (found is None)
