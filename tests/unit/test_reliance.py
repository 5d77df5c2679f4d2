import numpy as np
import pytest

from auditor.evidence.effects.reliance import (
    assign_class_folds,
    assign_folds,
    erasure_effect,
    margin_loss,
    tells,
    varying_pictures,
)


def test_folds_keep_groups_together_and_follow_ids():
    ids = [f"{i:04d}" for i in range(300)]
    groups = np.arange(300) // 4
    folds = assign_folds(ids, groups, seed=0)
    assert all(len(set(folds[groups == g])) == 1 for g in range(75))
    assert sorted(set(folds)) == [0, 1, 2, 3, 4]
    shuffle = np.random.default_rng(0).permutation(300)
    # other codes for the same groups, other rows: the same folds
    again = assign_folds([ids[i] for i in shuffle], 99 - groups[shuffle], seed=0)
    assert again.tolist() == folds[shuffle].tolist()
    assert assign_folds(ids, None, seed=0).tolist() != assign_folds(ids, None, seed=1).tolist()


def test_class_folds():
    assert assign_class_folds(["a", "b", "c"]).tolist() == [0, 1, 2]
    names = [f"class {i}" for i in range(200)]
    folds = assign_class_folds(names)
    assert folds.max() < 20
    assert assign_class_folds(names[::-1]).tolist() == folds[::-1].tolist()


def test_what_is_erased_tells_the_concept_where_the_correlation_is_surely_positive():
    labels = np.repeat([0, 1], 10)
    q = np.tile([1.0, -1.0], 10).astype(np.float32)
    noise = np.tile([2.0, 2.0, -2.0, -2.0, 0.0], 4).astype(np.float32)

    def correlated(r):
        within = noise - noise.reshape(2, 10).mean(axis=1)[labels]
        within -= q * (within @ q) / (q @ q)
        return (r * q + np.sqrt(1 - r**2) * within * np.sqrt((q @ q) / (within @ within)) + 5 * labels).astype("f4")

    # Fisher: tanh(1.645 / sqrt(20 - 2 - 2)) = .389 is the least of 20 pictures in two classes
    assert tells(correlated(0.40), q, labels)
    assert not tells(correlated(0.38), q, labels)
    assert not tells(correlated(-0.9), q, labels)
    assert not tells(np.zeros_like(q), q, labels)
    # ten groups are ten: tanh(1.645 / sqrt(10 - 2 - 2)) = .586
    groups = np.arange(20) // 2
    assert tells(correlated(0.6), q, labels, groups=groups)
    assert not tells(correlated(0.58), q, labels, groups=groups)


def test_varying_pictures_by_hand():
    labels = np.array([0] * 10 + [1] * 10 + [-1] * 5)
    present = np.array([True] * 3 + [False] * 7 + [True] * 10 + [True] * 5)
    assert varying_pictures(present, labels, 3).tolist() == [3, 0, 0]


def test_did_of_recall_by_hand():
    # with v: 100 pictures, 90 called c, 50 of these lost; without: 40 called c of 50, 5 gained
    present = np.repeat([True, False], [100, 50])
    before = np.r_[np.zeros(90), np.ones(10), np.zeros(40), np.ones(10)].astype(np.int64)
    after = np.r_[np.ones(50), np.zeros(40), np.ones(10), np.zeros(45), np.ones(5)].astype(np.int32)
    result = erasure_effect(before == 0, after == 0, present, np.zeros(150, dtype=np.int64))
    assert result.effect == pytest.approx(0.5 - (-0.1))
    # Bonett and Price: one more of either change in each arm
    p1, p0 = np.array([51, 1]) / 102, np.array([1, 6]) / 52
    variance = sum((p.sum() - (p[0] - p[1]) ** 2) / (n + 2) for p, n in ((p1, 100), (p0, 50)))
    centre = (p1[0] - p1[1]) - (p0[0] - p0[1])
    assert result.low == pytest.approx(centre - 1.96 * np.sqrt(variance), abs=1e-3)
    assert result.high == pytest.approx(centre + 1.96 * np.sqrt(variance), abs=1e-3)


def test_did_of_pull_by_hand():
    # source 1: 20 with v, 10 of them called c before and none after; 20 without, nothing changes. Source 2: no change.
    source = np.repeat([1, 2], [40, 30])
    present = np.r_[np.repeat([True, False], 20), np.repeat([True, False], [10, 20])]
    before = np.where(np.arange(70) < 10, 0, source)
    result = erasure_effect(before == 0, source == 0, present, source)
    w1, w2 = 10, 20 / 3
    assert result.effect == pytest.approx(w1 * 0.5 / (w1 + w2))


def test_unchanged_arms_are_not_certain():
    present = np.repeat([True, False], [12, 12])
    called = np.ones(24, dtype=bool)
    result = erasure_effect(called, called, present, np.zeros(24, dtype=np.int64))
    assert result.effect == 0
    assert result.low < -0.1
    assert result.high > 0.1


def test_too_few():
    present = np.repeat([True, False], [50, 9])
    called = np.ones(59, dtype=bool)
    assert erasure_effect(called, called, present, np.zeros(59, dtype=np.int64)).status == "too_few"


def test_groups_widen_the_interval():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(40), 5)
    present = group < 20
    before, source = np.ones(200, dtype=bool), np.zeros(200, dtype=np.int64)
    after = (rng.random(40) < 0.6)[group]
    alone = erasure_effect(before, after, present, source)
    grouped = erasure_effect(before, after, present, source, groups=group)
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_part_of_the_margin_by_hand():
    present = np.arange(40) < 20
    noise = np.tile([-0.1, 0.1], 20)
    before = np.where(present, 5.0, 1.0) + noise  # v makes a difference of 4
    after = np.where(present, 2.0, 1.0) + noise  # erasure leaves 1 of it
    found = margin_loss(before, after, present)
    assert (found.effect, found.n_present, found.n_absent) == (pytest.approx(0.75), 20, 20)
    # D is 3 or 0 without spread; e = D - 0.75 m spreads by 0.075 in both arms: se = sqrt(2 * 0.075**2 / 19) / 4
    half = 1.959964 * np.sqrt(2 * 0.075**2 / 19) / 4
    assert (found.low, found.high) == (pytest.approx(0.75 - half), pytest.approx(0.75 + half))


def test_part_of_the_margin_by_groups_is_less_certain():
    present = np.arange(80) < 40
    before = np.where(present, 5.0, 1.0) + np.repeat(np.tile([-0.1, 0.1], 10), 4)
    after = np.where(present, 2.0, 1.0)
    alone, grouped = (margin_loss(before, after, present, groups=g) for g in (None, np.arange(80) // 4))
    assert grouped.effect == alone.effect
    # four equal pictures a group: half the precision, and 10 / 9 in place of 40 / 39
    assert grouped.high - grouped.low == pytest.approx(2 * np.sqrt(390 / 360) * (alone.high - alone.low))
    assert margin_loss(before, after, present, groups=np.arange(80) // 8).status == "too_few"


def test_margin_that_does_not_go_with_the_concept_identifies_nothing():
    noise = np.tile([-1.0, 1.0], 20)
    assert margin_loss(noise, noise, np.arange(40) < 20).status == "not_identified"
    assert margin_loss(noise, noise, np.arange(40) < 5).status == "too_few"
