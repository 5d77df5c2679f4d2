import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from auditor.evidence.presence.reliability import cohens_kappa, told_twice, told_twice_elsewhere, with_manifest

rng = np.random.default_rng(0)


def column(n_present, n=100, flipped=0):
    """Presence of the first ``n_present`` pictures; ``flipped`` of either sort change places."""
    values = np.where(np.arange(n) < n_present, 0.9, 0.1)
    values[:flipped], values[n - flipped :] = 0.1, 0.9
    return (values + 1e-3 * rng.random(n)).astype(np.float32)[:, None]


def test_kappa_by_hand():
    # 40 of 100 present; the halves disagree on 5 + 5: p_o = .9, p_e = .4^2 + .6^2 = .52
    found = told_twice(column(40), column(40), column(40, flipped=5))
    assert found[0] == pytest.approx((0.9 - 0.52) / 0.48)
    assert told_twice(column(40), column(40), column(40))[0] == pytest.approx(1.0)


def test_halves_are_asked_which_pictures_and_not_how_many():
    """Another scale of the same order: half the prompts would call none present, and agree all the same."""
    presence = column(40)
    assert told_twice(presence, presence, presence / 10)[0] == pytest.approx(1.0)


def test_matched_numbers_make_kappa_the_factor_of_dilution():
    first, second = column(30), column(30, flipped=4)
    found = told_twice(first, first, second)[0]
    one, other = first[:, 0] > 0.5, second[:, 0] > 0.5
    assert found == pytest.approx(one[other].mean() + (~one[~other]).mean() - 1)
    assert found == pytest.approx(cohens_kappa(one, other))


@pytest.mark.parametrize("n_present", [0, 9, 91, 100])
def test_what_hardly_varies_is_not_told(n_present):
    assert np.isnan(told_twice(column(n_present), column(40), column(60))[0])


def test_a_half_that_says_the_same_of_all_agrees_with_nothing():
    assert told_twice(column(40), column(40), np.ones((100, 1), np.float32))[0] == 0


def test_the_manifest_can_only_lower_it():
    presence = np.hstack([column(40), column(40, flipped=20), column(40)])
    presence[:10, 2] = np.nan  # an attribute that is not known there
    found = with_manifest(np.array([0.95, 0.9, np.nan], np.float32), presence, {2: 1})
    known = np.isfinite(presence[:, 2])
    expected = cohens_kappa(presence[known, 2] > 0.5, presence[known, 1] > 0.5)
    assert found[:2].tolist() == pytest.approx([0.95, expected])
    assert with_manifest(np.array([np.nan, 0.1, np.nan], np.float32), presence, {2: 0})[0] == pytest.approx(1.0)


def said(text):
    return np.array([letter == "1" for letter in text])


def test_cohens_kappa_by_hand():
    # 7 of 10 agree; both say yes in half of them: .5 by chance, so (.7 - .5) / .5
    assert cohens_kappa(said("1111100000"), said("1111000011")) == pytest.approx(0.4)
    assert cohens_kappa(said("1100"), said("1100")) == 1.0
    assert cohens_kappa(said("1100"), said("0011")) == -1.0
    assert cohens_kappa(said("1100"), said("1111")) == 0.0


def test_where_chance_explains_everything_or_nothing_is_known():
    assert cohens_kappa(said("111"), said("111")) is None
    assert cohens_kappa(said(""), said("")) is None


def test_cohens_kappa_against_another_implementation():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.random(80) < 0.3, rng.random(80) < rng.random()
        assert cohens_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))


def test_what_copies_the_labels_agrees_with_itself_over_all_and_not_within():
    """Present in all of class 0; of class 1 in 20 of 100, of which the halves share 10: p_o = .8, p_e = .68."""
    labels = np.repeat([0, 1], 100)
    first = np.vstack([np.ones((100, 1)), column(20)]).astype(np.float32)
    second = np.vstack([np.ones((100, 1)), column(20, flipped=10)]).astype(np.float32)
    assert told_twice(first, first, second)[0] > 0.7
    found = told_twice_elsewhere(first, first, second, labels, 2)
    assert found[0, 0] == pytest.approx((0.8 - 0.68) / 0.32)
    assert np.isnan(found[1, 0])  # class 0 has none without it


def test_kappa_elsewhere_weighs_classes_by_what_chance_leaves():
    # class 1 as above; class 2: 40 of 100, 5 + 5 disagree: p_o = .9, p_e = .52. Unlabelled pictures say nothing.
    labels = np.repeat([0, 1, 2, -1], 100)
    first = np.vstack([column(10), column(20), column(40), column(50)])
    second = np.vstack([column(10), column(20, flipped=10), column(40, flipped=5), column(50, flipped=50)])
    found = told_twice_elsewhere(first, first, second, labels, 3)[:, 0]
    assert found[0] == pytest.approx((0.12 + 0.38) / (0.32 + 0.48))
    assert found[1] == pytest.approx((0.18 + 0.38) / (0.18 + 0.48))
    assert found[2] == pytest.approx((0.18 + 0.12) / (0.18 + 0.32))
