"""What the review view shows: the gate's items with their entries, and the change that a judgement makes."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from gate_world import TODAY, entry_of
from small_audit import write_small_audit

from auditor.errors import InputError
from auditor.gate.baseline import load_baseline
from auditor.gate.baseline_review import preview, propose, write_review
from auditor.records import fingerprint
from auditor.release.check import check_release
from auditor.store.open_audit import open_audit_database
from reports.dashboard.review_items import Judgement, proposal_for, read_review, withdrawal_of

JUDGED = Judgement(" the pool \n", " Ada", TODAY)


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("audit") / "a")


@pytest.fixture
def read(audit, tmp_path):
    with open_audit_database(audit) as connection:
        yield lambda: read_review(connection, tmp_path / "b.toml", TODAY, policy_path=tmp_path / "policy.toml")


def told(review):
    return [(one.item.class_name, one.item.concept, one.item.state) for one in review.findings]


def test_without_files_it_is_what_the_gate_says_of_the_audit_alone(read, audit):
    review = read()
    assert review.decision == check_release(audit, today=TODAY)
    assert told(review) == [
        ("waterbird", "water", "new"), ("vehicle", "watermark", "new"), ("landbird", "water", "tolerated"),
    ]  # fmt: skip
    assert [(item.class_name, item.state) for item in review.unjudged] == [("boat", "not_analysed"), ("cat", "core")]
    assert review.seen is None
    assert [one.entry for one in review.findings] == [None] * 3
    assert review.findings[0].verdict.sentence == "Relies on water (scene)."


def test_policy_and_baseline_are_those_of_the_gate(read, audit, tmp_path):
    (tmp_path / "policy.toml").write_text('fail_on = ["suspect"]\nmay_skip = ["boat"]\n')
    gone = entry_of("gone")
    write_review(propose(tmp_path / "b.toml", [entry_of("landbird"), gone]))
    review = read()
    assert review.decision == check_release(
        audit, policy=tmp_path / "policy.toml", baseline=tmp_path / "b.toml", today=TODAY
    )
    assert told(review)[0] == ("gone", "water", "stale")  # a warning; everything else passes
    assert review.finding("gone", "water").entry == gone
    assert review.finding("landbird", "water").entry == entry_of("landbird")
    assert [item.state for item in review.unjudged] == ["core"]
    assert review.finding("landbird", "beak") is review.finding(None, None) is None


@pytest.mark.parametrize("state", ["accepted", "false alarm"])
def test_a_judgement_lets_its_finding_pass_and_can_be_taken_back(read, tmp_path, state):
    path = tmp_path / "b.toml"
    before = read()
    judged = [(before.finding("waterbird", "water"), state)]
    proposal = proposal_for(judged, before, path, JUDGED, today=TODAY)
    assert preview(proposal).count(fingerprint("waterbird", "water")) == 1
    write_review(proposal)
    (entry,) = load_baseline(path).accepted
    assert (entry.reason, entry.who, entry.state, entry.verdict) == ("the pool", "Ada", state, "flagged")
    after = read()
    # What was told before it was written is what the gate says now.
    assert before.decision_with(proposal, TODAY).items == after.decision.items
    assert after.finding("waterbird", "water").item.state == "accepted"
    write_review(withdrawal_of(after.finding("waterbird", "water"), after, path))
    assert told(read()) == told(before)


def test_a_blank_reason_and_a_day_that_is_past_are_refused(read, tmp_path):
    review = read()
    judged = [(review.findings[0], "accepted")]
    yesterday = TODAY - datetime.timedelta(days=1)
    for changes, expected in (
        ({"reason": " \n"}, "the reason is blank"),
        ({"expires": yesterday}, "2030-06-14 is past"),
    ):
        with pytest.raises(InputError, match=expected):
            proposal_for(judged, review, tmp_path / "b.toml", replace(JUDGED, **changes), today=TODAY)


@pytest.mark.parametrize("name", ["b.toml", "policy.toml"])
def test_a_malformed_file_is_one_line(read, tmp_path, name):
    (tmp_path / name).write_text("[[\n")
    with pytest.raises(InputError, match=f"{name}' is not valid TOML"):
        read()
