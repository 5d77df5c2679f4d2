import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from auditor.evidence.effects.likeness import alike, caliper_of, likeness, related, told_by_likeness
from auditor.rules import CALIPER

rng = np.random.default_rng(0)


def test_likeness_is_the_score_of_the_class_less_that_of_the_own_label():
    scores = np.array([[0.5, 0.25, 0.0], [0.5, 0.25, 0.0], [0.5, 0.25, 0.0], [0.5, 0.25, 0.0]], np.float32)
    found = likeness(scores, np.array([0, 1, 2, -1]), 1)
    assert found[:3].tolist() == [-0.25, 0.0, 0.25]
    assert np.isnan(found[3])


def test_told_by_likeness_by_hand():
    """Within label 1 pictures with the concept win 3 of 4 pairs, within label 2 none of 2; across labels none meet."""
    score = np.array([4.0, 2.0, 1.0, 3.0, 10.0, 20.0, 30.0])
    labels = np.array([1, 1, 1, 1, 2, 2, 2])
    has = np.array([True, True, False, False, True, False, False])
    assert told_by_likeness(score, has, ~has, labels) == pytest.approx(3 / 6)
    assert told_by_likeness(score[:4], has[:4], ~has[:4], labels[:4]) == pytest.approx(3 / 4)
    assert told_by_likeness(score, has & (labels == 2), ~has & (labels == 1), labels) == 0.5  # no pair


def test_told_by_likeness_of_one_label_is_the_area_under_the_curve():
    score, has = rng.normal(size=200), rng.random(200) < 0.3
    score[::3] = np.round(score[::3])  # ties
    expected = roc_auc_score(has, score)
    assert told_by_likeness(score, has, ~has, np.zeros(200, np.int64)) == pytest.approx(expected)


def test_the_caliper_is_a_part_of_the_spread():
    score, rows = np.array([0.0, 2.0, 4.0, 100.0]), np.array([True, True, True, False])
    assert caliper_of(score, rows) == pytest.approx(CALIPER * np.sqrt(8 / 3))


def test_alike_are_within_the_caliper_and_the_nearest_come_first():
    score = np.array([0.0, 0.25, -0.125, 0.5, 0.75, -0.25])
    others = np.array([3, 1, 2, 5, 4])
    assert alike(score, 0, others, 0.5).tolist() == [2, 1, 5, 3]  # 1 and 5 are equally far: as given
    assert alike(score, 4, others, 0.25).tolist() == [4, 3]
    assert alike(score, 0, others, 0.1).size == 0


@given(st.lists(st.integers(-40, 40), min_size=2, max_size=30), st.integers(0, 20), st.integers(-50, 50))
def test_a_shift_of_all_scores_changes_no_match(scores, caliper, shift):
    score, others = np.array(scores, dtype=np.float64), np.arange(1, len(scores))
    found = alike(score, 0, others, caliper)
    distances = np.abs(score[found] - score[0])
    assert (distances <= caliper).all()
    assert (np.diff(distances) >= 0).all()
    assert set(others) - set(found) == {i for i in others if abs(score[i] - score[0]) > caliper}
    assert alike(score + shift, 0, others, caliper).tolist() == found.tolist()


def test_related_is_the_correlation_of_what_likeness_and_labels_leave():
    labels, score = np.repeat([0, 1], 200), rng.normal(size=400)
    shared = rng.normal(size=400)
    one = score + shared + labels > 0.5
    other = score + shared + 2 * rng.normal(size=400) - labels > 0.0
    given_ = np.column_stack([score, labels])
    left = [said - LinearRegression().fit(given_, said).predict(given_) for said in (one.astype(float), other)]
    assert related(one, other, score, labels) == pytest.approx(np.corrcoef(*left)[0, 1], abs=1e-5)
    assert related(one, one, score, labels) == pytest.approx(1.0)


def test_words_that_share_the_look_of_the_class_only_are_not_related():
    score, labels = rng.normal(size=4000), np.zeros(4000, np.int64)
    one, other = (score + rng.normal(size=4000) > 0 for _ in range(2))
    assert np.corrcoef(one, other)[0, 1] > 0.25
    assert abs(related(one, other, score, labels)) < 0.15
    assert related(one, np.ones(4000, np.bool_), score, labels) == 0.0
    assert related(one, other, np.zeros(4000), labels) == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-5)
