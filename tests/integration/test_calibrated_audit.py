"""A small audit of the bundled pictures is calibrated from end to end."""

from __future__ import annotations

import shutil

import pytest

from auditor.calibrate import calibrate_audit
from auditor.store.database import open_audit_database
from reports.calibration import calibration_line
from reports.text import render_text


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
