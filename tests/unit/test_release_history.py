"""Findings over releases that are set by hand: gaps, changes, and what cannot be compared."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from release_world import facts, gap

from auditor.gate.gap_change import plain_gap
from auditor.gate.release_diff import compare_releases
from auditor.gate.release_history import follow_releases, lines_on, points_by_data
from auditor.gate.releases import Pair

RELIANT, SOUND = {"bird": (58, 8)}, {"bird": (59, 38)}
FLAGGED = {"bird": "flagged"}
OTHER_DATA = {"release_data_digest": "f" * 64, "release_data_path": "test"}


def only(history):
    (line,) = history.lines
    return line


def since(history):
    return [step.since for step in history.steps]


def test_a_finding_is_followed_until_it_is_fixed():
    releases = [facts("1", RELIANT, FLAGGED), facts("2", {"bird": (58, 12)}, FLAGGED), facts("3", SOUND)]
    history = follow_releases(releases)
    line = only(history)
    assert (line.class_name, line.concept, line.concept_kind, line.measure) == ("bird", "water", "scene", "recall")
    assert [point.standing for point in line.points] == ["flagged", "flagged", "clean"]
    assert [point.change and point.change.change for point in line.points] == [None, "unchanged", "fixed"]
    assert line.points[2].change == compare_releases(releases[1], releases[2]).changes[0]
    assert [(step.series, step.since, step.differs) for step in history.steps] == [
        (0, None, ()),
        (0, 0, ()),
        (0, 1, ()),
    ]
    assert [step.accuracy for step in history.steps] == pytest.approx([266 / 300, 270 / 300, 297 / 300])


def test_gaps_are_like_with_like():
    """The third report has no gap of it, so that all three are counted over all pictures."""
    line = only(follow_releases([facts("1", RELIANT, FLAGGED), facts("2", SOUND)]))
    assert line.counted
    for point, right in zip(line.points, (RELIANT, SOUND), strict=True):
        expected = plain_gap(right["bird"], (60, 40))
        assert (point.effect, point.low, point.high) == pytest.approx((expected.effect, expected.low, expected.high))
    reported = only(follow_releases([facts("1", RELIANT, FLAGGED), facts("2", RELIANT, FLAGGED)]))
    assert not reported.counted
    assert [(point.effect, point.low, point.high) for point in reported.points] == [(0.5, 0.3, 0.7)] * 2


def test_a_pull_that_one_report_lacks_stays_open():
    pulls = [gap("bird", rule="E4-pull")]
    line = only(follow_releases([facts("1", RELIANT, FLAGGED, gaps=pulls), facts("2", SOUND)]))
    assert (line.measure, line.counted) == ("pull", False)
    assert [point.effect for point in line.points] == [0.5, None]


def test_other_data_end_a_series_and_coming_back_takes_it_up():
    history = follow_releases(
        [facts("1", RELIANT, FLAGGED), facts("2", RELIANT, FLAGGED, **OTHER_DATA), facts("3", SOUND)]
    )
    assert [step.series for step in history.steps] == [0, 1, 0]
    assert since(history) == [None, None, 0]
    assert history.steps[1].differs == ("the data differ (val, digest dddddddd, then test, digest ffffffff)",)
    assert history.steps[2].differs
    assert [point.change and point.change.change for point in only(history).points] == [None, None, "fixed"]


def test_points_stand_below_those_on_the_same_data_and_data_without_the_class_have_none():
    elsewhere = replace(facts("2", **OTHER_DATA), verdicts=facts("2").verdicts[1:])  # has no birds
    unasked = facts("5", SOUND, release_data_digest="b" * 64, concept_ids=frozenset({"mark"}))
    later = facts("4", SOUND, release_data_digest="a" * 64)
    history = follow_releases([facts("1", RELIANT, FLAGGED), elsewhere, facts("3", SOUND), later, unasked])
    assert points_by_data(history, only(history)) == [(0, 2), (3,)]


def test_lines_of_some_data_are_those_of_its_classes_first_what_was_found_on_it():
    cat = facts("1", {"cat": (60, 5)}, {"cat": "flagged"})
    bird = facts("2", RELIANT, FLAGGED, **OTHER_DATA)
    without_cats = replace(bird, verdicts=tuple(one for one in bird.verdicts if one.class_name != "cat"))
    history = follow_releases([cat, without_cats])
    assert [line.class_name for line in history.lines] == ["bird", "cat"]
    assert [line.class_name for line in lines_on(history, cat.release.data_digest)] == ["cat", "bird"]
    assert [line.class_name for line in lines_on(history, "f" * 64)] == ["bird"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"release_encoder_digest": "x" * 64}, "the encoders differ (sample, digest eeeeeeee, then sample, digest xx"),
        ({"release_rules_digest": "b", "thresholds": {"DELTA": 0.1}}, "the rules differ: DELTA 0.05 → 0.1"),
        (
            {"release_rules_digest": None, "release_auditor_version": "9"},
            "made by auditor 0.1.0 and 9: rules may differ",
        ),
    ],
)
def test_another_encoder_and_other_rules_are_not_comparable(changes, said):
    known = {"release_rules_digest": "a", "thresholds": {"DELTA": 0.05}}
    history = follow_releases([facts("1", RELIANT, FLAGGED, **known), facts("2", SOUND, **{**known, **changes})])
    (differs,) = history.steps[1].differs
    assert said in differs
    assert since(history) == [None, None]
    assert only(history).points[1].change is None


def test_other_models_vocabularies_and_settings_are_what_a_history_is_about():
    other = facts("2", SOUND, release_vocabulary_digest="w" * 64, settings={"seed": 1})
    assert since(follow_releases([facts("1", RELIANT, FLAGGED), other])) == [None, 0]


def test_what_an_audit_did_not_ask_is_not_clean():
    bird = Pair("bird", "water")
    history = follow_releases(
        [
            facts("1", RELIANT, FLAGGED),
            facts("2", SOUND, concept_ids=frozenset({"mark"})),
            facts("3", SOUND, core=frozenset({bird})),
            replace(facts("4", SOUND), verdicts=facts("4").verdicts[1:]),
        ]
    )
    assert [(point.standing, point.note) for point in only(history).points] == [
        ("flagged", None),
        (None, "not in its vocabulary"),
        (None, "core to the class"),
        (None, "no such class"),
    ]


def test_a_column_of_the_same_name_is_one_thing():
    column = replace(gap("bird"), concept_id="scene-water", concept="scene = water", concept_kind="attribute")
    first = facts("1", RELIANT, FLAGGED, gaps=[gap("bird"), column], same_as={"scene-water": "water"})
    first = replace(first, concept_ids=first.concept_ids | {"scene-water"})
    history = follow_releases([first, facts("2", SOUND)])
    assert (only(history).concept_id, history.n_same_things) == ("water", 1)


def test_the_worst_of_the_last_release_comes_first():
    first = facts("1", {"bird": (58, 8), "cat": (60, 5)}, {"bird": "flagged", "cat": "flagged"})
    last = facts("2", {"cat": (60, 5)}, {"cat": "flagged"})
    assert [line.class_name for line in follow_releases([first, last]).lines] == ["cat", "bird"]


@given(st.lists(st.sampled_from("abc"), max_size=8))
def test_every_release_is_compared_with_the_latest_of_its_data(data):
    history = follow_releases(facts(str(n), release_data_digest=one * 64) for n, one in enumerate(data))
    assert since(history) == [max((m for m in range(n) if data[m] == one), default=None) for n, one in enumerate(data)]
    assert [not step.differs for step in history.steps] == [n == 0 or data[n - 1] == one for n, one in enumerate(data)]
