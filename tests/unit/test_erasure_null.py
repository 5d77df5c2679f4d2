from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from auditor.evidence.effects import erasure_null
from auditor.evidence.effects.covariates import within_class
from auditor.evidence.effects.erased_outcome import erased_outcome
from auditor.evidence.effects.erasers import fit_erasers, pair_erasers
from auditor.evidence.effects.erasure_null import NullSample, contrast, deal, erase_dealt
from auditor.evidence.effects.reliance import erasure_effect, margin_loss
from auditor.records import LinearHead

C, K, N = 3, 8, 600
LABELS = np.arange(N) % C


def world(seed, n_concepts=1, used=0.0, width=K, n=N, class_folds=tuple(range(C))):
    """Concepts that the features say; the head uses the first for class 0 by ``used``."""
    rng = np.random.default_rng(seed)
    labels = LABELS[:n]
    present = rng.random((n, n_concepts)) < 0.4
    says = rng.normal(size=(n_concepts, width))
    x = (rng.normal(size=(C, width))[labels] + present @ says + rng.normal(size=(n, width))).astype(np.float32)
    weight = rng.normal(size=(C, width)) * 0.3
    weight[0] += used * says[0]
    head = LinearHead(weight.astype(np.float32), np.zeros(C, np.float32))
    logits = (x @ head.weight.T).astype(np.float32)
    residual = within_class(present.astype(np.float32), labels)
    folds = rng.integers(5, size=n)
    class_folds = np.array(class_folds)
    fitted = fit_erasers(lambda: [(slice(0, n), x, logits)], residual, labels, folds, class_folds, head)
    told = present | True
    sample = NullSample.of(x, logits, labels, folds, residual, present, told, told, fitted, head, class_folds)
    return sample, head, folds, fitted, x


def test_deals_stay_within_their_cells():
    cells = np.array([5, 1, 5, 1, 5, 5, 2])
    orders = deal(cells, 50, np.random.default_rng(0))
    assert orders[0].tolist() == list(range(7))
    assert (cells[orders] == cells).all()
    assert (np.sort(orders, axis=1) == np.arange(7)).all()
    assert len(np.unique(orders, axis=0)) > 30


def test_contrast_gives_the_weighed_difference_in_differences():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=200)
    present = rng.random((200, 2)) < [0.3, 0.6]
    before, after = rng.random(200) < 0.7, rng.random(200) < 0.4
    others = labels != 1
    known = np.stack([others, others & (rng.random(200) < 0.8)], axis=1)
    fall = before.astype(int) - after
    for t in range(2):
        rows = known[:, t]
        expected = erasure_effect(before[rows], after[rows], present[rows, t], labels[rows]).effect
        assert contrast(present, known, labels)[:, t] @ fall == pytest.approx(expected)
    # class 0 of ten by hand: three with, six without, one of which nothing is known
    one = contrast(np.arange(10)[:, None] < 3, np.arange(10)[:, None] < 9, np.zeros(10, np.int64))[:, 0]
    assert one.tolist() == pytest.approx([1 / 3] * 3 + [-1 / 6] * 6 + [0])


@pytest.mark.parametrize(
    ("width", "n", "class_folds"), [(K, N, (0, 1, 2)), (200, 150, (0, 1, 2)), (K, N, (1, 0, 1)), (200, 150, (1, 0, 1))]
)
def test_presence_as_it_is_gives_e3_itself(width, n, class_folds):
    """Pooled, transferred and permuted have one matrix; of 200 channels and 150 pictures too, and folds of classes."""
    sample, head, folds, fitted, x = world(0, n_concepts=2, used=0.8, width=width, n=n, class_folds=class_folds)
    labels, class_folds = LABELS[:n], np.array(class_folds)
    n_parts = class_folds.max() + 1
    orders = deal(labels, 3, np.random.default_rng(0))
    chunks = lambda: [(slice(0, n), x, sample.logits)]  # noqa: E731
    own, others = labels == 0, labels != 0
    across = pair_erasers(fitted, np.zeros(2, np.int64), [0, 1], class_folds)
    found = erase_dealt(sample, 0, orders, class_folds, head)
    of_pair = folds * n_parts + class_folds[labels]
    for deals, parts, erasers in zip(found, (folds, of_pair), (fitted.pooled(), across), strict=True):
        outcome = erased_outcome(chunks, erasers, parts, labels, np.zeros(2, np.int64))
        for t in range(2):
            before, after, present = outcome.called == 0, outcome.called_without[:, t], sample.present[:, t]
            recall = erasure_effect(before[own], after[own], present[own], labels[own])
            pull = erasure_effect(before[others], after[others], present[others], labels[others])
            assert deals.recall[0, t] == pytest.approx(recall.effect, abs=1e-6)
            assert deals.pull[0, t] == pytest.approx(pull.effect, abs=1e-6)
        without = outcome.margin_without(np.flatnonzero(own), 0)
        margin = margin_loss(outcome.margin[own], without, sample.present[own, 0])
        assert deals.margin[0, 0] == pytest.approx(margin.effect, abs=1e-3)
        assert deals.margin[0, 0] > 0.1


def test_columns_and_blocks_change_nothing(monkeypatch):
    sample, head, _, _, _ = world(1, n_concepts=3, used=0.5)
    orders = deal(LABELS, 9, np.random.default_rng(0))
    one = erase_dealt(sample, 1, orders, np.arange(C), head)
    monkeypatch.setattr("auditor.evidence.effects.erasure_null._COLUMNS", 10)
    monkeypatch.setattr("auditor.evidence.effects.erasure_null._BLOCK", 300)
    other = erase_dealt(sample, 1, orders, np.arange(C), head)
    for name in ("recall", "pull", "margin"):
        for mine, theirs in zip(one, other, strict=True):
            assert getattr(mine, name) == pytest.approx(getattr(theirs, name), abs=1e-6)


def test_p_of_presence_that_means_nothing_is_uniform():
    """60 concepts that the features do not say: their p (ties count half) has no preference."""
    p = []
    for seed in range(4):
        sample, head, _, _, _ = world(seed, n_concepts=1)
        rng = np.random.default_rng(seed + 50)
        present = rng.random((N, 15)) < 0.4
        residual = within_class(present.astype(np.float32), LABELS)
        told = present | True
        drawn = replace(sample, residual=residual, present=present, known=told, told_by_others=told)
        deals, across = erase_dealt(drawn, 0, deal(LABELS, 59, rng), np.arange(C), head)
        for effect in (deals.recall, deals.pull, across.recall, across.pull):
            above, tied = effect > effect[0] + 1e-9, np.abs(effect - effect[0]) <= 1e-9
            p += (above.mean(axis=0) + tied.mean(axis=0) / 2).tolist()
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) < 0.15


def test_where_no_other_class_says_anything_the_transferred_eraser_takes_nothing():
    sample, head, _, _, _ = world(2, used=0.8)
    orders = deal(LABELS, 2, np.random.default_rng(0))
    silent = replace(sample, residual=np.where((LABELS == 0)[:, None], sample.residual, 0))
    pooled, transferred = erase_dealt(silent, 0, orders, np.arange(C), head)
    assert pooled.margin[0, 0] > 0.1
    for effect in (transferred.recall, transferred.pull, transferred.margin):
        assert not effect.any()


def test_pictures_that_no_other_class_tells_of_are_not_counted():
    """The pull on class 0 by pictures of class 1 alone, where those of class 2 may not be judged."""
    sample, head, folds, fitted, x = world(3, used=0.8)
    judged = (LABELS != 2)[:, None]
    _, transferred = erase_dealt(
        replace(sample, told_by_others=judged), 0, deal(LABELS, 1, np.random.default_rng(0)), np.arange(C), head
    )
    across = pair_erasers(fitted, np.zeros(1, np.int64), [0], np.arange(C))
    chunks = lambda: [(slice(0, N), x, sample.logits)]  # noqa: E731
    outcome = erased_outcome(chunks, across, folds * C + LABELS, LABELS, np.zeros(1, np.int64))
    of_1 = LABELS == 1
    before, after, present = outcome.called == 0, outcome.called_without[:, 0], sample.present[:, 0]
    expected = erasure_effect(before[of_1], after[of_1], present[of_1], LABELS[of_1]).effect
    assert transferred.pull[0, 0] == pytest.approx(expected, abs=1e-6)


def test_the_sign_of_a_lead_over_many_classes_is_that_of_all_of_them():
    rng = np.random.default_rng(0)
    n, n_classes, n_deals, class_idx = 60, 40, 30, 7
    logits = rng.normal(size=(n, n_classes)).astype(np.float32)
    logits[:20, class_idx] += 3  # called the class, or nearly
    parts = (0, 1, 2)
    shifts = {part: rng.normal(size=(n_classes, n_deals)).astype(np.float32) for part in parts}
    dealt = erasure_null._Dealt(
        along={part: rng.normal(size=(n, n_deals)).astype(np.float32) for part in parts},
        shift=shifts,
        squares={(one, other): np.full(n_deals, 0.5) for one in parts for other in parts},
        shift_of_all=sum(shifts.values()),
    )
    along = dealt.along_without((1,), np.arange(n))
    np.testing.assert_allclose(along, (dealt.along[0] + dealt.along[2]) / 2, rtol=1e-6)
    shift = dealt.shift_without((1,), np.arange(n_classes), np.arange(n_deals))
    for left in ((), (1,), (0, 2), (1, 5)):  # what is not there is not left out
        expected = sum(shifts[part] for part in parts if part not in left)
        np.testing.assert_allclose(
            dealt.shift_without(left, np.arange(n_classes), np.arange(n_deals)), expected, atol=1e-5
        )
    expected = erasure_null._lead(logits, along, shift, class_idx)
    found = erasure_null._leads_at_all(dealt, (1,), logits, along, class_idx)
    assert ((found > 0) == (expected > 0)).all()
    assert (found[expected > 0] == expected[expected > 0]).all()
    assert 0.05 < (expected > 0).mean() < 0.5
