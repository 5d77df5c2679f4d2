"""Audits: which ones are there, and which to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from auditor.figures import counted
from reports.dashboard import markup
from reports.dashboard.address import Place
from reports.dashboard.audits import FoundAudit, totals
from reports.dashboard.session import Session
from reports.display import VERDICT_SHAPES, VERDICT_WORDS, plain
from reports.page.templates import path_breaks

_STATES = {"incomplete": "not finished", "corrupt": "damaged", "newer": "made by a later auditor"}


class View(Protocol):
    """What every module of ``views`` has."""

    def show(self, session: Session) -> None:
        """Draw the view."""


def show_audits(place: Place, found: Sequence[FoundAudit], folders: Sequence[Path]) -> None:
    """The list of audits, newest first; needs none of them open."""
    markup.show('<h1>Audits</h1><p class="question">Which release do you want to look at?</p>')
    if place.audit is not None and place.view != "audits":
        _say_missing(place, found)
    if not found:
        where = ", ".join(plain(str(folder), 200) for folder in folders)
        markup.show(
            f'<div class="empty"><h2>No audit here</h2><p>Looked in {markup.text(where, 400)} and the folders in it. '
            "Make an audit with <code>auditor run --data … --model … --out audits/NAME</code>, or the bundled ones "
            "with <code>auditor demo</code>, then reload this page.</p></div>"
        )
        return
    rows = [_row(place, audit, _partner(place, audit, found)) for audit in found]
    markup.show(f'<ul class="audits">{"".join(rows)}</ul>')


def _say_missing(place: Place, found: Sequence[FoundAudit]) -> None:
    named = next((audit for audit in found if audit.key == place.audit), None)
    why = named.reason if named else "The folder is not among those that the dashboard was started with."
    markup.show(
        f'<div class="says" role="alert"><h2>The audit {markup.text(place.audit, 80)} cannot be opened</h2>'
        f"<p>{markup.text(why, 1000)}</p></div>"
    )


def _partner(place: Place, audit: FoundAudit, found: Sequence[FoundAudit]) -> tuple[str, str] | None:
    """Keys of two audits to compare, the later release first: the chosen one and this, or else this and the next older.

    None where there is no second one of the same data.
    """
    if audit.state != "complete":
        return None
    alike = [one for one in found if one.state == "complete" and one.data_digest == audit.data_digest]
    if place.audit is not None and any(one.key == place.audit and one.state == "complete" for one in found):
        mine = place.audit != audit.key and any(one.key == place.audit for one in alike)
        return (place.audit, audit.key) if mine else None
    older = alike[alike.index(audit) + 1 :]
    return (audit.key, older[0].key) if older else None


def _row(place: Place, audit: FoundAudit, partner: tuple[str, str] | None) -> str:
    if audit.state != "complete":
        tag = f'<span class="tag">{_STATES[audit.state]}</span>'
        return (
            f'<li class="unusable"><h2>{markup.text(audit.key, 80)} {tag}</h2>'
            f"<p>{markup.text(audit.reason, 1000)}</p></li>"
        )
    title = markup.link(Place(audit=audit.key).url(), markup.text(audit.key, 80))
    counts = "".join(_count(verdict, number) for verdict, number in totals(audit).items())
    images = counted(audit.counts["images"], "picture") if "images" in audit.counts else ""
    facts = [_date(audit.created_at), audit.model, audit.data, images]
    shown = " · ".join(path_breaks(plain(fact, 120)) for fact in facts if fact)
    compare = ""
    if partner is not None:
        new, old = partner
        mine = new == audit.key
        words = f"compare with {markup.text(old, 60)}" if mine else f"compare {markup.text(new, 60)} with this"
        compare = f"<p>{markup.link(Place(audit=new, other=old, view='compare').url(), words)}</p>"
    return f'<li><h2>{title}</h2><p class="made">{shown}</p><p class="verdicts">{counts}</p>{compare}</li>'


def _count(verdict: str, number: int | None) -> str:
    if number is None:
        return f'<span class="none">{VERDICT_SHAPES[verdict]} {VERDICT_WORDS[verdict]}: not told</span>'
    word = f'<i class="tag {verdict}">{VERDICT_SHAPES[verdict]}</i> <b>{number:,}</b> {VERDICT_WORDS[verdict]}'
    return f"<span>{word}</span>" if number else f'<span class="none">{word}</span>'


def _date(created_at: str) -> str:
    """The moment as the run wrote it, to the minute."""
    return created_at[:16].replace("T", " ") + (" UTC" if created_at.endswith(("Z", "+00:00")) else "")
