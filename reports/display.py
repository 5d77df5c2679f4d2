"""How names and verdicts read in every report: made harmless, short, and the same everywhere."""

from __future__ import annotations

import unicodedata

#: A shape and a word for every verdict, so that none depends on colour.
VERDICT_SHAPES = {"flagged": "▲", "suspect": "◆", "clean": "●", "not_analysed": "○"}
#: Under every table of classes.
LEGEND = "Share: of the words for the class. Gap: how much more often pictures are called it with the concept."
VERDICT_WORDS = {"flagged": "flagged", "suspect": "suspect", "clean": "clean", "not_analysed": "not analysed"}

# Controls, line and paragraph separators, private and broken characters; of the invisible format characters only the
# joiners stay, which some scripts need. Direction marks would let a name rewrite the line around it.
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn"}
_JOINERS = {"\u200c", "\u200d"}


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
