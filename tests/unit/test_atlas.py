"""Where pictures lie on the planes of the atlas, on vectors made by hand."""

import numpy as np
import pytest

from auditor import atlas
from auditor.atlas import lay_out


@pytest.fixture
def groups():
    """60 ids and vectors in three groups that lie far from each other, a group after another."""
    rng = np.random.default_rng(0)
    rows = np.repeat(10 * np.eye(3, 8), 20, axis=0) + 0.1 * rng.normal(size=(60, 8))
    return [f"{id_:016x}" for id_ in rng.integers(0, 2**62, 60)], rows.astype(np.float32)


def by_halves(rows):
    return lambda: [rows[:25], rows[25:]]


def apart(places):
    """The smallest distance of group means, in units of the widest spread within a group."""
    parts = places.reshape(3, 20, 2)
    means = parts.mean(axis=1)
    between = min(np.linalg.norm(means[a] - means[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    return between / max(np.linalg.norm(part - mean, axis=1).mean() for part, mean in zip(parts, means, strict=True))


def test_like_pictures_lie_together(groups):
    ids, rows = groups
    places = lay_out(ids, by_halves(rows))
    assert places.shape == (60, 2)
    assert places.dtype == np.float32
    assert np.abs(places).max() == 1
    assert apart(places) > 3


def test_pictures_beyond_the_landmarks_lie_beside_what_they_are_like(groups, monkeypatch):
    monkeypatch.setattr(atlas, "LANDMARKS", 30)
    ids, rows = groups
    places = lay_out(ids, by_halves(rows))
    assert np.abs(places).max() <= 1
    assert apart(places) > 3


@pytest.mark.parametrize("landmarks", [30, 1000])
def test_the_order_of_the_pictures_does_not_count(groups, monkeypatch, landmarks):
    monkeypatch.setattr(atlas, "LANDMARKS", landmarks)
    ids, rows = groups
    order = np.random.default_rng(1).permutation(60)
    shuffled = lay_out([ids[at] for at in order], lambda: [rows[order]])
    np.testing.assert_allclose(
        shuffled, lay_out(ids, by_halves(rows))[order], rtol=0, atol=1e-5
    )  # sums of another order round otherwise


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_pictures_that_are_all_alike_or_too_few_lie_in_the_middle(n):
    assert not lay_out([f"{at:016x}" for at in range(n)], lambda: [np.ones((n, 4), np.float32)]).any()


def test_three_pictures_and_one_channel_are_enough():
    places = lay_out(["a", "b", "c"], lambda: [np.float32([[0], [1], [5]])])
    assert np.isfinite(places).all()
    assert places.any()
