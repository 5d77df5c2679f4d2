"""Identities of the planted benchmark's truth and counts, whatever a model answers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.planted import claims
from benchmarks.planted.drawing import ClassOf, variant_names
from benchmarks.planted.truth import measure
from benchmarks.planted.worlds import SAMPLE

NAMES = variant_names(SAMPLE)
CLASSES = (ClassOf("cat", ("cat",)), ClassOf("boat", ("boat",)), ClassOf("owl", ("owl",)))
VERDICTS = st.sampled_from(["flagged", "suspect", "clean", "not_shown", "harmed", "not_analysed"])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 1.0))
def test_no_value_does_more_harm_than_it_repels(seed, right):
    """The lower quartile of the others lies below the upper one: harm is never more than what repels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), 20)
    called = np.where(rng.random((60, len(NAMES))) < right, labels[:, None], rng.integers(3, size=(60, len(NAMES))))
    for one in measure(labels, called.astype(np.int8), NAMES, CLASSES, n_samples=20):
        assert one.harm >= one.effect
        assert one.harm_low <= one.harm <= one.harm_high
        assert not (one.harmed and one.status == "relies")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.tuples(VERDICTS, st.floats(0.11, 1.0)), min_size=1, max_size=4), min_size=1, max_size=6))
def test_every_class_that_relies_is_counted_once(models):
    outcomes = [
        {
            "scenario": {"seed": 1000 * seed, "audit": ("as training", "balanced")[seed % 2]},
            "classes": [
                {"verdict": verdict, "status": "relies", "size": size, "n_images": 30 + 100 * k, "truly_clean": False}
                for k, (verdict, size) in enumerate(classes)
            ],
        }
        for seed, classes in enumerate(models)
    ]
    asked = sum(size >= 0.2 for classes in models for _, size in classes)
    rows = claims.false_clean(outcomes)
    assert sum(row["classes"] for row in rows) == asked
    assert sum(sum(row["verdicts"].values()) for row in rows) == asked
    assert all(row["low"] <= row["high"] for row in rows)
