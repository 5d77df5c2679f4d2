"""The rules that an audit is judged by: thresholds by name, and one digest."""

from __future__ import annotations

from auditor import rules, rules_in_force
from auditor.rules_in_force import rules_digest, thresholds


def test_thresholds_have_the_names_of_the_table_of_rules():
    found = thresholds()
    assert (found["DELTA"], found["MIN_ARM"], found["TOLERATED"], found["MIN_CLASS"]) == (0.05, 10, 0.10, 20)
    assert list(found) == sorted(found)
    assert not {"RULES", "GAPS", "SHARE", "Unit"} & set(found)


def test_a_threshold_that_changes_changes_the_digest(monkeypatch):
    before = rules_digest()
    assert rules_digest() == before
    assert len(before) == 64
    monkeypatch.setattr(rules, "DELTA", 0.06)
    assert rules_digest() != before


def test_the_digest_is_over_what_judges_whatever_the_ends_of_lines(tmp_path, monkeypatch):
    def digest(rule: bytes, verdict: bytes, other: bytes) -> str:
        (tmp_path / "evidence" / "verdicts").mkdir(parents=True, exist_ok=True)
        (tmp_path / "rules.py").write_bytes(rule)
        (tmp_path / "picture_concepts.py").write_bytes(b"")
        (tmp_path / "evidence" / "verdicts" / "judge.py").write_bytes(verdict)
        (tmp_path / "explain.py").write_bytes(other)
        rules_in_force._source_digest.cache_clear()
        return rules_digest()

    monkeypatch.setattr(rules_in_force, "_PACKAGE", tmp_path)
    try:
        first = digest(b"A = 1\nB = 2\n", b"x", b"y")
        assert digest(b"A = 1\r\nB = 2", b"x", b"z") == first
        assert digest(b"A = 1\nB = 2\n", b"X", b"y") != first
        assert digest(b"A = 1\nB = 3\n", b"x", b"y") != first
    finally:
        rules_in_force._source_digest.cache_clear()
