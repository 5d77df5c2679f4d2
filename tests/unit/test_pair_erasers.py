import numpy as np
import pytest

from auditor.evidence.effects.covariates import within_class
from auditor.evidence.effects.erasers import fit_erasers, pair_erasers
from auditor.evidence.effects.ridged_covariance import RIDGE
from auditor.records import LinearHead

rng = np.random.default_rng(1)
N, K, C = 500, 6, 4
LABELS = np.arange(N) % C
WATER = (rng.random(N) < 0.4).astype(np.float32)
X = (rng.normal(size=(C, K))[LABELS] + np.outer(WATER, rng.normal(size=K)) + rng.normal(size=(N, K))).astype(np.float32)
X[:, 5] = 0.1 * rng.normal(size=N) + np.where(LABELS == 0, 3 * WATER, 0)  # only class 0 says it in channel 5
HEAD = LinearHead(rng.normal(size=(C, K)).astype(np.float32), rng.normal(size=C).astype(np.float32))
LOGITS = (X @ HEAD.weight.T + HEAD.bias).astype(np.float32)
RESIDUAL = within_class(np.stack([WATER, rng.random(N).astype(np.float32)], axis=1), LABELS)


FOLDS = np.arange(N) // C % 5  # every class in every fold


def fitted(residual=RESIDUAL, head=HEAD, labels=LABELS, folds=FOLDS):
    n_classes = int(labels.max()) + 1
    return fit_erasers(lambda: [(slice(0, N), X, LOGITS)], residual, labels, folds, np.arange(n_classes), head)


def by_hand(fold, left_out, column=0):
    """Direction, offset and shift, from all pictures of the other folds at once."""
    seen = fold != FOLDS
    x, labels = X[seen], LABELS[seen]
    centred = within_class(x, labels).astype(np.float64)
    covariance = centred.T @ centred / len(x)
    used = ~np.isin(labels, left_out)
    q = within_class(RESIDUAL[seen], labels)[:, column]
    sigma = centred[used].T @ q[used] / len(x)
    u = np.linalg.solve(covariance + RIDGE * np.diag(np.diag(covariance)), sigma)
    return u / (u @ sigma), x.mean(axis=0) @ u / (u @ sigma), HEAD.weight @ sigma


@pytest.mark.parametrize("fold", [0, 3])
@pytest.mark.parametrize(("pair", "of", "left_out"), [(0, 0, [0]), (0, 2, [0, 2]), (1, 3, [3]), (1, 1, [3, 1])])
def test_eraser_knows_neither_the_fold_nor_the_judged_class_nor_the_pictures_own(pair, of, left_out, fold):
    erasers = pair_erasers(fitted(), np.array([0, 3]), [0, 1], np.arange(C))
    direction, offset, shift = by_hand(fold, left_out, column=pair)
    part = fold * C + of
    assert erasers.direction[part][:, pair] == pytest.approx(direction, rel=2e-3, abs=2e-4)
    assert erasers.offset[part][pair] == pytest.approx(offset, rel=2e-3, abs=1e-3)
    assert erasers.head_shift[part][:, pair] == pytest.approx(shift, rel=1e-3, abs=1e-4)


def test_of_two_classes_each_is_judged_by_the_other():
    labels = LABELS % 2
    q = within_class(WATER[:, None], labels)
    alone = [fitted(np.where((labels == k)[:, None], q, 0), labels=labels, folds=np.arange(N) // 2 % 5) for k in (0, 1)]
    across = pair_erasers(fitted(q, labels=labels, folds=np.arange(N) // 2 % 5), np.array([0, 1]), [0, 0], np.arange(2))
    for part in range(10):
        for pair in (0, 1):
            expected = alone[1 - part % 2].pooled().direction[part // 2][:, 0]
            assert across.direction[part][:, pair] == pytest.approx(expected, rel=2e-3, abs=1e-3)


def test_what_one_class_alone_says_is_not_erased_from_it():
    """A head that reads channel 5 only: the eraser of the others hardly moves it, that of all classes does."""
    weight = np.zeros((C, K), np.float32)
    weight[0, 5] = 1
    head = LinearHead(weight, HEAD.bias)
    sums = fitted(head=head)

    def moved(erasers):
        along = X[LABELS == 0] @ erasers.direction[0][:, 0] - erasers.offset[0][0]
        wet = WATER[LABELS == 0] > 0
        return float((along[wet].mean() - along[~wet].mean()) * erasers.head_shift[0][0, 0])

    assert moved(sums.pooled()) > 0.5
    assert abs(moved(pair_erasers(sums, np.array([0]), [0], np.arange(C)))) < 0.1


def test_where_no_other_class_varies_nothing_is_erased():
    residual = np.where(np.isin(LABELS, [0, 1])[:, None], RESIDUAL, 0).astype(np.float32)
    erasers = pair_erasers(fitted(residual), np.array([0]), [0], np.arange(C))
    assert not erasers.direction[1].any()
    assert erasers.direction[0].any()
    assert erasers.direction[2] == pytest.approx(erasers.direction[0])
