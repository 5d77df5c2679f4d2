"""Shared by all tests: the bundled sample data in small, and one audit of it per worker."""

from __future__ import annotations

import csv
import logging
import os
import shutil
import sys
from pathlib import Path

import pytest
from made_once import made_once

from auditor.config import AuditConfig
from auditor.models.bundled import bundled_path

_HERE = Path(__file__).parent
_MAIN = sys.modules["__main__"]
#: Whole folders that ``make quick`` runs; what is slow among their tests is marked there.
_QUICK = ("unit", "property")
#: Files of minutes: they go first, or one worker would be busy with the last of them while the other has nothing to do.
#: Before others of its folder ask for the demo, it is made: else both workers would come to it at once, and one wait.
_LONG = ("test_photos.py", "test_demo.py", "test_benchmarks.py", "test_planted_grid.py", "test_photographs_audit.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of every other folder run commands, audits or a browser: all of them are slow, and a few are long."""
    for item in items:
        if item.path.relative_to(_HERE).parts[0] not in _QUICK:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: _LONG.index(item.path.name) if item.path.name in _LONG else len(_LONG))


def copy_sample(name: str, folder: Path, per_class: int) -> Path:
    """The first ``per_class`` pictures of every class of a bundled set, with their manifest."""
    source = bundled_path(name, "manifest.csv")
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    taken: dict[str, int] = {}
    kept = []
    for row in rows:
        taken[row["label"]] = taken.get(row["label"], 0) + 1
        if taken[row["label"]] <= per_class:
            kept.append(row)
            target = folder / row["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.parent / row["path"], target)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return folder / "manifest.csv"


@pytest.fixture(autouse=True)
def process_as_it_was() -> None:
    """A command with ``--quiet`` silences the whole process, and ``AppTest`` leaves its script as ``__main__``.

    In a test the process goes on, and one that is started from it would run that script.
    """
    logging.disable(logging.NOTSET)
    sys.modules["__main__"] = _MAIN


@pytest.fixture(scope="session")
def sample_manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 pictures of the planted set."""
    return copy_sample("planted", tmp_path_factory.mktemp("sample"), per_class=60)


@pytest.fixture(scope="session")
def encoder_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedding cache that the tests of a worker share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def small_config(sample_manifest: Path, encoder_cache: Path) -> AuditConfig:
    """Settings of an audit that takes seconds; ``out`` is to be replaced."""
    return AuditConfig(
        data=sample_manifest,
        model="sample:planted",
        encoder="sample",
        out=Path("unset"),
        n_extreme=30,
        cache=encoder_cache,
    )


@pytest.fixture(scope="session")
def small_audit(small_config: AuditConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished audit of 300 pictures; not to be changed."""
    from auditor.pipeline import run_audit  # unit tests need neither the pipeline nor torch

    out = tmp_path_factory.mktemp("audit") / "small"
    return run_audit(small_config.model_copy(update={"out": out}))


@pytest.fixture(scope="session")
def for_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is the same for every worker of this test session, and no other's."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "for-all"


@pytest.fixture(scope="session")
def planted_features(for_all_workers: Path) -> Path:
    """Features of the whole planted set: copied into the folder of an audit, ``resume`` goes on from there."""

    def make(folder: Path) -> None:
        from auditor.pipeline import extract, load_inputs  # loads torch

        config = AuditConfig(
            data=bundled_path("planted", "manifest.csv"),
            model="sample:planted",
            encoder="sample",
            out=folder,
            cache=folder.with_name("planted-cache"),
        )
        extract(config, load_inputs(config))

    return made_once(for_all_workers / "planted", make) / "features"
