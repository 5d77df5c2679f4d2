"""The HTML page of a hundred flagged classes: small enough to mail, and every class has pictures."""

from __future__ import annotations

import sys
from pathlib import Path

from auditor.store.open_audit import open_audit_database
from reports.page.html_report import html_parts

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from picture_audit import write_picture_audit


def test_a_hundred_classes_of_noise_stay_under_ten_megabytes(tmp_path):
    # noise is the hardest picture to keep small; whatever the pictures, charts and text take the same
    with open_audit_database(write_picture_audit(tmp_path, 100)) as connection:
        first, matrix, *sections, last = html_parts(connection)
    assert len(sections) == 100
    assert sum(len(part.encode()) for part in (first, matrix, *sections, last)) <= 10_000_000
    assert "left out to keep the page under 10 MB" in last
    assert min(section.count("<img ") for section in sections) >= 4
