"""The benchmark of repairs runs in the small, and goes on where it was."""

from __future__ import annotations

from benchmarks import repair


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
