"""Teach: tick pictures that show a thing and pictures that do not; the lists are what the next run learns it from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast, get_args

import streamlit as st

from auditor.errors import AuditorError, InputError
from auditor.rules import MIN_EXAMPLES
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.concepts import concept_terms
from auditor.store.queries.picture_lists import PAGE_SIZE, Among, GridPicture, Selection, read_page
from reports.dashboard import markup
from reports.dashboard import thumbnails as drawing
from reports.dashboard.example_lists import ExampleLists, Ticked, below
from reports.dashboard.listed_pictures import class_idx_of
from reports.dashboard.paging import pages
from reports.dashboard.session import Session

_A_ROW = 6
_CHOICES = {True: "with it", False: "without"}
#: Of the ticks in the state of the browser's session: by audit and name, what was ticked since the lists were read.
_TICKS = "teach-ticks"


def show(session: Session) -> None:
    """Draw the view."""
    markup.show('<h1>Teach</h1><p class="question">Which pictures show it, and which do not?</p>')
    if session.read_only:
        raise InputError("this dashboard only reads; start it without --read-only to tick examples")
    place = session.place
    named = session.follow("teach-name", place.find, lambda text: {"find": text.strip()})
    st.text_input("Name of the concept", key="teach-name", on_change=named, max_chars=40, width=260)
    markup.draw("teach", what="how", least=MIN_EXAMPLES, folder=str(_folder(session)))
    if not place.find:
        return
    lists = ExampleLists(_folder(session), place.find)
    selection = _choose(session)
    page = read_page(session.connection, selection, place.page)
    inside = below(lists.folder, session.run.data_path, [one.path for one in page.pictures])
    ticks: dict[str, Ticked] = st.session_state.setdefault(_TICKS, {}).setdefault((place.audit, lists.name), {})
    listed = lists.read()
    _show_pictures(session, page.pictures, inside, listed, ticks)
    markup.draw("teach", what="pages", pages=pages(session, page.total, PAGE_SIZE))
    _write(lists, listed, ticks)


def _folder(session: Session) -> Path:
    return session.baseline_path.absolute().parent.resolve()


def _choose(session: Session) -> Selection:
    """The list of pictures to tick in: those of a class or, of a concept, those that show it most or least."""
    place, names = session.place, session.run.class_names
    term = concept_terms(session.connection, [place.concept]).get(place.concept) if place.concept else None
    words: dict[tuple[Among, str | None], str] = {("all", name): markup.label(name) for name in names}
    if term is not None:
        words = {("most", None): f"most {markup.label(term)}", ("least", None): f"least {markup.label(term)}", **words}
    among = cast(Among, place.among if place.among in get_args(Among) else "all")
    here = (among, place.class_name if among == "all" else None)
    if here not in words:
        here = next(iter(words))
    changed = session.follow("teach-among", here, lambda pair: {"among": pair[0], "class_name": pair[1]})
    st.selectbox(
        "Pictures", list(words), key="teach-among", format_func=words.__getitem__, on_change=changed, width=260
    )
    return Selection(here[0], class_idx_of(place.but(class_name=here[1]), names), place.concept)


def _show_pictures(
    session: Session,
    pictures: tuple[GridPicture, ...],
    inside: dict[str, str],
    listed: dict[str, bool],
    ticks: dict[str, Ticked],
) -> None:
    thumbnails = picture_queries.thumbnails_and_paths(session.connection, [one.image_id for one in pictures])
    for start in range(0, len(pictures), _A_ROW):
        for column, picture in zip(st.columns(_A_ROW), pictures[start : start + _A_ROW], strict=False):
            path, jpeg = inside[picture.path], thumbnails.get(picture.image_id, ("", None))[1]
            with column:
                markup.draw("teach", what="tile", picture=picture, drawn=jpeg and drawing.draw(jpeg))
                key = f"teach-{session.place.find}-{picture.image_id}"
                st.session_state[key] = ticks[path].shows if path in ticks else listed.get(path)
                st.segmented_control(
                    f"{markup.label(picture.path)} shows it?",
                    list(_CHOICES),
                    key=key,
                    format_func=_CHOICES.__getitem__,
                    label_visibility="collapsed",
                    on_change=_tick(ticks, path, picture.label_name, key),
                )


def _tick(ticks: dict[str, Ticked], path: str, label: str | None, key: str) -> Callable[[], None]:
    def tick() -> None:
        ticks[path] = Ticked(path, label, st.session_state[key])

    return tick


def _write(lists: ExampleLists, listed: dict[str, bool], ticks: dict[str, Ticked]) -> None:
    shown = {**listed, **{path: one.shows for path, one in ticks.items()}}
    counts = [sum(value is wanted for value in shown.values()) for wanted in (True, False)]
    n_new = sum(one.shows is not listed.get(path) for path, one in ticks.items())  # not those that were taken back
    line = st.empty()
    with line:
        markup.draw("teach", what="counts", yes=counts[0], no=counts[1], unwritten=n_new, least=MIN_EXAMPLES)
    if st.button("Write the lists", type="primary", disabled=not n_new):
        try:
            counts = list(lists.write(list(ticks.values())))
        except AuditorError as error:
            markup.draw("review_says", what="error", line=str(error))
            return
        ticks.clear()
        with line:
            markup.draw("teach", what="counts", yes=counts[0], no=counts[1], unwritten=0, least=MIN_EXAMPLES)
        markup.draw("teach", what="written", yes=counts[0], no=counts[1], paths=[lists.path(True), lists.path(False)])
    if listed or sum(counts):
        markup.draw("teach", what="settings")
        st.code(lists.settings(), language="toml")
