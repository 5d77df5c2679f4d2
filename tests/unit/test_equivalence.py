from dataclasses import replace

import numpy as np
import pytest
from evidence_world import World
from scipy import optimize, special, stats

from auditor.evidence.effects import equivalence
from auditor.evidence.effects.gaps import design_effect
from auditor.evidence.effects.significance import TwoArms, score_interval, score_z
from auditor.evidence.pairs.measure import measure

TABLES = [(45, 50, 20, 40), (3, 12, 0, 10), (10, 10, 2, 11), (5, 200, 5, 300), (0, 15, 0, 20), (96, 100, 31, 212)]


def bound_by_hand(x1, n1, x0, n0):
    """Differences at which the score statistic is the 98th percentile, the most likely rates found by a search."""

    def statistic(difference):
        def loss(rate):
            return -(stats.binom.logpmf(x1, n1, rate) + stats.binom.logpmf(x0, n0, rate - difference))

        within = (max(difference, 0) + 1e-12, min(1 + difference, 1) - 1e-12)
        one = optimize.minimize_scalar(loss, bounds=within, method="bounded", options={"xatol": 1e-12}).x
        other, n = one - difference, n1 + n0
        return (x1 / n1 - x0 / n0 - difference) / np.sqrt(
            (one * (1 - one) / n1 + other * (1 - other) / n0) * n / (n - 1)
        )

    z = stats.norm.ppf(0.98)
    seen = x1 / n1 - x0 / n0
    high = optimize.brentq(lambda d: statistic(d) + z, seen + 1e-3, 1 - 1e-6)
    low = optimize.brentq(lambda d: statistic(d) - z, -1 + 1e-6, seen - 1e-3)
    return max(high, -low)


@pytest.mark.parametrize("table", TABLES)
def test_bound_of_one_table_by_hand(table):
    assert float(equivalence.recall_bounds(TwoArms.of(*table))) == pytest.approx(bound_by_hand(*table), abs=1e-4)


def test_bound_of_one_table_in_figures():
    """30 pictures without, of which two are missed: 18 points; one picture more missed and it is 22."""
    bounds = equivalence.recall_bounds(TwoArms.of([[257], [257]], [[270], [270]], [[28], [27]], [[30], [30]]))
    assert bounds.tolist() == pytest.approx([0.1763, 0.2193], abs=1e-4)


def test_bounds_of_many_tables_are_those_of_the_score_interval():
    rng = np.random.default_rng(0)
    n1, n0 = rng.integers(10, 600, (2, 500))
    rate = rng.choice([0, 0.01, 0.5, 0.97, 1], 500)
    x1, x0 = rng.binomial(n1, rate), rng.binomial(n0, np.clip(rate + rng.choice([-0.3, 0, 0.1], 500), 0, 1))
    tables = TwoArms.of(*(a[:, None] for a in (x1, n1, x0, n0)))
    low, high = score_interval(tables, confidence=0.96)
    assert equivalence.recall_bounds(tables) == pytest.approx(np.maximum(high, -low), abs=1e-4)


def test_both_directions_count():
    forth, back = TwoArms.of(50, 50, 30, 50), TwoArms.of(30, 50, 50, 50)
    assert float(equivalence.recall_bounds(forth)) == pytest.approx(float(equivalence.recall_bounds(back)), abs=1e-6)
    assert float(equivalence.recall_bounds(forth)) > 0.5


def test_an_arm_of_nine_bounds_nothing():
    assert equivalence.recall_bounds(TwoArms.of([[9], [10]], [[9], [10]], [[90], [90]], [[90], [90]])).tolist() == [
        1.0,
        pytest.approx(0.3, abs=0.05),
    ]


@pytest.fixture(scope="module")
def inputs():
    return World(seed=1, class_strength=0.6).audit(80)


def strata_of(inputs, measured, c, v, present):
    """The table of the pull on one class, class by class, as the score interval takes it."""
    called = inputs.predicted_idx == c
    counts = [
        [np.sum(among & (inputs.label_idx == k)) for k in range(len(inputs.class_names)) if k != c]
        for arm in (present[:, v], ~present[:, v])
        for among in (arm & called, arm)
    ]
    return TwoArms.of(*counts)


def test_pull_with_silent_classes_is_the_score_test_over_all_strata(inputs):
    measured = measure(inputs, lambda *_: None)
    strata = equivalence.PullStrata.of(measured.n_with, measured.n_without)
    chosen = np.arange(14)
    silent = 0
    for c in range(5):
        found = equivalence.pull_bounds(
            inputs, measured.present, measured.known, strata, c, chosen, np.zeros(chosen.size)
        )
        for v in chosen:
            table = strata_of(inputs, measured, c, v, measured.present)
            silent += int(((table.x1 + table.x0) == 0).sum())
            low, high = score_interval(table, confidence=0.96)
            assert found[v] == pytest.approx(float(max(high, -low)), abs=1e-4)
    assert silent > 10


def test_a_pull_below_what_is_asked_for_is_not_looked_for(inputs):
    measured = measure(inputs, lambda *_: None)
    strata = equivalence.PullStrata.of(measured.n_with, measured.n_without)
    arguments = inputs, measured.present, measured.known, strata, 0, np.arange(14)
    exact = equivalence.pull_bounds(*arguments, np.zeros(14))
    at_least = np.where(np.arange(14) % 2, exact + 0.01, exact - 0.01)
    assert equivalence.pull_bounds(*arguments, at_least) == pytest.approx(np.maximum(exact, at_least), abs=1e-4)


def test_pull_of_copies_is_that_of_the_counts(inputs):
    """Each picture of the other classes twice, as copies: the same bound as once."""
    measured = measure(inputs, lambda *_: None)
    n = len(inputs.image_ids)
    rows = np.concatenate([np.arange(n), np.flatnonzero(inputs.label_idx != 2)])
    doubled = replace(
        inputs,
        image_ids=tuple(str(i) for i in range(rows.size)),
        copies=rows,
        **{
            name: getattr(inputs, name)[rows]
            for name in ("label_idx", "predicted_idx", "shares", "residuals", "presence", "embeddings")
        },
        class_prompt_score=inputs.class_prompt_score[rows],
    )
    strata = equivalence.PullStrata.of(measured.n_with, measured.n_without)
    once, twice = (
        equivalence.pull_bounds(
            one, one.presence > 0.5, np.isfinite(one.presence), strata, 2, np.arange(14), np.zeros(14)
        )
        for one in (inputs, doubled)
    )
    assert twice == pytest.approx(once, abs=1e-6)


def test_design_effects_are_those_of_one_gap(inputs):
    rng = np.random.default_rng(2)
    groups = rng.integers(60, size=len(inputs.image_ids))
    presence = inputs.presence.copy()
    presence[rng.random(presence.shape) < 0.1] = np.nan
    clustered = replace(inputs, groups=groups, presence=presence)
    present, known = presence > 0.5, np.isfinite(presence)
    chosen = np.array([0, 3, 9, 13])
    recall, pull = equivalence.group_effects(clustered, present, known, chosen)
    for c in range(5):
        own = inputs.label_idx == c
        for at, v in enumerate(chosen):
            for arm, there in enumerate((present[:, v], known[:, v] & ~present[:, v])):
                for found, among in ((recall, own & there), (pull, ~own & there)):
                    expected = design_effect(inputs.predicted_idx[among] == c, groups[among])
                    assert found.design[arm, c, at] == pytest.approx(expected, abs=1e-6)
                    assert found.n_groups[arm, c, at] == np.unique(groups[among]).size


def test_design_effects_are_the_same_block_by_block(inputs, monkeypatch):
    clustered = replace(inputs, groups=np.arange(len(inputs.image_ids)) // 3)
    present, known = inputs.presence > 0.5, np.isfinite(inputs.presence)
    expected = equivalence.group_effects(clustered, present, known, np.arange(14))
    monkeypatch.setattr(equivalence, "_GATHERED", 400)
    found = equivalence.group_effects(clustered, present, known, np.arange(14))
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.design, other.design)
        assert np.array_equal(one.n_groups, other.n_groups)
    assert equivalence.group_effects(inputs, present, known, np.arange(14)) is None


def test_groups_widen_bounds():
    table = TwoArms.of([[95]], [[100]], [[57]], [[60]])
    alone = float(equivalence.recall_bounds(table)[0])
    grouped = equivalence.ArmEffects(np.array([[2.0], [2.0]]), np.array([[50.0], [30.0]]))
    halved = equivalence.recall_bounds(TwoArms.of([[47.5]], [[50]], [[28.5]], [[30]]))
    assert equivalence.recall_bounds(table, grouped) == pytest.approx(halved)
    assert float(halved[0]) > alone
    few = equivalence.ArmEffects(np.ones((2, 1)), np.array([[50.0], [9.0]]))
    assert equivalence.recall_bounds(table, few).tolist() == [1.0]


def test_pictures_that_bound_a_gap_that_is_not_there():
    """At recall 95, 85 and 70 %, where the other arm has 270 pictures, and where it has no more."""
    assert [equivalence.pictures_to_bound(rate, 270, 0.2) for rate in (0.95, 0.85, 0.7)] == [36, 59, 84]
    assert [equivalence.pictures_to_bound(rate, 0, 0.2) for rate in (0.95, 0.85, 0.7)] == [45, 82, 121]
    assert equivalence.pictures_to_bound(0.85, 270, 0.001) is None


@pytest.mark.parametrize("size", [0.02, 0.05, 0.2])
def test_one_look_tells_whether_a_bound_lies_beyond_a_size(size):
    rng = np.random.default_rng(0)
    n1, n0 = rng.integers(10, 2000, (2, 500, 1))
    tables = TwoArms.of(rng.binomial(n1, rng.random((500, 1))), n1, rng.binomial(n0, rng.random((500, 1))), n0)
    near = TwoArms.of(rng.binomial(n1, 0.9), n1, rng.binomial(n0, 0.9), n0)
    for some in (tables, near):
        beyond = equivalence.recall_bounds(some) > size
        assert beyond.sum() > 0
        np.testing.assert_array_equal(equivalence._lets_stand(some, size), beyond)


@pytest.mark.parametrize("rate", [0.95, 0.85, 0.7])
def test_so_many_pictures_do_it_four_times_in_five(rate):
    n = equivalence.pictures_to_bound(rate, 270, 0.2)
    x0, x1 = np.arange(n + 1), np.arange(271)
    bounds = equivalence.recall_bounds(TwoArms.of(x1[:, None, None], 270, x0[None, :, None], n))
    chance = stats.binom.pmf(x1, 270, rate)[:, None] * stats.binom.pmf(x0, n, rate)[None]
    assert 0.77 < float(chance[bounds < 0.2].sum()) < 0.95


@pytest.mark.parametrize(("rate", "n1", "n0"), [(0.95, 270, 36), (0.85, 120, 90), (0.7, 100, 100)])
def test_a_gap_of_the_tolerance_is_bounded_below_it_once_in_fifty(rate, n1, n0):
    x1, x0 = np.arange(n1 + 1), np.arange(n0 + 1)
    bounds = equivalence.recall_bounds(TwoArms.of(x1[:, None, None], n1, x0[None, :, None], n0))
    chance = stats.binom.pmf(x1, n1, rate)[:, None] * stats.binom.pmf(x0, n0, rate - 0.2)[None]
    assert float(chance[bounds < 0.2].sum()) < 0.03


def test_level_is_the_one_that_is_named():
    assert abs(equivalence._Z - float(special.ndtri(0.98))) < 1e-12
    table = TwoArms.of(45, 50, 20, 40)
    assert abs(float(score_z(table, float(equivalence.recall_bounds(table))))) == pytest.approx(2.0537, abs=1e-3)
