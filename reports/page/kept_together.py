"""What is read as one stays on one line: "98 %", "< 1 %" and "65 pts" before their sign, "--encoder" at its hyphens."""

from __future__ import annotations

import re

_NO_BREAK = "\u00a0"
#: Tags are left alone, and so is what is copied from the page, where another blank would be another text.
_PART = re.compile(
    r"<(pre|code|script|style|textarea|title|svg)\b.*?</\1>|<[^>]*>|(?<=\d) (?=(?:%|pts\b|points?\b))"
    r"|(?<=&[lg]t;) (?=\d+ %)|(?<![\w-])--[a-z][a-z-]{,24}",
    re.DOTALL,
)


def kept_together(html: str) -> str:
    """The same HTML, with blanks that do not break between figures and units, and names of options whole."""
    return _PART.sub(_whole, html)


def _whole(found: re.Match[str]) -> str:
    if found[0] == " ":
        return _NO_BREAK
    return f'<span class="whole">{found[0]}</span>' if found[0].startswith("--") else found[0]
