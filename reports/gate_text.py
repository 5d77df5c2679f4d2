"""What the gate decided, on a terminal: what failed and why, the rest in short, and the outcome as the last line."""

from __future__ import annotations

from functools import partial

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from auditor.gate.decision import GateDecision, GateItem
from reports import queries
from reports.display import inert
from reports.gate_items import LEVEL_SHAPES, STATE_WORDS, counted_states, is_on, outcome, worst_first
from reports.terminal import as_text, print_on

_LEVEL_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_OUTCOME_STYLES = {0: "bold green", 1: "bold red", 2: "bold yellow"}
#: Longer names, reasons and sentences of an audit are cut.
_NAME_LIMIT, _REASON_LIMIT, _SENTENCE_LIMIT = 60, 1_000, 2_000
#: Notes that are listed; the rest is counted.
_LISTED_NOTES = 20
#: Of the digest of the data, which audit.json has in full.
_DIGITS = 12


def print_gate(connection: queries.Connection, decision: GateDecision, console: Console) -> None:
    """Print it; colours only where ``console`` is a terminal."""
    print_on(console, partial(_decision, connection, decision))


def render_gate_text(connection: queries.Connection, *, decision: GateDecision, width: int = 100) -> str:
    """It as plain text, ``width`` (at least 76) characters a line."""
    return as_text(partial(_decision, connection, decision), width=width)


def render_failed(connection: queries.Connection, *, decision: GateDecision, width: int = 100) -> str:
    """Only what failed and the outcome, as plain text."""
    return as_text(lambda _: Group(*_failed(connection, decision), _outcome(connection, decision)), width=width)


def _decision(connection: queries.Connection, decision: GateDecision, _: int) -> RenderableType:
    items = worst_first(decision)
    warnings, notes = ([item for item in items if item.level == level] for level in ("warning", "note"))
    parts = _failed(connection, decision)
    for item in warnings + notes[:_LISTED_NOTES]:
        parts += [_heading(item), _indented(item.reason, _REASON_LIMIT)]
    if len(notes) > _LISTED_NOTES:
        parts.append(Text(f"· and {counted_states(notes[_LISTED_NOTES:])}; all are in --format json", style="dim"))
    if warnings or notes:
        parts.append(Text(""))
    return Group(*parts, _outcome(connection, decision))


def _failed(connection: queries.Connection, decision: GateDecision) -> list[RenderableType]:
    """A paragraph for every error: what the gate says of it, then what the audit says of the class."""
    failed = [item for item in worst_first(decision) if item.level == "error"]
    by_name = {one.class_name: one for one in queries.verdicts(connection)}
    parts: list[RenderableType] = []
    for item in failed:
        parts += [_heading(item), _indented(item.reason, _REASON_LIMIT)]
        verdict = by_name.get(item.class_name)
        if verdict is not None and is_on(item, verdict):
            parts.append(_indented(verdict.sentence, _SENTENCE_LIMIT))
        parts.append(Text(""))
    return parts


def _heading(item: GateItem) -> Text:
    style = _LEVEL_STYLES[item.level]
    heading = Text.assemble((f"{LEVEL_SHAPES[item.level]} ", style), (inert(item.class_name, _NAME_LIMIT), "bold"))
    if item.concept is not None:
        kind = f" ({inert(item.concept_kind, _NAME_LIMIT).replace('_', ' ')})" if item.concept_kind else ""
        heading.append(f" · {inert(item.concept, _NAME_LIMIT)}{kind}")
    return heading.append(f" · {STATE_WORDS[item.state]}", style=style)


def _indented(text: str, limit: int) -> RenderableType:
    return Padding(Text(inert(text, limit)), (0, 0, 0, 2))


def _outcome(connection: queries.Connection, decision: GateDecision) -> Text:
    """What was decided on: the gate reads an audit alone, so that it says which, and of which data."""
    made = queries.run(connection)
    audited = f"audited {inert(made.created_at, _NAME_LIMIT)}, data {inert(made.data_digest[:_DIGITS])}\n"
    paths = (("policy", decision.policy_path), ("baseline", decision.baseline_path))
    used = [f"{name} {inert(path)}" for name, path in paths if path is not None]
    line = (
        Text().append(audited, style="dim").append(f"{', '.join(used) or 'default policy, no baseline'}\n", style="dim")
    )
    return line.append(inert(outcome(decision)), style=_OUTCOME_STYLES[decision.exit_code])
