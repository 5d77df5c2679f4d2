from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from auditor.evidence.effects.edits import EditedPictures, edited_effects, edited_loss
from auditor.evidence.verdicts.agreement import edits_exclude, edits_pull, edits_surely


def pictures(*classes):
    """For each class (n, with the level, without it): lists of (number, what they are called)."""
    label, with_level, without = [], [], []
    for c, (given_, taken) in enumerate(classes):
        answers = [np.repeat([k for _, k in side], [n for n, _ in side]) for side in (given_, taken)]
        label.append(np.full(answers[0].size, c))
        with_level.append(answers[0])
        without.append(answers[1])
    labels = np.concatenate(label)
    rows = np.arange(labels.size)
    margins = np.full((labels.size, 2), np.nan)
    return EditedPictures(rows, labels, np.concatenate(with_level), np.concatenate(without), rows, margins)


RELIES = pictures(
    ([(90, 0), (10, 1)], [(60, 0), (40, 1)]),  # 30 of 100 gained
    ([(40, 0), (60, 1)], [(5, 0), (95, 1)]),  # 35 of 100 pulled
)


def test_both_effects_are_paired_differences_of_rates():
    found = edited_effects(RELIES, 0, 2)
    assert (found.recall.effect, found.recall.called, found.recall.called_without) == pytest.approx((0.3, 0.9, 0.6))
    assert (found.pull.effect, found.pull.called, found.pull.called_without) == pytest.approx((0.35, 0.4, 0.05))
    assert found.recall.n == found.pull.n == 100
    # Bonett and Price: (32 - 1... of 102, one pair of either change added
    centre = (31 - 1) / 102
    half = 1.959964 * np.sqrt((31 + 1) / 102 - centre**2) / np.sqrt(102)
    assert (found.recall.low, found.recall.high) == pytest.approx((centre - half, centre + half), abs=1e-6)
    assert edits_surely(found)
    assert found.p == pytest.approx(max(found.recall.p, found.pull.p))


def test_the_class_that_loses_by_it_is_not_shown():
    other = edited_effects(RELIES, 1, 2)
    assert other.recall.effect == pytest.approx(-0.35)
    assert other.p > 0.99
    assert not edits_surely(other)


def test_a_loss_is_what_goes_to_the_class_that_gains():
    lost = edited_loss(RELIES, 1, 0)
    assert (lost.recall.effect, lost.recall.called, lost.recall.called_without) == pytest.approx((0.35, 0.95, 0.6))
    assert (lost.taken.effect, lost.taken.called, lost.taken.called_without) == pytest.approx((0.35, 0.4, 0.05))
    assert (lost.taker_idx, lost.p) == (0, max(lost.recall.p, lost.taken.p))
    assert lost.recall.low > 0.2
    assert set(lost.recall.changed) <= set(range(100, 200))  # its own pictures, called it without the level only


def test_what_is_lost_to_no_class_in_particular_is_no_loss_to_the_one_that_gains():
    scatters = pictures(
        ([(90, 0), (10, 1)], [(60, 0), (40, 1)]),
        ([(60, 1), (2, 0), (38, 2)], [(100, 1)]),  # 40 of 100 lost, 2 of them to class 0
        ([(100, 2)], [(100, 2)]),
    )
    lost = edited_loss(scatters, 1, 0)
    assert lost.recall.effect == pytest.approx(0.4)
    assert lost.p > 0.9


def test_too_few_pictures_lose_nothing():
    few = pictures(([(90, 0)], [(60, 0), (30, 1)]), ([(4, 0)], [(4, 1)]))
    assert edited_loss(few, 1, 0) is None


def test_two_of_four_classes_that_rely_on_the_same_do_not_hide_each_other():
    """Classes 0 and 1 gain by a mark, 2 and 3 lose their pictures to them."""
    own = [([(90, k), (10, 2)], [(50, k), (50, 2)]) for k in (0, 1)]
    others = [([(40, k), (30, 0), (30, 1)], [(95, k), (5, 5 - k)]) for k in (2, 3)]
    both = pictures(*own, *others)
    assert [edits_surely(edited_effects(both, c, 4)) for c in range(4)] == [True, True, False, False]


def test_what_makes_most_classes_easier_to_recognise_shows_nothing_of_one():
    """All four gain 40 of 100, and class 0 the errors of the rest: a mean wrong class has none to give."""
    easier = pictures(*[([(90, k), (10, (k + 1) % 4)], [(50, k), (50, (k + 1) % 4)]) for k in range(4)])
    assert not any(edits_surely(edited_effects(easier, c, 4)) for c in range(4))
    also_pulls = pictures(
        ([(90, 0), (10, 1)], [(50, 0), (50, 1)]),
        *[([(75, k), (20, 0), (5, 3 - k)], [(35, k), (65, 3 - k)]) for k in (1, 2)],
    )
    assert edited_effects(also_pulls, 0, 3).pull.effect == pytest.approx(0.2)
    assert not edits_surely(edited_effects(also_pulls, 0, 3))  # it gains no more than the others


def test_of_two_classes_that_rely_on_the_same_the_stronger_takes_nothing_from_the_weaker():
    """Class 0 gains 30 of 100 pictures of 2, 3 and 4 each, class 1 15: beyond the mean wrong class 5 points alone."""
    own = ([(95, 0), (5, 2)], [(50, 0), (50, 2)]), ([(95, 1), (5, 2)], [(60, 1), (40, 2)])
    others = [([(55, k), (30, 0), (15, 1)], [(100, k)]) for k in (2, 3, 4)]
    relying = pictures(*own, *others)
    stronger, weaker = (edited_effects(relying, c, 5) for c in (0, 1))
    assert weaker.pull.effect == pytest.approx(45 / 400)
    assert edits_surely(stronger)
    assert edits_surely(weaker)
    # 45 of 400 pictures more and, of the median wrong class, none
    assert weaker.p == pytest.approx(weaker.p_pull)


def test_a_network_that_falls_under_an_edit_and_scatters_its_errors_relies_on_nothing():
    falls = [(40, 0), (20, 1), (20, 2), (20, 3)]
    rolled = [[(n, (k + c) % 4) for n, k in falls] for c in range(4)]
    fragile = pictures(*[(answers, [(100, c)]) for c, answers in enumerate(rolled)])
    for c in range(4):
        found = edited_effects(fragile, c, 4)
        assert found.pull.effect == pytest.approx(0.2)  # called it more often, and every other class as well
        assert not edits_surely(found)
        assert found.p > 0.9


def test_a_gain_that_every_class_has_is_no_reliance():
    """Sharpened pictures are recognised better, whatever they show."""
    better = pictures(*[([(90, c), (10, (c + 1) % 3)], [(60, c), (40, (c + 1) % 3)]) for c in range(3)])
    found = edited_effects(better, 0, 3)
    assert found.recall.low > 0.1
    assert found.p > 0.9


def test_in_many_classes_a_pull_must_exceed_that_of_the_mean_wrong_class():
    n_classes = 12
    one = [([(100, 0)], [(70, 0), (30, 1)])]
    one += [([(60, c), (40, 0)], [(98, c), (2, 0)]) for c in range(1, n_classes)]
    found = edited_effects(pictures(*one), 0, n_classes)
    assert (found.recall.effect, found.pull.effect) == pytest.approx((0.3, 0.38))
    assert edits_surely(found)


def test_what_moves_nothing_is_excluded():
    still = pictures(([(90, 0), (10, 1)], [(90, 0), (10, 1)]), ([(100, 1)], [(100, 1)]))
    found = edited_effects(still, 0, 2)
    assert found.recall.effect == found.pull.effect == 0
    assert edits_exclude(found)
    assert not edits_exclude(edited_effects(RELIES, 0, 2))


def test_too_few_pictures_say_nothing():
    few = pictures(([(4, 0)], [(4, 1)]), ([(100, 0)], [(100, 1)]))
    found = edited_effects(few, 0, 2)
    assert (found.recall.status, found.recall.n, found.p) == ("too_few", 4, 1.0)
    assert not edits_surely(found)
    assert not edits_exclude(found)


def test_copies_of_one_group_count_as_fewer():
    label = RELIES.label_idx
    groups = np.concatenate([np.arange(100) // 10, 100 + np.arange(100) // 10])
    grouped = EditedPictures(RELIES.rows, label, RELIES.with_level, RELIES.without_level, groups, RELIES.margins)
    alone, together = (edited_effects(one, 0, 2) for one in (RELIES, grouped))
    assert together.recall.effect == alone.recall.effect
    assert together.recall.p > alone.recall.p
    assert together.recall.low < alone.recall.low


def test_few_pictures_of_its_own_that_gain_are_enough_to_suspect_and_not_to_show():
    few = pictures(([(7, 0)], [(5, 0), (2, 1)]), ([(40, 0), (60, 1)], [(5, 0), (95, 1)]))
    found = edited_effects(few, 0, 2)
    assert (found.recall.n, found.recall.effect) == (7, pytest.approx(2 / 7))
    assert not edits_surely(found)
    assert not edits_pull(found)  # what falls is pulled as well: its own must surely gain
    few = with_margins(few, 1.0, 0.9)  # they do, and no more than the others
    assert not edits_surely(edited_effects(few, 0, 2))
    assert edits_pull(edited_effects(few, 0, 2))
    assert not edits_pull(edited_effects(few, 1, 2))


def test_a_class_that_has_the_level_nearly_everywhere_is_suspect_for_the_pictures_that_it_takes():
    its_own, taken, kept = ([(2, 0)], [(2, 0)]), ([(20, 0), (40, 1)], [(60, 1)]), ([(60, 2)], [(60, 2)])
    found = edited_effects(pictures(its_own, taken, ([(20, 0), (40, 2)], [(60, 2)])), 0, 3)
    assert (found.recall.status, found.recall.n, found.pull.effect) == ("too_few", 2, pytest.approx(1 / 3))
    assert found.p == 1
    assert edits_pull(found)
    assert not edits_surely(found)
    # pictures that fall everywhere alike say nothing of a class
    falls = pictures(its_own, ([(20, 0), (20, 1), (20, 2)], [(60, 1)]), ([(20, 0), (20, 1), (20, 2)], [(60, 2)]))
    assert not edits_pull(edited_effects(falls, 0, 3))
    # nor do those of one class, which may be the nearest, or there is no other
    assert not edits_pull(edited_effects(pictures(its_own, taken, kept), 0, 3))
    assert not edits_pull(edited_effects(pictures(its_own, taken), 0, 2))
    # but for an edit that makes most of them the class
    assert edits_pull(edited_effects(pictures(its_own, ([(50, 0), (10, 1)], [(60, 1)])), 0, 2))


def test_a_class_whose_pictures_gain_is_suspect_though_another_wrong_class_takes_as_many():
    as_they_fall = ([(25, 0), (25, 3), (50, 1)], [(100, 1)]), ([(25, 0), (25, 3), (50, 2)], [(100, 2)])
    four = pictures(([(97, 0), (3, 1)], [(95, 0), (5, 1)]), *as_they_fall, ([(100, 3)], [(100, 3)]))
    found = edited_effects(with_margins(four, 1.4, 0.0), 0, 4)
    assert found.pull.p < 0.001
    assert found.p_pull > 0.05  # the fourth class takes as many
    assert not edits_surely(found)
    assert edits_pull(found)
    assert not edits_pull(edited_effects(with_margins(four, 0.2, 0.0), 0, 4))  # what only falls gains little


@settings(deadline=None)
@given(st.data())
def test_without_the_level_and_with_it_are_mirror_images(data):
    n = data.draw(st.integers(24, 60))
    draw = st.lists(st.integers(0, 2), min_size=n, max_size=n)
    label = np.arange(n) % 2
    one, other = (np.array(data.draw(draw)) for _ in range(2))
    rows = np.arange(n)
    margins = np.full((label.size, 2), np.nan)
    there = edited_effects(EditedPictures(rows, label, one, other, rows, margins), 0, 3)
    back = edited_effects(EditedPictures(rows, label, other, one, rows, margins), 0, 3)
    assert there.recall.effect == -back.recall.effect
    assert there.pull.effect == -back.pull.effect
    assert there.recall.low == pytest.approx(-back.recall.high)
    assert 0 <= there.p <= 1


CEILING = pictures(
    ([(100, 0)], [(99, 0), (1, 1)]),  # recognised anyway
    ([(40, 0), (60, 1)], [(5, 0), (95, 1)]),  # 35 of 100 pulled
)


def with_margins(found, own, other, *, spread=1.0, noise=0.3):
    """Margins that rise by so many spreads in the pictures of the first class, and of the other."""
    rng = np.random.default_rng(0)
    without = rng.normal(3, spread, found.rows.size)
    without = (without - without.mean()) / without.std() * spread
    rise = np.where(found.label_idx == 0, own, other) + rng.normal(0, noise, without.size)
    return replace(found, margins=np.stack([without + spread * rise, without], axis=1))


def test_a_class_that_is_recognised_anyway_is_shown_by_its_margins():
    assert not edits_surely(edited_effects(CEILING, 0, 2))
    found = edited_effects(with_margins(CEILING, 1.0, -1.0, spread=7.0), 0, 2)
    assert edits_surely(found)
    assert found.margin.effect == pytest.approx(1.0, abs=0.05)  # in spreads, whatever a logit is
    assert found.margin.low < found.margin.effect < found.margin.high
    assert found.recall.effect == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (0.1, -1.0),  # less than a quarter of a spread: at most a tenth of normal margins would pass zero
        (1.0, 1.0),  # as much as in the other class: pictures are easier with it
        (-0.5, -1.0),
    ],
)
def test_margins_that_rise_little_or_everywhere_show_nothing(own, other):
    assert not edits_surely(edited_effects(with_margins(CEILING, own, other), 0, 2))


def test_margins_alone_show_nothing_where_no_other_picture_is_pulled():
    stays = pictures(([(100, 0)], [(99, 0), (1, 1)]), ([(5, 0), (95, 1)], [(5, 0), (95, 1)]))
    assert not edits_surely(edited_effects(with_margins(stays, 1.0, -1.0), 0, 2))


def test_the_smaller_p_of_recall_and_margin_counts_twice():
    alone, both = edited_effects(RELIES, 0, 2), edited_effects(with_margins(RELIES, 0.3, -1.0), 0, 2)
    least = min(alone.p, both.margin.p)
    assert both.p == pytest.approx(max(2 * least, alone.p_pull))


def test_of_few_pictures_margins_are_told_with_care():
    """Five pictures that all rise by one: t with four degrees of freedom, over a quarter."""
    few = pictures(([(5, 0)], [(4, 0), (1, 1)]), ([(40, 0), (60, 1)], [(5, 0), (95, 1)]))
    found = edited_effects(with_margins(few, 1.0, -1.0, noise=0.2), 0, 2).margin
    rises = np.diff(with_margins(few, 1.0, -1.0, noise=0.2).margins[:5, ::-1], axis=1).ravel()
    assert found.p == pytest.approx(ttest_1samp(rises, 0.25, alternative="greater").pvalue)
    assert found.n == 5
