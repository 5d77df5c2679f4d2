"""A long list in pages; which page is in the URL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from reports.dashboard import markup
from reports.dashboard.session import Session
from reports.display import counted

Item = TypeVar("Item")


def page_of(session: Session, items: Sequence[Item], size: int) -> Sequence[Item]:
    """The items of the page that the URL names; the last one, where there are not so many."""
    page = min(session.place.page, _number(items, size))
    return items[(page - 1) * size : page * size]


def page_links(session: Session, items: Sequence[object], size: int, noun: str) -> str:
    """Links to the pages before and after; nothing where all is on one."""
    n_pages = _number(items, size)
    if n_pages == 1:
        return ""
    page = min(session.place.page, n_pages)
    steps = [
        markup.link(session.url(page=number), word)
        for number, word in ((page - 1, "previous"), (page + 1, "next"))
        if 1 <= number <= n_pages
    ]
    return f'<p class="pages">Page {page:,} of {n_pages:,} ({counted(len(items), noun)}) {" ".join(steps)}</p>'


def _number(items: Sequence[object], size: int) -> int:
    return max(1, -(-len(items) // size))
