"""A diff of an audit with itself changes nothing; swapping the releases turns every change round."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.gate.release_diff import compare_releases

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from release_world import CLASSES, N, facts, gap, groups

MIRROR = {"new": "fixed", "fixed": "new", "worse": "better", "better": "worse"}
VERDICTS = ("flagged", "suspect", "clean", "not_analysed")


@st.composite
def releases(draw, name="old"):
    right = {c: (draw(st.integers(0, 60)), draw(st.integers(0, 40))) for c in CLASSES}
    found = {c: draw(st.sampled_from(VERDICTS)) for c in CLASSES}
    gaps = [
        gap(c, effect, effect - 0.2, effect + 0.2, rule=rule, q=draw(st.sampled_from([None, 0.01, 0.5])))
        for c in CLASSES
        for rule in draw(st.sets(st.sampled_from(["E4-recall", "E4-pull"])))
        for effect in [draw(st.floats(-0.5, 0.8))]
    ]
    made = facts(name, right, found, gaps=gaps, keys=np.arange(N) + draw(st.sampled_from([0, 20, 1000])))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    if draw(st.booleans()):
        made = replace(made, pictures=replace(made.pictures, groups=rng.integers(0, 150, N)))
    if draw(st.booleans()):  # a class goes
        made = replace(made, verdicts=made.verdicts[1:])
    n_groups = draw(st.integers(0, 5))
    directions = rng.standard_normal((n_groups, 3)) if n_groups else np.zeros((0, 0))
    return replace(made, groups=groups(directions, rng.random(n_groups), tuple(map(str, range(n_groups)))))


@settings(deadline=None, max_examples=60)
@given(releases())
def test_an_audit_and_itself(one):
    diff = compare_releases(one, one)
    unanalysed = {v.class_name for v in one.verdicts if v.verdict == "not_analysed"}
    assert {c.change for c in diff.changes} <= {"unchanged"}
    assert all(c.difference in (0, None) for c in diff.changes)
    assert not unanalysed & {c.class_name for c in diff.changes}
    assert all(c.old_verdict == c.new_verdict for c in diff.classes)
    assert all(g.old_idx == g.new_idx and g.old_share == g.new_share for g in diff.groups)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(releases("old"), releases("new"))
def test_swapping_the_releases_turns_every_change_round(old, new):
    forward, back = compare_releases(old, new), compare_releases(new, old)
    mirrored = {(c.class_name, c.concept_id): c for c in back.changes}
    assert len(mirrored) == len(back.changes) == len(forward.changes)
    for change in forward.changes:
        other = mirrored[change.class_name, change.concept_id]
        assert other.change == MIRROR.get(change.change, change.change)
        assert (other.old, other.new, other.measure) == (change.new, change.old, change.measure)
        assert (other.n_with, other.n_without) == (change.n_with, change.n_without)
        if change.difference is None:
            assert other.difference is None
        else:
            turned = (-other.difference, -other.difference_high, -other.difference_low)
            expected = (change.difference, change.difference_low, change.difference_high)
            assert turned == pytest.approx(expected, abs=1e-9)
    assert {(c.class_name, c.new_verdict, c.old_verdict) for c in back.classes} == {
        (c.class_name, c.old_verdict, c.new_verdict) for c in forward.classes
    }
    assert {(g.new_idx, g.old_idx) for g in back.groups} == {(g.old_idx, g.new_idx) for g in forward.groups}
    assert (back.shared_images, back.confidence) == (forward.shared_images, forward.confidence)
