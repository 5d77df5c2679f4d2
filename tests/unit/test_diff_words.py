from dataclasses import replace

import pytest
from release_diffs import empty, every_change, fixed, on_other_data, unchanged
from release_world import facts, groups

from auditor.gate.release_diff import compare_releases
from auditor.gate.releases import ClassChange
from reports.diff.words import (
    basis,
    class_lines,
    count_line,
    difference,
    explanation,
    gaps,
    group_lines,
    release_line,
    rules_line,
    sentence,
    verdicts,
    warnings,
)


def test_what_was_compared():
    assert release_line(fixed().old) == "old: timm:resnet50 with old.safetensors · 300 pictures · audited 2025-01-02"
    assert basis(fixed()) == "Compared on the same 300 pictures, one by one. Accuracy 88.7 % → 99.0 %."
    partly = replace(fixed(), shared_images=290, old_accuracy=None)
    assert basis(partly) == "Compared one by one on the 290 pictures that both audits hold (of 300 and 300)."
    assert basis(on_other_data()) == (
        "Measured on different pictures: a change can come from the pictures as well as from the model. "
        "Accuracy 88.7 % of 300 pictures → 99.0 % of 400 pictures."
    )
    assert warnings(fixed()) == []
    assert warnings(on_other_data()) == [
        "The data differ (val, digest dddddddd, then test, digest ffffffff).", "The settings differ: seed 0 → 1.",
    ]  # fmt: skip


def test_a_fix_in_words():
    (change,) = fixed().changes
    assert verdicts(change) == "flagged → clean"
    assert gaps(change) == "77 → 3 pts"
    assert difference(change).startswith("−73 pts [−")
    assert sentence(change) == "Recognised without water: 20 % → 95 % of 40 pictures; with it: 97 % → 98 % of 60."


def test_a_new_finding_has_its_sign():
    change = next(one for one in every_change().changes if one.change == "new")
    assert difference(change).startswith("+88 pts [")
    assert sentence(change) == "Recognised without water: 100 % → 13 % of 40 pictures; with it: 100 % of 60."


def test_nothing_changed_in_words():
    (change,) = unchanged().changes
    assert (verdicts(change), gaps(change)) == ("flagged", "77 → 77 pts")
    assert difference(change).startswith("0 pts [−")


def test_a_pull_and_what_was_not_measured():
    (change,) = fixed().changes
    pull = replace(change, measure="pull")
    assert sentence(pull) == (
        'Pictures of other classes called "bird" with water: 97 % → 98 % of 60; without it: 20 % → 95 % of 40.'
    )
    none = replace(change, difference=None, n_with=None, n_without=None, note="too few pictures")
    assert (gaps(none), difference(none), sentence(none)) == ("–", "–", "Too few pictures.")


def test_on_other_data_gaps_have_their_intervals():
    bird = next(one for one in on_other_data().changes if one.class_name == "bird")
    assert sentence(bird).startswith("The gap of recall was 77 pts [6")
    assert " and is 3 pts [−" in sentence(bird)


def test_how_the_table_reads():
    assert "hold together" not in explanation(fixed())
    assert "The intervals hold together with 95 % (3 findings were compared)." in explanation(every_change())
    assert "as each audit measured it" in explanation(on_other_data())


def test_classes_that_come_and_go():
    assert class_lines(every_change()) == [
        "Only in the old release: ship (flagged).", "Only in the new release: heron (clean).",
    ]  # fmt: skip
    assert class_lines(on_other_data()) == ["No longer analysed: cat (suspect)."]
    changes = (
        ClassChange("a", "not_analysed", "clean"),
        *(ClassChange(f"c{idx:02}", "clean", None) for idx in range(14)),
    )
    assert class_lines(replace(fixed(), classes=changes)) == [
        f"Only in the old release: {', '.join(f'c{idx:02} (clean)' for idx in range(12))} and 2 more.",
        "Analysed only now: a (clean).",
    ]


def test_channel_groups():
    assert list(group_lines(fixed())) == [
        "Channel groups, for orientation only: 1 of the old release's 2 point the same way in the new one; the largest "
        "changes of what they carry of all evidence:",
        "  sky: comes with 50 %", "  water: 75 % → 50 %", "  beak: 25 % → gone",
    ]  # fmt: skip
    (line,) = group_lines(unchanged())
    assert line.endswith(
        "2 of the old release's 2 point the same way in the new one; none carries a point more or less."
    )
    other = facts("new", release_encoder_digest="f" * 64)
    (line,) = group_lines(compare_releases(facts("old"), other, allow_different_data=True))
    assert line.startswith("Channel groups are not followed:")
    none = facts("old", groups=groups(((),), (), ()))
    assert list(group_lines(compare_releases(none, none))) == []
    renamed = compare_releases(facts("old"), facts("new", groups=groups(use=(1, 1), names=("lake", "beak"))))
    assert next(line for line in group_lines(renamed) if "lake" in line) == "  water (now lake): 75 % → 50 %"


@pytest.mark.parametrize(
    ("diff", "line"),
    [
        (fixed, "0 new, 0 worse, 1 fixed, 0 better, 0 unchanged"),
        (every_change, "1 new, 1 worse, 1 fixed, 0 better, 0 unchanged; 1 unclear"),
        (empty, "No finding in either release."),
    ],
)
def test_the_last_line(diff, line):
    assert count_line(diff()) == line


def test_what_is_told_with_the_concept_of_its_name_is_counted_beside():
    diff = every_change()
    (new,) = (one for one in diff.changes if one.change == "new")
    twins = tuple(
        replace(new, concept_id=f"place-{idx}", concept_kind="attribute", same_as=new.concept_id) for idx in range(3)
    )
    line = "1 new, 1 worse, 1 fixed, 0 better, 0 unchanged; 1 unclear; "
    both = replace(diff, changes=(*diff.changes, *twins[:1]))
    assert count_line(both) == line + "1 more is a known attribute of the same name"
    both = replace(diff, changes=(*diff.changes, *twins))
    assert count_line(both) == line + "3 more are known attributes of the same name"
    assert len(both.changes) - both.n_same_things == sum(map(both.count, ("new", "worse", "fixed", "unclear")))


def test_where_the_rules_alone_differ():
    old = facts("one", release_model_digest="m" * 64, release_rules_digest="q" * 64, found={"bird": "flagged"})
    new = facts("two", release_model_digest="m" * 64, release_rules_digest="r" * 64, release_rejudged_from="run-1")
    diff = compare_releases(replace(old, thresholds={"DELTA": 0.05}), replace(new, thresholds={"\x1b[31mDELTA": 0.1}))
    line = rules_line(diff)
    assert line is not None
    assert line.startswith("Model and data are the same, and the rules differ: what changed comes from the rules (")
    assert "\x1b" not in line
    assert "DELTA 0.05 → none" in line
    assert class_lines(diff) == ["Another verdict by other rules: bird (flagged → clean)."]
    assert release_line(diff.new).endswith("· rejudged 2025-01-02")
    assert rules_line(fixed()) is None
