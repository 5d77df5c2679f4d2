"""Review: a person accepts a finding or marks it a false alarm; the baseline changes as the diff on the page says."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from auditor.errors import AuditorError, InputError
from auditor.gate.acceptance import ACCEPTED_DAYS, git_user, today_utc
from auditor.gate.baseline import Entry, EntryState
from auditor.gate.baseline_review import BaselineConflictError, Conflict, Proposal, Written, preview, write_review
from reports.dashboard import markup
from reports.dashboard.paged import page_links, page_of
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
from reports.gate_items import LEVEL_SHAPES, STATE_WORDS, outcome

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
    finding = review.finding(session.place.class_name, session.place.concept)
    step = st.session_state.get(_STEP)
    if isinstance(step, _Step) and step.written is not None:
        _say_written(session, review, step.written)
        step = st.session_state.pop(_STEP)
    elif finding is None and session.place.class_name is not None:
        markup.show(
            '<div class="says" role="alert"><h2>There is no such finding to review</h2><p>'
            f"{markup.text(session.place.class_name, 80)} · {markup.text(session.place.concept or 'no concept', 80)}: "
            "choose one from the list.</p></div>"
        )
    if finding is not None:
        _say_finding(session, finding)
        if isinstance(step, _Step) and step.written is None and step.fingerprint == finding.item.fingerprint:
            _ask(step)
        else:
            _form(session, review, finding)
    _list(session, review)


def _say_decision(review: Review) -> None:
    decision = review.decision
    paths = (("policy", decision.policy_path), ("baseline", decision.baseline_path))
    used = [f"{name} {path}" for name, path in paths if path is not None]
    code = "passed" if decision.exit_code == 0 else "failed"
    unjudged = "".join(
        f"<p>{markup.text(item.class_name, 80)}: {markup.text(item.reason, 600)}</p>" for item in review.unjudged[:10]
    )
    more = f"<p>and {len(review.unjudged) - 10:,} more</p>" if len(review.unjudged) > 10 else ""
    how = (
        "<p>As <code>auditor gate</code> decides in the folder that the dashboard was started in: exit code 0 passes, "
        "1 is a finding that nobody accepted, 2 is a class that could not be judged. An entry covers the verdict that "
        "it was written at and better ones, until the end of its last day.</p>"
    )
    markup.show(
        f'<div class="gate {code}"><p><b>{markup.text(outcome(decision), 600)}</b> '
        f'<span class="grey">{markup.text(", ".join(used) or "default policy, no baseline", 400)}</span></p></div>'
        + (f'<div class="notes">{unjudged}{more}</div>' if unjudged else "")
        + f'<details class="how"><summary>How to read this</summary>{how}</details>'
    )


def _list(session: Session, review: Review) -> None:
    if not review.findings:
        markup.show(
            '<div class="empty"><h2>Nothing to review</h2><p>The audit has no flagged or suspect class, and the '
            "baseline no entry that has become stale.</p></div>"
        )
        return
    find = session.place.find.casefold()
    follow = session.follow("review-find", session.place.find, lambda text: {"find": text})
    st.text_input("Class", key="review-find", on_change=follow, placeholder="part of a name")
    found = [one for one in review.findings if find in one.item.class_name.casefold()]
    rows = "".join(_row(session, one) for one in page_of(session, found, _PER_PAGE))
    links = page_links(session, found, _PER_PAGE, "finding")
    markup.show(f'<ul class="findings">{rows or "<li>No finding on a class of that name.</li>"}</ul>{links}')


def _row(session: Session, one: ToReview) -> str:
    item = one.item
    url = session.url(class_name=item.class_name, concept=named(item), page=session.place.page)
    state = "false alarm" if one.entry and one.entry.state == "false alarm" and item.state == "accepted" else None
    is_here = (session.place.class_name, session.place.concept) == (item.class_name, named(item))
    here = {"aria-current": "true"} if is_here else {}
    return (
        f'<li class="{item.level}"><p class="what"><span aria-hidden="true">{LEVEL_SHAPES[item.level]}</span> '
        f"<b>{markup.link(url, _subject(one), **here)}</b> "
        f'<span class="tag">{state or STATE_WORDS[item.state]}</span></p>'
        f'<p class="why">{markup.text(item.reason, 600)}</p></li>'
    )


def _subject(one: ToReview) -> str:
    kind = f" ({one.item.concept_kind})".replace("_", " ") if one.item.concept_kind else ""
    return f"{markup.text(one.item.class_name, 80)} · {markup.text(f'{one.item.concept}{kind}', 80)}"


def _say_finding(session: Session, finding: ToReview) -> None:
    item, verdict = finding.item, finding.verdict
    said = ""
    if verdict is not None:
        on_it = verdict.concept_id == item.concept_id
        there = markup.link(session.url(view="class", class_name=item.class_name, concept=None), "look at the evidence")
        sentence = verdict.sentence if on_it else "It was proven besides the leading concept of the class."
        said = f"<p>{markup.text(sentence, 2000)}</p><p>{there}</p>"
    markup.show(f'<section class="finding"><h2>{_subject(finding)}</h2>{said}</section>')


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
        markup.show(f'<h3 class="change">The change of {markup.text(step.proposal.path, 300)}</h3>')
        words = ("Write it", "Discard it")
    else:
        markup.show(
            '<div class="says" role="alert"><h2>Somebody else changed this entry meanwhile</h2><p>Nothing was written '
            f"yet. Which is to stand?</p></div>{''.join(map(_sides, step.conflict.conflicts))}"
        )
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


def _sides(conflict: Conflict) -> str:
    sides = (("When you looked", conflict.seen), ("Theirs", conflict.theirs), ("Yours", conflict.mine))
    return '<dl class="sides-of-entry">' + "".join(f"<div><dt>{word}</dt><dd>{_told(entry)}</dd></div>"
                                                   for word, entry in sides) + "</dl>"  # fmt: skip


def _told(entry: Entry | None) -> str:
    if entry is None:
        return "no entry"
    who = f"by {entry.who} until {entry.expires.isoformat()}"
    return f"{entry.state} {markup.text(who, 300)}: {markup.text(entry.reason, 2000)}"


def _say_written(session: Session, review: Review, written: Written) -> None:
    merged = " Somebody else had changed the file meanwhile; both changes are in it." if written.merged else ""
    following = next((one for one in review.findings if one.item.level == "error"), None)
    link = ""
    if following is not None:
        url = session.url(class_name=following.item.class_name, concept=named(following.item))
        link = f"<p>{markup.link(url, f'Next: {_subject(following)}')}</p>"
    markup.show(
        f'<div class="says done" role="status"><h2>Written to {markup.text(session.baseline_path, 300)}</h2>'
        f"<p>{markup.text(outcome(review.decision), 600)}.{merged}</p>{link}</div>"
    )


def _say_error(error: AuditorError) -> None:
    markup.show(f'<div class="says" role="alert"><h2>Nothing was written</h2><p>{markup.text(error, 1000)}</p></div>')
