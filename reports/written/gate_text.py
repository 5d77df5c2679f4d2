"""What the gate decided, on a terminal: what failed and why, the rest in short, and the outcome as the last line."""

from __future__ import annotations

from functools import partial

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from auditor.gate.decision import GateDecision, GateItem
from auditor.gate.decision_words import audited, basis, counted_states, failures, heading, outcome, reason, worst_first
from auditor.store.queries import audit as queries
from reports.display import inert
from reports.written.terminal import as_text, print_on

_LEVEL_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_OUTCOME_STYLES = {0: "bold green", 1: "bold red", 2: "bold yellow"}
#: Notes that are listed; the rest is counted.
_LISTED_NOTES, _LISTED_CORE = 20, 200


def print_gate(connection: queries.Connection, decision: GateDecision, console: Console) -> None:
    """Print it; colours only where ``console`` is a terminal."""
    print_on(console, partial(_decision, connection, decision))


def render_gate_text(connection: queries.Connection, *, decision: GateDecision, width: int = 100) -> str:
    """It as plain text, ``width`` (at least 76) characters a line."""
    return as_text(partial(_decision, connection, decision), width=width)


def _decision(connection: queries.Connection, decision: GateDecision, _: int) -> RenderableType:
    items = worst_first(decision)
    warnings, notes = ([item for item in items if item.level == level] for level in ("warning", "note"))
    parts = _failed(connection, decision)
    # what the settings allow comes first among the notes, and is listed whatever else there is
    n_core = sum(item.state == "core" for item in notes)
    listed = notes[: max(_LISTED_NOTES, min(n_core, _LISTED_CORE))]
    for item in warnings + listed:
        parts += [_heading(item), _indented(reason(item))]
    if len(notes) > len(listed):
        parts.append(Text(f"· and {counted_states(notes[len(listed) :])}; all are in --format json", style="dim"))
    if warnings or notes:
        parts.append(Text(""))
    return Group(*parts, _outcome(connection, decision))


def _failed(connection: queries.Connection, decision: GateDecision) -> list[RenderableType]:
    """A paragraph for every error."""
    parts: list[RenderableType] = []
    for item, told in failures(decision, queries.verdicts(connection)):
        parts += [_heading(item), *map(_indented, told), Text("")]
    return parts


def _heading(item: GateItem) -> Text:
    style = _LEVEL_STYLES[item.level]
    shape, name, concept, state = heading(item)
    return Text.assemble((shape, style), (name, "bold"), concept, (state, style))


def _indented(text: str) -> RenderableType:
    return Padding(Text(text), (0, 0, 0, 2))


def _outcome(connection: queries.Connection, decision: GateDecision) -> Text:
    run = queries.run(connection)
    line = Text().append(f"{audited(run.created_at, run.data_digest)}\n{basis(decision)}\n", style="dim")
    return line.append(inert(outcome(decision)), style=_OUTCOME_STYLES[decision.exit_code])
