"""Leads that no word names: places that a class's evidence lies at, and halves of a class.

They are told beside the verdicts and say nothing against a class; what is proven stands in the verdict itself.
"""

from __future__ import annotations

import re

from auditor.store.queries import audit as queries
from reports.what_now import report_command

#: A class has three leads at most; of an audit of many classes the first leads are enough.
_MOST_LEADS = 40
#: The audit keeps a lead's sentence as one line; its evidence begins with these words of the glossary.
_EVIDENCE = re.compile(r" (?=(?:Place|Surroundings|Exchange): )")


def lead_lines(connection: queries.Connection) -> list[list[str]]:
    """Open places, then halves of classes, each as the claim and its evidence; how many more there are comes last."""
    told = [place.sentence for place in queries.fixed_places(connection) if place.state == "open"]
    told += [lead.sentence for lead in queries.unnamed_leads(connection)]
    more = len(told) - _MOST_LEADS
    leads = [_EVIDENCE.split(f"Lead: {sentence}") for sentence in told[:_MOST_LEADS]]
    return [*leads, [f"And {more:,} more leads: {report_command(connection, None)}."]] if more > 0 else leads
