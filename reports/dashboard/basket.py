"""Pictures that somebody has ticked, of one audit: kept for the browser's session, whatever view they were ticked in.

A tick comes by the URL (``grid.js``), as a parameter that the place knows nothing of: the script puts it there, has the
page run again, and takes it out, so that no step of the history and no link that is sent on carries it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

import streamlit as st

from auditor.store.queries.audit import Connection
from auditor.store.queries.picture_lists import GridPicture, told
from reports.dashboard.audits import FoundAudit, Identity

#: Name of the parameter; its value is "NUMBER,CONCEPT,+ID,-ID,…", each part escaped.
PARAMETER = "tick"
#: More than a page and a range of ticks by hand are no click of anybody.
_MOST_TICKS = 1000
_STATE = "baskets"


@dataclass(slots=True)
class Basket:
    """Ids of pictures in the order in which they were ticked, each with the concept that was looked at (None: none).

    ``heard`` is the number of the last ticks that came by the URL.
    """

    concept_of: dict[str, str | None] = field(default_factory=dict)
    heard: str = ""

    def __len__(self) -> int:
        return len(self.concept_of)

    def __contains__(self, image_id: str) -> bool:
        return image_id in self.concept_of

    def put(self, image_ids: Iterable[str], concept_id: str | None) -> None:
        """Add pictures; those that are in it stay where they are."""
        for image_id in image_ids:
            self.concept_of.setdefault(image_id, concept_id)

    def take(self, image_ids: Iterable[str]) -> None:
        """Take pictures out."""
        for image_id in image_ids:
            self.concept_of.pop(image_id, None)

    def hear(self, text: str) -> None:
        """Do what ticks in the URL say, once; what is broken is nothing."""
        number, *rest = (unquote(part) for part in text.split(",")[: _MOST_TICKS + 2])
        if number == self.heard or not rest:
            return
        self.heard = number[:40]
        concept_id, *ticks = rest
        self.put((one[1:] for one in ticks if one.startswith("+")), concept_id or None)
        self.take(one[1:] for one in ticks if one.startswith("-"))


def basket_of(audit: FoundAudit) -> Basket:
    """The basket of an audit; an audit that was made again begins with an empty one."""
    baskets: dict[tuple[str, Identity | None], Basket] = st.session_state.setdefault(_STATE, {})
    return baskets.setdefault((str(audit.folder), audit.identity), Basket())


def told_basket(connection: Connection, basket: Basket) -> list[GridPicture]:
    """What is known of its pictures, in their order; ids that the audit does not have are left out."""
    by_concept: dict[str | None, list[str]] = {}
    for image_id, concept_id in basket.concept_of.items():
        by_concept.setdefault(concept_id, []).append(image_id)
    found = {
        one.image_id: one
        for concept_id, image_ids in by_concept.items()
        for one in told(connection, image_ids, concept_id=concept_id)
    }
    return [found[image_id] for image_id in basket.concept_of if image_id in found]


def listed_ids(image_ids: Sequence[str]) -> str:
    """Ids for the script, which reads them from an attribute."""
    return ",".join(quote(image_id, safe="") for image_id in image_ids)
