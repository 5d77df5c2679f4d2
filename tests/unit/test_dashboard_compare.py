"""The compare view: what it refuses, what it tells, and a class in both releases."""

from __future__ import annotations

import pytest
from dashboard_page import links, markup, open_page, words
from hostile_audit import write_hostile_audit
from small_audit import make_run, write_small_audit

from benchmarks import big_audit, big_world
from benchmarks.big_audit import write_big_audit
from reports.dashboard.release_pair import CHANGES


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """A drawn audit and the next release, in which every other shortcut is gone and two are new."""
    folder = tmp_path_factory.mktemp("releases")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(big_audit, "N_CHANNELS", 32)
        patched.setattr(big_world, "CHUNK", 1000)
        for release in (0, 1):
            name = f"release-{release}"
            write_big_audit(folder / name, n_images=4000, n_classes=10, n_concepts=40, release=release)
    return folder


def test_without_a_second_audit_it_says_how_to_give_one(tmp_path):
    page = open_page(write_small_audit(tmp_path / "a"), view="compare")
    assert not page.exception
    assert "Nothing to compare with" in words(page)
    assert "auditor dashboard audits/release-6 audits/release-7" in words(page)


def test_the_release_before_is_chosen_and_stands_in_the_address(releases):
    page = open_page(releases, view="compare", audit="release-1")
    assert not page.exception
    assert page.selectbox[0].options == ["choose an audit", "release-0"]
    page.selectbox[0].select_index(1).run()
    assert page.query_params["other"] == "release-0"
    assert "Compared on the same 4,000 pictures, one by one." in words(page)


def test_findings_by_change(releases):
    page = open_page(releases, view="compare", audit="release-1", other="release-0")
    assert not page.exception
    said = words(page)
    assert "before release-0: drawn:0 · 4,000 pictures" in said
    assert "now release-1: drawn:1 · 4,000 pictures" in said
    shown = markup(page)
    order = [shown.find(f'class="changes {change}"') for change in CHANGES]
    assert [position for position in order if position >= 0] == sorted(position for position in order if position >= 0)
    assert "class 0001" in shown  # relied on its first concept, and no longer does
    assert "✓ 1 fixed" in said or "✓ 2 fixed" in said
    assert "Gap: recall with the concept less recall without it, counted over all pictures" in said
    assert "New, fixed: found in one release, excluded in the other" in said
    assert f"auditor diff {releases / 'release-0'} {releases / 'release-1'} --format json" in said


def test_only_classes_of_the_name_asked_for(releases):
    page = open_page(releases, view="compare", audit="release-1", other="release-0", find="0001")
    assert not page.exception
    rows = markup(page).split('<li><p class="what">')[1:]
    assert rows
    assert all("class 0001" in row for row in rows)
    page.text_input[0].set_value("no such").run()
    assert page.query_params["find"] == "no such"
    assert "No class of that name has a finding" in words(page)


def test_a_class_side_by_side(releases):
    page = open_page(releases, view="compare", audit="release-1", other="release-0", class_="class 0001")
    assert not page.exception
    both = markup(page).split('<section class="both">')[1].split("</section>")[0]
    before, now = both.split("<h3>")[1:]
    assert before.startswith("before")
    assert now.startswith("now")
    assert "▲ flagged" in before
    assert "● clean" in now
    for side in (before, now):
        assert "Recall gap</span><b>" in side
        assert "no word fits</span><b>" in side
    assert "?audit=release-0&view=class&class=class+0001" in links(page)
    assert "?audit=release-1&view=class&class=class+0001" in links(page)


def test_a_class_that_neither_release_has(releases):
    page = open_page(releases, view="compare", audit="release-1", other="release-0", class_="no such class")
    assert not page.exception
    assert "Neither release has the class no such class" in words(page)


def test_other_data_are_refused_with_the_reason_and_compared_when_asked(tmp_path):
    write_small_audit(tmp_path / "old", make_run(data_digest="a" * 64))
    write_small_audit(tmp_path / "new", make_run(data_digest="b" * 64))
    page = open_page(tmp_path, view="compare", audit="new", other="old")
    assert not page.exception
    assert "These two are not measured alike" in words(page)
    assert "The data differ (val, digest aaaaaaaa, then val, digest bbbbbbbb)" in words(page)
    assert "?audit=new&other=old&view=compare&anyway=True" in links(page)
    page = open_page(tmp_path, view="compare", audit="new", other="old", anyway="True")
    assert "The data differ (val, digest aaaaaaaa, then val, digest bbbbbbbb)." in words(page)
    assert "0 fixed" in words(page)


def test_an_audit_that_is_gone_or_not_finished_cannot_be_compared_with(releases):
    page = open_page(releases, view="compare", audit="release-1", other="release-9")
    assert not page.exception
    assert "release-9 cannot be compared with" in words(page)


def test_names_cannot_break_out(tmp_path):
    for name in ("one", "<b>two"):
        write_hostile_audit(tmp_path / name)
    page = open_page(tmp_path, view="compare", audit="one", other="<b>two")
    assert not page.exception
    assert "<b>two" not in markup(page)
    assert "<script" not in markup(page)
    assert "<img" not in markup(page)


def test_only_audits_of_the_same_data_are_offered(tmp_path):
    write_small_audit(tmp_path / "new", make_run(created_at="2025-06-01T00:00:00+00:00"))
    write_small_audit(tmp_path / "old", make_run(created_at="2025-01-01T00:00:00+00:00", data_digest="e" * 64))
    page = open_page(tmp_path, audit="new", view="compare")
    assert "1 other audit here is of other data" in words(page)
    assert not [url for url in links(open_page(tmp_path)) if "view=compare" in url]
    # who names one all the same is told what is unlike
    assert "These two are not measured alike" in words(open_page(tmp_path, audit="new", other="old", view="compare"))
