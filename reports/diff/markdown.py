"""A diff of two releases as Markdown, for a pull request or ``$GITHUB_STEP_SUMMARY``."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.gate.releases import ReleaseDiff
from reports.diff.words import (
    CHANGE_SHAPES,
    basis,
    class_lines,
    class_name,
    concept,
    count_line,
    difference,
    explanation,
    gaps,
    group_lines,
    release_line,
    rules_line,
    sentence,
    verdicts,
    warnings,
)
from reports.written.markdown import escape

#: Rows of the table, and findings in words: far below the 1 MiB that a step summary takes.
_LISTED, _TOLD = 500, 100


def render_diff_markdown(diff: ReleaseDiff) -> str:
    """The diff as GitHub-flavoured Markdown; no name can become markup, a link or HTML."""
    return "\n".join(_lines(diff)).rstrip("\n")


def _lines(diff: ReleaseDiff) -> Iterator[str]:
    yield f"## Release diff: {escape(count_line(diff))}"
    yield ""
    yield f"- old: {escape(release_line(diff.old))}"
    yield f"- new: {escape(release_line(diff.new))}"
    rules = rules_line(diff)
    if rules is not None:
        yield f"- **{escape(rules)}**"
    yield f"- {escape(basis(diff))}"
    for said in warnings(diff):
        yield f"- **Note:** {escape(said)}"
    yield ""
    if diff.changes:
        yield "| Class | Concept | Change | Verdict | Gap | Difference [95 %] |"
        yield "|---|---|---|---|---:|---|"
        told = diff.told()
        for one in told[:_LISTED]:
            shown = f"{CHANGE_SHAPES[one.change]} {one.change}"
            cells = class_name(one), concept(one), shown, verdicts(one), gaps(one), difference(one)
            yield f"| {' | '.join(map(escape, cells))} |"
        if len(told) > _LISTED:
            yield ""
            yield f"{len(told) - _LISTED:,} more findings are in `--format json`."
        yield ""
        yield from _told(diff)
    for line in class_lines(diff):
        yield f"- {escape(line)}"
    for line in group_lines(diff):
        yield f"- {escape(line)}" if not line.startswith("  ") else f"  - {escape(line.strip())}"
    if diff.changes:
        yield ""
        yield f"<sub>{escape(explanation(diff))}</sub>"


def _told(diff: ReleaseDiff) -> Iterator[str]:
    telling = [one for one in diff.told() if one.change != "unchanged" or one.note]
    for one in telling[:_TOLD]:
        yield f"- **{escape(class_name(one))} · {escape(concept(one))}**: {escape(sentence(one))}"
    if telling:
        yield ""
