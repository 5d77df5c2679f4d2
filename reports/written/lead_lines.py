"""Leads that no word names, in a line each: places that a class's evidence lies at, and halves of a class.

They are told beside the verdicts and say nothing against a class; what is proven stands in the verdict itself.
"""

from __future__ import annotations

from auditor.store.queries import audit as queries
from reports.what_now import report_command

#: A class has three lines at most; of an audit of many classes the first lines are enough.
_MOST_LINES = 40


def lead_lines(connection: queries.Connection) -> list[str]:
    """Open places, then halves of classes; how many more there are comes last."""
    lines = [place.sentence for place in queries.fixed_places(connection) if place.state == "open"]
    lines += [lead.sentence for lead in queries.unnamed_leads(connection)]
    more = len(lines) - _MOST_LINES
    told = [f"Lead: {line}" for line in lines[:_MOST_LINES]]
    return [*told, f"And {more:,} more leads: {report_command(connection, None)}."] if more > 0 else told
