"""A page of thumbnails: what the model called each, what it shows, where the model looked, and the way to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from auditor.records import SaliencyMap
from reports import picture_queries
from reports.dashboard import drawing, markup
from reports.dashboard.picture_lists import PAGE_SIZE, GridPicture, nearest_page
from reports.dashboard.session import Session
from reports.display import percent
from reports.page_records import Drawn

_TERMS = """
SELECT concept_id, concept FROM concepts WHERE list_contains($ids, concept_id)
UNION ALL
SELECT concept_id, concept FROM attribute_concepts WHERE list_contains($ids, concept_id)
"""
_HOW = (
    ("first line", "what the model calls the picture, and how sure it is; ✕ and an outline: it is wrong"),
    ("label", "the class in the data"),
    ("shown", "how sure the audit is that the picture shows the concept; above 50 % it counts as with it"),
    ("of the words", "the concept's share of the words for the model's decision"),
    ("likeness", "cosine of the two in the encoder's space, 1 at most; only the order says much"),
)
_HOW_MAP = (
    "map",
    "where the model finds evidence for the class, or for the concept, brightest where most; each map by itself, the "
    "outline is its strongest tenth",
)


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
    among = among or session.place.among
    image_ids = [picture.image_id for picture in pictures]
    maps = picture_queries.maps_of_pictures(session.connection, image_ids)
    maps = [one for one in maps if one.class_idx in _class_of(pictures, one.image_id, class_idx)]
    asked = session.place.concept
    concept = None if asked is None else concept_terms(session, [asked]).get(asked, asked)
    if maps and controls:
        show_map_controls(session, [one.concept_id for one in maps if one.concept_id is not None], key=key)
        n_mapped = len({one.image_id for one in maps})
        markup.show(
            map_legend(f"stored for {n_mapped} of these {len(pictures)}; <code>auditor explain</code> draws any other")
        )
    thumbnails = picture_queries.thumbnails_and_paths(session.connection, image_ids)
    tiles = []
    for picture in pictures:
        shown_class = picture.predicted_idx if class_idx is None else class_idx
        map_ = drawing.map_for(maps, picture.image_id, shown_class, session.place.map)
        jpeg = thumbnails.get(picture.image_id, ("", None))[1]
        drawn = None if jpeg is None else drawing.draw(jpeg, map_, session.place.opacity)
        url = session.url(view="picture", picture=picture.image_id, among=among, page=session.place.page)
        tiles.append(_tile(picture, drawn, url, concept, has_map=map_ is not None and session.place.opacity > 0))
    place = _pages(session, total, among)
    markup.show(f'<ol class="grid">{"".join(tiles)}</ol>{place}{_how(pictures, maps)}')


def show_map_controls(session: Session, concept_ids: Iterable[str], *, key: str) -> None:
    """How much the maps cover and, among phrases, which of them lies over the pictures; both go into the URL."""
    place = session.place
    ids = sorted({*concept_ids, *([place.map] if place.map else [])})
    terms = concept_terms(session, ids)
    words: dict[str | None, str] = {
        None: "for the class",
        **{one: f"for {markup.label(terms.get(one, one), 40)}" for one in ids},
    }
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        if ids:
            changed = session.follow(f"{key}-map", place.map, lambda chosen: {"map": chosen})
            st.selectbox(
                "Map", [None, *ids], format_func=words.__getitem__, key=f"{key}-map", on_change=changed, width=260
            )
        changed = session.follow(f"{key}-opacity", place.opacity, lambda chosen: {"opacity": chosen})
        st.slider(
            "Map covers", 0, 100, step=5, format="%d %%", key=f"{key}-opacity", on_change=changed, width=260,
            help="0 shows the picture alone, cut to what the model saw",
        )  # fmt: skip


def map_legend(note: str) -> str:
    """What the colours of the maps mean, as HTML; so is ``note``."""
    return (
        '<p class="map-legend">none <i class="ramp" aria-hidden="true"></i> most <i class="contour" aria-hidden="true">'
        f"</i> strongest tenth · {note}</p>"
    )


def concept_terms(session: Session, concept_ids: Sequence[str]) -> dict[str, str]:
    """The words for concepts of the vocabulary, and for those of the manifest."""
    return dict(session.connection.execute(_TERMS, {"ids": list(concept_ids)}).fetchall())


def _class_of(pictures: Sequence[GridPicture], image_id: str, class_idx: int | None) -> set[int | None]:
    if class_idx is not None:
        return {class_idx}
    return {picture.predicted_idx for picture in pictures if picture.image_id == image_id}


def _tile(picture: GridPicture, drawn: Drawn | None, url: str, concept: str | None, *, has_map: bool) -> str:
    wrong = picture.correct is False
    label = f"label {markup.text(picture.label_name, 40)}" if picture.label_name is not None else "no label"
    if drawn is None:
        image = '<span class="blank">no picture kept</span>'
    else:
        alt = f"{markup.text(picture.path, 80)}, {label}" + (", with a map of where the model looks" if has_map else "")
        image = f'<img src="{drawn.uri}" width="{drawn.width}" height="{drawn.height}" alt="{alt}" loading="lazy">'
    if picture.predicted_name is None:
        call = markup.text(picture.path, 40)
    else:
        cross = '<span aria-hidden="true">✕ </span><span class="unseen">wrong: </span>' if wrong else ""
        call = f"{cross}<b>{markup.text(picture.predicted_name, 40)}</b> {percent(picture.confidence)}"
    lines = [label, *_of_concept(picture, concept)]
    if picture.score is not None:
        lines.insert(0, f"likeness {picture.score:.2f}")
    more = "".join(f'<span class="more">{line}</span>' for line in lines)
    inner = f'<span class="frame">{image}</span><span class="call">{call}</span>'
    return f'<li class="tile{" wrong" if wrong else ""}">{markup.link(url, inner)}{more}</li>'


def _of_concept(picture: GridPicture, concept: str | None) -> list[str]:
    if concept is None:
        return []
    told = []
    if picture.presence is not None:
        told.append(f"shown {percent(picture.presence)}")
    if picture.share is not None:
        told.append(f"{percent(picture.share)} of the words")
    return [f"{markup.text(concept, 30)} " + " · ".join(told)] if told else []


def _pages(session: Session, total: int, among: str | None) -> str:
    """Where the page is in the list, and the ways to those beside it."""
    number = nearest_page(session.place.page, total)
    first, last = (number - 1) * PAGE_SIZE + 1, min(number * PAGE_SIZE, total)
    where = f"{first:,}–{last:,} of {total:,}" if total > 1 else "1 picture"
    if total <= PAGE_SIZE:
        return f'<p class="pages"><span>{where}</span></p>'

    def way(to: int, word: str, rel: str) -> str:
        if not 1 <= to <= -(-total // PAGE_SIZE):
            return f'<span class="off">{word}</span>'
        return markup.link(session.url(page=to, among=among), word, rel=rel)

    back, on = way(number - 1, "‹ Previous", "prev"), way(number + 1, "Next ›", "next")
    return f'<nav class="pages" aria-label="Pages of pictures">{back}<span>{where}</span>{on}</nav>'


def _how(pictures: Sequence[GridPicture], maps: Sequence[SaliencyMap]) -> str:
    used = {
        "shown": any(picture.presence is not None for picture in pictures),
        "of the words": any(picture.share is not None for picture in pictures),
        "likeness": any(picture.score is not None for picture in pictures),
    }
    lines = [line for line in _HOW if used.get(line[0], True)] + ([_HOW_MAP] if maps else [])
    told = "".join(f"<dt>{term}</dt><dd>{meaning}</dd>" for term, meaning in lines)
    return f'<details class="how"><summary>How to read this</summary><dl>{told}</dl></details>'
