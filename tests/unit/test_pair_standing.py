import pytest
from release_world import facts, gap, verdict

from auditor.evidence.verdicts import agreement, many_tests
from auditor.gate import pair_standing as standings
from auditor.gate.gap_change import Estimate
from auditor.gate.pair_standing import AuditIndex, classify, found_pairs
from auditor.gate.releases import Pair

BIRD = Pair("bird", "water")
GREW, FELL, NOISE = Estimate(0.3, 0.1, 0.5), Estimate(-0.3, -0.5, -0.1), Estimate(0.1, -0.2, 0.4)


def test_levels_are_those_of_the_verdict():
    assert (standings.ALPHA, standings.TOLERATED) == (many_tests.ALPHA, agreement.TOLERATED)


def test_found_are_the_leads_and_what_else_was_proven():
    rows = [verdict("bird", "flagged"), verdict("cat", "suspect"), verdict("car")]
    gaps = [gap("bird", concept="mark", q=0.04), gap("bird", concept="fog", q=0.06), gap("cat", concept="mark", q=0.01),
            gap("car", concept="mark", q=None)]  # fmt: skip
    states = {Pair("bird", "sky"): "proven", Pair("bird", "fog"): "open", Pair("car", "sky"): "proven"}
    leads = {BIRD, Pair("cat", "water")}
    assert found_pairs(rows, gaps, {}) == leads | {Pair("bird", "mark")}
    assert found_pairs(rows, gaps, states) == leads | {Pair("bird", "sky")}  # what the audit says comes before q
    harmed = [verdict("cat", "harmed"), verdict("car", "suspect")]
    besides = {Pair("cat", "mark"): "proven", Pair("car", "mark"): "proven"}
    assert found_pairs(harmed, [], besides) == {Pair("cat", "water"), Pair("cat", "mark"), Pair("car", "water")}


@pytest.mark.parametrize("difference", [GREW, FELL])
def test_a_reliance_that_becomes_harm_is_neither_better_nor_worse(difference):
    assert classify("flagged", "harmed", difference)[0] == classify("harmed", "flagged", difference)[0] == "unclear"
    assert classify("harmed", "harmed", difference)[0] == ("worse" if difference is GREW else "better")


def test_what_an_audit_says_of_a_pair():
    found = {"bird": "flagged", "cat": "suspect", "car": "not_analysed"}
    gaps = [
        gap("bird"),
        gap("bird", concept="fog", q=0.2, low=-0.1, high=0.3),
        gap("bird", concept="mark", q=0.9, low=-0.05, high=0.09),
        gap("cat", concept="fog", q=None, high=0.5),
    ]
    index = AuditIndex(facts(found=found, gaps=gaps, states={Pair("bird", "sand"): "open"}))
    assert index.standing(BIRD) == "flagged"
    assert index.standing(Pair("bird", "fog")) == "open"
    assert index.standing(Pair("bird", "sand")) == "open"
    assert index.standing(Pair("bird", "mark")) == "clean"  # excluded
    assert index.standing(Pair("bird", "snow")) == "clean"  # passed no screen
    assert index.standing(Pair("cat", "water")) == "suspect"
    assert index.standing(Pair("cat", "fog")) == "clean"  # notable, but it passed no screen
    assert index.standing(Pair("car", "water")) == "not_analysed"
    assert index.standing(Pair("ship", "water")) is None


@pytest.mark.parametrize(
    ("old", "new", "difference", "change"),
    [
        ("flagged", "clean", FELL, "fixed"),
        ("suspect", "clean", FELL, "fixed"),
        ("flagged", "flagged", FELL, "better"),
        ("flagged", "suspect", FELL, "better"),
        ("flagged", "open", FELL, "better"),
        ("flagged", "flagged", NOISE, "unchanged"),
        ("flagged", "clean", NOISE, "unchanged"),
        ("flagged", "flagged", None, "unchanged"),
        ("flagged", "clean", None, "unclear"),
        ("flagged", "clean", GREW, "unclear"),
        ("flagged", "open", GREW, "unclear"),
        ("flagged", "not_analysed", FELL, "unclear"),
        ("flagged", None, None, "unclear"),
        ("suspect", "flagged", GREW, "worse"),
        ("suspect", "flagged", FELL, "better"),
    ],
)
def test_every_change_and_its_mirror(old, new, difference, change):
    mirrored = {"fixed": "new", "better": "worse", "worse": "better"}.get(change, change)
    turned = difference and Estimate(-difference.effect, -difference.high, -difference.low)
    assert classify(old, new, difference)[0] == change
    assert classify(new, old, turned)[0] == mirrored


@pytest.mark.parametrize(
    ("old", "new", "difference", "note"),
    [
        ("flagged", "not_analysed", FELL, "not analysed in the new release, which does not make it fixed"),
        ("not_analysed", "flagged", GREW, "not analysed in the old release: it may have been there before"),
        (None, "flagged", None, "the old release has no such class"),
        ("flagged", "clean", NOISE, "the verdict changed, the gap did so only inside the noise"),
        ("clean", "flagged", FELL, "the verdict and the gap changed in opposite ways"),
        ("clean", "flagged", None, "the verdict changed, and there are too few pictures to compare the gap"),
        ("flagged", "flagged", None, "too few pictures to compare its gap"),
        ("open", "flagged", GREW, "the other release neither showed nor excluded it"),
        ("flagged", "clean", FELL, None),
        ("flagged", "flagged", NOISE, None),
    ],
)
def test_notes(old, new, difference, note):
    assert classify(old, new, difference)[1] == note
