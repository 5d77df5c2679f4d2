"""The benchmark of what the evidence costs, on a world that takes a second."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.evidence_cost import Clock, Size, load_world, measure, write_world

SIZE = Size(images=900, channels=32, classes=6, concepts=26, seed=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("world")
    write_world(made, SIZE)
    return made


def test_the_world_is_what_an_audit_would_hold(folder):
    inputs, shards = load_world(folder, SIZE)
    assert shards.n == len(inputs.image_ids) == 900
    x, logits = (np.concatenate([chunk[i] for chunk in inputs.head_chunks()]) for i in (1, 2))
    np.testing.assert_allclose(x @ inputs.head.weight.T + inputs.head.bias, logits, atol=1e-4)
    assert (inputs.predicted_idx == logits.argmax(axis=1)).all()
    assert inputs.shares.shape == inputs.presence.shape == (900, 26)
    assert 0.05 < (inputs.presence > 0.5).mean() < 0.4


def test_stages_passes_and_nulls_are_told_apart(folder):
    found = json.loads(json.dumps(measure(folder, SIZE)))
    assert found["pairs_measured"] > 0
    assert set(found["passes"]["cpu_seconds"]) == {"before", "between", "after"}
    stages = found["stages"]["cpu_seconds"]
    assert {"evidence: words", "evidence: association", "evidence: gaps", "evidence: erasure"} <= set(stages)
    alone = sum(value for stage, value in stages.items() if stage not in ("evidence: permuted", "verdicts"))
    assert found["without_nulls"]["cpu_seconds"] == pytest.approx(alone, abs=0.05)
    peaks = found["peak_gigabytes"]
    assert 0 < peaks["inputs"] <= peaks["without_nulls"] <= peaks["all"]


def test_a_clock_adds_laps_of_a_stage_and_leaves_out_what_was_between():
    clock = Clock()
    clock.start()
    clock.lap("a")
    first = clock.wall["a"]
    clock.start()
    clock.lap("a")
    clock.lap("b")
    assert clock.wall["a"] >= first >= 0
    assert set(clock.wall) == set(clock.cpu) == {"a", "b"}
