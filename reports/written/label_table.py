"""The audits of the labels of one multi-label classifier in one table: both classes of each label, and its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from auditor.figures import UNKNOWN, counted, rate
from auditor.records import Verdict
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.display import VERDICT_SHAPES, VERDICT_WORDS, inert
from reports.written.terminal import as_text, print_on

_NAME_LIMIT, _CONCEPT_LIMIT = 28, 24


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A class of a label's audit: its verdict, and how many of its pictures are called it."""

    label: str
    verdict: Verdict
    accuracy: queries.ClassAccuracy | None


def label_rows(folders: Mapping[str, Path]) -> list[LabelRow]:
    """The classes of finished audits, a label's own before that of the pictures without it."""
    rows: list[LabelRow] = []
    for label, folder in folders.items():
        with open_audit_database(folder) as connection:
            accuracies = {one.class_name: one for one in queries.class_accuracies(connection)}
            verdicts = sorted(queries.verdicts(connection), key=lambda verdict: -verdict.class_idx)
        rows += [LabelRow(label, verdict, accuracies.get(verdict.class_name)) for verdict in verdicts]
    return rows


def print_labels(rows: Sequence[LabelRow], left_out: Mapping[str, str], console: Console) -> None:
    """Print the table; colours only on a terminal, plain letters without UTF-8."""
    print_on(console, partial(_drawn, rows, left_out))


def labels_text(rows: Sequence[LabelRow], left_out: Mapping[str, str], *, width: int = 100) -> str:
    """The table as plain text."""
    return as_text(partial(_drawn, rows, left_out), width=width)


def _drawn(rows: Sequence[LabelRow], left_out: Mapping[str, str], width: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("Class", no_wrap=True, overflow="ellipsis")
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Leading concept", no_wrap=True, overflow="ellipsis")
    table.add_column("Called so", no_wrap=True)
    for row in rows:
        verdict, seen = row.verdict, row.accuracy
        table.add_row(
            Text(inert(verdict.class_name, _NAME_LIMIT)),
            Text(f"{VERDICT_SHAPES[verdict.verdict]} {VERDICT_WORDS[verdict.verdict]}"),
            Text(inert(verdict.concept, _CONCEPT_LIMIT) if verdict.concept else UNKNOWN),
            Text(rate(seen.n_correct / seen.n, seen.n) if seen and seen.n else UNKNOWN),
        )
    labels = {row.label for row in rows}
    found = {row.label for row in rows if row.verdict.verdict == "flagged"}
    told = [Text(f"{counted(len(labels), 'label')} audited, {len(found):,} with a class that relies on a concept.")]
    told += [Text(f"Left out: {inert(reason, 400)}.") for reason in left_out.values()]
    return Group(table, "", *told)
