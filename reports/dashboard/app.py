"""The page: reads the place from the URL, opens its audit, draws the navigation and the view; no view, no traceback."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from importlib.resources import files
from pathlib import Path

import streamlit as st

if __package__ in (None, ""):  # run by Streamlit as a file, which puts this folder, not its root, on the path
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import duckdb

from auditor.config import NO_MODEL
from auditor.errors import AuditorError, InputError
from auditor.store.queries import audit as queries
from reports.dashboard import markup
from reports.dashboard.address import Place
from reports.dashboard.audits import FoundAudit, Identity, find_audits
from reports.dashboard.basket import PARAMETER, basket_of
from reports.dashboard.guard import own_script
from reports.dashboard.options import Options, read_options
from reports.dashboard.session import Session, open_audit
from reports.dashboard.views import audits as audits_view
from reports.display import plain
from reports.page.templates import assets

#: A file: Streamlit takes one letter for the name of a picture, which is not there.
_ICON = Path(__file__).with_name("icon.svg")
_LOG = logging.getLogger(__name__)

#: View, its module, its word in the navigation (None: reached from other views).
_VIEWS = {
    "overview": ("overview", "Overview"),
    "matrix": ("matrix", "Matrix"),
    "confusion": ("confusion", "Confusion"),
    "atlas": ("atlas", "Atlas"),
    "class": ("class_view", "Class"),
    "concept": ("concept", "Concept"),
    "pictures": ("pictures", "Pictures"),
    "groups": ("channel_groups", "Channel groups"),
    "picture": ("picture", None),
    "search": ("search", "Search"),
    "compare": ("compare", "Compare"),
    "history": ("history", "History"),
    "review": ("review", "Review"),
    "teach": ("teach", "Teach"),
    "basket": ("basket", "Basket"),
}


#: Views that say what a model does; where none was examined they would be empty.
_OF_MODELS = ("matrix", "confusion", "groups", "history", "review")


def main(options: Options | None = None) -> None:
    """Draw the page once; ``options`` are those of the command line unless given."""
    options = options or read_options(sys.argv[1:])
    params = st.query_params.to_dict()
    ticks = params.pop(PARAMETER, None)
    place, broken = Place.read(params)
    found = find_audits(options.folders)
    chosen = _chosen(place, found)
    st.set_page_config(_title(place, chosen), page_icon=_ICON, layout="wide", initial_sidebar_state="collapsed")
    _dress()
    if chosen is not None and ticks is not None:
        basket_of(chosen).hear(ticks)
    _navigate(place, chosen, found, read_only=options.read_only)
    if broken:
        _say("Part of the address was not understood and is left out", "; ".join(broken))
    try:
        if chosen is None or place.view == "audits":
            audits_view.show_audits(place, found, options.folders)
        else:
            _show(place.but(audit=chosen.key, page=place.page), chosen, found, options)
    except AuditorError as error:
        _say("This cannot be shown", str(error))
    except duckdb.Error as error:
        _LOG.exception("a query failed")
        _say("The audit's file could not be read", f"{str(error).splitlines()[0]}; make the audit again, or reload")
    except Exception:  # an audit may come from anybody: whatever it does to a view, the page and its links stay
        _LOG.exception("a view failed")
        _say("This view failed", "What went wrong is in the log of the server. Go on from the row of links above.")


def _title(place: Place, chosen: FoundAudit | None) -> str:
    """What the tab says: the class, the view, the audit, as far as there are any."""
    if chosen is None or place.view == "audits":
        return "Audits · auditor"
    told = [place.class_name, _VIEWS[place.view][1] or "Picture", chosen.key, "auditor"]
    return " · ".join(plain(one, 40) for one in told if one)


def _chosen(place: Place, found: tuple[FoundAudit, ...]) -> FoundAudit | None:
    """The audit that the URL names, or the only one that there is to choose."""
    if place.audit is not None:
        return next((audit for audit in found if audit.key == place.audit and audit.state == "complete"), None)
    complete = [audit for audit in found if audit.state == "complete"]
    return complete[0] if len(complete) == 1 and len(found) == 1 else None


def _show(place: Place, audit: FoundAudit, found: tuple[FoundAudit, ...], options: Options) -> None:
    if _was_replaced(audit):
        return
    with open_audit(audit) as connection:
        if not _is_there(place.view):
            raise InputError(f"this auditor has no view '{place.view}'; go on from the row of links above")
        session = Session(
            place,
            found,
            connection,
            queries.run(connection),
            audit.folder,
            options.read_only,
            options.baseline,
            basket_of(audit),
            options.trust_code,
        )
        _load_view(place.view).show(session)


def _was_replaced(audit: FoundAudit) -> bool:
    """Whether the audit is another one than this browser has been looking at; then offers to load it."""
    seen: dict[str, Identity | None] = st.session_state.setdefault("seen", {})
    if seen.setdefault(str(audit.folder), audit.identity) == audit.identity:
        return False
    _say("This audit was made again", f"{audit.folder} now holds the audit of {audit.created_at}.")

    def load() -> None:
        seen[str(audit.folder)] = audit.identity

    st.button("Load the new audit", on_click=load, type="primary")
    return True


def _load_view(view: str) -> audits_view.View:
    name, _ = _VIEWS[view]
    return importlib.import_module(f"reports.dashboard.views.{name}")


def _is_there(view: str) -> bool:
    return importlib.util.find_spec(f"reports.dashboard.views.{_VIEWS[view][0]}") is not None


def _navigate(place: Place, chosen: FoundAudit | None, found: tuple[FoundAudit, ...], *, read_only: bool) -> None:
    """One row of links: the audits, then the views of the chosen one; no view that writes where nothing may be."""
    here = "audits" if chosen is None else place.view
    basket = None if chosen is None else basket_of(chosen)
    items = [_item(Place(view="audits", audit=place.audit), "Audits", here == "audits")]
    if chosen is not None:
        start = Place(audit=chosen.key, other=place.other, class_name=place.class_name)
        for view, (_, word) in _VIEWS.items():
            if word is not None and _is_there(view) and not (read_only and view in ("review", "teach")):
                if view in _OF_MODELS and chosen.model == NO_MODEL:
                    continue
                told = f"{word} <b>{len(basket):,}</b>" if view == "basket" and basket else word
                items.append(_item(start.but(view=view), told, view == here))
    name = f'<span class="which">{markup.text(chosen.key, 60)}</span>' if chosen and len(found) > 1 else ""
    heard = f' data-tick="{markup.text(basket.heard)}"' if basket is not None else ""
    markup.show(f'<nav class="views" aria-label="Views"{heard}><ul>{"".join(items)}</ul>{name}</nav>')


def _item(place: Place, word: str, is_here: bool) -> str:
    current = {"aria-current": "page"} if is_here else {}
    return f"<li>{markup.link(place.url(), word, **current)}</li>"


def _say(title: str, line: str) -> None:
    """A designed message: what is wrong and what to do, in our words."""
    markup.show(f'<div class="says" role="alert"><h2>{markup.text(title)}</h2><p>{markup.text(line, 1000)}</p></div>')


def _dress() -> None:
    """Our look, and the few lines that make a click on a link a step of the history (see ``session``)."""
    here = files("reports.dashboard")
    report_css, _, _ = assets()
    st.html(f"<style>.au {{ {report_css} }}</style>")
    for name in ("dashboard.css", "pictures.css", "releases.css", "atlas.css"):
        st.html(f"<style>{(here / name).read_text(encoding='utf-8')}</style>")
    st.html(f"<script>{own_script()}</script>", unsafe_allow_javascript=True)


if __name__ == "__main__":
    main()
