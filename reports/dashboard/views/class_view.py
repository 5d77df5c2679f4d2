"""One class: what the model relies on, how sure that is, the pictures that show it, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import get_args

import streamlit as st

from auditor.records import FOUND, Verdict
from auditor.store.queries import audit as queries
from auditor.store.queries import concepts as concept_queries
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.picture_lists import Among, Selection, ids_of, read_page
from reports.dashboard import charts, class_list, markup
from reports.dashboard.audits import Identity, identity_of
from reports.dashboard.grid import show_grid
from reports.dashboard.session import Session
from reports.dashboard.trust_strip import naming_of, show_trust, tally_of
from reports.page import class_evidence
from reports.page.chart_rows import DosePoint, Estimate, ShareBar
from reports.page.pictures import PictureBudget, Sizes
from reports.page.records import Section, Tile
from reports.page.sections import Extent, Sections, anchors

_EXTENT, _BUDGET = Extent(4, 3, 4, 4, Sizes()), 3_000_000
_MOST_CHOICES = 200
#: Concepts that the table shows, and those folded below it.
_FEW_WORDS, _MANY_WORDS = 10, 60


@dataclass(frozen=True, slots=True)
class _Story:
    """What the report says of a class, and the rows of its charts."""

    section: Section
    estimates: list[Estimate]
    word_bars: list[ShareBar]
    dose_of: str
    dose_points: list[DosePoint]


def show(session: Session) -> None:
    """Draw the view."""
    verdicts = queries.verdicts(session.connection)
    listed = class_list.listed(verdicts, session.place)
    verdict = next((one for one in verdicts if one.class_name == session.place.class_name), None)
    if verdict is None:
        _show_choice(session, listed or verdicts)
        return
    _show_head(session, verdict, listed)
    leading = concept_queries.concept(session.connection, verdict.concept_id) if verdict.concept_id else None
    asked = leading is not None and show_trust(session, leading, key="class")
    key = (str(session.audit_dir), identity_of(session.audit_dir), verdict.class_idx)
    story = _story(*key, session.connection)
    markup.draw(
        "class_story",
        s=story.section,
        v=verdict,
        estimates=story.estimates,
        word_bars=story.word_bars,
        tally=tally_of(session, verdict.concept_id),
        naming=None if asked else naming_of(session, verdict.concept_id),
        has_calls=session.has_calls,
        tile_url=partial(_tile_url, session, verdict),
    )
    if story.dose_points:
        markup.draw("dose_head")
        spec = charts.dose_chart(story.dose_points, story.dose_of, st.context.theme.type or "light")
        st.vega_lite_chart(spec=spec, theme=None, width="content")
    _show_words(session, verdict, words_doubted=story.section.words_doubted)
    _show_pictures(session, verdict)
    # What was asked above is not shown again.
    section = replace(story.section, strip=None) if asked else story.section
    groups_url = session.url(view="groups", group=None)
    markup.draw("class_rest", s=section, v=verdict, has_calls=session.has_calls, groups_url=groups_url)


def _show_choice(session: Session, rows: Sequence[Verdict]) -> None:
    shown = rows[:_MOST_CHOICES]
    markup.draw(
        "class_choice",
        has_head=False,
        rows=[(verdict, _url(session, verdict)) for verdict in shown],
        n_more=len(rows) - len(shown),
        missing=session.place.class_name,
        overview_url=session.url(view="overview", class_name=None),
    )


def _url(session: Session, verdict: Verdict) -> str:
    return session.url(view="class", class_name=verdict.class_name, concept=None, picture=None, among=None, map=None)


def _show_head(session: Session, verdict: Verdict, listed: Sequence[Verdict]) -> None:
    before, after = class_list.beside(listed, verdict.class_idx)
    reviewed = verdict.verdict in FOUND and not session.read_only
    position = next((place for place, one in enumerate(listed, 1) if one.class_idx == verdict.class_idx), None)
    markup.draw(
        "class_head",
        has_calls=session.has_calls,
        v=verdict,
        before=before,
        before_url=before and _url(session, before),
        after=after,
        after_url=after and _url(session, after),
        position=position,
        n_listed=len(listed),
        review_url=session.url(view="review", concept=verdict.concept_id) if reviewed else None,
    )


@st.cache_data(show_spinner=False, max_entries=32)
def _story(folder: str, identity: Identity | None, class_idx: int, _connection: Connection) -> _Story:
    """What there is to tell of a class; all but the connection is what the cache goes by."""
    verdict = next(one for one in queries.verdicts(_connection) if one.class_idx == class_idx)
    budget = PictureBudget(_BUDGET, _EXTENT.sizes)
    section = Sections(_connection, [verdict], anchors([verdict]), _EXTENT, budget).section(verdict, charts=False)
    leading = [one for one in queries.findings(_connection, class_idx) if one.concept_id == verdict.concept_id]
    concepts = queries.class_concepts(_connection, class_idx, limit=class_evidence.WORDS_SHOWN)
    residual = picture_queries.mean_residuals(_connection).get(class_idx)
    return _Story(
        section,
        class_evidence.estimates(leading, verdict.rule_id),
        class_evidence.word_bars(concepts, verdict, residual),
        *class_evidence.dose_points(queries.dose_responses(_connection, class_idx), verdict),
    )


def _tile_url(session: Session, verdict: Verdict, tile: Tile, side: str) -> str:
    among = side if side in get_args(Among) else "all"
    return session.url(view="picture", picture=tile.image_id, among=among, concept=verdict.concept_id)


def _show_words(session: Session, verdict: Verdict, *, words_doubted: bool) -> None:
    connection, class_idx, leading = session.connection, verdict.class_idx, verdict.concept_id
    rows = concept_queries.words_of_class(connection, class_idx, leading=leading, limit=_MANY_WORDS)
    linked = [(row, session.url(view="concept", concept=row.concept_id, among=None, map=None)) for row in rows]
    markup.draw(
        "class_words",
        v=verdict,
        rows=linked[:_FEW_WORDS],
        more_rows=linked[_FEW_WORDS:],
        words_doubted=words_doubted,
        has_calls=session.has_calls,
        n_unlisted=rows[0].total - len(rows) if rows else 0,
    )


def _show_pictures(session: Session, verdict: Verdict) -> None:
    """A page of the class's pictures: with the concept, without it, mistakes, and the maps over them."""
    concept_id = session.place.concept or verdict.concept_id
    concept = concept_queries.concept(session.connection, concept_id) if concept_id else None
    names = _lists(verdict, concept, has_calls=session.has_calls)
    markup.draw("class_pictures", v=verdict, concept=concept, has_calls=session.has_calls)
    among = session.place.among if session.place.among in names else next(iter(names))
    changed = session.follow("among", among, lambda name: {"among": name})
    st.pills(
        "Which pictures",
        list(names),
        key="among",
        on_change=changed,
        format_func=names.__getitem__,
        label_visibility="collapsed",
    )
    here = replace(session, place=replace(session.place, concept=concept_id, among=among))
    selection = Selection(among, verdict.class_idx, concept_id)
    page = read_page(session.connection, selection, session.place.page)
    show_grid(
        here,
        page.pictures,
        total=page.total,
        key="pictures",
        class_idx=verdict.class_idx,
        among=among,
        whole=lambda: ids_of(session.connection, selection),
    )


def _lists(verdict: Verdict, concept: concept_queries.OneConcept | None, *, has_calls: bool) -> dict[Among, str]:
    """The lists that there are, those first that decide the matter, with their words; mistakes are those of a model."""
    name = markup.label(verdict.class_name, 30)
    mistakes: dict[Among, str] = {"mistakes": "mistakes"} if has_calls else {}
    if concept is None:
        return {"all": f"all of {name}", **mistakes}
    term = markup.label(concept.concept, 30)
    pulled: dict[Among, str] = {"pulled": f"others with {term}, called {name}"} if has_calls else {}
    return {"without": f"without {term}", "with": f"with {term}", **mistakes, **pulled, "all": "all"}
