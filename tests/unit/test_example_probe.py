"""A probe on hand-made features: what it learns, what it is told by, and that a class is no concept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.evidence.presence.example_probe import fit_probe, varying_within

N = 40
YES = np.arange(N) % 2 == 0
CLASSES = np.arange(N) // 2 % 2
ALONE = np.arange(N)


def features(concept=3.0, of_class=0.0, noise=1.0, seed=0):
    """(40, 6): the concept in column 0, the class in column 1."""
    rows = np.random.default_rng(seed).normal(0, noise, (N, 6))
    rows[:, 0] += concept * (YES - 0.5)
    rows[:, 1] += of_class * (CLASSES - 0.5)
    return rows.astype(np.float32)


def test_examples_without_noise_are_told_exactly():
    probe = fit_probe(features(noise=0.0), YES, CLASSES, ALONE, seed=0)
    assert (probe.auc, probe.kappa) == (1.0, 1.0)
    assert probe.p < 1e-6
    assert probe.direction[0] > 0
    assert np.abs(probe.direction[1:]).max() < 1e-6
    presence = probe.presence(np.array([[3, 0, 0, 0, 0, 0], [-3, 9, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.float32))
    assert presence[0] > 0.9
    assert presence[1] < 0.1
    assert presence[2] == pytest.approx(0.5, abs=1e-6)


def test_what_only_tells_the_classes_is_not_learnt():
    """In class 1 ten times as many show it; the class is as loud as the concept."""
    yes = np.array([True] * 18 + [False] * 2 + [True] * 2 + [False] * 18)
    classes = np.repeat([0, 1], 20)
    rows = np.zeros((N, 2), np.float32)
    rows[:, 0] = yes
    rows[:, 1] = classes == 0
    probe = fit_probe(rows, yes, classes, ALONE, seed=0)
    assert abs(probe.direction[1]) < 1e-6
    assert probe.direction[0] > 0.1


def test_however_loud_the_class_is_presence_does_not_hear_it():
    plain, classy = (fit_probe(features(of_class=size), YES, CLASSES, ALONE, seed=0) for size in (8.0, 80.0))
    assert classy.auc == pytest.approx(plain.auc, abs=0.02)
    assert min(plain.kappa, classy.kappa) > 0.6
    of_one, of_other = (classy.presence(features() + np.eye(6, dtype=np.float32)[1] * by) for by in (-10, 10))
    assert np.abs(of_one - of_other).mean() < 0.1
    assert ((of_one > 0.5) == (of_other > 0.5)).mean() > 0.9


def test_noise_is_at_chance():
    found = [fit_probe(features(concept=0.0, seed=seed), YES, CLASSES, ALONE, seed=0) for seed in range(12)]
    assert sum(one.p < 0.05 for one in found) <= 3
    assert all(one.kappa < 0.6 for one in found)
    upside_down = [one for one in found if one.auc < 0.3]
    assert upside_down
    assert all(one.kappa <= 0 and not one.direction.any() for one in upside_down)


def test_groups_are_not_parted():
    """Twenty pictures taken twice, with nothing to learn: only who is alike tells them."""
    twice = np.repeat(np.random.default_rng(1).normal(size=(20, 60)), 2, axis=0).astype(np.float32)
    yes, one_class = np.repeat(np.arange(20) % 2 == 0, 2), np.zeros(N, np.int64)
    apart = fit_probe(twice, yes, one_class, np.repeat(np.arange(20), 2), seed=0)
    mixed = fit_probe(twice, yes, one_class, ALONE, seed=0)
    assert mixed.kappa > 0.6
    assert apart.kappa < 0.4


def test_only_classes_with_both_sides_count():
    classes = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    yes = np.array([True, True, False, False, True, True, True, True, False])
    assert varying_within(classes, yes).tolist() == [True] * 4 + [False] * 5


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(0.01, 100), shift=st.floats(-10, 10))
def test_scale_and_origin_of_the_features_change_nothing(scale, shift):
    rows = features(seed=3)
    one = fit_probe(rows, YES, CLASSES, ALONE, seed=0)
    moved = rows.astype(np.float64) * scale + shift
    other = fit_probe(moved.astype(np.float32), YES, CLASSES, ALONE, seed=0)
    assert other.auc == pytest.approx(one.auc, abs=0.01)
    assert other.presence(moved.astype(np.float32)) == pytest.approx(one.presence(rows), abs=0.02)
