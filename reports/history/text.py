"""A history of releases on a terminal: the releases, then every finding with a row for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from auditor.gate.release_history import HistoryLine, ReleaseHistory, points_by_data
from reports.history.words import (
    EXPLANATION,
    change,
    count_line,
    data_line,
    differs_line,
    gap,
    heading,
    number,
    standing,
    step_line,
)
from reports.written.terminal import as_text, print_on

#: Findings that are told.
_TOLD = 60


def print_history(history: ReleaseHistory, console: Console) -> None:
    """Print the history; colours only where ``console`` is a terminal, plain letters where it has no UTF-8."""
    print_on(console, partial(_drawn, history))


def render_history_text(history: ReleaseHistory, *, width: int = 100) -> str:
    """The history as plain text without colour codes, ``width`` (at least 76) characters a line."""
    return as_text(partial(_drawn, history), width=width)


def _drawn(history: ReleaseHistory, width: int) -> RenderableType:
    return Group(*_parts(history))


def _parts(history: ReleaseHistory) -> Iterator[RenderableType]:
    for position, step in enumerate(history.steps):
        yield Text(f"{number(position)}  ", style="dim").append(step_line(step), style="none")
        differs = differs_line(history, position)
        if differs is not None:
            yield Padding(Text(differs, style="yellow"), (0, 0, 0, 4))
    yield ""
    for line in history.lines[:_TOLD]:
        yield Text(heading(line), style="bold")
        groups = points_by_data(history, line)
        for positions in groups:
            if len(groups) > 1:
                yield Text(data_line(history, positions), style="dim")
            yield _rows(history, line, positions)
        yield ""
    if len(history.lines) > _TOLD:
        yield Text(f"and {len(history.lines) - _TOLD:,} more findings: all are in --format json")
        yield ""
    if history.lines:
        yield Text(EXPLANATION, style="dim")
        yield ""
    yield Text(count_line(history), style="bold")


def _rows(history: ReleaseHistory, line: HistoryLine, positions: Sequence[int]) -> Table:
    table = Table(box=box.SIMPLE, show_header=False, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(min_width=4)
    for _ in range(3):
        table.add_column(overflow="fold")
    for position in positions:
        point = line.points[position]
        cells = number(position), standing(point), gap(point), change(history, position, point)
        table.add_row(*(Text(cell) for cell in cells))
    return table
