"""The verdicts "harmed" and "not shown" in every report: an audit that has one of each."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import jsonschema
import pytest
import small_audit

from auditor.records import VERDICTS
from auditor.store.database import AuditDatabase
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from auditor.store.queries.leads import leads
from reports.display import VERDICT_SHAPES, VERDICT_WORDS
from reports.page.html_report import headline, render_html
from reports.what_now import what_now
from reports.written.github import render_github
from reports.written.json import SCHEMA_PATH, json_report
from reports.written.junit import render_junit
from reports.written.markdown import render_markdown
from reports.written.model_card import render_model_card
from reports.written.sarif import render_sarif
from reports.written.text import render_text

HARMED = "With water (scene) it recognises 38 % of landbirds instead of 96 %."
NOT_SHOWN = "Nothing was found, but these pictures could only have shown a gap of 56 points."


def changed(verdict):
    if verdict.class_name == "landbird":
        told = {"sentence": HARMED, "claim": HARMED, "numbers": "", "advice": ""}
        numbers = {"gap": -0.58, "gap_low": -0.7, "gap_high": -0.4, "effect": 0.58, "effect_low": 0.4}
        rule = {"rule_id": "E4-harm", "effect_high": 0.7, "agreeing_rule_id": "E3-harm"}
        return replace(verdict, verdict="harmed", severity="high", **told, **numbers, **rule)
    if verdict.verdict == "clean":
        told = {"sentence": NOT_SHOWN, "claim": NOT_SHOWN, "numbers": "", "advice": ""}
        return replace(verdict, verdict="not_shown", **told)
    return verdict


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    verdicts = small_audit.verdicts
    with pytest.MonkeyPatch.context() as patch, AuditDatabase(folder) as database:
        patch.setattr(small_audit, "verdicts", lambda: [changed(verdict) for verdict in verdicts()])
        run = small_audit.make_run()
        small_audit.fill(database, run)
    small_audit.write_manifest(folder, run)
    with open_audit_database(folder) as connection:
        yield connection


def test_worst_come_first_and_all_are_counted(connection):
    found = [verdict.verdict for verdict in queries.verdicts(connection)]
    assert found == sorted(found, key=VERDICTS.index)
    assert found == ["flagged", "flagged", "harmed", "not_analysed", "not_shown"]
    counts = queries.verdict_counts(connection)
    assert (counts.harmed, counts.suspect, counts.not_shown, counts.analysed) == (1, 0, 1, 4)
    assert set(VERDICT_SHAPES) == set(VERDICT_WORDS) == set(VERDICTS)
    assert len(set(VERDICT_SHAPES.values())) == len(VERDICTS)


def test_text(connection):
    report = render_text(connection)
    assert "▽ landbird · severity high" in report
    assert "decided by E4-harm, loss of recall; E3-harm agrees" in report
    assert "◐ cat" in report
    assert NOT_SHOWN.split(",")[0] in report
    assert "4 classes analysed, 2 flagged, 1 harmed, 1 not shown; 1 not analysed" in report
    assert ": clean." not in report


def test_advice_is_to_collect_pictures_with_it(connection):
    (harmed,) = [verdict for verdict in queries.verdicts(connection) if verdict.verdict == "harmed"]
    advice = what_now(harmed, leads(connection)[harmed.class_idx])
    assert advice == 'train with more pictures of "landbird" with water; or accept it in the baseline, with a reason'
    assert what_now(replace(harmed, verdict="suspect"), None) == (
        'collect more pictures of "landbird" with water, then audit again: it stays open until then'
    )


def test_html(connection):
    page = render_html(connection).replace("\u00a0", " ")
    assert '<h2 id="not-shown-title">Not shown</h2>' in page
    assert "they are not clean" in page
    assert 'id="clean"' not in page
    assert '<p class="big">58 pts <small>[40, 70]' in page
    assert page.count(f'<p class="claim">{HARMED}') == 1
    assert (
        headline(queries.VerdictCounts(harmed=1, clean=1), no_model=False)
        == "None of 2 classes is flagged, 1 is harmed"
    )
    assert headline(queries.VerdictCounts(not_shown=2), no_model=False) == (
        "None of 2 classes is flagged, 2 could not be shown to be clean"
    )


def test_json_fits_its_schema(connection):
    report = json_report(connection)
    jsonschema.validate(report, json.loads(SCHEMA_PATH.read_text("utf-8")))
    assert (report["counts"]["harmed"], report["counts"]["not_shown"], report["counts"]["clean"]) == (1, 1, 0)


def test_what_ci_shows(connection):
    cases = {case.get("name"): case for case in ElementTree.fromstring(render_junit(connection)).iter("testcase")}
    assert not list(cases["landbird"].iter("failure")) + list(cases["cat"].iter("failure"))
    assert HARMED in "".join(cases["landbird"].itertext())
    levels = {result["message"]["text"].split(",")[0]: result["level"] for result in results(render_sarif(connection))}
    assert (levels["landbird"], levels["cat"]) == ("warning", "note")
    assert [one["ruleId"] for one in results(render_sarif(connection))].count("not-shown") == 1
    lines = render_github(connection).splitlines()
    assert lines[2].startswith("::warning title=landbird%3A harmed::")
    assert any(line.startswith("::notice title=cat%3A not shown::") for line in lines)
    assert lines[-1] == "4 classes analysed, 2 flagged, 1 harmed, 0 suspect, 1 not shown, 1 not analysed"


def results(sarif):
    return json.loads(sarif)["runs"][0]["results"]


def test_markdown_and_model_card(connection):
    assert "2 flagged · 1 harmed · 0 suspect · 1 not shown · 0 clean · 1 not analysed" in render_markdown(connection)
    card = render_model_card(connection)
    assert "Expect errors where these come with the class:" in card
    assert "Nothing was shown, on too few pictures of the right sort to call these clean:" in card
    assert "No shortcut was found for" not in card
