"""Pull in many classes: the share of what is called a class that a concept brings, and where from."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import chunked
from hypothesis import given
from hypothesis import strategies as st
from many_classes import many_classes

from auditor.evidence.effects.gaps import pull_gap
from auditor.evidence.effects.pulled_share import pulled_share, pulled_sources
from auditor.evidence.effects.reliance import Erasure, erasure_effect
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts.agreement import share_agrees, share_excluded, supported
from auditor.evidence.verdicts.judge import judge
from auditor.records import LinearHead
from auditor.rules import FEW_SOURCES, PULL_GAP, PULLED_SHARE, shown_by_others


def pictures(*cells):
    """Arrays from cells of (class, with v, n, n called): class, presence and what is called."""
    source = np.concatenate([np.full(n, k) for k, _, n, _ in cells])
    present = np.concatenate([np.full(n, there) for _, there, n, _ in cells]).astype(np.bool_)
    called = np.concatenate([np.arange(n) < x for *_, n, x in cells])
    return present, called, source.astype(np.int64)


HUSKY = [(1, True, 20, 16), (1, False, 60, 3)]
REST = [(k, there, n, 0) for k in range(2, 41) for there, n in ((True, 10), (False, 40))]


def share_of(cells, n_called, **codes):
    present, called, source = pictures(*cells)
    return pulled_share(present, present.astype(np.int64), called, source, n_called, **codes)


def test_share_by_hand_where_the_mean_hides_the_pull():
    """Of 60 called c 16 are snowy huskies; without snow 20 x 3/60 = 1 of them would be: 15 of 60."""
    present, called, source = pictures(*HUSKY, *REST)
    share = share_of([*HUSKY, *REST], 60)
    assert share.effect == pytest.approx(15 / 60)
    assert (share.x_present, share.n_present, share.x_absent, share.n_absent) == (16, 60, 3, 60)
    assert 0.05 < share.low < share.effect < share.high < 0.5
    assert share.p < 1e-4
    mean = pull_gap(present, present.astype(np.int64), called, source)
    assert mean.effect < 0.05
    assert mean.p > 0.9


def test_share_of_one_class_is_its_gap_times_its_pictures():
    """One stratum: the same test of the same difference, 5 % of 60 being 15 points of 20 pictures."""
    share, (present, called, source) = share_of(HUSKY, 60), pictures(*HUSKY)
    gap = pull_gap(present, present.astype(np.int64), called, source)
    assert share.effect == pytest.approx(gap.effect * 20 / 60)
    assert share.low == pytest.approx(gap.low * 20 / 60)
    assert gap.p < share.p < 1e-4


def test_pull_that_goes_the_other_way_is_below_zero_and_nothing_is_certain_of_few():
    away = [(1, True, 20, 0), (1, False, 60, 30)]
    assert share_of(away, 60).effect == pytest.approx(-10 / 60)
    assert share_of(away, 60).p > 0.99
    assert share_of(HUSKY, 9).status == share_of([(1, True, 9, 9), (1, False, 60, 0)], 60).status == "too_few"
    assert share_of(HUSKY, 9).high == 1
    # 20 pictures cannot be more than 5 % of 400
    assert share_of(HUSKY, 400).p == 1
    # a class that has no picture without v adds nothing
    assert share_of([*HUSKY, (50, True, 30, 30)], 90).effect == pytest.approx(15 / 90)


@given(st.integers(0, 20), st.integers(0, 60), st.integers(0, 5), st.integers(10, 200))
def test_share_lies_in_its_interval_and_copies_change_nothing(x1, x0, seed, n_called):
    cells = [(1, True, 20, x1), (1, False, 60, x0), *REST[:6]]
    n_called += x1 + x0
    once, (present, called, source) = share_of(cells, n_called), pictures(*cells)
    assert -1 <= once.low <= once.effect <= once.high <= 1
    twice = np.concatenate([np.arange(called.size), np.random.default_rng(seed).permutation(called.size)])
    value = present[twice].astype(np.int64)
    copied = pulled_share(present[twice], value, called[twice], source[twice], n_called, copies=twice)
    assert copied == once


def test_sources_are_chosen_on_the_other_folds():
    present, called, source = pictures(*HUSKY, *REST)
    folds = np.arange(called.size) % 5
    found = pulled_sources(present, called, source, folds, 41)
    assert found.class_idx == (1,)
    assert found.n_pictures == 16
    assert found.pulled[:, 1].all()
    assert found.pulled.sum() == 5
    # all huskies that are pulled in one fold: that fold is told by others, which know of no pull
    one_fold = np.where(called, 0, 1 + np.arange(called.size) % 4)
    assert pulled_sources(present, called, source, one_fold, 41) is None


def test_pull_that_is_spread_over_all_names_nobody():
    spread = [(k, there, 25, 2 * there) for k in range(1, 41) for there in (True, False)]
    present, called, source = pictures(*spread)
    assert pulled_sources(present, called, source, np.arange(called.size) % 5, 41) is None
    assert share_of(spread, 160).effect == pytest.approx(80 / 160)
    # one of them pulls more: it is not where most come from
    present, called, source = pictures(*spread, (50, True, 25, 12), (50, False, 25, 0))
    assert pulled_sources(present, called, source, np.arange(called.size) % 5, 51) is None


def test_erased_share_by_hand():
    """Of 20 huskies with snow 16 are called c and 6 are with it erased; of 60 without, 3 and 3: 10 of 60."""
    present, called, source = pictures(*HUSKY, *REST)
    after = called & ~(present & (np.cumsum(called & present) > 6))
    assert (called & ~after).sum() == 10
    erased = erasure_effect(called, after, present, source, n_called=60)
    assert erased.effect == pytest.approx(10 / 60)
    assert erased.low < erased.effect < erased.high
    assert erased.n_present == 20 + 39 * 10


def pair_of(share, **changes):
    few, taken = share_of(HUSKY, 9), Erasure(0.2, 0.1, 0.3, 50, 50, p=0.005)
    pair = PairEvidence(0, 0, None, (0.5, 0.4, 0.6), False, True, few, few, pulled_share=share)
    pair.erased_share = pair.transferred_share = pair.erased_pull = pair.transferred_pull = taken
    return replace(pair, **changes)


def test_share_is_shown_where_erasure_agrees_and_halves_the_level_of_the_pull():
    share = share_of(HUSKY, 60)
    pair = pair_of(share)
    assert [(one.rule, one.gap, one.part) for one in supported(pair)] == [
        (PULL_GAP, pair.pull, 0.25),
        (PULLED_SHARE, share, 0.25),
    ]
    assert [(one.rule, one.part) for one in supported(replace(pair, pulled_share=None))] == [(PULL_GAP, 0.5)]
    nothing = Erasure(0.01, -0.01, 0.03, 50, 50, p=0.4)
    assert not share_agrees(replace(pair, transferred_share=nothing), share)
    # a quarter of 25 % is more than 5 %
    assert not share_agrees(replace(pair, erased_share=Erasure(0.06, 0.01, 0.1, 50, 50, p=0.005)), share)


def test_a_share_that_may_be_large_is_not_excluded():
    assert not share_excluded(pair_of(share_of(HUSKY, 60)))
    assert share_excluded(pair_of(None))
    assert share_excluded(pair_of(share_of(HUSKY, 9)))  # too few, as for a pull
    none = [(1, True, 20, 0), (1, False, 60, 0)]
    assert share_of(none, 200).high < 0.1
    assert share_excluded(pair_of(share_of(none, 200)))
    assert not share_excluded(pair_of(share_of(none, 30)))  # up to 3 of 30
    sure = Erasure(0.0, -0.02, 0.02, 50, 50)
    assert share_excluded(pair_of(share_of(none, 30), erased_share=sure))


@pytest.fixture(scope="module")
def pulled():
    return judge(many_classes(0, pulled=(1, 2)))


def alarms(verdicts):
    """Classes that are said to rely on something, or may."""
    return [verdict for verdict in verdicts if verdict.verdict in ("flagged", "suspect")]


def findings(result, class_idx=0):
    return {f.rule_id: f for f in result.findings if f.class_idx == class_idx and f.concept_id == "snow"}


@pytest.mark.slow
def test_two_of_a_hundred_classes_that_are_pulled_are_named(pulled):
    wolf, others = pulled.verdicts[0], pulled.verdicts[1:]
    assert (wolf.verdict, wolf.concept, wolf.rule_id, wolf.agreeing_rule_id) == (
        "flagged", "ground = snow", "E4-share", "E3-share",
    )  # fmt: skip
    assert wolf.gap is None  # in points; the share is none
    assert (
        'Pulled share: of 134 pictures that are called "wolf" 34 are of "husky" and "malamute" and have it; without it '
        "25 % [15, 36] of all 134"
    ) in wolf.numbers
    assert "the share shrinks by 25 % [20, 29] (by chance 1 %)" in wolf.numbers
    assert not alarms(others)
    found = findings(pulled)
    assert found["E4-pull"].effect < 0.02
    assert found["E4-pull"].p == pytest.approx(1)
    assert found["E4-share"].p < 1e-8
    assert found["E4-share"].n_images == 134
    labels = {int(image_id) for image_id in found["E4-share"].evidence_image_ids}
    assert len(labels) == 12


@pytest.mark.slow
def test_a_share_that_is_not_shown_is_suspect_and_not_excluded():
    """Three in ten of their snowy pictures: 16 % of what is called wolf, which the tests of 100 classes cannot show."""
    wolf = judge(many_classes(0, pulled=(1, 2), rate=0.3, of_wolves=0.75)).verdicts[0]
    assert (wolf.verdict, wolf.rule_id) == ("suspect", "E4-share")
    assert "without it 16 % [10, 26] of all 120 would not be called so" in wolf.sentence


@pytest.mark.slow
def test_pull_that_is_spread_evenly_over_a_hundred_classes_is_found_and_names_none():
    wolf = judge(many_classes(0, pulled=tuple(range(1, 100)), rate=0.04)).verdicts[0]
    assert (wolf.verdict, wolf.rule_id) == ("flagged", "E4-share")
    assert "102 are of other classes and have it; without it 50 % [42, 61] of all 202" in wolf.sentence


@pytest.mark.parametrize("of_wolves", [0.5, 0.75])
def test_hundred_classes_that_nothing_pulls_raise_no_alarm(of_wolves):
    """With snow as with any word; where three of four wolves have it the data let it through, and it is excluded."""
    assert not alarms(judge(many_classes(1, of_wolves=of_wolves)).verdicts)


@pytest.mark.slow
def test_twenty_worlds_without_a_pull_flag_nothing():
    verdicts = [verdict for seed in range(20) for verdict in judge(many_classes(seed, per_class=60)).verdicts]
    assert not [verdict for verdict in verdicts if verdict.verdict == "flagged"]
    assert not [verdict for verdict in verdicts if shown_by_others(verdict.rule_id)]


@pytest.mark.slow
@pytest.mark.parametrize("classes", [(1,), (1, 2)])
def test_presence_that_copies_the_look_of_the_class_is_no_pull(classes):
    """Three in ten of their pictures look like wolves and are called so; the column says snow of most of these."""
    inputs, rng = many_classes(0, of_wolves=0.75), np.random.default_rng(99)
    x = np.concatenate([chunk[1] for chunk in inputs.head_chunks()])
    near = np.isin(inputs.label_idx, classes) & (rng.random(len(x)) < 0.3)
    x[near, 0] += rng.normal(4.3, 0.3, near.sum())
    logits = x @ inputs.head.weight.T
    presence = inputs.presence.copy()
    presence[near & (rng.random(len(x)) < 0.8), 0] = 1
    changed = replace(inputs, presence=presence, predicted_idx=logits.argmax(axis=1), head_chunks=chunked(x, logits))
    result = judge(changed)
    wolf = result.verdicts[0]
    # of two classes the share is sure, but no erasure agrees; of one it is not
    assert wolf.verdict == ("suspect" if len(classes) == 2 else "not_shown")
    erased = next(one for one in result.findings if (one.class_idx, one.rule_id) == (0, "E3-share"))
    assert erased.effect == pytest.approx(0, abs=0.01)


def test_with_few_other_classes_the_mean_is_all_there_is():
    few, many = (
        findings(judge(many_classes(0, pulled=(1,), n_classes=n, of_wolves=0.75))) for n in (FEW_SOURCES + 1, 6)
    )
    assert {"E4-pull", "E3-pull"} <= set(few)
    assert set(many) - set(few) == {"E4-share", "E3-share"}


@pytest.mark.slow
@pytest.mark.parametrize(("pulled", "rate", "verdict"), [((1, 2), 0.35, "not_shown"), ((1, 2, 3, 4), 0.9, "suspect")])
def test_a_share_that_erasure_does_not_take_away_is_never_clean(pulled, rate, verdict):
    """Snow is balanced, and the network used it before its last layer: the head gives it no weight."""
    world = many_classes(0, pulled=pulled, rate=rate, of_wolves=0.25)
    weight = world.head.weight.copy()
    weight[0, -3] = 0
    x = np.concatenate([rows for _, rows, _ in world.head_chunks()])
    unseen = replace(world, head=LinearHead(weight, world.head.bias), head_chunks=chunked(x, x @ weight.T))
    wolf = judge(unseen).verdicts[0]
    assert wolf.verdict == verdict
    if verdict == "suspect":
        assert wolf.concept == "ground = snow"
    else:
        assert "but other classes' pictures are called so more often with ground = snow" in (wolf.sentence)
