"""Charts that answer a click, and the one of the report's that no list can stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from auditor.figures import percent, points
from auditor.records import Verdict
from reports.display import VERDICT_WORDS, plain
from reports.page.charts import DosePoint, dose_curve_in

#: Colours of reports/templates/report.css, which a canvas cannot take from the page.
_COLOURS = {
    "light": {
        "flagged": "#b4470e",
        "harmed": "#b4470e",
        "suspect": "#2a5a8c",
        "not_shown": "#5a636e",
        "clean": "#5a636e",
        "not_analysed": "#5a636e",
        "ink": "#16191d",
        "grey": "#5a636e",
        "rule": "#d9dde2",
    },
    "dark": {
        "flagged": "#ff9d5f",
        "harmed": "#ff9d5f",
        "suspect": "#8fbdf2",
        "not_shown": "#a6afb9",
        "clean": "#a6afb9",
        "not_analysed": "#a6afb9",
        "ink": "#e9ebee",
        "grey": "#a6afb9",
        "rule": "#343b43",
    },
}
#: Vega's names for the shapes of ``VERDICT_SHAPES``.
_SHAPES = {
    "flagged": "triangle-up",
    "harmed": "triangle-down",
    "suspect": "diamond",
    "not_analysed": "circle",
    "not_shown": "circle",
    "clean": "circle",
}
#: Dots that carry their name, the worst first, and the room that a name takes, in hundredths to the right and upwards.
_MOST_NAMED, _NAME_WIDTH, _NAME_HEIGHT = 12, 16, 6


def reliance_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """The classes that have both a share and a gap, in hundredths."""
    kept = [verdict for verdict in verdicts if verdict.share is not None and verdict.gap is not None]
    columns = [
        "class_idx",
        "name",
        "verdict",
        "word",
        "concept",
        "share",
        "gap",
        "low",
        "high",
        "share_told",
        "gap_told",
        "label",
    ]
    rows = []
    named: list[tuple[float, float]] = []
    for one in kept:
        share, gap = 100 * (one.share or 0.0), 100 * (one.gap or 0.0)
        low, high = (gap if bound is None else 100 * bound for bound in (one.gap_low, one.gap_high))
        name = plain(one.class_name, 40)
        free = all(abs(share - x) > _NAME_WIDTH or abs(gap - y) > _NAME_HEIGHT for x, y in named)
        label = name if free and len(named) < _MOST_NAMED else ""
        if label:
            named.append((share, gap))
        rows.append(
            (
                one.class_idx,
                name,
                one.verdict,
                VERDICT_WORDS[one.verdict],
                plain(one.concept or "", 40),
                share,
                gap,
                low,
                high,
                percent(one.share),
                points(one.gap, one.gap_low, one.gap_high),
                label,
            )
        )
    return pd.DataFrame(rows, columns=columns)


def dose_chart(points: Sequence[DosePoint], of: str, theme: str) -> dict[str, Any]:
    """What pictures are called over the levels of the property ``of``, as a Vega-Lite chart."""
    colours = _COLOURS["dark" if theme == "dark" else "light"]
    named = {name: colours[name] for name in ("ink", "grey", "rule")}
    return dose_curve_in(points, of, {**named, "accent": colours["flagged"], "core": colours["grey"]})


def reliance_scatter(table: pd.DataFrame, theme: str) -> alt.LayerChart:
    """Share of the words against the gap; a click on a dot picks its ``class_idx``."""
    colours = _COLOURS["dark" if theme == "dark" else "light"]
    known = [verdict for verdict in _SHAPES if verdict in set(table["verdict"])]
    axis: dict[str, Any] = {
        "grid": True,
        "gridColor": colours["rule"],
        "domain": False,
        "ticks": False,
        "labelColor": colours["grey"],
        "titleColor": colours["grey"],
        "titleFontWeight": "normal",
        "labelPadding": 6,
    }
    lowest = min(0.0, float(table["low"].min()) if len(table) else 0.0)
    base = alt.Chart(table).encode(
        x=alt.X(
            "share:Q",
            title="share of the words, %",
            scale=alt.Scale(domain=[0, 100]),
            axis=alt.Axis(values=[0, 25, 50, 75, 100], **axis),
        ),
        y=alt.Y(
            "gap:Q", title="gap, points", scale=alt.Scale(domain=[lowest, 100]), axis=alt.Axis(tickCount=5, **axis)
        ),
        tooltip=[
            alt.Tooltip("name:N", title="class"),
            alt.Tooltip("word:N", title="verdict"),
            alt.Tooltip("concept:N"),
            alt.Tooltip("share_told:N", title="share"),
            alt.Tooltip("gap_told:N", title="gap"),
        ],
    )
    colour = alt.Color(
        "verdict:N", legend=None, scale=alt.Scale(domain=known, range=[colours[verdict] for verdict in known])
    )
    shape = alt.Shape(
        "verdict:N", legend=None, scale=alt.Scale(domain=known, range=[_SHAPES[verdict] for verdict in known])
    )
    interval = base.mark_rule(strokeWidth=1, opacity=0.5).encode(y="low:Q", y2="high:Q", color=colour)
    dots = base.mark_point(filled=True, size=130, opacity=1).encode(color=colour, shape=shape)
    # What the hand has to hit is larger than what the eye sees.
    targets = base.mark_circle(size=700, opacity=0, cursor="pointer").add_params(
        alt.selection_point("pick", fields=["class_idx"], on="click", empty=False)
    )
    names = base.mark_text(align="left", dx=10, fontSize=12, color=colours["ink"]).encode(text="label:N")
    chart: alt.LayerChart = (
        alt.layer(interval, dots, names, targets)
        .properties(height=300, background="transparent")
        .configure_view(stroke=None)
    )
    return chart
