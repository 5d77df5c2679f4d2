"""The report as annotations of GitHub Actions: ``::error file=…,line=…,title=…::…``, a line each.

GitHub shows ten of each level a step and drops the rest without a word; so the tenth counts what is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.figures import counted
from auditor.gate.decision import GateDecision, Level
from auditor.gate.decision_words import STATE_WORDS, outcome, reason_and_sentence, subject, worst_first
from auditor.store.queries import audit as queries
from reports.display import VERDICT_LEVELS, VERDICT_WORDS, inert, plain, told_counts
from reports.what_now import report_command
from reports.written.anchors import Anchor, Anchors
from reports.written.concept_lines import core_lines

#: Annotations of a level that GitHub shows of a step.
_MOST_OF_A_LEVEL = 10
_NAME_LIMIT, _MESSAGE_LIMIT = 100, 2_000
_COMMANDS: dict[Level, str] = {"error": "error", "warning": "warning", "note": "notice"}


@dataclass(frozen=True, slots=True)
class _Annotation:
    level: Level
    title: str
    message: str
    anchor: Anchor | None


def render_github(connection: queries.Connection, *, decision: GateDecision | None = None) -> str:
    """Annotations by level, the worst first, and a last line in plain words."""
    run, verdicts = queries.run(connection), queries.verdicts(connection)
    anchors = Anchors(run, decision, (verdict.class_name for verdict in verdicts))
    if decision is None:
        core = [_Annotation("note", "allowed by the settings", line, None) for line in core_lines(connection)]
        counts = queries.verdict_counts(connection)
        analysed = counted(counts.analysed, "class", "classes")
        named = [f"{number:,} {VERDICT_WORDS[name]}" for name, number in told_counts(counts) if name != "clean"]
        last = f"{analysed} analysed, {', '.join(named)}"
        annotations = [
            _Annotation(
                VERDICT_LEVELS[verdict.verdict],
                f"{plain(verdict.class_name, _NAME_LIMIT)}: {VERDICT_WORDS[verdict.verdict]}",
                plain(verdict.sentence, _MESSAGE_LIMIT),
                anchors.of_class(verdict.class_name),
            )
            for verdict in verdicts
            if verdict.verdict != "clean"
        ] + core
    else:
        last = outcome(decision)
        by_name = {verdict.class_name: verdict for verdict in verdicts}
        annotations = [
            _Annotation(
                item.level,
                f"{subject(item, _NAME_LIMIT)}: {STATE_WORDS[item.state]}",
                plain(reason_and_sentence(item, by_name.get(item.class_name)), _MESSAGE_LIMIT),
                anchors.of_item(item),
            )
            for item in worst_first(decision)
        ]
        if decision.exit_code and not any(annotation.level == "error" for annotation in annotations):
            annotations.insert(0, _Annotation("error", "auditor gate", plain(decision.summary, _MESSAGE_LIMIT), None))
    return "\n".join([*_lines(annotations, report_command(connection, decision)), inert(last)])


def _lines(annotations: Sequence[_Annotation], all_of_them: str) -> Iterable[str]:
    totals, written = Counter(annotation.level for annotation in annotations), Counter[Level]()
    for annotation in annotations:
        level = annotation.level
        written[level] += 1
        if totals[level] <= _MOST_OF_A_LEVEL or written[level] < _MOST_OF_A_LEVEL:
            yield _line(annotation)
        elif written[level] == _MOST_OF_A_LEVEL:
            rest = totals[level] - written[level] + 1
            message = f"and {rest:,} more that GitHub would not show; `{all_of_them}` lists all"
            yield _line(_Annotation(level, "auditor", message, None))


def _line(annotation: _Annotation) -> str:
    properties = {"title": annotation.title}
    if annotation.anchor is not None and annotation.anchor.line is not None:
        properties = {"file": annotation.anchor.path, "line": str(annotation.anchor.line), **properties}
    written = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[annotation.level]} {written}::{_escape(annotation.message)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
