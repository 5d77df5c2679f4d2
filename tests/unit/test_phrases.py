import numpy as np
import pytest
from scipy.optimize import nnls

from auditor.errors import InputError
from auditor.textcam.phrases import assign_channels, concept_matrix, solve_phrases

EXACT = {"l1": 0.0, "l2": 0.0, "max_phrases": None}


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _vocabulary(rng, n_concepts, dims, *, n_themes=8):
    """Concepts that come in themes, so that some resemble one another."""
    themes = rng.standard_normal((n_themes, dims))
    texts = themes[rng.integers(0, n_themes, n_concepts)] + 0.7 * rng.standard_normal((n_concepts, dims))
    return concept_matrix(list(_unit(texts)[:, None].astype(np.float32)))


def _targets(rng, concepts, n):
    mixtures = rng.gamma(1.0, size=(n, len(concepts))) * (rng.random((n, len(concepts))) < 4 / len(concepts))
    return (_unit(mixtures @ concepts + 0.3 * rng.standard_normal((n, concepts.shape[1])))).astype(np.float32)


def test_concepts_are_averaged_centred_and_of_unit_norm():
    prompts = [np.array([[1, 0], [0, 1]]), np.array([[0, 1]]), np.array([[-1, 0], [-1, 0]])]
    rows = np.array([[0.5**0.5, 0.5**0.5], [0, 1], [-1, 0]])
    expected = _unit(rows - rows.mean(axis=0))
    np.testing.assert_allclose(concept_matrix([p.astype(np.float32) for p in prompts]), expected, atol=1e-6)


def test_a_part_common_to_all_texts_changes_nothing_that_is_said():
    rng = np.random.default_rng(0)
    texts = 0.05 * rng.standard_normal((12, 20))
    texts[:, 0] = 1.0
    concepts = concept_matrix(list(_unit(texts)[:, None]))
    similarity = concepts @ concepts.T
    assert np.abs(similarity[~np.eye(12, dtype=bool)]).max() < 0.8  # raw cosines are above .9
    np.testing.assert_allclose(np.linalg.norm(concepts, axis=1), 1, atol=1e-6)


def test_vocabularies_that_cannot_be_told_apart_are_refused():
    one, other = np.eye(2, 4, dtype=np.float32)[:, None]
    with pytest.raises(InputError, match="a vocabulary of 1 concepts found, expected at least 2"):
        concept_matrix([one])
    with pytest.raises(InputError, match="'sea' and 'ocean' have the same text embedding: merge them as synonyms"):
        concept_matrix([other, one, one.copy()], terms=["dog", "sea", "ocean"])
    with pytest.raises(InputError, match="concept 0 and concept 1 have the same"):
        concept_matrix([one, one])
    with pytest.raises(InputError, match="concept 1 has no usable text embedding"):
        concept_matrix([one, np.zeros((0, 4), dtype=np.float32)])


@pytest.mark.parametrize(("n_concepts", "dims"), [(3, 8), (30, 40), (40, 40)])
def test_without_penalties_the_weights_equal_nnls(n_concepts, dims):
    rng = np.random.default_rng(1)
    concepts = _unit(rng.standard_normal((n_concepts, dims)))
    targets = rng.standard_normal((12, dims))
    phrases = solve_phrases(targets, concepts, **EXACT)
    for row, target in enumerate(targets):
        weights, distance = nnls(concepts.T, target)
        np.testing.assert_allclose(phrases.weights[row], weights, atol=1e-6)
        assert phrases.residuals[row] == pytest.approx((distance / np.linalg.norm(target)) ** 2, abs=1e-6)


@pytest.mark.parametrize(("n_concepts", "dims"), [(60, 24), (100, 20)])
def test_without_penalties_the_fit_equals_nnls_for_more_concepts_than_dimensions(n_concepts, dims):
    rng = np.random.default_rng(2)
    concepts = _unit(rng.standard_normal((n_concepts, dims)) + 0.8)  # a cone that leaves most targets outside
    targets = rng.standard_normal((12, dims)) + 0.3
    phrases = solve_phrases(targets, concepts, **EXACT)
    for row, target in enumerate(targets):
        weights, distance = nnls(concepts.T, target)
        np.testing.assert_allclose(phrases.weights[row] @ concepts, weights @ concepts, atol=1e-6)
        assert phrases.residuals[row] == pytest.approx((distance / np.linalg.norm(target)) ** 2, abs=1e-6)


@pytest.mark.parametrize("l1", [0.01, 0.1, 0.4])
@pytest.mark.parametrize(("n_concepts", "dims"), [(40, 64), (120, 48)])
def test_conditions_of_the_minimum_hold(l1, n_concepts, dims):
    rng = np.random.default_rng(3)
    concepts = _vocabulary(rng, n_concepts, dims).astype(np.float64)
    targets = _targets(rng, concepts, 40)
    phrases = solve_phrases(targets, concepts, l1=l1, l2=0, max_phrases=None)
    match = targets @ concepts.T
    threshold = l1 * match.max(axis=1, keepdims=True)
    gradient = phrases.weights @ (concepts @ concepts.T) - match + threshold  # half the derivative
    assert (phrases.weights >= 0).all()
    assert np.abs(gradient[phrases.weights > 0]).max() < 1e-5
    assert gradient.min() > -1e-5


def test_with_the_second_penalty_it_is_a_local_minimum():
    rng = np.random.default_rng(4)
    concepts = _vocabulary(rng, 80, 32).astype(np.float64)
    targets = _targets(rng, concepts, 25)
    gram = concepts @ concepts.T
    quadratic = gram + 0.3 * np.abs(gram - np.eye(80))
    phrases = solve_phrases(targets, concepts, l1=0.05, l2=0.3, max_phrases=None)
    match = targets @ concepts.T
    linear = match - 0.05 * match.max(axis=1, keepdims=True)
    gradient = phrases.weights @ quadratic - linear
    for row in range(25):
        support = phrases.weights[row] > 0
        assert support.any()
        assert np.abs(gradient[row, support]).max() < 1e-5
        assert gradient[row].min() > -1e-5
        assert np.linalg.eigvalsh(quadratic[np.ix_(support, support)])[0] > 0


def test_the_second_penalty_says_one_of_two_near_synonyms():
    axes = np.eye(3)
    concepts = _unit(np.stack([axes[0] + 0.1 * axes[1], axes[0] - 0.1 * axes[1], axes[2]]))
    target = (axes[0] + 0.02 * axes[1])[None]
    both = solve_phrases(target, concepts, l1=0, l2=0).weights[0]
    one = solve_phrases(target, concepts, l1=0, l2=0.1).weights[0]
    assert (both > 0).tolist() == [True, True, False]
    assert (one > 0).tolist() == [True, False, False]


@pytest.mark.parametrize(("l1", "l2"), [(0.1, 0.0), (0.1, 0.05), (0.05, 0.5)])
def test_order_of_the_vocabulary_changes_nothing(l1, l2):
    rng = np.random.default_rng(5)
    concepts = _vocabulary(rng, 150, 48)
    targets = _targets(rng, concepts, 60)
    plain = solve_phrases(targets, concepts, l1=l1, l2=l2)
    for _ in range(3):
        order = rng.permutation(150)
        shuffled = solve_phrases(targets, concepts[order], l1=l1, l2=l2)
        np.testing.assert_allclose(shuffled.shares, plain.shares[:, order], atol=1e-6)
        np.testing.assert_allclose(shuffled.residuals, plain.residuals, atol=1e-6)


def test_one_concept_is_said_as_itself():
    concepts = _vocabulary(np.random.default_rng(6), 20, 32)
    phrases = solve_phrases(3 * concepts[[7]], concepts, l1=0, l2=0)
    np.testing.assert_allclose(phrases.weights[0], 3 * np.eye(20)[7], atol=1e-5)
    np.testing.assert_allclose(phrases.shares[0], np.eye(20)[7], atol=1e-5)
    assert phrases.residuals[0] == pytest.approx(0, abs=1e-6)
    shrunk = solve_phrases(3 * concepts[[7]], concepts, l1=0.25, l2=0)
    assert shrunk.weights[0, 7] == pytest.approx(3 * 0.75, abs=1e-5)


def test_shares_sum_to_what_is_explained():
    rng = np.random.default_rng(7)
    concepts = _vocabulary(rng, 60, 80)
    targets = _targets(rng, concepts, 50)
    for max_phrases in (None, 10, 3):
        phrases = solve_phrases(targets, concepts, l1=0, l2=0, max_phrases=max_phrases)
        np.testing.assert_allclose(phrases.shares.sum(axis=1), 1 - phrases.residuals, atol=1e-5)
    for l1, l2 in ((0.1, 0.0), (0.1, 0.05), (0.0, 0.5)):
        shares = solve_phrases(targets, concepts, l1=l1, l2=l2).shares
        assert shares.min() >= 0
        assert 0 < shares.sum(axis=1).max() <= 1


@pytest.mark.parametrize("max_phrases", [1, 4, 10])
def test_at_most_so_many_phrases_and_the_best_ones(max_phrases):
    rng = np.random.default_rng(8)
    concepts = _vocabulary(rng, 100, 64)
    targets = _targets(rng, concepts, 40)
    everything = solve_phrases(targets, concepts, l1=0.05, l2=0, max_phrases=None)
    few = solve_phrases(targets, concepts, l1=0.05, l2=0, max_phrases=max_phrases)
    assert (few.weights > 0).sum(axis=1).max() == max_phrases
    for row in range(40):
        best = np.argsort(-everything.shares[row])[:max_phrases]
        assert set(np.flatnonzero(few.weights[row])) <= set(best)
    again = solve_phrases(targets[:1], concepts[few.weights[0] > 0], l1=0.05, l2=0, max_phrases=None)
    if few.weights[0, (targets[0] @ concepts.T).argmax()] > 0:  # the same λ1, which hangs on the best match
        np.testing.assert_allclose(again.residuals[0], few.residuals[0], atol=1e-6)


def test_targets_of_nothing_and_of_nothing_known():
    concepts = _vocabulary(np.random.default_rng(9), 6, 12)
    outside = np.linalg.svd(concepts)[2][-1]  # orthogonal to all concepts
    for l1 in (0.0, 0.1):
        phrases = solve_phrases(np.stack([np.zeros(12), outside]), concepts, l1=l1)
        np.testing.assert_allclose(phrases.weights, 0, atol=1e-6)
        np.testing.assert_allclose(phrases.residuals, 1, atol=1e-6)
    assert solve_phrases(np.zeros((0, 12)), concepts).weights.shape == (0, 6)
    assert not solve_phrases(concepts, concepts, l1=1).weights.any()


@pytest.mark.parametrize("scale", [1e-6, 1e3])
def test_shares_do_not_hang_on_the_scale_of_the_target(scale):
    rng = np.random.default_rng(10)
    concepts = _vocabulary(rng, 50, 32)
    targets = _targets(rng, concepts, 20)
    plain, scaled = solve_phrases(targets, concepts), solve_phrases(np.float32(scale) * targets, concepts)
    np.testing.assert_allclose(scaled.shares, plain.shares, atol=1e-5)
    np.testing.assert_allclose(scaled.weights / scale, plain.weights, atol=1e-5)


@pytest.mark.parametrize(
    ("targets", "options", "message"),
    [
        (np.zeros((2, 5)), {}, r"targets \(2, 5\) and concepts \(6, 12\) found"),
        (np.full((1, 12), np.nan), {}, "not finite"),
        (np.zeros((1, 12)), {"l1": 1.5}, "l1 1.5"),
        (np.zeros((1, 12)), {"l2": -1.0}, "l2 -1.0"),
        (np.zeros((1, 12)), {"max_phrases": 0}, "max_phrases 0"),
    ],
)
def test_unusable_arguments_are_refused(targets, options, message):
    concepts = _vocabulary(np.random.default_rng(11), 6, 12)
    with pytest.raises(InputError, match=message):
        solve_phrases(targets, concepts, **options)


def test_channels_go_to_the_phrase_they_serve_best():
    concepts = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
    directions = np.array([[0.8, 0.6, 0], [0.6, 0.8, 0], [0.8, 0.6, 0], [-1, 0, 0], [0, 0, 0]], dtype=np.float32)
    evidence = np.array([2, 1, 0, -3, 5], dtype=np.float32)
    # channel 2 has no evidence; channel 3 speaks with its low end; channel 4 has no direction
    np.testing.assert_array_equal(assign_channels(evidence, directions, concepts, [1, 0]), [1, 0, -1, 1, -1])
    # concept 2 is served by none, and low evidence never serves the direction's own word
    np.testing.assert_array_equal(assign_channels(evidence, directions, concepts, [2]), [-1] * 5)
    np.testing.assert_array_equal(assign_channels(-evidence[:2], directions[:2], concepts, [0, 1]), [-1, -1])
    np.testing.assert_array_equal(assign_channels(evidence, directions, concepts, []), [-1] * 5)
