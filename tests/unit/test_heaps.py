"""Numbers that fall into two heaps, and numbers that do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.inputs.heaps import heap_edge


@pytest.mark.parametrize("part", [0.15, 0.5, 0.8])
@pytest.mark.parametrize("scale", ["as they are", "ratios"])
def test_two_heaps_are_cut_between_them(part: float, scale: str) -> None:
    rng = np.random.default_rng(3)
    n = 400
    upper = np.arange(n) < part * n
    x = rng.normal(size=n) + 6.5 * upper
    x = np.exp(0.6 * x - 5) if scale == "ratios" else x
    edge = heap_edge(np.sort(x))
    assert edge is not None
    assert ((x >= edge) == upper).mean() > 0.99
    assert edge in x


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["normal", "even", "exponential", "lognormal"]), st.integers(500, 2000))
def test_one_heap_is_not_cut(seed: int, sort: str, n: int) -> None:
    rng = np.random.default_rng(seed)
    draws = {
        "normal": rng.normal(size=n), "even": rng.uniform(size=n),
        "exponential": rng.exponential(size=n), "lognormal": rng.lognormal(size=n),
    }  # fmt: skip
    assert heap_edge(np.sort(draws[sort])) is None


def test_a_heap_is_a_tenth_of_the_numbers_and_twenty_of_them() -> None:
    near = np.linspace(0, 1, 100)
    assert heap_edge(np.r_[near, np.linspace(9, 10, 20)]) == 9
    assert heap_edge(np.r_[near, np.linspace(9, 10, 19)]) is None
    assert heap_edge(np.r_[np.linspace(0, 1, 1000), np.linspace(9, 10, 90)]) is None


def test_three_heaps_are_not_two() -> None:
    rng = np.random.default_rng(1)
    three = np.concatenate([rng.normal(centre, 0.3, size=200) for centre in (0, 10, 20)])
    assert heap_edge(np.sort(three)) is None
    sizes = np.repeat([640.0, 1280.0, 2560.0], 190)
    assert heap_edge(np.sort(np.r_[sizes, rng.uniform(600, 2600, size=30)])) is None


def test_one_blank_picture_does_not_keep_ratios_from_being_seen() -> None:
    rng = np.random.default_rng(2)
    sharp = np.exp(np.r_[rng.normal(-5, 0.4, size=100), rng.normal(-1, 0.4, size=100)])
    alone, with_blank = heap_edge(np.sort(sharp)), heap_edge(np.sort(np.r_[0.0, sharp]))
    assert alone == with_blank is not None


def test_by_hand() -> None:
    # an even spread of 40 over 1 has a standard deviation of sqrt(41 / (12 * 39)) = .296; negative, so no logarithms
    lower = np.linspace(-3, -2, 40)
    for distance, expected in ((3.9, None), (4.1, -3 + 4.1 * 0.296)):
        assert heap_edge(np.r_[lower, lower + distance * 0.296]) == pytest.approx(expected)
    assert heap_edge(np.zeros(0)) is None
    assert heap_edge(np.ones(100)) is None
    # two values alone lie infinitely far apart
    assert heap_edge(np.repeat([1.0, 2.0], 30)) == 2
