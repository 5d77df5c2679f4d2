import numpy as np
import pytest
from scipy import optimize, stats

from auditor.evidence.effects import gaps as subgroups
from auditor.evidence.effects.gaps import (
    design_effect,
    pull_gap,
    recall_gap,
    recall_loss,
    reference_level,
    strongest_value,
)
from auditor.rules import DELTA


def pictures(*cells):
    """Arrays from cells of (value, n, n right): value of the kind and whether each picture is right."""
    value = np.concatenate([np.full(n, u) for u, n, _ in cells])
    right = np.concatenate([np.arange(n) < x for _, n, x in cells])
    return value.astype(np.int64), right


def test_strongest_value_of_a_kind():
    presence = np.array([[0.9, 0.1, 0.2], [0.3, 0.6, 0.9], [0.2, 0.3, 0.9]], dtype=np.float32)
    assert strongest_value(presence, [0, 1]).tolist() == [0, 1, 2]


def test_recall_gap_by_hand():
    value, right = pictures((0, 100, 96), (1, 40, 12))
    gap = recall_gap(value == 0, value, right)
    assert gap.effect == pytest.approx(0.96 - 0.30)
    assert (gap.x_present, gap.n_present, gap.x_absent, gap.n_absent) == (96, 100, 12, 40)
    assert gap.low < gap.effect < gap.high
    assert gap.p < 1e-9
    assert not gap.narrowed


def most_likely(x1, n1, x0, n0, loss):
    """The rate with v that is most likely where the loss is exactly ``loss``."""

    def against(rate1):
        return -(stats.binom.logpmf(x1, n1, rate1) + stats.binom.logpmf(x0, n0, rate1 + loss))

    return optimize.minimize_scalar(
        against, bounds=(1e-9, 1 - loss - 1e-9), method="bounded", options={"xatol": 1e-10}
    ).x


def test_recall_loss_by_hand():
    """38 of 100 with the mark, 48 of 50 without; at its bounds the score is 1.96 standard errors away."""
    value, right = pictures((0, 100, 38), (1, 50, 48))
    loss, gap = recall_loss(value == 0, value, right), recall_gap(value == 0, value, right)
    assert loss.effect == pytest.approx(0.96 - 0.38)
    assert (loss.x_present, loss.n_present, loss.x_absent, loss.n_absent) == (38, 100, 48, 50)
    assert (loss.effect, loss.low, loss.high) == pytest.approx((-gap.effect, -gap.high, -gap.low), abs=1e-6)
    for bound, away in ((loss.low, 1.96), (loss.high, -1.96)):
        rate1 = most_likely(38, 100, 48, 50, bound)
        rate0 = rate1 + bound
        variance = (rate1 * (1 - rate1) / 100 + rate0 * (1 - rate0) / 50) * 150 / 149
        assert (0.58 - bound) / np.sqrt(variance) == pytest.approx(away, abs=1e-3)
    assert gap.p > 0.99 > 1e-9 > loss.p


@pytest.mark.parametrize(("with_v", "without_v"), [((8, 12), (20, 20)), ((30, 40), (58, 60)), ((9, 10), (19, 20))])
def test_p_of_a_loss_is_the_sum_over_all_tables(with_v, without_v):
    (x1, n1), (x0, n0) = with_v, without_v
    value, right = pictures((0, n1, x1), (1, n0, x0))
    rate1 = most_likely(x1, n1, x0, n0, DELTA)
    one, other = np.meshgrid(np.arange(n1 + 1), np.arange(n0 + 1), indexing="ij")
    as_large = other / n0 - one / n1 >= x0 / n0 - x1 / n1 - 1e-9
    p = (stats.binom.pmf(one, n1, rate1) * stats.binom.pmf(other, n0, rate1 + DELTA))[as_large].sum()
    assert recall_loss(value == 0, value, right).p == pytest.approx(p, rel=1e-3)


def test_a_class_that_relies_on_one_scene_loses_nothing_by_the_others():
    """Without grass there is mostly water, on which it relies: grass is compared with the other scenes."""
    value, right = pictures((0, 400, 390), *((u, 20, 4) for u in range(1, 8)))
    for scene in range(1, 8):
        loss = recall_loss(value == scene, value, right)
        assert loss.narrowed
        assert (loss.effect, loss.p) == (pytest.approx(0.0, abs=1e-12), pytest.approx(1.0, abs=0.3))
    assert recall_loss(value == 0, value, right).effect == pytest.approx(4 / 20 - 390 / 400)


def test_a_class_that_loses_pictures_on_water_alone_loses_by_water_alone():
    value, right = pictures((0, 60, 20), *((u, 60, 57) for u in range(1, 8)))
    effects = [recall_loss(value == scene, value, right).effect for scene in range(8)]
    assert effects == pytest.approx([57 / 60 - 20 / 60, *[0.0] * 7], abs=1e-12)


def test_losses_of_too_few_pictures_and_of_copies():
    value, right = pictures((0, 9, 0), (1, 400, 398))
    assert recall_loss(value == 0, value, right).status == "too_few"
    value, right = pictures((0, 40, 0), (1, 400, 398))
    copies = np.where(value == 0, np.arange(value.size) // 8, 1000 + np.arange(value.size))
    loss = recall_loss(value == 0, value, right, copies=copies)
    assert (loss.status, loss.x_present, loss.n_present) == ("too_few", 0, 5)


def test_fewer_than_ten_in_an_arm_is_too_few():
    value, right = pictures((0, 400, 398), (1, 9, 0))
    gap = recall_gap(value == 0, value, right)
    assert (gap.status, gap.low, gap.high, gap.p) == ("too_few", -1.0, 1.0, 1.0)
    assert gap.effect == pytest.approx(398 / 400)


def test_equal_rates_form_one_level():
    rng = np.random.default_rng(0)
    whole = [reference_level(rng.binomial(60, 0.9, 7).astype(float), np.full(7, 60.0)).all() for _ in range(200)]
    assert np.mean(whole) > 0.97


def test_repelled_value_leaves_the_reference():
    successes, trials = np.array([12, 57, 56, 58, 55, 57, 58.0]), np.full(7, 60.0)
    assert reference_level(successes, trials).tolist() == [False, *[True] * 6]


def test_one_other_high_value_is_not_the_reference():
    successes, trials = np.array([58, 20, 22, 19, 21, 18, 20.0]), np.full(7, 60.0)
    assert reference_level(successes, trials).tolist() == [False, *[True] * 6]


def test_two_of_five_high_values_are_the_reference():
    successes, trials = np.array([58, 57, 22, 19, 21.0]), np.full(5, 60.0)
    assert reference_level(successes, trials).tolist() == [True, True, False, False, False]


def test_thin_values_stay_together():
    successes, trials = np.array([1, 0, 2, 1, 0, 3, 1.0]), np.array([4, 3, 4, 3, 2, 4, 4.0])
    assert reference_level(successes, trials).all()
    assert reference_level(np.array([0, 3.0]), np.array([0, 5.0])).tolist() == [False, True]


def test_class_that_loses_pictures_on_water_does_not_rely_on_grass():
    cells = [(0, 60, 20), *((u, 60, 57) for u in range(1, 8))]
    value, right = pictures(*cells)
    for scene in range(1, 8):
        gap = recall_gap(value == scene, value, right)
        assert gap.narrowed
        assert gap.effect == pytest.approx(0.0, abs=1e-12)
    # against all the rest it would look like reliance
    against_all = 57 / 60 - (20 + 6 * 57) / 420
    assert against_all > subgroups.DELTA


def test_class_that_relies_on_grass_is_measured_against_the_rest():
    value, right = pictures((0, 400, 390), *((u, 5, 2) for u in range(1, 8)))
    gap = recall_gap(value == 0, value, right)
    assert not gap.narrowed
    assert gap.effect == pytest.approx(0.975 - 0.4)
    assert gap.p < 1e-6


def test_difficulty_explains_a_gap_of_a_biased_encoder():
    """The encoder says "water" more often on easy pictures, and easy pictures are recognised more often."""
    rng = np.random.default_rng(0)
    easy = rng.integers(5, size=3000)
    present = rng.random(3000) < 0.1 + 0.2 * easy
    right = rng.random(3000) < 0.5 + 0.11 * easy
    value = np.where(present, 0, 1)
    plain, stratified = recall_gap(present, value, right), recall_gap(present, value, right, strata=[easy])
    assert plain.effect > 0.15
    assert stratified.effect == pytest.approx(0, abs=0.03)


def test_strata_that_follow_the_concept_do_not_hide_a_reliance():
    value, right = pictures((0, 400, 390), (1, 40, 12))
    strata = np.where(value == 0, 4, 0)
    strata[:3], strata[-2:] = 0, 4  # next to no overlap
    gap = recall_gap(value == 0, value, right, strata=[strata])
    assert gap.effect == pytest.approx(390 / 400 - 12 / 40)


def test_pull_by_hand_avoids_simpson():
    """Geese with water and cars without: unstratified, water seems to pull; within each class it does not."""
    goose_water, goose_dry, car_water, car_dry = (1, 90, 45), (2, 20, 10), (1, 20, 0), (2, 200, 0)
    value, called = pictures(goose_water, goose_dry, car_water, car_dry)
    source = np.repeat([1, 2], [110, 220])
    gap = pull_gap(value == 1, value, called, source)
    assert gap.effect == pytest.approx(0.0)
    assert 45 / 110 - 10 / 220 > 0.3

    value, called = pictures((1, 50, 30), (2, 100, 10), (1, 30, 6), (2, 60, 3))
    source = np.repeat([1, 2], [150, 90])
    w1, w2 = 50 * 100 / 150, 30 * 60 / 90
    expected = (w1 * (0.6 - 0.1) + w2 * (0.2 - 0.05)) / (w1 + w2)
    assert pull_gap(value == 1, value, called, source).effect == pytest.approx(expected)


def test_leftovers_of_another_class_are_no_pull():
    """Waterbirds without water go to the class, on whatever scene they are: no scene pulls."""
    value, called = pictures((0, 400, 0), *((u, 20, 10) for u in range(1, 8)))
    source = np.ones(value.size, dtype=np.int64)
    for scene in range(1, 8):
        gap = pull_gap(value == scene, value, called, source)
        assert gap.effect == pytest.approx(0.0, abs=1e-12)
        assert gap.narrowed


def test_pull_needs_a_class_with_both_arms():
    value, called = pictures((0, 50, 20), (1, 50, 1))
    source = np.where(value == 0, 1, 2)
    gap = pull_gap(value == 0, value, called, source)
    assert (gap.status, gap.p) == ("too_few", 1.0)


def test_duplicated_pictures_leave_the_effect_and_groups_leave_the_interval():
    value, right = pictures((0, 60, 50), (1, 40, 20))
    once = recall_gap(value == 0, value, right)
    twice = recall_gap(np.tile(value == 0, 2), np.tile(value, 2), np.tile(right, 2))
    grouped = recall_gap(
        np.tile(value == 0, 2), np.tile(value, 2), np.tile(right, 2), groups=np.tile(np.arange(100), 2)
    )
    assert twice.effect == pytest.approx(once.effect)
    assert twice.high - twice.low < 0.8 * (once.high - once.low)
    assert grouped.high - grouped.low == pytest.approx(once.high - once.low, rel=0.03)


def test_design_effect_of_identical_pairs_is_two():
    rng = np.random.default_rng(0)
    outcome = np.repeat(rng.random(500) < 0.6, 2)
    assert design_effect(outcome, np.repeat(np.arange(500), 2)) == pytest.approx(2.0, rel=0.01)
    assert design_effect(outcome, np.arange(1000)) == pytest.approx(1.0, rel=0.01)
    assert design_effect(np.ones(12, dtype=np.bool_), np.repeat(np.arange(4), 3)) == 3.0
    assert design_effect(np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.int64)) == 1.0
