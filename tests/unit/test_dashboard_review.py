"""The review view: judging a finding, the diff before it is written, and two who review at once."""

from __future__ import annotations

import pytest
from dashboard_page import links, markup, open_page, words
from gate_world import entry_of
from hostile_audit import write_hostile_audit
from small_audit import write_small_audit

from auditor.gate.acceptance import today_utc
from auditor.gate.baseline import load_baseline, update_baseline
from auditor.gate.baseline_review import propose, write_review

WATER = {"view": "review", "class_": "waterbird", "concept": "water"}


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("audit") / "a")


@pytest.fixture
def baseline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # away from any policy.toml
    return tmp_path / "baseline.toml"


def labelled(elements, label):
    return next(one for one in elements if one.label == label)


def button(page, label):
    return labelled(page.button, label)


def judge(page, reason="the pool; ticket 7", *, false_alarm=False):
    if false_alarm:
        page.radio[0].set_value("false alarm")
    page.text_area[0].set_value(reason)
    labelled(page.text_input, "Who").set_value("Ada")
    return button(page, "Show the change").click().run()


def test_the_list_says_what_the_gate_says_and_links_to_each(audit, baseline):
    page = open_page(audit, view="review", baseline=baseline)
    assert not page.exception
    said = words(page)
    assert "✕ Do not ship 2 findings, none accepted; 1 class could not be judged." in said
    assert "boat : Too few pictures: 0 of 10; add pictures, or name the class in may_skip" in said
    assert "✕ waterbird · water (scene) new flagged, severity high" in said
    assert "?audit=a&view=review&class=waterbird&concept=water" in links(page)
    assert len(page.radio) == 0


@pytest.mark.parametrize(("false_alarm", "state"), [(False, "accepted"), (True, "false alarm")])
def test_a_judgement_is_shown_as_a_diff_and_then_written(audit, baseline, false_alarm, state):
    page = open_page(audit, baseline=baseline, **WATER)
    assert "Relies on water (scene)." in words(page)
    assert "?audit=a&view=class&class=waterbird" in links(page)
    judge(page, false_alarm=false_alarm)
    assert not page.exception
    assert '+reason = "the pool; ticket 7"' in page.code[0].value.splitlines()
    assert not baseline.exists()
    button(page, "Write it").click().run()
    assert not page.exception
    (entry,) = load_baseline(baseline).accepted
    assert (entry.class_name, entry.concept, entry.state, entry.reason, entry.who) == (
        "waterbird", "water", state, "the pool; ticket 7", "Ada",
    )  # fmt: skip
    assert "Written to" in words(page)
    assert "Gate fails: 1 new, 1 not analysed, 1 allowed as core, 1 accepted" in words(page)
    assert "Next: vehicle · watermark" in words(page)
    assert f"waterbird · water (scene) {state}" in words(page)


def test_what_is_discarded_is_not_written(audit, baseline):
    page = judge(open_page(audit, baseline=baseline, **WATER))
    button(page, "Discard it").click().run()
    assert not baseline.exists()
    assert button(page, "Show the change")


def test_a_blank_reason_is_told_and_nothing_is_lost(audit, baseline):
    page = judge(open_page(audit, baseline=baseline, **WATER), reason=" ")
    assert not page.exception
    assert "Nothing was written the reason is blank; say in words why" in words(page)
    assert labelled(page.text_input, "Who").value == "Ada"
    assert len(page.code) == 0


def test_an_entry_is_taken_out_again(audit, baseline):
    update_baseline(baseline, [entry_of("waterbird", expires=today_utc()), entry_of("gone")], today=today_utc())
    page = open_page(audit, baseline=baseline, **WATER)
    assert page.text_area[0].value == "ticket 7"
    button(page, "Take the entry out").click().run()
    assert '-class = "waterbird"' in page.code[0].value.splitlines()
    button(page, "Write it").click().run()
    assert [entry.class_name for entry in load_baseline(baseline).accepted] == ["gone"]


def test_a_stale_entry_can_only_be_taken_out(audit, baseline):
    update_baseline(baseline, [entry_of("gone")], today=today_utc())
    page = open_page(audit, baseline=baseline, view="review", class_="gone", concept="water")
    assert len(page.radio) == 0
    button(page, "Take the entry out").click().run()
    button(page, "Write it").click().run()
    assert not page.exception
    assert load_baseline(baseline).accepted == ()
    assert "Written to" in words(page)
    assert "There is no such finding" not in words(page)


def test_what_somebody_else_wrote_meanwhile_is_merged(audit, baseline):
    page = judge(open_page(audit, baseline=baseline, **WATER))
    other = judge(open_page(audit, baseline=baseline, view="review", class_="vehicle", concept="watermark"))
    button(other, "Write it").click().run()
    button(page, "Write it").click().run()
    assert "Somebody else had changed the file meanwhile; both changes are in it." in words(page)
    assert [entry.class_name for entry in load_baseline(baseline).accepted] == ["vehicle", "waterbird"]


@pytest.mark.parametrize(("choice", "reason"), [("Replace theirs by mine", "mine"), ("Keep theirs", "<b>theirs</b>")])
def test_the_same_entry_is_asked_about(audit, baseline, choice, reason):
    page = judge(open_page(audit, baseline=baseline, **WATER), reason="mine")
    write_review(propose(baseline, [entry_of("waterbird", reason="<b>theirs</b>", expires=today_utc())]))
    button(page, "Write it").click().run()
    assert not page.exception
    assert "Somebody else changed this entry meanwhile" in words(page)
    assert "When you looked no entry Theirs accepted by Ada until" in words(page)
    assert ": <b>theirs</b>" in words(page)
    assert "<b>theirs" not in markup(page)
    assert load_baseline(baseline).accepted[0].reason == "<b>theirs</b>"
    button(page, choice).click().run()
    assert not page.exception
    assert [entry.reason for entry in load_baseline(baseline).accepted] == [reason]


def test_a_malformed_baseline_is_one_line_and_is_left(audit, baseline):
    page = judge(open_page(audit, baseline=baseline, **WATER))
    baseline.write_text("[[accepted]\n")
    button(page, "Write it").click().run()
    assert not page.exception
    assert "baseline.toml' is not valid TOML" in words(page)
    assert baseline.read_text() == "[[accepted]\n"


def test_a_baseline_that_cannot_be_written_is_told(audit, baseline):
    page = judge(open_page(audit, baseline=baseline.parent / "none" / "b.toml", **WATER))
    button(page, "Write it").click().run()
    assert not page.exception
    assert "cannot be written: No such file or directory; it is as it was" in words(page)
    assert len(page.code) == 1


def test_a_finding_that_is_not_there(audit, baseline):
    page = open_page(audit, baseline=baseline, view="review", class_="cat", concept="water")
    assert not page.exception
    assert "There is no such finding to review cat · water: choose one from the list." in words(page)


def test_read_only_hides_and_refuses_it(audit, baseline):
    page = open_page(audit, baseline=baseline, read_only=True, **WATER)
    assert not page.exception
    assert "this dashboard only reads; start it without --read-only to review findings" in words(page)
    assert len(page.button) == 0
    assert not [url for url in links(page) if "view=review" in url]
    assert [url for url in links(open_page(audit, baseline=baseline)) if "view=review" in url]


def test_names_cannot_break_out(tmp_path, baseline):
    page = open_page(write_hostile_audit(tmp_path / "a"), baseline=baseline, view="review")
    assert not page.exception
    for broken in ("<script", "<img", 'onerror="'):
        assert broken not in markup(page)
    for url in [url for url in links(page) if "concept=" in url][:3]:
        assert url.startswith("?audit=a&view=review&class=")


def test_a_filter_by_class(audit, baseline):
    page = open_page(audit, baseline=baseline, view="review", find="VEH")
    assert [url for url in links(page) if "class=" in url] == [
        "?audit=a&view=review&class=vehicle&concept=watermark&find=VEH"
    ]


def test_several_are_marked_and_written_for_one_reason_after_the_gate_has_been_asked(audit, baseline):
    page = open_page(audit, baseline=baseline, **WATER)
    assert "1 of 3 findings" in words(page)
    button(page, "Mark as accepted").click().run()
    assert not page.exception
    assert page.query_params["class"] in ("vehicle", ["vehicle"])  # on to the next
    button(page, "Mark as false alarm").click().run()
    said = words(page)
    assert "2 findings marked: one reason for all" in said
    assert "waterbird · water accepted vehicle · watermark false alarm" in said
    page.text_area[0].set_value("ships to zoos")
    button(page, "Show the change").click().run()
    assert "Once it is written: ? Cannot tell 1 class could not be judged." in words(page)
    assert not baseline.exists()
    button(page, "Write it").click().run()
    assert not page.exception
    written = {one.class_name: (one.state, one.reason) for one in load_baseline(baseline).accepted}
    assert written == {"waterbird": ("accepted", "ships to zoos"), "vehicle": ("false alarm", "ships to zoos")}
    assert "one reason for" not in words(page)


def test_a_mark_is_taken_off_and_nothing_is_written(audit, baseline):
    page = open_page(audit, baseline=baseline, **WATER)
    button(page, "Mark as accepted").click().run()
    page.query_params["class"], page.query_params["concept"] = "waterbird", "water"
    page.run()
    button(page, "Take the mark off").click().run()
    assert "one reason for" not in words(page)
    assert not baseline.exists()


def test_a_class_without_a_concept_is_its_first_finding(audit, baseline):
    page = open_page(audit, baseline=baseline, view="review", class_="waterbird")
    assert "Relies on water (scene)." in words(page)
    assert "There is no such finding" not in words(open_page(audit, baseline=baseline, view="review", class_="cat"))
