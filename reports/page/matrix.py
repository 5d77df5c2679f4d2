"""The matrix of classes and concepts as it is drawn, in the dashboard and in the HTML report: colour is the gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from auditor.figures import counted, hundredths, points
from auditor.records import Verdict
from auditor.rules import MIN_ARM
from auditor.store.queries.audit import Connection
from auditor.store.queries.matrix import MatrixCell, MatrixColumn, matrix_cells, matrix_columns
from reports.display import VERDICT_SHAPES, plain
from reports.page.templates import environment

#: Columns that fit a wide screen with their numbers.
COLUMNS = 20
#: Classes and concepts in the HTML report; the dashboard shows all.
_PAGE_ROWS, _PAGE_COLUMNS = 40, 18
#: A gap of so many hundredths, either way, has the full colour; and the number of steps to it.
_FULL, _STEPS = 50, 5
#: Pictures of the smaller arm from which on a square is of size 2, 3, 4; below it is of size 1.
_SIZES = (25, 50, 100)
_WHY = {"too_few": f"fewer than {MIN_ARM} pictures with it or without it", "not_measurable": "cannot be measured"}


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A cell: its number, its classes of style, what it says in full, and the way to its pictures (None: no link)."""

    text: str
    style: str
    title: str
    url: str | None
    shape: str  # of the verdict, where it names this concept


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """A class with its cells, one for each column; None where nothing was counted."""

    verdict: Verdict
    cells: tuple[DrawnCell | None, ...]


@dataclass(frozen=True, slots=True)
class DrawnMatrix:
    """The part that is shown, and how much there is."""

    columns: tuple[MatrixColumn, ...]
    rows: tuple[DrawnRow, ...]
    n_columns: int
    n_rows: int


def drawn_matrix(
    connection: Connection,
    verdicts: Sequence[Verdict],
    *,
    most_rows: int,
    columns: int = COLUMNS,
    start: int = 0,
    words: bool = False,
    by: str | None = None,
    url: Callable[[Verdict, str], str] | None = None,
) -> DrawnMatrix:
    """A part of the matrix.

    Args:
        connection: an open audit.
        verdicts: the classes, in the order of the rows.
        most_rows: so many of them are shown.
        columns: so many concepts are shown.
        start: so many concepts are left out before.
        words: every word by itself; else a family stands for its words.
        by: id of the concept by whose gap the rows are sorted, the widest first and those without one last.
        url: of class and concept; None where cells lead nowhere.
    """
    heads = matrix_columns(connection, words=words, limit=columns, start=start)
    ids = [head.concept_id for head in heads]
    if by in ids:
        sizes = matrix_cells(connection, [verdict.class_idx for verdict in verdicts], [by])
        verdicts = sorted(verdicts, key=lambda verdict: _falling(sizes.get((verdict.class_idx, by))))
    shown = verdicts[:most_rows]
    cells = matrix_cells(connection, [verdict.class_idx for verdict in shown], ids)
    rows = []
    for verdict in shown:
        found = (cells.get((verdict.class_idx, concept_id)) for concept_id in ids)
        rows.append(
            DrawnRow(
                verdict,
                tuple(
                    None if cell is None else _drawn(cell, verdict, head, url)
                    for cell, head in zip(found, heads, strict=True)
                ),
            )
        )
    return DrawnMatrix(tuple(heads), tuple(rows), heads[0].total if heads else 0, len(verdicts))


def matrix_part(
    connection: Connection, verdicts: Sequence[Verdict], sections: Set[int], shared: Mapping[str, Any]
) -> str:
    """The part of the HTML report that holds the matrix; empty where no gap is known.

    Args:
        connection: an open audit.
        verdicts: all classes, worst first.
        sections: classes that have a section of their own in the page.
        shared: what all templates of the page are given.
    """
    matrix = drawn_matrix(connection, verdicts, most_rows=_PAGE_ROWS, columns=_PAGE_COLUMNS)
    if not matrix.columns:
        return ""
    anchors = shared["anchors"]
    urls = [f"#{anchors[one.verdict.class_idx]}" if one.verdict.class_idx in sections else "" for one in matrix.rows]
    return environment().get_template("matrix.html.j2").render(shared, matrix=matrix, row_urls=urls)


def told(cell: MatrixCell, class_name: str, concept: str) -> str:
    """What a cell says in full, with its counts."""
    arms = f"{counted(cell.n_with, 'picture')} with it, {cell.n_without:,} without it"
    said = points(cell.gap, cell.low, cell.high) if cell.gap is not None else _WHY.get(cell.status, "not measured")
    return f"{plain(class_name, 60)}, {plain(concept, 60)}: {said} ({arms})"


def _drawn(
    cell: MatrixCell, verdict: Verdict, head: MatrixColumn, url: Callable[[Verdict, str], str] | None
) -> DrawnCell:
    title = told(cell, verdict.class_name, head.concept)
    link = None if url is None else url(verdict, cell.concept_id)
    shape = VERDICT_SHAPES[verdict.verdict] if cell.leads else ""
    if cell.gap is None:
        return DrawnCell("", "few", title, link, shape)
    step = min(_STEPS, round(abs(100 * cell.gap) / _FULL * _STEPS))
    size = 1 + sum(min(cell.n_with, cell.n_without) >= least for least in _SIZES)
    tone = f"{'g' if cell.gap > 0 else 'l'}{step}"
    sure = " sure" if cell.is_sure else ""
    return DrawnCell(hundredths(cell.gap), f"{tone} s{size}{sure}", title, link, shape)


def _falling(cell: MatrixCell | None) -> tuple[bool, float]:
    if cell is None or cell.gap is None:
        return True, 0.0
    return False, -abs(cell.gap)
