"""Audits of the bundled pictures and an environment with the wheels, made once a test session: they take long."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo_runs import Demo
from made_once import made_once
from wheels import build, install, run

from auditor.config import AuditConfig
from auditor.models.bundled import bundled_path


@pytest.fixture(scope="session")
def demo(alone: Path, for_all_workers: Path) -> Demo:
    """``auditor demo`` as the two wheels alone run it, without the checkout; not to be changed."""
    printed = for_all_workers / "demo.txt"

    def make(folder: Path) -> None:
        said = run(alone / "venv" / "bin" / "auditor", "demo", "--out", folder, cwd=alone)
        printed.write_text(said, encoding="utf-8")

    return Demo(made_once(for_all_workers / "demo", make), printed.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def releases(demo: Demo, for_all_workers: Path) -> tuple[Path, Path]:
    """Two releases on the same pictures: the planted and the balanced classifier on the planted set."""

    def make(folder: Path) -> None:
        from auditor.pipeline import run_audit  # loads torch

        data, cache = bundled_path("planted", "manifest.csv"), demo.folder / "cache"
        run_audit(AuditConfig(data=data, model="sample:balanced", encoder="sample", out=folder, cache=cache))

    return demo.folder / "planted", made_once(for_all_workers / "releases" / "balanced", make)


@pytest.fixture(scope="session")
def wheel(for_all_workers: Path) -> Path:
    """The wheel of auditor."""
    return _built(Path(__file__).parents[2], for_all_workers / "dist")


@pytest.fixture(scope="session")
def data_wheel(for_all_workers: Path) -> Path:
    """The wheel of the sample data."""
    return _built(Path(__file__).parents[2] / "sample_data", for_all_workers / "data-dist")


def _built(source: Path, folder: Path) -> Path:
    (built,) = made_once(folder, lambda folder: build(source, folder)).glob("*.whl")
    return built


@pytest.fixture(scope="session")
def alone(wheel: Path, data_wheel: Path, for_all_workers: Path) -> Path:
    """A folder with a new environment ``venv``, in which are both wheels and not the checkout."""
    return made_once(for_all_workers / "alone", lambda folder: install(folder, wheel, data_wheel))
