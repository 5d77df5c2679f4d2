"""What was measured of maps and phrases, in reports: a sentence, a table, the page's section, and JSON."""

from __future__ import annotations

import json

import jsonschema
import pytest
from dashboard_page import markup, open_page, words
from html_page import Page
from small_audit import write_small_audit
from typer.testing import CliRunner

from auditor import cli, faithfulness_audit
from auditor.errors import InputError
from auditor.faithfulness.trials import MOVED
from auditor.faithfulness_audit import Faithfulness, measure_faithfulness
from auditor.faithfulness_records import FaithfulnessRow
from auditor.opened_audit import open_audit
from auditor.store.amend import amended
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.page.html_report import render_html
from reports.written.faithfulness import READING, TITLE, faithfulness_line, faithfulness_table
from reports.written.json import SCHEMA_PATH, render_json

ROWS = [
    FaithfulnessRow("class_map", "CAM", "relevance_gain", None, 0.45, 0.35, 0.54, 25),
    FaithfulnessRow("class_map", "CAM", "relevance_gain", MOVED, 0.5, 0.34, 0.66, 25),
    FaithfulnessRow("class_map", "CAM", "likeness_randomised", None, -0.058, -0.16, 0.05, 25),
    FaithfulnessRow("class_map", "<i>", "relevance_gain", None, 0.4, None, None, 1),
    FaithfulnessRow("class_map", "<i>", "relevance_gain", "CAM", -0.05, -0.1, 0.02, 25),
    FaithfulnessRow("simulation", "phrases", "accuracy", None, 0.97, 0.96, 0.98, 2750),
]
LINE = (
    "Maps gain +50 pts [34, 66] over the same map elsewhere (25 pictures); phrases tell 97 % [96, 98] of the calls of "
    "unseen pictures."
)


def audit_with(folder, rows):
    audit = write_small_audit(folder)
    with amended(audit) as connection:
        for row in rows:
            values = [row.kind, row.method, row.measure, row.against, row.value, row.low, row.high, row.n]
            connection.execute("INSERT INTO faithfulness VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return audit


def test_an_audit_that_was_not_measured_says_how_to(tmp_path):
    with open_audit_database(write_small_audit(tmp_path)) as connection:
        assert queries.faithfulness(connection) == []
        page = Page(render_html(connection)).text
        assert json.loads(render_json(connection))["faithfulness"] == []
    assert f"{TITLE} Not measured yet: auditor faithfulness {tmp_path} covers places" in page
    assert faithfulness_line([]) is None


def test_the_sentence_and_the_table():
    assert faithfulness_line(ROWS) == LINE
    assert faithfulness_table(ROWS).splitlines()[:7] == [
        "Maps of the class",
        "  CAM, n = 25",
        "    symmetric relevance gain      45 % [35, 54]; +50 pts [34, 66] against the same map elsewhere",
        "    likeness to shuffled weights  −0.06 [−0.16, 0.05]",
        "  <i>, n = 1",
        "    symmetric relevance gain      40 %; −5 pts [−10, 2] against CAM",
        "Telling the call of unseen pictures",
    ]
    assert "symmetric relevance gain: insertion less deletion; high is good" in faithfulness_table(ROWS)


def test_the_page_has_all_of_it_escaped_and_the_json_every_row(tmp_path):
    with open_audit_database(audit_with(tmp_path, ROWS)) as connection:
        assert queries.faithfulness(connection) == ROWS
        html, report = render_html(connection), json.loads(render_json(connection))
    page = Page(html).text
    assert page.index(TITLE) < page.index(LINE) < page.index(READING) < page.index("How this was made")
    assert "CAM symmetric relevance gain 45 % [35, 54] +50 pts [34, 66] against the same map elsewhere 25" in page
    assert '<th scope="row">&lt;i&gt;</th>' in html
    jsonschema.validate(report, json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))
    assert report["faithfulness"][0] == {
        "kind": "class_map", "method": "CAM", "measure": "relevance_gain", "against": None, "value": 0.45,
        "low": 0.35, "high": 0.54, "n": 25,
    }  # fmt: skip
    assert report["faithfulness"][3]["low"] is None


def test_the_dashboard_has_the_same_part_in_its_overview(tmp_path):
    measured = open_page(audit_with(tmp_path / "measured", ROWS))
    assert not measured.exception
    said = words(measured)
    assert said.index("Classes by severity") < said.index(TITLE) < said.index(LINE) < said.index(READING)
    assert "CAM symmetric relevance gain 45 % [35, 54] +50 pts [34, 66] against the same map elsewhere 25" in said
    assert '<th scope="row">&lt;i&gt;</th>' in markup(measured)
    audit = write_small_audit(tmp_path / "not")
    assert f"{TITLE} Not measured yet: auditor faithfulness {audit} covers places" in words(open_page(audit))


def test_python_has_a_row_for_every_figure(tmp_path):
    frame = open_audit(audit_with(tmp_path, ROWS)).faithfulness
    assert list(frame["value"]) == [row.value for row in ROWS]
    assert frame["low"].isna().tolist() == [row.low is None for row in ROWS]


def test_the_command_prints_text_or_json(tmp_path, monkeypatch):
    audit, asked = write_small_audit(tmp_path), []

    def fake(folder, **options):
        asked.append(options)
        return Faithfulness(tuple(ROWS), 25, ("this model has no maps by attention × value",))

    monkeypatch.setattr(faithfulness_audit, "measure_faithfulness", fake)
    arguments = ["faithfulness", str(audit), "--per-class", "3", "--map-method", "grad_cam", "--quiet"]
    run = CliRunner().invoke(cli.app, arguments)
    assert run.exit_code == 0, run.output
    assert run.stdout.startswith("Maps of 25 pictures were tried.\nMaps of the class\n")
    assert run.stdout.splitlines()[-1] == READING
    assert "note: this model has no maps by attention × value" in run.stderr
    assert (asked[0]["per_class"], asked[0]["map_methods"]) == (3, ["grad_cam"])
    told = json.loads(CliRunner().invoke(cli.app, [*arguments, "--format", "json"]).stdout)
    assert told["n_pictures"] == 25
    assert len(told["rows"]) == len(ROWS)


def test_what_is_wrong_is_one_line_before_any_work(tmp_path):
    audit = write_small_audit(tmp_path)
    run = CliRunner().invoke(cli.app, ["faithfulness", str(audit), "--map-method", "grad_camm"])
    assert (run.exit_code, len(run.stderr.splitlines())) == (2, 1)
    assert "map method 'grad_camm' is not known; did you mean 'grad_cam'?" in run.stderr
    with amended(audit) as connection:
        connection.execute("UPDATE runs SET config = ?", ['{"data": "val", "model": "none", "out": "o"}'])
    with pytest.raises(InputError, match="no model was run for the audit at"):
        measure_faithfulness(audit)
