"""Charts of the HTML report as SVG: altair draws them, CSS variables of the page colour them, light and dark alike.

Each is drawn for a column of 340 px, so that it reads on a telephone as well: a line of words over every mark, with the
number at its end, and no legend.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup

from reports.page.chart_rows import DosePoint, Estimate, ShareBar, Tone

WIDTH = 340
#: Room of one row: a line of words, and the mark below it.
_STEP = 42
_MARK_BELOW = 10
_CURVE_HEIGHT = 170
#: Size of the words over a mark; and how wide a letter of words and of bold figures is at most, in ems.
_FONT, _LETTER, _BOLD = 13, 0.53, 0.56
#: Room right of a curve for the name of each line, which would lie on a falling one.
_NAMES = 52
#: The page's colours by name. Charts carry stand-ins that no drawing would choose, replaced in the finished SVG.
_STAND_INS = {name: f"#0a0b{number:02x}" for number, name in enumerate(("ink", "grey", "rule", "accent", "core"))}
#: What a chart says to screen readers is its own label; Vega's marks would be read out one by one.
_NOISE = re.compile(r' (?:class|role|aria-[a-z]+|font-family|pointer-events|opacity)="[^"]*"')

_TONES: tuple[Tone, ...] = ("ink", "grey", "accent", "core")


def forest_plot(rows: Sequence[Estimate], description: str) -> Markup:
    """Effects with their 95 % intervals on one axis of points and per cents that holds zero and a hundred."""
    lowest = min([0.0, *(row.low for row in rows if row.low is not None)])
    return _svg(_forest_spec(max(-100, int(lowest // 10 * 10))), rows, description)


def share_bars(rows: Sequence[ShareBar], description: str) -> Markup:
    """Shares as bars from zero to a hundred."""
    return _svg(_bars_spec(), rows, description)


def dose_curve(points: Sequence[DosePoint], of: str, description: str) -> Markup:
    """Shares from zero to a hundred over the levels of the property ``of``, one line for each sort of pictures."""
    return _svg(_curve_spec(of), points, description)


def dose_curve_in(points: Sequence[DosePoint], of: str, colours: Mapping[str, str]) -> dict[str, Any]:
    """The same as a Vega-Lite chart in colours by name (those of a page), for a canvas, which has no page's."""
    text = json.dumps(_curve_spec(of))
    for name, colour in colours.items():
        text = text.replace(_STAND_INS[name], colour)
    spec: dict[str, Any] = json.loads(text)
    padding = dict.fromkeys(("left", "right", "top", "bottom"), 5)  # Streamlit writes into it, and cannot into a number
    return {**spec, "padding": padding, "datasets": {"rows": [asdict(point) for point in points]}}


def _colour() -> alt.Color:
    scale = alt.Scale(domain=list(_TONES), range=[_STAND_INS[tone] for tone in _TONES])
    return alt.Color("tone:N", scale=scale, legend=None)


def _base() -> alt.Chart:
    rows = alt.Y("row:O", axis=None, sort="ascending", scale=alt.Scale(paddingInner=0, paddingOuter=0))
    return alt.Chart(alt.NamedData("rows")).encode(y=rows)


def _lines() -> list[alt.Chart]:
    """What stands over every mark: the words, and the number at the end."""
    above: dict[str, Any] = {"dy": -_MARK_BELOW, "baseline": "middle", "fontSize": _FONT, "color": _STAND_INS["ink"]}
    as_large = alt.Size("label_size:Q", scale=None, legend=None)
    words = _base().mark_text(align="left", dx=4, **above).encode(x=alt.value(0), text="label:N", size=as_large)
    number = _base().mark_text(align="right", fontWeight=600, **above).encode(x=alt.value(WIDTH), text="text:N")
    return [words, number]


@functools.cache
def _forest_spec(start: int) -> dict[str, Any]:
    axis = alt.Axis(
        values=[tick for tick in (-100, -50, 0, 25, 50, 75, 100) if tick >= start],
        title=None,
        grid=True,
        gridColor=_STAND_INS["rule"],
        domain=False,
        ticks=False,
        labelColor=_STAND_INS["grey"],
        labelFontSize=11,
        labelPadding=6,
        labelFlush=False,
    )
    x = alt.X("value:Q", scale=alt.Scale(domain=[start, 100], nice=False), axis=axis)
    measured = _base().transform_filter("isValid(datum.value)")
    one_row = alt.Chart(alt.NamedData("rows")).transform_filter("datum.row == 0")
    zero = one_row.mark_rule(color=_STAND_INS["grey"]).encode(x=alt.datum(0))
    interval = measured.mark_rule(strokeWidth=3, strokeCap="round", yOffset=_MARK_BELOW).encode(
        x="low:Q", x2="high:Q", color=_colour()
    )
    point = measured.mark_point(filled=True, size=110, yOffset=_MARK_BELOW).encode(x=x, color=_colour())
    return _finished(alt.layer(zero, interval, point, *_lines()))


@functools.cache
def _bars_spec() -> dict[str, Any]:
    x = alt.X("share:Q", stack=None, scale=alt.Scale(domain=[0, 100], nice=False), axis=None)
    track = _base().mark_bar(color=_STAND_INS["rule"], size=8, yOffset=_MARK_BELOW)
    bar = _base().mark_bar(size=8, yOffset=_MARK_BELOW).encode(x=x, color=_colour())
    others = _base().transform_filter("isValid(datum.elsewhere)")
    tick = others.mark_tick(size=16, thickness=2, color=_STAND_INS["ink"], yOffset=_MARK_BELOW)
    return _finished(
        alt.layer(track.encode(x=alt.value(0), x2=alt.value(WIDTH)), bar, tick.encode(x="elsewhere:Q"), *_lines())
    )


def _curve_spec(of: str) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "gridColor": _STAND_INS["rule"],
        "domain": False,
        "ticks": False,
        "labelColor": _STAND_INS["grey"],
        "labelFontSize": 11,
        "titleColor": _STAND_INS["grey"],
        "titleFontWeight": "normal",
    }
    x = alt.X("level:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title=of, tickCount=5, grid=False, **axis))
    y = alt.Y("value:Q", scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(title=None, values=[0, 50, 100], **axis))
    points = alt.Chart(alt.NamedData("rows")).encode(x=x, color=_colour())
    interval = points.mark_rule(strokeWidth=1).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = points.mark_line(strokeWidth=2).encode(y=y)
    dot = points.mark_point(filled=True, size=60).encode(y=y)
    last = (
        points.transform_window(place="rank()", sort=[alt.SortField("level", order="descending")], groupby=["whose"])
        .transform_filter("datum.place == 1")
        .mark_text(align="left", baseline="middle", dx=8, fontSize=_FONT)
        .encode(y=y, text="whose:N")
    )
    return _finished(alt.layer(interval, line, dot, last), height=_CURVE_HEIGHT, width=WIDTH - _NAMES)


def _finished(chart: Any, height: int | None = None, width: int = WIDTH) -> dict[str, Any]:
    spec: dict[str, Any] = (
        chart.properties(width=width, height=height or alt.Step(_STEP), padding=2, background="transparent")
        .configure(aria=False)
        .configure_view(stroke=None)
        .to_dict()
    )
    return spec


def _svg(spec: dict[str, Any], rows: Sequence[Estimate | ShareBar | DosePoint], description: str) -> Markup:
    values = [
        {**asdict(row), "row": position} | ({} if isinstance(row, DosePoint) else {"label_size": _label_size(row)})
        for position, row in enumerate(rows)
    ]
    drawn = vl_convert.vegalite_to_svg({**spec, "datasets": {"rows": values}})
    opening, _, inside = drawn.partition(">")
    # The page scales it, so only the view box counts.
    (view_box,) = re.findall(r'viewBox="([^"]*)"', opening)
    head = Markup('<svg class="chart" viewBox="{}" role="img" aria-label="{}">').format(view_box, description)
    # What is text between the tags was escaped by Vega.
    return head + Markup(re.sub(r"<[^>]*>", _themed, inside))  # noqa: S704


def _label_size(row: Estimate | ShareBar) -> float:
    """Words as large as the number at the end of their line leaves room for."""
    room = WIDTH - 12 - _BOLD * _FONT * len(row.text)
    return round(min(_FONT, room / (_LETTER * max(len(row.label), 1))), 1)


def _themed(tag: re.Match[str]) -> str:
    """A tag of Vega's with the page's colours and without what the page says itself."""
    text = _NOISE.sub("", tag.group())
    for name, colour in _STAND_INS.items():
        text = text.replace(f'"{colour}"', f'"var(--{name})"')
    return text
