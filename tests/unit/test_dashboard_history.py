"""The history view: every finding over the releases that there are, and a count of those that are not told."""

import pytest
from dashboard_page import links, markup, open_page, words
from small_audit import make_run, write_small_audit


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """Two releases, the same audit as a copy under another name, and what a run left of one."""
    folder = tmp_path_factory.mktemp("releases")
    write_small_audit(folder / "b", make_run(run_id="run-2", created_at="2025-03-01T00:00:00Z"))
    write_small_audit(folder / "a", make_run(created_at="2025-01-01T00:00:00Z"))
    write_small_audit(folder / "unfinished")
    (folder / "unfinished" / "audit.json").unlink()
    return folder


def test_findings_stand_by_the_day_of_the_releases_with_their_gaps(releases):
    page = open_page(releases, view="history", audit="b")
    assert not page.exception
    said = words(page)
    assert "#1 a: " in said
    assert "#2 b: " in said
    assert said.index("#1 a: ") < said.index("#2 b: ")
    assert "gap of recall" in said
    assert "1 audit of 3 not told: unfinished, damaged, without a model, of a later auditor, or there twice" in said
    assert f"auditor history {releases / 'b'} {releases / 'a'} --format json" in said
    assert '<span class="ci"' in markup(page)


def test_a_verdict_leads_to_the_class_in_its_release(releases):
    found = [link for link in links(open_page(releases, view="history", audit="b")) if "view=class&" in link]
    assert found
    assert {link.partition("&")[0] for link in found} == {"?audit=a", "?audit=b"}


def test_only_classes_of_the_name_asked_for(releases):
    page = open_page(releases, view="history", audit="b", find="no such")
    assert not page.exception
    assert "No class of that name has a finding" in words(page)
    page.text_input[0].set_value("").run()
    assert "find" not in page.query_params
    assert "No class of that name" not in words(page)


def test_one_audit_has_a_history_of_one(tmp_path):
    page = open_page(write_small_audit(tmp_path / "only"), view="history")
    assert not page.exception
    assert "in 1 release" in words(page)
    assert "not told" not in words(page)


def test_audits_of_other_data_do_not_stand_in_its_rows(tmp_path):
    """Another data set has the same classes: its releases are folded, and its rows are a table of their own."""
    write_small_audit(tmp_path / "a", make_run(created_at="2025-01-01T00:00:00Z"))
    elsewhere = {"data_digest": "f" * 64, "data_path": "elsewhere"}
    write_small_audit(tmp_path / "b", make_run(run_id="run-2", created_at="2025-03-01T00:00:00Z", **elsewhere))
    page = open_page(tmp_path, view="history", audit="b")
    assert not page.exception
    assert "1 release on other data" in words(page)
    assert "On other data, which the open audit cannot be held against: 1 release On elsewhere, digest" not in words(
        page
    )
    assert "held against: 1 release On val, digest dddddddd" in words(page)
    tables = markup(page).split("<table>")[1:]
    assert tables
    assert len(tables) % 2 == 0
    for mine, other in zip(tables[::2], tables[1::2], strict=True):
        assert "#2" in mine
        assert "#1" not in mine
        assert "#1" in other
        assert "#2" not in other
