"""What the gate prints: failures first with their sentence, the rest in short, names made harmless."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from small_audit import write_small_audit

from auditor.gate.decision import GateDecision, GateItem
from auditor.store.open_audit import open_audit_database
from reports.written.gate_text import print_gate, render_gate_text

NEW = GateItem(
    "waterbird", "water", "water", "scene", "flagged", "high", "f" * 64, "new", "error", "flagged: accept it or not"
)
NOTE = replace(NEW, class_name="cat", state="accepted", level="note", reason="by 'Ada'")
WARNING = replace(NOTE, class_name="dog", level="warning")
STALE = GateItem("gone", None, "fog", None, None, "none", "0" * 64, "stale", "warning", "nothing matches it")
MISSING = GateItem("boat", None, None, None, "not_analysed", "none", None, "not_analysed", "error", "too few pictures")
DECISION = GateDecision(1, "1 new", (NEW,))
AUDITED = "audited 2025-01-02T03:04:05Z, data dddddddddddd"


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("small"))) as opened:
        yield opened


def test_every_entry_of_the_settings_is_listed(connection):
    core = [replace(NOTE, class_name=f"c{n}", state="core", reason=f"why {n}") for n in range(30)]
    decision = GateDecision(0, "passes", (*core, *[replace(NOTE, state="tolerated")] * 30))
    text = render_gate_text(connection, decision=decision)
    assert all(f"  why {n}\n" in text for n in range(30))
    assert "· and 30 tolerated by the policy; all are in --format json" in text


def test_failures_come_first_with_what_the_audit_says(connection):
    decision = GateDecision(2, "all sorts", (NOTE, WARNING, NEW, STALE, MISSING), "p.toml", "b.toml")
    assert render_gate_text(connection, decision=decision).splitlines() == [
        "✕ waterbird · water (scene) · new",
        "  flagged: accept it or not",
        "  Relies on water (scene).",
        "",
        "✕ boat · not analysed",
        "  too few pictures",
        "",
        "! dog · water (scene) · accepted",
        "  by 'Ada'",
        "! gone · fog · stale entry of the baseline",
        "  nothing matches it",
        "· cat · water (scene) · accepted",
        "  by 'Ada'",
        "",
        AUDITED,
        "policy p.toml, baseline b.toml",
        "Gate all sorts (exit code 2)",
    ]


def test_evidence_stands_under_its_own_concept_only(connection):
    fog = replace(NEW, concept_id="fog", concept="fog", reason="also proven: gap in recall 31 pts [21, 41]")
    text = render_gate_text(connection, decision=GateDecision(1, "1 new", (NEW, fog)))
    assert text.count("Relies on water (scene).") == 1
    assert text.index("Relies on water") < text.index("also proven")


def test_nothing_found_is_what_was_read_and_the_outcome(connection):
    decision = GateDecision(0, "passes: nothing found (5 classes)", ())
    assert render_gate_text(connection, decision=decision).splitlines() == [
        AUDITED, "default policy, no baseline", "Gate passes: nothing found (5 classes) (exit code 0)",
    ]  # fmt: skip


def test_many_notes_are_counted_and_no_warning_is_left_out(connection):
    notes = tuple(replace(NOTE, class_name=f"class {number}") for number in range(30))
    warnings = tuple(replace(WARNING, class_name=f"warned {number}") for number in range(30))
    text = render_gate_text(connection, decision=GateDecision(0, "", notes + warnings))
    assert text.count("· class ") == 20
    assert text.count("! warned ") == 30
    assert "· and 10 accepted; all are in --format json" in text


def test_names_cannot_forge_lines_or_commands(connection):
    name = "a\n::error::x\x1b[31m‮" + "x" * 10_000
    item = replace(NEW, class_name=name, concept=name, concept_kind=name, reason=name)
    text = render_gate_text(connection, decision=replace(DECISION, items=(item,), policy_path=name, summary=name))
    assert "::" not in text
    assert "\x1b" not in text
    assert "‮" not in text
    assert len(text) < 30_000
    assert "[bold]" in render_gate_text(connection, decision=replace(DECISION, summary="[bold]"))


@pytest.mark.parametrize(("code", "word", "colour"), [(0, "passes", "32"), (1, "fails", "31"), (2, "undecided", "33")])
def test_a_terminal_gets_colours_and_a_plain_one_plain_letters(connection, code, word, colour):
    decision = replace(DECISION, exit_code=code, summary=f"{word}: 1 new")
    stream = io.StringIO()
    print_gate(connection, decision, Console(file=stream, force_terminal=True, color_system="standard", width=100))
    assert f"\x1b[1;{colour}mGate {word}" in stream.getvalue()
    assert "✕" in stream.getvalue()
    raw = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_gate(connection, decision, Console(file=raw, width=100))
    raw.seek(0)
    text = raw.read()
    assert "x waterbird | water (scene) | new" in text
    assert f"Gate {word}" in text
