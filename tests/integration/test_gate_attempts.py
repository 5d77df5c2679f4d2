"""Attempts to bring a release through the gate: a short form of ``benchmarks/faults``."""

from __future__ import annotations

import pytest

from auditor.pipeline import run_audit
from benchmarks.faults.gate_attempts import ATTEMPTS, gated, prepared, releases_of
from benchmarks.faults.sample_audit import sample_settings


@pytest.fixture(scope="module")
def releases(small_audit, small_config, tmp_path_factory):
    passing = run_audit(sample_settings(tmp_path_factory.mktemp("passing"), "balanced"))
    return releases_of(small_audit, small_config, passing)


#: Of those that make no audit every fourth, one thing after another being tried; the benchmark makes them all.
_TRIED = [attempt for attempt in ATTEMPTS if attempt.made_of is None][::4]


@pytest.mark.parametrize("attempt", _TRIED, ids=lambda attempt: attempt.name)
def test_it_ends_as_it_must(attempt, releases, tmp_path):
    said = prepared(attempt, releases, tmp_path / "work")
    assert gated(attempt, releases, tmp_path / "work", said) == "found"
