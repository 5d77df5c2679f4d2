"""Compare: what a release changed against the one before, and the evidence of a class in both, side by side."""

from __future__ import annotations

import shlex
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import streamlit as st

from auditor.errors import InputError
from auditor.gate.releases import ReleaseDiff
from reports.dashboard import markup
from reports.dashboard.audits import FoundAudit
from reports.dashboard.paging import pages
from reports.dashboard.release_pair import ClassSide, class_side, concepts_of, diff_of, told_changes
from reports.dashboard.session import Session, open_audit
from reports.diff import words as diff_words
from reports.display import plain
from reports.page.verdict_sentence import sentence_parts
from reports.what_now import folder_from_here

#: Findings on a page.
_PER_PAGE = 40


@dataclass(frozen=True, slots=True)
class _Pair:
    """The two audits: ``new`` is the one that is open."""

    old: FoundAudit
    new: FoundAudit


def show(session: Session) -> None:
    """Draw the view."""
    markup.show('<h1>Compare</h1><p class="question">What did this release change against the one before?</p>')
    pair = _pick(session)
    if pair is None:
        return
    diff = _compared(session, pair)
    if diff is None:
        return
    _show_basis(session, diff)
    if session.place.class_name is not None:
        _show_class(session, pair, diff, session.place.class_name)
    _show_changes(session, diff)
    lines = [*diff_words.class_lines(diff), *diff_words.group_lines(diff)]
    folders = (folder_from_here(one.folder) for one in (pair.old, pair.new))
    command = shlex.join(["auditor", "diff", *folders, "--format", "json"])
    markup.draw("compare_rest", lines=lines, command=command)


def _pick(session: Session) -> _Pair | None:
    """The audit to compare with, from the URL; without one, the ways to choose it."""
    new = next(one for one in session.audits if one.folder == session.audit_dir)
    every = [one for one in session.audits if one.state == "complete" and one.folder != session.audit_dir]
    wanted = session.place.other
    # An address may name one of other data: then the page says what is unlike, and it can be compared all the same.
    others = [one for one in every if one.data_digest == new.data_digest or one.key == wanted]
    if not others:
        markup.draw("compare_says", what="nothing", n_unlike=len(every))
        return None
    by_key = {one.key: one for one in others}
    if wanted is not None and wanted not in by_key:
        markup.draw("compare_says", what="missing", name=wanted)
    keys = [None, *by_key]
    chosen = wanted if wanted in by_key else None
    follow = session.follow("compare-with", chosen, lambda key: {"other": key, "class_name": None})
    st.selectbox(
        "The release before",
        keys,
        key="compare-with",
        on_change=follow,
        format_func=lambda key: "choose an audit" if key is None else plain(key, 80),
        help="The audit that the open one is held against: those of the same pictures are offered.",
    )
    return None if chosen is None else _Pair(by_key[chosen], new)


def _compared(session: Session, pair: _Pair) -> ReleaseDiff | None:
    """The diff; where the audits are of different things, why, and the way to compare them all the same."""
    try:
        return _diff(pair.old, pair.new, session.place.anyway, session)
    except InputError as error:
        why = str(error).removeprefix("the two audits cannot be compared: ").split("; audit both releases")[0]
        markup.draw("compare_says", what="unlike", why=why, url=session.url(anyway=True))
        return None


@st.cache_data(max_entries=16, show_spinner="Comparing the two releases")
def _diff(old: FoundAudit, new: FoundAudit, anyway: bool, _session: Session) -> ReleaseDiff:
    with closing(open_audit(old)) as before:
        return diff_of(before, _session.connection, (old.key, new.key), allow_different_data=anyway)


def _show_basis(session: Session, diff: ReleaseDiff) -> None:
    markup.draw(
        "compare_basis",
        before=diff_words.release_line(diff.old),
        now=diff_words.release_line(diff.new),
        basis=diff_words.basis(diff),
        swap_url=session.url(audit=session.place.other, other=session.place.audit),
        warnings=[*filter(None, [diff_words.rules_line(diff)]), *diff_words.warnings(diff)],
        change_shapes=diff_words.CHANGE_SHAPES,
        counts=[(change, diff.count(change)) for change in diff_words.CHANGE_SHAPES],
        explanation=diff_words.explanation(diff),
    )


def _show_changes(session: Session, diff: ReleaseDiff) -> None:
    follow = session.follow("compare-find", session.place.find, lambda text: {"find": text})
    if diff.changes:
        st.text_input("Class", key="compare-find", on_change=follow, placeholder="part of a name", width=480)
    told = told_changes(diff, session.place.find)
    where = pages(session, len(told), _PER_PAGE)
    shown = told[(where.number - 1) * _PER_PAGE : where.number * _PER_PAGE]
    rows = [(one, session.url(class_name=one.class_name, page=where.number)) for one in shown]
    markup.draw(
        "compare_changes",
        groups=[(change, list(found)) for change, found in groupby(rows, lambda row: row[0].change)],
        change_shapes=diff_words.CHANGE_SHAPES,
        words_of=diff_words,
        find=session.place.find,
        count_line=diff_words.count_line(diff),
        pages=where,
    )


def _show_class(session: Session, pair: _Pair, diff: ReleaseDiff, class_name: str) -> None:
    concepts = concepts_of(diff, class_name)
    now = class_side(session.connection, class_name, concepts)
    with closing(open_audit(pair.old)) as connection:
        before = class_side(connection, class_name, concepts)
    sides = [_side(session, pair.old, "before", before), _side(session, pair.new, "now", now)]
    markup.draw("compare_class", class_name=class_name, all_url=session.url(class_name=None), sides=sides)


def _side(session: Session, audit: FoundAudit, word: str, side: ClassSide | None) -> dict[str, Any]:
    opening, rest = sentence_parts(side.verdict) if side else ("", "")
    url = session.url(view="class", audit=audit.key, other=None, anyway=False, find="") if side else ""
    return {"word": word, "key": audit.key, "side": side, "opening": opening, "rest": rest, "url": url}
