"""Where in the dashboard somebody is: all of it stands in the URL, so that every view and selection can be sent on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode

from reports.display import VERDICT_WORDS, plain

#: Views, in the order of the navigation.
VIEWS = (
    "audits",
    "overview",
    "matrix",
    "confusion",
    "atlas",
    "class",
    "concept",
    "pictures",
    "groups",
    "picture",
    "search",
    "compare",
    "history",
    "review",
    "teach",
    "basket",
)
#: Columns that the table of classes can be sorted by; the first is by what matters.
SORTS = ("severity", "class", "share", "gap", "pictures")
#: Lists of pictures, see ``store.queries.picture_lists.Among``; "search" is what ``text`` or ``like`` finds,
#: "area" what lies in a part of the atlas, "basket" what was ticked.
LISTS = (
    "all",
    "with",
    "without",
    "mistakes",
    "pulled",
    "most",
    "least",
    "said",
    "group",
    "confused",
    "search",
    "area",
    "basket",
)
#: What a list of pictures can be ordered by besides its own order, and narrowed by.
ORDERS = ("list", "confidence", "presence", "share", "path")
#: Value of ``map`` for pictures without any; ids of concepts are never so short.
NO_MAP = "-"
#: Width of a thumbnail in pixels.
SIZES = (96, 320)
#: What places pictures in the atlas, see ``records.AtlasSpace``, and what they are coloured by.
SPACES = ("model", "encoder")
PAINTS = ("label", "called", "wrong", "concept")
#: Corners of a part of the atlas.
_MOST_CORNERS = 100
#: Longer values are no name of anything, only a strain.
_LONGEST = 4000
#: Name in the URL, where it is not the field's.
_NAMES = {"class_name": "class", "verdicts": "verdict", "kinds": "kind", "values": "value"}
#: What changes the look of a page and not which things are on it.
_LOOKS = frozenset({"page", "map", "opacity", "size"})


@dataclass(frozen=True, slots=True)
class Place:
    """What the URL holds.

    Attributes:
        audit: key of the audit, see ``audits.FoundAudit``; None is the only one, or none chosen yet.
        other: key of the audit that it is compared with.
        view: one of ``VIEWS``.
        class_name: the class looked at.
        concept: id of the concept looked at.
        group: channel group looked at.
        picture: id of the picture looked at.
        text: words searched for.
        like: id of the picture that is searched with.
        among: list that the pictures are of, and that is stepped through from one of them; one of ``LISTS``.
        page: of a list of pictures, from 1.
        verdicts: only classes with these; empty is all.
        kinds: only classes whose leading concept is of these kinds; empty is all.
        find: only classes with this in their name; in the view "teach", the name of the concept that is taught.
        map: id of the concept whose map lies over the pictures; None is the map of the class, ``NO_MAP`` none.
        opacity: of the map, in percent.
        sort: column of the table of classes.
        anyway: two audits are compared though they were not measured alike.
        called: the class that the pictures of a list are called.
        space: what places pictures in the atlas; one of ``SPACES``.
        paint: what they are coloured by; one of ``PAINTS``.
        area: part of the atlas, as corners "x.y.x.y.…" in thousandths of its side from the upper left.
        words: the matrix shows the words of a family each by itself.
        order: of a list of pictures; one of ``ORDERS``.
        confidence: only pictures whose confidence lies in these per cent, "20-80"; "" is all, also where it is unknown.
        presence: the same of the concept's presence.
        share: the same of its share of the words.
        column: a column of the manifest, or a measure, that the list is narrowed by.
        values: only pictures with one of these in the column, "" for no value; empty is all.
        span: only pictures whose number in the column is within these, "0.2..0.6"; "" is all.
        size: width of a thumbnail in pixels.
    """

    audit: str | None = None
    other: str | None = None
    view: str = "overview"
    class_name: str | None = None
    concept: str | None = None
    group: int | None = None
    picture: str | None = None
    text: str = ""
    like: str | None = None
    among: str | None = None
    page: int = 1
    verdicts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    find: str = ""
    map: str | None = None
    opacity: int = 55
    sort: str = SORTS[0]
    anyway: bool = False
    called: str | None = None
    space: str = SPACES[0]
    paint: str = PAINTS[0]
    area: str = ""
    words: bool = False
    order: str = ORDERS[0]
    confidence: str = ""
    presence: str = ""
    share: str = ""
    column: str = ""
    values: tuple[str, ...] = ()
    span: str = ""
    size: int = 128

    @classmethod
    def read(cls, params: Mapping[str, str]) -> tuple[Place, list[str]]:
        """A place from the parameters of a URL that anybody may have written.

        Returns:
            The place, and one line for each parameter that was broken and is ignored.
        """
        values: dict[str, Any] = {}
        broken: list[str] = []
        known = {_NAMES.get(field.name, field.name): field.name for field in fields(cls)}
        for name, text in params.items():
            if name not in known:
                broken.append(f"'{plain(name, 40)}' is no parameter of this dashboard")
                continue
            value, expected = _read_value(known[name], text)
            if expected:
                broken.append(f"{name}='{plain(text, 40)}': expected {expected}")
            else:
                values[known[name]] = value
        return cls(**values), broken

    def params(self) -> dict[str, str]:
        """What goes into the URL: only what is not default."""
        found = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                text = ",".join(quote(item, safe="") for item in value) if isinstance(value, tuple) else str(value)
                found[_NAMES.get(field.name, field.name)] = text
        return found

    def but(self, **changes: Any) -> Place:
        """The same place with some fields changed.

        Lists begin at their first page again, unless ``page`` is given or only the look of the pictures changes.
        """
        if not _LOOKS.issuperset(changes):
            changes = {"page": 1, **changes}
        return replace(self, **changes)

    def url(self) -> str:
        """Relative link to the place."""
        return "?" + urlencode(self.params())


def _read_value(field: str, text: str) -> tuple[Any, str]:
    """The value of a field, or what was expected instead of ``text``."""
    if len(text) > _LONGEST:
        return None, f"at most {_LONGEST:,} characters"
    if field == "view":
        return text, "" if text in VIEWS else f"one of {', '.join(VIEWS)}"
    if field == "sort":
        return text, "" if text in SORTS else f"one of {', '.join(SORTS)}"
    if field == "among":
        return text, "" if text in LISTS else f"one of {', '.join(LISTS)}"
    if field == "space":
        return text, "" if text in SPACES else f"one of {', '.join(SPACES)}"
    if field == "paint":
        return text, "" if text in PAINTS else f"one of {', '.join(PAINTS)}"
    if field == "order":
        return text, "" if text in ORDERS else f"one of {', '.join(ORDERS)}"
    if field in ("confidence", "presence", "share"):
        return text, "" if range_of(text) else "per cent from and to, like 20-80"
    if field == "span":
        return text, "" if span_of(text) else "numbers from and to, like 0.2..0.6"
    if field == "values":
        return _distinct(unquote(item) for item in text.split(",")), ""
    if field == "size":
        return _whole(text, *SIZES, f"pixels from {SIZES[0]} to {SIZES[1]}")
    if field == "area":
        return text, "" if _is_area(
            text
        ) else f"3 to {_MOST_CORNERS} corners, as numbers of at most 1000 with dots between"
    if field == "page":
        return _whole(text, 1, 10**9, "a page from 1")
    if field == "group":
        return _whole(text, 0, 10**9, "the number of a channel group")
    if field == "opacity":
        return _whole(text, 0, 100, "percent from 0 to 100")
    if field in ("anyway", "words"):
        return True, "" if text == "True" else "True"
    if field in ("verdicts", "kinds"):
        items = _distinct(unquote(item) for item in text.split(",") if item)
        if field == "verdicts" and not set(items) <= set(VERDICT_WORDS):
            return None, f"some of {', '.join(VERDICT_WORDS)}"
        return items, ""
    return text, ""


def range_of(text: str) -> tuple[int, int] | None:
    """From and to of "20-80", in per cent; None for anything else."""
    low, dash, high = text.partition("-")
    ends = [_whole(one, 0, 100, "")[0] for one in (low, high)]
    if not dash or ends[0] is None or ends[1] is None or ends[0] > ends[1]:
        return None
    return ends[0], ends[1]


def span_of(text: str) -> tuple[float, float] | None:
    """From and to of "0.2..0.6"; None for anything else."""
    low, dots, high = text.partition("..")
    try:
        ends = float(low), float(high)
    except ValueError:
        return None
    return ends if dots and -math.inf < ends[0] <= ends[1] < math.inf else None


def _whole(text: str, low: int, high: int, expected: str) -> tuple[int | None, str]:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        return None, expected
    return int(text), ""


def _is_area(text: str) -> bool:
    numbers = text.split(".")
    known = all(_whole(number, 0, 1000, "")[0] is not None for number in numbers)
    return known and len(numbers) % 2 == 0 and 3 <= len(numbers) // 2 <= _MOST_CORNERS


def _distinct(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
