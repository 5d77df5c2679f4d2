"""A figure and its unit on one line: "98 %", "< 1 %", "65 pts" are never broken before the sign of what they are."""

from __future__ import annotations

import re

_NO_BREAK = "\u00a0"
#: Tags are left alone, and so is what is copied from the page, where another blank would be another text.
_PART = re.compile(
    r"<(pre|code|script|style|textarea)\b.*?</\1>|<[^>]*>|(?<=\d) (?=(?:%|pts\b|points?\b))|(?<=&[lg]t;) (?=\d+ %)",
    re.DOTALL,
)


def kept_together(html: str) -> str:
    """The same HTML, with blanks that do not break between figures and units."""
    return _PART.sub(lambda found: _NO_BREAK if found[0] == " " else found[0], html)
