import numpy as np
import pytest

from auditor.evidence.effects.covariates import residual_presence, within_class
from auditor.records import Concept

SCENES = [Concept(t, t, "scene") for t in ("water", "forest")]
FREE = [Concept(t, t, k) for t, k in (("waves", "texture"), ("watermark", "artifact"), ("duck", "object"))]
CONCEPTS = SCENES + FREE
rng = np.random.default_rng(0)
LABELS = rng.integers(3, size=600)


def presence(waves_noise=1.0, duck_noise=1.0):
    water = (rng.random(600) < 0.2 + 0.3 * (LABELS == 0)).astype(float)
    waves = np.clip(water * (waves_noise < 1) + waves_noise * rng.random(600), 0, 1.5)
    mark = rng.random(600)
    duck = water * (duck_noise < 1) + duck_noise * rng.random(600)
    return np.column_stack([water, 1 - water, waves, mark, duck]).astype(np.float32)


def test_within_class_by_hand():
    values = np.array([[1.0], [3.0], [10.0], [5.0]], dtype=np.float32)
    assert within_class(values, np.array([0, 0, 1, -1])).ravel().tolist() == [-1, 1, 0, 0]


def test_rivals_are_no_covariates_of_each_other():
    q = presence()
    result = residual_presence(q, LABELS, rng.random(600).astype(np.float32), CONCEPTS, [0, 1])
    assert set(result.column_of) == {0, 1}
    assert not result.partners
    # water = 1 - forest: had forest been a covariate, nothing would be left
    left = result.values[:, result.column_of[0]]
    assert np.corrcoef(left, within_class(q, LABELS)[:, 0])[0, 1] > 0.95


def test_residual_is_free_of_covariates_and_of_class():
    q = presence(waves_noise=0.9)
    difficulty = (q[:, 0] * 0.5 + rng.random(600)).astype(np.float32)
    result = residual_presence(q, LABELS, difficulty, CONCEPTS, [0])
    left = result.values[:, 0]
    centred = within_class(np.column_stack([q[:, 2:], difficulty]).astype(np.float32), LABELS)
    for column in centred.T:
        assert abs(np.corrcoef(left, column)[0, 1]) < 0.03
    for c in range(3):
        assert float(left[np.equal(LABELS, c)].mean()) == pytest.approx(0, abs=1e-5)


def test_concepts_that_always_go_together_are_merged():
    q = presence(waves_noise=0.1)
    result = residual_presence(q, LABELS, rng.random(600).astype(np.float32), CONCEPTS, [0, 2, 3])
    assert result.partners == {0: (2,), 2: (0,)}
    assert result.column_of[0] == result.column_of[2] != result.column_of[3]


def test_concept_tied_to_the_object_cannot_be_examined():
    q = presence(duck_noise=0.1)
    result = residual_presence(q, LABELS, rng.random(600).astype(np.float32), CONCEPTS, [0, 3])
    assert 0 not in result.column_of
    assert 3 in result.column_of


def test_unlabelled_pictures_have_no_part():
    q = presence()
    labels = np.where(np.arange(600) < 50, -1, LABELS)
    result = residual_presence(q, labels, rng.random(600).astype(np.float32), CONCEPTS, [0])
    assert not result.values[:50].any()
    assert result.values[50:].any()


def test_the_absence_of_a_concept_is_no_partner_of_it():
    """A border that a column says and that is measured: "yes" cannot be told from "black", and is not "none"."""
    there = (rng.random(600) < 0.5).astype(np.float32)
    concepts = [
        Concept(name, name, "attribute", column=column)
        for column, values in (("border", ("no", "yes")), ("property:border", ("black", "none")))
        for name in values
    ]
    q = np.column_stack([1 - there, there, there, 1 - there])
    result = residual_presence(q, LABELS, rng.random(600).astype(np.float32), concepts, [0, 1, 2, 3])
    assert dict(result.partners) == {0: (3,), 3: (0,), 1: (2,), 2: (1,)}
    # where only an absence is there to merge with, nothing is said of it
    alone = residual_presence(
        q[:, [0, 2]], LABELS, rng.random(600).astype(np.float32), [concepts[0], concepts[2]], [0, 1]
    )
    assert alone.column_of[0] == alone.column_of[1]
    assert not any(alone.partners.values())


def test_words_that_follow_a_column_are_readings_of_it():
    """An encoder that sees "water" wherever a column says "wet" takes nothing from it, and has nothing of its own."""
    wet = (rng.random(600) < 0.4).astype(np.float32)
    concepts = [*(Concept(f"site-{s}", f"site = {s}", "attribute", column="site") for s in ("wet", "dry")), *CONCEPTS]
    q = np.column_stack([wet, 1 - wet, presence()])
    q[:, 2] = wet + 0.05 * rng.random(600)
    q[:, 3] = 1 - q[:, 2]
    difficulty = rng.random(600).astype(np.float32)
    result = residual_presence(q.astype(np.float32), LABELS, difficulty, concepts, [0, 1, 2, 3])
    assert set(result.column_of) == {0, 1}
    assert np.corrcoef(result.values[:, result.column_of[0]], within_class(q, LABELS)[:, 0])[0, 1] > 0.95
    assert result.partners == {0: (2,), 1: (3,)}


def test_many_words_that_follow_a_column_a_little_do_not_hide_it():
    """Among as many words as half of the pictures, each a poor reading of it, nothing of a column would be left."""
    n, labels = 120, LABELS[:120]
    wet = (rng.random(n) < 0.4).astype(np.float32)
    words = wet[:, None] + 0.7 * rng.standard_normal((n, 60))
    concepts = [Concept("site-wet", "site = wet", "attribute", column="site")]
    concepts += [Concept(f"w{i}", f"w{i}", "object") for i in range(60)]
    q = np.column_stack([wet, words]).astype(np.float32)
    result = residual_presence(q, labels, rng.random(n).astype(np.float32), concepts, list(range(61)))
    assert np.corrcoef(result.values[:, result.column_of[0]], within_class(q, labels)[:, 0])[0, 1] > 0.9
    assert 0 not in result.partners or result.partners[0] == ()


def test_what_a_word_tells_apart_from_a_column_is_left_to_both():
    wet = (rng.random(600) < 0.4).astype(np.float32)
    concepts = [Concept("site-wet", "site = wet", "attribute", column="site"), *CONCEPTS]
    q = np.column_stack([wet, presence()])
    q[:, 4] = 0.5 * wet + rng.random(600)
    difficulty = rng.random(600).astype(np.float32)
    result = residual_presence(q.astype(np.float32), LABELS, difficulty, concepts, [0, 3])
    left = result.values[:, result.column_of[0]]
    assert abs(np.corrcoef(left, within_class(q.astype(np.float32), LABELS)[:, 3])[0, 1]) < 0.03
