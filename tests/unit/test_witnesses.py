import numpy as np
import pytest

from auditor.evidence.effects.association import present_counts
from auditor.evidence.effects.gaps import recall_gap
from auditor.evidence.effects.witnesses import n_witnesses, witness_weights


def test_copies_in_an_arm_are_one_picture_together():
    among, copies = np.array([True, True, True, True, False]), np.array([7, 7, 7, 8, 7])
    assert witness_weights(among, copies).tolist() == [1 / 3, 1 / 3, 1 / 3, 1, 0]
    assert witness_weights(among, None).tolist() == [1, 1, 1, 1, 0]
    assert n_witnesses(among, copies) == 2
    assert n_witnesses(among, copies, np.array([True, True, False, False, True])) == 1  # two of the three copies


def test_counts_take_copies_for_one():
    present = np.array([[True], [True], [True], [False], [True]])
    labels, copies = np.array([0, 0, 0, 0, 1]), np.array([1, 1, 1, 1, 1])
    assert present_counts(present, labels, 2, copies=copies).tolist() == [[1], [1]]
    assert present_counts(present, labels, 2).tolist() == [[3], [1]]
    right = np.array([True, False, False, True, True])
    assert present_counts(present, labels, 2, right, copies=copies).tolist() == [[0], [1]]  # one of three


def gap_of(n_copies):
    """20 pictures with v, all right; without it ``n_copies`` of one picture, all wrong, and ten others, half right."""
    present = np.r_[np.ones(20, bool), np.zeros(n_copies + 10, bool)]
    correct = np.r_[np.ones(20, bool), np.zeros(n_copies, bool), np.arange(10) % 2 == 0]
    codes = np.r_[np.arange(20), np.full(n_copies, 20), np.arange(21, 31)]
    return recall_gap(present, np.zeros(present.size, np.int64), correct, groups=codes, copies=codes)


def test_thirty_copies_give_the_gap_of_one():
    one, thirty = gap_of(1), gap_of(30)
    assert (thirty.x_absent, thirty.n_absent) == (one.x_absent, one.n_absent) == (5, 11)
    found, expected = ([gap.effect, gap.low, gap.high, gap.p] for gap in (thirty, one))
    assert found == pytest.approx(expected, abs=1e-9)


def test_thirty_copies_and_one_other_are_too_few():
    present = np.r_[np.ones(20, bool), np.zeros(31, bool)]
    correct = np.r_[np.ones(20, bool), np.zeros(30, bool), True]
    codes = np.r_[np.arange(20), np.full(30, 20), 21]
    value = np.zeros(51, np.int64)
    assert recall_gap(present, value, correct, groups=codes, copies=codes).status == "too_few"
    assert recall_gap(present, value, correct, groups=codes).status == "too_few"  # as a clip of the manifest, too
    assert recall_gap(present, value, correct).status == "measured"
