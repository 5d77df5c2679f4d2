import numpy as np

from auditor.evidence.effects.strata import class_strata, difficulty_steps, sub_kinds


def test_quintiles():
    assert np.bincount(difficulty_steps(np.random.default_rng(0).random(100))).tolist() == [20] * 5
    assert difficulty_steps(np.full(7, 0.3)).tolist() == [2] * 7
    assert difficulty_steps(np.zeros(0)).size == 0


def test_sub_kinds_are_found_and_follow_the_pictures():
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], 70)
    rows = (np.eye(8)[kind] + 0.05 * rng.normal(size=(140, 8))).astype(np.float32)
    order = np.arange(140)
    found = sub_kinds(rows, order=order, seed=0)
    assert len(set(zip(kind.tolist(), found.tolist(), strict=True))) == 2
    shuffle = rng.permutation(140)
    assert sub_kinds(rows[shuffle], order=order[shuffle], seed=0).tolist() == found[shuffle].tolist()


def test_few_pictures_have_one_kind_and_only_difficulty_left():
    rows = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    strata = class_strata(rows, rows[:, 0], order=np.arange(50), seed=0)
    assert len(strata) == 1
    assert strata[0].max() == 4
