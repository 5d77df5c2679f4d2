"""The ways from one page of a table to those beside it."""

from __future__ import annotations

from dataclasses import dataclass

from reports.dashboard.session import Session


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a page is among all; None where there is none before or after."""

    number: int
    total: int
    before_url: str | None
    after_url: str | None


def pages(session: Session, n_items: int, size: int) -> Pages:
    """The pages of a list of which ``session.place.page`` is shown."""
    total = max(1, -(-n_items // size))
    number = min(session.place.page, total)
    return Pages(
        number,
        total,
        session.url(page=number - 1) if number > 1 else None,
        session.url(page=number + 1) if number < total else None,
    )
