"""Held-out proof: figures by hand, a class that surely loses, and a repair of a shortcut whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from auditor.evidence.effects.covariates import within_class
from auditor.records import LinearHead
from auditor.repair.before_after import figures_of
from auditor.repair.methods import Candidate, candidates, repaired_heads
from auditor.repair.proof import (
    Answers,
    Trial,
    _scored,
    answers_of,
    best,
    chosen_without_seeing,
    pairs_left,
    takes_out_all,
    try_all,
)
from auditor.repair.repair import _chosen_otherwise, repair
from auditor.repair.repair_input import RepairInput
from auditor.repair.sampling import sampling_list
from auditor.repair.subgroups import subgroups, sure_losers, worst_accuracy, worst_subgroup
from auditor.repair_records import METHODS, Method, RepairTarget


def shortcut(n: int = 600, seed: int = 0, *, known: bool = True) -> RepairInput:
    """Two classes told by channel 0; the head reads channel 1, the concept, which goes with class 1 in 90 %."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 2).astype(np.int64)
    present = rng.random(n) < np.where(labels == 1, 0.9, 0.1)
    x = rng.normal(0, 0.4, size=(n, 4)).astype(np.float32)
    x[:, 0] += labels
    x[:, 1] += present
    weight = np.array([[0, 0, 0, 0], [1, 6, 0, 0]], dtype=np.float32)
    return RepairInput(
        activations=x,
        labels=labels,
        head=LinearHead(weight, np.array([0, -3.5], np.float32)),
        present=present[:, None],
        known=np.full((n, 1), known),
        residual=within_class(present[:, None].astype(np.float32), labels) if known else np.zeros((n, 0), np.float32),
        folds=np.arange(n) // 2 % 5,
        units=np.arange(n),
        pairs=((1, 0),),
        channel_groups=np.array([0, 1, 2, 2]),
        image_ids=tuple(map(str, range(n))),
    )


def _by_hand() -> tuple[RepairInput, Answers, Answers]:
    """Class 0 of 20 pictures, half with the concept; class 1 of 20 without it. Repaired: four more of class 0."""
    labels = np.repeat([0, 1], 20).astype(np.int64)
    present = (np.arange(40) < 10)[:, None]
    given = replace(
        shortcut(40),
        labels=labels,
        present=present,
        known=np.ones((40, 1), bool),
        units=np.arange(40),
        pairs=((0, 0),),
    )
    before, after = labels.copy(), labels.copy()
    before[10:16], after[10:12] = 1, 1  # without it 4 of 10 right, then 8 of 10
    sure = np.full(40, 0.95, np.float32)
    return given, Answers(before, sure), Answers(after, sure)


def test_figures_by_hand():
    given, before, after = _by_hand()
    found = figures_of(given, before, after, ("a", "b"), ["water"], seed=0)
    told = {(one.name, one.class_name, one.present): (one.before, one.after) for one in found}
    assert told["accuracy", None, None] == pytest.approx((34 / 40, 38 / 40))
    assert told["worst", None, None] == pytest.approx((0.4, 0.8))
    assert told["balanced", None, None] == pytest.approx(((0.7 + 1) / 2, (0.9 + 1) / 2))
    assert told["class", "a", None] == pytest.approx((0.7, 0.9))
    assert told["subgroup", "a", True] == (1, 1)
    assert told["subgroup", "a", False] == pytest.approx((0.4, 0.8))
    assert told["gap", "a", None] == pytest.approx((0.6, 0.2))
    assert told["ece", None, None] == pytest.approx((abs(0.95 - 34 / 40), 0), abs=1e-6)
    assert ("pull", "a", None) not in told  # class b has no picture with it
    assert all(one.low <= one.after - one.before <= one.high for one in found)


def test_figures_that_do_not_change_have_no_width():
    given, before, _ = _by_hand()
    assert all(
        (one.low, one.high) == pytest.approx((0, 0))
        for one in figures_of(given, before, before, ("a", "b"), ["water"], seed=0)
    )


def test_only_what_is_sure_counts_as_a_loss():
    given = replace(shortcut(400), known=np.zeros((400, 1), bool))
    right = np.ones(400, bool)
    few, many = right.copy(), right.copy()
    few[given.labels == 0] = np.arange(200) >= 2  # a hundredth of the class: the margin
    many[given.labels == 0] = np.arange(200) >= 20
    assert sure_losers(given, right, few).tolist() == []
    assert sure_losers(given, right, many).tolist() == [0]
    together = replace(given, units=np.arange(400) // 40)  # twenty pictures of one patient
    assert sure_losers(together, right, many).tolist() == []


def test_a_small_subgroup_is_not_judged():
    given = shortcut(40)
    groups = subgroups(replace(given, present=(np.arange(40) < 3)[:, None]))
    assert [(one.class_idx, one.present) for one in groups] == [(0, False), (1, False)]


def _trial(worst: float, *, method: Method = "erase", loses: int = 0, left: tuple[int, ...] = (0,)) -> Trial:
    answers = Answers(np.zeros(1, np.int64), np.ones(1, np.float32))
    return Trial(Candidate(method), answers, worst, 0.1, 0.5, np.arange(loses), left)


def test_the_best_loses_no_class_before_it_helps_the_worst():
    losing, good = _trial(0.9, loses=1), _trial(0.5)
    assert best([losing, good]) is good


def test_the_average_stands_unless_another_is_better_by_more_than_one_standard_error():
    average, near, far = _trial(0.5, method="average"), _trial(0.59), _trial(0.61)
    assert best([near, average]) is average
    assert best([average, far]) is far
    assert best([average, _trial(0.61, loses=1)]) is average
    assert best([near, _trial(0.55, method="average", loses=1)]) is near


def test_of_subgroups_that_are_as_bad_the_smallest_counts():
    given, _, _ = _by_hand()
    groups = subgroups(given)
    assert {one.rows.size for one in groups} == {10, 20}
    assert worst_subgroup(np.ones(40, bool), groups).rows.size == 10
    assert worst_subgroup(np.zeros(40, bool), groups[::-1]).rows.size == 10


def test_the_standard_error_of_a_rate_of_one_is_not_nothing():
    given, before, after = _by_hand()  # 8 of 10 right in the worst subgroup
    right = Answers(given.labels, after.confidence)
    one, all_right = (_scored(given, Candidate("erase"), answers, before) for answers in (after, right))
    assert one.worst_error == pytest.approx(np.sqrt(0.75 * 0.25 / 10))
    assert all_right.worst == 1
    assert all_right.worst_error == pytest.approx(np.sqrt(11 / 12 * 1 / 12 / 10))


def test_what_takes_out_everything_is_told_where_it_is_as_good_within_noise():
    chosen, near = _trial(0.6, left=(1,)), _trial(0.51, left=())
    assert takes_out_all([chosen, near, _trial(0.5, left=())], chosen) is near
    assert takes_out_all([chosen, _trial(0.49, left=()), _trial(0.6, loses=1, left=())], chosen) is None
    assert takes_out_all([near, _trial(0.5, left=())], near) is None  # nothing is left


def test_a_pair_is_left_unless_a_diff_of_two_releases_calls_it_less():
    labels = np.repeat([0, 1], 100).astype(np.int64)
    present = np.tile(np.arange(100) < 50, 2)[:, None]
    given = replace(
        shortcut(200),
        labels=labels,
        present=present,
        known=np.ones((200, 1), bool),
        units=np.arange(200),
        pairs=((0, 0),),
    )
    sure = np.full(200, 0.9, np.float32)
    without, pulled, harmed = labels.copy(), labels.copy(), labels.copy()
    without[50:80] = 1  # 20 of 50 recognised without it, all with it
    pulled[100:130] = 0  # 30 of the others' 50 with it are called the class
    harmed[:30] = 1  # recognised less with it
    mended = Answers(labels, sure)
    for before in (without, pulled, harmed):
        assert pairs_left(given, Answers(before, sure), mended) == ()
        assert pairs_left(given, mended, Answers(before, sure)) == (0,)
    few = without.copy()
    few[52:80] = 0  # two pictures more are noise
    assert pairs_left(given, Answers(few, sure), mended) == (0,)


@pytest.fixture(scope="module")
def tried():
    given = shortcut()
    return given, try_all(given, candidates(given, METHODS), lambda *_: None)


def test_held_out_answers_come_from_heads_that_saw_nothing_of_the_fold(tried):
    given, trials = tried
    changed = given.activations.copy()
    fold = given.folds == 2
    changed[fold] += 5
    again = try_all(replace(given, activations=changed), [Candidate("erase")], lambda *_: None)[0]
    once = next(one for one in trials if one.candidate.method == "erase")
    assert not (again.answers.called[fold] == once.answers.called[fold]).all()
    # the same head, asked about what it was asked before
    only = given.part(~fold)
    ((_, head),) = repaired_heads(only, [Candidate("erase")])
    assert (answers_of(head, given.activations[fold]).called == once.answers.called[fold]).all()


def test_a_fold_is_fitted_to_the_residual_that_did_not_see_it():
    given = shortcut()
    fold, other = given.folds == 2, np.roll(given.residual, 1, axis=0)
    trial = try_all(replace(given, residual_without={2: other}), [Candidate("erase")], lambda *_: None)[0]
    seen = replace(given, residual=other).part(~fold)
    ((_, head),) = repaired_heads(seen, [Candidate("erase")])
    assert (answers_of(head, given.activations[fold]).called == trial.answers.called[fold]).all()
    once = try_all(given, [Candidate("erase")], lambda *_: None)[0]
    assert (once.answers.called[~fold] == trial.answers.called[~fold]).all()
    assert not (once.answers.called[fold] == trial.answers.called[fold]).all()


def test_where_no_concept_can_be_told_without_a_fold_nothing_is_erased_there():
    given = shortcut()
    without = replace(given, residual_without={2: np.zeros((given.labels.size, 0), np.float32)})
    trial = try_all(without, [Candidate("erase")], lambda *_: None)[0]
    fold = given.folds == 2
    assert (trial.answers.called[fold] == answers_of(given.head, given.activations[fold]).called).all()


def test_the_choice_for_a_fold_does_not_look_at_it(tried):
    given, trials = tried
    fold = given.folds == 0
    spoilt = [
        replace(one, answers=Answers(np.where(fold, 0, one.answers.called), one.answers.confidence)) for one in trials
    ]
    assert (chosen_without_seeing(given, spoilt)[0].called[fold] == 0).all()
    untouched = chosen_without_seeing(given, trials)[0].called
    assert worst_accuracy(untouched == given.labels, subgroups(given)) > 0.6


def test_a_choice_that_is_another_for_some_pictures_is_told():
    """Erasure is best by the first fold alone, where it is always right: without that fold the other is taken."""
    given = shortcut()
    nth = np.arange(given.labels.size) // 10  # of its fold
    own, other = given.labels, 1 - given.labels
    sure = np.ones(own.size, np.float32)
    answers = (
        Answers(np.where((given.folds == 0) | (nth % 12 > 0), own, other), sure),
        Answers(np.where((given.folds > 0) & (nth % 30 > 0), own, other), sure),
    )
    two = (Candidate("erase"), Candidate("reweight", 0.01))
    trials = [
        _scored(given, one, said, answers_of(given.head, given.activations))
        for one, said in zip(two, answers, strict=True)
    ]
    chosen = best(trials)
    assert chosen.candidate == two[0]
    _, taken = chosen_without_seeing(given, trials)
    assert taken == (two[1], *[two[0]] * 4)
    (notice,) = _chosen_otherwise(taken, chosen)
    assert "for 1 of 5 parts of them that is reweight; --method erase gives" in notice
    assert not list(_chosen_otherwise([two[0]] * 5, chosen))


def test_a_shortcut_is_taken_out():
    given = shortcut()
    found = repair(given, (RepairTarget("b", "water", "water", 270, 30, 0),), ("a", "b"), METHODS, seed=0)
    head, card = found.head, found.card
    worst = next(one for one in card.figures if one.name == "worst")
    assert worst.before < 0.3
    assert worst.after > 0.7
    assert card.objections == ()
    assert abs(head.weight[1, 1] - head.weight[0, 1]) < 1  # it was 6
    assert card.limit is not None
    assert card.limit.fitted >= 0.7


def test_a_repair_that_helps_nobody_is_objected_to():
    given = shortcut()
    fine = replace(
        given, head=LinearHead(np.array([[0, 0, 0, 0], [8, 0, 0, 0]], np.float32), np.array([0, -4], np.float32))
    )
    # taking the group of the concept out of a head that does not read it
    card = repair(fine, (RepairTarget("b", "water", "water", 270, 30, 0),), ("a", "b"), ("groups",), seed=0).card
    assert card.objections
    assert "held-out pictures do not show that this is less: 'b' by 'water'" in card.notices


def test_where_nobody_knows_the_presence_mistakes_say_it():
    given = shortcut(known=False)
    assert {one.method for one in candidates(given, METHODS)} == {"reweight", "average", "groups"}
    found = repair(given, (RepairTarget("b", "w", "w", 0, 0, 300),), ("a", "b"), ("reweight",), seed=0)
    head, card = found.head, found.card
    assert "nobody knows" in card.notices[0]
    assert abs(head.weight[1, 1]) < 6


def test_the_sampling_list_by_hand():
    text = sampling_list(
        ["a/1.jpg", "a/2.jpg", "a/3.jpg", "b/1.jpg"],
        np.array([0, 0, -1, 1]),
        ("a", "b"),
        ["wa,ter"],
        np.array([[True], [False], [True], [False]]),
        np.array([[True], [True], [True], [False]]),
    )
    assert text.splitlines() == [
        'path,class,"wa,ter",group,weight',
        "a/1.jpg,a,1,1,1",
        "a/2.jpg,a,0,0,1",
        "a/3.jpg,,1,-1,0",
        "b/1.jpg,b,,2,1",
    ]
