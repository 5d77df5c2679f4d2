"""The two wheels alone, without the checkout: they hold what they should, and the demo runs from them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from wheels import run

from auditor.store.open_audit import open_audit_database

ROOT = Path(__file__).parents[2]
WANTED = {
    "auditor/py.typed",
    "reports/py.typed",
    "auditor/settings_template.toml",
    "auditor/inputs/vocabulary.toml",
    "reports/written/report.schema.json",
    "reports/diff/diff.schema.json",
    "reports/rule_pages/E1.md",
}
WANTED_DATA = {
    "auditor/sample_data/truth.json",
    "auditor/sample_data/encoder/weights.safetensors",
    "auditor/sample_data/planted/manifest.csv",
    "auditor/sample_data/balanced/manifest.csv",
}


def test_it_holds_the_packages_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
        metadata = archive.read(next(n for n in names if n.endswith("/METADATA"))).decode()
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"auditor", "reports"}
    assert len(top) == 3
    assert not [name for name in names if re.search(r"(^|/)(tests?|conftest|__pycache__)(/|_|\.)", name)]
    assert names >= WANTED
    committed = {p.relative_to(ROOT).as_posix() for package in ("auditor", "reports") for p in _sources(package)}
    assert committed <= names
    assert "auditor = auditor.cli:main" in entry_points
    assert "License-Expression: Apache-2.0" in metadata
    assert wheel.stat().st_size < 2_000_000


def test_the_other_one_holds_the_sample_data_and_nothing_else(data_wheel):
    with zipfile.ZipFile(data_wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names >= WANTED_DATA
    data = ROOT / "sample_data" / "data"
    assert names == {f"auditor/sample_data/{p.relative_to(data).as_posix()}" for p in data.rglob("*") if p.is_file()}


def _sources(package: str) -> list[Path]:
    return [p for p in (ROOT / package).rglob("*") if p.is_file() and "__pycache__" not in p.parts]


def test_it_comes_from_the_new_environment(alone):
    code = "import auditor, reports, importlib.util as u; print(auditor.__file__, reports.__file__, u.find_spec('{}'))"
    where = run(alone / "venv" / "bin" / "python", "-c", code.format("sample_data"), cwd=alone).split()
    assert all(Path(path).is_relative_to(alone / "venv") for path in where[:2]), where
    assert where[2] == "None"  # the code that renders the sample data is no part of it


def test_its_demo_read_the_installed_pictures(alone, demo):
    """What it found is asked in test_demo.py."""
    for name in ("planted", "balanced", "stamped"):
        with open_audit_database(demo.folder / name) as connection:
            ((data,),) = connection.execute("SELECT data_path FROM runs").fetchall()
        assert Path(data).is_relative_to(alone / "venv"), name
