"""An audit whose class map swaps two outputs: said in run, report, rejudge and doctor, and no such class is praised."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from auditor.cli import app
from auditor.config import AuditConfig

NOTICE = "labels and outputs look swapped: "


@pytest.fixture(scope="module")
def class_map(sample_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every label to its output, but for two that are exchanged."""
    with sample_manifest.open(newline="") as file:
        labels = sorted({row["label"] for row in csv.DictReader(file)})
    path = tmp_path_factory.mktemp("map") / "classes.csv"
    exchanged = {labels[0]: labels[1], labels[1]: labels[0]}
    path.write_text("label,output\n" + "".join(f"{label},{exchanged.get(label, label)}\n" for label in labels))
    return path


def auditor(*arguments: object) -> Result:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    return done


def test_run_report_and_rejudge(small_config: AuditConfig, class_map: Path, tmp_path: Path):
    data = ("--data", small_config.data, "--model", "sample:planted", "--encoder", "sample", "--class-map", class_map)
    few = ("--n-extreme", 10, "--max-images-per-class", 25, "--no-properties", "--no-thumbnails")
    done = auditor("run", *data, *few, "--out", tmp_path / "a", "--cache", small_config.cache, "--quiet")
    assert " ".join(done.stdout.split()).count(NOTICE) == 1
    auditor("rejudge", tmp_path / "a", "--out", tmp_path / "b", "--quiet")
    for folder in ("a", "b"):
        report = json.loads(auditor("report", tmp_path / folder, "--format", "json").stdout)
        (notice,) = [one for one in report["run"]["notices"] if one.startswith(NOTICE)]
        assert "2 classes are called what they are labelled" in notice
        assert len([one for one in report["classes"] if "look swapped" in one["sentence"]]) == 2


@pytest.mark.parametrize("swapped", [True, False])
def test_doctor(small_config: AuditConfig, class_map: Path, swapped: bool):
    given = ("--class-map", class_map) if swapped else ()
    data = ("--data", small_config.data, "--cache", small_config.cache, "--max-images-per-class", 20)
    done = auditor("doctor", *data, "--encoder", "sample", "--model", "sample:planted", *given, "--quiet")
    assert "% of 100 labelled pictures are called what they are labelled" in done.stdout
    assert done.stdout.count(NOTICE) == swapped
