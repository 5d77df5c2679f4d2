"""A page of thumbnails: what the model called each, what it shows, where the model looked, and the way to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import streamlit as st

from auditor.figures import counted
from auditor.records import SaliencyMap
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.concepts import concept_terms
from auditor.store.queries.picture_lists import PAGE_SIZE, GridPicture, nearest_page
from reports.dashboard import markup
from reports.dashboard import thumbnails as drawing
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
        controls: whether map and opacity can be chosen here, where there is a map.
    """
    if not pictures:
        markup.show(f'<p class="empty">{markup.text(empty, 400)}</p>')
        return
    place = session.place.but(among=among or session.place.among, page=session.place.page)
    shown_class = {one.image_id: one.predicted_idx if class_idx is None else class_idx for one in pictures}
    stored = picture_queries.maps_of_pictures(session.connection, list(shown_class))
    maps = [one for one in stored if one.class_idx == shown_class[one.image_id]]
    if maps and controls:
        show_map_controls(session, [one.concept_id for one in maps if one.concept_id is not None], key=key)
        markup.draw("map_legend", n_mapped=len({one.image_id for one in maps}), n_shown=len(pictures))
    thumbnails = picture_queries.thumbnails_and_paths(session.connection, list(shown_class))
    tiles = []
    for picture in pictures:
        jpeg = thumbnails.get(picture.image_id, ("", None))[1]
        saliency = drawing.map_for(maps, picture.image_id, shown_class[picture.image_id], place.map)
        drawn = None if jpeg is None else drawing.draw(jpeg, saliency, place.opacity)
        url = place.but(view="picture", picture=picture.image_id, page=place.page).url()
        tiles.append(GridTile(picture, drawn, saliency is not None and place.opacity > 0, url))
    number, n_pages = nearest_page(place.page, total), -(-total // PAGE_SIZE)
    first, last = (number - 1) * PAGE_SIZE + 1, min(number * PAGE_SIZE, total)
    markup.draw(
        "grid",
        tiles=tiles,
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
    ids = sorted({*concept_ids, *([place.map] if place.map else [])})
    terms = concept_terms(session.connection, ids)
    words: dict[str | None, str] = {
        None: "for the class",
        **{one: f"for {markup.label(terms.get(one, one), 40)}" for one in ids},
    }
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        if ids:
            changed = session.follow(f"{key}-map", place.map, lambda chosen: {"map": chosen})
            st.selectbox(
                "Map",
                [None, *ids],
                format_func=words.__getitem__,
                key=f"{key}-map",
                on_change=changed,
                width=260,
                placeholder=words[None],
            )
        changed = session.follow(f"{key}-opacity", place.opacity, lambda chosen: {"opacity": chosen})
        st.slider(
            "Map covers",
            0,
            100,
            step=5,
            format="%d %%",
            key=f"{key}-opacity",
            on_change=changed,
            width=260,
            help="0 shows the picture alone, cut to what the model saw",
        )


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
