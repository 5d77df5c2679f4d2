"""The overview on hand-made audits: what it counts, filters, folds and links."""

import os

import duckdb
import pytest
from dashboard_page import links, markup, open_page, words
from hostile_audit import NAMES, write_hostile_audit
from small_audit import make_run, write_small_audit

from auditor.gate.decision import GateDecision, GateItem
from auditor.records import Verdict
from auditor.release.evidence import read_evidence
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.dashboard.finding_cards import finding_cards, worst_classes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("overview") / "audit")


def write_verdicts(folder, rows):
    run = make_run(class_names=tuple(row.class_name for row in rows))
    with AuditDatabase(folder) as database:
        database.add_run(run)
        database.add_verdicts(rows)
    write_manifest(folder, run)
    return folder


def clean(idx, name):
    return Verdict(idx, name, "clean", "none", None, None, None, "Nothing passes.", 20, detectable_effect=0.06)


def test_the_only_audit_opens_with_its_counts_and_worst_classes(folder):
    page = open_page(folder)
    assert not page.exception
    said = words(page)
    assert "2 of 4 classes are flagged" in said
    assert "cat may rest on water (your settings: cats swim here, by Ann); else it would be tested, for E1." in said
    assert "▲ 2 flagged ◆ 1 suspect ● 1 clean ○ 1 not analysed" in said
    assert "65 pts [58, 71] of 3,622 pictures" in said
    assert "landbird ◆ suspect · medium water (scene) 20 % 10 pts [−5, 25] 1" in said
    assert "1 class clean: cat" in said


def test_every_class_is_a_link(folder):
    page = open_page(folder)
    for name in ("waterbird", "landbird", "vehicle", "boat", "cat"):
        assert f"?audit=audit&view=class&class={name}" in links(page)


def test_filters_come_from_the_url_and_show_in_the_widgets(folder):
    page = open_page(folder, verdict="flagged", kind="artifact", find="veh")
    assert not page.exception
    rows = words(page).partition("Classes by severity")[2]
    assert "vehicle ▲ flagged" in rows
    assert "waterbird" not in rows
    assert page.text_input(key="find").value == "veh"
    assert page.button_group(key="verdicts").value == ["flagged"]
    assert page.button_group(key="kinds").value == ["artifact"]


def test_widgets_change_the_url(folder):
    page = open_page(folder)
    page.text_input(key="find").set_value("boat").run()
    assert page.query_params["find"] == "boat"
    page.button_group(key="verdicts").set_value(["suspect", "not_analysed"]).run()
    assert page.query_params["verdict"] == "suspect,not_analysed"
    rows = words(page).partition("Classes by severity")[2]
    assert "boat ○ not analysed" in rows
    assert "landbird" not in rows


def test_going_back_brings_the_widgets_back(folder):
    page = open_page(folder, find="boat")
    del page.query_params["find"]
    page.run()
    assert page.text_input(key="find").value == ""
    assert "landbird" in words(page).partition("Classes by severity")[2]


def test_no_class_left_says_how_to_see_them_again(folder):
    page = open_page(folder, find="no such class")
    assert "No class is left by these filters" in words(page)
    assert "?audit=audit" in links(page)


def test_a_column_sorts(folder):
    page = open_page(folder, sort="class")
    rows = words(page).partition("Pictures boat")[2]
    assert rows.index("cat") < rows.index("landbird") < rows.index("vehicle") < rows.index("waterbird")
    assert 'aria-sort="ascending"' in markup(page)


def test_clean_classes_fold_into_one_line(tmp_path):
    rows = [Verdict(0, "bad", "flagged", "high", "water", "water", "scene", "Relies.", 9, 0.4, 0.3, 0.2, 0.4)]
    write_verdicts(tmp_path / "a", rows + [clean(number, f"clean-{number:02}") for number in range(1, 41)])
    said = words(open_page(tmp_path / "a"))
    assert "40 classes clean: clean-01 , clean-02 , " in said
    assert "clean-24 and 16 more." in said
    assert "a gap of 6 pts would have been seen" in said
    assert "clean-40 ● clean" in words(open_page(tmp_path / "a", verdict="clean"))


def test_nothing_flagged_says_what_would_have_been_seen(tmp_path):
    write_verdicts(tmp_path / "a", [clean(0, "cat"), clean(1, "dog")])
    said = words(open_page(tmp_path / "a"))
    assert "None of 2 classes is flagged" in said
    assert "a gap of 6 pts or more" in said


def test_an_empty_audit_says_so(tmp_path):
    write_verdicts(tmp_path / "a", [])
    page = open_page(tmp_path / "a")
    assert not page.exception
    assert "No class was audited" in words(page)


def test_many_classes_come_by_page(tmp_path):
    rows = [
        Verdict(idx, f"class-{idx:03}", "flagged", "high", "water", "water", "scene", "Relies.", 9, 0.4, 0.3, 0.2, 0.4)
        for idx in range(120)
    ]
    write_verdicts(tmp_path / "a", rows)
    page = open_page(tmp_path / "a", page="3")
    assert "page 3 of 3" in words(page)
    assert "class-119" in words(page)
    assert "class-050" not in words(page)
    assert "?audit=a&page=2" in links(page)


def test_the_first_of_the_matrix_stands_below_the_classes(folder):
    page = open_page(folder)
    assert "5 classes × 1 concept · the whole matrix" in words(page)
    assert "?audit=audit&view=matrix&class=waterbird&concept=water&among=without" in links(page)


def test_names_stay_text(tmp_path):
    page = open_page(write_hostile_audit(tmp_path / "a"))
    assert not page.exception
    drawn = markup(page)
    assert "<script" not in drawn
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in drawn
    assert any(name.startswith("[link]") for name in NAMES)
    assert 'href="https://example.org' not in drawn


def test_the_decision_comes_first_and_leads_to_the_review(folder, tmp_path):
    page = open_page(folder, baseline=tmp_path / "baseline.toml")
    said = words(page)
    assert "✕ Do not ship 2 findings, none accepted; 1 class could not be judged." in said
    assert said.index("Do not ship") < said.index("2 of 4 classes are flagged")
    assert "?audit=audit&view=review" in links(page)
    page = open_page(folder, baseline=tmp_path / "baseline.toml", read_only=True)
    assert "✕ Do not ship" in words(page)
    assert not [url for url in links(page) if "view=review" in url]


def test_a_finding_has_its_two_bars_and_the_ways_on(folder, tmp_path):
    page = open_page(folder, baseline=tmp_path / "baseline.toml")
    said = words(page).partition("waterbird ▲ flagged")[2].partition("vehicle")[0]
    assert "without water 31 % with water 96 %" in said or "with water 96 % without water 31 %" in said
    assert "Relies on water (scene). Accept Evidence Pictures" in said
    assert "auditor repair" in said
    for url in (
        "?audit=audit&view=review&class=waterbird&concept=water",
        "?audit=audit&view=class&class=waterbird",
        "?audit=audit&view=pictures&class=waterbird&concept=water&among=without",
    ):
        assert url in links(page)


def test_bars_of_another_comparison_than_the_gap_are_not_drawn(tmp_path):
    write_small_audit(tmp_path / "a")
    with duckdb.connect(str(tmp_path / "a" / "audit.duckdb")) as connection:
        connection.execute(
            "UPDATE verdicts SET gap = 0.8, gap_low = 0.7, gap_high = 0.9 WHERE class_name = 'waterbird'"
        )
    with open_audit_database(tmp_path / "a") as connection:
        (verdict,) = [one for one in queries.verdicts(connection) if one.class_name == "waterbird"]
        (card,) = finding_cards(connection, [verdict])
    assert card.arms == ()


def test_what_stops_the_release_comes_before_what_is_only_suspected(tmp_path):
    rows = [
        Verdict(0, "first", "flagged", "high", "water", "water", "scene", "Relies.", 9, 0.4, 0.3, 0.2, 0.4),
        Verdict(1, "second", "suspect", "high", "water", "water", "scene", "Open.", 9, 0.4, 0.3, 0.2, 0.4),
    ]
    items = (GateItem("second", "water", "water", "scene", "suspect", "high", "f" * 64, "new", "error", "suspect"),)
    assert worst_classes(GateDecision(1, "fails", items), rows, 3) == [1, 0]
    assert worst_classes(None, rows, 1) == [0]


def test_a_broken_baseline_is_one_line_and_the_rest_stays(folder, tmp_path):
    (tmp_path / "baseline.toml").write_text("[[accepted]\n")
    page = open_page(folder, baseline=tmp_path / "baseline.toml")
    assert not page.exception
    assert "baseline.toml" in words(page).partition("Cannot tell")[2]
    assert "2 of 4 classes are flagged" in words(page)


def test_what_the_gate_asks_of_an_audit_is_read_once_and_again_when_it_is_another(tmp_path, monkeypatch):
    asked = []

    def counted(connection, policy):
        asked.append(policy)
        return read_evidence(connection, policy)

    monkeypatch.setattr("reports.dashboard.standing.read_evidence", counted)
    audit = write_small_audit(tmp_path / "audit")
    baseline = tmp_path / "baseline.toml"
    assert "Do not ship" in words(open_page(audit, baseline=baseline))
    baseline.write_text("nonsense = 1\n")  # what is there now counts, whatever was read before
    assert "nonsense" in words(open_page(audit, baseline=baseline))
    baseline.unlink()
    open_page(audit, baseline=baseline, view="review")
    assert len(asked) == 1
    os.utime(audit / "audit.json", ns=(1, 1))  # as an audit that was made again in its place
    open_page(audit, baseline=baseline)
    assert len(asked) == 2


def test_a_column_that_no_class_fills_is_not_there(folder, tmp_path):
    """A place has no words and no gap of its own: with it alone both columns were empty."""
    place = Verdict(
        0, "van", "flagged", "high", "place-x", "top edge", "place", "Rests on it.", 20, claim="Rests on it."
    )
    bare = open_page(write_verdicts(tmp_path / "bare", [place, clean(1, "cat")]))
    assert "Class Verdict ↓ Leading concept Pictures" in words(bare).replace("Verdict Leading", "Verdict ↓ Leading")
    full = words(open_page(folder))
    assert "Leading concept Words Gap [95 %] Pictures" in full


def test_nothing_to_review_has_no_link_to_a_review(folder, tmp_path):
    shipped = write_verdicts(tmp_path / "clean", [clean(0, "cat")])
    assert "Review the findings" not in words(open_page(shipped))
    assert "Review the findings" in words(open_page(folder))
