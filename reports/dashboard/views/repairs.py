"""Repairs before and after, a part of the overview; nothing where none was tried."""

from __future__ import annotations

from reports.dashboard import markup
from reports.dashboard.session import Session
from reports.page.pictures import PictureBudget
from reports.page.repair_cards import repair_parts

_PICTURE_BYTES = 1_000_000


def show_repairs(session: Session) -> None:
    """Draw the part."""
    parts, n_more = repair_parts(session.connection, PictureBudget(_PICTURE_BYTES))
    if parts:
        markup.draw("repairs", repairs=parts, n_more_repairs=n_more)
