"""The report on a terminal: a table of classes, what was found on each, and a last line that counts."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from auditor.records import Verdict
from reports import queries
from reports.display import VERDICT_SHAPES, VERDICT_WORDS, counted, percent, plain, points

_COLOURS = {"flagged": "bold red", "suspect": "yellow", "clean": "green", "not_analysed": "dim"}
#: Longer names are cut: the table must keep its columns, and a report on a terminal its lines.
_NAME_LIMIT, _SENTENCE_LIMIT = 40, 2_000
#: Columns that the table needs; a narrower terminal wraps its lines.
_NARROWEST = 76
_GAP_HEADER, _VERDICT_WIDTH = "Gap [95 %]", len("○ not analysed")
#: Clean classes that are named in their one line.
_NAMED_CLEAN = 12


def print_text(connection: queries.Connection, console: Console) -> None:
    """Print the report; colours only where ``console`` is a terminal, plain letters where it has no UTF-8."""
    if console.options.ascii_only:
        plain_text = render_text(connection, width=console.width).translate(_TO_ASCII)
        console.print(plain_text.encode("ascii", "replace").decode(), markup=False, highlight=False, soft_wrap=True)
        return
    width = max(console.width, _NARROWEST)
    console.print(_report(connection, width), highlight=False, width=width)


def render_text(connection: queries.Connection, *, width: int = 100) -> str:
    """The report as plain text without colour codes, ``width`` (at least 76) characters a line."""
    stream, width = io.StringIO(), max(width, _NARROWEST)
    console = Console(file=stream, width=width, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(_report(connection, width), highlight=False)
    lines = (line.rstrip() for line in stream.getvalue().splitlines())
    return "\n".join(lines).strip("\n")


_TO_ASCII = str.maketrans({"▲": "!", "◆": "?", "●": ".", "○": "-", "−": "-", "–": "-", "…": "~", "─": "-", "·": "|"})


def _report(connection: queries.Connection, width: int) -> RenderableType:
    verdicts = queries.verdicts(connection)
    parts: list[RenderableType] = []
    if verdicts:
        parts += [_table(verdicts, width), ""]
    for verdict in verdicts:
        if verdict.verdict != "clean":
            parts += [_paragraph(verdict), ""]
    clean = [verdict for verdict in verdicts if verdict.verdict == "clean"]
    if clean:
        parts += [_clean_line(clean), ""]
    notes = _notes(connection)
    if notes:
        parts += [*notes, ""]
    parts.append(Text(_count_line(queries.verdict_counts(connection)), style="bold"))
    return Group(*parts)


def _table(verdicts: Sequence[Verdict], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    names = [Text(plain(verdict.class_name, _NAME_LIMIT)) for verdict in verdicts]
    gaps = [Text(points(verdict.gap, verdict.gap_low, verdict.gap_high)) for verdict in verdicts]
    # Numbers keep their width; class and concept share what is left, the class giving way down to 15 columns first.
    gap_width = max(len(_GAP_HEADER), *(gap.cell_len for gap in gaps))
    free = width - _VERDICT_WIDTH - len("Share") - gap_width - 4 * 2
    longest = max(len("Leading concept"), *(Text(_concept(verdict, _NAME_LIMIT)).cell_len for verdict in verdicts))
    name_width = min(max(len("Class"), *(name.cell_len for name in names)), max(15, free - longest))
    concept_width = min(longest, free - name_width)
    table.add_column("Class", width=name_width, no_wrap=True, overflow="ellipsis")
    table.add_column("Verdict", width=_VERDICT_WIDTH, no_wrap=True)
    table.add_column("Leading concept", width=concept_width, no_wrap=True, overflow="ellipsis")
    table.add_column("Share", width=len("Share"), no_wrap=True, justify="right")
    table.add_column(_GAP_HEADER, width=gap_width, no_wrap=True)
    for verdict, name, gap in zip(verdicts, names, gaps, strict=True):
        concept = Text(_concept(verdict, concept_width))
        table.add_row(name, _verdict_word(verdict), concept, Text(percent(verdict.share)), gap)
    return table


def _verdict_word(verdict: Verdict) -> Text:
    return Text(f"{VERDICT_SHAPES[verdict.verdict]} {VERDICT_WORDS[verdict.verdict]}", style=_COLOURS[verdict.verdict])


def _concept(verdict: Verdict, limit: int) -> str:
    """Term and kind; where both do not fit, the term is cut."""
    if verdict.concept is None:
        return "–"
    kind = plain(verdict.concept_kind or "no kind").replace("_", " ")
    return f"{plain(verdict.concept, max(5, limit - len(kind) - 3))} ({kind})"


def _paragraph(verdict: Verdict) -> RenderableType:
    heading = Text().append(f"{VERDICT_SHAPES[verdict.verdict]} ", style=_COLOURS[verdict.verdict])
    heading.append(plain(verdict.class_name, _NAME_LIMIT), style="bold")
    if verdict.severity != "none":
        heading.append(f" · severity {verdict.severity}")
    heading.append(f" · {counted(verdict.n_images, 'picture')}", style="dim")
    return Group(heading, Padding(Text(plain(verdict.sentence, _SENTENCE_LIMIT)), (0, 0, 0, 2)))


def _clean_line(clean: Sequence[Verdict]) -> Text:
    """Clean classes fold into one line; what would have gone unseen is always said."""
    names = ", ".join(plain(verdict.class_name, _NAME_LIMIT) for verdict in clean[:_NAMED_CLEAN])
    more = f" and {len(clean) - _NAMED_CLEAN:,} more" if len(clean) > _NAMED_CLEAN else ""
    seen = sorted(verdict.detectable_effect for verdict in clean if verdict.detectable_effect is not None)
    line = Text().append("● ", style=_COLOURS["clean"])
    line.append(f"{names}{more}", style="bold")
    line.append(": clean.")
    if seen:
        low, high = points(seen[0]), points(seen[-1])
        reach = high if low == high else f"{low.removesuffix(' pts')} to {high}"
        line.append(f" Smallest effect that could have been seen: {reach}.")
    return line


def _notes(connection: queries.Connection) -> list[RenderableType]:
    notes: list[RenderableType] = [Text(f"Note: {plain(note)}") for note in queries.run(connection).notices]
    failed = queries.failure_counts(connection)
    if failed:
        total = sum(failed.values())
        stages = ", ".join(f"{plain(stage)} {number:,}" for stage, number in failed.items())
        all_pictures = counted(total + queries.picture_count(connection), "picture")
        notes.append(Text(f"{total:,} of {all_pictures} could not be used ({stages}); see the table 'failures'."))
    return notes


def _count_line(counts: queries.VerdictCounts) -> str:
    line = f"{counted(counts.analysed, 'class', 'classes')} analysed, {counts.flagged:,} flagged"
    if counts.suspect:
        line += f", {counts.suspect:,} suspect"
    if counts.not_analysed:
        line += f"; {counts.not_analysed:,} not analysed"
    return line
