"""What the encoder takes for a concept, before anything is claimed with it: surely, barely, barely not; yes or no?"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from auditor.errors import AuditorError
from auditor.gate.acceptance import git_user, today_utc
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.concepts import OneConcept
from auditor.store.queries.pictures import CalledPictures
from reports.dashboard import markup
from reports.dashboard import thumbnails as drawing
from reports.dashboard.audits import Identity, identity_of
from reports.dashboard.concept_answers import ConceptAnswers, Tally, answers_path
from reports.dashboard.concept_names import ConceptNames, Naming, names_path
from reports.dashboard.session import Session

#: Pictures of a zone, and their width in pixels: twelve of them are judged in half a minute.
_PER_ZONE, _WIDTH = 4, 84
_CHOICES = {True: "yes", False: "no"}
_ERROR = "trust-error"


def is_judged_by_encoder(concept: OneConcept) -> bool:
    """Whether an encoder or a probe says what shows it: what a manifest says, a measure or a map, is no such matter."""
    return not concept.is_measured and not concept.is_place and (concept.attribute is None or concept.auc is not None)


def tally_of(session: Session, concept_id: str | None) -> Tally | None:
    """How often people and the audit say the same of a concept; None where nobody has looked, or nobody can tell."""
    if concept_id is None:
        return None
    try:
        return ConceptAnswers(answers_path(session.baseline_path)).tally(session.connection, concept_id)
    except AuditorError:  # the strip, where answers are given, says why
        return None


def naming_of(session: Session, concept_id: str | None) -> Naming | None:
    """What somebody made of a concept; None where nobody did, or nobody can tell."""
    if concept_id is None:
        return None
    try:
        return ConceptNames(names_path(session.baseline_path)).read().get(concept_id)
    except AuditorError:  # the strip, where names are given, says why
        return None


def show_trust(session: Session, concept: OneConcept, *, key: str) -> bool:
    """Draw the strip with its answers; False, and nothing drawn, where there is nothing to judge."""
    if not is_judged_by_encoder(concept):
        return False
    identity = identity_of(session.audit_dir)
    called = _called(str(session.audit_dir), identity, concept.concept_id, session.connection)
    if called is None:
        return False
    answers = ConceptAnswers(answers_path(session.baseline_path))
    error = st.session_state.pop(_ERROR, None)
    given: dict[str, bool] = {}
    tally = None
    try:
        given = answers.read(concept.concept_id)
        tally = answers.tally(session.connection, concept.concept_id)
    except AuditorError as broken:
        error = str(broken)
    names = ConceptNames(names_path(session.baseline_path))
    naming = None
    try:
        naming = names.read().get(concept.concept_id)
    except AuditorError as broken:
        error = str(broken)
    asks = not session.read_only
    markup.draw("trust_head", concept=concept, called=called, tally=tally, error=error, asks=asks, naming=naming)
    zone_of: dict[str, str] = {}  # of few pictures the surest are the barest as well: each is asked once
    for title, zone in (("surely", called.surest), ("barely", called.above), ("barely not", called.below)):
        for image_id in zone:
            zone_of.setdefault(image_id, title)
    pictures = picture_queries.thumbnails_and_paths(session.connection, list(zone_of))
    with st.container(horizontal=True, gap="xsmall", key=f"trust-{key}"):
        for image_id, title in zone_of.items():
            path, jpeg = pictures.get(image_id, ("", None))
            with st.container(width=_WIDTH, gap=None):
                markup.draw("trust_tile", zone=title, path=path, drawn=jpeg and drawing.draw(jpeg))
                if not session.read_only and path:
                    _ask(answers, concept, path, given.get(path), key=f"trust-{key}-{image_id}")
        if asks:
            _ask_name(session, names, concept, naming, key=key)
    return True


def _ask_name(session: Session, names: ConceptNames, concept: OneConcept, naming: Naming | None, *, key: str) -> None:
    """Another name for the concept, or that nobody shall build on it."""
    widgets = {"name": f"name-{key}-{concept.concept_id}", "drop": f"drop-{key}-{concept.concept_id}"}

    def write() -> None:
        by, on = git_user(session.baseline_path.absolute().parent), today_utc().isoformat()
        asked = Naming(st.session_state[widgets["name"]], st.session_state[widgets["drop"]], by, on)
        try:
            names.keep(concept.concept_id, concept.concept, asked)
        except AuditorError as error:
            st.session_state[_ERROR] = str(error)

    with st.popover("Rename or drop", key=f"naming-{key}"), st.form(f"naming-form-{key}", border=False):
        st.text_input(
            "Show it as", naming.shown_as if naming else "", key=widgets["name"], max_chars=60,
            placeholder=markup.label(concept.concept, 60),
        )  # fmt: skip
        st.checkbox("Drop it: nobody shall build on it", naming.dropped if naming else False, key=widgets["drop"])
        st.caption("Said beside the claims. Verdicts and the gate stay as they are.")
        st.form_submit_button("Keep", on_click=write, type="primary")


def _ask(answers: ConceptAnswers, concept: OneConcept, path: str, given: bool | None, *, key: str) -> None:
    st.session_state[key] = given
    st.segmented_control(
        f"{markup.label(path)} shows {markup.label(concept.concept, 40)}?",
        list(_CHOICES),
        key=key,
        format_func=_CHOICES.__getitem__,
        label_visibility="collapsed",
        on_change=_answered(answers, concept, path, key),
    )


def _answered(answers: ConceptAnswers, concept: OneConcept, path: str, key: str) -> Callable[[], None]:
    def write() -> None:
        try:
            answers.answer(concept.concept_id, concept.concept, path, st.session_state[key])
        except AuditorError as error:
            st.session_state[_ERROR] = str(error)

    return write


@st.cache_data(show_spinner=False, max_entries=64)
def _called(folder: str, identity: Identity | None, concept_id: str, _connection: Connection) -> CalledPictures | None:
    """Pictures by how sure the encoder is; all but the connection is what the cache goes by."""
    found = picture_queries.called_pictures(_connection, [concept_id], limit=_PER_ZONE)
    return found.get(concept_id)
