"""What must hold of faithfulness whatever the map: best orders of linear responses, order of channels, moved maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auditor.faithfulness.controls import likeness, moved_map, points_at
from auditor.faithfulness.curves import area, order_of, step_counts, taken_parts
from auditor.faithfulness.group_deletion import group_areas
from auditor.faithfulness.simulation import foretold_by_chance
from auditor.faithfulness.summary import mean_row
from auditor.faithfulness.text_direction import raised
from auditor.records import LinearHead

SEEDS = st.integers(0, 2**32 - 1)
WEIGHTS = arrays(np.float64, st.integers(2, 30), elements=st.integers(-50, 50).map(float))
MAPS = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 6)), elements=st.integers(-9, 9).map(float))


def areas_of(weights, order):
    counts = step_counts(len(weights))
    taken = taken_parts(order, counts)
    return area((~taken * weights).sum(axis=1), counts), area((taken * weights).sum(axis=1), counts)


@settings(deadline=None)
@given(WEIGHTS, SEEDS)
def test_no_order_is_better_for_a_linear_response_than_its_own_weights(weights, seed):
    rng = np.random.default_rng(seed)
    deletion, insertion = areas_of(weights, order_of(weights, rng))
    other_deletion, other_insertion = areas_of(weights, rng.permutation(len(weights)))
    assert deletion <= other_deletion + 1e-9
    assert insertion >= other_insertion - 1e-9
    assert deletion + insertion == pytest.approx(weights.sum(), abs=1e-9)


@settings(deadline=None)
@given(MAPS, SEEDS)
def test_a_moved_map_has_the_same_values_and_another_place(values, seed):
    places = np.arange(values.size, dtype=float).reshape(values.shape)
    moved, moved_places = (moved_map(one, np.random.default_rng(seed)) for one in (values, places))
    assert moved.shape == values.shape
    assert sorted(moved.ravel()) == sorted(values.ravel())
    assert not np.array_equal(moved_places, places)


@settings(deadline=None)
@given(MAPS, SEEDS)
def test_likeness_depends_on_ranks_alone_and_pointing_on_the_largest(values, seed):
    other = np.random.default_rng(seed).standard_normal(values.shape)
    if np.ptp(values):
        assert likeness(values, other) == pytest.approx(likeness(np.exp(values / 9), other), abs=1e-9)
        assert -1 - 1e-9 <= likeness(values, other) <= 1 + 1e-9
    assert points_at(values, np.ones((9, 7), bool))
    assert not points_at(values, np.zeros((9, 7), bool))


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_the_order_of_channels_does_not_count_and_groups_start_and_end_alike(seed):
    rng = np.random.default_rng(seed)
    n, k, c = 3, 8, 3
    activations, mean = rng.standard_normal((n, k)).astype(np.float32), rng.standard_normal(k).astype(np.float32)
    head = LinearHead(rng.standard_normal((c, k)).astype(np.float32), rng.standard_normal(c).astype(np.float32))
    groups, class_idx = rng.integers(-1, 3, k), rng.integers(0, c, n)
    order = rng.permutation(k)
    found = group_areas(activations, class_idx, head, mean, groups, n_random=1, rng=np.random.default_rng(1))[0]
    again = group_areas(
        activations[:, order],
        class_idx,
        LinearHead(head.weight[:, order], head.bias),
        mean[order],
        groups[order],
        n_random=1,
        rng=np.random.default_rng(1),
    )[0]
    assert [one.deletion for one in found] == pytest.approx([one.deletion for one in again], abs=1e-5)
    assert all(0 <= one.deletion <= 1 and 0 <= one.insertion <= 1 for one in found)


@settings(deadline=None)
@given(arrays(np.float32, (2, 5), elements=st.integers(-5, 5).map(float)), st.integers(0, 4))
def test_scale_does_not_count_for_what_a_word_raises(slopes, word):
    one, other = raised(slopes, [(0, word)]), raised(3 * slopes, [(0, word)])
    assert one.raises.tolist() == other.raises.tolist()
    assert one.rank.tolist() == other.rank.tolist()
    assert 0 <= one.rank[0] <= 1


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40))
def test_a_mean_lies_in_its_interval(values):
    row = mean_row("class_map", "CAM", "relevance_gain", values)
    assert row.low - 1e-9 <= row.value <= row.high + 1e-9


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_chance_tells_the_commonest_call(seed):
    called = np.concatenate([np.zeros(40, np.int64), np.random.default_rng(seed).integers(0, 2, 20)])
    assert foretold_by_chance(called, np.arange(60)).sum() == (called == 0).sum()
