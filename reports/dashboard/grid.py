"""A page of thumbnails: what the model called each, what it shows, where the model looked, and the way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from auditor.figures import counted
from auditor.records import SaliencyMap
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.concepts import concept_terms
from auditor.store.queries.picture_lists import PAGE_SIZE, GridPicture, nearest_page
from reports.dashboard import markup
from reports.dashboard import thumbnails as drawing
from reports.dashboard.address import NO_MAP, SIZES
from reports.dashboard.basket import listed_ids
from reports.dashboard.drawn_maps import with_drawn
from reports.dashboard.explanations import READING
from reports.dashboard.session import Session
from reports.page.records import Drawn


@dataclass(frozen=True, slots=True)
class GridTile:
    """A thumbnail (None: none was kept, or it is damaged), whether a map lies over it, and the way to its picture."""

    picture: GridPicture
    drawn: Drawn | None
    mapped: bool
    url: str


def show_grid(
    session: Session,
    pictures: Sequence[GridPicture],
    *,
    total: int,
    key: str,
    class_idx: int | None = None,
    among: str | None = None,
    empty: str = "No picture belongs here.",
    controls: bool = True,
    whole: Callable[[], Sequence[str]] | None = None,
) -> None:
    """Draw page ``session.place.page`` of a list of pictures.

    Args:
        session: links keep its place, so that a picture knows the list that it was opened from.
        pictures: those of the page.
        total: of the whole list.
        key: tells its widgets from those of other grids.
        class_idx: class whose maps are laid over; None for the predicted class of each.
        among: list of ``place.LISTS`` that the links name; None keeps the place's own.
        empty: said where there is no picture.
        controls: whether size, map and opacity can be chosen here.
        whole: ids of all pictures of the list, to tick many of them; None where there are no others.
    """
    if not pictures:
        markup.show(f'<p class="empty">{markup.text(empty, 400)}</p>')
        return
    place = session.place.but(among=among or session.place.among, page=session.place.page)
    shown_class = {one.image_id: one.predicted_idx if class_idx is None else class_idx for one in pictures}
    stored = picture_queries.maps_of_pictures(session.connection, list(shown_class))
    stored = with_drawn(session, stored, list(shown_class))
    maps = [one for one in stored if one.class_idx == shown_class[one.image_id]]
    if controls:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            if maps:
                show_map_controls(session, [one.concept_id for one in maps if one.concept_id is not None], key=key)
            _show_size(session, key=key)
            if whole is not None:
                _tick_many(session, whole, total, key=key)
    if maps and controls and place.map != NO_MAP:
        n_mapped = len({one.image_id for one in maps})
        markup.draw("map_legend", n_mapped=n_mapped, n_shown=len(pictures), drawn_here=place.view == "pictures")
    thumbnails = picture_queries.thumbnails_and_paths(session.connection, list(shown_class))
    tiles = []
    for picture in pictures:
        jpeg = thumbnails.get(picture.image_id, ("", None))[1]
        shown = None if place.map == NO_MAP else (maps, picture.image_id, shown_class[picture.image_id], place.map)
        saliency = None if shown is None else drawing.map_for(*shown)
        drawn = None if jpeg is None else drawing.draw(jpeg, saliency, place.opacity)
        url = place.but(view="picture", picture=picture.image_id, page=place.page).url()
        tiles.append(GridTile(picture, drawn, saliency is not None and place.opacity > 0, url))
    number, n_pages = nearest_page(place.page, total), -(-total // PAGE_SIZE)
    first, last = (number - 1) * PAGE_SIZE + 1, min(number * PAGE_SIZE, total)
    # An element of its own: a tick sends it again and not the pictures, so that nothing flickers or loses the focus.
    held = [one.image_id for one in pictures if one.image_id in session.basket]
    markup.show(f'<span class="ticked" data-ids="{markup.text(listed_ids(held), 100_000)}" hidden></span>')
    markup.draw(
        "grid",
        tiles=tiles,
        concept_id=place.concept or "",
        width=place.size,
        concept=None
        if place.concept is None
        else concept_terms(session.connection, [place.concept]).get(place.concept),
        where=f"{first:,}–{last:,} of {total:,}" if n_pages > 1 else counted(total, "picture"),
        previous=place.but(page=number - 1).url() if number > 1 else None,
        following=place.but(page=number + 1).url() if number < n_pages else None,
        reads=_reads(pictures, maps),
    )


def show_map_controls(session: Session, concept_ids: Iterable[str], *, key: str) -> None:
    """How much the maps cover and, among phrases, which of them lies over the pictures; both go into the URL."""
    place = session.place
    ids = sorted({*concept_ids, *([place.map] if place.map and place.map != NO_MAP else [])})
    terms = concept_terms(session.connection, ids)
    words: dict[str | None, str] = {
        None: "for the class",
        **{one: f"for {markup.label(terms.get(one, one), 40)}" for one in ids},
    }
    words = {**words, NO_MAP: "none"}
    changed = session.follow(f"{key}-map", place.map, lambda chosen: {"map": chosen})
    st.selectbox(
        "Map",
        [None, *ids, NO_MAP],
        format_func=words.__getitem__,
        key=f"{key}-map",
        on_change=changed,
        width=220,
        placeholder=words[None],
    )
    if place.map != NO_MAP:
        show_opacity(session, key=key)


def show_opacity(session: Session, *, key: str) -> None:
    """How much the maps cover; it goes into the URL."""
    changed = session.follow(f"{key}-opacity", session.place.opacity, lambda chosen: {"opacity": chosen})
    st.slider(
        "Map covers",
        0,
        100,
        step=5,
        format="%d %%",
        key=f"{key}-opacity",
        on_change=changed,
        width=200,
        help="0 shows the picture alone, cut to what the model saw",
    )


def _show_size(session: Session, *, key: str) -> None:
    changed = session.follow(f"{key}-size", session.place.size, lambda chosen: {"size": chosen})
    st.slider("Size", *SIZES, step=16, key=f"{key}-size", on_change=changed, width=140, format="%d px")


def _tick_many(session: Session, whole: Callable[[], Sequence[str]], total: int, *, key: str) -> None:
    """Put a stretch of the list, or all of it, into the basket."""
    concept_id = session.place.concept
    with st.popover("Tick many"):
        ends = [
            st.number_input(word, 1, total, value, key=f"{key}-{word.lower()}-{total}")
            for word, value in (("From", 1), ("To", total))
        ]
        with st.container(horizontal=True):
            if st.button("Into the basket", key=f"{key}-put", type="primary"):
                session.basket.put(whole()[ends[0] - 1 : ends[1]], concept_id)
                st.rerun()
            if st.button("Out of it", key=f"{key}-take"):
                session.basket.take(whole()[ends[0] - 1 : ends[1]])
                st.rerun()


def _reads(pictures: Sequence[GridPicture], maps: Sequence[SaliencyMap]) -> list[tuple[str, str]]:
    """What the numbers of these captions mean."""
    used = {
        "Call": ("call", any(one.predicted_name is not None for one in pictures)),
        "Shown": ("presence", any(one.presence is not None for one in pictures)),
        "Words": ("picture_words", any(one.share is not None for one in pictures)),
        "Likeness": ("likeness", any(one.score is not None for one in pictures)),
        "Map": ("map", bool(maps)),
    }
    return [(title, READING[name]) for title, (name, is_used) in used.items() if is_used]
