"""Picture: all that the audit knows of one, and the way to the next in the list that it was opened from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

from auditor.errors import AuditorError
from auditor.evidence.verdicts.edit_sentences import property_words
from auditor.records import PROPERTY_PREFIX
from auditor.store.queries.concepts import concept_terms
from auditor.store.queries.encoder_fit import unfit_classes
from auditor.store.queries.groups import group
from auditor.store.queries.picture_facts import NamedBy, PictureFacts, picture_facts
from auditor.store.queries.picture_lists import Step, read_whole, step, step_in
from reports.dashboard import markup
from reports.dashboard import thumbnails as drawing
from reports.dashboard.arranged import arranged, is_arranged
from reports.dashboard.drawn_maps import with_drawn
from reports.dashboard.grid import show_grid, show_opacity
from reports.dashboard.listed_pictures import home_of, selection_of, title_of
from reports.dashboard.neighbours import page_of
from reports.dashboard.searching import nearest, search
from reports.dashboard.session import Session
from reports.dashboard.views.atlas import ids_inside
from reports.page.records import Drawn
from reports.what_now import explain_picture_command, folder_from_here

#: Side of the large pictures; the audit keeps 160 pixels.
_LARGE = 320
_NEIGHBOURS = 12


@dataclass(frozen=True, slots=True)
class MappedPicture:
    """The picture under one of its stored maps; ``term`` and ``share`` are of a phrase, None for the class itself."""

    drawn: Drawn
    class_name: str
    term: str | None
    share: float | None


def show(session: Session) -> None:
    """Draw the view."""
    image_id = session.place.picture
    facts = None if image_id is None else picture_facts(session.connection, image_id)
    if facts is None:
        markup.draw("picture_missing", image_id=image_id, overview_url=session.url(view="overview", picture=None))
        return
    facts = replace(facts, maps=tuple(with_drawn(session, facts.maps, [facts.image_id])))
    ways = _ways(session)
    _show_head(session, facts, ways)
    if facts.maps:
        show_opacity(session, key="picture")
    markup.draw(
        "picture_maps",
        facts=facts,
        whole=facts.thumbnail and drawing.draw(facts.thumbnail, longest=_LARGE),
        mapped=_mapped(session, facts),
        commands=_commands(session, facts),
        n_mapped=None,
    )
    told: list[tuple[str, str | None]] = [one for one in facts.attributes if not one[0].startswith(PROPERTY_PREFIX)]
    told += [("split", facts.split), ("group", facts.group_id)]
    told += [("size", f"{facts.width:,} × {facts.height:,} pixels"), ("id", facts.image_id)]
    measured = [
        (property_words(name.removeprefix(PROPERTY_PREFIX)), value)
        for name, value in facts.attributes
        if name.startswith(PROPERTY_PREFIX)
    ]
    data = [("Data", told), ("Measured", measured)]
    markup.draw("picture", facts=facts, to=ways, data=data, unfit=unfit_classes(session.connection))
    _show_neighbours(session, facts.image_id)


def _ways(session: Session) -> SimpleNamespace:
    """Links of the view, for its templates."""

    def away(view: str, **changes: object) -> str:
        return session.url(**{"view": view, "picture": None, "among": None, "map": None, **changes})

    def finding(named: NamedBy) -> str:
        return away("class", class_name=named.class_name, concept=named.concept_id)

    return SimpleNamespace(
        picture=lambda image_id: session.url(picture=image_id),
        concept=lambda concept_id: away("concept", concept=concept_id),
        group=lambda group_idx: away("groups", group=group_idx),
        finding=finding,
    )


def _show_head(session: Session, facts: PictureFacts, ways: SimpleNamespace) -> None:
    """Where the picture stands in its list, and its fate; the arrow keys follow these links (``keys.js``)."""
    place = session.place
    found = _step(session, facts.image_id)
    back = title = None
    if place.among is not None:
        back = session.url(view=home_of(place), picture=None, page=found.page if found else 1)
        concept = concept_terms(session.connection, [place.concept]).get(place.concept) if place.concept else None
        title = title_of(place, concept or place.concept, _group_name(session))
    markup.draw("picture_head", facts=facts, back=back, title=title, step=found, to=ways)


def _step(session: Session, image_id: str) -> Step | None:
    selection = selection_of(session.place, session.run.class_names)
    if selection is not None and is_arranged(session.place):
        kept = arranged(read_whole(session.connection, selection), session.place)
        return step_in([one.image_id for one in kept], image_id)
    if selection is not None:
        return step(session.connection, selection, image_id)
    if session.place.among == "area":
        return step_in(ids_inside(session), image_id)
    if session.place.among == "basket":
        return step_in(list(session.basket.concept_of), image_id)
    if session.place.among != "search":
        return None
    try:
        return step_in([one for one, _ in search(session)], image_id)
    except AuditorError:  # the search view says why; the picture is shown all the same
        return None


def _group_name(session: Session) -> str | None:
    if session.place.group is None:
        return None
    found = group(session.connection, session.place.group)
    return None if found is None else found.name


def _mapped(session: Session, facts: PictureFacts) -> list[MappedPicture]:
    if facts.thumbnail is None:
        return []
    names = session.run.class_names
    terms = concept_terms(session.connection, [one.concept_id for one in facts.maps if one.concept_id is not None])
    shares = {(words.class_idx, word.concept_id): word.share for words in facts.words for word in words.words}
    found = []
    for saliency in facts.maps:
        if saliency.crop is None or not 0 <= saliency.class_idx < len(names):
            continue
        drawn = drawing.draw(facts.thumbnail, saliency, session.place.opacity, longest=_LARGE)
        concept_id = saliency.concept_id
        term = None if concept_id is None else terms.get(concept_id, concept_id)
        share = None if concept_id is None else shares.get((saliency.class_idx, concept_id))
        if drawn is not None:
            found.append(MappedPicture(drawn, names[saliency.class_idx], term, share))
    return found


def _commands(session: Session, facts: PictureFacts) -> list[str]:
    """What draws every phrase: for the predicted class, and for the label."""
    if facts.predicted_name is None:
        return []
    name = folder_from_here(session.audit_dir)
    classes = dict.fromkeys(one for one in (facts.predicted_name, facts.label_name) if one is not None)
    commands = (explain_picture_command(facts.path, one, name, session.run) for one in classes)
    return [command for command in commands if command is not None]


def _show_neighbours(session: Session, image_id: str) -> None:
    around = replace(session, place=session.place.but(like=image_id, text="", among="search", map=None))
    everything = markup.link(around.url(view="search", picture=None), "search with this picture")
    markup.show(f'<div class="next"><h2>Most like it</h2><p>by the encoder of the audit · {everything}</p></div>')
    try:
        found = nearest(session, image_id, _NEIGHBOURS)
    except AuditorError as error:
        markup.show(f'<p class="empty">No neighbours: {markup.text(error, 1000)}</p>')
        return
    page = page_of(session.connection, found, 1, concept_id=session.place.concept)
    show_grid(around, page.pictures, total=page.total, key="like", empty="It is the only picture.", controls=False)
