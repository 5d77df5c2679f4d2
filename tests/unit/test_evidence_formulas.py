"""Formulas of docs/evidence.md against SciPy, statsmodels and scikit-learn; those by hand are beside each module."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import sparse, stats
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.weightstats import CompareMeans

from auditor.evidence.effects import covariates, ridged_covariance
from auditor.evidence.effects import significance as sig
from auditor.evidence.effects.association import _hanley_mcneil_error, class_concepts
from auditor.evidence.effects.covariates import residual_presence, within_class
from auditor.evidence.effects.erasers import fit_erasers
from auditor.evidence.effects.gaps import design_effect, pull_gap, recall_gap, reference_level
from auditor.evidence.effects.reliance import erasure_effect, margin_loss
from auditor.evidence.presence.presence import crowd_posterior
from auditor.records import Concept, LinearHead

RNG = np.random.default_rng(7)
N = 900
PRESENT = RNG.random(N) < 0.4
SOURCE = RNG.integers(1, 4, N)
OUTCOME = RNG.random(N) < 0.2 + 0.3 * PRESENT + 0.1 * SOURCE


def within_groups(outcome, present, group):
    """Least squares of an outcome on presence with an intercept for every group: weighs groups by n1 n0 / (n1 + n0)."""
    design = np.column_stack([present, *(group == g for g in np.unique(group))]).astype(float)
    return sm.OLS(outcome.astype(float), design).fit()


def test_recall_gap_in_strata_is_least_squares_with_strata():
    nothing = np.zeros(N, dtype=np.int64)
    gap = recall_gap(PRESENT, nothing, OUTCOME, strata=[SOURCE])
    assert gap.effect == pytest.approx(within_groups(OUTCOME, PRESENT, SOURCE).params[0])


def test_pull_is_least_squares_with_classes():
    gap = pull_gap(PRESENT, np.zeros(N, dtype=np.int64), OUTCOME, SOURCE)
    fit = within_groups(OUTCOME, PRESENT, SOURCE)
    assert gap.effect == pytest.approx(fit.params[0])
    low, high = fit.get_robustcov_results("HC1").conf_int()[0]
    assert (gap.low, gap.high) == (pytest.approx(low, abs=0.005), pytest.approx(high, abs=0.005))


def test_erased_pull_is_least_squares_of_the_fall_with_classes():
    after = OUTCOME & (RNG.random(N) < 0.6)
    fit = within_groups(OUTCOME.astype(int) - after, PRESENT, SOURCE)
    assert erasure_effect(OUTCOME, after, PRESENT, SOURCE).effect == pytest.approx(fit.params[0])


def test_interval_of_erasure_in_many_pictures_is_that_of_unequal_variances():
    present, before = np.tile(PRESENT, 20), np.tile(OUTCOME, 20)
    after = before & (RNG.random(before.size) < 0.7)
    found = erasure_effect(before, after, present, np.zeros(before.size, dtype=np.int64))
    fall = before.astype(int) - after
    interval = CompareMeans.from_data(fall[present], fall[~present]).tconfint_diff(usevar="unequal")
    assert (found.low, found.high) == (pytest.approx(interval[0], abs=5e-4), pytest.approx(interval[1], abs=5e-4))


def test_design_effect_is_clustered_over_plain_variance():
    group = np.repeat(np.arange(N // 6), 6)
    outcome = (RNG.random(N // 6)[group] + RNG.random(N)) > 1.2
    fit = sm.OLS(outcome.astype(float), np.ones((N, 1))).fit(cov_type="cluster", cov_kwds={"groups": group})
    plain = outcome.mean() * (1 - outcome.mean()) / N
    assert design_effect(outcome, group) == pytest.approx(fit.bse[0] ** 2 / plain)


def test_part_of_the_margin_is_a_ratio_with_the_error_of_its_residual():
    before = 1 + 2 * PRESENT + RNG.normal(size=N) * (1 + PRESENT)
    after = 0.4 * before + RNG.normal(size=N) * 0.3
    found = margin_loss(before, after, PRESENT)
    design = sm.add_constant(PRESENT.astype(float))
    made, fall = (sm.OLS(y, design).fit().params[1] for y in (before, before - after))
    error = sm.OLS(before - after - found.effect * before, design).fit(cov_type="HC2").bse[1] / made
    assert found.effect == pytest.approx(fall / made)
    assert found.high - found.effect == pytest.approx(stats.norm.ppf(0.975) * error)


def test_holm_equals_statsmodels():
    p = np.random.default_rng(2).random(40) ** 3
    assert sig.holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_benjamini_hochberg_by_hand():
    # sorted .01 .02 .03 .5: times 4 / rank = .04 .04 .04 .5
    assert sig.benjamini_hochberg([0.5, 0.03, 0.01, 0.02]) == pytest.approx([0.5, 0.04, 0.04, 0.04])


@pytest.mark.parametrize("low", range(10, 20))
def test_levels_are_split_where_the_likelihood_ratio_of_scipy_says_so(low):
    successes, trials = np.array([low, 22.0, 30.0]), np.full(3, 50.0)
    test = stats.chi2_contingency(np.stack([successes, trials - successes]), correction=False, lambda_="log-likelihood")
    assert bool(reference_level(successes, trials).all()) == (test.pvalue >= 0.01)


def test_pictures_per_arm_equal_statsmodels_in_the_normal_case():
    """With equal rates the spread is the same under either hypothesis: effect size (.2 - .05) / sqrt(p q)."""
    power = NormalIndPower().solve_power(0.15 / np.sqrt(0.8 * 0.2), power=0.8, alpha=0.01, alternative="larger")
    assert sig.pictures_per_arm(0.8, 0.8, 0.2, 0.05, alpha=0.01) == int(np.ceil(power))


@pytest.mark.parametrize("n_others", [2, 14, 15, 16, 31])  # columns go by blocks of sixteen, with difficulty the last
def test_residual_presence_equals_ridge_of_scikit_learn(n_others, monkeypatch):
    monkeypatch.setattr(covariates, "_ROWS", N // 3 + 1)
    words = [(f"word {i}", "texture") for i in range(n_others - 1)]
    concepts = [Concept(t, t, k) for t, k in (("water", "scene"), ("mark", "artifact"), *words)]
    water = RNG.random(N)
    presence = np.column_stack([water, *(water * 0.2 + RNG.random(N) for _ in range(n_others))]).astype(np.float32)
    difficulty = (RNG.random(N) + 0.2 * water).astype(np.float32)
    found = residual_presence(presence, SOURCE, difficulty, concepts, [0])
    centred = within_class(np.column_stack([presence, difficulty]).astype(np.float32), SOURCE).astype(np.float64)
    standard = centred / np.sqrt((centred**2).mean(axis=0))
    ridge = Ridge(alpha=0.01 * N, fit_intercept=False).fit(standard[:, 1:], standard[:, 0])
    expected = standard[:, 0] - ridge.predict(standard[:, 1:])
    assert found.values[:, found.column_of[0]] == pytest.approx(expected, abs=1e-4)


def test_crowd_is_the_mixture_of_scikit_learn():
    scores = np.r_[RNG.normal(0, 1, 3000), RNG.normal(5, 1, 1000)]
    mixture = GaussianMixture(2, covariance_type="tied", random_state=0).fit(scores[:, None])
    upper = mixture.predict_proba(scores[:, None])[:, int(mixture.means_.argmax())]
    found = crowd_posterior(scores[:, None])[:, 0]
    assert np.abs(found - upper).max() < 0.1
    assert np.abs(found - upper).mean() < 0.01


def test_interval_of_the_share_is_that_of_scipys_bootstrap():
    shares = np.round(RNG.beta(2, 5, 300), 4).astype(np.float32)
    (record,) = class_concepts(
        sparse.csr_array(shares[:, None]),
        np.zeros(300, dtype=np.int64),
        (Concept("water", "water", "scene"),),
        ("duck",),
        groups=None,
        seed=0,
        order=np.arange(300),
    )
    theirs = stats.bootstrap((shares,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    assert record.share == pytest.approx(shares.mean())
    assert (record.share_low, record.share_high) == (
        pytest.approx(theirs.low, abs=0.004), pytest.approx(theirs.high, abs=0.004)
    )  # fmt: skip


def test_error_of_the_auc_is_exact_for_exponential_scores():
    """Hanley and McNeil's Q1 and Q2 are those of exponential scores: what SciPy's rank test gives in 4,000 draws."""
    rng = np.random.default_rng(0)
    n1, n0, auc, draws = 25, 60, 0.75, 4000
    # P(X > Y) of exponential scores of means m and 1 is m / (1 + m)
    positive, negative = rng.exponential(auc / (1 - auc), (draws, n1)), rng.exponential(1.0, (draws, n0))
    found = stats.mannwhitneyu(positive, negative, axis=1).statistic / (n1 * n0)
    assert found.mean() == pytest.approx(auc, abs=0.003)
    error = _hanley_mcneil_error(np.array([auc]), np.array([n1]), np.array([n0]))[0]
    assert found.std() == pytest.approx(error, rel=0.03)


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_erasers_direction_is_ridge_regression_of_presence_within_classes(ridge, monkeypatch):
    """u of the fold that is left out = scikit-learn's ridge of the presence on standardised inputs, classes held."""
    monkeypatch.setattr(ridged_covariance, "RIDGE", ridge)
    rng = np.random.default_rng(1)
    n, labels = 600, np.arange(600) % 3
    present = (rng.random(n) < 0.4).astype(np.float32)
    x = (rng.normal(size=(3, 8))[labels] + present[:, None] * rng.normal(size=8) + rng.normal(size=(n, 8))).astype("f4")
    q = within_class(present[:, None], labels)
    folds, head = np.arange(n) // 3 % 2, LinearHead(rng.normal(size=(3, 8)).astype("f4"), np.zeros(3, "f4"))
    logits = x @ head.weight.T
    fitted = fit_erasers(lambda: [(slice(0, n), x, logits)], q, labels, folds, np.arange(3), head)
    train = folds == 1
    dummies = np.eye(3)[labels[train]]
    held = x[train] - dummies @ np.linalg.lstsq(dummies, x[train], rcond=None)[0]
    spread = held.std(axis=0)
    model = Ridge(alpha=ridge * train.sum(), fit_intercept=False).fit(held / spread, q[train, 0])
    u = model.coef_ / spread
    sigma = held.T @ (q[train, 0] - dummies @ np.linalg.lstsq(dummies, q[train, 0], rcond=None)[0]) / train.sum()
    assert fitted.pooled().direction[0, :, 0] == pytest.approx(u / (u @ sigma), rel=2e-3, abs=1e-3)
    assert fitted.pooled().head_shift[0, :, 0] == pytest.approx(head.weight @ sigma, abs=1e-4)
