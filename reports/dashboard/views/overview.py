"""Overview: which classes rely on what they should not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace

import streamlit as st

from auditor.errors import AuditorError
from auditor.figures import counted, reach
from auditor.gate.decision import GateDecision
from auditor.gate.decision_words import ReleaseWords, basis, release_words
from auditor.records import FOUND, Verdict
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection, VerdictCounts
from auditor.store.queries.chosen_pictures import LISTS, deciding_choice
from auditor.store.queries.concept_holders import concept_holders
from reports.dashboard import class_list, markup
from reports.dashboard.audits import Identity, identity_of
from reports.dashboard.explanations import READING
from reports.dashboard.finding_cards import finding_cards, worst_classes
from reports.dashboard.session import Session
from reports.dashboard.standing import review_of
from reports.dashboard.trust_strip import naming_of, tally_of
from reports.dashboard.views import matrix
from reports.dashboard.views.faithfulness import show_faithfulness
from reports.dashboard.views.repairs import show_repairs
from reports.display import VERDICT_SHAPES, VERDICT_WORDS, missed_at_most, told_counts
from reports.page.actions import actions
from reports.page.html_report import headline
from reports.page.records import Card
from reports.what_now import folder_from_here
from reports.written.concept_lines import core_lines

_WORST = 3
#: Clean classes named in their line; and from how many lines on they are folded into it.
_MOST_FOLDED = 24
_FILTERS = ("verdicts", "kinds", "find")


def show(session: Session) -> None:
    """Draw the view."""
    verdicts = queries.verdicts(session.connection)
    _show_top(session, verdicts)
    if not verdicts:
        return
    title = "Classes by severity" if session.has_calls else "Classes and what goes with them"
    markup.show(f'<h2 class="part">{title}</h2>')
    _show_filters(session, verdicts)
    rows = class_list.listed(verdicts, session.place)
    _show_table(session, verdicts, rows)
    st.download_button(
        f"{counted(len(rows), 'class', 'classes')} as CSV",
        class_list.as_csv(rows),
        "classes.csv",
        "text/csv",
        on_click="ignore",
        key="csv",
        help="The classes that the filters leave, in this order",
    )
    if session.has_calls:
        matrix.show_first(session, rows)
    show_repairs(session)
    show_faithfulness(session)


def _show_top(session: Session, verdicts: Sequence[Verdict]) -> None:
    counts = VerdictCounts(**{name: sum(v.verdict == name for v in verdicts) for name in VERDICT_SHAPES})
    numbers = told_counts(counts)
    decision, release = _standing(session)
    worst = worst_classes(decision, verdicts, _WORST)
    cards = _cards(str(session.audit_dir), identity_of(session.audit_dir), worst, session.connection)
    markup.draw(
        "overview_top",
        run=session.run,
        n_pictures=queries.picture_count(session.connection),
        has_calls=session.has_calls,
        headline=headline(counts, no_model=session.run.data_alone),
        counts=numbers,
        counts_with_urls=[
            (verdict, number, _toggled(session, verdict), session.place.verdicts == (verdict,))
            for verdict, number in numbers
        ],
        core=core_lines(session.connection),
        cards=[(card, _ways(session, card, decision)) for card in cards],
        release=release if verdicts and session.has_calls else None,
        basis=basis(decision) if decision.summary else "by policy and baseline that are there now",
        review_url=None
        if session.read_only or not decision.items
        else session.url(view="review", class_name=None, concept=None),
        n_classes=len(verdicts),
        n_analysed=counts.analysed,
        seen=reach(verdict.detectable_effect for verdict in verdicts),
    )


def _standing(session: Session) -> tuple[GateDecision, ReleaseWords]:
    """What the gate says with the policy and the baseline that are there now; where it cannot, why."""
    try:
        decision = review_of(session).decision
    except AuditorError as error:
        decision = GateDecision(2, "", ())
        return decision, replace(release_words(decision), why=str(error))
    return decision, release_words(decision)


@st.cache_data(show_spinner=False, max_entries=8)
def _cards(folder: str, identity: Identity | None, classes: list[int], _connection: Connection) -> list[Card]:
    """The worst classes in their order; all but the connection is what the cache goes by."""
    by_class = {verdict.class_idx: verdict for verdict in queries.verdicts(_connection)}
    return finding_cards(_connection, [by_class[class_idx] for class_idx in classes])


def _ways(session: Session, card: Card, decision: GateDecision) -> SimpleNamespace:
    """What can be done about a finding from its card."""
    verdict = card.verdict
    here = {"class_name": verdict.class_name, "concept": verdict.concept_id, "picture": None}
    asked = actions(verdict, decision.items, folder_from_here(session.audit_dir), session.run)
    accept = asked.accept is not None and not session.read_only
    shown = verdict.concept_id is not None and verdict.verdict in FOUND
    return SimpleNamespace(
        accept=session.url(view="review", **here) if accept else None,
        evidence=_class_url(session, verdict),
        pictures=session.url(view="pictures", among=LISTS[deciding_choice(verdict)], **here) if shown else None,
        fix=asked.fix,
        tally=tally_of(session, verdict.concept_id),
        naming=naming_of(session, verdict.concept_id),
    )


def _toggled(session: Session, verdict: str) -> str:
    return session.url(verdicts=() if session.place.verdicts == (verdict,) else (verdict,))


def _class_url(session: Session, verdict: Verdict) -> str:
    return session.url(view="class", class_name=verdict.class_name, concept=None, picture=None)


def _show_filters(session: Session, verdicts: Sequence[Verdict]) -> None:
    place = session.place
    present = [name for name in VERDICT_SHAPES if any(verdict.verdict == name for verdict in verdicts)]
    kinds = class_list.kinds_of(verdicts)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="filters"):
        changed = session.follow("find", place.find, lambda text: {"find": text.strip()})
        st.text_input("Class or concept", key="find", on_change=changed, max_chars=200, width=260)
        if session.has_calls or place.verdicts:
            _choice(session, "verdicts", "Verdict", present, _verdict_label, READING["verdict"])
        if len(kinds) > 1 or place.kinds:
            _choice(session, "kinds", "Kind of the concept", kinds, _kind_label, READING["kind"])


def _verdict_label(name: str) -> str:
    return f"{VERDICT_SHAPES[name]} {VERDICT_WORDS[name]}"


def _kind_label(kind: str) -> str:
    return markup.label(kind.replace("_", " "), 30)


def _choice(
    session: Session, field: str, title: str, options: Sequence[str], label: Callable[[str], str], reading: str
) -> None:
    """Several of some options, as a field of the place."""
    chosen = [one for one in getattr(session.place, field) if one in options]
    changed = session.follow(field, chosen, lambda names: {field: tuple(names)})
    st.pills(
        title,
        options,
        selection_mode="multi",
        key=field,
        on_change=changed,
        width="content",
        format_func=label,
        help=reading,
    )


def _show_table(session: Session, verdicts: Sequence[Verdict], rows: Sequence[Verdict]) -> None:
    place = session.place
    filtered = any(getattr(place, name) for name in _FILTERS)
    clean = [verdict for verdict in rows if verdict.verdict == "clean"]
    folds = not filtered and place.sort == "severity" and bool(clean)
    shown = [verdict for verdict in rows if verdict.verdict != "clean"] if folds else rows
    page, number, n_pages = class_list.page_of(shown, place.page)
    markup.draw(
        "classes",
        rows=[(verdict, _class_url(session, verdict)) for verdict in page],
        has_calls=session.has_calls,
        # a column that no class of the audit fills is none
        has_words=session.has_calls and any(verdict.share is not None for verdict in verdicts),
        has_gaps=session.has_calls and any(verdict.gap is not None for verdict in verdicts),
        held={} if session.has_calls else concept_holders(session.connection),
        n_all=0 if folds else len(verdicts),
        folded=[(verdict, _class_url(session, verdict)) for verdict in clean[:_MOST_FOLDED]] if folds else [],
        n_folded=len(clean),
        clean_url=session.url(verdicts=("clean",)),
        clear_url=session.url(verdicts=(), kinds=(), find=""),
        missed=missed_at_most(clean),
        seen=reach(verdict.detectable_effect for verdict in clean),
        sorted_by=place.sort,
        sort_urls={name: session.url(sort=name) for name in ("severity", *class_list.SORTED)},
        page=number,
        n_pages=n_pages,
        before_url=session.url(page=number - 1) if number > 1 else None,
        after_url=session.url(page=number + 1) if number < n_pages else None,
    )
