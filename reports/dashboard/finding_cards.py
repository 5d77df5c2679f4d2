"""What stops a release, one card a class, as on the first screen of the HTML page. No Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.gate.decision import GateDecision
from auditor.gate.decision_words import worst_first
from auditor.records import FOUND, Verdict
from auditor.store.queries.audit import Connection
from reports.page.pictures import PictureBudget, Sizes
from reports.page.records import Card
from reports.page.sections import Extent, Sections, anchors

#: One picture a side; what is called the concept and the channel groups are for the class's own view.
_EXTENT, _BUDGET = Extent(1, 0, 0, 0, Sizes()), 1_000_000


def worst_classes(decision: GateDecision | None, verdicts: Sequence[Verdict], limit: int) -> list[int]:
    """The classes that stop the release, worst first, then others with something to tell, as far as there is room."""
    by_name = {verdict.class_name: verdict for verdict in verdicts}
    items = [] if decision is None else [item for item in worst_first(decision) if item.level == "error"]
    stopping = [by_name[item.class_name] for item in items if item.class_name in by_name]
    told = [
        one for one in (*stopping, *verdicts) if one.verdict in FOUND or (one.verdict != "clean" and one.concept_id)
    ]
    return list(dict.fromkeys(one.class_idx for one in told))[:limit]


def finding_cards(connection: Connection, verdicts: Sequence[Verdict]) -> list[Card]:
    """Cards of some classes, in their order."""
    sections = Sections(connection, verdicts, anchors(verdicts), _EXTENT, PictureBudget(_BUDGET, _EXTENT.sizes))
    return [sections.card(verdict) for verdict in verdicts]
