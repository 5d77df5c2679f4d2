from dataclasses import replace

import numpy as np
import pytest
from release_world import CLASSES, LABEL, WATER, N, facts

from auditor.gate.releases import ReleasePictures
from auditor.gate.shared_pictures import accuracies, share_pictures


def reordered(one, order):
    pictures = one.pictures
    groups = None if pictures.groups is None else pictures.groups[order]
    return replace(
        one,
        pictures=ReleasePictures(
            pictures.keys[order], pictures.label_idx[order], pictures.predicted_idx[order], groups,
            {name: column[order] for name, column in pictures.present.items()},
        ),
    )  # fmt: skip


def test_pictures_are_lined_up_by_key():
    old = facts("old", {"bird": (60, 0)})
    new = reordered(facts("new", {"bird": (50, 40)}), np.random.default_rng(0).permutation(N))
    shared = share_pictures(old, new)
    assert shared.n == N
    np.testing.assert_array_equal(shared.label, LABEL)
    np.testing.assert_array_equal(shared.new_predicted, facts("new", {"bird": (50, 40)}).pictures.predicted_idx)
    np.testing.assert_array_equal(shared.present["water"], WATER)
    assert shared.known["water"].all()


def test_only_the_greater_part_counts():
    old = facts("old")
    assert share_pictures(old, facts("new", keys=np.arange(N) + 149)) is not None
    assert share_pictures(old, facts("new", keys=np.arange(N) + 150)) is None
    assert share_pictures(old, facts("new", keys=np.arange(N) + N)) is None


def test_relabelled_pictures_are_left_out():
    old = facts("old")
    label = LABEL.copy()
    label[:10] = 1
    new = replace(facts("new"), pictures=replace(facts("new").pictures, label_idx=label))
    assert share_pictures(old, new).n == N - 10


def test_classes_are_matched_by_name():
    old, new = facts("old"), facts("new")
    turned = replace(
        new,
        class_names=("zebra", *CLASSES),
        pictures=replace(
            new.pictures,
            label_idx=new.pictures.label_idx + 1,
            predicted_idx=np.where(np.arange(N) < 5, 0, new.pictures.predicted_idx + 1),
        ),
    )
    shared = share_pictures(old, turned)
    assert shared.class_names == CLASSES
    np.testing.assert_array_equal(shared.label, LABEL)
    np.testing.assert_array_equal(shared.new_predicted, np.where(np.arange(N) < 5, -1, LABEL))


def test_presence_on_which_the_audits_disagree_is_not_known():
    other = WATER.copy()
    other[:7] = ~other[:7]
    shared = share_pictures(facts("old"), facts("new", present={"water": other, "mark": ~WATER}))
    np.testing.assert_array_equal(np.flatnonzero(~shared.known["water"]), np.arange(7))
    assert shared.known["mark"].all()
    np.testing.assert_array_equal(shared.present["mark"], ~WATER)


def test_presence_that_is_not_known_is_in_neither_arm():
    column = WATER.astype(np.int8)
    column[3] = -1
    shared = share_pictures(facts("old", present={"water": column}), facts("new", present={"mark": WATER}))
    assert np.flatnonzero(~shared.known["water"]).tolist() == [3]
    both = share_pictures(facts("old", present={"water": column}), facts("new", present={"water": column}))
    assert np.flatnonzero(~both.known["water"]).tolist() == [3]


def test_the_coarser_groups_count():
    def grouped(name, size):
        one = facts(name)
        groups = None if size is None else np.arange(N) // size
        return replace(one, pictures=replace(one.pictures, groups=groups))

    assert share_pictures(grouped("old", None), grouped("new", None)).groups is None
    for sizes in ((5, None), (None, 5), (5, 2), (2, 5)):
        shared = share_pictures(grouped("old", sizes[0]), grouped("new", sizes[1]))
        assert np.unique(shared.groups).size == N // 5


def test_accuracies():
    old, new = facts("old", {"bird": (30, 0)}), facts("new", {"bird": (60, 25)})
    assert accuracies(old, new, share_pictures(old, new)) == pytest.approx((230 / 300, 285 / 300))
    assert accuracies(old, new, None) == pytest.approx((230 / 300, 285 / 300))
    unlabelled = replace(old, pictures=replace(old.pictures, label_idx=np.full(N, -1)))
    assert accuracies(unlabelled, unlabelled, share_pictures(unlabelled, unlabelled)) == (None, None)
    unexamined = facts("old", predicted=np.full(N, -1))
    assert accuracies(unexamined, new, None) == (None, pytest.approx(285 / 300))


def test_columns_of_one_length():
    with pytest.raises(ValueError, match="one length"):
        replace(facts("old").pictures, label_idx=LABEL[:5])
