"""What a test could find that knew where to look, by hand."""

import pytest
from scipy.stats import binom

from benchmarks.planted.best_test import chances, power


def test_power_is_that_of_the_tables_that_are_shown():
    """With 400 pictures that are always right the test asks of ten others how many are wrong, and two wrong show it."""
    assert power(400, 10, 1.0, 0.5, 0.05) == pytest.approx(1 - binom.cdf(1, 10, 0.5), abs=1e-6)


def test_nothing_is_found_without_an_arm_and_more_with_more_pictures():
    assert power(50, 0, 0.9, 0.5, 0.05) == 0.0
    few, some, many = (power(100, n, 0.95, 0.6, 0.001) for n in (10, 20, 80))
    assert few < some < many
    assert many > 0.98


def test_no_difference_is_shown_hardly_ever():
    assert power(100, 100, 0.8, 0.8, 0.05) < 0.01


def test_of_several_pairs_the_one_that_tells_most_counts():
    weak = {"n_with": 90, "n_without": 5, "accuracy": 0.9, "effect": 0.2}
    strong = {"n_with": 50, "n_without": 50, "accuracy": 0.9, "effect": 0.5}
    assert chances([weak, strong]) == chances([strong])
    assert set(chances([weak])) == {"0.05", "0.001"}
