import faiss
import numpy as np
import pytest

from auditor.errors import InputError
from auditor.textcam.channel_groups import group_channels


def _clustered(rng, n_channels, n_clusters, dims, spread=0.3):
    centres = np.linalg.qr(rng.standard_normal((dims, n_clusters)))[0].T
    cluster = np.arange(n_channels) % n_clusters
    rows = centres[cluster] + spread * rng.standard_normal((n_channels, dims)) / np.sqrt(dims)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), cluster, rng.gamma(2.0, size=n_channels).astype(np.float32)


def test_clusters_are_found_and_numbered_by_use():
    directions, cluster, use = _clustered(np.random.default_rng(0), 120, 6, 32)
    use[cluster == 4] += 10
    use[cluster == 1] += 5
    groups = group_channels(directions, use, n_groups=6, seed=0)
    assert groups.directions.shape == (6, 32)
    for group in range(6):
        assert len(set(cluster[groups.group_idx == group])) == 1
    assert cluster[groups.group_idx == 0][0] == 4
    assert cluster[groups.group_idx == 1][0] == 1
    totals = np.bincount(groups.group_idx, weights=use)
    assert (np.diff(totals) <= 0).all()


def test_group_direction_is_the_mean_of_its_members_by_use():
    directions, _, use = _clustered(np.random.default_rng(1), 40, 4, 16)
    groups = group_channels(directions, use, n_groups=4, seed=0)
    for group in range(4):
        members = groups.group_idx == group
        mean = use[members] @ directions[members]
        np.testing.assert_allclose(groups.directions[group], mean / np.linalg.norm(mean), atol=1e-3)


def test_permuting_channels_permutes_members_only():
    rng = np.random.default_rng(2)
    directions, _, use = _clustered(rng, 200, 7, 24, spread=1.5)
    directions[5] = 0
    plain = group_channels(directions, use, n_groups=9, seed=3)
    for _ in range(3):
        order = rng.permutation(200)
        shuffled = group_channels(directions[order], use[order], n_groups=9, seed=3)
        np.testing.assert_array_equal(shuffled.group_idx, plain.group_idx[order])
        np.testing.assert_allclose(shuffled.directions, plain.directions, atol=1e-6)


def test_equal_use_still_permutes():
    rng = np.random.default_rng(3)
    directions, _, _ = _clustered(rng, 60, 5, 24, spread=1.5)
    plain = group_channels(directions, np.zeros(60, dtype=np.float32), n_groups=5, seed=3)
    order = rng.permutation(60)
    shuffled = group_channels(directions[order], np.zeros(60, dtype=np.float32), n_groups=5, seed=3)
    np.testing.assert_array_equal(shuffled.group_idx, plain.group_idx[order])


def test_same_seed_and_any_number_of_threads_give_the_same_groups():
    directions, _, use = _clustered(np.random.default_rng(4), 300, 10, 32, spread=2.0)
    before = faiss.omp_get_max_threads()
    found = []
    try:
        for threads in (1, 2, 4, 1):
            faiss.omp_set_num_threads(threads)
            found.append(group_channels(directions, use, n_groups=12, seed=7).group_idx)
            assert faiss.omp_get_max_threads() == threads
    finally:
        faiss.omp_set_num_threads(before)
    for group_idx in found[1:]:
        np.testing.assert_array_equal(group_idx, found[0])


def test_constant_channels_belong_to_no_group_and_limit_the_number():
    directions = np.zeros((5, 8), dtype=np.float32)
    directions[1, 0] = directions[3, 1] = 1
    groups = group_channels(directions, np.array([9, 1, 9, 2, 9], dtype=np.float32), n_groups=16, seed=0)
    np.testing.assert_array_equal(groups.group_idx, [-1, 1, -1, 0, -1])
    np.testing.assert_allclose(groups.directions, directions[[3, 1]], atol=1e-6)
    none = group_channels(np.zeros((3, 8), dtype=np.float32), np.ones(3, dtype=np.float32), seed=0)
    assert none.directions.shape == (0, 8)
    assert (none.group_idx == -1).all()


def test_identical_channels_share_a_group():
    directions = np.repeat(np.eye(2, 8, dtype=np.float32), 10, axis=0)
    groups = group_channels(directions, np.ones(20, dtype=np.float32), n_groups=5, seed=0)
    assert len(set(groups.group_idx[:10])) == len(set(groups.group_idx[10:])) == 1
    assert len(groups.directions) == 2


def test_faiss_says_nothing(capfd):
    directions, _, use = _clustered(np.random.default_rng(5), 12, 3, 8)
    group_channels(directions, use, n_groups=12, seed=0)
    group_channels(directions, use, n_groups=4, seed=0)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize(
    ("use", "n_groups", "message"),
    [
        (np.ones(3), 2, r"use \(3,\) of 4 channels"),
        (np.array([1, 1, -1, 1]), 2, "one finite number >= 0"),
        (np.array([1, 1, np.inf, 1]), 2, "one finite number >= 0"),
        (np.ones(4), 0, "0 channel groups found"),
    ],
)
def test_unusable_arguments_are_refused(use, n_groups, message):
    with pytest.raises(InputError, match=message):
        group_channels(np.eye(4, dtype=np.float32), use.astype(np.float32), n_groups=n_groups, seed=0)
