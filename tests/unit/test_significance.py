import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats import proportion

from auditor.evidence.effects import significance as sig
from auditor.evidence.effects.exact_test import exact_p_above

TABLES = [(45, 50, 20, 40), (3, 10, 0, 12), (10, 10, 2, 11), (5, 200, 5, 300), (0, 15, 0, 20), (96, 100, 31, 212)]


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [  # Newcombe (1998), table II, method 6 (Miettinen and Nurminen)
        ((56, 70, 48, 80), 0.0528, 0.3382),
        ((9, 10, 3, 10), 0.1700, 0.8406),
        ((5, 56, 0, 29), -0.0326, 0.1933),
        ((10, 10, 0, 20), 0.7156, 1.0),
    ],
)
def test_interval_equals_the_published_one(table, low, high):
    ours = sig.score_interval(sig.TwoArms.of(*table))
    assert (float(ours.low), float(ours.high)) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize("table", TABLES[:4])
def test_test_of_equal_rates_equals_statsmodels(table):
    # only at 0: for other differences statsmodels 0.15 (and before) solves a cubic with count0 * diff where the
    # paper has nobs0 * diff, so that its rates are not the maximum of the likelihood (see the next test)
    expected = proportion.test_proportions_2indep(*table, value=0, compare="diff", method="score", alternative="larger")
    arms = sig.TwoArms.of(*table)
    assert sig.score_z(arms, 0.0) == pytest.approx(expected.statistic, abs=1e-6)
    assert sig.p_above(arms, 0.0) == pytest.approx(expected.pvalue, abs=1e-6)


@pytest.mark.parametrize("table", TABLES[:4])
def test_interval_is_close_to_statsmodels_newcombe(table):
    low, high = proportion.confint_proportions_2indep(*table, compare="diff", method="newcomb")
    ours = sig.score_interval(sig.TwoArms.of(*table))
    assert (float(ours.low), float(ours.high)) == pytest.approx((low, high), abs=0.07)


@pytest.mark.parametrize("table", TABLES[:4])
@pytest.mark.parametrize("difference", [0.05, -0.1, 0.4])
def testconstrained_rates_maximise_the_likelihood(table, difference):
    x1, n1, x0, n0 = map(float, table)

    def loss(rate):
        other = rate - difference
        return -(stats.binom.logpmf(x1, n1, rate) + stats.binom.logpmf(x0, n0, other))

    bounds = (max(difference, 0) + 1e-9, min(1 + difference, 1) - 1e-9)
    best = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x
    rates = sig.constrained_rates(*(np.array(v) for v in (x1, n1, x0, n0, difference)))
    assert float(rates[0]) == pytest.approx(best, abs=1e-5)
    assert float(rates[0] - rates[1]) == pytest.approx(difference, abs=1e-9)


def test_difference_of_two_strata_by_hand():
    # stratum A: 8/10 - 2/10 = .6, w = 5; stratum B: 5/20 - 5/20 = 0, w = 10; (5 * .6 + 10 * 0) / 15 = .2
    arms = sig.TwoArms.of([8, 5], [10, 20], [2, 5], [10, 20])
    assert sig.risk_difference(arms) == pytest.approx(0.2)
    assert sig.score_z(arms, 0.2) == pytest.approx(0.0, abs=1e-12)


def test_score_statistic_by_hand():
    # H0: equal rates, so both constrained rates are 18/30 = .6; variance .24 (1/10 + 1/20) 30/29
    z = (0.9 - 0.45) / np.sqrt(0.24 * 0.15 * 30 / 29)
    assert sig.score_z(sig.TwoArms.of(9, 10, 9, 20), 0.0) == pytest.approx(z)


def test_one_stratum_split_into_two_alike_keeps_the_estimate_and_nearly_the_interval():
    one = sig.TwoArms.of(160, 200, 100, 200)
    two = sig.TwoArms.of([80, 80], [100, 100], [50, 50], [100, 100])
    assert sig.risk_difference(one) == pytest.approx(sig.risk_difference(two))
    assert sig.score_interval(one).low == pytest.approx(sig.score_interval(two).low, abs=2e-3)


def test_empty_arm_knows_nothing():
    arms = sig.TwoArms.of([3, 0], [5, 0], [0, 2], [0, 9])
    assert np.isnan(sig.risk_difference(arms))
    assert sig.p_above(arms, 0.05) == 1.0
    assert tuple(map(float, sig.score_interval(arms))) == (-1.0, 1.0)


def test_interval_covers():
    rng = np.random.default_rng(0)
    x1, x0 = rng.binomial(25, 0.8, 4000), rng.binomial(60, 0.5, 4000)
    low, high = sig.score_interval(sig.TwoArms.of(x1[:, None], [[25]], x0[:, None], [[60]]))
    assert 0.935 < np.mean((low <= 0.3) & (high >= 0.3)) < 0.965


def test_wilson_and_clopper_pearson_equal_scipy():
    for x, n in [(0, 7), (3, 10), (212, 212), (66, 212)]:
        result = stats.binomtest(x, n)
        wilson, exact = result.proportion_ci(method="wilson"), result.proportion_ci(method="exact")
        assert tuple(map(float, sig.wilson_interval(x, n))) == pytest.approx((wilson.low, wilson.high), abs=1e-12)
        assert sig.clopper_pearson(x, n) == pytest.approx((exact.low, exact.high))
    assert tuple(map(float, sig.wilson_interval(0, 0))) == (0.0, 1.0)


def test_benjamini_hochberg_equals_scipy():
    p = np.random.default_rng(1).random(37) ** 3
    assert sig.benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))
    assert sig.benjamini_hochberg([]).size == 0


def test_holm_by_hand():
    assert sig.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert sig.holm([0.01, 0.04], n_tests=10) == pytest.approx([0.1, 0.36])


def test_excluding_five_points_at_95_percent_takes_235_per_arm():
    assert sig.pictures_per_arm(0.95, 0.95, 0.0, 0.05, alpha=0.05) == 235
    assert sig.pictures_per_arm(0.9, 0.7, 0.2, 0.05, alpha=0.05, reliability=0.8) > sig.pictures_per_arm(
        0.9, 0.7, 0.2, 0.05, alpha=0.05
    )


def test_detectable_effect_by_hand():
    # 1,000 pictures of either sort; .8 with half a picture of either sort added
    effect = float(sig.detectable_effect(0.8, 1000, 1000, 0.05, alpha=0.01))
    rate1 = 1600.5 / 2001
    rate0 = rate1 - effect
    counts = (np.array([v]) for v in (1000 * rate1, 1000.0, 1000 * rate0, 1000.0, 0.05))
    tested = np.sqrt(sum(float(p[0] * (1 - p[0])) for p in sig.constrained_rates(*counts)) / 1000)
    true = np.sqrt((rate1 * (1 - rate1) + rate0 * (1 - rate0)) / 1000)
    assert effect == pytest.approx(0.05 + 0.0005 + 2.326348 * tested + 0.841621 * true, abs=1e-6)
    assert sig.pictures_per_arm(0.8, 0.8 - effect, effect, 0.05, alpha=0.01) == pytest.approx(1000, rel=0.05)


def test_detectable_effect_of_small_arms_and_diluted_presence():
    effect = float(sig.detectable_effect(0.8, 400, 400, 0.05, alpha=0.01))
    diluted = sig.detectable_effect(0.8, 400, 400, 0.05, alpha=0.01, reliability=[1.0, 0.5, 0.0])
    assert diluted.tolist() == pytest.approx([effect, 2 * effect, 1.0])
    assert sig.detectable_effect(1.0, 10, 10, 0.05, alpha=0.01) > 0.5
    assert sig.detectable_effect(0.5, 1, 1, 0.05, alpha=0.01) == 1.0
    assert sig.detectable_effect(0.95, 380, [10, 40, 400], 0.05, alpha=0.00225).tolist() == pytest.approx(
        [0.513, 0.273, 0.133], abs=1e-3
    )


@pytest.mark.parametrize(("n1", "n0", "rate"), [(380, 10, 0.95), (100, 100, 0.8), (15, 60, 0.95), (400, 400, 0.95)])
def test_detectable_effect_is_shown_with_four_chances_in_five(n1, n0, rate):
    effect = float(sig.detectable_effect(rate, n1, n0, 0.05, alpha=0.00225))
    rng = np.random.default_rng(0)
    drawn = zip(rng.binomial(n1, rate, 300), rng.binomial(n0, rate - effect, 300), strict=True)
    shown = [exact_p_above(sig.TwoArms.of(x1, n1, x0, n0), 0.05) <= 0.00225 for x1, x0 in drawn]
    assert 0.72 < np.mean(shown) < 0.96
