"""Picture: all that the audit knows of one, and the way to the next in the list that it was opened from."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from auditor.errors import AuditorError
from auditor.records import SaliencyMap
from reports.dashboard import drawing, markup
from reports.dashboard.grid import concept_terms, map_legend, show_grid, show_map_controls
from reports.dashboard.neighbours import page_of
from reports.dashboard.picture_facts import ClassWords, PictureFacts, picture_facts
from reports.dashboard.picture_lists import Step, step, step_in
from reports.dashboard.searching import nearest, search
from reports.dashboard.selections import home_of, selection_of, title_of
from reports.dashboard.session import Session
from reports.display import percent
from reports.leads import explain_picture_command

#: Side of the large pictures; the audit keeps 160 pixels.
_LARGE = 320
_NEIGHBOURS = 12
_ARMS = {"with": "counted with the concept", "without": "counted without the concept"}


def show(session: Session) -> None:
    """Draw the view."""
    image_id = session.place.picture
    facts = None if image_id is None else picture_facts(session.connection, image_id)
    if facts is None:
        told = (
            "Open one from a class, a concept or a search."
            if image_id is None
            else f"This audit has no picture {markup.text(image_id, 60)}: the address may be of another audit."
        )
        way = markup.link(session.url(view="overview", picture=None), "to the overview")
        markup.show(f'<div class="empty"><h1>No picture chosen</h1><p>{told}</p><p>{way}</p></div>')
        return
    _show_steps(session, facts.image_id)
    markup.show(_head(facts))
    if facts.maps:
        show_map_controls(session, [], key="picture")
    markup.show(_figures(session, facts))
    markup.show(f'<div class="columns">{_words(session, facts)}{_shown(session, facts)}{_more(session, facts)}</div>')
    _show_neighbours(session, facts.image_id)


def _show_steps(session: Session, image_id: str) -> None:
    """Where the picture stands in its list; the arrow keys follow these links (``keys.js``)."""
    place = session.place
    found = _step(session, image_id)
    terms = concept_terms(session, [place.concept] if place.concept else [])
    back = ""
    if place.among is not None:
        title = title_of(place, terms.get(place.concept or "", place.concept), _group_name(session))
        page = found.page if found else 1
        url = session.url(view=home_of(place), picture=None, page=page)
        back = markup.link(url, f"↑ {markup.text(title, 80)}")
    if found is None:
        markup.show(f'<nav class="steps" aria-label="List">{back}</nav>' if back else "")
        return

    def way(to: str | None, word: str, rel: str) -> str:
        return f'<span class="off">{word}</span>' if to is None else markup.link(session.url(picture=to), word, rel=rel)

    where = f"<span>{found.position:,} of {found.total:,}</span>"
    ways = way(found.previous, "← Previous", "prev") + where + way(found.following, "Next →", "next")
    markup.show(f'<nav class="steps" aria-label="List">{back}<span class="ways">{ways}</span></nav>')


def _step(session: Session, image_id: str) -> Step | None:
    selection = selection_of(session.place, session.run.class_names)
    if selection is not None:
        return step(session.connection, selection, image_id)
    if session.place.among != "search":
        return None
    try:
        return step_in([one for one, _ in search(session)], image_id)
    except AuditorError:  # the search view says why; the picture is shown all the same
        return None


def _group_name(session: Session) -> str | None:
    if session.place.group is None:
        return None
    sql = "SELECT name FROM channel_groups WHERE group_idx = $group LIMIT 1"
    row = session.connection.execute(sql, {"group": session.place.group}).fetchone()
    return str(row[0]) if row else None


def _head(facts: PictureFacts) -> str:
    if facts.predicted_name is None:
        call = "No model was examined"
    elif facts.correct is False:
        call = f'<span class="wrong-call">✕ called {markup.text(facts.predicted_name)}</span>'
    else:
        call = f"Called {markup.text(facts.predicted_name)}"
    sure = f", {percent(facts.confidence)} sure" if facts.confidence is not None else ""
    label = f"label {markup.text(facts.label)}" if facts.label is not None else "no label"
    if facts.correct is not None:
        label += ": right" if facts.correct else ": wrong"
    return f'<h1>{call}{sure}</h1><p class="question">{label} · {markup.text(facts.path, 120)}</p>'


def _figures(session: Session, facts: PictureFacts) -> str:
    place = session.place
    if facts.thumbnail is None:
        return '<p class="empty">The audit keeps no thumbnail of this picture (it was run with --no-thumbnails).</p>'
    drawn = drawing.draw(facts.thumbnail, longest=_LARGE)
    if drawn is None:
        return '<p class="empty">The thumbnail of this picture is damaged.</p>'
    figures = [_figure(drawn.uri, markup.text(facts.path, 80), "<b>picture</b>", "as the audit keeps it")]
    terms = concept_terms(session, [one.concept_id for one in facts.maps if one.concept_id is not None])
    shares = {(words.class_idx, word.concept_id): word.share for words in facts.words for word in words.words}
    for saliency in facts.maps:
        mapped = drawing.draw(facts.thumbnail, saliency, place.opacity, longest=_LARGE)
        if mapped is None or saliency.crop is None:
            continue
        what, alt = _of_map(session, saliency, terms)
        share = shares.get((saliency.class_idx, saliency.concept_id or ""))
        note = f"{percent(share)} of the words" if share is not None else "all of the evidence"
        figures.append(_figure(mapped.uri, alt, what, note))
    legend = map_legend("each map by itself") if len(figures) > 1 else ""
    return f'<div class="figures">{"".join(figures)}</div>{legend}{_commands(session, facts)}'


def _of_map(session: Session, saliency: SaliencyMap, terms: dict[str, str]) -> tuple[str, str]:
    names = session.run.class_names
    name = names[saliency.class_idx] if 0 <= saliency.class_idx < len(names) else str(saliency.class_idx)
    if saliency.concept_id is None:
        return f"<b>for {markup.text(name, 40)}</b>", f"where the model finds {markup.text(name, 40)}"
    term = markup.text(terms.get(saliency.concept_id, saliency.concept_id), 40)
    return f"<b>{term}</b> for {markup.text(name, 40)}", f"where the channels for {term} find {markup.text(name, 40)}"


def _figure(uri: str, alt: str, title: str, note: str) -> str:
    return f'<figure><img src="{uri}" alt="{alt}"><figcaption>{title}<span>{note}</span></figcaption></figure>'


def _commands(session: Session, facts: PictureFacts) -> str:
    """What draws the maps that are not stored: for the predicted class, and for the label."""
    if facts.predicted_name is None:
        return ""
    stored = {one.class_idx for one in facts.maps}
    here, folder = Path.cwd(), session.audit_dir
    name = folder.relative_to(here).as_posix() if here in folder.parents else str(folder)
    classes = dict.fromkeys((facts.predicted_name, facts.label_name))
    commands = [explain_picture_command(facts.path, one, name) for one in classes if one is not None]
    lines = "".join(f"<pre><code>{markup.text(line, 400)}</code></pre>" for line in commands if line)
    if not lines:
        return ""
    why = "All its phrases are drawn" if stored else "No map of this picture is stored; they are drawn"
    return f'<details class="how"{"" if stored else " open"}><summary>{why} by a command</summary>{lines}</details>'


def _words(session: Session, facts: PictureFacts) -> str:
    parts = [_words_for(session, one, facts) for one in facts.words]
    if not parts:
        parts = ["<p>No words: no model was examined, or none of its evidence is like a word.</p>"]
    return f"<section><h2>Words of the decision</h2>{''.join(parts)}</section>"


def _words_for(session: Session, found: ClassWords, facts: PictureFacts) -> str:
    role = "predicted" if found.class_idx == facts.predicted_idx else "label"
    rows = "".join(
        f'<tr{" class=context" if word.is_context else ""}><th scope="row">'
        + markup.link(
            session.url(view="concept", concept=word.concept_id, picture=None, among=None),
            markup.text(word.concept, 40),
        )
        + f' <small>{markup.text(word.kind or "", 20)}</small></th><td class="num">{percent(word.share)}</td>'
        f'<td class="wide">{_bar(word.share)}</td></tr>'
        for word in found.words
    )
    return (
        f"<h3>for {markup.text(found.class_name, 40)} <span>({role})</span></h3>"
        f'<table><tbody>{rows}<tr class="rest"><th scope="row">unexplained</th>'
        f'<td class="num">{percent(found.residual)}</td><td class="wide"></td></tr></tbody></table>'
    )


def _bar(share: float) -> str:
    width = min(max(share, 0.0), 1.0) * 100 if math.isfinite(share) else 0.0
    return f'<span class="bar" aria-hidden="true"><i style="width:{width:.1f}%"></i></span>'


def _shown(session: Session, facts: PictureFacts) -> str:
    if not facts.shown:
        return ""
    rows = "".join(
        '<tr><th scope="row">'
        + markup.link(
            session.url(view="concept", concept=one.concept_id, picture=None, among=None), markup.text(one.concept, 40)
        )
        + f' <small>{markup.text(one.kind, 20)}</small></th><td class="num">{percent(one.presence)}</td></tr>'
        for one in facts.shown
    )
    note = "<p>How sure the audit is; above 50 % a picture counts as with the concept.</p>"
    return f"<section><h2>What it shows</h2>{note}<table><tbody>{rows}</tbody></table></section>"


def _more(session: Session, facts: PictureFacts) -> str:
    """The findings that name it, its channel groups, and what the manifest and the file say."""
    parts = []
    if facts.named_by:
        rows = "".join(
            "<li>"
            + markup.link(
                session.url(view="class", class_name=one.class_name, concept=one.concept_id, picture=None, among=None),
                f"{markup.text(one.class_name, 40)}: {markup.text(one.concept, 40)}",
            )
            + f" <small>{_ARMS.get(one.rule_id) or 'evidence of ' + markup.text(one.rule_id, 20)}</small></li>"
            for one in facts.named_by
        )
        parts.append(f"<h2>Findings that name it</h2><ul>{rows}</ul>")
    if facts.groups:
        rows = "".join(
            "<li>"
            + markup.link(
                session.url(view="groups", group=one.group_idx, picture=None, among=None), markup.text(one.name, 60)
            )
            + f" <small>{percent(one.share)} of {markup.text(one.class_name, 40)}</small></li>"
            for one in facts.groups
        )
        parts.append(f"<h2>Channel groups that carry most here</h2><ul>{rows}</ul>")
    told = [*facts.attributes, ("split", facts.split), ("group", facts.group_id)]
    told += [("size", f"{facts.width:,} × {facts.height:,} pixels"), ("id", facts.image_id)]
    rows = "".join(
        f"<dt>{markup.text(name, 40)}</dt><dd>{markup.text(value, 120)}</dd>"
        for name, value in told
        if value is not None
    )
    parts.append(f"<h2>Data</h2><dl>{rows}</dl>")
    return f"<section>{''.join(parts)}</section>"


def _show_neighbours(session: Session, image_id: str) -> None:
    around = replace(session, place=session.place.but(like=image_id, text="", among="search"))
    everything = markup.link(around.url(view="search", picture=None), "search with this picture")
    markup.show(f'<div class="next"><h2>Most like it</h2><p>by the encoder of the audit · {everything}</p></div>')
    try:
        found = nearest(session, image_id, _NEIGHBOURS)
    except AuditorError as error:
        markup.show(f'<p class="empty">No neighbours: {markup.text(error, 1000)}</p>')
        return
    page = page_of(session.connection, found, 1, concept_id=session.place.concept)
    show_grid(around, page.pictures, total=page.total, key="like", empty="It is the only picture.", controls=False)
