import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from auditor.evidence.effects import exact_test, significance
from auditor.evidence.effects.exact_test import exact_p_above, exact_p_of_change
from auditor.evidence.effects.significance import TwoArms

DELTA = 0.05


def p_of(x1, n1, x0, n0, difference=DELTA):
    return exact_p_above(TwoArms.of(x1, n1, x0, n0), difference)


def size(n1, n0, rate, level):
    """How often p <= level where the rates differ by exactly DELTA: a sum over every table of x1 and x0."""
    weights = [stats.binom.pmf(np.arange(n + 1), n, p) for n, p in ((n1, rate), (n0, rate - DELTA))]
    total = 0.0
    for x0 in range(n0 + 1):
        low, high = 0, n1 + 1  # p falls as x1 grows
        while low < high:
            x1 = (low + high) // 2
            low, high = (low, x1) if p_of(x1, n1, x0, n0) <= level else (x1 + 1, high)
        total += weights[1][x0] * weights[0][low:].sum()
    return total


@pytest.mark.parametrize("level", [1.1e-3, 1e-5])
@pytest.mark.parametrize(("n1", "n0"), [(380, 10), (380, 40), (60, 20), (20, 60), (10, 10)])
def test_level_holds_at_the_boundary(n1, n0, level):
    assert size(n1, n0, 0.95, level) <= 1.1 * level


def test_score_test_does_not_hold_its_level_there():
    # what this test is for: 380 and 10 pictures, 95 % recognised, a p of .00001 57 times too often
    x1, x0 = np.meshgrid(np.arange(381), np.arange(11), indexing="ij")
    p = significance.p_above(TwoArms.of(x1[..., None], 380, x0[..., None], 10), DELTA)
    weights = stats.binom.pmf(x1, 380, 0.95) * stats.binom.pmf(x0, 10, 0.90)
    assert weights[p <= 1e-5].sum() == pytest.approx(5.7e-4, rel=0.02)
    assert weights[p <= 1.1e-3].sum() == pytest.approx(7.9e-3, rel=0.02)


@pytest.mark.parametrize(
    "table", [(9, 10, 9, 20), (45, 50, 20, 40), (3, 10, 0, 12), (361, 380, 6, 10), (14, 15, 20, 60)]
)
@pytest.mark.parametrize("difference", [0.0, DELTA, -0.1])
def test_p_is_the_sum_over_all_tables(table, difference):
    x1, n1, x0, n0 = table
    counts = (np.array([float(v)]) for v in (*table, difference))
    rate1, rate0 = (float(rate[0]) for rate in significance.constrained_rates(*counts))
    one, other = np.meshgrid(np.arange(n1 + 1), np.arange(n0 + 1), indexing="ij")
    as_large = one / n1 - other / n0 >= x1 / n1 - x0 / n0 - 1e-9
    p = (stats.binom.pmf(one, n1, rate1) * stats.binom.pmf(other, n0, rate0))[as_large].sum()
    assert p_of(x1, n1, x0, n0, difference) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize("table", [(7, 12, 2, 12), (18, 20, 11, 20), (10, 10, 6, 10)])
def test_of_equal_rates_it_is_close_to_barnard(table):
    # arms of one size, where Barnard's tables (by the pooled Wald statistic) and ours are nearly the same; his p is
    # the largest over all rates, ours that at the most likely one
    x1, n1, x0, n0 = table
    barnard = stats.barnard_exact([[x1, x0], [n1 - x1, n0 - x0]], alternative="greater").pvalue
    assert 0.7 * barnard < p_of(x1, n1, x0, n0, 0.0) < 1.3 * barnard


def test_many_pictures_give_the_score_test():
    for x1, n1, x0, n0 in [
        (50_200, 100_000, 44_700, 100_000),
        (60_500, 100_000, 5_450, 10_000),
        (54_000, 90_000, 108_000, 200_000),
    ]:
        score = float(significance.p_above(TwoArms.of(x1, n1, x0, n0), DELTA))
        assert p_of(x1, n1, x0, n0) == pytest.approx(score, rel=0.05)


def brute(x1, n1, x0, n0):
    """The same by listing every outcome of few small strata."""
    x1, n1, x0, n0 = (np.asarray(v, dtype=float) for v in (x1, n1, x0, n0))
    w = n1 * n0 / (n1 + n0)
    w /= w.sum()
    rate1, rate0 = significance.constrained_rates(x1, n1, x0, n0, np.full_like(x1, DELTA))
    values, weights = np.zeros(1), np.ones(1)
    for s in range(x1.size):
        estimated = np.sqrt((n1[s] + n0[s]) / (n1[s] + n0[s] - 1))
        for n, rate, sign in ((int(n1[s]), rate1[s], 1), (int(n0[s]), rate0[s], -1)):
            x = np.arange(n + 1)
            values = (values[:, None] + sign * estimated * w[s] * (x / n - rate)).ravel()
            weights = (weights[:, None] * stats.binom.pmf(x, n, rate)).ravel()
    return weights[values >= (w * (x1 / n1 - x0 / n0 - DELTA)).sum() - 1e-9].sum()


@pytest.mark.parametrize(
    "strata",
    [
        ([7, 3], [8, 3], [1, 0], [4, 2]),
        ([6, 8, 6], [6, 8, 7], [1, 1, 2], [4, 3, 5]),
        ([5, 4], [6, 5], [1, 0], [4, 4]),
        ([6, 5], [6, 5], [0, 0], [4, 4]),  # nothing can be larger
    ],
)
def test_strata_by_hand(strata):
    expected = brute(*strata)
    assert expected * (1 - 1e-6) <= p_of(*strata) <= 1.25 * expected


def test_strata_are_a_hair_above_the_sum_of_one_table():
    for x1, n1, x0, n0 in [(361, 380, 4, 10), (361, 380, 30, 40), (98, 100, 20, 30), (900, 1000, 800, 1000)]:
        counts = (np.array([float(v)]) for v in (x1, n1, x0, n0, DELTA))
        rate1, rate0 = (float(rate[0]) for rate in significance.constrained_rates(*counts))
        n, rate, step = (np.array(v) for v in ((n1, n0), (rate1, 1 - rate0), (1 / n1, 1 / n0)))
        inverted = exact_test._several_strata(n, rate, step, x1 / n1 - x0 / n0 - DELTA)
        assert 1 <= inverted / p_of(x1, n1, x0, n0) < 1.2


def test_level_holds_in_thin_strata():
    # 5 strata of 76 and 2 pictures: tables drawn where the difference is large, and weighed back (the score test's p
    # of .001 comes 4 to 7 times too often here)
    rng, n1, n0, level, tilt = np.random.default_rng(0), 76, 2, 1e-3, 3.2
    rate1, rate0 = np.array([0.75, 0.85, 0.95, 0.95, 0.97]), np.array([0.70, 0.80, 0.90, 0.90, 0.92])
    drawn = 1 - (1 - rate0) * np.exp(tilt / n0) / (rate0 + (1 - rate0) * np.exp(tilt / n0))
    x1, x0 = rng.binomial(n1, rate1, (600, 5)), rng.binomial(n0, drawn, (600, 5))
    weights = np.exp((stats.binom.logpmf(x0, n0, rate0) - stats.binom.logpmf(x0, n0, drawn)).sum(axis=1))
    shown = np.array([p_of(one, n1, other, n0) <= level for one, other in zip(x1, x0, strict=True)])
    assert (weights * shown).mean() <= 1.1 * level


def test_strata_without_both_arms_count_for_nothing():
    assert p_of([20, 3, 0], [20, 5, 0], [8, 0, 4], [20, 0, 9]) == p_of(20, 20, 8, 20)
    assert p_of([3, 0], [5, 0], [0, 2], [0, 9]) == 1.0


def test_rates_that_leave_no_doubt():
    # given a difference of .05, no success at all is most likely with p1 = .05 and p0 = 0
    assert p_of(0, 40, 0, 40) == pytest.approx(1.0)
    assert p_of([0, 0], [40, 20], [0, 0], [40, 20]) == pytest.approx(1.0, abs=0.01)
    assert p_of(2, 40, 0, 40) == pytest.approx(stats.binom.sf(1, 40, 0.05))


def test_parts_of_pictures():
    # no more than the tested difference proves nothing, however little the pictures are worth
    assert p_of(0.4, 0.4, 0.4, 0.4) > 0.5
    assert p_of([1.6, 0], [1.6, 0.7], [2, 0], [2, 0.7]) > 0.5
    assert exact_p_of_change(0.0, 0.0, 9.5, DELTA) == pytest.approx(1.0)
    # 12.5 and 7.5 pictures: between the next whole numbers, at the same rates
    more, fewer = p_of(13 * 0.9, 13, 8 * 0.2, 8), p_of(12 * 0.9, 12, 7 * 0.2, 7)
    assert more < p_of(12.5 * 0.9, 12.5, 7.5 * 0.2, 7.5) < 1.5 * fewer
    # what a few copies in many pictures cost is little
    assert p_of(361 * 379 / 380, 379, 4 * 0.99, 9.9) == pytest.approx(p_of(361, 380, 4, 10), rel=0.3)
    # an arm that is worth less than a picture says less than one that is worth one
    assert p_of([20, 1], [20, 1], [2, 0], [10, 0.5]) >= 0.99 * p_of([20, 1], [20, 1], [2, 0], [10, 1])


counts = st.integers(1, 40)


@given(st.lists(st.tuples(counts, counts, counts, counts), min_size=1, max_size=3), st.integers(0, 2))
def test_p_is_a_chance_that_falls_as_the_difference_grows(strata, which):
    x1, miss1, x0, miss0 = (np.array(column) for column in zip(*strata, strict=True))
    before = p_of(x1, x1 + miss1, x0, x0 + miss0)
    s = which % len(strata)
    up, down = x1.copy(), x0.copy()
    up[s] += 1
    down[s] -= 1
    assert 0 <= before <= 1
    # one picture more is right with it, or wrong without it; several strata are known to within the blur
    slack = 1 + 1e-9 if len(strata) == 1 else 1.3
    assert p_of(up, x1 + miss1, x0, x0 + miss0) <= before * slack
    assert p_of(x1, x1 + miss1, down, x0 + miss0) <= before * slack


@pytest.mark.parametrize(("b", "c", "n"), [(12, 0, 40), (10, 2, 20), (30, 5, 100), (10, 0, 10), (0, 0, 10), (3, 9, 30)])
def test_p_of_change_is_the_sum_over_all_changes(b, c, n):
    more, fewer = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    possible = more + fewer <= n
    more, fewer = more[possible], fewer[possible]
    grid = np.linspace(0, 0.475, 190_001)[1:-1]
    likelihood = b * np.log(grid + DELTA) + c * np.log(grid) + (n - b - c) * np.log(1 - 2 * grid - DELTA)
    back = grid[likelihood.argmax()]
    chance = stats.multinomial.pmf(
        np.stack([more, fewer, n - more - fewer], axis=1), n, [back + DELTA, back, 1 - 2 * back - DELTA]
    )
    assert exact_p_of_change(b / n, c / n, n, DELTA) == pytest.approx(chance[more - fewer >= b - c].sum(), rel=1e-3)


@pytest.mark.parametrize("level", [1.1e-3, 1e-5])
@pytest.mark.parametrize("n", [10, 30, 60])
def test_level_of_changes_holds(n, level):
    more, fewer = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    possible = more + fewer <= n
    pairs = np.stack([more[possible], fewer[possible], n - (more + fewer)[possible]], axis=1)
    shown = np.array([exact_p_of_change(b / n, c / n, n, DELTA) <= level for b, c, _ in pairs])
    for back in (0.0, 0.01, 0.05, 0.2, 0.4):
        rates = [back + DELTA, back, 1 - 2 * back - DELTA]
        assert stats.multinomial.pmf(pairs[shown], n, rates).sum() <= 1.1 * level


@pytest.mark.parametrize("kind", [TwoArms, significance.PresentArms])
def test_strata_of_equal_counts_taken_together_give_the_p_of_each_on_its_own(kind, monkeypatch):
    rng = np.random.default_rng(5)
    n1, n0 = rng.integers(2, 6, 60), rng.integers(3, 9, 60)
    arms = kind(*(a.astype(float) for a in (rng.binomial(n1, 0.25), n1, rng.binomial(n0, 0.08), n0)))
    together, interval = exact_p_above(arms, DELTA), significance.score_interval(arms)
    assert significance.distinct_strata(arms)[1].max() > 1

    def each(table):
        return table, np.ones(table.x1.size)

    monkeypatch.setattr(exact_test, "distinct_strata", each)
    monkeypatch.setattr(significance, "distinct_strata", each)
    assert together == pytest.approx(exact_p_above(arms, DELTA), rel=1e-9)
    np.testing.assert_allclose(interval, significance.score_interval(arms), atol=1e-6)  # a step of the bisection
    assert 1e-9 < together < 0.5


def test_strata_that_all_differ_stay_as_they_are():
    arms = TwoArms.of([3, 1, 2], [9, 5, 7], [1, 1, 0], [4, 6, 8])
    same, times = significance.distinct_strata(arms)
    assert same is arms
    assert times.tolist() == [1, 1, 1]
    rows, times = significance.distinct_strata(TwoArms.of([3, 1, 3], [9, 5, 9], [1, 1, 1], [4, 6, 4]))
    assert sorted(zip(rows.x1.tolist(), times.tolist(), strict=True)) == [(1.0, 1.0), (3.0, 2.0)]
