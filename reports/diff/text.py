"""A diff of two releases on a terminal: what was compared, a table of findings, each in words, a last line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from auditor.gate.releases import Change, FindingChange, ReleaseDiff
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
from reports.written.terminal import as_text, print_on

_COLOURS: dict[Change, str] = {
    "new": "bold red",
    "worse": "bold red",
    "unclear": "yellow",
    "fixed": "green",
    "better": "green",
    "unchanged": "dim",
}
#: Findings in the table, and findings with lines of their own.
_LISTED, _TOLD = 200, 60
_CHANGE_WIDTH = max(len(change) for change in CHANGE_SHAPES) + 2


def print_diff(diff: ReleaseDiff, console: Console) -> None:
    """Print the diff; colours only where ``console`` is a terminal, plain letters where it has no UTF-8."""
    print_on(console, partial(_drawn, diff))


def render_diff_text(diff: ReleaseDiff, *, width: int = 100) -> str:
    """The diff as plain text without colour codes, ``width`` (at least 76) characters a line."""
    return as_text(partial(_drawn, diff), width=width)


def _drawn(diff: ReleaseDiff, width: int) -> RenderableType:
    return Group(*_parts(diff, width))


def _parts(diff: ReleaseDiff, width: int) -> Iterator[RenderableType]:
    yield Text("old  ", style="dim").append(release_line(diff.old), style="none")
    yield Text("new  ", style="dim").append(release_line(diff.new), style="none")
    rules = rules_line(diff)
    if rules is not None:
        yield Text(rules, style="bold")
    yield Text(basis(diff))
    for said in warnings(diff):
        yield Text(f"Note: {said}", style="yellow")
    yield ""
    if diff.changes:
        yield _table(diff, width)
        yield ""
        yield from _told(diff)
    lines = class_lines(diff)
    if lines:
        yield from map(Text, lines)
        yield ""
    groups = [Text(line) for line in group_lines(diff)]
    if groups:
        yield from groups
        yield ""
    if diff.changes:
        yield Text(explanation(diff), style="dim")
        yield ""
    yield Text(count_line(diff), style="bold")


def _table(diff: ReleaseDiff, width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    listed = diff.told()[:_LISTED]
    gap_width = max(len("Gap"), *(len(gaps(one)) for one in listed))
    difference_width = max(len("Difference [95 %]"), *(len(difference(one)) for one in listed))
    # Numbers keep their width; class and concept share what is left.
    free = width - _CHANGE_WIDTH - gap_width - difference_width - 4 * 2
    names, concepts = [Text(class_name(one)) for one in listed], [Text(concept(one)) for one in listed]
    name_width = max(len("Class"), *(name.cell_len for name in names))
    concept_width = max(len("Concept"), *(text.cell_len for text in concepts))
    name_width = min(name_width, max(15, free - concept_width))
    table.add_column("Class", width=name_width, no_wrap=True, overflow="ellipsis")
    table.add_column("Concept", width=min(concept_width, free - name_width), no_wrap=True, overflow="ellipsis")
    table.add_column("Change", width=_CHANGE_WIDTH, no_wrap=True)
    table.add_column("Gap", width=gap_width, no_wrap=True, justify="right")
    table.add_column("Difference [95 %]", width=difference_width, no_wrap=True)
    for one, name, text in zip(listed, names, concepts, strict=True):
        table.add_row(name, text, _change(one), Text(gaps(one)), Text(difference(one)))
    return table


def _change(one: FindingChange) -> Text:
    return Text(f"{CHANGE_SHAPES[one.change]} {one.change}", style=_COLOURS[one.change])


def _told(diff: ReleaseDiff) -> Iterator[RenderableType]:
    """Every finding in words, but those that are as they were."""
    telling = [one for one in diff.told() if one.change != "unchanged" or one.note]
    for one in telling[:_TOLD]:
        heading = Text().append(f"{CHANGE_SHAPES[one.change]} ", style=_COLOURS[one.change])
        heading.append(f"{class_name(one)} · {concept(one)}", style="bold")
        heading.append(f" · {one.change}: {verdicts(one)}")
        yield Group(heading, Padding(Text(sentence(one)), (0, 0, 0, 2)))
        yield ""
    more = max(len(diff.told()) - _LISTED, len(telling) - _TOLD)
    if more > 0:
        yield Text(f"and {more:,} more: all are in --format json")
        yield ""
