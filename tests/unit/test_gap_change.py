import numpy as np
import pytest
from scipy import stats

from auditor.evidence.effects import gaps as subgroups
from auditor.evidence.effects import significance
from auditor.gate import gap_change
from auditor.gate.gap_change import (
    Estimate,
    SeparateGaps,
    design_effect,
    difference,
    level_of_each,
    paired_gap,
    plain_gap,
    tango_interval,
    wilson_interval,
)

Z = 1.959963984540054


def test_mover_combines_the_near_limits():
    combined = difference(Estimate(0.2, 0.1, 0.5), Estimate(0.7, 0.4, 0.8), bound=1.0)
    assert combined.effect == pytest.approx(0.5)
    assert combined.low == pytest.approx(0.5 - np.hypot(0.3, 0.3))
    assert combined.high == pytest.approx(0.5 + np.hypot(0.1, 0.1))
    far = Estimate(0.0, -1.0, 1.0)
    assert difference(far, far, bound=1.0) == Estimate(0.0, -1.0, 1.0)


def test_wilson_is_that_of_evidence():
    for x, n in ((0, 10), (3, 17), (17, 17), (500, 1000)):
        expected = significance.wilson_interval(x, n)
        assert wilson_interval(x / n, n) == pytest.approx((float(expected.low), float(expected.high)))


def test_newcombe_interval_of_a_gap():
    """Newcombe (1998), Interval estimation for the difference between independent proportions, method 10."""
    found = plain_gap((56, 48), (70, 80))
    assert (found.effect, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    found = plain_gap((10, 0), (10, 10))
    assert (found.effect, found.low, found.high) == pytest.approx((1.0, 0.6075, 1.0), abs=5e-5)
    assert plain_gap((9, 10), (9, 10)) is None


def test_pictures_that_belong_together_widen_a_gap():
    alone, together = plain_gap((56, 48), (70, 80)), plain_gap((56, 48), (70, 80), design_effect=4.0)
    assert together.effect == alone.effect
    assert together.high - together.low > 1.8 * (alone.high - alone.low)


def test_tango_without_a_change():
    low, high = tango_interval(0, 0, 40, confidence=0.95)
    assert (low, high) == pytest.approx((-(Z**2) / (40 + Z**2), Z**2 / (40 + Z**2)), abs=1e-9)


def test_tango_at_zero_is_mcnemar():
    """Zero is left out where (b - c)^2 / (b + c) exceeds the quantile of chi-square."""
    for gained, lost in ((4, 0), (3, 0), (10, 3), (9, 3), (12, 3)):
        low, _ = tango_interval(gained, lost, 50, confidence=0.95)
        assert (low > 0) == ((gained - lost) ** 2 / (gained + lost) > Z**2), (gained, lost)


def test_tango_turns_with_the_releases():
    low, high = tango_interval(7, 2, 30, confidence=0.99)
    assert tango_interval(2, 7, 30, confidence=0.99) == pytest.approx((-high, -low), abs=1e-9)


@pytest.mark.parametrize("rates", [(0.02, 0.02), (0.3, 0.05), (0.1, 0.1), (0.9, 0.01)])
@pytest.mark.parametrize("confidence", [0.95, 0.9995])
def test_tango_covers(rates, confidence):
    """Summed over every outcome of 20 pictures; no simulation."""
    n, covered = 20, 0.0
    for gained in range(n + 1):
        for lost in range(n + 1 - gained):
            chance = stats.multinomial.pmf([gained, lost, n - gained - lost], n, [*rates, 1 - sum(rates)])
            if chance > 1e-12:
                low, high = tango_interval(gained, lost, n, confidence=confidence)
                covered += chance * (low <= rates[0] - rates[1] <= high)
    assert covered > confidence - 0.01


def test_a_paired_gap_by_hand():
    """20 pictures with the concept, 10 without; the new release gains 6 of the latter and loses 2 of the former."""
    present = np.arange(30) < 20
    old, new = np.arange(30) < 22, np.arange(30) < 28
    new[:2] = False
    found = paired_gap(old, new, present, np.zeros(30, np.int64))
    assert found.counts == (20, 10)
    assert (found.with_concept.old, found.with_concept.new) == (1.0, 0.9)
    assert (found.without.old, found.without.new) == pytest.approx((0.2, 0.8))
    assert (found.old.effect, found.new.effect) == pytest.approx((0.8, 0.1))
    assert (found.old.low, found.old.high) == pytest.approx(
        (plain_gap((20, 2), (20, 10)).low, plain_gap((20, 2), (20, 10)).high)
    )
    change = found.difference(0.95)
    lost_limits, gained_limits = tango_interval(0, 2, 20, confidence=0.95), tango_interval(6, 0, 10, confidence=0.95)
    assert change.effect == pytest.approx(-0.7)
    assert change.low == pytest.approx(-0.7 - np.hypot(-0.1 - lost_limits[0], gained_limits[1] - 0.6))
    assert change.high == pytest.approx(-0.7 + np.hypot(lost_limits[1] + 0.1, 0.6 - gained_limits[0]))
    assert found.difference(0.999).low < change.low < change.high < found.difference(0.999).high


def test_strata_are_weighed_as_in_e4():
    rng = np.random.default_rng(0)
    stratum, present, old = rng.integers(0, 3, 300), rng.random(300) < 0.4, rng.random(300) < 0.3
    found = paired_gap(old, old, present, stratum)
    arms = significance.TwoArms.of(
        *(np.bincount(stratum[rows], minlength=3) for rows in (present & old, present, ~present & old, ~present))
    )
    assert found.old.effect == pytest.approx(float(significance.risk_difference(arms)))
    assert found.with_concept.effective <= found.counts[0]


def test_too_few_pictures_in_an_arm_are_no_gap():
    present = np.arange(40) < 9
    anything = np.ones(40, np.bool_)
    assert paired_gap(anything, anything, present, np.zeros(40, np.int64)) is None
    # ten with the concept, but in a class of which none is without it
    assert paired_gap(anything, anything, np.arange(40) < 10, (np.arange(40) >= 10).astype(np.int64)) is None


def test_groups_count_as_often_as_they_differ():
    values = np.array([1, 1, 1, 0, 0, 0])
    assert design_effect(values, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(6.0)
    assert design_effect(values, np.arange(6)) == pytest.approx(1.2)  # n / (n - 1)
    assert design_effect(np.zeros(6, np.int64), np.array([0, 0, 0, 1, 1, 1])) == 3.0


def test_copies_of_pictures_in_groups_add_nothing():
    rng = np.random.default_rng(1)
    present, old, new = rng.random(120) < 0.5, rng.random(120) < 0.5, rng.random(120) < 0.8
    stratum = np.zeros(120, np.int64)
    once = paired_gap(old, new, present, stratum, np.arange(120)).difference(0.95)
    copied = paired_gap(*(np.tile(a, 3) for a in (old, new, present, stratum, np.arange(120)))).difference(0.95)
    assert copied.effect == pytest.approx(once.effect)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.02)


def test_separate_gaps_widen_with_the_level():
    gaps = SeparateGaps(Estimate(0.5, 0.3, 0.6), Estimate(0.1, 0.0, 0.3))
    plain = gaps.difference(0.95)
    assert plain.effect == pytest.approx(-0.4)
    assert plain.low == pytest.approx(-0.4 - np.hypot(0.1, 0.1))
    assert plain.high == pytest.approx(-0.4 + np.hypot(0.2, 0.2))
    wider = stats.norm.ppf(0.9995) / Z
    assert gaps.difference(0.999).high == pytest.approx(-0.4 + wider * np.hypot(0.2, 0.2))


def test_all_differences_hold_together():
    assert [level_of_each(n) for n in (0, 1, 10)] == pytest.approx([0.95, 0.95, 0.995])


def test_what_evidence_calls_too_few_is_too_few_here():
    assert gap_change.MIN_ARM == subgroups.MIN_ARM
    assert gap_change.CONFIDENCE == significance.CONFIDENCE
