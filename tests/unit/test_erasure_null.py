from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from auditor.evidence.effects.covariates import within_class
from auditor.evidence.effects.erasers import erased_outcome, fit_erasers, pair_erasers
from auditor.evidence.effects.erasure_null import NullSample, contrast, deal, erase_dealt
from auditor.evidence.effects.reliance import erasure_effect, margin_loss
from auditor.records import LinearHead

C, K, N = 3, 8, 600
LABELS = np.arange(N) % C


def world(seed, n_concepts=1, used=0.0):
    """Concepts that the features say; the head uses the first for class 0 by ``used``."""
    rng = np.random.default_rng(seed)
    present = rng.random((N, n_concepts)) < 0.4
    says = rng.normal(size=(n_concepts, K))
    x = (rng.normal(size=(C, K))[LABELS] + present @ says + rng.normal(size=(N, K))).astype(np.float32)
    weight = rng.normal(size=(C, K)) * 0.3
    weight[0] += used * says[0]
    head = LinearHead(weight.astype(np.float32), np.zeros(C, np.float32))
    logits = (x @ head.weight.T).astype(np.float32)
    residual = within_class(present.astype(np.float32), LABELS)
    folds = rng.integers(5, size=N)
    fitted = fit_erasers(lambda: [(slice(0, N), x, logits)], residual, LABELS, folds, np.arange(C), head)
    sample = NullSample.of(x, logits, LABELS, residual, present, present | True, fitted, head)
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


def test_presence_as_it_is_gives_e3_itself():
    sample, head, folds, fitted, x = world(0, n_concepts=2, used=0.8)
    orders = deal(LABELS, 3, np.random.default_rng(0))
    chunks = lambda: [(slice(0, N), x, sample.logits)]  # noqa: E731
    own, others = LABELS == 0, LABELS != 0
    across = pair_erasers(fitted, np.zeros(2, np.int64), [0, 1], np.arange(C), head)
    by_class = {k: (k, 0) for k in range(C)}
    for parts, left_out, erasers, exact in (
        (LABELS, by_class, across, 1e-6),
        # Sigma_w, which does not know presence, is that of all pictures here and of the other folds there
        (folds, {f: (f,) for f in range(5)}, fitted.by_fold, 0.03),
    ):
        deals = erase_dealt(sample, 0, orders, parts, left_out, head)
        outcome = erased_outcome(chunks, erasers, parts, LABELS, np.zeros(2, np.int64))
        for t in range(2):
            before, after, present = outcome.called == 0, outcome.called_without[:, t], sample.present[:, t]
            recall = erasure_effect(before[own], after[own], present[own], LABELS[own])
            pull = erasure_effect(before[others], after[others], present[others], LABELS[others])
            assert deals.recall[0, t] == pytest.approx(recall.effect, abs=exact)
            assert deals.pull[0, t] == pytest.approx(pull.effect, abs=exact)
        margin = margin_loss(outcome.margin[own], outcome.margin_without[own, 0], sample.present[own, 0])
        assert deals.margin[0, 0] == pytest.approx(margin.effect, abs=max(exact, 1e-3))
        assert deals.recall[0, 0] > 0.1


def test_columns_and_blocks_change_nothing(monkeypatch):
    sample, head, folds, _, _ = world(1, n_concepts=3, used=0.5)
    orders = deal(LABELS, 9, np.random.default_rng(0))
    left_out = {f: (f,) for f in range(5)}
    one = erase_dealt(sample, 1, orders, folds, left_out, head)
    monkeypatch.setattr("auditor.evidence.effects.erasure_null._COLUMNS", 10)
    monkeypatch.setattr("auditor.evidence.effects.erasure_null._BLOCK", 300)
    other = erase_dealt(sample, 1, orders, folds, left_out, head)
    for name in ("recall", "pull", "margin"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-6)


def test_p_of_presence_that_means_nothing_is_uniform():
    """60 concepts that the features do not say: their p (ties count half) has no preference."""
    p = []
    for seed in range(4):
        sample, head, folds, _, _ = world(seed, n_concepts=1)
        rng = np.random.default_rng(seed + 50)
        present = rng.random((N, 15)) < 0.4
        residual = within_class(present.astype(np.float32), LABELS)
        drawn = replace(sample, residual=residual, present=present, known=present | True)
        deals = erase_dealt(drawn, 0, deal(LABELS, 59, rng), folds, {f: (f,) for f in range(5)}, head)
        for effect in (deals.recall, deals.pull):
            above, tied = effect > effect[0] + 1e-9, np.abs(effect - effect[0]) <= 1e-9
            p += (above.mean(axis=0) + tied.mean(axis=0) / 2).tolist()
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) < 0.15


def test_part_that_nothing_is_fitted_on_keeps_its_logits():
    sample, head, _, _, _ = world(2, used=0.8)
    orders = deal(LABELS, 2, np.random.default_rng(0))
    deals = erase_dealt(sample, 0, orders, LABELS, dict.fromkeys(range(C), (0, 1, 2)), head)
    assert not deals.recall.any()
    assert not deals.pull.any()
    assert not deals.margin.any()
