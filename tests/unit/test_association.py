import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from auditor.evidence.effects.association import (
    _hanley_mcneil_error,
    association_auc,
    class_concepts,
    class_share_means,
    present_counts,
)
from auditor.records import Concept

CONCEPTS = [Concept("water", "water", "scene"), Concept("beak", "beak", "part"), Concept("snow", "snow", "scene")]
NAMES = ["duck", "goose", "car"]
SHARES = sparse.csr_array(
    np.array([[0.4, 0.1, 0], [0.2, 0.3, 0], [0.6, 0, 0], [0, 0.2, 0], [0.1, 0, 0]], dtype=np.float32)
)
PREDICTED = np.array([0, 0, 0, 1, 2])


def records(**changes):
    settings = {"groups": None, "seed": 0} | changes
    return {(r.class_name, r.concept): r for r in class_concepts(SHARES, PREDICTED, CONCEPTS, NAMES, **settings)}


def test_shares_and_lift_by_hand():
    found = records()
    water = found["duck", "water"]
    assert water.share == pytest.approx(0.4)
    # the other classes weigh alike, however many pictures they have: (0 + .1) / 2
    assert water.share_elsewhere == pytest.approx(0.05)
    assert water.lift == pytest.approx(8.0)
    assert water.n_images == 3
    assert water.share_low <= water.share <= water.share_high
    assert ("goose", "water") not in found


def test_order_is_by_class_then_falling_share():
    listed = class_concepts(SHARES, PREDICTED, CONCEPTS, NAMES, groups=None, seed=0)
    assert [(r.class_name, r.concept) for r in listed[:2]] == [("duck", "water"), ("duck", "beak")]


def test_class_without_pictures_is_left_out_of_the_mean_elsewhere():
    found = class_concepts(SHARES, np.array([0, 0, 0, 1, 1]), CONCEPTS, NAMES, groups=None, seed=0)
    water = next(r for r in found if r.class_name == "duck" and r.concept == "water")
    assert water.share_elsewhere == pytest.approx(0.05)
    assert not [r for r in found if r.class_name == "car"]


def test_lift_over_a_tiny_share_is_bounded():
    assert records()["goose", "beak"].lift == pytest.approx(0.2 / (0.4 / 3 / 2), rel=1e-5)
    assert max(r.lift for r in records().values()) <= 100


def test_interval_widens_when_pictures_come_in_groups():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    share = np.clip(0.3 + 0.2 * rng.normal(size=20)[groups], 0, 1)
    matrix = sparse.csr_array(np.column_stack([share, 0 * share, 0 * share]).astype(np.float32))
    predicted = np.zeros(200, dtype=np.int64)

    def width(used):
        record = class_concepts(matrix, predicted, CONCEPTS, NAMES, groups=used, seed=0)[0]
        return record.share_high - record.share_low

    assert width(groups) > 2 * width(None)
    assert width(groups) == pytest.approx(2 * 1.96 * share[::10].std() / np.sqrt(20), rel=0.3)


def test_interval_follows_ids_and_not_rows():
    order = np.array([3, 0, 1, 4, 2])
    shuffle = np.array([4, 2, 0, 3, 1])
    one = class_concepts(SHARES, PREDICTED, CONCEPTS, NAMES, groups=None, seed=0, order=order)
    two = class_concepts(
        SHARES[shuffle], PREDICTED[shuffle], CONCEPTS, NAMES, groups=None, seed=0, order=order[shuffle]
    )
    for a, b in zip(one, two, strict=True):
        assert (a.share_low, a.share_high) == pytest.approx((b.share_low, b.share_high), abs=1e-6)


def test_means_equal_a_loop():
    rng = np.random.default_rng(1)
    dense = rng.random((50, 7)) * (rng.random((50, 7)) < 0.3)
    predicted = rng.integers(-1, 4, 50)
    means = class_share_means(sparse.csr_array(dense), predicted, 5)
    for c in range(5):
        expected = dense[predicted == c].mean(axis=0) if np.any(predicted == c) else 0
        assert means[c] == pytest.approx(expected)


def test_auc_equals_scikit_learn():
    rng = np.random.default_rng(2)
    presence = np.round(rng.random((120, 4)), 1).astype(np.float32)  # with ties
    labels = rng.integers(-1, 3, 120)
    result = association_auc(presence, labels, 4)
    known = labels >= 0
    for c in range(3):
        for v in range(4):
            assert result.auc[c, v] == pytest.approx(roc_auc_score(labels[known] == c, presence[known, v]))
    assert result.auc[3] == pytest.approx(0.5)
    assert np.all(result.low[3] == 0)


def test_hanley_mcneil_error_by_hand():
    # A = .8, 10 positives, 20 negatives: Q1 = .8/1.2, Q2 = 1.28/1.8
    variance = (0.16 + 9 * (2 / 3 - 0.64) + 19 * (1.28 / 1.8 - 0.64)) / 200
    assert _hanley_mcneil_error(np.array(0.8), np.array(10.0), np.array(20.0)) == pytest.approx(np.sqrt(variance))


def test_auc_of_noise_on_unequal_classes_is_a_half():
    """The trap of a well-known tool: imbalanced labels made it flag pure noise."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    result = association_auc(rng.random((1000, 30)).astype(np.float32), labels, 3)
    assert np.abs(result.auc[:2] - 0.5).max() < 0.1
    assert np.mean(result.low > 0.5) < 0.1


def test_auc_interval_counts_groups():
    presence = np.random.default_rng(4).random((200, 1)).astype(np.float32)
    labels, groups = np.repeat([0, 1], 100), np.repeat(np.arange(20), 10)
    alone, grouped = association_auc(presence, labels, 2), association_auc(presence, labels, 2, groups=groups)
    assert (grouped.high - grouped.low)[0] > 2 * (alone.high - alone.low)[0]


@pytest.mark.parametrize("n_concepts", [1, 64, 65, 130])  # counted by blocks of 64
def test_present_counts_of_many_concepts(n_concepts):
    rng = np.random.default_rng(n_concepts)
    present, labels, weight = rng.random((300, n_concepts)) < 0.3, rng.integers(-1, 4, size=300), rng.random(300) < 0.7
    expected = [present[weight & (labels == c)].sum(axis=0) for c in range(4)]
    assert present_counts(present, labels, 4, weight).tolist() == np.array(expected).tolist()


def test_present_counts_by_hand():
    present = np.array([[1, 0], [1, 1], [0, 1], [1, 1]], dtype=np.bool_)
    labels = np.array([0, 0, 1, -1])
    assert present_counts(present, labels, 2).tolist() == [[2, 1], [0, 1]]
    assert present_counts(present, labels, 2, np.array([True, False, True, True])).tolist() == [[1, 0], [0, 1]]
