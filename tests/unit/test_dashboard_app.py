import json
import shutil

import pytest
from dashboard_page import links, markup, open_page, words
from hostile_audit import NAMES, write_hostile_audit
from picture_audit import write_picture_audit
from small_audit import make_run, write_small_audit

from reports.dashboard.address import Place
from reports.dashboard.app import _title
from reports.dashboard.audits import find_audits


@pytest.fixture
def folder(tmp_path):
    write_small_audit(tmp_path / "old", make_run(created_at="2025-01-01T00:00:00+00:00"))
    write_small_audit(tmp_path / "new", make_run(created_at="2025-06-01T00:00:00+00:00", counts={"flagged": 2}))
    return tmp_path


def test_several_audits_are_listed_first(folder):
    page = open_page(folder)
    assert not page.exception
    assert "2025-06-01 00:00 UTC · sample:planted · val" in words(page)
    assert "▲ 2 flagged" in words(page)
    assert [url for url in links(page) if "audit=" in url] == [
        "?audit=new", "?audit=new&other=old&view=compare", "?audit=old",
    ]  # fmt: skip


def test_no_audit_says_what_to_do(tmp_path):
    page = open_page(tmp_path)
    assert not page.exception
    assert "No audit here" in words(page)
    assert "auditor demo" in words(page)
    assert str(tmp_path) in words(page)


def test_the_chosen_one_can_be_compared_with_the_others(folder):
    page = open_page(folder, view="audits", audit="new")
    assert "?audit=new&other=old&view=compare" in links(page)


def test_an_audit_that_is_not_there_is_told(folder):
    page = open_page(folder, audit="gone", view="class")
    assert not page.exception
    assert "The audit gone cannot be opened" in words(page)


def test_an_incomplete_audit_says_why(folder):
    (folder / "new" / "audit.json").unlink()
    page = open_page(folder, audit="new")
    assert not page.exception
    assert "--resume" in words(page)
    assert "not finished" in words(page)


def test_a_broken_address_is_told_and_the_page_shown(folder):
    page = open_page(folder, view="audits", page="x")
    assert not page.exception
    assert "page='x': expected a page from 1" in words(page)


def test_a_damaged_table_is_one_line(folder):
    manifest = json.loads((folder / "new" / "audit.json").read_text())
    (folder / "new" / "audit.json").write_text(json.dumps({**manifest, "run_id": "another"}))
    page = open_page(folder, audit="new")
    assert not page.exception
    assert "has not the digest that it names" in words(page)


def test_an_audit_made_again_is_offered(folder):
    page = open_page(folder, audit="new", view="audits")
    page.query_params["view"] = "overview"
    page.run()
    shutil.rmtree(folder / "new")
    write_small_audit(folder / "new", make_run(run_id="run-2", created_at="2025-07-01T00:00:00+00:00"))
    page.run()
    assert "This audit was made again" in words(page)
    page.button[0].click().run()
    assert "This audit was made again" not in words(page)
    assert not page.exception


def test_a_view_that_fails_leaves_the_page(folder, monkeypatch):
    def fail(connection):
        raise ValueError("secret details")

    monkeypatch.setattr("auditor.store.queries.audit.verdicts", fail)
    page = open_page(folder, audit="new")
    assert not page.exception
    drawn = "".join(element.proto.body for element in page.get("html"))
    assert "This view failed" in drawn
    assert "secret details" not in drawn
    assert "view=search" in drawn


def test_names_cannot_break_out(tmp_path):
    audit = write_hostile_audit(tmp_path / "<b>x<b>")
    write_small_audit(tmp_path / "other")
    page = open_page(tmp_path, view="audits")
    assert not page.exception
    assert "<b>x" not in markup(page)
    assert "&lt;b&gt;x" in markup(page)
    assert NAMES[14].split()[0] in words(page)
    assert audit.exists()


def test_the_tab_says_what_it_shows_and_links_keep_the_class(folder):
    page = open_page(folder, audit="new", view="class", class_="waterbird")
    assert "?audit=new&view=pictures&class=waterbird" in links(page)
    assert "?audit=new&view=confusion&class=waterbird" in links(page)
    place, _ = Place.read({"audit": "new", "view": "class", "class": "waterbird"})
    chosen = next(one for one in find_audits([folder]) if one.key == "new")
    assert _title(place, chosen) == "waterbird · Class · new · auditor"
    assert _title(place, None) == "Audits · auditor"


def test_without_a_model_there_is_nothing_of_one(tmp_path):
    write_picture_audit(tmp_path / "a", 2, model=False)
    page = open_page(tmp_path / "a")
    assert not page.exception
    assert "No model was examined" in words(page)
    for view in ("matrix", "confusion", "groups", "history", "review"):
        assert not [url for url in links(page) if f"view={view}" in url]
    assert "Gap [95 %]" not in words(page)
    assert "Class ↓ Verdict" not in words(page)
    assert "0 flagged" not in words(page)
    assert "not analysed" not in words(page).partition("Classes and what goes with them")[2]
    assert [pills.key for pills in page.button_group] == []  # one verdict is nothing to filter by
    assert "bird 0 water (scene) 94 % 94 % 3,622" in words(page)  # 3,410 of its 3,622 pictures, and of the others'
    page = open_page(tmp_path / "a", view="class", class_="bird 1")
    assert not page.exception
    assert page.button_group(key="among").options == ["without water", "with water", "all"]
    said = words(page)
    assert "Right with it" not in said
    assert "the model is wrong" not in said
