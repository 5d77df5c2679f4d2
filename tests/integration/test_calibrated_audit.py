"""A small audit of the bundled pictures is calibrated from end to end."""

from __future__ import annotations

import csv
import shutil

import pytest
from PIL import Image

from auditor import calibrate
from auditor.calibrate import calibrate_audit
from auditor.config import AuditConfig
from auditor.errors import InputError, ModelError
from auditor.pipeline import run_audit
from auditor.store.open_audit import open_audit_database
from reports.written.calibration import calibration_line
from reports.written.text import render_text


@pytest.fixture(scope="module")
def calibrated(small_audit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrated") / "audit"
    shutil.copytree(small_audit, folder)
    with open_audit_database(folder) as connection:
        before = connection.execute("SELECT * FROM verdicts ORDER BY class_idx").fetchall()
    features = sorted(path.name for path in (folder / "features").iterdir())
    rows = calibrate_audit(folder, n_heads=1)
    assert sorted(path.name for path in (folder / "features").iterdir()) == features  # nothing was extracted again
    return folder, rows, before


def test_it_plants_in_what_is_free_and_counts(calibrated):
    _, rows, _ = calibrated
    by_measure = {}
    for row in rows:
        by_measure.setdefault(row.measure, []).append(row)
        assert 0 <= row.n_found + row.n_suspect <= row.n
        assert 0 <= row.low <= row.high <= 1
    assert [row.effect for row in by_measure["recall"]] == [0.05, 0.10, 0.20, 0.40]
    assert sum(row.n for row in (*by_measure["recall"], *by_measure["recall_common"])) > 0
    (alarms,) = by_measure["false_alarms"]
    assert alarms.n > 0
    assert alarms.n_found == 0  # heads that rely on nothing


def test_the_audit_keeps_it_and_is_otherwise_the_same(calibrated):
    folder, rows, before = calibrated
    with open_audit_database(folder) as connection:
        assert connection.execute("SELECT count(*) FROM calibrations").fetchone() == (len(rows),)
        assert connection.execute("SELECT * FROM verdicts ORDER BY class_idx").fetchall() == before
        line = calibration_line(connection)
        assert line is not None
        assert line in " ".join(render_text(connection).split())


def test_calibrating_again_replaces_and_repeats_it(calibrated):
    folder, rows, _ = calibrated
    assert calibrate_audit(folder, n_heads=1) == rows
    with open_audit_database(folder) as connection:
        assert connection.execute("SELECT count(*) FROM calibrations").fetchone() == (len(rows),)


def test_deleted_features_are_made_again(calibrated, tmp_path):
    folder, rows, _ = calibrated
    copy = tmp_path / "audit"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("features"))
    assert calibrate_audit(copy, n_heads=1) == rows


def test_pictures_that_have_changed_are_refused(small_audit, sample_manifest, tmp_path):
    data, folder = tmp_path / "data", tmp_path / "audit"
    shutil.copytree(sample_manifest.parent, data)
    shutil.copytree(small_audit, folder)
    with sample_manifest.open(newline="") as file:
        path = min(row["path"] for row in csv.DictReader(file))
    Image.new("RGB", (64, 64)).save(data / path)
    with pytest.raises(InputError, match=f"1 of 300 pictures are not as they were audited .first: '{path}'."):
        calibrate_audit(folder, n_heads=1, data=data / sample_manifest.name)


def test_interrupted_half_way_the_audit_is_as_it_was(small_audit, tmp_path, monkeypatch):
    folder = tmp_path / "audit"
    shutil.copytree(small_audit, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = []
    judge = calibrate.judge

    def interrupted(inputs):
        done.append(judge(inputs))
        if len(done) == 2:
            raise KeyboardInterrupt
        return done[-1]

    monkeypatch.setattr(calibrate, "judge", interrupted)
    with pytest.raises(KeyboardInterrupt):
        calibrate_audit(folder, n_heads=1)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_too_few_pictures_to_plant_anything_are_told(sample_manifest, small_config, tmp_path):
    """Two classes of a dozen pictures: no concept has two arms of ten, so no head can be judged."""
    with sample_manifest.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] in ("cat", "vehicle")]
    few = [row for label in ("cat", "vehicle") for row in [r for r in rows if r["label"] == label][:12]]
    manifest = sample_manifest.with_name("few.csv")
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(few[0]))
        writer.writeheader()
        writer.writerows(few)
    settings = small_config.model_dump() | {"data": manifest, "out": tmp_path / "few", "n_extreme": 12}
    folder = run_audit(AuditConfig(**settings))
    counted = {(row.measure, row.effect): row for row in calibrate_audit(folder, n_heads=1)}
    planted = [row for (measure, _), row in counted.items() if measure.startswith("recall")]
    assert [row.n for row in planted] == [0] * 8
    assert all((row.low, row.high) == (0.0, 1.0) for row in planted)
    assert counted["false_alarms", None].n_found == 0
    with open_audit_database(folder) as connection:
        assert "no class is free enough of reliances to plant one" in calibration_line(connection)
        assert "clean" not in {row[0] for row in connection.execute("SELECT verdict FROM verdicts").fetchall()}


MODEL = """
import torch
from torch import nn
from torchvision import transforms

torch.manual_seed(0)

def build(*head):
    pooled = nn.Sequential(nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    transform = transforms.Compose([transforms.Resize((64, 64)), transforms.ToTensor()])
    return nn.Sequential(*pooled, *head), transform

def one_class():
    module, transform = build(nn.Linear(8, 5))
    with torch.no_grad():
        module[-1].bias.copy_(torch.tensor([50.0, 0, 0, 0, 0]))
    return module, transform

def deep():
    return build(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 5))
"""


@pytest.mark.parametrize("factory", ["one_class", "deep"])
def test_heads_that_cannot_be_planted_in_well_are_counted_not_crashed_on(
    factory, sample_manifest, small_config, tmp_path
):
    """A model that calls everything one class; and one whose head is not linear, planted in at its last layer."""
    (tmp_path / "model.py").write_text(MODEL)
    changes = {"model": f"{tmp_path / 'model.py'}:{factory}", "trust_code": True, "out": tmp_path / "audit"}
    settings = small_config.model_dump() | changes | {"n_extreme": 12, "max_images_per_class": 24}
    folder = run_audit(AuditConfig(**settings))
    with pytest.raises(ModelError, match="--trust-code"):  # what the audit says of trust does not count
        calibrate_audit(folder, n_heads=1)
    rows = {(row.measure, row.effect): row for row in calibrate_audit(folder, n_heads=1, trust_code=True)}
    assert len(rows) == 12
    assert all(row.n_found + row.n_suspect <= row.n for row in rows.values())
    assert rows["false_alarms", None].n_found == 0
    with open_audit_database(folder) as connection:
        assert (calibration_line(connection) or "").startswith("Calibrated: ")
