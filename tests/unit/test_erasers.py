import numpy as np
import pytest

from auditor.evidence.effects import erasers as erasure
from auditor.evidence.effects import ridged_covariance
from auditor.evidence.effects.covariates import within_class
from auditor.evidence.effects.erased_outcome import erased_outcome
from auditor.evidence.effects.erasers import fit_erasers, pair_erasers
from auditor.records import LinearHead

rng = np.random.default_rng(0)
N, K, C = 400, 6, 3
LABELS = rng.integers(C, size=N)
WATER = (rng.random(N) < 0.4).astype(np.float32)
MIX = rng.normal(size=(C + 1, K))
X = (np.eye(C)[LABELS] @ MIX[:C] + WATER[:, None] * MIX[C] + 0.3 * rng.normal(size=(N, K)) + 2).astype(np.float32)
HEAD = LinearHead(rng.normal(size=(C, K)).astype(np.float32), rng.normal(size=C).astype(np.float32))
LOGITS = (X @ HEAD.weight.T + HEAD.bias).astype(np.float32)
FOLDS = rng.integers(5, size=N)
RESIDUAL = within_class(WATER[:, None], LABELS)
ALL = np.arange(C)  # the concept with every class: C pairs


def with_every_class(erasers):
    return erasers.of([0] * C)


def chunks(size=64):
    return lambda: ((slice(i, i + size), X[i : i + size], LOGITS[i : i + size]) for i in range(0, N, size))


def fitted(size=64):
    return fit_erasers(chunks(size), RESIDUAL, LABELS, FOLDS, np.arange(C), HEAD)


def test_erasers_equal_the_formula_computed_at_once():
    by_fold = fitted().pooled()
    train = FOLDS != 2
    x, q = X[train].astype(np.float64), RESIDUAL[train, 0].astype(np.float64)
    means = np.stack([x[LABELS[train] == c].mean(axis=0) for c in range(C)])
    q_means = np.array([q[LABELS[train] == c].mean() for c in range(C)])
    centred, q_centred = x - means[LABELS[train]], q - q_means[LABELS[train]]
    covariance = centred.T @ centred / len(x)
    sigma = centred.T @ q_centred / len(x)
    u = np.linalg.solve(covariance + ridged_covariance.RIDGE * np.diag(np.diag(covariance)), sigma)
    # W' = W - (W sigma) u^T / (u^T sigma), b' = b + (W sigma)(u^T mean) / (u^T sigma)
    shift = HEAD.weight @ sigma
    weight = HEAD.weight - np.outer(shift, u) / (u @ sigma)
    bias = HEAD.bias + shift * (u @ x.mean(axis=0)) / (u @ sigma)
    expected = X @ weight.T + bias
    ours = LOGITS - (X @ by_fold.direction[2] - by_fold.offset[2]) * by_fold.head_shift[2].T
    assert ours == pytest.approx(expected, abs=2e-3)
    inside = FOLDS == 2
    outcome = erased_outcome(chunks(), with_every_class(by_fold), FOLDS, LABELS, ALL)
    assert (outcome.called_without[inside] == np.eye(C, dtype=bool)[expected[inside].argmax(axis=1)]).all()
    assert outcome.called.tolist() == LOGITS.argmax(axis=1).tolist()
    for found, logits in ((outcome.margin, LOGITS), (margins_without(outcome), expected)):
        own = logits[np.arange(N), LABELS]
        others = np.where(np.eye(C, dtype=bool)[LABELS], -np.inf, logits).max(axis=1)
        assert found[inside] == pytest.approx((own - others)[inside], abs=4e-3)


def margins_without(outcome, start=0):
    """Of the pictures from ``start`` on the margin of each one's own class, where pair c is of class c."""
    return np.concatenate([outcome.margin_without(np.array([row]), LABELS[row]) for row in range(start, N)])


def test_erased_head_no_longer_follows_the_concept_within_classes(monkeypatch):
    """With lambda = 0 the erasure is LEACE: no covariance is left between any logit and the concept."""
    monkeypatch.setattr(ridged_covariance, "RIDGE", 0.0)
    by_fold = fitted().pooled()
    ours = LOGITS - (X @ by_fold.direction[0] - by_fold.offset[0]) * by_fold.head_shift[0].T
    train = FOLDS != 0
    labels, q = LABELS[train], WATER[train]
    before, after = (within_class(a[train].astype(np.float32), labels).T @ (q - q.mean()) for a in (LOGITS, ours))
    assert np.abs(before).max() > 10
    assert np.abs(after).max() < 0.02


def test_chunk_size_changes_nothing():
    one, other = fitted(64).pooled(), fitted(400).pooled()
    assert one.direction == pytest.approx(other.direction, rel=2e-3, abs=1e-4)
    small, large = (erased_outcome(chunks(size), with_every_class(one), FOLDS, LABELS, ALL) for size in (7, 400))
    assert small.called_without.tolist() == large.called_without.tolist()
    assert margins_without(small) == pytest.approx(margins_without(large), abs=1e-4)


def test_unlabelled_pictures_and_constant_channels_do_no_harm():
    x = X.copy()
    x[:, 0] = 1.5
    labels = np.where(np.arange(N) < 30, -1, LABELS)
    residual = within_class(WATER[:, None], labels)
    by_fold = fit_erasers(lambda: [(slice(0, N), x, LOGITS)], residual, labels, FOLDS, np.arange(C), HEAD).pooled()
    assert np.isfinite(by_fold.direction).all()
    assert by_fold.direction[:, 0] == pytest.approx(0.0, abs=1e-3)


def test_concept_without_variation_erases_nothing():
    nothing = fit_erasers(chunks(), np.zeros((N, 1), np.float32), LABELS, FOLDS, np.arange(C), HEAD)
    across = pair_erasers(nothing, ALL, [0] * C, np.arange(C))
    for erasers, part in ((with_every_class(nothing.pooled()), FOLDS), (across, FOLDS * C + LABELS)):
        outcome = erased_outcome(chunks(), erasers, part, LABELS, ALL)
        assert (outcome.called_without == (outcome.called[:, None] == ALL)).all()
        assert margins_without(outcome) == pytest.approx(outcome.margin)


def test_what_cannot_become_of_a_class_is_not_computed_and_comes_out_right():
    several = np.column_stack([WATER, rng.random(N) < 0.5, rng.random(N) < 0.2]).astype(np.float32)
    by_fold = fit_erasers(chunks(), within_class(several, LABELS), LABELS, FOLDS, np.arange(C), HEAD).pooled()
    along = np.einsum("nk,nkt->nt", X, by_fold.direction[FOLDS]) - by_fold.offset[FOLDS]
    logits = LOGITS[:, None] - along[..., None] * by_fold.head_shift[FOLDS].transpose(0, 2, 1)  # (N, T, C)
    columns, classes = [0, 1, 2, 0, 0], np.array([1, 1, 0, 2, 0])
    outcome = erased_outcome(chunks(), by_fold.of(columns), FOLDS, LABELS, classes)
    expected = logits.argmax(axis=2)[:, columns] == classes
    assert (outcome.called_without == expected).all()
    before = outcome.called[:, None] == classes
    assert (before & ~expected).any()
    assert (~before & expected).any()
    others = np.where(np.eye(C, dtype=bool)[1], -np.inf, logits[:, 0]).max(axis=1)
    asked = np.flatnonzero(LABELS == 1)
    assert outcome.margin_without(asked, 0) == pytest.approx((logits[:, 0, 1] - others)[asked], abs=1e-4)


def test_pictures_without_a_label_have_no_margin():
    by_fold = fitted().pooled()
    outcome = erased_outcome(chunks(), with_every_class(by_fold), FOLDS, np.where(np.arange(N) < 30, -1, LABELS), ALL)
    assert not outcome.margin[:30].any()
    assert outcome.margin[30:].all()
    assert margins_without(outcome, 30).all()


@pytest.mark.parametrize("at_once", [1, 100, 10**6])
def test_how_many_pictures_are_summed_at_a_time_changes_nothing(at_once, monkeypatch):
    expected = fitted()
    monkeypatch.setattr(erasure, "_ROWS_AT_ONCE", at_once)
    found = fitted(48)
    for name in ("sigma_of", "solved_of", "shift_of", "mean", "class_means"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-4), name
    assert found.pooled().direction == pytest.approx(expected.pooled().direction, abs=1e-3)


def test_chunks_with_pictures_left_out_between_them_are_not_put_together(monkeypatch):
    def gaps():
        return (chunk for i, chunk in enumerate(chunks(50)()) if i % 2 == 0)

    part = np.where(np.arange(N) // 50 % 2 == 0, LABELS, -1)
    residual = RESIDUAL * (part >= 0)[:, None]
    found = fit_erasers(gaps, residual, LABELS, FOLDS, np.arange(C), HEAD)
    expected = fit_erasers(chunks(), residual, part, FOLDS, np.arange(C), HEAD)
    assert found.pooled().direction == pytest.approx(expected.pooled().direction, abs=1e-3)


def test_of_equal_logits_the_first_class_is_called():
    """Erasing nothing, the third class equals the first: argmax names the first, whichever is the label."""
    head = LinearHead(HEAD.weight[[0, 1, 0]], HEAD.bias[[0, 1, 0]])
    logits = (X @ head.weight.T + head.bias).astype(np.float32)
    nothing = fit_erasers(chunks(), np.zeros((N, 1), np.float32), LABELS, FOLDS, np.arange(C), head).pooled()

    def same():
        yield slice(0, N), X, logits

    outcome = erased_outcome(same, with_every_class(nothing), FOLDS, LABELS, ALL)
    assert outcome.called.tolist() == logits.argmax(axis=1).tolist()
    assert (outcome.called_without == (outcome.called[:, None] == ALL)).all()
    assert not (outcome.called == 2).any()
    tied = (LABELS == 2) & (outcome.called == 0)
    assert tied.any()
    assert not outcome.margin[tied].any()
