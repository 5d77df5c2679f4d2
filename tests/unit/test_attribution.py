import numpy as np
import pytest

from auditor.errors import InputError
from auditor.records import ActivationStats, LinearHead
from auditor.textcam.attribution import (
    attribution_vectors,
    centred_weights,
    channel_evidence,
    class_balanced_stats,
    class_vectors,
    evidence_strength,
)
from auditor.textcam.phrases import concept_matrix, solve_phrases


def _head(weight, *, multi_label=False):
    weight = np.asarray(weight, dtype=np.float32)
    return LinearHead(weight, np.zeros(len(weight), dtype=np.float32), multi_label)


def _stats(mean, deviation):
    return ActivationStats(np.asarray(mean, dtype=np.float32), np.asarray(deviation, dtype=np.float32))


def test_stats_give_every_class_the_same_weight():
    activations = np.array([[0, 1], [0, 3], [0, 5], [12, 7], [99, 99]], dtype=np.float32)
    class_idx = np.array([0, 0, 0, 2, -1])  # class 1 does not occur, the last picture has no class
    stats = class_balanced_stats(lambda: [activations[:2], activations[2:]], class_idx)
    np.testing.assert_allclose(stats.mean, [6, 5])  # (0 + 12) / 2 and (3 + 7) / 2
    np.testing.assert_allclose(stats.mean_abs_deviation, [6, ((4 + 2 + 0) / 3 + 2) / 2])


@pytest.mark.parametrize(
    ("class_idx", "message"),
    [
        (np.array([-1, -1]), "no class found for any of 2 images"),
        (np.array([0]), "expected 1, one per image"),
        (np.array([0, 1, 1]), "2 or more rows of activations found, expected 3"),
    ],
)
def test_stats_refuse_rows_that_do_not_fit(class_idx, message):
    with pytest.raises(InputError, match=message):
        class_balanced_stats(lambda: [np.zeros((2, 3), dtype=np.float32)], class_idx)


def test_weights_common_to_all_classes_cancel():
    np.testing.assert_allclose(centred_weights(_head([[1, 5], [3, 5], [5, 5]])), [[-2, 0], [0, 0], [2, 0]])


def test_multi_label_weights_stay():
    np.testing.assert_allclose(centred_weights(_head([[1, 5], [3, 5]], multi_label=True)), [[1, 5], [3, 5]])


def test_centred_weights_do_not_alias_the_head():
    head = _head([[1, 5], [3, 5]], multi_label=True)
    centred_weights(head)[:] = 0
    assert head.weight.any()


def test_signed_evidence_by_hand():
    stats = _stats([1, 1, 1, 1], [0, 0, 0, 0])
    weights = np.array([[2, 2, -2, -2]], dtype=np.float32)
    activations = np.array([[4, 0, 4, 0]], dtype=np.float32)
    zero = np.array([0])
    # high with a positive weight, or low with a negative one (then pointing to the low images)
    np.testing.assert_allclose(channel_evidence(activations, zero, weights, stats), [[6, 0, 0, -2]])
    np.testing.assert_allclose(channel_evidence(activations, zero, weights, stats, "against"), [[0, -2, 6, 0]])


def test_evidence_for_less_evidence_against_is_the_centred_logit():
    rng = np.random.default_rng(0)
    head = LinearHead(rng.standard_normal((4, 9)).astype(np.float32), rng.standard_normal(4).astype(np.float32))
    activations = rng.standard_normal((20, 9)).astype(np.float32)
    class_idx = rng.integers(0, 4, 20)
    stats = class_balanced_stats(lambda: [activations], class_idx)
    weights = centred_weights(head)
    in_favour = np.abs(channel_evidence(activations, class_idx, weights, stats)).sum(axis=1)
    against = np.abs(channel_evidence(activations, class_idx, weights, stats, "against")).sum(axis=1)
    logits = (activations - stats.mean) @ head.weight.T
    centred = logits - logits.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(in_favour - against, centred[np.arange(20), class_idx], atol=1e-4)


@pytest.mark.parametrize("side", ["for", "against"])
def test_vectors_average_to_zero_over_a_balanced_data_set(side):
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [50, 20, 5])
    activations = (rng.gamma(1.0, size=(75, 6)) + labels[:, None]).astype(np.float32)
    stats = class_balanced_stats(lambda: [activations], labels)
    weights = centred_weights(_head(rng.standard_normal((3, 6))))
    directions = np.eye(6, 8, dtype=np.float32)
    for class_idx in range(3):
        vectors = attribution_vectors(activations, np.full(75, class_idx), weights, stats, directions, side)
        balanced = np.mean([vectors[labels == label].mean(axis=0) for label in range(3)], axis=0)
        np.testing.assert_allclose(balanced, 0, atol=1e-5)


def test_vectors_by_hand():
    stats = _stats([1, 1], [2, 4])
    weights = np.array([[1, -1], [-1, 1]], dtype=np.float32)
    directions = np.array([[1, 0], [0, 1]], dtype=np.float32)
    activations = np.array([[4, 0], [4, 0]], dtype=np.float32)
    vectors = attribution_vectors(activations, np.array([0, 1]), weights, stats, directions)
    # class 0: evidence (3, -1), floor (1, -2); class 1: evidence (0, 0), floor (-1, 2)
    np.testing.assert_allclose(vectors, [[2, 1], [1, -2]])
    assert vectors.dtype == np.float32


def test_strength_is_the_evidence_over_its_average_by_hand():
    weights, stats = np.array([[2, -1], [-2, 1]], np.float32), _stats([0, 0], [1, 4])
    activations = np.array([[1, -2], [0.5, 3], [0, 0]], np.float32)
    classes = np.array([0, 0, 0])
    evidence = channel_evidence(activations, classes, weights, stats)
    # floor: (2 x 1 + 1 x 4) / 2 = 3; evidence 2 + 2, then 1 + 0, then none
    np.testing.assert_allclose(evidence_strength(evidence, classes, weights, stats), [4 / 3, 1 / 3, 0])
    dead = _stats([0, 0], [0, 0])
    np.testing.assert_array_equal(evidence_strength(evidence, classes, weights, dead), [1, 1, 1])


def test_class_vectors_are_weighted_directions():
    directions = np.array([[1, 0], [0, 1]], dtype=np.float32)
    np.testing.assert_allclose(class_vectors(np.array([[2, -3]], dtype=np.float32), directions), [[2, -3]])


@pytest.mark.parametrize("features", ["relu", "signed"])
def test_two_classes_get_different_words(features):
    """The trap: Σ w̃ (a − ā) s with C = 2 is the same vector for a picture and its mirror image in the other class."""
    rng = np.random.default_rng(2)
    words = ["water", "forest", "bird"]
    concepts = concept_matrix(list(np.eye(3, 16, dtype=np.float32)[:, None]))
    is_second = np.repeat([0, 1], 200)
    # three kinds of channels: excited by water (class 0), by forest (class 1), by the bird (both alike)
    excited = np.stack([1.0 - is_second, is_second, np.ones(400)], axis=1)
    activations = 2 * excited - 1 + 0.3 * rng.standard_normal((400, 3))
    if features == "relu":
        activations = np.maximum(activations, 0)
    activations = activations.astype(np.float32)
    weight = np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]])
    weights = centred_weights(_head(weight))
    directions = concepts
    stats = class_balanced_stats(lambda: [activations], is_second)
    vectors = attribution_vectors(activations, is_second, weights, stats, directions)
    shares = solve_phrases(vectors, concepts).shares
    first, second = shares[is_second == 0].mean(axis=0), shares[is_second == 1].mean(axis=0)
    assert words[first.argmax()] == "water"
    assert words[second.argmax()] == "forest"
    assert first[0] > 0.5 > 0.1 > first[1]
    assert second[1] > 0.5 > 0.1 > second[0]
