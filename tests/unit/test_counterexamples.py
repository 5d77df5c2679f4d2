"""Counts of the arms, pictures that break a shortcut, and how many are missing: by hand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from evidence_world import V, World
from scipy.stats import norm

from auditor.evidence.effects import significance
from auditor.evidence.verdicts.counterexamples import MAX_PICTURES, missing_pictures, presence_reliability
from auditor.evidence.verdicts.judge import judge

PLANTED = {"waterbird": ("scene", "water", 0.95), "vehicle": ("artifact", "watermark", 0.95)}


@pytest.fixture(scope="module")
def audited():
    inputs = World(planted=PLANTED, seed=0, class_strength=0.6).audit(300)
    return inputs, judge(inputs)


def counted(n_labelled, n_correct, n_with, *, present=None, known=None):
    """Measured counts of two classes and one concept."""
    return SimpleNamespace(
        n_labelled=np.array(n_labelled),
        n_correct=np.array(n_correct),
        n_with=np.array(n_with)[:, None],
        n_without=(np.array(n_labelled) - n_with)[:, None],
        present=present,
        known=known,
    )


def judged_on(n_called, same_as=None, kappa=None):
    """Inputs of 300 pictures of class 0 and 500 of class 1, of which some are called 0."""
    labels = np.repeat([0, 1], [300, 500])
    predicted = np.where(np.arange(800) < 300 + n_called, 0, 1)
    return SimpleNamespace(label_idx=labels, predicted_idx=predicted, same_as=same_as or {}, kappa=kappa, copies=None)


PAIR = SimpleNamespace(class_idx=0, concept_idx=0)


def test_missing_pictures_by_hand():
    measured = counted([300, 500], [269, 450], [280, 20])
    missing = missing_pictures(judged_on(24), measured, PAIR, n_tests=10)
    z = norm.ppf(1 - 0.45 * 0.05 / 10) + norm.ppf(0.8)
    high, low = 269.5 / 301, 269.5 / 301 - 0.2
    show = int(np.ceil(z**2 * (high * (1 - high) + low * (1 - low)) / 0.15**2))
    z = norm.ppf(0.975) + norm.ppf(0.8)
    exclude = int(np.ceil(z**2 * 2 * high * (1 - high) / 0.1**2))
    assert (show, exclude) == (185, 148)
    assert (missing.own_with, missing.own_without) == (0, 185 - 20)
    pull = 24.5 / 501
    z = norm.ppf(1 - 0.45 * 0.05 / 10) + norm.ppf(0.8)
    show = int(np.ceil(z**2 * (pull * (1 - pull) + (pull + 0.2) * (1 - pull - 0.2)) / 0.15**2))
    assert (missing.others_with, missing.others_without) == (show - 20, 0)


def test_more_tests_need_more_pictures_and_never_the_observed_effect():
    one, many = (
        missing_pictures(judged_on(24), counted([300, 500], [269, 450], [280, 20]), PAIR, n_tests=n) for n in (1, 100)
    )
    assert many.own_without > one.own_without > 0
    shifted = counted([300, 500], [269, 450], [280, 20])
    assert missing_pictures(judged_on(24), shifted, PAIR, n_tests=1) == one


def test_presence_told_twice_dilutes_by_its_kappa():
    kappa = np.array([0.8, np.nan], np.float32)
    for v, expected in ((0, 0.8), (1, 1.0)):
        assert presence_reliability(judged_on(24, kappa=kappa), None, v) == pytest.approx(expected)
    counts = counted([300, 500], [269, 450], [280, 20])
    sure, unsure = (missing_pictures(judged_on(24, kappa=k), counts, PAIR, n_tests=1) for k in (None, kappa))
    assert unsure.own_without > sure.own_without


def test_an_encoder_that_errs_needs_more_and_may_never_do():
    truth = np.arange(800) % 2 == 0
    for wrong, expected in ((0, 1.0), (80, 0.8), (400, 0.0)):
        seen = truth.copy()
        seen[:wrong] = ~seen[:wrong]
        present = np.column_stack([seen, truth])
        measured = counted([300, 500], [269, 450], [280, 20], present=present, known=np.ones((800, 2), bool))
        inputs = judged_on(24, {1: 0})
        assert presence_reliability(inputs, measured, 0) == pytest.approx(expected)
        assert presence_reliability(inputs, measured, 1) == 1.0  # an attribute is exact
        missing = missing_pictures(inputs, measured, PAIR, n_tests=10)
        if wrong == 0:
            exact = missing
        elif wrong == 80:
            assert missing.own_without > exact.own_without
        else:
            assert tuple(missing) == (None, None, None, None)


def test_arms_of_a_judged_class(audited):
    inputs, result = audited
    rows = {
        (r.class_name, r.concept, r.present): r for r in result.counterexamples if r.concept in ("water", "watermark")
    }
    presence, called = inputs.presence[:, V["water"]] > 0.5, inputs.predicted_idx == 0
    own = inputs.label_idx == 0
    for present in (True, False):
        row = rows["waterbird", "water", present]
        arm = presence == present
        assert row.state == "proven"
        assert (row.n, row.n_correct) == ((own & arm).sum(), (own & arm & called).sum())
        assert (row.n_others, row.n_others_called) == ((~own & arm).sum(), (~own & arm & called).sum())
        assert row.accuracy == pytest.approx(row.n_correct / row.n)
        low, high = significance.wilson_interval(row.n_correct, row.n)
        assert (row.accuracy_low, row.accuracy_high) == (pytest.approx(float(low)), pytest.approx(float(high)))
        assert len(row.image_ids) == min(MAX_PICTURES, row.n_others if present else row.n)
    of_id = {image_id: i for i, image_id in enumerate(inputs.image_ids)}
    without = [of_id[image_id] for image_id in rows["waterbird", "water", False].image_ids]
    assert own[without].all()
    assert not presence[without].any()
    wrong = ~called[without]
    assert wrong[: wrong.sum()].all()  # mistakes first
    pulled = [of_id[image_id] for image_id in rows["waterbird", "water", True].image_ids]
    assert not own[pulled].any()
    assert presence[pulled].all()
    right = called[pulled]
    assert right[: right.sum()].all()


def test_clean_classes_and_data_alone_have_none(audited):
    inputs, result = audited
    judged = {v.class_name for v in result.verdicts if v.verdict in ("flagged", "suspect")}
    assert {row.class_name for row in result.counterexamples} == judged
    alone = replace(inputs, head=None, head_chunks=None, predicted_idx=np.full(inputs.label_idx.size, -1))
    assert judge(alone).counterexamples == []
