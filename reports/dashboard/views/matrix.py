"""Matrix: the gap of every class on every concept, and the pictures behind a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from auditor.records import Verdict
from auditor.store.queries import audit as queries
from auditor.store.queries.concepts import concept_terms
from auditor.store.queries.matrix import has_families, matrix_cells
from auditor.store.queries.picture_lists import Among, Selection, ids_of, read_page
from reports.dashboard import class_list, markup
from reports.dashboard.grid import show_grid
from reports.dashboard.paging import pages
from reports.dashboard.session import Session
from reports.page.matrix import COLUMNS, drawn_matrix, told

#: Rows of the view, and of the part that the overview shows.
_MOST_ROWS, _FIRST_ROWS = 150, 20
_LISTS: dict[Among, str] = {"without": "without it", "with": "with it", "mistakes": "mistakes"}


def show(session: Session) -> None:
    """Draw the view."""
    verdicts = queries.verdicts(session.connection)
    markup.show(
        "<h1>Matrix</h1>"
        '<p class="question">Which class is recognised more often, or less often, with which concept?</p>'
    )
    _show_pictures(session, verdicts)
    place = session.place
    changed = session.follow("find", place.find, lambda text: {"find": text.strip()})
    st.text_input("Class or its concept", key="find", on_change=changed, max_chars=200, width=260)
    picked = place.among is not None
    start = 0 if picked else (place.page - 1) * COLUMNS  # of a list of pictures the page is that of the pictures
    _draw(session, class_list.listed(verdicts, replace(place, sort="severity")), most_rows=_MOST_ROWS, start=start)


def show_first(session: Session, rows: Sequence[Verdict]) -> None:
    """Draw the part of the matrix that stands in another view: the first of some classes."""
    markup.show('<h2 class="part">Gaps by class and concept</h2>')
    _draw(session, rows, most_rows=_FIRST_ROWS, is_part=True)


def _draw(session: Session, rows: Sequence[Verdict], *, most_rows: int, start: int = 0, is_part: bool = False) -> None:
    place = session.place.but(view="matrix", among=None, class_name=None, picture=None)
    here = replace(session, place=place)
    by = session.place.concept if session.place.sort == "gap" and not is_part else None

    def cell_url(verdict: Verdict, concept_id: str) -> str:
        return here.url(class_name=verdict.class_name, concept=concept_id, among="without", sort="severity")

    matrix = drawn_matrix(
        session.connection, rows, most_rows=most_rows, start=start, words=place.words, by=by, url=cell_url
    )
    markup.draw(
        "matrix",
        matrix=matrix,
        head_urls=[here.url(concept=head.concept_id, sort="gap", page=session.place.page) for head in matrix.columns],
        row_urls=[
            here.url(view="class", class_name=row.verdict.class_name, concept=None, sort="severity")
            for row in matrix.rows
        ],
        sorted_by=by,
        no_model=session.run.data_alone,
        words=place.words,
        families_url=here.url(words=not place.words) if has_families(session.connection) else None,
        order_url=here.url(concept=None, sort="severity") if by else None,
        whole_url=here.url() if is_part else None,
        clear_url=session.url(find="", verdicts=(), kinds=()),
        pages=None if is_part or session.place.among else pages(session, matrix.n_columns, COLUMNS),
    )


def _show_pictures(session: Session, verdicts: Sequence[Verdict]) -> None:
    """The pictures of the cell that the place names, if it names one."""
    place = session.place
    verdict = next((one for one in verdicts if one.class_name == place.class_name), None)
    if verdict is None or place.concept is None or place.among not in _LISTS:
        return
    cells = matrix_cells(session.connection, [verdict.class_idx], [place.concept])
    if not cells:
        return
    (cell,) = cells.values()
    among: Among = place.among
    term = concept_terms(session.connection, [place.concept]).get(place.concept, place.concept)
    markup.draw(
        "matrix_cell",
        told=told(cell, verdict.class_name, term),
        verdict=verdict,
        class_url=session.url(view="class", among=None),
        close_url=session.url(class_name=None, concept=None, among=None),
    )
    changed = session.follow("cell-among", among, lambda name: {"among": name})
    st.pills(
        "Which pictures",
        list(_LISTS),
        key="cell-among",
        on_change=changed,
        format_func=_LISTS.__getitem__,
        label_visibility="collapsed",
    )
    selection = Selection(among, verdict.class_idx, place.concept)
    page = read_page(session.connection, selection, place.page)
    show_grid(
        session,
        page.pictures,
        total=page.total,
        key="cell",
        class_idx=verdict.class_idx,
        among=among,
        whole=lambda: ids_of(session.connection, selection),
    )
