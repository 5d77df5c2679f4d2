"""What narrows and orders a list of pictures: ranges of what the audit says of them, values of a column."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import streamlit as st

from auditor.figures import counted
from auditor.store.queries.audit import Connection
from auditor.store.queries.picture_lists import Column, GridPicture, Selection, columns, values_in
from reports.dashboard import markup
from reports.dashboard.address import ORDERS, range_of, span_of
from reports.dashboard.arranged import MEASURES
from reports.dashboard.audits import Identity, identity_of
from reports.dashboard.session import Session

#: Everything that this sets, as it is when nothing is set.
NOTHING: dict[str, object] = {
    "order": "list", "confidence": "", "presence": "", "share": "", "column": "", "values": (), "span": "",
}  # fmt: skip
#: Bars of a histogram; and values of a column from which on numbers are a range, and anything else is not offered.
_N_BINS, _MOST_VALUES = 20, 60
_WIDTH = 160
_ORDER_WORDS = {
    "list": "what decides first",
    "confidence": "surest first",
    "presence": "shows it most first",
    "share": "most of the words first",
    "path": "path",
}
_MEASURE_WORDS = {"confidence": "Confidence", "presence": "Shown", "share": "Of the words"}


def show_list_filters(session: Session, whole: Sequence[GridPicture], selection: Selection) -> None:
    """Draw them.

    Args:
        session: Whose place they set.
        whole: The list as its column leaves it, before ranges.
        selection: The list without its column.
    """
    place = session.place
    known = [name for name in MEASURES if any(getattr(one, name) is not None for one in whole)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="ranges"):
        for name in known:
            ends = range_of(getattr(place, name)) or (0, 100)
            values = [100 * value for one in whole if (value := getattr(one, name)) is not None]
            with st.container(width=_WIDTH, gap=None):
                _show_histogram(_MEASURE_WORDS[name], values, (0, 100), ends, " %")
                changed = session.follow(f"range-{name}", ends, _narrowed_by(name))
                st.slider(_MEASURE_WORDS[name], 0, 100, key=f"range-{name}", on_change=changed, format="%d %%")
        _show_column(session, selection)
        orders = [name for name in ORDERS if name not in MEASURES or name in known]
        order = place.order if place.order in orders else orders[0]
        changed = session.follow("order", order, lambda name: {"order": name})
        st.selectbox("Order", orders, key="order", on_change=changed, format_func=_ORDER_WORDS.__getitem__, width=180)


def _narrowed_by(name: str) -> Callable[[tuple[int, int]], dict[str, str]]:
    """From the ends of a range to the field of the place; all of it is no range."""
    return lambda ends: {name: "" if tuple(ends) == (0, 100) else f"{ends[0]}-{ends[1]}"}


def _show_column(session: Session, selection: Selection) -> None:
    """The choice of a column, and of what the pictures have in it."""
    offered = {
        one.name: one
        for one in _columns(str(session.audit_dir), identity_of(session.audit_dir), session.connection)
        if one.n_values <= _MOST_VALUES or _is_range(one)
    }
    if not offered:
        return
    place = session.place
    chosen = offered.get(place.column)
    changed = session.follow(
        "column",
        None if chosen is None else chosen.name,
        lambda name: {"column": name or "", "values": (), "span": ""},
    )
    st.selectbox(
        "Column",
        list(offered),
        key="column",
        on_change=changed,
        format_func=lambda name: markup.label(name.removeprefix("property:").replace("_", " "), 40),
        placeholder="any",
        width=140,
        help="a column of the manifest, or what was measured of the pictures",
    )
    if chosen is None:
        return
    counts = values_in(session.connection, selection, chosen.name)
    if _is_range(chosen):
        _show_span(session, chosen, counts)
    else:
        _show_values(session, counts)


def _is_range(column: Column) -> bool:
    return column.n_values > _MOST_VALUES and column.low is not None and math.isfinite(column.low + (column.high or 0))


def _show_values(session: Session, counts: Sequence[tuple[str, int]]) -> None:
    n_of = dict(counts)
    options = list(dict.fromkeys([*n_of, *session.place.values]))
    changed = session.follow("values", list(session.place.values), lambda kept: {"values": tuple(kept)})
    st.multiselect(
        "Values",
        options,
        key="values",
        on_change=changed,
        format_func=lambda value: f"{markup.label(value, 40) if value else 'no value'} ({n_of.get(value, 0):,})",
        placeholder="all values",
        width=190,
    )


def _show_span(session: Session, column: Column, counts: Sequence[tuple[str, int]]) -> None:
    low, high = column.low or 0.0, column.high or 0.0
    step = (high - low) / _N_BINS
    asked = span_of(session.place.span) or (low, high)
    ends = (min(max(asked[0], low), high), min(max(asked[1], low), high))
    numbers = [float(value) for value, n in counts if value for _ in range(n)]
    name = column.name.removeprefix("property:").replace("_", " ")

    def narrowed(kept: tuple[float, float]) -> dict[str, str]:
        # The slider's own sums miss the ends by a hair, and with them the pictures that lie there.
        begin, end = (low if kept[0] < low + step / 2 else kept[0]), (high if kept[1] > high - step / 2 else kept[1])
        return {"span": "" if (begin, end) == (low, high) else f"{begin!r}..{end!r}"}

    with st.container(width=_WIDTH, gap=None):
        _show_histogram(name, numbers, (low, high), ends)
        changed = session.follow("span", ends, narrowed)
        st.slider(markup.label(name, 40), low, high, key="span", on_change=changed, step=step, format="%.3g")


def _show_histogram(
    title: str, values: Sequence[float], ends: tuple[float, float], kept: tuple[float, float], unit: str = ""
) -> None:
    """How many pictures there are at each place of a range, of all of the list."""
    low, high = ends
    step = (high - low) / _N_BINS
    bins = [0] * _N_BINS
    for value in values:
        bins[min(_N_BINS - 1, max(0, int((value - low) / step)))] += 1
    most = max([1, *bins])
    inside = [kept[0] < low + step * (at + 1) and kept[1] > low + step * at for at in range(_N_BINS)]
    quarter = _N_BINS // 4
    told = "; ".join(
        f"{low + step * at:.3g} to {low + step * (at + quarter):.3g}{unit}: {sum(bins[at : at + quarter]):,}"
        for at in range(0, _N_BINS, quarter)
    )
    markup.draw(
        "histogram",
        bars=[(max(4, 100 * n / most) if n else 0, is_in) for n, is_in in zip(bins, inside, strict=True)],
        told=f"{title} of {counted(len(values), 'picture')}. {told}",
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _columns(folder: str, identity: Identity | None, _connection: Connection) -> list[Column]:
    """The columns of an audit; all but the connection is what the cache goes by."""
    return columns(_connection)
