"""What was calibrated, in reports: one line, a table, and JSON."""

from __future__ import annotations

import json

import jsonschema
import pytest
from html_page import Page
from small_audit import write_small_audit

from auditor.calibration_records import CalibrationRow
from auditor.store.amend import amended
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.page.html_report import render_html
from reports.written.calibration import READING, calibration_line, calibration_table
from reports.written.json import SCHEMA_PATH, render_json
from reports.written.markdown import escape, render_markdown
from reports.written.text import render_text

ROWS = [
    CalibrationRow("recall", 0.2, 10, 3, 1, 0.067, 0.652),
    CalibrationRow("recall_common", 0.2, 10, 9, 0, 0.555, 0.997),
    CalibrationRow("recall_common", 0.4, 10, 10, 0, 0.692, 1.0),
    CalibrationRow("false_alarms", None, 60, 0, 2, 0.0, 0.06),
    CalibrationRow("beside", None, 0, 0, 0, 0.0, 1.0),
]
LINE = (
    "Calibrated: of reliances of 20 points planted in this model, this audit finds 9 of 10 [56, 100 %] where the "
    "concept is in half of the class's pictures and 3 of 10 [7, 65 %] in the pictures as they are; false alarms 0 of "
    "60 [0, 6 %]."
)


def audit_with(folder, rows):
    audit = write_small_audit(folder)
    with amended(audit) as connection:
        for row in rows:
            values = [row.measure, row.effect, row.n, row.n_found, row.n_suspect, row.low, row.high]
            connection.execute("INSERT INTO calibrations VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    return audit


def test_an_audit_that_was_not_calibrated_says_nothing_of_it(tmp_path):
    with open_audit_database(write_small_audit(tmp_path)) as connection:
        assert queries.calibrations(connection) == []
        assert calibration_line(connection) is None
        assert "Calibrated" not in render_text(connection)
        assert json.loads(render_json(connection))["calibration"] == []


def test_one_line_in_the_text_and_all_rows_in_the_json(tmp_path):
    with open_audit_database(audit_with(tmp_path, ROWS)) as connection:
        assert queries.calibrations(connection) == ROWS
        assert calibration_line(connection) == LINE
        assert LINE in " ".join(render_text(connection).split())
        report = json.loads(render_json(connection))
    jsonschema.validate(report, json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))
    assert report["calibration"][0] == {
        "measure": "recall", "effect": 0.2, "n": 10, "n_found": 3, "n_suspect": 1, "low": 0.067, "high": 0.652,
    }  # fmt: skip
    assert report["calibration"][3]["effect"] is None


def test_markdown_and_page_tell_it_with_how_to_read_it(tmp_path):
    with open_audit_database(audit_with(tmp_path, ROWS)) as connection:
        text, markdown, page = render_text(connection), render_markdown(connection), Page(render_html(connection)).text
    assert READING in " ".join(text.split())
    assert f"> {escape(LINE)} {escape(READING)}" in markdown
    assert page.index(LINE) < page.index(READING) < page.index("How this was made")
    table = "found, pictures as they are 20 points 3 of 10 [7, 65 %], 1 suspect"
    assert table in page
    assert "false alarms: classes beside a planted one – no such head could be made" in page


def test_a_page_without_it_says_how_to_get_it(tmp_path):
    with open_audit_database(write_small_audit(tmp_path)) as connection:
        page, markdown = Page(render_html(connection)).text, render_markdown(connection)
    assert f"Not counted yet: auditor calibrate {tmp_path} plants reliances of known size" in page
    assert READING not in page
    assert "Calibrated" not in markdown


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (
            [CalibrationRow("recall", 0.2, 0, 0, 0, 0.0, 1.0), ROWS[3]],
            "no class is free enough of reliances to plant one; false alarms 0 of 60 [0, 6 %].",
        ),
        (
            [ROWS[1]],
            "of reliances of 20 points planted in this model, this audit finds 9 of 10 [56, 100 %] where the concept "
            "is in half of the class's pictures.",
        ),
    ],
)
def test_what_could_not_be_made_is_not_told_as_a_figure(tmp_path, rows, line):
    with open_audit_database(audit_with(tmp_path, rows)) as connection:
        assert calibration_line(connection) == f"Calibrated: {line}"


def test_the_table_has_a_line_for_every_count():
    lines = calibration_table(ROWS).splitlines()
    assert lines[0].split("  ")[0] == "found, pictures as they are"
    assert lines[0].endswith("20 points 3 of 10 [7, 65 %], 1 suspect")
    assert lines[3].endswith("0 of 60 [0, 6 %], 2 suspect")
    assert lines[4].endswith("no such head could be made")
