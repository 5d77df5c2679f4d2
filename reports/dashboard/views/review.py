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
from auditor.gate.decision_words import LEVEL_SHAPES, STATE_WORDS, outcome
from reports.dashboard import markup
from reports.dashboard.paging import pages
from reports.dashboard.review_items import (
    Judgement,
    Review,
    ToReview,
    named,
    proposal_for,
    read_review,
    withdrawal_of,
)
from reports.dashboard.session import Session

_PER_PAGE = 40
_CHOICES: dict[EntryState, str] = {
    "accepted": "Accept it: it is so, and the release may ship with it",
    "false alarm": "False alarm: I looked at the pictures, and it is not so",
}
#: Key of the steps in the state of the browser's session.
_STEP = "review-step"


@dataclass(frozen=True, slots=True)
class _Step:
    """How far the review of one finding has come; with ``written`` it is done."""

    fingerprint: str
    proposal: Proposal
    conflict: BaselineConflictError | None = None
    written: Written | None = None


def show(session: Session) -> None:
    """Draw the view."""
    markup.show('<h1>Review</h1><p class="question">Which findings may ship, and why?</p>')
    if session.read_only:
        raise InputError("this dashboard only reads; start it without --read-only to review findings")
    review = read_review(session.connection, session.baseline_path, today_utc())
    _say_decision(review)
    place = session.place
    finding = review.finding(place.class_name, place.concept)
    step = st.session_state.get(_STEP)
    if isinstance(step, _Step) and step.written is not None:
        _say_written(session, review, step.written)
        step = st.session_state.pop(_STEP)
    elif finding is None and place.class_name is not None:
        markup.draw("review_says", what="missing", class_name=place.class_name, concept=place.concept)
    if finding is not None:
        url = session.url(view="class", class_name=finding.item.class_name, concept=None, find="")
        markup.draw("review_finding", item=finding.item, verdict=finding.verdict, url=url)
        if isinstance(step, _Step) and step.written is None and step.fingerprint == finding.item.fingerprint:
            _ask(step)
        else:
            _form(session, review, finding)
    _list(session, review)


def _say_decision(review: Review) -> None:
    decision = review.decision
    paths = (("policy", decision.policy_path), ("baseline", decision.baseline_path))
    used = ", ".join(f"{name} {path}" for name, path in paths if path is not None)
    markup.draw(
        "review_gate",
        decision=decision,
        outcome=outcome(decision),
        used=used or "default policy, no baseline",
        unjudged=review.unjudged,
    )


def _list(session: Session, review: Review) -> None:
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
        level_shapes=LEVEL_SHAPES,
        state_words=STATE_WORDS,
        pages=where,
    )


def _url(session: Session, one: ToReview) -> str:
    return session.url(class_name=one.item.class_name, concept=named(one.item), page=session.place.page)


def _form(session: Session, review: Review, finding: ToReview) -> None:
    """What the reviewer says of the finding; nothing is written yet."""
    key, today, entry = f"review-{finding.item.fingerprint}", today_utc(), finding.entry
    if finding.item.state != "stale":
        with st.form(key):
            states = list(_CHOICES)
            position = states.index(entry.state) if entry else 0
            state = st.radio("What is it?", states, index=position, format_func=lambda state: _CHOICES[state])
            why = "In words: it stands in every report, and the next reviewer reads it."
            reason = st.text_area("Why", value=entry.reason if entry else "", max_chars=2000, help=why)
            who = st.text_input("Who", value=git_user(session.baseline_path.absolute().parent), max_chars=200)
            last = today + datetime.timedelta(days=ACCEPTED_DAYS)
            until = "The last day on which it counts; then somebody has to look again."
            expires = st.date_input("Until", value=last, min_value=today, help=until)
            submitted = st.form_submit_button("Show the change", type="primary")
        if submitted:
            said = Judgement(state, reason, who, expires)
            _take(finding, lambda: proposal_for(finding, review, session.baseline_path, said, today=today))
    if entry is not None and st.button("Take the entry out", key=f"{key}-out"):
        _take(finding, lambda: withdrawal_of(finding, review, session.baseline_path))


def _take(finding: ToReview, propose: Callable[[], Proposal]) -> None:
    """Go on to the diff of what is proposed, or say in one line why it cannot be."""
    try:
        proposal = propose()
        if not preview(proposal):
            raise InputError("the baseline says so already")
    except AuditorError as error:
        _say_error(error)
        return
    st.session_state[_STEP] = _Step(str(finding.item.fingerprint), proposal)
    st.rerun()


def _ask(step: _Step) -> None:
    """The diff, to be written or not; or, where somebody else was at the same entry, both sides."""
    if step.conflict is None:
        markup.draw("review_says", what="change", path=str(step.proposal.path))
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
