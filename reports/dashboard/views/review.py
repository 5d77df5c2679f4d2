"""Review: a person accepts a finding or marks it a false alarm; the baseline changes as the diff on the page says."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from auditor.errors import AuditorError, InputError
from auditor.gate.acceptance import ACCEPTED_DAYS, git_user, today_utc
from auditor.gate.baseline import EntryState
from auditor.gate.baseline_review import BaselineConflictError, Proposal, Written, preview, write_review
from auditor.gate.decision_words import LEVEL_SHAPES, STATE_WORDS, outcome, release_words
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection
from reports.dashboard import markup
from reports.dashboard.audits import Identity, identity_of
from reports.dashboard.finding_cards import finding_cards
from reports.dashboard.paging import pages
from reports.dashboard.review_items import (
    Judgement,
    Review,
    ToReview,
    found_of,
    named,
    proposal_for,
    withdrawal_of,
)
from reports.dashboard.session import Session
from reports.dashboard.standing import review_of
from reports.dashboard.trust_strip import naming_of, tally_of
from reports.page.records import Card

_PER_PAGE = 40
_CHOICES: dict[EntryState, str] = {
    "accepted": "Accept it: it is so, and the release may ship with it",
    "false alarm": "False alarm: I looked at the pictures, and it is not so",
}
#: Key of the steps in the state of the browser's session.
_STEP = "review-step"
#: Key of what was marked, by audit, in the same state; and what a step is about that is of all of it.
_MARKED, _TOGETHER = "review-marked", "marked"


@dataclass(frozen=True, slots=True)
class _Step:
    """How far the review of one finding, or of all that are marked, has come; with ``written`` it is done."""

    fingerprint: str
    proposal: Proposal
    conflict: BaselineConflictError | None = None
    written: Written | None = None


def show(session: Session) -> None:
    """Draw the view."""
    markup.show('<h1>Review</h1><p class="question">Which findings may ship, and why?</p>')
    if session.read_only:
        raise InputError("this dashboard only reads; start it without --read-only to review findings")
    review = review_of(session)
    _say_decision(review)
    place = session.place
    finding = review.finding(place.class_name, place.concept)
    step = st.session_state.get(_STEP)
    if isinstance(step, _Step) and step.written is not None:
        _say_written(session, review, step.written)
        step = st.session_state.pop(_STEP)
    elif finding is None and place.concept is not None:
        markup.draw("review_says", what="missing", class_name=place.class_name, concept=place.concept)
    marked = _marked(session, review)
    if finding is not None:
        _show_finding(session, review, finding, marked)
    asked = step if isinstance(step, _Step) and step.written is None else None
    if marked:
        _together(session, review, marked, asked)
    elif finding is not None and asked is not None and asked.fingerprint == finding.item.fingerprint:
        _ask(review, asked)
    elif finding is not None:
        _form(session, review, finding)
    _list(session, review, marked)


def _marked(session: Session, review: Review) -> dict[str, EntryState]:
    """What was marked in this browser of the findings that are still to be judged, by fingerprint."""
    marked: dict[str, EntryState] = st.session_state.setdefault(_MARKED, {}).setdefault(str(session.audit_dir), {})
    open_ones = {one.item.fingerprint for one in review.findings if one.item.state not in ("accepted", "stale")}
    for fingerprint in [one for one in marked if one not in open_ones]:
        del marked[fingerprint]
    return marked


def _show_finding(session: Session, review: Review, finding: ToReview, marked: dict[str, EntryState]) -> None:
    """One of the queue: its pictures, figure and sentence, the ways to those beside it, and what it is."""
    at = review.findings.index(finding)
    before = review.findings[at - 1] if at else None
    after = review.findings[at + 1] if at + 1 < len(review.findings) else None
    url = session.url(view="class", class_name=finding.item.class_name, concept=None, find="")
    verdict = finding.verdict
    leads = verdict is not None and verdict.concept_id == finding.item.concept_id
    key = (str(session.audit_dir), identity_of(session.audit_dir))
    markup.draw(
        "review_finding",
        item=finding.item,
        verdict=verdict,
        url=url,
        card=_card(*key, verdict.class_idx, session.connection) if verdict is not None and leads else None,
        tally=tally_of(session, finding.item.concept_id),
        naming=naming_of(session, finding.item.concept_id),
        position=at + 1,
        total=len(review.findings),
        before_url=_url(session, before) if before else None,
        after_url=_url(session, after) if after else None,
        marked=marked.get(str(finding.item.fingerprint)),
    )
    if finding.item.state in ("accepted", "stale"):
        return
    following = next(
        (one for one in (*review.findings[at + 1 :], *review.findings[:at]) if _is_open(one, marked)), finding
    )

    def mark(state: EntryState | None) -> None:
        if state is None:
            marked.pop(str(finding.item.fingerprint), None)
            return
        marked[str(finding.item.fingerprint)] = state
        session.go(class_name=following.item.class_name, concept=named(following.item))

    with st.container(horizontal=True):
        st.button("Mark as accepted", key="mark-a", shortcut="a", on_click=mark, args=("accepted",))
        st.button("Mark as false alarm", key="mark-f", shortcut="f", on_click=mark, args=("false alarm",))
        if str(finding.item.fingerprint) in marked:
            st.button("Take the mark off", key="mark-none", on_click=mark, args=(None,))


def _is_open(finding: ToReview, marked: dict[str, EntryState]) -> bool:
    return finding.item.state not in ("accepted", "stale") and str(finding.item.fingerprint) not in marked


@st.cache_data(show_spinner=False, max_entries=64)
def _card(folder: str, identity: Identity | None, class_idx: int, _connection: Connection) -> Card:
    """Pictures and figure of a class; all but the connection is what the cache goes by."""
    found = [verdict for verdict in queries.verdicts(_connection) if verdict.class_idx == class_idx]
    return finding_cards(_connection, found)[0]


def _together(session: Session, review: Review, marked: dict[str, EntryState], asked: _Step | None) -> None:
    """One reason for all that is marked; what the gate would say then comes before anything is written."""
    judged = [(one, marked[str(one.item.fingerprint)]) for one in review.findings if one.item.fingerprint in marked]
    markup.draw("review_marked", judged=[(one.item, state, _url(session, one)) for one, state in judged])
    if asked is not None and asked.fingerprint == _TOGETHER:
        _ask(review, asked)
        return
    with st.form("review-together"):
        said = _why(session, "", today_utc())
        submitted = st.form_submit_button("Show the change", type="primary")
    if submitted:
        today, path = today_utc(), session.baseline_path
        _take(_TOGETHER, lambda: proposal_for(judged, review, path, said, today=today))


def _say_decision(review: Review) -> None:
    decision = review.decision
    paths = (("policy", decision.policy_path), ("baseline", decision.baseline_path))
    used = ", ".join(f"{name} {path}" for name, path in paths if path is not None)
    markup.draw(
        "review_gate",
        decision=decision,
        release=release_words(decision),
        used=used or "default policy, no baseline",
        unjudged=review.unjudged,
    )


def _list(session: Session, review: Review, marked: dict[str, EntryState]) -> None:
    place = session.place
    if review.findings:
        follow = session.follow("review-find", place.find, lambda text: {"find": text})
        st.text_input("Class", key="review-find", on_change=follow, placeholder="part of a name", width=480)
    find = place.find.casefold()
    found = [one for one in review.findings if find in one.item.class_name.casefold()]
    where = pages(session, len(found), _PER_PAGE)
    shown = found[(where.number - 1) * _PER_PAGE : where.number * _PER_PAGE]
    here = place.class_name, place.concept
    markup.draw(
        "review_findings",
        rows=[(one, _url(session, one), here == (one.item.class_name, named(one.item))) for one in shown],
        n_all=len(review.findings),
        found_of=found_of,
        marked=marked,
        level_shapes=LEVEL_SHAPES,
        state_words=STATE_WORDS,
        pages=where,
    )


def _url(session: Session, one: ToReview) -> str:
    return session.url(class_name=one.item.class_name, concept=named(one.item), page=session.place.page)


def _form(session: Session, review: Review, finding: ToReview) -> None:
    """What the reviewer says of the finding; nothing is written yet."""
    key, today, entry = f"review-{finding.item.fingerprint}", today_utc(), finding.entry
    fingerprint = str(finding.item.fingerprint)
    if finding.item.state != "stale":
        with st.form(key):
            states = list(_CHOICES)
            position = states.index(entry.state) if entry else 0
            state = st.radio("What is it?", states, index=position, format_func=lambda state: _CHOICES[state])
            said = _why(session, entry.reason if entry else "", today)
            submitted = st.form_submit_button("Show the change", type="primary")
        if submitted:
            judged = [(finding, state)]
            _take(fingerprint, lambda: proposal_for(judged, review, session.baseline_path, said, today=today))
    if entry is not None and st.button("Take the entry out", key=f"{key}-out"):
        _take(fingerprint, lambda: withdrawal_of(finding, review, session.baseline_path))


def _why(session: Session, reason: str, today: datetime.date) -> Judgement:
    """The fields of why, by whom and until when."""
    why = "In words: it stands in every report, and the next reviewer reads it."
    given = st.text_area("Why", value=reason, max_chars=2000, help=why)
    who = st.text_input("Who", value=git_user(session.baseline_path.absolute().parent), max_chars=200)
    last = today + datetime.timedelta(days=ACCEPTED_DAYS)
    until = "The last day on which it counts; then somebody has to look again."
    return Judgement(given, who, st.date_input("Until", value=last, min_value=today, help=until))


def _take(about: str, propose: Callable[[], Proposal]) -> None:
    """Go on to the diff of what is proposed, or say in one line why it cannot be."""
    try:
        proposal = propose()
        if not preview(proposal):
            raise InputError("the baseline says so already")
    except AuditorError as error:
        _say_error(error)
        return
    st.session_state[_STEP] = _Step(about, proposal)
    st.rerun()


def _ask(review: Review, step: _Step) -> None:
    """The diff, to be written or not; or, where somebody else was at the same entry, both sides."""
    if step.conflict is None:
        after = release_words(review.decision_with(step.proposal, today_utc()))
        markup.draw("review_says", what="change", path=str(step.proposal.path), after=after)
        words = ("Write it", "Discard it")
    else:
        markup.draw("review_says", what="conflict", conflicts=step.conflict.conflicts)
        words = ("Replace theirs by mine", "Keep theirs")
    st.code(preview(step.proposal), language="diff", wrap_lines=True)
    with st.container(horizontal=True):
        write = st.button(words[0], type="primary", key="review-write")
        discard = st.button(words[1], key="review-discard")
    if discard:
        del st.session_state[_STEP]
        st.rerun()
    if not write:
        return
    try:
        st.session_state[_STEP] = replace(step, conflict=None, written=write_review(step.proposal))
    except BaselineConflictError as conflict:
        over = step.proposal.over(conflict.found)
        st.session_state[_STEP] = replace(step, proposal=over, conflict=conflict)
    except AuditorError as error:
        _say_error(error)
        return
    st.rerun()


def _say_written(session: Session, review: Review, written: Written) -> None:
    following = next((one for one in review.findings if one.item.level == "error"), None)
    markup.draw(
        "review_says",
        what="written",
        path=str(session.baseline_path),
        outcome=outcome(review.decision),
        merged=written.merged,
        next=following.item if following else None,
        next_url=_url(session, following) if following else "",
    )


def _say_error(error: AuditorError) -> None:
    markup.draw("review_says", what="error", line=str(error))
