import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from threadpoolctl import threadpool_limits

from auditor.errors import InputError
from auditor.textcam.channel_semantics import ExtremeImages, extreme_images, fit_channel_directions


def _unit_rows(rng, n, dims):
    rows = rng.standard_normal((n, dims)) * np.linspace(0.2, 2, dims) + 1.0  # neither isotropic nor centred
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _chunks(activations, size):
    return (activations[start : start + size] for start in range(0, len(activations), size))


def _draw_extremes(rng, n_channels, n_extreme, n_images):
    rows = np.stack([rng.permutation(n_images)[: 2 * n_extreme] for _ in range(n_channels)])
    return ExtremeImages(highest=rows[:, :n_extreme], lowest=rows[:, n_extreme:])


def test_extremes_of_hand_made_channels():
    activations = np.array([[3, 0], [1, -5], [2, 7], [-4, 0.5], [9, 2], [0, 1]], dtype=np.float32)
    extremes = extreme_images(_chunks(activations, 4), 2, np.arange(6))
    np.testing.assert_array_equal(extremes.highest, [[4, 0], [2, 4]])
    np.testing.assert_array_equal(extremes.lowest, [[3, 5], [1, 0]])


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_streaming_equals_a_full_sort(size):
    rng = np.random.default_rng(0)
    activations = np.round(rng.standard_normal((3000, 5)), 1).astype(np.float32)  # many ties
    keys = rng.permutation(3000)
    extremes = extreme_images(_chunks(activations, size), 40, keys)
    for channel in range(5):
        order = np.lexsort((keys, activations[:, channel]))
        np.testing.assert_array_equal(extremes.lowest[channel], order[:40])
        np.testing.assert_array_equal(extremes.highest[channel], order[::-1][:40])


def test_order_of_images_changes_nothing_even_among_the_zeros_of_a_relu():
    rng = np.random.default_rng(1)
    activations = np.maximum(rng.standard_normal((200, 8)) - 0.8, 0).astype(np.float32)
    keys = rng.permutation(10**6)[:200]
    order = rng.permutation(200)
    plain = extreme_images([activations], 30, keys)
    shuffled = extreme_images([activations[order]], 30, keys[order])
    np.testing.assert_array_equal(order[shuffled.lowest], plain.lowest)
    np.testing.assert_array_equal(order[shuffled.highest], plain.highest)


def test_who_ties_for_the_last_place_gets_its_part_of_it():
    activations = np.array([[5, 5], [4, 4], [1, 4 + 1e-4], [0, 0], [0, -2], [0, -2 * (1 + 5e-5)]], dtype=np.float32)
    runners = extreme_images([activations], 2, np.arange(6)).runners
    np.testing.assert_array_equal(runners.rows[:, 0], [2, 1])
    np.testing.assert_array_equal(runners.rows[:, 1], [5, 3])
    # 4 and 4.0001 differ by a quarter of a ten-thousandth; zeros are equal for good, and -2 is far from 0
    np.testing.assert_allclose(runners.part, [[0, 0], [0.375, 0]], atol=2e-3)


def test_a_change_of_order_at_the_border_turns_no_direction():
    rng = np.random.default_rng(6)
    embeddings = _unit_rows(rng, 60, 12)
    activations = rng.permutation(60).astype(np.float32)[:, None] + 100

    def direction(shift):
        moved = activations.copy()
        tenth = np.flatnonzero(activations[:, 0] == 150)  # the tenth of the highest, 100 + 50 ... 59
        moved[tenth] = np.float32(149) + np.float32(shift)  # nearly the eleventh, which is 149
        return fit_channel_directions(extreme_images([moved], 10, np.arange(60)), embeddings)[0]

    before, after, apart = direction(1e-4), direction(-1e-4), direction(0.5)
    # a change of places would move it by twice what either is away from the mean of both
    assert np.abs(before - after).max() < 0.02 * np.abs(apart - before).max()


def test_negative_zero_ties_with_zero():
    activations = np.array([[0.0], [-0.0], [0.0], [-0.0], [1.0]], dtype=np.float32)
    extremes = extreme_images([activations], 2, np.array([4, 3, 2, 1, 0]))
    np.testing.assert_array_equal(extremes.lowest, [[3, 2]])  # by key alone: rows 3 and 2 have keys 1 and 2


@pytest.mark.parametrize("n_images", [10, 11, 2000])
def test_constant_channels_have_no_direction_and_others_do(n_images):
    rng = np.random.default_rng(2)
    activations = rng.standard_normal((n_images, 3)).astype(np.float32)
    activations[:, 1] = 0.25
    extremes = extreme_images(_chunks(activations, 300), 5, rng.permutation(n_images))
    lengths = np.linalg.norm(fit_channel_directions(extremes, _unit_rows(rng, n_images, 6)), axis=1)
    np.testing.assert_allclose(lengths, [1, 0, 1], atol=1e-6)


def test_fewer_than_2m_images_name_both_numbers():
    with pytest.raises(InputError, match=r"^9 images found, expected at least 10 .*5 extreme"):
        extreme_images([np.zeros((9, 2), dtype=np.float32)], 5, np.arange(9))


@pytest.mark.parametrize(
    ("activations", "keys", "message"),
    [
        (np.zeros((5, 2)), np.arange(6), "5 rows of activations found, expected 6"),
        (np.zeros((7, 2)), np.arange(6), "more than 6 rows"),
        (np.zeros((6, 2)), np.array([0, 1, 2, 3, 4, 4]), "tie keys repeat"),
        (np.full((6, 2), np.nan), np.arange(6), "not finite"),
    ],
)
def test_bad_activations_are_refused(activations, keys, message):
    with pytest.raises(InputError, match=message):
        extreme_images([activations.astype(np.float32)], 2, keys)


def test_no_rows_at_all_are_refused():
    with pytest.raises(InputError, match="0 rows of activations found, expected 4"):
        extreme_images([], 2, np.arange(4))


@pytest.mark.parametrize("solver", ["lsqr", "eigen"])
@pytest.mark.parametrize(("n_extreme", "dims", "shrinkage"), [(20, 96, 0.5), (20, 96, 0.02), (50, 32, 0.1)])
def test_directions_equal_scikit_learn(solver, n_extreme, dims, shrinkage):
    rng = np.random.default_rng(3)
    embeddings = _unit_rows(rng, 300, dims)
    extremes = _draw_extremes(rng, 5, n_extreme, 300)
    directions = fit_channel_directions(extremes, embeddings, shrinkage=shrinkage, block=2)
    for channel in range(5):
        rows = np.concatenate([extremes.highest[channel], extremes.lowest[channel]])
        is_high = np.repeat([1, 0], n_extreme)
        lda = LinearDiscriminantAnalysis(solver=solver, shrinkage=shrinkage)
        with threadpool_limits(1):
            coefficients = lda.fit(embeddings[rows].astype(np.float64), is_high).coef_[0]
        np.testing.assert_allclose(directions[channel], coefficients / np.linalg.norm(coefficients), atol=1e-5)


def test_full_shrinkage_is_the_difference_of_means():
    rng = np.random.default_rng(4)
    embeddings = _unit_rows(rng, 60, 10)
    extremes = _draw_extremes(rng, 3, 10, 60)
    difference = embeddings[extremes.highest].mean(axis=1) - embeddings[extremes.lowest].mean(axis=1)
    expected = difference / np.linalg.norm(difference, axis=1, keepdims=True)
    np.testing.assert_allclose(fit_channel_directions(extremes, embeddings, shrinkage=1.0), expected, atol=1e-6)


def test_sides_without_scatter_give_the_difference_of_means():
    embeddings = np.array([[1, 0], [0, 1]], dtype=np.float32)
    extremes = ExtremeImages(highest=np.array([[0]]), lowest=np.array([[1]]))
    np.testing.assert_allclose(fit_channel_directions(extremes, embeddings), [[0.5**0.5, -(0.5**0.5)]], atol=1e-7)


def test_block_size_changes_nothing():
    rng = np.random.default_rng(5)
    embeddings = _unit_rows(rng, 200, 24)
    extremes = _draw_extremes(rng, 11, 15, 200)
    whole = fit_channel_directions(extremes, embeddings, block=64)
    for block in (1, 3, 11):
        np.testing.assert_allclose(fit_channel_directions(extremes, embeddings, block=block), whole, atol=1e-6)


@pytest.mark.parametrize("shrinkage", [0.0, -0.1, 1.1, float("nan")])
def test_shrinkage_out_of_range_is_refused(shrinkage):
    extremes = ExtremeImages(highest=np.array([[0]]), lowest=np.array([[1]]))
    with pytest.raises(InputError, match="expected a number above 0 and at most 1"):
        fit_channel_directions(extremes, np.eye(2, dtype=np.float32), shrinkage=shrinkage)


def test_too_few_embeddings_are_refused():
    extremes = ExtremeImages(highest=np.array([[0]]), lowest=np.array([[5]]))
    with pytest.raises(InputError, match=r"2 image embeddings found, expected one per image \(at least 6\)"):
        fit_channel_directions(extremes, np.eye(2, dtype=np.float32))
