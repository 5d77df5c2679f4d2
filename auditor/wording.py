"""Foreign text inside messages and reports: quoted or made harmless, cut, and compared with what was expected."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

#: Characters of a foreign string that a message shows.
SHOWN_CHARS = 60
#: Characters of a path.
SHOWN_PATH_CHARS = 500
#: Entries of a list that a message shows.
SHOWN_ENTRIES = 10

# Controls, line and paragraph separators, private and broken characters; of the invisible format characters only the
# joiners stay, which some scripts need. Direction marks would let a name rewrite the line around it.
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn"}
_JOINERS = {"\u200c", "\u200d"}


def quote(text: object, limit: int = SHOWN_CHARS) -> str:
    """Return ``repr`` of the text, cut: newlines and escape codes cannot break or forge the line."""
    whole = str(text)
    return repr(whole) if len(whole) <= limit else repr(whole[:limit]) + "…"


def quote_path(path: Path) -> str:
    """Return a path that the user gave, nearly always whole: its end is what tells it from others."""
    return quote(path, SHOWN_PATH_CHARS)


def quote_list(texts: Sequence[object], limit: int = SHOWN_ENTRIES) -> str:
    """Return the quoted entries, the first of them and how many there are more."""
    return first_of([quote(text) for text in texts], limit) or "none"


def first_of(texts: Sequence[str], limit: int = SHOWN_ENTRIES, *, between: str = ", ") -> str:
    """Return the first texts as they are, and how many there are more: "a, b, c and 1,204 more"."""
    more = len(texts) - limit
    return between.join(texts[:limit]) + (f" and {more:,} more" if more > 0 else "")


def nearest(text: str, choices: Iterable[str]) -> str | None:
    """Return the choice that looks most like the text, None when nothing comes close."""
    # The comparison is quadratic in length, and foreign names may be very long.
    by_lowered = {choice[:SHOWN_CHARS].casefold(): choice for choice in choices}
    found = difflib.get_close_matches(text[:SHOWN_CHARS].casefold(), by_lowered, n=1, cutoff=0.6)
    return by_lowered[found[0]] if found else None


def plain(text: str, limit: int | None = None) -> str:
    """A name as one line of visible characters, cut to ``limit`` with an ellipsis."""
    spaced = " ".join(text.replace("\u2028", " ").replace("\u2029", " ").split())
    shown = "".join(
        character for character in spaced if character in _JOINERS or unicodedata.category(character) not in _DROPPED
    )
    shown = " ".join(shown.split())  # a name of invisible characters and spaces leaves none at its ends
    return shown if limit is None or len(shown) <= limit else shown[: max(limit - 1, 0)].rstrip() + "…"


def inert(text: str, limit: int | None = None) -> str:
    """A plain name that no CI takes for a command in its log (``::error``, ``##[group]``, ``##vso[``)."""
    return plain(text, limit).replace("::", ": :").replace("##", "# #")


def shown(value: object) -> str:
    """A value that a user wrote, as an error says it: a string in quotes, everything else as it is."""
    return quote(value) if isinstance(value, str) else quote(value)[1:-1]
