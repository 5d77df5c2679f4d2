"""The one chart of the report's that no list can stand for, in the dashboard's colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.page.chart_rows import DosePoint

#: Colours of reports/templates/report.css, which a canvas cannot take from the page.
_COLOURS = {
    "light": {"accent": "#b4470e", "ink": "#16191d", "grey": "#5a636e", "rule": "#d9dde2", "core": "#5a636e"},
    "dark": {"accent": "#ff9d5f", "ink": "#e9ebee", "grey": "#a6afb9", "rule": "#343b43", "core": "#a6afb9"},
}


def dose_chart(points: Sequence[DosePoint], of: str, theme: str) -> dict[str, Any]:
    """What pictures are called over the levels of the property ``of``, as a Vega-Lite chart."""
    from reports.page.charts import dose_curve_in  # Altair takes 30 MiB and a second, and few classes have a dose

    return dose_curve_in(points, of, _COLOURS["dark" if theme == "dark" else "light"])
