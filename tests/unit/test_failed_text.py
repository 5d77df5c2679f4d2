"""What failed at the gate, as plain text: the same words that `auditor gate` prints, and names made harmless."""

from dataclasses import replace

import pytest

from auditor.gate.decision import GateDecision, GateItem
from auditor.records import Verdict
from auditor.release.failed_text import failed_text

NEW = GateItem(
    "waterbird", "water", "water", "scene", "flagged", "high", "f" * 64, "new", "error", "flagged: accept it or not"
)
NOTE = replace(NEW, class_name="cat", state="accepted", level="note", reason="by 'Ada'")
MISSING = GateItem("boat", None, None, None, "not_analysed", "none", None, "not_analysed", "error", "too few pictures")
VERDICT = Verdict(0, "waterbird", "flagged", "high", "water", "water", "scene", "Relies on water (scene).", 9)


def test_only_what_failed_is_told():
    decision = GateDecision(2, "all sorts", (NOTE, NEW, MISSING), "p.toml", "b.toml")
    assert failed_text(decision, [VERDICT], "audited today").splitlines() == [
        "✕ waterbird · water (scene) · new",
        "  flagged: accept it or not",
        "  Relies on water (scene).",
        "",
        "✕ boat · not analysed",
        "  too few pictures",
        "",
        "audited today",
        "policy p.toml, baseline b.toml",
        "Gate all sorts (exit code 2)",
    ]


@pytest.mark.parametrize("verdicts", [[], [replace(VERDICT, concept_id="fog", concept="fog")]])
def test_a_sentence_on_another_concept_is_left_out(verdicts):
    assert "Relies on" not in failed_text(GateDecision(1, "1 new", (NEW,)), verdicts, "audited today")


def test_long_lines_are_wrapped():
    decision = GateDecision(1, "1 new", (replace(NEW, reason="a well-known reason " * 12),))
    lines = failed_text(decision, [], "audited today").splitlines()
    assert lines[1] == "  " + " ".join(["a well-known reason"] * 4) + " a well-known"
    assert lines[2].startswith("  reason a well-known")
    assert max(map(len, lines)) <= 100


def test_names_cannot_forge_lines_or_commands():
    name = "a\n::error::x\x1b[31m‮" + "x" * 10_000
    item = replace(NEW, class_name=name, concept=name, concept_kind=name, reason=name)
    verdict = replace(VERDICT, class_name=name, sentence=name)
    text = failed_text(GateDecision(1, name, (item,), name), [verdict], "audited today")
    assert not any(part in text for part in ("::", "\x1b", "‮"))
    assert len(text) < 30_000
