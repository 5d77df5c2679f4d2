"""Which list of pictures the URL names, and which view shows it; no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

from auditor.store.queries.chosen_pictures import LISTS
from auditor.store.queries.picture_lists import Among, Having, Selection
from reports.dashboard.address import Place, span_of

#: Lists that are of one class; without it they hold nothing.
_OF_CLASS = ("all", "with", "without", "mistakes", "pulled", "confused")
#: Lists of all classes, whatever class somebody came from.
_OF_ALL = ("most", "least")


def class_idx_of(place: Place, class_names: Sequence[str]) -> int | None:
    """Position of the class that the URL names; None without one, or where the audit has no such class."""
    return class_names.index(place.class_name) if place.class_name in class_names else None


def selection_of(place: Place, class_names: Sequence[str]) -> Selection | None:
    """The list that the URL names; None without one, and for what a search finds."""
    if place.among not in get_args(Among):
        return None
    among = cast(Among, place.among)
    class_idx = None if among in _OF_ALL else class_idx_of(place, class_names)
    if among in _OF_CLASS and class_idx is None:
        return None
    called_idx = class_names.index(place.called) if place.called in class_names else None
    return Selection(among, class_idx, place.concept, place.group, called_idx, having_of(place))


def having_of(place: Place) -> Having | None:
    """What the URL narrows a list by besides its ranges; None without a column."""
    return Having(place.column, place.values, span_of(place.span)) if place.column else None


def home_of(place: Place) -> str:
    """The view that shows the list that the URL names."""
    if place.among == "search":
        return "search"
    if place.among == "group":
        return "groups"
    if place.among == "confused":
        return "confusion"
    if place.among == "area":
        return "atlas"
    if place.among == "basket":
        return "basket"
    if place.among in _OF_ALL or (place.among == "said" and place.class_name is None):
        return "concept"
    if place.among == "all" or place.among in LISTS.values():
        return "pictures"
    return "class" if place.among is not None else "overview"


def title_of(place: Place, concept: str | None, group: str | None) -> str:
    """What the list that the URL names holds, in a few words; the names come back as they are, not escaped."""
    name = place.class_name or ""
    if place.among == "search":
        return "pictures like this one" if place.like else f'pictures like "{place.text}"'
    return {
        "all": f"{name}: all pictures",
        "with": f"{name} with {concept}",
        "without": f"{name} without {concept}",
        "mistakes": f"{name}: mistakes",
        "pulled": f"others with {concept}, called {name}",
        "most": f"most {concept}",
        "least": f"least {concept}",
        "said": f"{concept} in the words" + (f" for {name}" if name else ""),
        "group": f"channel group {group}",
        "confused": f"{name} called {place.called}",
        "area": "a part of the atlas",
        "basket": "the basket",
    }.get(place.among or "", "")
