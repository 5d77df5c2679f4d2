"""Channel groups: what the model's features say, which classes use them, and where they carry most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from auditor.store.queries import groups as group_queries
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.groups import OneGroup
from auditor.store.queries.picture_lists import Selection, read_page
from reports.dashboard import markup
from reports.dashboard.audits import Identity, identity_of
from reports.dashboard.grid import show_grid
from reports.dashboard.paging import pages
from reports.dashboard.session import Session
from reports.display import plain
from reports.page.pictures import PictureBudget, Sizes
from reports.page.records import Small

_PAGE_SIZE, _PER_GROUP, _USERS, _CHANNELS = 24, 4, 3, 12
_MOST_USERS = 12
_BUDGET = 2_000_000


def show(session: Session) -> None:
    """Draw the view."""
    group_idx = session.place.group
    group = group_queries.group(session.connection, group_idx) if group_idx is not None else None
    if group is None:
        _show_list(session)
    else:
        _show_one(session, group)


def _show_list(session: Session) -> None:
    place = session.place
    if place.group is not None:
        markup.show(
            f'<div class="says" role="alert"><h2>No channel group {place.group} in this audit</h2>'
            "<p>Choose one of these.</p></div>"
        )
    start = (place.page - 1) * _PAGE_SIZE
    rows = group_queries.groups(session.connection, n_classes=_USERS, limit=_PAGE_SIZE, start=start)
    ids = [image_id for row in rows for image_id in row.image_ids[:_PER_GROUP]]
    drawn = _pictures(str(session.audit_dir), identity_of(session.audit_dir), ids, session.connection)
    markup.draw(
        "groups",
        rows=[
            (
                row,
                session.url(view="groups", group=row.group_idx, among=None, class_name=None),
                [drawn[image_id] for image_id in row.image_ids[:_PER_GROUP] if image_id in drawn],
                [
                    (name, share, _class_url(session, name))
                    for name, share in zip(row.class_names, row.shares, strict=True)
                ],
            )
            for row in rows
        ],
        pages=pages(session, rows[0].total if rows else 0, _PAGE_SIZE),
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _pictures(
    folder: str, identity: Identity | None, image_ids: Sequence[str], _connection: Connection
) -> dict[str, Small]:
    """Small pictures by id; all but the connection is what the cache goes by."""
    budget = PictureBudget(_BUDGET, Sizes())
    kept = picture_queries.thumbnails_and_paths(_connection, image_ids)
    drawn = {image_id: (path, budget.small(jpeg)) for image_id, (path, jpeg) in kept.items() if jpeg is not None}
    return {image_id: Small(small, plain(path, 80)) for image_id, (path, small) in drawn.items() if small is not None}


def _class_url(session: Session, name: str) -> str:
    return session.url(view="class", class_name=name, group=None, among=None, concept=None, map=None)


def _show_one(session: Session, group: OneGroup) -> None:
    users = group_queries.classes_of(session.connection, group.group_idx, limit=_MOST_USERS)
    channels = group_queries.channels_of(session.connection, group.group_idx, limit=_CHANNELS)
    markup.draw(
        "group",
        g=group,
        users=[(user, _class_url(session, user.class_name)) for user in users],
        n_more_users=users[0].total - len(users) if users else 0,
        channels=channels,
        n_more_channels=channels[0].total - len(channels) if channels else 0,
        all_url=session.url(view="groups", group=None, among=None),
    )
    here = replace(session, place=replace(session.place, class_name=None, concept=None, among="group"))
    page = read_page(session.connection, Selection("group", group_idx=group.group_idx), session.place.page)
    show_grid(
        here,
        page.pictures,
        total=page.total,
        key="group",
        among="group",
        empty="The audit names no picture of this group.",
    )
