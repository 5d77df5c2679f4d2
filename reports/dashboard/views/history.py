"""History: what became of every finding over the releases that the dashboard has, each gap with its interval."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import streamlit as st

from auditor.figures import counted
from auditor.gate.release_history import NO_SUCH_CLASS, HistoryLine, ReleaseHistory, lines_on, points_by_data
from auditor.release.history import read_history
from reports.dashboard import markup
from reports.dashboard.audits import FoundAudit
from reports.dashboard.paging import pages
from reports.dashboard.session import Session, open_audit
from reports.history import words
from reports.what_now import folder_from_here

#: Findings on a page.
_PER_PAGE = 40


def show(session: Session) -> None:
    """Draw the view."""
    markup.show('<h1>History</h1><p class="question">What became of every finding, from release to release?</p>')
    complete = [one for one in session.audits if one.state == "complete"]
    history = _history(complete)
    find = _find(session)
    here = _data_of(session, history)
    on_data = [n for n, step in enumerate(history.steps) if here in (None, step.release.data_digest)]
    told = history.lines if here is None else lines_on(history, here)
    lines = [line for line in told if find.casefold() in line.class_name.casefold()]
    page = pages(session, len(lines), _PER_PAGE)
    start = (page.number - 1) * _PER_PAGE
    folders = (folder_from_here(one.folder) for one in complete)
    markup.draw(
        "history",
        history=history,
        lines=[
            (line, _groups(history, line, here), _urls(session, history, line))
            for line in lines[start : start + _PER_PAGE]
        ],
        n_other=len(history.lines) - len(told),
        on_data=on_data,
        elsewhere=[n for n in range(len(history.steps)) if n not in on_data],
        words=words,
        find=find,
        pages=page,
        left_out=_left_out(len(session.audits), len(history.steps)),
        release_urls=[session.url(audit=step.release.name, view="overview") for step in history.steps],
        command=shlex.join(["auditor", "history", *folders, "--format", "json"]),
    )


@st.cache_resource(max_entries=4, show_spinner="Reading the releases")
def _history(audits: Sequence[FoundAudit]) -> ReleaseHistory:
    """The history of complete audits; read once for all who look, until one of them is made again."""
    by_folder = {one.folder: one for one in audits}
    return read_history([(one.key, one.folder) for one in audits], opened=lambda folder: open_audit(by_folder[folder]))


def _data_of(session: Session, history: ReleaseHistory) -> str | None:
    """Digest of the open audit's data; None where no release that is told is on them."""
    digest = next(one.data_digest for one in session.audits if one.folder == session.audit_dir)
    return digest if any(step.release.data_digest == digest for step in history.steps) else None


def _groups(history: ReleaseHistory, line: HistoryLine, here: str | None) -> list[tuple[int, ...]]:
    """The releases on the same data, those on the open audit's first."""
    groups = points_by_data(history, line)
    return sorted(groups, key=lambda positions: history.steps[positions[0]].release.data_digest != here)


def _find(session: Session) -> str:
    """Part of the name of the classes asked for; "" is all."""
    find = session.place.find
    follow = session.follow("find-history", find, lambda text: {"find": text})
    st.text_input("Class", key="find-history", on_change=follow, placeholder="part of its name", width=480)
    return find


def _urls(session: Session, history: ReleaseHistory, line: HistoryLine) -> list[str | None]:
    """To the class in each release; None where it has no such class."""
    return [
        None
        if point.note == NO_SUCH_CLASS
        else session.url(audit=step.release.name, view="class", class_name=line.class_name, find="")
        for step, point in zip(history.steps, line.points, strict=True)
    ]


def _left_out(n_found: int, n_told: int) -> str | None:
    """How many of the audits found are not told; None where all are."""
    if n_found == n_told:
        return None
    return (
        f"{counted(n_found - n_told, 'audit')} of {n_found:,} not told: unfinished, damaged, without a model, of a "
        "later auditor, or there twice. The list of audits and the log of the server say which."
    )
