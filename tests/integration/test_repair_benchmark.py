"""The benchmark of repairs runs in the small, and goes on where it was."""

from __future__ import annotations

import numpy as np

from benchmarks import repair, repair_clean


def test_it_runs_and_reads_what_it_kept(tmp_path, monkeypatch):
    found = repair.run([1], "toy", tmp_path)
    heads = found[0]["heads"]
    assert set(heads) >= {"before", "limit", "auto", "erase", "reweight", "DFR, true groups", "JTT", "AFR"}
    assert all(0 <= one["worst"] <= one["mean"] <= 1 for one in heads.values())
    table = repair.report(found).splitlines()
    assert len(table) == 2 + len(heads)
    assert table[2].startswith("| before |")
    monkeypatch.setattr(repair, "examine", lambda *_: 1 / 0)
    assert repair.run([1], "toy", tmp_path) == found


def test_forced_repairs_run_and_are_read_again(tmp_path, monkeypatch):
    found = repair_clean.run([1], "toy", tmp_path)
    (model,) = found
    assert len(model["repairs"]) == repair_clean.SIZES["toy"][0]
    assert all(len(one["falls"]) == len(model["classes"]) for one in model["repairs"])
    assert f"| {len(model['repairs'])} all, by force | " in repair_clean.report(found)
    monkeypatch.setattr(repair_clean, "examine", lambda *_: 1 / 0)
    assert repair_clean.run([1], "toy", tmp_path) == found


def test_a_class_falls_only_where_it_surely_does():
    labels = np.repeat([0, 1], 200)
    before = np.ones(400, dtype=bool)
    after = before.copy()
    after[:9] = False  # 9 of 200 lost, none gained: surely more than nothing, not surely more than a point
    assert repair_clean.falls(labels, before, after, 0.0).tolist() == [True, False]
    assert repair_clean.falls(labels, before, after, 0.01).tolist() == [False, False]
