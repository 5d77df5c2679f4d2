import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from auditor.evidence.kappa import cohens_kappa


def said(text):
    return np.array([letter == "1" for letter in text])


def test_by_hand():
    # 7 of 10 agree; both say yes in half of them: .5 by chance, so (.7 - .5) / .5
    assert cohens_kappa(said("1111100000"), said("1111000011")) == pytest.approx(0.4)
    assert cohens_kappa(said("1100"), said("1100")) == 1.0
    assert cohens_kappa(said("1100"), said("0011")) == -1.0
    assert cohens_kappa(said("1100"), said("1111")) == 0.0


def test_where_chance_explains_everything_or_nothing_is_known():
    assert cohens_kappa(said("111"), said("111")) is None
    assert cohens_kappa(said(""), said("")) is None


def test_against_another_implementation():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.random(80) < 0.3, rng.random(80) < rng.random()
        assert cohens_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))
