"""The page of the gate: its files load, and it names every key there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.gate.baseline import Entry, load_baseline
from auditor.gate.policy import Policy, Rule, load_policy
from auditor.records import CONTEXT_KINDS, fingerprint

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")


@pytest.fixture
def written(tmp_path):
    """The TOML blocks of the page, in files."""
    policy, baseline = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "policy.toml").write_text(policy, encoding="utf-8")
    (tmp_path / "baseline.toml").write_text(baseline, encoding="utf-8")
    return tmp_path


def test_the_policy_loads_and_names_every_key_and_default(written):
    policy = load_policy(written / "policy.toml")
    given = policy.model_fields_set
    assert given == set(Policy.model_fields)
    without_default = {"max_share", "max_gap", "max_growth", "max_detectable_effect", "rule"}
    assert {name: getattr(policy, name) for name in given - without_default} == {
        name: Policy.model_fields[name].default for name in given - without_default
    }
    text = (written / "policy.toml").read_text(encoding="utf-8")
    assert [name for name in (*Rule.model_fields, *CONTEXT_KINDS) if not re.search(rf"\b{name}\b", text)] == []


def test_the_baseline_loads_and_names_every_key(written):
    (entry,) = load_baseline(written / "baseline.toml").accepted
    assert entry.model_fields_set == set(Entry.model_fields)
    assert entry.fingerprint == fingerprint(entry.class_name, entry.concept)
