"""One concept across the classes: where it leads, how much hangs on it, and what counts as it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from auditor.rules import (
    ASSOCIATION,
    FILLED,
    MIN_KAPPA,
    PLACE_GIVEN,
    PLACE_TAKEN,
    RULES,
    SHARE,
    SURROUNDINGS_GIVEN,
    SURROUNDINGS_TAKEN,
    Rule,
)
from auditor.store.queries import concepts as concept_queries
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.concepts import OneConcept
from auditor.store.queries.picture_lists import Among, Selection, ids_of, read_page
from reports.dashboard import markup
from reports.dashboard.explanations import READING
from reports.dashboard.grid import show_grid
from reports.dashboard.paging import pages
from reports.dashboard.session import Session
from reports.dashboard.trust_strip import naming_of, show_trust

_PAGE_SIZE = 50
_LISTS: dict[Among, str] = {"most": "shows it most", "least": "shows it least", "said": "most of the words for a class"}


def show(session: Session) -> None:
    """Draw the view."""
    concept_id = session.place.concept
    concept = concept_queries.concept(session.connection, concept_id) if concept_id is not None else None
    if concept is None:
        _show_list(session)
        return
    _show_across(session, concept)
    if not concept.is_surroundings:
        _show_pictures(session, concept)


def _show_list(session: Session) -> None:
    missing = session.place.concept
    asked = (
        "Which words do the classes rely on?" if session.has_calls else "Which words were looked for in the pictures?"
    )
    markup.show(f'<h1>Concepts</h1><p class="question">{asked}</p>')
    if missing is not None:
        markup.show(
            f'<div class="says" role="alert"><h2>No concept {markup.text(missing, 60)} in this audit</h2>'
            "<p>Choose one of these.</p></div>"
        )
    changed = session.follow("find", session.place.find, lambda text: {"find": text.strip(), "concept": None})
    st.text_input("Concept", key="find", on_change=changed, max_chars=200, width=260)
    find, start = session.place.find, (session.place.page - 1) * _PAGE_SIZE
    rows = concept_queries.concepts(session.connection, find=find, limit=_PAGE_SIZE, start=start)
    total = rows[0].total if rows else 0
    markup.draw(
        "concepts",
        rows=[(row, _url(session, row.concept_id)) for row in rows],
        has_calls=session.has_calls,
        pages=pages(session, total, _PAGE_SIZE),
        clear_url=session.url(find="", concept=None),
    )


def _url(session: Session, concept_id: str) -> str:
    return session.url(view="concept", concept=concept_id, find="", among=None, map=None)


def _show_across(session: Session, concept: OneConcept) -> None:
    connection = session.connection
    start = (session.place.page - 1) * _PAGE_SIZE if session.place.among is None else 0
    rows = concept_queries.across_classes(connection, concept.concept_id, limit=_PAGE_SIZE, start=start)
    total = rows[0].total if rows else 0
    linked = [
        (row, session.url(view="class", class_name=row.class_name, concept=concept.concept_id, among=None, map=None))
        for row in rows
    ]
    rules = [rule for rule in RULES if rule is not SHARE and any(rule.rule_id in row.effects for row in rows)]
    has_words = session.has_calls and any(row.share is not None for row in rows)
    markup.draw(
        "concept",
        c=concept,
        naming=naming_of(session, concept.concept_id),
        leads=concept_queries.n_led(connection, concept.concept_id),
        called=picture_queries.called_pictures(connection, [concept.concept_id], limit=1).get(concept.concept_id),
        rows=linked,
        has_calls=session.has_calls,
        least_agreement=MIN_KAPPA,
        rules=rules,
        has_words=has_words,
        reads=_reads(rules, has_words=has_words),
        pages=pages(replace(session, place=replace(session.place, among=None)), total, _PAGE_SIZE),
        teach_url=None if session.read_only else session.url(view="teach", find="", among="most", class_name=None),
        all_url=session.url(view="concept", concept=None, among=None),
    )


def _reads(rules: Sequence[Rule], *, has_words: bool) -> list[tuple[str, str]]:
    """How to read the columns that are there; the share of the words has one of its own, which no rule gives."""
    read = {
        "Words": ("words", has_words),
        "Gap": ("gap", any(rule.kind == "gap" for rule in rules)),
        "Filled": ("filled", FILLED in rules),
        "Place": ("place", PLACE_TAKEN in rules or PLACE_GIVEN in rules),
        "Surroundings": ("surroundings", SURROUNDINGS_TAKEN in rules or SURROUNDINGS_GIVEN in rules),
        "Erased": ("erased", any(rule.kind == "erasure" for rule in rules)),
        "Goes with it": ("association", ASSOCIATION in rules),
    }
    return [(title, READING[name]) for title, (name, is_there) in read.items() if is_there]


def _show_pictures(session: Session, concept: OneConcept) -> None:
    place = session.place
    show_trust(session, concept, key="concept")
    lists: dict[Among, str] = (
        _LISTS
        if session.has_calls and concept.has_words
        else {name: told for name, told in _LISTS.items() if name != "said"}
    )
    among: Among = place.among if place.among in lists else "most"
    changed = session.follow("concept-among", among, lambda name: {"among": name})
    st.pills(
        "Which pictures",
        list(lists),
        key="concept-among",
        on_change=changed,
        format_func=_LISTS.__getitem__,
        label_visibility="collapsed",
    )
    # Every class's pictures: those of one class are in its own view.
    number = place.page if place.among is not None else 1
    here = replace(session, place=replace(place, class_name=None, among=among, page=number))
    selection = Selection(among, None, concept.concept_id)
    page = read_page(session.connection, selection, number)
    show_grid(
        here,
        page.pictures,
        total=page.total,
        key="concept",
        among=among,
        empty="It is not known of any picture.",
        whole=lambda: ids_of(session.connection, selection),
    )
