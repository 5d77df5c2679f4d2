import numpy as np
import pytest
from release_world import groups

from auditor.gate.group_match import SAME_GROUP, match_groups


def test_groups_are_followed_by_direction_whatever_their_number_and_name():
    old = groups(((1, 0), (0, 1)), (3, 1), ("water", "beak"))
    new = groups(((0, 2), (3, 0.1)), (5, 5), ("bill", "lake"))
    first, second = match_groups(old, new)
    assert (first.old_idx, first.new_idx, first.old_name, first.new_name) == (0, 1, "water", "lake")
    assert (first.old_share, first.new_share) == (0.75, 0.5)
    assert first.cosine == pytest.approx(3 / np.hypot(3, 0.1))
    assert (second.old_name, second.new_name, second.old_share, second.new_share) == ("beak", "bill", 0.25, 0.5)


def test_unlike_groups_are_left_alone():
    angle = np.arccos(SAME_GROUP) + 0.01
    old = groups(((1, 0),), (1,), ("water",))
    new = groups(((np.cos(angle), np.sin(angle)), (-1, 0)), (2, 2), ("sky", "sand"))
    found = match_groups(old, new)
    assert {(one.old_name, one.new_name) for one in found} == {("water", None), (None, "sky"), (None, "sand")}
    assert all(one.cosine is None for one in found)


def test_a_group_without_a_partner_takes_none_from_the_others():
    """The largest sum of cosines is a with y (.79) and b with x (.85); but y is no one's, and a is more like x."""
    a, b, x, y = (0.9, 0.436, 0), (0.85, -0.527, 0), (1, 0, 0), (0.6476, 0.475, 0.596)
    old, new = groups((a, b), (1, 1), ("a", "b")), groups((x, y), (1, 1), ("x", "y"))
    pairs = {(one.old_name, one.new_name) for one in match_groups(old, new)}
    assert pairs == {("a", "x"), ("b", None), (None, "y")}


def test_the_largest_change_of_use_comes_first():
    old = groups(np.eye(3), (4, 4, 2), ("a", "b", "c"))
    new = groups(np.eye(3), (4, 2, 4), ("a", "b", "c"))
    assert [one.old_name for one in match_groups(old, new)] == ["b", "c", "a"]


def test_no_groups_and_constant_ones():
    none = groups(np.zeros((0, 0)), (), ())
    assert match_groups(none, none) == ()
    still = groups(((0, 0),), (0,), ("still",))
    assert [(one.old_share, one.new_share) for one in match_groups(still, still)] == [(None, 0.0), (0.0, None)]
