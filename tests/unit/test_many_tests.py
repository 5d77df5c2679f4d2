import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.effects.swaps import Intervention
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts import many_tests
from auditor.evidence.verdicts.agreement import supported
from auditor.evidence.verdicts.many_tests import correct_for_many_tests, corrected, n_tests
from auditor.records import Concept
from auditor.rules import ALPHA, ASSOCIATED_PART, COLUMN_PART, PROPERTY_PART

AGREED = Erasure(0.5, 0.3, 0.7, 50, 50, p=0.005, permuted=0.0)


def pair(class_idx, concept_idx, p, *, screened=True):
    """A pair whose recall gap has this p, and whose erasure agrees."""
    gap = Gap(0.5, 0.3, 0.7, p, 0, 0, 0, 0, status="measured")
    return PairEvidence(
        class_idx, concept_idx, None, (0.9, 0.8, 1.0), False, screened,
        recall=gap, erased_recall=AGREED, transferred_recall=AGREED,
    )  # fmt: skip


def world(pairs, associated, n_classes=2, n_concepts=10, n_labelled=100, columns=(), words_tell=True):
    """Inputs and measurements of classes in which every concept can be tested; ``associated`` are (class, concept).

    ``columns`` are the positions of the concepts that are values of a column.
    """
    by_data = np.zeros((n_classes, n_concepts), bool)
    for where in associated:
        by_data[where] = True
    inputs = SimpleNamespace(
        class_names=[f"class {c}" for c in range(n_classes)],
        concepts=[
            Concept(f"{v}", f"{v}", "attribute", column="x") if v in columns else Concept(f"{v}", f"{v}", "scene")
            for v in range(n_concepts)
        ],
        context_of=lambda _: np.arange(n_concepts),
    )
    measured = SimpleNamespace(
        pairs=pairs,
        by_data=by_data,
        n_labelled=np.full(n_classes, n_labelled),
        n_with=np.full((n_classes, n_concepts), 50),
        n_without=np.full((n_classes, n_concepts), 50),
        pull_arms=np.full((n_classes, n_concepts), 50),
        of_losses=False,
        fit=SimpleNamespace(tells_context=(words_tell,) * n_classes),
    )
    return inputs, measured


def test_an_associated_concept_shares_its_part_of_the_level_with_its_like_alone():
    one, other = pair(0, 3, 0.001), pair(1, 4, 0.9)
    correct_for_many_tests(*world([one, other], associated=[(0, 3)]))
    # .45 of the level for recall, one test in the family, .8 of the level; then one class found of two
    assert one.p == pytest.approx(0.001 / 0.45)
    assert one.q == pytest.approx(0.001 / 0.45 / 0.8 * 2)
    assert other.q == 1.0


def test_holm_goes_over_the_family_whether_its_pairs_are_screened_or_not():
    first, second = pair(0, 3, 0.001), pair(0, 4, 0.004)
    correct_for_many_tests(*world([first, second], associated=[(0, 3), (0, 4), (0, 5)], n_classes=1))
    assert first.q == pytest.approx(0.001 / 0.45 * 3 / 0.8)
    assert second.q == pytest.approx(0.004 / 0.45 * 2 / 0.8)


def test_concepts_that_are_not_associated_keep_the_rest_of_the_level():
    one = pair(0, 3, 0.0001)
    correct_for_many_tests(*world([one], associated=[(0, 7)], n_classes=1))
    assert one.q == pytest.approx(0.0001 / 0.45 * 9 / (1 - ASSOCIATED_PART))


def test_all_of_the_level_is_used_where_there_is_one_family():
    for associated in ([], [(0, v) for v in range(10)]):
        one = pair(0, 3, 0.0001)
        correct_for_many_tests(*world([one], associated, n_classes=1))
        assert one.q == pytest.approx(0.0001 / 0.45 * 10)


def test_a_p_of_its_own_takes_the_place_of_what_is_supported():
    """A loss is tested whether erasure agrees or not, with all of its pair's level."""
    one = pair(0, 3, 0.001)
    one.erased_recall = replace(AGREED, effect=0.0)
    inputs, measured = world([one], [(0, 3)], n_classes=1)
    correct_for_many_tests(inputs, measured, p_of=lambda loss: loss.recall.p)
    assert (one.p, one.q) == (0.001, pytest.approx(0.001 / 0.8))


def test_pairs_without_a_screen_and_classes_too_small_are_no_discoveries():
    unscreened, small = pair(0, 3, 1e-9, screened=False), pair(1, 3, 1e-9)
    inputs, measured = world([unscreened, small], associated=[(0, 3), (1, 3)])
    measured.n_labelled[1] = 10
    correct_for_many_tests(inputs, measured)
    assert unscreened.q == small.q == 1.0


def test_tests_that_share_the_level():
    inputs, measured = world([], associated=[(0, 3), (0, 4)], n_classes=1)
    shared = n_tests(inputs, measured, 0)
    assert shared[3] == pytest.approx(2 / 0.8)
    assert shared[0] == pytest.approx(8 / (1 - ASSOCIATED_PART))
    # a concept that too few pictures show to be tested, by what it would share if it were
    measured.n_with[0, 4] = measured.pull_arms[0, 4] = 1
    assert n_tests(inputs, measured, 0)[4] == pytest.approx(1 / 0.8)
    measured.n_with[:] = measured.pull_arms[:] = 0
    assert n_tests(inputs, measured, 0).tolist() == [1.0] * 10


def test_a_class_is_discovered_falsely_no_more_often_than_the_level():
    """All families under the hypothesis, whatever E2 chose: the better of two uniform p-values."""
    rng = np.random.default_rng(0)
    alarms, n_trials = 0, 2000
    for _ in range(n_trials):
        pairs = [pair(0, v, float(min(rng.random(2)))) for v in range(10)]
        associated, columns = [(0, v) for v in range(rng.integers(0, 11))], range(rng.integers(0, 11), 10)
        correct_for_many_tests(*world(pairs, associated, n_classes=1, columns=columns))
        alarms += any(one.q <= ALPHA for one in pairs)
    assert alarms / n_trials <= ALPHA + 3 * np.sqrt(ALPHA / n_trials)


def test_swaps_beside_a_gap_have_a_tenth_of_the_level_and_in_its_place_a_half():
    swaps = Intervention(0.3, 0.2, 0.4, 1e-4, 0.9, 0.6, 160)
    weak = pair(0, 3, 0.04)
    weak.swapped = swaps
    correct_for_many_tests(*world([weak], [(0, 3)], n_classes=1))
    by_recall, together = supported(weak)
    assert weak.q == pytest.approx(together.gap.p / 0.1 / 0.8)
    assert corrected(weak, by_recall) == pytest.approx(0.04 / 0.45 / 0.8)
    assert corrected(weak, together) == pytest.approx(weak.q)
    alone = PairEvidence(0, 3, None, (0.9, 0.8, 1.0), False, True, swapped=swaps)
    alone.recall = Gap(0.0, -1.0, 1.0, 1.0, 0, 0, 0, 0, status="too_few")
    correct_for_many_tests(*world([alone], [(0, 3)], n_classes=1))
    assert alone.q == pytest.approx(1e-4 / 0.5 / 0.8)


def test_one_column_among_a_hundred_words_has_half_of_the_level_for_itself():
    column, word = pair(0, 100, 0.001), pair(0, 3, 0.0001)
    inputs, measured = world([column, word], [(0, 3), (0, 4), (0, 100)], n_classes=1, n_concepts=101, columns=[100])
    correct_for_many_tests(inputs, measured)
    assert column.q == pytest.approx(0.001 / 0.45 / 0.5)
    # the two words that are associated share .8 of what columns leave
    assert word.q == pytest.approx(0.0001 / 0.45 * 2 / (0.8 * 0.5))


def test_columns_are_split_by_association_as_words_are():
    associated, other = pair(0, 8, 0.001), pair(0, 9, 0.001)
    correct_for_many_tests(*world([associated, other], [(0, 8)], n_classes=1, columns=[7, 8, 9]))
    assert associated.q == pytest.approx(0.001 / 0.45 / (0.8 * 0.5))
    assert other.q == pytest.approx(0.001 / 0.45 * 2 / (0.2 * 0.5))


def test_words_share_as_before_where_no_column_can_be_tested_and_columns_where_no_word_can():
    for columns, tested in (([8, 9], range(8)), (range(2, 10), range(2, 10))):
        one = pair(0, 3, 0.0001)
        inputs, measured = world([one], [(0, 3), (0, 4)], n_classes=1, columns=columns)
        untested = [v for v in range(10) if v not in tested]
        measured.n_with[0, untested] = measured.pull_arms[0, untested] = 0
        correct_for_many_tests(inputs, measured)
        assert one.q == pytest.approx(0.0001 / 0.45 * 2 / 0.8)


def test_what_a_column_without_enough_pictures_would_share():
    inputs, measured = world([], [(0, 3), (0, 8)], n_classes=1, columns=[8, 9])
    assert n_tests(inputs, measured, 0)[[8, 9]] == pytest.approx([1 / 0.4, 1 / 0.1])
    measured.n_with[0, [8, 9]] = measured.pull_arms[0, [8, 9]] = 1
    shared = n_tests(inputs, measured, 0)
    assert shared[[8, 9]] == pytest.approx([2, 2])
    assert shared[[3, 0]] == pytest.approx([1 / 0.8, 7 / 0.2])


@pytest.mark.parametrize(("columns", "n_families"), [([], 2), ([9], 3), ([0, 1, 9], 4), (range(10), 2)])
def test_all_families_together_use_the_level(columns, n_families):
    inputs, measured = world([], associated=[(0, 1), (0, 2), (0, 3)], n_classes=1, columns=columns)
    assert (1 / n_tests(inputs, measured, 0)).sum() == pytest.approx(1.0)
    families = [one for _, of in many_tests._families(inputs, measured, 0) for one in of if one[0].size]
    assert sum(part for _, part in families) == pytest.approx(1.0)
    assert len(families) == n_families


def test_without_columns_the_parts_are_those_of_the_words():
    inputs, measured = world([], [(0, 1), (0, 2)], n_classes=1)
    (_, columns), (_, properties), (_, words) = many_tests._families(inputs, measured, 0)
    # what a column would have, were one tested
    assert [(family.tolist(), part) for family, part in columns] == [([], COLUMN_PART)]
    assert [(family.tolist(), part) for family, part in properties] == [([], PROPERTY_PART)]
    assert [(family.tolist(), part) for family, part in words] == [
        ([1, 2], ASSOCIATED_PART), ([0, *range(3, 10)], 1 - ASSOCIATED_PART),
    ]  # fmt: skip


@pytest.mark.parametrize("words_tell", [True, False])
@pytest.mark.parametrize("kinds", itertools.product([True, False], repeat=3))
def test_properties_have_a_small_part_and_all_parts_are_the_level(kinds, words_tell):
    """Where the encoder sees the class in every word, the words have it instead."""
    columns, properties, words = kinds
    parts = many_tests._parts(*kinds, words_tell=words_tell)
    of_tested = [part for part, tested in zip(parts, kinds, strict=True) if tested]
    assert sum(of_tested) == pytest.approx(1.0 if of_tested else 0.0)
    changed = properties and words and not words_tell
    if properties and (columns or words):
        assert parts[2 if changed else 1] == PROPERTY_PART
    if columns and words:
        assert parts[0] / (parts[0] + parts[1 if changed else 2]) == pytest.approx(COLUMN_PART)


def test_bar_is_the_p_that_would_just_do():
    """The other classes' tests being what they are: with one more or less found the level is another."""

    def found(p):
        one, other, third = pair(0, 3, p), pair(1, 4, 0.001), pair(2, 5, 0.9)
        correct_for_many_tests(*world([one, other, third], associated=[(0, 3), (1, 4)], n_classes=3))
        return one

    bar = found(0.0002).bar
    # two of three classes found, .8 of the level for the one associated concept
    assert bar == pytest.approx(ALPHA * 2 / 3 * 0.8)
    assert found(0.45 * bar * 0.999).q <= ALPHA < found(0.45 * bar * 1.001).q
    assert found(0.45 * bar * 0.999).bar == pytest.approx(bar)
