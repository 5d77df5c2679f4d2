"""Atlas: all pictures on a plane on which like ones lie together, and those that somebody draws around."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from auditor.records import AtlasSpace, IntArray
from auditor.store.queries.atlas import AtlasPoints, atlas_concepts, atlas_points, atlas_spaces, showing
from auditor.store.queries.audit import Connection
from auditor.store.queries.picture_lists import PAGE_SIZE, nearest_page, told
from reports.dashboard import markup
from reports.dashboard.address import PAINTS
from reports.dashboard.audits import Identity, identity_of
from reports.dashboard.grid import show_grid
from reports.dashboard.lasso import corners_of, inside, packed
from reports.dashboard.session import Session

_SPACE_WORDS: dict[AtlasSpace, str] = {"model": "the model", "encoder": "the encoder"}
_PAINT_WORDS = {"label": "label", "called": "call", "wrong": "right or wrong", "concept": "a concept"}
#: Colours besides grey.
_MOST_COLOURED = 8


@dataclass(frozen=True, slots=True)
class Coloured:
    """A line of the legend; ``url`` is the way to the same with this class alone."""

    colour: int
    word: str
    n: int
    url: str | None = None


def show(session: Session) -> None:
    """Draw the view."""
    wrong = ", and where among them is the model wrong" if session.has_calls else ""
    markup.show(f'<h1>Atlas</h1><p class="question">Which pictures are alike{wrong}?</p>')
    spaces = _spaces(session)
    if not spaces:
        markup.show(
            '<p class="empty">This audit was made before audits kept where pictures lie. Make it again, or '
            "<code>auditor rejudge --with-model</code>, to see them here.</p>"
        )
        return
    points = _points_of(session, spaces[0])
    concepts = atlas_concepts(session.connection)
    paint = session.place.paint if session.place.paint != "concept" or concepts else PAINTS[0]
    _show_choice(session, spaces, paint, concepts)
    colours, legend = _painted(session, points, paint, concepts)
    markup.draw(
        "atlas",
        legend=legend,
        area=session.place.area,
        url=session.place.but(view="atlas", picture=None).url().removeprefix("?"),
    )
    # An element of its own, which is sent again when the colours change and not with every click.
    markup.show(f'<div class="atlas"><div class="plane" data-points="{packed(points.places, colours)}"></div></div>')
    markup.draw("atlas_reads", painted_by_concept=paint == "concept")
    _show_pictures(session, points)


def ids_inside(session: Session) -> tuple[str, ...]:
    """Pictures of the part of the atlas that the place names, in the order in which they are shown."""
    spaces = _spaces(session)
    return _inside(_points_of(session, spaces[0]), session.place.area) if spaces else ()


def _spaces(session: Session) -> list[AtlasSpace]:
    """The planes that the audit holds, that which the place names first."""
    held = atlas_spaces(session.connection)
    return sorted((space for space in _SPACE_WORDS if space in held), key=lambda space: space != session.place.space)


def _points_of(session: Session, space: AtlasSpace) -> AtlasPoints:
    return _points(str(session.audit_dir), identity_of(session.audit_dir), space, session.connection)


@st.cache_resource(show_spinner=False, max_entries=2)
def _points(folder: str, identity: Identity | None, space: AtlasSpace, _connection: Connection) -> AtlasPoints:
    """The pictures of a plane; all but the connection is what the cache goes by."""
    return atlas_points(_connection, space)


def _inside(points: AtlasPoints, area: str) -> tuple[str, ...]:
    if not area:
        return ()
    return tuple(points.image_ids[row] for row in np.flatnonzero(inside(points.places, corners_of(area))))


def _show_choice(session: Session, spaces: list[AtlasSpace], paint: str, concepts: dict[str, str]) -> None:
    place, space = session.place, spaces[0]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        if len(spaces) > 1:
            changed = session.follow("space", space, lambda name: {"space": name or space, "area": "", "among": None})
            st.segmented_control(
                "Alike by", list(_SPACE_WORDS), key="space", on_change=changed, format_func=_SPACE_WORDS.__getitem__
            )
        paints = [name for name in PAINTS if name != "concept" or concepts]
        if not session.has_calls:
            paints = [name for name in paints if name not in ("called", "wrong")]
        changed = session.follow("paint", paint, lambda name: {"paint": name or paint, "page": place.page})
        st.segmented_control(
            "Coloured by", paints, key="paint", on_change=changed, format_func=_PAINT_WORDS.__getitem__
        )
        if paint == "concept":
            chosen = place.concept if place.concept in concepts else next(iter(concepts))
            changed = session.follow("painted", chosen, lambda name: {"concept": name, "page": place.page})
            st.selectbox(
                "Concept",
                list(concepts),
                key="painted",
                on_change=changed,
                format_func=lambda one: markup.label(concepts[one], 40),
                width=260,
            )
        elif paint != "wrong":
            names = session.run.class_names
            only = place.class_name if place.class_name in names else None
            changed = session.follow("only", only, lambda name: {"class_name": name, "page": place.page})
            st.selectbox(
                "One class alone",
                names,
                key="only",
                on_change=changed,
                format_func=lambda name: markup.label(name, 40),
                width=260,
                placeholder="all",
            )


def _painted(
    session: Session, points: AtlasPoints, paint: str, concepts: dict[str, str]
) -> tuple[IntArray, list[Coloured]]:
    """A colour (N,) for every picture, 0 is grey, and what they mean."""
    if paint == "wrong":
        codes = {1: (0, "right"), 0: (1, "wrong"), -1: (2, "not known")}
        colours = np.select([points.correct == 0, points.correct < 0], [1, 2], 0)
        counts = Counter(points.correct.tolist())
        return colours, [Coloured(colour, word, counts[code]) for code, (colour, word) in codes.items() if counts[code]]
    if paint == "concept":
        place = session.place
        concept_id = place.concept if place.concept in concepts else next(iter(concepts))
        shown, known = showing(session.connection, concept_id, points.image_ids)
        colours = np.select([shown, known], [1, 0], 2)
        words = ("without it", f"with {concepts[concept_id]}", "not known")
        counts = Counter(colours.tolist())
        return colours, [Coloured(colour, words[colour], counts[colour]) for colour in (1, 0, 2) if counts[colour]]
    return _by_class(session, points.label_idx if paint == "label" else points.predicted_idx)


def _by_class(session: Session, class_idx: IntArray) -> tuple[IntArray, list[Coloured]]:
    names, only = session.run.class_names, session.place.class_name
    counts = Counter(one for one in class_idx.tolist() if one >= 0)
    named = [names.index(only)] if only in names else [c for c, _ in counts.most_common(_MOST_COLOURED)]
    colour_of = np.zeros(len(names) + 1, np.int64)  # the last is of those without a class
    for colour, c in enumerate(sorted(named), start=1):
        colour_of[c] = colour
    colours = colour_of[class_idx]
    legend = [
        Coloured(int(colour_of[c]), names[c], counts[c], session.url(view="atlas", class_name=names[c]))
        for c in sorted(named)
    ]
    others = len(counts) - len([c for c in named if counts[c]])
    n_grey = int((colours == 0).sum())
    if n_grey:
        word = f"{others:,} more {'class' if others == 1 else 'classes'}" if others else "none"
        legend.append(Coloured(0, word, n_grey, session.url(view="atlas", class_name=None) if only else None))
    return colours, legend


def _show_pictures(session: Session, points: AtlasPoints) -> None:
    place = session.place
    if not place.area:
        order = ", mistakes first" if session.has_calls else ""
        markup.show(f'<p class="empty">Draw around some of the points to see their pictures here{order}.</p>')
        return
    found = _inside(points, place.area)
    number = nearest_page(place.page, len(found))
    page = told(session.connection, found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], concept_id=place.concept)
    here = replace(session, place=replace(place, among="area", page=number))
    markup.draw("atlas_part", n=len(found), close_url=session.url(area="", among=None))
    show_grid(
        here,
        page,
        total=len(found),
        key="area",
        among="area",
        empty="No picture lies there: draw around more.",
        whole=lambda: found,
    )
