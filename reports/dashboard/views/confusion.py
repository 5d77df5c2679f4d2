"""Confusion: which class's pictures are called which, and the pictures behind a cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from auditor.store.queries.matrix import called
from auditor.store.queries.picture_lists import Selection, ids_of, read_page
from reports.dashboard import markup
from reports.dashboard.grid import show_grid
from reports.dashboard.listed_pictures import class_idx_of
from reports.dashboard.session import Session

#: Classes of the table, and pairs of the list below it.
_MOST_CLASSES, _MOST_PAIRS = 20, 30
#: Steps of colour up to the whole row.
_STEPS = 5


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """Pictures of one class that are called one class, or (``url`` None) one that has no column."""

    n: int
    share: float
    style: str
    url: str | None


@dataclass(frozen=True, slots=True)
class ConfusionRow:
    """A class: what its pictures are called; ``elsewhere`` is what the columns leave out."""

    name: str
    n: int
    cells: tuple[ConfusionCell, ...]
    elsewhere: ConfusionCell


def most_confused(counts: Mapping[tuple[int, int], int], n_classes: int, limit: int) -> list[int]:
    """The classes that are in most mistakes, as label or as call, in the order of the classes.

    Args:
        counts: pictures by (label, call).
        n_classes: of the audit.
        limit: at most so many.
    """
    mistakes = [0] * n_classes
    for (label, call), n in counts.items():
        if label != call:
            mistakes[label] += n
            mistakes[call] += n
    return sorted(sorted(range(n_classes), key=lambda c: -mistakes[c])[:limit])


def show(session: Session) -> None:
    """Draw the view."""
    names, place = session.run.class_names, session.place
    counts = called(session.connection)
    markup.show('<h1>Confusion</h1><p class="question">Which class\'s pictures are called which?</p>')
    if not counts:
        markup.show('<p class="empty">No picture has both a label and a call of a model.</p>')
        return
    _show_pictures(session)
    words = place.find.casefold().split()
    changed = session.follow("find", place.find, lambda text: {"find": text.strip()})
    st.text_input("Class", key="find", on_change=changed, max_chars=200, width=260)
    wanted = [c for c, name in enumerate(names) if words and all(word in name.casefold() for word in words)]
    kept = {pair: n for pair, n in counts.items() if not words or pair[0] in wanted or pair[1] in wanted}
    shown = most_confused(kept, len(names), _MOST_CLASSES)
    if words:  # those that are looked for, and what they are taken for
        shown = [c for c in shown if any(c in pair for pair in kept)]
    pairs = sorted(((n, *pair) for pair, n in kept.items() if pair[0] != pair[1]), key=lambda one: (-one[0], one))
    totals: Counter[int] = Counter()
    for (label, _), n in counts.items():
        totals[label] += n
    markup.draw(
        "confusion",
        columns=[names[c] for c in shown],
        rows=[_row(session, counts, c, totals[c], shown) for c in shown],
        n_classes=len(names),
        n_wrong=sum(n for pair, n in counts.items() if pair[0] != pair[1]),
        n_all=sum(counts.values()),
        pairs=[
            (names[label], names[call], n, n / totals[label], _url(session, label, call))
            for n, label, call in pairs[:_MOST_PAIRS]
        ],
        n_more=len(pairs[_MOST_PAIRS:]),
        n_in_more=sum(n for n, _, _ in pairs[_MOST_PAIRS:]),
    )


def _row(
    session: Session, counts: Mapping[tuple[int, int], int], label: int, total: int, columns: Sequence[int]
) -> ConfusionRow:
    cells = tuple(
        _cell(counts.get((label, call), 0), total, label == call, _url(session, label, call)) for call in columns
    )
    elsewhere = total - sum(cell.n for cell in cells)
    return ConfusionRow(session.run.class_names[label], total, cells, _cell(elsewhere, total, False, None))


def _cell(n: int, total: int, right: bool, url: str | None) -> ConfusionCell:
    share = n / total if total else 0.0
    step = min(_STEPS, -(-int(100 * share) * _STEPS // 100)) if n else 0
    return ConfusionCell(n, share, f"{'l' if right else 'g'}{step}" if n else "none", url if n else None)


def _url(session: Session, label: int, call: int) -> str:
    names = session.run.class_names
    return session.url(class_name=names[label], called=names[call], among="confused", concept=None)


def _show_pictures(session: Session) -> None:
    """The pictures of the cell that the place names, if it names one."""
    place, names = session.place, session.run.class_names
    label = class_idx_of(place, names)
    if place.among != "confused" or label is None or place.called not in names:
        return
    selection = Selection("confused", label, called_idx=names.index(place.called))
    page = read_page(session.connection, selection, place.page)
    markup.draw(
        "confusion_cell",
        label=place.class_name,
        called=place.called,
        n=page.total,
        class_url=session.url(view="class", among="mistakes", called=None),
        close_url=session.url(class_name=None, called=None, among=None),
    )
    show_grid(
        session,
        page.pictures,
        total=page.total,
        key="confused",
        among="confused",
        whole=lambda: ids_of(session.connection, selection),
    )
