"""Heads of known truth: what is planted is there to the size asked for, and what is erased is gone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import CLASSES, V, World

from auditor.evidence.calibration import planted_heads
from auditor.evidence.calibration.planted_heads import FREE, Bench, plants, without_reliance
from auditor.evidence.calibration.planting import class_reliance, logits_of, reliances
from auditor.records import LinearHead


def bench_of(inputs) -> Bench:
    return Bench.of(inputs, np.concatenate([x for _, x, _ in inputs.head_chunks()]))


@pytest.fixture(scope="module")
def plain():
    """A head that relies on nothing."""
    return World(seed=5).audit(200)


@pytest.fixture(scope="module")
def bench(plain):
    return bench_of(plain)


def test_a_head_that_relies_on_nothing_is_free(bench):
    assert bench.free_classes().tolist() == list(range(len(CLASSES)))


def test_classes_that_rely_on_something_are_not_planted_in():
    world = World(planted={"waterbird": ("scene", "water", 0.95)}, seed=3)
    relying = bench_of(world.audit(200))
    c = CLASSES.index("waterbird")
    assert relying.own[c].max() >= FREE
    assert c not in relying.free_classes()
    assert {plant.class_idx for plant in plants(relying, 0.2, 8, common=False)} <= set(relying.free_classes().tolist())


@pytest.mark.parametrize("size", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("common", [False, True])
def test_planted_reliances_have_the_size_asked_for(bench, size, common):
    found = list(plants(bench, size, 4, common=common))
    assert len(found) == 4
    labels = bench.inputs.label_idx
    for plant in found:
        (column,) = [t for t, members in enumerate(bench.truth.alike) if members == plant.alike]
        measured = class_reliance(plant.head, bench.features, bench.truth, plant.rows, plant.class_idx)[column]
        assert measured == pytest.approx(plant.reliance)
        assert abs(measured - size) <= 0.02
        there = bench.features.present[plant.rows[labels[plant.rows] == plant.class_idx], plant.alike[0]]
        assert min(there.sum(), (~there).sum()) >= 10
        assert not common or there.mean() >= 0.5
        # nothing but the one class has changed
        others = np.arange(len(CLASSES)) != plant.class_idx
        np.testing.assert_array_equal(plant.head.weight[others], bench.head.weight[others])


def test_no_picture_that_a_direction_is_fitted_on_is_judged_by_it(plain):
    groups = np.arange(len(plain.image_ids)) // 3
    grouped = bench_of(replace(plain, groups=groups))
    judged = [set(third.judged.tolist()) for third in grouped.thirds]
    for one in judged:  # whole groups
        assert {row // 3 for row in one}.isdisjoint({row // 3 for row in set(range(len(groups))) - one})
    everything = [set(range(len(groups))) - one for one in judged]
    assert set.union(*everything) == set(range(len(groups)))
    assert sum(map(len, everything)) == len(groups)


def test_the_same_seed_plants_the_same_heads(plain, bench):
    again = bench_of(plain)
    for one, other in zip(plants(bench, 0.2, 2, common=False), plants(again, 0.2, 2, common=False), strict=True):
        assert one.alike == other.alike
        np.testing.assert_array_equal(one.head.weight, other.head.weight)


def test_concepts_that_a_class_may_rest_on_are_not_planted_in_it(plain):
    core = {(c, V["water"]): "settings" for c in range(len(CLASSES))}
    for plant in plants(bench_of(replace(plain, core=core)), 0.2, 50, common=False):
        assert V["water"] not in plant.alike


def test_heads_without_reliances_err_and_rely_on_nothing():
    world = World(planted={"waterbird": ("scene", "water", 0.95)}, seed=3, scene_strength=3.0, class_strength=1.2)
    bench = bench_of(world.audit(300))
    classes, labels = bench.classes(), bench.inputs.label_idx
    (water,) = [t for t, members in enumerate(bench.truth.alike) if V["water"] in members]
    before = bench.own[CLASSES.index("waterbird"), water]
    assert before > 0.15
    seen = []
    for number in range(3):
        head, rows = without_reliance(bench, number, classes)
        called = logits_of(head, bench.features.activations[rows]).argmax(axis=1)
        recalls = np.array([(called[labels[rows] == c] == c).mean() for c in classes])
        assert (recalls < 1).all()
        leans = reliances(head, bench.features, bench.truth, rows, classes)
        # what a third of the pictures could not say of water may stay
        assert leans[CLASSES.index("waterbird"), water] < before / 3
        seen.append(recalls)
    assert len({tuple(recalls) for recalls in seen}) == 3  # other errors every time


def test_there_must_be_a_head(plain):
    with pytest.raises(ValueError, match="no head to plant in"):
        Bench.of(replace(plain, head=None, head_chunks=None), np.zeros((len(plain.image_ids), 1), np.float32))


def test_a_head_at_chance_still_gives_heads_or_none(plain):
    head = LinearHead(np.zeros_like(plain.head.weight), np.zeros_like(plain.head.bias))
    bench = bench_of(replace(plain, head=head))
    assert all(abs(plant.reliance - 0.4) <= 0.02 for plant in plants(bench, 0.4, 3, common=False))
    assert np.isfinite(without_reliance(bench, 0, bench.classes())[0].weight).all()


def test_a_strength_lies_in_the_middle_of_its_step():
    """Counts rise at 1, 3 and 7: a strength of 2 or 5 leaves every picture on its side."""

    def counted(strength):
        return sum(strength >= at for at in (1, 3, 7)) / 3

    assert planted_heads._strength(counted, 0.3) == pytest.approx(2, abs=1e-3)
    assert planted_heads._strength(counted, 0.5) == pytest.approx(5, abs=1e-3)
    assert planted_heads._strength(counted, 1.0) == pytest.approx(14, abs=1e-3)  # no step follows
    assert planted_heads._strength(counted, 1.1) is None
