"""Basket: the pictures that were ticked, in whatever view; taken away as files, and given tags that last."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from auditor.errors import AuditorError
from auditor.figures import counted
from auditor.store.queries.picture_lists import PAGE_SIZE, GridPicture, nearest_page, with_paths
from reports.dashboard import markup
from reports.dashboard.basket import told_basket
from reports.dashboard.grid import show_grid
from reports.dashboard.picture_files import show_files
from reports.dashboard.session import Session
from reports.dashboard.tags import Tags, tags_path

#: Key of what is told once after something was written.
_TOLD = "basket-told"


def show(session: Session) -> None:
    """Draw the view."""
    markup.show('<h1>Basket</h1><p class="question">Which pictures did you pick, and where do they go?</p>')
    pictures = told_basket(session.connection, session.basket)
    _say(session)
    if pictures:
        with st.container(horizontal=True, vertical_alignment="center"):
            show_files(pictures, "basket", key="basket")
            if st.button("Empty it", key="basket-empty"):
                session.basket.take([one.image_id for one in pictures])
                st.rerun()
    number = nearest_page(session.place.page, len(pictures))
    here = replace(session, place=replace(session.place, among="basket", page=number))
    show_grid(
        here,
        pictures[(number - 1) * PAGE_SIZE : number * PAGE_SIZE],
        total=len(pictures),
        key="basket",
        among="basket",
        empty="Nothing is in it. Every grid of pictures has a box in the corner of each; ticked ones are here until "
        "the page is loaded anew.",
        whole=lambda: [one.image_id for one in pictures],
    )
    try:
        _show_tags(session, Tags(tags_path(session.baseline_path)), pictures)
    except AuditorError as error:
        markup.draw("basket", what="error", line=str(error))


def _show_tags(session: Session, tags: Tags, pictures: list[GridPicture]) -> None:
    """Tags are kept beside the baseline, for this audit and those after it: they go by the path of a picture."""
    counts = tags.counts()
    markup.draw("basket", what="tags", path=str(tags.path), counts=counts, read_only=session.read_only)
    paths = [one.path for one in pictures]
    if paths and not session.read_only:
        with st.form("tag-these", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
            tag = st.text_input("Tag", max_chars=40, width=260, placeholder="such as: relabel")
            put = st.form_submit_button(f"Tag {counted(len(paths), 'picture')}", type="primary")
            taken = st.form_submit_button("Take the tag off")
        if put or taken:
            n = tags.add(paths, tag) if put else tags.remove(paths, " ".join(tag.split()))
            done = f"now {'have' if put else 'are without'} the tag {tag}"
            st.session_state[_TOLD] = f"{counted(n, 'picture')} {done}: {tags.path}"
            st.rerun()
    if counts:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.selectbox(
                "Tagged before",
                list(counts),
                key="tagged",
                width=260,
                format_func=lambda one: f"{markup.label(one, 40)} ({counts[one]:,})",
            )
            if st.button("Into the basket", key="tagged-put"):
                tagged = [path for path, given in tags.read().items() if chosen in given]
                session.basket.put(with_paths(session.connection, tagged), session.place.concept)
                st.rerun()


def _say(session: Session) -> None:
    told = st.session_state.pop(_TOLD, None)
    if told is not None:
        markup.draw("basket", what="written", line=told)
