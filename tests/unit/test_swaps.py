import numpy as np
import pytest
from scipy import stats

from auditor.evidence.effects.exact_test import exact_p_of_change
from auditor.evidence.effects.swaps import Swap, intervention_of

C, OTHER = 0, 1


def swaps(n, targets=None, donors=None, controls=None):
    targets = np.arange(n) if targets is None else targets
    donors = np.arange(n) + 1000 if donors is None else donors
    controls = np.arange(n) + 3000 if controls is None else controls
    return [Swap(C, 0, int(t), int(d), int(k)) for t, d, k in zip(targets, donors, controls, strict=True)]


def answers(both, lost, gained, neither):
    """What pictures are called with the concept and without it, by what becomes of the call."""
    rows = [(C, C)] * both + [(C, OTHER)] * lost + [(OTHER, C)] * gained + [(OTHER, OTHER)] * neither
    return np.array(rows, dtype=np.int64)


def test_paired_difference_by_hand():
    # 100 swaps: 60 called the class either way, 30 only with the concept, 5 only without, 5 never
    found = intervention_of(answers(60, 30, 5, 5), swaps(100))
    assert (found.effect, found.called, found.called_without, found.n) == (0.25, 0.9, 0.65, 100)
    more, fewer = 31 / 102, 6 / 102
    centre, error = more - fewer, np.sqrt((more + fewer - (more - fewer) ** 2) / 102)
    assert found.low == pytest.approx(centre - 1.959964 * error, abs=1e-6)
    assert found.high == pytest.approx(centre + 1.959964 * error, abs=1e-6)
    assert found.p == pytest.approx(exact_p_of_change(0.30, 0.05, 100, 0.05))
    assert found.changed == tuple(range(60, 90))
    gap = found.as_gap()
    assert (gap.effect, gap.x_present, gap.n_present, gap.x_absent, gap.n_absent) == (0.25, 90, 100, 65, 100)


def test_interval_and_p_of_many_swaps_are_those_of_paired_differences():
    many = intervention_of(answers(2600, 1200, 200, 0), swaps(4000, controls=np.arange(4000) + 9000))
    change = np.r_[np.zeros(2600), np.ones(1200), -np.ones(200)]
    interval = stats.ttest_1samp(change, 0).confidence_interval(0.95)
    assert (many.low, many.high) == (pytest.approx(interval.low, abs=1e-3), pytest.approx(interval.high, abs=1e-3))
    few = intervention_of(answers(510, 75, 15, 0), swaps(600))
    change = np.r_[np.zeros(510), np.ones(75), -np.ones(15)]
    p = stats.ttest_1samp(change, 0.05, alternative="greater").pvalue
    assert np.log10(few.p) == pytest.approx(np.log10(p), rel=0.05)


def test_swaps_that_change_nothing_are_not_certain():
    found = intervention_of(answers(60, 0, 0, 0), swaps(60))
    assert found.effect == 0
    assert found.low < -0.03
    assert found.high > 0.03


def test_one_picture_that_makes_all_the_changes_is_one_piece_of_evidence():
    what = answers(40, 40, 0, 0)
    alone = intervention_of(what, swaps(80))
    width = alone.high - alone.low
    in_turn = np.repeat(np.arange(10), 8) + 7000  # five of them make all the changes
    for role in ("targets", "donors", "controls"):
        clustered = intervention_of(what, swaps(80, **{role: in_turn}))
        # clusters of 8 that agree: 8 times the variance, but for the swap of either change that is added
        assert (clustered.high - clustered.low) / width == pytest.approx(np.sqrt(8), rel=0.15), role
    spread = intervention_of(what, swaps(80, donors=np.tile(np.arange(10), 8)))
    assert spread.high - spread.low == pytest.approx(width)
    by_group = intervention_of(what, swaps(80), groups=np.arange(8000) // 8)
    assert by_group.high - by_group.low > 2 * width


def test_few_donors_or_few_groups_are_no_evidence():
    what = answers(40, 40, 0, 0)
    assert intervention_of(what, swaps(80, donors=np.arange(80) % 9)).status == "too_few"
    assert intervention_of(what, swaps(80), groups=np.arange(8000) // 500).status == "too_few"


def test_transplants_that_change_answers_by_themselves_say_nothing():
    """With the same concept from another picture half must keep their name: a covered object is no lost concept."""
    found = intervention_of(answers(9, 40, 0, 51), swaps(100))
    assert (found.status, found.effect, found.p, found.called) == ("unstable", 0.0, 1.0, 0.49)
    assert intervention_of(answers(10, 40, 0, 50), swaps(100)).status == "measured"


def test_compared_with_what_is_most_like_the_class():
    """Sand does as well as water, forest does not: water is not what the class rests on more than on sand."""
    on_sand = np.arange(400) < 200
    without = np.where(on_sand | (np.arange(400) % 4 > 0), C, OTHER)
    found = np.stack([np.full(400, C), without], axis=1)
    value = np.zeros(8000, dtype=np.int64)
    value[3000:3400] = on_sand
    plain, narrowed = intervention_of(found, swaps(400)), intervention_of(found, swaps(400), value=value)
    assert plain.effect == 0.125
    assert (narrowed.effect, narrowed.n) == (0.0, 200)


def test_swaps_that_could_not_be_carried_out_are_left_out():
    what = answers(30, 30, 0, 0)
    what[::2] = -1
    assert intervention_of(what, swaps(60)).n == 30
    what[10:, 0] = -1
    assert intervention_of(what, swaps(60)).status == "too_few"
