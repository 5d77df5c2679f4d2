"""Pictures of one class: those that carry a concept, break it, are mistakes or pulled in; to look at and to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from auditor.records import FOUND, Verdict
from auditor.store.queries import audit as queries
from auditor.store.queries import concepts as concept_queries
from auditor.store.queries.chosen_pictures import LISTS
from auditor.store.queries.picture_lists import PAGE_SIZE, Among, GridPicture, Selection, nearest_page, read_whole
from reports.dashboard import markup
from reports.dashboard.arranged import arranged, is_arranged
from reports.dashboard.drawn_maps import show_draw_maps
from reports.dashboard.grid import show_grid
from reports.dashboard.list_filters import NOTHING, show_list_filters
from reports.dashboard.listed_pictures import having_of
from reports.dashboard.picture_files import show_files
from reports.dashboard.session import Session
from reports.dashboard.trust_strip import naming_of

_MOST_CHOICES = 200
#: What a list is called in the name of its file.
_NAMES = {among: choice for choice, among in LISTS.items()}


def show(session: Session) -> None:
    """Draw the view."""
    verdicts = queries.verdicts(session.connection)
    verdict = next((one for one in verdicts if one.class_name == session.place.class_name), None)
    asked = "Which pictures carry it, and which break it?" if session.has_calls else "Which show it, and which do not?"
    markup.show(f'<h1>Pictures</h1><p class="question">{asked}</p>')
    if verdict is None:
        _show_choice(session, verdicts)
        return
    concept_id = session.place.concept or verdict.concept_id
    concept = concept_queries.concept(session.connection, concept_id) if concept_id else None
    naming = naming_of(session, concept_id)
    term = naming.shown_as if naming and naming.shown_as else concept.concept if concept else None
    names = list_names(term, has_model=session.has_calls)
    among = session.place.among if session.place.among in names else next(iter(names))
    here = replace(session, place=replace(session.place, concept=concept_id, among=among))
    markup.draw(
        "pictures_head",
        verdict=verdict,
        concept=concept.concept if concept else None,
        naming=naming,
        kind=concept.concept_kind if concept else None,
        class_url=session.url(**{**NOTHING, "view": "class", "class_name": verdict.class_name, "among": None}),
        all_url=session.url(**{**NOTHING, "class_name": None, "concept": None, "among": None}),
    )
    changed = session.follow("kind", among, lambda name: {"among": name or among, "concept": concept_id})
    st.pills(
        "Which pictures",
        list(names),
        key="kind",
        on_change=changed,
        format_func=names.__getitem__,
        label_visibility="collapsed",
    )
    of_list = Selection(among, verdict.class_idx, concept_id)
    whole = read_whole(session.connection, replace(of_list, having=having_of(session.place)))
    kept = arranged(whole, session.place)
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        _show_files(here, kept, verdict, concept.concept if concept else None, among)
    show_draw_maps(here, [one.image_id for one in kept], verdict.class_idx, concept_id, row)
    show_list_filters(here, whole, of_list)
    number = nearest_page(session.place.page, len(kept))
    here = replace(here, place=replace(here.place, page=number))
    show_grid(
        here,
        kept[(number - 1) * PAGE_SIZE : number * PAGE_SIZE],
        total=len(kept),
        key="pictures-of",
        class_idx=verdict.class_idx,
        among=among,
        whole=lambda: [one.image_id for one in kept],
        empty="No picture belongs here." if not is_arranged(session.place) else "No picture is left by these ranges.",
    )


def list_names(concept: str | None, *, has_model: bool) -> dict[Among, str]:
    """The lists that there are, those first that decide the matter; without a model there are no mistakes."""
    found: dict[Among, str] = {}
    if concept is not None:
        term = markup.label(concept, 30)
        found |= {"without": f"without {term}" if not has_model else f"breaking: without {term}"}
        found |= {"with": f"with {term}" if not has_model else f"carrying: with {term}"}
    if has_model:
        found |= {"mistakes": "mistakes"}
        if concept is not None:
            found |= {"pulled": "pulled: of other classes"}
    return {**found, "all": "all"}


def _show_choice(session: Session, verdicts: Sequence[Verdict]) -> None:
    told = [one for one in verdicts if one.verdict in FOUND or one.concept_id is not None]
    rest = [one for one in verdicts if one not in told]
    rows = [*told, *rest][:_MOST_CHOICES]
    markup.draw(
        "class_choice",
        has_head=True,
        rows=[(one, session.url(class_name=one.class_name, concept=one.concept_id, among=None)) for one in rows],
        n_more=len(verdicts) - len(rows),
        missing=session.place.class_name,
        overview_url=session.url(view="overview", class_name=None),
    )


def _show_files(
    session: Session, kept: Sequence[GridPicture], verdict: Verdict, concept: str | None, among: Among
) -> None:
    """The list as files: what the ranges leave, all pages of it, in this order."""
    name = (_NAMES.get(among, among), verdict.class_name, concept if among != "mistakes" else None)
    show_files(kept, *name, key="pictures")
    if is_arranged(session.place):
        clear = session.url(**NOTHING)
        markup.show(f'<p class="grey">{markup.link(clear, "all of the list, in its own order")}</p>')
