"""Search: pictures that are like any words, or like any picture of the audit."""

from __future__ import annotations

import streamlit as st

from auditor.errors import AuditorError, InputError
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.audit import picture_count
from auditor.store.queries.concepts import words_to_try
from reports.dashboard import markup
from reports.dashboard import thumbnails as drawing
from reports.dashboard.grid import show_grid
from reports.dashboard.neighbours import page_of
from reports.dashboard.searching import ignored_words, search
from reports.dashboard.session import Session

_MOST_CHARS = 200


def show(session: Session) -> None:
    """Draw the view."""
    place = session.place
    markup.show('<h1>Search</h1><p class="question">Which pictures look like these words, or like this picture?</p>')
    changed = session.follow(
        "search-text",
        place.text[:_MOST_CHARS],
        lambda text: {"text": text, "like": None, "among": "search", "picture": None},
    )
    st.text_input(
        "Words",
        key="search-text",
        max_chars=_MOST_CHARS,
        on_change=changed,
        width=480,
        placeholder="such as: boat on water",
        icon=":material/search:",
        help="Any words. The encoder of the audit finds the pictures that lie nearest to them.",
    )
    if place.like is not None:
        _show_query(session, place.like)
    if place.like is None and not place.text.strip():
        _offer_words(session)
        return
    try:
        with st.spinner("Searching; the first search loads the encoder…"):
            found = search(session)
    except AuditorError as error:
        if isinstance(error, InputError) and place.like is None:
            _offer_words(session, str(error))  # other words may do
        else:
            markup.draw("search_words", error=str(error), offered=(), concepts_url=session.url(view="concept"))
        return
    if place.like is None:
        markup.draw("search_ignored", ignored=ignored_words(session))
    n_images = picture_count(session.connection)
    told = (
        f"The {len(found):,} nearest of {n_images:,}, nearest first: that is an order, and shows of none what it holds."
    )
    markup.show(f'<p class="found">{told}</p>')
    page = page_of(session.connection, found, place.page, concept_id=place.concept)
    show_grid(
        session,
        page.pictures,
        total=page.total,
        key="search",
        among="search",
        empty="The audit has no picture.",
        whole=lambda: [image_id for image_id, _ in found],
    )


def _show_query(session: Session, image_id: str) -> None:
    found = picture_queries.thumbnails_and_paths(session.connection, [image_id]).get(image_id)
    if found is None:
        return
    path, jpeg = found
    markup.draw(
        "search_query",
        path=path,
        drawn=None if jpeg is None else drawing.draw(jpeg),
        picture_url=session.url(view="picture", picture=image_id),
        clear_url=session.url(like=None, among=None),
    )


def _offer_words(session: Session, error: str | None = None) -> None:
    words = words_to_try(session.connection)
    offered = [(session.url(text=word, like=None, among="search"), word) for word in words]
    markup.draw("search_words", error=error, offered=offered, concepts_url=None)
