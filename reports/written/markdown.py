"""The report as Markdown, made for ``$GITHUB_STEP_SUMMARY``: what it says, what to do, then the rest in short.

Names are made harmless twice: :func:`escape` for running text, :func:`code` for what the reader may want to copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from auditor.figures import counted, percent, reach
from auditor.gate.decision import AUDIT_A_MODEL, GateDecision
from auditor.gate.decision_words import LEVEL_SHAPES, STATE_WORDS, counted_states, worst_first
from auditor.records import Verdict
from auditor.store.queries import audit as queries
from auditor.store.queries.leads import Lead, leads
from reports.display import (
    BRACKETS,
    LEGEND,
    VERDICT_SHAPES,
    VERDICT_WORDS,
    missed_at_most,
    plain,
    recall_and_pull,
    told_counts,
)
from reports.what_now import audit_folder, explain_command, report_command, what_now
from reports.written.calibration import READING, calibration_line
from reports.written.concept_lines import core_lines
from reports.written.data_alone import HEADER, NOTHING_JUDGED, DataRow, data_rows
from reports.written.lead_lines import lead_lines

#: GitHub drops a summary that is larger.
MAX_BYTES = 1024 * 1024
_NAME_LIMIT, _SENTENCE_LIMIT = 80, 2_000
#: What goes on for longer is counted.
_TOLD_ITEMS, _TOLD_CLASSES, _NAMED_CLEAN = 200, 200, 1_000
_RULE = "| --- | --- | --- | ---: | --- | --- |"
_OUTCOMES = {0: "✅", 1: "❌", 2: "⚠️"}


def render_markdown(connection: queries.Connection, *, decision: GateDecision | None = None) -> str:
    """The report, cut at a whole line to what GitHub takes, with a note on what was cut."""
    return _cut("\n".join(_lines(connection, decision)), MAX_BYTES, report_command(connection, decision, "markdown"))


def escape(text: str, limit: int | None = None) -> str:
    """One line of text that no Markdown reader takes for anything but text, in a paragraph, list or table."""
    shown = re.sub(r"[\\`*_{}\[\]<>|~#$&]", r"\\\g<0>", plain(text, limit))
    shown = re.sub(r"(?i)(www)(\.)|(:)(?=//)", lambda found: found[0].replace(".", r"\.").replace(":", r"\:"), shown)
    # No one is to be told of a finding because a class has their name, and no address becomes a link.
    shown = shown.replace("@", "@\u200b")
    shown = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", re.sub(r"^[-+=!]", r"\\\g<0>", shown))
    return shown or "–"


def code(text: str, limit: int | None = None) -> str:
    """Text as code, to be copied; not for a table, whose bars would cut it."""
    shown = plain(text, limit)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown[:1] in ("`", " ", "") or shown[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _lines(connection: queries.Connection, decision: GateDecision | None) -> Iterator[str]:
    run, verdicts = queries.run(connection), queries.verdicts(connection)
    counts, pictures = queries.verdict_counts(connection), queries.picture_count(connection)
    if decision is None and run.data_alone:
        yield f"## auditor: what goes with {counted(len(verdicts), 'class', 'classes')} in the data"
    elif decision is None:
        yield f"## auditor: {counts.flagged:,} of {counted(counts.analysed, 'class', 'classes')} flagged"
    else:
        yield f"## {_OUTCOMES[decision.exit_code]} auditor gate {escape(decision.summary, _SENTENCE_LIMIT)}"
    yield ""
    if run.data_alone:
        yield f"{NOTHING_JUDGED} {counted(pictures, 'picture')}."
    else:
        by_verdict = [f"{number:,} {VERDICT_WORDS[name]}" for name, number in told_counts(counts)]
        yield f"{' · '.join(by_verdict)} · {counted(pictures, 'picture')} · model {code(run.model_spec, _NAME_LIMIT)}"
    yield ""
    if decision is not None and decision.items:
        yield from _gate(decision, report_command(connection, decision))
    told = [verdict for verdict in verdicts if verdict.verdict != "clean"]
    if told:
        if decision is not None:
            yield from ("**What the audit found**", "")
        yield from _data_table(data_rows(connection)) if run.data_alone else _table(told)
        found, folder = leads(connection), audit_folder(connection)
        for verdict in told[:_TOLD_CLASSES]:
            lead = found.get(verdict.class_idx)
            command = explain_command(verdict, lead, folder, run)
            yield from _section(verdict, lead, command, data_alone=run.data_alone)
        if len(told) > _TOLD_CLASSES:
            more = len(told) - _TOLD_CLASSES
            yield f"{more:,} more classes are in the table above and in {code(report_command(connection, decision))}."
            yield ""
    yield from _clean([verdict for verdict in verdicts if verdict.verdict == "clean"])
    yield from _notes(connection, [*run.notices, *core_lines(connection), *map(" ".join, lead_lines(connection))])
    if run.data_alone:
        yield f"**What now:** {AUDIT_A_MODEL}"
        yield ""
    elif told:
        yield "<sub>" + "  \n".join((*LEGEND, BRACKETS)) + "</sub>"
        yield ""
    version, data = run.versions.get("auditor", ""), "/".join(PurePath(run.data_path).parts[-2:])
    facts = [f"auditor {escape(version, _NAME_LIMIT)}", f"data {code(data, _NAME_LIMIT)}"]
    facts += [f"encoder {code(run.encoder_spec, _NAME_LIMIT)}", escape(run.created_at, _NAME_LIMIT)]
    yield " · ".join(facts)


def _gate(decision: GateDecision, all_of_them: str) -> Iterator[str]:
    items = worst_first(decision)
    yield "| | Class | Concept | Gate | Why |"
    yield "| --- | --- | --- | --- | --- |"
    for item in items[:_TOLD_ITEMS]:
        concept = "–" if item.concept is None else escape(item.concept, _NAME_LIMIT)
        name, why = escape(item.class_name, _NAME_LIMIT), escape(item.reason, _SENTENCE_LIMIT)
        yield f"| {LEVEL_SHAPES[item.level]} | **{name}** | {concept} | {STATE_WORDS[item.state]} | {why} |"
    yield ""
    if len(items) > _TOLD_ITEMS:
        yield f"and {counted_states(items[_TOLD_ITEMS:])}; all are in {code(all_of_them)}"
        yield ""


def _table(told: Sequence[Verdict]) -> Iterator[str]:
    yield "| Class | Verdict | Leading concept | Share | Recall gap, pts [95 %] | Pull, pts [95 %] |"
    yield _RULE
    for verdict in told:
        word = f"{VERDICT_SHAPES[verdict.verdict]} {VERDICT_WORDS[verdict.verdict]}"
        gaps = " | ".join(recall_and_pull(verdict))
        name = escape(verdict.class_name, _NAME_LIMIT)
        yield f"| **{name}** | {word} | {_concept(verdict)} | {percent(verdict.share)} | {gaps} |"
    yield ""


def _data_table(rows: Sequence[DataRow]) -> Iterator[str]:
    yield f"| {' | '.join(HEADER)} |"
    yield "| --- | --- | --- | --- |"
    for row in rows:
        cells = (f"**{escape(row.verdict.class_name, _NAME_LIMIT)}**", _concept(row.verdict), row.own, row.others)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _concept(verdict: Verdict) -> str:
    if verdict.concept is None:
        return "–"
    kind = (verdict.concept_kind or "no kind").replace("_", " ")
    return f"{escape(verdict.concept, _NAME_LIMIT)} ({escape(kind, _NAME_LIMIT)})"


def _section(verdict: Verdict, lead: Lead | None, command: str | None, *, data_alone: bool) -> Iterator[str]:
    severity = f" · severity {verdict.severity}" if verdict.severity != "none" else ""
    shape = "" if data_alone else f"{VERDICT_SHAPES[verdict.verdict]} "
    yield f"### {shape}{escape(verdict.class_name, _NAME_LIMIT)}{severity}"
    yield ""
    claim, *lines = verdict.lines
    yield escape(claim, _SENTENCE_LIMIT)
    yield ""
    yield from (f"- {escape(line, _SENTENCE_LIMIT)}" for line in lines)
    advice = what_now(verdict, lead)
    if advice is not None and not data_alone:
        yield f"- **What now:** {escape(advice)}"
    if command is not None:
        yield f"- **Look:** {code(command)}"
    yield ""


def _clean(clean: Sequence[Verdict]) -> Iterator[str]:
    """Clean classes folded away; what would have gone unseen is always said."""
    if not clean:
        return
    seen = reach(verdict.detectable_effect for verdict in clean)
    told = missed_at_most(clean) or (f"smallest effect that could have been seen: {seen}" if seen else "")
    said = f" ({told})" if told else ""
    yield f"<details><summary>● {counted(len(clean), 'clean class', 'clean classes')}{said}</summary>"
    yield ""
    names = ", ".join(escape(verdict.class_name, _NAME_LIMIT) for verdict in clean[:_NAMED_CLEAN])
    more = f" and {len(clean) - _NAMED_CLEAN:,} more" if len(clean) > _NAMED_CLEAN else ""
    yield f"{names}{more}"
    yield ""
    yield "</details>"
    yield ""


def _notes(connection: queries.Connection, notices: Sequence[str]) -> Iterator[str]:
    for notice in notices:
        yield f"> **Note:** {escape(notice, _SENTENCE_LIMIT)}"
        yield ""
    calibrated = calibration_line(connection)
    if calibrated is not None:
        yield f"> {escape(calibrated)} {escape(READING)}"
        yield ""
    failed = queries.failure_counts(connection)
    if failed:
        stages = ", ".join(f"{escape(stage, _NAME_LIMIT)} {number:,}" for stage, number in failed.items())
        yield f"> {counted(sum(failed.values()), 'picture')} could not be used ({stages})."
        yield ""


def _cut(text: str, limit: int, command: str) -> str:
    """The text, or as many whole lines of it as fit with a note below them."""
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) < limit:
        return text
    note = f"\n\n**Cut here: a summary holds 1 MiB.** The whole report: {code(command)}."
    closing = "\n\n</details>"
    room = limit - len(note) - len(closing) - 1
    kept = encoded[: encoded.rindex(b"\n", 0, room)].decode("utf-8")
    inside = kept.count("<details>") > kept.count("</details>")
    return kept + (closing if inside else "") + note
