from dataclasses import replace

import numpy as np
import pytest

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.reliance import NOT_IDENTIFIED, Erasure
from auditor.evidence.effects.swaps import NOT_TRIED, Intervention, no_intervention
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts.agreement import (
    agrees,
    erasure_agrees,
    excluded,
    margins_agree,
    null_matters,
    supported,
    swaps_confirm,
    swaps_stand_alone,
)
from auditor.rules import ERASED_RECALL, FILLED, RECALL_GAP


def gap(effect, low, high, status="measured"):
    return Gap(effect, low, high, 0.01, 0, 0, 0, 0, status=status)


def erasure(effect, low, high, p=0.005):
    return Erasure(effect, low, high, 50, 50, p=p, permuted=0.0)


OBSERVED = gap(0.5, 0.3, 0.7)
STRONG, WEAK = erasure(0.3, 0.1, 0.5), erasure(0.04, 0.01, 0.07)


def test_erasure_agrees_with_a_gap_by_size_and_by_its_null():
    assert agrees(OBSERVED, STRONG, STRONG)
    assert agrees(OBSERVED, STRONG, NOT_IDENTIFIED)
    assert agrees(OBSERVED, erasure(0.3, -0.1, 0.6), STRONG)  # few counterexamples, but no chance: permutation says so
    assert not agrees(OBSERVED, WEAK, STRONG)
    assert not agrees(OBSERVED, erasure(0.12, 0.1, 0.14), STRONG)  # a quarter of 50 points is 12.5
    assert not agrees(OBSERVED, STRONG, erasure(0.0, -0.03, 0.03))
    assert not agrees(OBSERVED, NOT_IDENTIFIED, STRONG)


def test_erasure_that_permuted_presence_explains_does_not_agree():
    for p in (0.06, None):
        assert not agrees(OBSERVED, erasure(0.3, 0.1, 0.5, p), STRONG)
        assert not agrees(OBSERVED, STRONG, erasure(0.3, 0.1, 0.5, p))
        assert not margins_agree(erasure(0.5, 0.3, 0.7, p), erasure(0.5, 0.3, 0.7))


def test_margins_agree_by_a_quarter_of_both_erasers():
    part = erasure(0.5, 0.3, 0.7)
    assert margins_agree(part, part)
    assert not margins_agree(part, NOT_IDENTIFIED)
    assert not margins_agree(part, erasure(0.2, 0.1, 0.3))
    assert not margins_agree(part, replace(part, status="too_few"))


def test_rule_of_exclusion():
    assert excluded(gap(0.02, -0.02, 0.09), NOT_IDENTIFIED)
    assert not excluded(gap(0.02, -0.02, 0.12), NOT_IDENTIFIED)
    assert excluded(gap(0.02, -0.02, 0.12), Erasure(0.0, -0.02, 0.02, 50, 50))
    assert not excluded(gap(0.11, 0.02, 0.2), Erasure(0.0, -0.02, 0.02, 50, 50))
    assert not excluded(gap(0.0, -1.0, 1.0, "too_few"), Erasure(0.0, -0.02, 0.02, 50, 50))


def swapped(effect, low):
    return Intervention(effect, low, effect + 0.1, 0.001, 0.9, 0.9 - effect, 160)


def measured_pair(**changes):
    return replace(PairEvidence(0, 0, None, (0.9, 0.8, 1.0), True, True, OBSERVED, OBSERVED), **changes)


def test_swaps_confirm_a_gap_that_points_the_same_way():
    def confirmed(**changes):
        erased = {"erased_recall": STRONG, "transferred_recall": STRONG}
        return swaps_confirm(measured_pair(**{"swapped": swapped(0.2, 0.01), **erased, **changes}))

    assert confirmed()
    assert not confirmed(swapped=swapped(0.2, -0.01))
    assert not confirmed(swapped=swapped(0.04, 0.01))  # not over 5 points
    assert not confirmed(recall=gap(0.04, -0.1, 0.2))
    assert not confirmed(swapped=NOT_TRIED)
    assert not confirmed(swapped=no_intervention("unstable", 160))
    assert not confirmed(recall=gap(0.0, -1.0, 1.0, "too_few"))
    assert not confirmed(erased_recall=WEAK)  # erasure denies it


def test_swaps_take_the_place_of_erasure_only_where_it_cannot_be_asked():
    pair = measured_pair(swapped=swapped(0.2, 0.1))
    assert [(one.rule, one.gap, one.agreeing) for one in supported(pair)] == [(RECALL_GAP, pair.recall, FILLED)]
    assert supported(measured_pair(swapped=swapped(0.1, 0.06))) == []  # a quarter of 50 points is 12.5
    assert supported(measured_pair(swapped=swapped(0.2, 0.04))) == []
    assert supported(measured_pair(swapped=swapped(0.2, 0.1), erased_recall=WEAK)) == []
    assert supported(measured_pair(swapped=swapped(0.2, 0.1), erased_margin=WEAK)) == []


def test_a_gap_and_swaps_are_tested_together_by_fishers_method():
    pair = measured_pair(swapped=swapped(0.2, 0.1), erased_recall=STRONG, transferred_recall=STRONG)
    alone, together = supported(pair)
    assert (alone.gap, alone.rule, alone.agreeing, alone.together) == (pair.recall, RECALL_GAP, ERASED_RECALL, False)
    assert (together.rule, together.agreeing, together.together) == (RECALL_GAP, FILLED, True)
    assert together.part == pytest.approx(1 - 2 * alone.part)
    # -2 (ln .01 + ln .001) = 23.026, chi-square with 4 degrees of freedom: e^(-x/2) (1 + x/2)
    assert together.gap.p == pytest.approx(np.exp(-11.513) * (1 + 11.513), rel=1e-3)
    assert (together.gap.effect, together.gap.low) == (pair.recall.effect, pair.recall.low)


def test_swaps_stand_alone_only_without_counterexamples_and_where_erasure_does_not_deny():
    few, no_pull = gap(0.0, -1.0, 1.0, "too_few"), gap(0.0, -0.02, 0.02)
    pair = PairEvidence(0, 0, None, (0.9, 0.8, 1.0), True, True, few, no_pull, swapped=swapped(0.2, 0.1))
    assert [(one.rule, one.gap, one.agreeing, one.part) for one in supported(pair)] == [
        (FILLED, swapped(0.2, 0.1).as_gap(), None, 0.5)
    ]
    assert supported(replace(pair, swapped=NOT_TRIED)) == []
    assert not swaps_stand_alone(replace(pair, recall=OBSERVED))
    assert not swaps_stand_alone(replace(pair, swapped=swapped(0.2, 0.04)))
    nothing = erasure(0.0, -0.03, 0.03, 0.4)
    assert not swaps_stand_alone(replace(pair, erased_recall=nothing))
    assert not swaps_stand_alone(replace(pair, erased_pull=nothing))
    assert swaps_stand_alone(replace(pair, erased_pull=STRONG))
    assert swaps_stand_alone(replace(pair, erased_pull=STRONG, transferred_pull=STRONG))
    assert not swaps_stand_alone(replace(pair, erased_pull=STRONG, transferred_pull=nothing))
    assert swaps_stand_alone(replace(pair, erased_recall=nothing, erased_pull=STRONG))


@pytest.mark.parametrize(("few", "by_counts", "by_margin"), [(False, 0.13, 0.26), (True, 0.11, 0.06)])
def test_of_few_pictures_a_channel_less_is_asked(few, by_counts, by_margin):
    """A quarter of 50 points is 12.5 and a fifth 10; a quarter of the margin, or a twentieth."""
    for taken in (by_counts, by_counts - 0.02):
        part = erasure(taken, 0.05, 0.2)
        pair = PairEvidence(0, 0, None, (0.5, 0.4, 0.6), True, True, recall=OBSERVED, few_pictures=few)
        pair.erased_recall = pair.transferred_recall = part
        assert erasure_agrees(pair) == (taken == by_counts)
    for taken in (by_margin, by_margin - 0.02):
        pair = PairEvidence(0, 0, None, (0.5, 0.4, 0.6), True, True, recall=OBSERVED, few_pictures=few)
        pair.erased_margin = pair.transferred_margin = erasure(taken, 0.01, 0.3)
        assert erasure_agrees(pair) == (taken == by_margin)


def test_permuted_presence_is_asked_only_where_something_hangs_on_it():
    """Whatever p erasures come to have where it is not asked, the same is supported as without any."""
    rng = np.random.default_rng(1)
    names, asked = ("recall", "pull", "share", "margin"), 0
    statuses = ("measured", "measured", "measured", "too_few", "not_identified")

    def drawn():
        effect = float(rng.choice([-0.1, 0.02, 0.06, 0.2, 0.5]))
        return Erasure(effect, effect - 0.1, effect + 0.1, 50, 50, status=str(rng.choice(statuses)))

    def with_p(pair):
        by = {f"{by}_{what}": getattr(pair, f"{by}_{what}") for by in ("erased", "transferred") for what in names}
        return replace(pair, **{name: replace(one, p=float(rng.choice([0.005, 0.5]))) for name, one in by.items()})

    for _ in range(300):
        pair = PairEvidence(0, 0, None, (0.9, 0.8, 1.0), by_words=True, by_data=True)
        for what in names:
            setattr(pair, f"erased_{what}", drawn())
            setattr(pair, f"transferred_{what}", drawn())
        pair.recall = gap(0.3, 0.1, 0.5, str(rng.choice(["measured", "too_few"])))
        pair.pull, pair.pulled_share = gap(0.2, 0.1, 0.3), gap(0.3, 0.2, 0.4)
        pair.swapped = NOT_TRIED if rng.random() < 0.5 else swapped(0.4, 0.3)
        if null_matters(pair):
            asked += 1
        else:
            assert all(supported(with_p(pair)) == supported(pair) for _ in range(5))
    assert 30 < asked < 270
