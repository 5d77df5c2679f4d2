"""What a concept does to the head's inputs, and how far a head relies on it: exact on a world without noise."""

from __future__ import annotations

import numpy as np
import pytest
from evidence_world import CLASSES, SCENES, World

from auditor.evidence.calibration.planted_heads import Bench
from auditor.evidence.calibration.planting import (
    Effects,
    Features,
    class_reliance,
    concept_effects,
    erased,
    leaning,
    logits_of,
    reliances,
)
from auditor.records import LinearHead

# Two classes of four pictures; the concept adds SHIFT to the inputs, half of every class has it, nothing else varies
LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
PRESENT = np.array([1, 1, 0, 0, 1, 1, 0, 0], dtype=np.bool_)
MEANS = np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 1.0]])
SHIFT = np.array([0.5, 0.0, 3.0])
X = (MEANS[LABELS] + PRESENT[:, None] * SHIFT).astype(np.float32)
RESIDUAL = (PRESENT - 0.5).astype(np.float32)[:, None]
ALL = np.arange(8)


def features(x=X, known=None) -> Features:
    known = np.ones((8, 1), dtype=np.bool_) if known is None else known
    return Features(x, PRESENT[:, None], known, LABELS)


def effects(x=X) -> Effects:
    return concept_effects(features(x), RESIDUAL, ((0,),), ALL)


def test_the_shift_is_what_the_concept_adds():
    found = effects()
    np.testing.assert_allclose(found.shift, [SHIFT], atol=1e-6)
    np.testing.assert_allclose(found.covariance, [SHIFT / 4], atol=1e-6)
    np.testing.assert_allclose(found.within, np.outer(SHIFT, SHIFT) / 4, atol=1e-6)
    np.testing.assert_allclose(found.direction @ SHIFT, [1])
    # it does not lead from one class to the other
    assert abs(found.direction[0] @ (MEANS[1] - MEANS[0])) < 0.2


def test_a_concept_that_does_not_vary_has_no_effect():
    constant = Features(X, np.ones((8, 1), np.bool_), np.ones((8, 1), np.bool_), LABELS)
    found = concept_effects(constant, RESIDUAL, ((0,),), ALL)
    assert found.concept_idx.size == 0
    head = LinearHead(np.ones((2, 3), np.float32), np.zeros(2, np.float32))
    assert reliances(head, constant, found, ALL, [0, 1]).shape == (2, 0)


@pytest.mark.parametrize(
    ("bias", "expected"),
    [
        # logit of class 0 less that of class 1: 2 - 0 + the third input - bias; the concept adds 3.5 to it
        (2.0, 0.0),  # 1 without the concept: called 0 either way
        (4.5, 1.0),  # -1.5 without, 2 with it
        (9.0, 0.0),  # never called 0
    ],
)
def test_reliance_counts_calls_with_the_concept_and_without(bias, expected):
    head = LinearHead(np.array([[1, 0, 1], [0, 1, 0]], np.float32), np.array([-bias, 0], np.float32))
    np.testing.assert_allclose(class_reliance(head, features(), effects(), ALL, 0), [expected])


def test_reliance_of_the_class_that_loses_is_negative_and_of_none_is_unknown():
    head = LinearHead(np.array([[0, 0, 1], [0, 1, 0]], np.float32), np.array([-2, 0], np.float32))
    # class 1: logits -1 and 2 without the concept, 2 and 2 with it: the first of equals is called
    np.testing.assert_allclose(class_reliance(head, features(), effects(), ALL, 1), [-1])
    assert np.isnan(class_reliance(head, features(), effects(), ALL[:4], 1)).all()
    unknown = features(known=np.zeros((8, 1), np.bool_))
    assert np.isnan(class_reliance(head, unknown, effects(), ALL, 1)).all()


def test_an_erased_head_gives_the_same_with_and_without_the_concept():
    rng = np.random.default_rng(0)
    head = LinearHead(rng.normal(size=(2, 3)).astype(np.float32), rng.normal(size=2).astype(np.float32))
    x = (X + 0.1 * rng.normal(size=X.shape)).astype(np.float32)
    found = concept_effects(features(x), RESIDUAL, ((0,),), ALL)
    freed = erased(head, found, np.array([0]), x.mean(axis=0))
    logits = logits_of(freed, x)
    # over the classes together: what differs from class to class stays
    np.testing.assert_allclose(logits[PRESENT].mean(axis=0), logits[~PRESENT].mean(axis=0), atol=1e-5)
    before = logits_of(head, x)
    assert np.abs(before[PRESENT].mean(axis=0) - before[~PRESENT].mean(axis=0)).max() > 0.5
    np.testing.assert_allclose(logits_of(freed, x).mean(axis=0), logits_of(head, x).mean(axis=0), atol=1e-5)
    assert erased(head, found, np.zeros(0, dtype=np.int64), x.mean(axis=0)) is head


def test_leaning_changes_one_class_by_the_direction():
    head = LinearHead(np.zeros((2, 3), np.float32), np.zeros(2, np.float32), multi_label=True)
    found = leaning(head, 1, np.array([0.0, 0.0, 2.0]), 5.0, 0.5)
    np.testing.assert_array_equal(logits_of(found, X)[:, 0], 0)
    np.testing.assert_allclose(logits_of(found, X)[:, 1], 0.5 * (2 * X[:, 2] - 5))
    assert found.multi_label
    assert not head.weight.any()


def test_it_finds_what_drawing_the_pictures_again_finds():
    """In the world of evidence_world.py the same pictures can be drawn with another scene: the truth is known."""
    world = World(planted={"waterbird": ("scene", "water", 0.95)}, seed=3, scene_strength=3.0, class_strength=1.2)
    head = world.fit_head()
    drawn = world.draw(300, 1)
    rates = np.zeros((len(CLASSES), len(SCENES)))
    for s in range(len(SCENES)):
        drawn.scene[:] = s
        called = logits_of(head, world.features(drawn)).argmax(axis=1)
        rates[:, s] = [(called[drawn.label == c] == c).mean() for c in range(len(CLASSES))]
    truth = np.stack([rates[:, s] - np.delete(rates, s, axis=1).mean(axis=1) for s in range(len(SCENES))], axis=1)
    inputs = world.audit(300, head=head)
    bench = Bench.of(inputs, np.concatenate([x for _, x, _ in inputs.head_chunks()]))
    terms = [inputs.concepts[v].term for v in bench.truth.concept_idx]
    measured = bench.own[:, [terms.index(scene) for scene in SCENES]]
    pair = CLASSES.index("waterbird"), SCENES.index("water")
    assert truth[pair] > 0.2
    assert measured[pair] > 0.15
    assert np.abs(measured - truth).max() < 0.12
    assert np.unravel_index(measured.argmax(), measured.shape) == pair
