"""The report on a terminal: a table of classes, what was found on each, and a last line that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePath

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from auditor.concept_records import Counterexample
from auditor.deployment import ExpectedLoss
from auditor.figures import UNKNOWN, counted, percent, rate, reach
from auditor.gate.decision import AUDIT_A_MODEL, GateDecision
from auditor.records import FOUND, ClassConcept, Verdict, VerdictName
from auditor.rules import shown_by_others
from auditor.store.queries import audit as queries
from auditor.store.queries.exposure import expected_losses
from auditor.store.queries.leads import Lead, leads
from reports.display import (
    LEGEND,
    VERDICT_SHAPES,
    VERDICT_WORDS,
    exposed_sentence,
    inert,
    missed_at_most,
    reason_line,
    recall_and_pull,
)
from reports.what_now import audit_folder, explain_command, what_now
from reports.written.calibration import READING, calibration_line
from reports.written.concept_lines import attribute_lines, core_lines, still_needed
from reports.written.data_alone import HEADER, NOTHING_JUDGED, data_rows
from reports.written.gate_text import print_gate, render_gate_text
from reports.written.lead_lines import lead_lines
from reports.written.terminal import as_text, print_on

_COLOURS: dict[VerdictName, str] = {
    "flagged": "bold red",
    "harmed": "red",
    "suspect": "yellow",
    "not_analysed": "dim",
    "not_shown": "cyan",
    "clean": "green",
}
#: Longer names are cut: the table must keep its columns, and a report on a terminal its lines.
_NAME_LIMIT, _SENTENCE_LIMIT = 40, 2_000
_VERDICT_WIDTH = len("○ not analysed")
_RECALL, _PULL = "Recall gap", "Pull"
#: Clean classes named in their one line; classes not analysed, and of which nothing was shown, with lines of their own.
_NAMED_CLEAN, _TOLD_NOT_ANALYSED, _TOLD_NOT_SHOWN = 12, 12, 12
_DIM = "dim"
#: Under the table, where brackets first stand.
_BRACKETS = "Recall gap and pull are in percentage points (pts); [ ] is a 95 % interval."


def print_text(connection: queries.Connection, console: Console, *, decision: GateDecision | None = None) -> None:
    """Print the report, or what the gate made of it; colours only on a terminal, plain letters without UTF-8."""
    if decision is not None:
        print_gate(connection, decision, console)
    else:
        print_on(console, partial(_report, connection))


def render_text(connection: queries.Connection, *, decision: GateDecision | None = None, width: int = 100) -> str:
    """The report, or what the gate made of it, as plain text; ``width`` (at least 76) characters a line."""
    if decision is not None:
        return render_gate_text(connection, decision=decision, width=width)
    return as_text(partial(_report, connection), width=width)


def _report(connection: queries.Connection, width: int) -> RenderableType:
    if queries.run(connection).data_alone:
        return _of_data(connection)
    verdicts = queries.verdicts(connection)
    parts: list[RenderableType] = [_subject(connection), *_accuracy(connection), ""]
    if verdicts:
        words = {row.class_idx: row for row in queries.class_concepts(connection, limit=1)}
        parts += [_table(verdicts, words, width), Text(_BRACKETS, style=_DIM), ""]
    found, folder, losses = leads(connection), audit_folder(connection), expected_losses(connection)
    run = queries.run(connection)
    breaking: dict[int, list[Counterexample]] = {}
    for row in queries.counterexamples(connection):
        breaking.setdefault(row.class_idx, []).append(row)
    told = [verdict for verdict in verdicts if verdict.verdict in FOUND]
    untold = [verdict for verdict in verdicts if verdict.verdict == "not_analysed"]
    for verdict in told + untold[:_TOLD_NOT_ANALYSED]:
        rows = breaking.get(verdict.class_idx, [])
        expected = losses.get(verdict.class_idx)
        lead = found.get(verdict.class_idx)
        parts += [_paragraph(verdict, lead, explain_command(verdict, lead, folder, run), rows, expected), ""]
    if len(untold) > _TOLD_NOT_ANALYSED:
        more = len(untold) - _TOLD_NOT_ANALYSED
        parts += [Text(f"○ {more:,} more not analysed: their reasons are in --format json."), ""]
    not_shown = [verdict for verdict in verdicts if verdict.verdict == "not_shown"]
    for verdict in not_shown[:_TOLD_NOT_SHOWN]:
        parts += [_paragraph(verdict, None, None, []), ""]
    if len(not_shown) > _TOLD_NOT_SHOWN:
        more = len(not_shown) - _TOLD_NOT_SHOWN
        parts += [
            Text(f"{VERDICT_SHAPES['not_shown']} {more:,} more not shown: they are in --format json."),
            "",
        ]
    clean = [verdict for verdict in verdicts if verdict.verdict == "clean"]
    if clean:
        parts += [_clean_line(clean), ""]
    notes = _notes(connection)
    if notes:
        parts += [*notes, ""]
    parts += [*(Text(line, style=_DIM) for line in LEGEND), ""] if verdicts else []
    parts.append(Text(_count_line(queries.verdict_counts(connection)), style="bold"))
    return Group(*parts)


def _of_data(connection: queries.Connection) -> RenderableType:
    """Without a model: what goes with each class in the data, and what only an audit of a model can say."""
    rows, notes = data_rows(connection), _notes(connection)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for header, cut in zip(HEADER, (True, True, False, False), strict=True):
        table.add_column(header, no_wrap=cut, overflow="ellipsis" if cut else "fold")
    for row in rows:
        name, concept = inert(row.verdict.class_name, _NAME_LIMIT), row.verdict.concept
        term = Text(_concept(concept, row.verdict.concept_kind, _NAME_LIMIT), style=_DIM if concept is None else "")
        table.add_row(Text(name), term, row.own, row.others)
    parts: list[RenderableType] = [_subject(connection), "", table, ""] if rows else [_subject(connection), ""]
    for row in rows[:_TOLD_NOT_ANALYSED]:
        heading = Text(inert(row.verdict.class_name, _NAME_LIMIT), style="bold")
        heading.append(f" · {counted(row.verdict.n_images, 'picture')}", style=_DIM)
        lines = [Text(inert(line, _SENTENCE_LIMIT)) for line in row.verdict.lines]
        parts += [Group(heading, *(Padding(line, (0, 0, 0, 2)) for line in lines)), ""]
    if len(rows) > _TOLD_NOT_ANALYSED:
        parts += [Text(f"{len(rows) - _TOLD_NOT_ANALYSED:,} more classes: their lines are in --format json."), ""]
    parts += [*notes, ""] if notes else []
    return Group(*parts, Text("→ ", style=_DIM).append(AUDIT_A_MODEL, style="none"), Text(NOTHING_JUDGED, style="bold"))


def _subject(connection: queries.Connection) -> Text:
    """What was audited, so that a report that was saved still says it."""
    run, pictures = queries.run(connection), counted(queries.picture_count(connection), "picture")
    data = inert("/".join(PurePath(run.data_path).parts[-2:]), _NAME_LIMIT)
    model, encoder = inert(run.model_spec, _NAME_LIMIT), inert(run.encoder_spec, _NAME_LIMIT)
    audited = pictures if run.data_alone else f"{model} on {pictures}"
    return Text(f"{audited} ({data}), words from the encoder {encoder}", style=_DIM)


def _accuracy(connection: queries.Connection) -> list[Text]:
    """How good the model is, which no verdict says: overall, and on its worst class; nothing without a model."""
    classes = queries.class_accuracies(connection)
    if not classes:
        return []
    n, n_correct, worst = sum(one.n for one in classes), sum(one.n_correct for one in classes), classes[0]
    overall = f"Accuracy {percent(n_correct / n, decimals=1)} of {counted(n, 'picture')}"
    name, of_worst = inert(worst.class_name, _NAME_LIMIT), rate(worst.n_correct / worst.n, worst.n)
    return [Text(f"{overall}; worst class {name}: {of_worst}")]


def _table(verdicts: Sequence[Verdict], words: Mapping[int, ClassConcept], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    rows = [(verdict, *_leading(verdict, words.get(verdict.class_idx))) for verdict in verdicts]
    names = [Text(inert(verdict.class_name, _NAME_LIMIT)) for verdict in verdicts]
    both = [recall_and_pull(verdict) for verdict in verdicts]
    # A column that no class has anything in would cost the names their width.
    gaps = {
        header: [Text(row[side]) for row in both]
        for side, header in enumerate((_RECALL, _PULL))
        if any(row[side] != UNKNOWN for row in both)
    }
    # Numbers keep their width; class and concept share what is left, the class giving way down to 15 columns first.
    widths = {header: max(len(header), *(gap.cell_len for gap in column)) for header, column in gaps.items()}
    free = width - _VERDICT_WIDTH - len("Share") - sum(widths.values()) - (3 + len(gaps)) * 2
    longest = max(Text(_concept(term, kind, _NAME_LIMIT)).cell_len for _, term, kind, _ in rows)
    longest = max(longest, len("Leading concept"))
    name_width = min(max(len("Class"), *(name.cell_len for name in names)), max(15, free - longest))
    concept_width = min(longest, free - name_width)
    table.add_column("Class", width=name_width, no_wrap=True, overflow="ellipsis")
    table.add_column("Verdict", width=_VERDICT_WIDTH, no_wrap=True)
    table.add_column("Leading concept", width=concept_width, no_wrap=True, overflow="ellipsis")
    table.add_column("Share", width=len("Share"), no_wrap=True, justify="right")
    for header, column_width in widths.items():
        table.add_column(header, width=column_width, no_wrap=True)
    for row, ((verdict, term, kind, share), name) in enumerate(zip(rows, names, strict=True)):
        style = _DIM if verdict.concept is None else ""
        concept = Text(_concept(term, kind, concept_width), style=style)
        cells = [column[row] for column in gaps.values()]
        table.add_row(name, _verdict_word(verdict), concept, Text(percent(share), style=style), *cells)
    return table


def _leading(verdict: Verdict, words: ClassConcept | None) -> tuple[str | None, str | None, float | None]:
    """Concept, kind and share to show: what the verdict names; where nothing was found what the words say most."""
    if verdict.concept is None and verdict.verdict in ("clean", "not_shown") and words is not None:
        return words.concept, words.concept_kind, words.share
    return verdict.concept, verdict.concept_kind, verdict.share


def _verdict_word(verdict: Verdict) -> Text:
    return Text(f"{VERDICT_SHAPES[verdict.verdict]} {VERDICT_WORDS[verdict.verdict]}", style=_COLOURS[verdict.verdict])


def _concept(term: str | None, kind: str | None, limit: int) -> str:
    """Term and kind; where both do not fit, the term is cut."""
    if term is None:
        return "–"
    shown = inert(kind or "no kind").replace("_", " ")
    return f"{inert(term, max(5, limit - len(shown) - 3))} ({shown})"


def _paragraph(
    verdict: Verdict,
    lead: Lead | None,
    command: str | None,
    breaking: Sequence[Counterexample],
    expected: ExpectedLoss | None = None,
) -> RenderableType:
    heading = Text().append(f"{VERDICT_SHAPES[verdict.verdict]} ", style=_COLOURS[verdict.verdict])
    heading.append(inert(verdict.class_name, _NAME_LIMIT), style="bold")
    if verdict.severity != "none":
        heading.append(f" · severity {verdict.severity}")
    heading.append(f" · {counted(verdict.n_images, 'picture')}", style=_DIM)
    lines = [Text(inert(line, _SENTENCE_LIMIT)) for line in verdict.lines]
    needed = still_needed(breaking, verdict.concept_id, by_pull=shown_by_others(verdict.rule_id))
    if needed is not None:
        lines.append(Text(needed))
    exposed = exposed_sentence(expected)
    if exposed is not None:
        lines.append(Text(inert(exposed)))
    reason = reason_line(verdict)
    if reason is not None:
        lines.append(Text(inert(reason), style=_DIM))
    advice = what_now(verdict, lead)
    if advice is not None:
        lines.append(Text("→ ", style=_DIM).append(inert(advice), style="none"))
    blocks: list[RenderableType] = [heading, *(Padding(line, (0, 0, 0, 2)) for line in lines)]
    if command is not None and inert(command) == command:
        # on one line, however long: a command that was broken into two cannot be pasted
        blocks.append(Text("  → ", style=_DIM, no_wrap=True, overflow="ignore").append(command, style="none"))
    return Group(*blocks)


def _clean_line(clean: Sequence[Verdict]) -> Text:
    """Clean classes fold into one line; what would have gone unseen is always said."""
    names = ", ".join(inert(verdict.class_name, _NAME_LIMIT) for verdict in clean[:_NAMED_CLEAN])
    more = f" and {len(clean) - _NAMED_CLEAN:,} more" if len(clean) > _NAMED_CLEAN else ""
    bound, seen = missed_at_most(clean), reach(verdict.detectable_effect for verdict in clean)
    line = Text().append("● ", style=_COLOURS["clean"])
    line.append(f"{names}{more}", style="bold")
    line.append(": clean.")
    if bound:
        line.append(f" {bound[0].upper()}{bound[1:]}.")
    elif seen:
        line.append(f" Smallest effect that could have been seen: {seen}.")
    return line


def _notes(connection: queries.Connection) -> list[RenderableType]:
    told = [*queries.run(connection).notices, *core_lines(connection), *attribute_lines(connection)]
    notes: list[RenderableType] = []
    for lead in lead_lines(connection):
        first, *lines = (Text(inert(line, _SENTENCE_LIMIT)) for line in lead)
        notes += [first, *(Padding(line, (0, 0, 0, 2)) for line in lines)]
    notes += [Text(f"Note: {inert(note)}") for note in told]
    calibrated = calibration_line(connection)
    if calibrated is not None:
        notes.append(Text(f"{calibrated} {READING}"))
    failed = queries.failure_counts(connection)
    if failed:
        total = sum(failed.values())
        stages = ", ".join(f"{inert(stage)} {number:,}" for stage, number in failed.items())
        all_pictures = counted(total + queries.picture_count(connection), "picture")
        notes.append(Text(f"{total:,} of {all_pictures} could not be used ({stages}); see the table 'failures'."))
    return notes


def _count_line(counts: queries.VerdictCounts) -> str:
    line = f"{counted(counts.analysed, 'class', 'classes')} analysed, {counts.flagged:,} flagged"
    for number, words in ((counts.harmed, "harmed"), (counts.suspect, "suspect"), (counts.not_shown, "not shown")):
        line += f", {number:,} {words}" if number else ""
    return f"{line}; {counts.not_analysed:,} not analysed" if counts.not_analysed else line
