"""A history of releases as one HTML page that loads nothing."""

from __future__ import annotations

from auditor.gate.release_history import ReleaseHistory, points_by_data
from reports.history import words
from reports.page.templates import assets, environment

#: Findings on the page; what is more is counted.
_TOLD = 500


def render_history_html(history: ReleaseHistory) -> str:
    """The page: the releases, then every finding with its gaps as intervals on one axis."""
    css, _, _ = assets()
    told = [(line, points_by_data(history, line)) for line in history.lines[:_TOLD]]
    return environment().get_template("history.html.j2").render(css=css, history=history, lines=told, words=words)
