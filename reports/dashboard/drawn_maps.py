"""Maps that are drawn when somebody asks: of pictures that the audit holds none of, kept while the server runs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from auditor.errors import AuditorError
from auditor.figures import counted
from auditor.models.hub import cache_only
from auditor.records import SaliencyMap
from auditor.store.queries.pictures import maps_of_pictures
from reports.dashboard import markup
from reports.dashboard.audits import Identity, identity_of
from reports.dashboard.session import Session

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from auditor.more_maps import MapDrawer

#: Pictures of one press of the button.
_MOST_AT_ONCE = 1000
#: Pictures of an audit whose maps are kept, a few KB each.
_MOST_KEPT = 5000
#: Picture, class and concept that were asked for.
_Key = tuple[str, int, str | None]


@dataclass(slots=True)
class _Kept:
    """Maps of one audit, the oldest of too many forgotten; why a picture has none."""

    maps: OrderedDict[_Key, tuple[SaliencyMap, ...]] = field(default_factory=OrderedDict)
    failed: dict[_Key, str] = field(default_factory=dict)
    # One picture at a time: the model holds hooks while it is asked.
    alone: threading.Lock = field(default_factory=threading.Lock)


def with_drawn(session: Session, stored: Sequence[SaliencyMap], image_ids: Sequence[str]) -> list[SaliencyMap]:
    """The stored maps of some pictures and, of others, those that were drawn since, each of a kind once."""
    found = {(one.image_id, one.class_idx, one.concept_id): one for one in stored}
    wanted = set(image_ids)
    for maps in list(_kept(str(session.audit_dir), identity_of(session.audit_dir)).maps.values()):
        for one in maps:
            if one.image_id in wanted:
                found.setdefault((one.image_id, one.class_idx, one.concept_id), one)
    return list(found.values())


def show_draw_maps(
    session: Session, image_ids: Sequence[str], class_idx: int, concept_id: str | None, beside: DeltaGenerator
) -> None:
    """Offer to draw what maps of a class and a concept a list lacks; nothing where there are all, or no model.

    Args:
        session: Whose audit it is.
        image_ids: All of the list.
        class_idx: Class whose maps are meant.
        concept_id: Concept whose maps are meant too, in pictures whose words hold it.
        beside: Where the button stands.
    """
    if not image_ids or not session.run.model_was_run:
        return
    identity = identity_of(session.audit_dir)
    kept = _kept(str(session.audit_dir), identity)
    stored = {one.image_id for one in maps_of_pictures(session.connection, image_ids) if one.class_idx == class_idx}
    keys = [(one, class_idx, concept_id) for one in image_ids]
    missing = [key for key in keys if key[0] not in stored and key not in kept.maps and key not in kept.failed]
    failed = [kept.failed[key] for key in keys if key in kept.failed]
    if failed:
        markup.draw("maps_failed", n=len(failed), why=failed[0], command=None)
    if not missing:
        return
    asked = missing[:_MOST_AT_ONCE]
    told = "the map" if len(asked) == 1 else f"the {len(asked):,} maps"
    if len(asked) < len(missing):
        told = f"the first {len(asked):,} maps"
    if not beside.button(
        f"Draw {told} that this list lacks",
        key="draw-maps",
        help="of the class and, where the words of a picture hold it, of the concept; by the audited model, kept while "
        "the dashboard runs. Going elsewhere stops it; what is drawn stays",
    ):
        return
    try:
        drawer = _drawer(session.audit_dir, identity, session.trust_code)
    except AuditorError as error:
        markup.draw("maps_failed", n=None, why=str(error), command="auditor explain")
        return
    bar = st.progress(0.0, f"0 of {counted(len(asked), 'picture')}")
    for done, key in enumerate(asked, start=1):
        _draw(drawer, kept, key)
        bar.progress(done / len(asked), f"{done:,} of {counted(len(asked), 'picture')}")
    st.rerun()


def _draw(drawer: MapDrawer, kept: _Kept, key: _Key) -> None:
    with kept.alone:
        if key in kept.maps:  # somebody else asked as well
            return
        try:
            kept.maps[key] = drawer.draw(*key)
        except AuditorError as error:
            kept.failed[key] = str(error)
        while len(kept.maps) > _MOST_KEPT:
            kept.maps.popitem(last=False)


@st.cache_resource(show_spinner=False, max_entries=8)
def _kept(folder: str, identity: Identity | None) -> _Kept:
    return _Kept()


@st.cache_resource(show_spinner="Loading the model", max_entries=1)
def _drawer(folder: Path, identity: Identity | None, trust_code: bool) -> MapDrawer:
    # An audit may come from anybody, and a page is opened by a link: neither may make this machine fetch things.
    with cache_only():
        return load_map_drawer(folder, trust_code=trust_code)


def load_map_drawer(folder: Path, *, trust_code: bool) -> MapDrawer:
    """The model; torch comes with it, which takes 190 MB and seconds, and which other views do not need."""
    from auditor import more_maps

    return more_maps.load_map_drawer(folder, trust_code=trust_code)
