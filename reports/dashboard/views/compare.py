"""Compare: what a release changed against the one before, and the evidence of a class in both, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby

import streamlit as st

from auditor.errors import InputError
from auditor.gate.releases import Change, FindingChange, ReleaseDiff
from reports import diff_words
from reports.class_sections import sentence_parts
from reports.dashboard import markup
from reports.dashboard.audits import FoundAudit
from reports.dashboard.paged import page_links, page_of
from reports.dashboard.release_pair import ClassSide, class_side, concepts_of, diff_of, told_changes
from reports.dashboard.session import Session, open_audit
from reports.display import counted, percent, plain
from reports.page_records import Arm

#: Findings on a page.
_PER_PAGE = 40
_MEANINGS: dict[Change, str] = {
    "new": "found now, excluded before, and the gap really grew",
    "worse": "not excluded in either, and the gap really grew",
    "unclear": "one release did not measure it, or verdict and gap say opposite things",
    "fixed": "found before, excluded now, and the gap really shrank",
    "better": "not excluded in either, and the gap really shrank",
    "unchanged": "the change is inside the noise",
}


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
    _say_basis(session, diff)
    if session.place.class_name is not None:
        _show_class(session, pair, diff, session.place.class_name)
    _show_changes(session, diff)
    lines = [*diff_words.class_lines(diff), *diff_words.group_lines(diff)]
    # what is indented in the text report belongs to the line above it
    notes = "".join(f"<p{' class=of' * line.startswith(' ')}>{markup.text(line, 1000)}</p>" for line in lines)
    markup.show(f'<div class="notes">{notes}</div>')
    command = f"auditor diff {pair.old.folder} {pair.new.folder} --format json"
    markup.show(f'<p class="whole">All of it, as a file: <code>{markup.text(command, 1000)}</code></p>')


def _pick(session: Session) -> _Pair | None:
    """The audit to compare with, from the URL; without one, the ways to choose it."""
    others = [one for one in session.audits if one.state == "complete" and one.folder != session.audit_dir]
    new = next(one for one in session.audits if one.folder == session.audit_dir)
    if not others:
        markup.show(
            '<div class="empty"><h2>Nothing to compare with</h2><p>Start the dashboard with the folders of two audits, '
            "or with a folder that holds both: <code>auditor dashboard audits/release-6 audits/release-7</code>.</p>"
            "</div>"
        )
        return None
    by_key = {one.key: one for one in others}
    wanted = session.place.other
    if wanted is not None and wanted not in by_key:
        markup.show(
            f'<div class="says" role="alert"><h2>{markup.text(wanted, 80)} cannot be compared with</h2>'
            "<p>No finished audit of that name is here; choose another one.</p></div>"
        )
    keys = [None, *by_key]
    chosen = wanted if wanted in by_key else None
    follow = session.follow("compare-with", chosen, lambda key: {"other": key, "class_name": None})
    st.selectbox(
        "The release before",
        keys,
        key="compare-with",
        on_change=follow,
        format_func=lambda key: "choose an audit" if key is None else plain(key, 80),
        help="The audit that the open one is held against. Both should be of the same pictures, with the same encoder.",
    )
    return None if chosen is None else _Pair(by_key[chosen], new)


def _compared(session: Session, pair: _Pair) -> ReleaseDiff | None:
    """The diff; where the audits are of different things, why, and the way to compare them all the same."""
    try:
        return _diff(pair.old, pair.new, session.place.anyway, session)
    except InputError as error:
        anyway = markup.link(session.url(anyway=True), "Compare them all the same")
        said = str(error).removeprefix("the two audits cannot be compared: ").split("; audit both releases")[0]
        said = said[:1].upper() + said[1:]
        markup.show(
            f'<div class="says" role="alert"><h2>These two are not measured alike</h2><p>{markup.text(said, 1000)}. '
            f"What changed could come from that as well as from the model.</p><p>{anyway}</p></div>"
        )
        return None


@st.cache_data(max_entries=16, show_spinner="Comparing the two releases")
def _diff(old: FoundAudit, new: FoundAudit, anyway: bool, _session: Session) -> ReleaseDiff:
    with closing(open_audit(old)) as before:
        return diff_of(before, _session.connection, (old.key, new.key), allow_different_data=anyway)


def _say_basis(session: Session, diff: ReleaseDiff) -> None:
    swap = markup.link(session.url(audit=session.place.other, other=session.place.audit), "swap the two")
    counts = "".join(
        f'<li class="{change}{"" if diff.count(change) else " none"}"><span aria-hidden="true">{shape}</span> '
        f"<b>{diff.count(change):,}</b> {change}</li>"
        for change, shape in diff_words.CHANGE_SHAPES.items()
    )
    notes = "".join(f'<p class="note">{markup.text(line, 1000)}</p>' for line in diff_words.warnings(diff))
    markup.show(
        f'<dl class="releases"><div><dt>before</dt><dd>{markup.text(diff_words.release_line(diff.old), 400)}</dd></div>'
        f"<div><dt>now</dt><dd>{markup.text(diff_words.release_line(diff.new), 400)}</dd></div></dl>"
        f"<p>{markup.text(diff_words.basis(diff), 600)} {swap}</p>{notes}"
        f'<ul class="change-counts">{counts}</ul>'
        f'<details class="how"><summary>How to read this</summary><p>{markup.text(diff_words.explanation(diff), 1000)}'
        "</p><ul>"
        + "".join(f"<li><b>{change}</b>: {meaning}</li>" for change, meaning in _MEANINGS.items())
        + "</ul></details>"
    )


def _show_changes(session: Session, diff: ReleaseDiff) -> None:
    follow = session.follow("compare-find", session.place.find, lambda text: {"find": text})
    if diff.changes:
        st.text_input("Class", key="compare-find", on_change=follow, placeholder="part of a name")
    grouped = told_changes(diff, session.place.find)
    told = [one for found in grouped.values() for one in found]
    if not told:
        what = "No class of that name has a finding" if session.place.find else "Neither release has a finding"
        markup.show(f'<div class="empty"><h2>{what}</h2><p>{markup.text(diff_words.count_line(diff))}</p></div>')
        return
    shown = page_of(session, told, _PER_PAGE)
    groups = "".join(_group(session, change, list(found)) for change, found in groupby(shown, lambda one: one.change))
    markup.show(groups + page_links(session, told, _PER_PAGE, "finding"))


def _group(session: Session, change: Change, found: Sequence[FindingChange]) -> str:
    rows = "".join(_row(session, one) for one in found)
    heading = f'<span aria-hidden="true">{diff_words.CHANGE_SHAPES[change]}</span> {change}'
    if change == "unchanged":
        return (
            f'<details class="changes {change}"><summary>{heading}: {len(found):,}</summary><ul>{rows}</ul></details>'
        )
    return f'<section class="changes {change}"><h2>{heading}</h2><ul>{rows}</ul></section>'


def _row(session: Session, one: FindingChange) -> str:
    name = markup.link(session.url(class_name=one.class_name), markup.text(diff_words.class_name(one)))
    return (
        f'<li><p class="what"><b>{name}</b> · {markup.text(diff_words.concept(one))} '
        f'<span class="grey">{markup.text(diff_words.verdicts(one))}</span></p>'
        f'<p class="num"><span>{markup.text(diff_words.gaps(one))}</span> '
        f"<b>{markup.text(diff_words.difference(one))}</b></p>"
        f'<p class="why">{markup.text(diff_words.sentence(one), 1000)}</p></li>'
    )


def _show_class(session: Session, pair: _Pair, diff: ReleaseDiff, class_name: str) -> None:
    concepts = concepts_of(diff, class_name)
    now = class_side(session.connection, class_name, concepts)
    with closing(open_audit(pair.old)) as connection:
        before = class_side(connection, class_name, concepts)
    back = markup.link(session.url(class_name=None), "all classes")
    if before is None and now is None:
        markup.show(
            f'<div class="says" role="alert"><h2>Neither release has the class {markup.text(class_name, 80)}</h2>'
            f"<p>{back}</p></div>"
        )
        return
    sides = ((pair.old, "before", before), (pair.new, "now", now))
    columns = "".join(_side(session, audit, word, side, concepts) for audit, word, side in sides)
    markup.show(
        f'<section class="both"><h2>{markup.text(class_name, 80)} <small>{back}</small></h2>'
        f'<div class="sides">{columns}</div></section>'
    )


def _side(session: Session, audit: FoundAudit, word: str, side: ClassSide | None, concepts: dict[str, str]) -> str:
    heading = f'<h3>{word} <span class="grey">{markup.text(audit.key, 60)}</span></h3>'
    if side is None:
        return f"<div>{heading}<p>This release has no such class.</p></div>"
    opening, rest = sentence_parts(side.verdict)
    there = session.url(view="class", audit=audit.key, other=None, class_name=side.verdict.class_name)
    plots = "".join(
        f"<figure><figcaption>Evidence on {markup.text(term, 40)}</figcaption>"
        f"{side.evidence[concept_id] or '<p class=grey>not measured</p>'}</figure>"
        for concept_id, term in concepts.items()
    )
    arms = "".join(map(_arm, side.arms))
    return (
        f"<div>{heading}<p>{markup.verdict_tag(side.verdict.verdict)} "
        f'<span class="grey">{counted(side.verdict.n_images, "picture")}</span></p>'
        f'<p class="opening">{markup.text(opening, 2000)}</p><p>{markup.text(rest, 2000)}</p>'
        + (f'<ul class="arms">{arms}</ul>' if arms else "")
        + f"{plots}<figure><figcaption>Words for it <span>tick: in the other classes</span></figcaption>{side.words}"
        f"</figure><p>{markup.link(there, 'this class in full')}</p></div>"
    )


def _arm(arm: Arm) -> str:
    if arm.rate is None:
        return f"<li>{markup.text(arm.label)}: {counted(arm.n, 'picture')}</li>"
    low, high = (percent(end).removesuffix(" %") for end in (arm.low, arm.high))
    return (
        f"<li>{markup.text(arm.label)}: <b>{percent(arm.rate)}</b> [{low}, {high}] of {counted(arm.n, 'picture')}</li>"
    )
