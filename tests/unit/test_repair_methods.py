"""Each way to repair a head, against scikit-learn or by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from auditor.evidence.effects.covariates import within_class
from auditor.records import LinearHead
from auditor.repair.balance import balanced_weights, mistake_weights
from auditor.repair.erase import fit_eraser
from auditor.repair.groups import leading_group, without_groups
from auditor.repair.methods import PENALTIES, Candidate, candidates, repaired_heads
from auditor.repair.repair_input import RepairInput
from auditor.repair.reweight import refit


def _world(n: int = 240, width: int = 6, n_classes: int = 3, seed: int = 0):
    """Features of classes with one concept, which goes with class 0 and lies along channel 1."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n)
    present = rng.random(n) < np.where(labels == 0, 0.85, 0.3)
    x = rng.normal(size=(n, width)).astype(np.float32)
    x[np.arange(n), labels] += 1.5
    x[:, 1] += 2 * present
    return x, labels.astype(np.int64), present[:, None]


def _given(x, labels, present, head, **more) -> RepairInput:
    return RepairInput(
        activations=x,
        labels=labels,
        head=head,
        present=present,
        known=more.get("known", np.ones_like(present)),
        residual=within_class(present.astype(np.float32), labels),
        folds=np.arange(labels.size) % 5,
        units=np.arange(labels.size),
        pairs=((0, 0),),
        channel_groups=np.array(more.get("groups", [0, 1, 0, 2, 2, -1])),
        image_ids=tuple(map(str, range(labels.size))),
    )


def _head(n_classes: int = 3, width: int = 6, seed: int = 1) -> LinearHead:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(n_classes, width)).astype(np.float32)
    return LinearHead(weight, rng.normal(size=n_classes).astype(np.float32))


def test_balanced_weights_by_hand():
    # class 0: 30 with, 10 without; class 1: 20 of which nobody knows
    labels = np.repeat([0, 1], [40, 20])
    present = np.r_[np.ones(30, bool), np.zeros(30, bool)][:, None]
    known = (labels == 0)[:, None]
    weights = balanced_weights(labels, present, known)
    assert weights[:30] == pytest.approx(20 / 30)
    assert weights[30:40] == pytest.approx(2.0)
    assert (weights[40:] == 1).all()


def test_an_arm_of_few_gets_its_part_of_a_half():
    labels, present = np.zeros(25, np.int64), (np.arange(25) < 20)[:, None]
    weights = balanced_weights(labels, present, np.ones_like(present))
    # 5 of 10 pictures: half of what the full arm gets, 25 in all
    assert weights[:20].sum() == pytest.approx(25 * 2 / 3)
    assert weights[20:].sum() == pytest.approx(25 / 3)


def test_mistakes_weigh_more_by_hand():
    logits = np.log(np.array([[0.5, 0.5], [0.9, 0.1]], dtype=np.float32))
    weights = mistake_weights(np.zeros(2, np.int64), logits)
    raw = np.exp(-4 * np.array([0.5, 0.9]))
    assert weights == pytest.approx(raw / raw.mean(), rel=1e-5)


def test_refit_is_scikit_learns_weighted_logistic_regression():
    x, labels, present = _world()
    weights = balanced_weights(labels, present, np.ones_like(present))
    empty = LinearHead(np.zeros((3, 6), np.float32), np.zeros(3, np.float32))
    penalty = 0.05
    found = refit(empty, x, labels, weights, rows=np.arange(3), penalty=penalty)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    theirs = LogisticRegression(C=1 / (penalty * weights.sum()), tol=1e-8, max_iter=2000).fit(
        z, labels, sample_weight=weights
    )
    ours = x @ found.weight.T + found.bias
    wanted = z @ theirs.coef_.T + theirs.intercept_
    # biases are fixed up to a number for all classes
    assert ours - ours.mean(axis=1, keepdims=True) == pytest.approx(
        wanted - wanted.mean(axis=1, keepdims=True), abs=5e-3
    )


def test_l1_refit_is_scikit_learns():
    x, labels, _ = _world()
    two, weights = (labels > 0).astype(np.int64), np.ones(labels.size)
    empty = LinearHead(np.zeros((2, 6), np.float32), np.zeros(2, np.float32))
    found = refit(empty, x, two, weights, rows=np.array([1]), penalty=0.05, norm="l1")
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    theirs = LogisticRegression(C=1 / (0.05 * labels.size), l1_ratio=1, solver="saga", tol=1e-8, max_iter=20000).fit(
        z, two
    )
    assert found.weight[1] * x.std(axis=0) == pytest.approx(theirs.coef_[0], abs=5e-3)
    assert not found.weight[0].any()


def test_rows_that_are_not_repaired_stand_still_and_a_large_penalty_changes_biases_alone():
    x, labels, _ = _world()
    head = _head()
    found = refit(head, x, labels, np.ones(labels.size), rows=np.array([0]), penalty=1e6)
    assert (found.weight[1:] == head.weight[1:]).all()
    assert (found.bias[1:] == head.bias[1:]).all()
    assert found.weight[0] == pytest.approx(head.weight[0], abs=1e-4)
    assert found.bias[0] != head.bias[0]


@settings(max_examples=20, deadline=None)
@drawn(st.integers(0, 10_000), st.booleans())
def test_what_is_erased_has_no_covariance_left_within_classes(seed: int, wide: bool):
    x, labels, present = _world(n=40 if wide else 120, width=60 if wide else 6, seed=seed)
    q = within_class(np.column_stack([present[:, 0], x[:, 2] > 0]).astype(np.float32), labels)
    eraser = fit_eraser(x, labels, q)
    left = within_class(eraser.inputs(x), labels).astype(np.float64)
    before = within_class(x, labels).astype(np.float64)
    assert np.abs(left.T @ q).max() <= 1e-3 * np.abs(before.T @ q).max()
    head = _head(width=x.shape[1], seed=seed)
    folded = eraser.folded(head)
    assert x @ folded.weight.T + folded.bias == pytest.approx(eraser.inputs(x) @ head.weight.T + head.bias, abs=2e-3)


def test_an_eraser_by_hand():
    # one channel is the concept, the other has nothing to do with it: the first becomes its mean
    x = np.array([[1, 5], [-1, 5], [1, -5], [-1, -5]], dtype=np.float32)
    labels, q = np.zeros(4, np.int64), np.array([[0.5], [-0.5], [0.5], [-0.5]], dtype=np.float32)
    folded = fit_eraser(x, labels, q).folded(LinearHead(np.eye(2, dtype=np.float32), np.zeros(2, np.float32)))
    assert folded.weight == pytest.approx(np.diag([0.0, 1.0]), abs=1e-6)


def test_concepts_that_say_the_same_are_erased_as_one():
    x, labels, present = _world()
    q = within_class(present.astype(np.float32), labels)
    once, twice = fit_eraser(x, labels, q), fit_eraser(x, labels, np.hstack([q, q]))
    assert twice.inputs(x) == pytest.approx(once.inputs(x), abs=1e-3)


def test_the_group_that_carries_the_concept_is_taken_out():
    x, labels, present = _world()
    weight = np.zeros((3, 6), np.float32)
    weight[0, :2] = [1.0, 2.0]
    given = _given(x, labels, present, LinearHead(weight, np.zeros(3, np.float32)))
    assert leading_group(given, 0, 0).tolist() == [1]
    found = without_groups(given)
    average = 2 / 3
    assert found.weight[0, 1] == pytest.approx(average)
    assert found.weight[0, 0] == 1
    assert found.bias[0] == pytest.approx((2 - average) * x[:, 1].mean(), rel=1e-4)
    assert (found.weight[1:] == weight[1:]).all()


def test_a_class_without_both_arms_keeps_its_groups():
    x, labels, present = _world()
    given = _given(x, labels, np.ones_like(present), _head())
    assert (without_groups(given).weight == given.head.weight).all()


def test_what_is_fitted_to_erased_features_does_not_read_what_was_erased():
    x, labels, present = _world()
    given = _given(x, labels, present, _head())
    ((_, head),) = repaired_heads(given, [Candidate("erase+reweight", 0.1)])
    eraser = fit_eraser(x, labels, given.residual)
    assert head.weight.astype(np.float64) @ eraser.shifts == pytest.approx(np.zeros((3, 1)), abs=1e-5)


@pytest.mark.parametrize("erasable", [True, False])
def test_the_average_is_of_all_refitted_heads_and_answers_as_their_mean_logits(erasable: bool):
    x, labels, present = _world()
    given = _given(x, labels, present, _head())
    methods = ("reweight", "erase+reweight") if erasable else ("reweight",)
    if not erasable:
        given = replace(given, residual=given.residual[:, :0])
    ((one, head),) = repaired_heads(given, candidates(given, ("average",)))
    members = dict(repaired_heads(given, [Candidate(method, penalty) for method in methods for penalty in PENALTIES]))
    assert one == Candidate("average")
    logits = np.mean([x @ member.weight.T + member.bias for member in members.values()], axis=0)
    assert x @ head.weight.T + head.bias == pytest.approx(logits, abs=1e-4)
    # tried beside its members it is the same, and they are what they are alone
    together = dict(repaired_heads(given, candidates(given, ("erase", *methods, "average", "groups"))))
    assert together[one].weight == pytest.approx(head.weight, abs=1e-5)
    for member, alone in members.items():
        assert (together[member].weight == alone.weight).all()
