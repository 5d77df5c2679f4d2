"""What is taken from others: packages by hash, actions by commit, and a bill of all of it."""

import re
import runpy
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
