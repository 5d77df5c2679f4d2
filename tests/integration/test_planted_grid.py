"""Half of the benchmark's small grid, one seed: a change that breaks the calibration of the verdicts fails here.

The bounds are those of four models, far below what docs/benchmark.md reports of many: they catch a break, not a drift.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _run(work: Path) -> dict:
    output = work / "result.json"
    command = [sys.executable, "-m", "benchmarks.planted", "--grid", "quick", "--seeds", "0:1", "--jobs", "1"]
    done = subprocess.run(
        [*command, "--work", str(work), "--output", str(output)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("grid")


@pytest.fixture(scope="module")
def result(work: Path) -> dict:
    return _run(work)


def test_no_clean_class_is_flagged(result):
    assert result["summary"]["n_clean_classes"] >= 10
    assert result["summary"]["false_alarms"]["alarms"] == 0
    assert result["summary"]["intervals"]["pair_precision"]["false"] == 0


def test_classes_that_rely_are_found_with_their_concept(result):
    found = result["summary"]["intervals"]["recall_20"]
    assert found["true"] + found["missed"] >= 3
    assert found["missed"] == 0
    assert result["summary"]["concept_recall_5"] == 1.0
    missed = [
        one["verdict"]
        for outcome in result["outcomes"]
        for one in outcome["classes"]
        if one["status"] == "relies" and one["size"] >= 0.2 and one["verdict"] != "flagged"
    ]
    assert "clean" not in missed


def test_another_seed_of_the_audit_flags_the_same(result):
    flags = [(set(one["flags"]), set(one["flags_of_other_seed"])) for one in result["outcomes"]]
    assert sum(len(first) for first, _ in flags) >= 3
    assert all(first == other for first, other in flags)


def test_peers_are_asked_about_the_same_models(result):
    peers = result["summary"]["peers"]
    assert len(peers) >= 6
    assert all(0 <= one["f1"] <= 1 for one in peers.values())


def test_what_was_made_is_not_made_again(result, work):
    before = {path: path.stat().st_mtime_ns for path in sorted(work.rglob("*")) if path.suffix in (".npz", ".npy")}
    again = _run(work)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert again["outcomes"] == result["outcomes"]
