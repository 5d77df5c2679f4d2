"""What is drawn for a terminal as text: on one, with the colours and letters that it has, or into a string."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console, RenderableType

#: Draws for so many columns.
Drawing = Callable[[int], RenderableType]

#: Columns that the tables need; a narrower terminal wraps its lines.
NARROWEST = 76
_TO_ASCII = str.maketrans(
    {
        "▲": "!",
        "◆": "?",
        "●": ".",
        "○": "-",
        "▽": "v",
        "◐": "o",
        "▼": "v",
        "✓": "+",
        "✕": "x",
        "−": "-",
        "–": "-",
        "…": "~",
        "─": "-",
        "·": "|",
    }
    | {"→": "->"}
)


def print_on(console: Console, drawing: Drawing) -> None:
    """Print it; colours only where ``console`` is a terminal, plain letters where it has no UTF-8."""
    if console.is_terminal and not console.options.ascii_only:
        width = max(console.width, NARROWEST)
        console.print(drawing(width), highlight=False, width=width, crop=False)
        return
    text = as_text(drawing, width=console.width)
    if console.options.ascii_only:
        text = text.translate(_TO_ASCII).encode("ascii", "replace").decode()
    console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)


def as_text(drawing: Drawing, *, width: int = 100) -> str:
    """It as plain text without colour codes, ``width`` (at least 76) characters a line."""
    stream, width = io.StringIO(), max(width, NARROWEST)
    console = Console(file=stream, width=width, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(drawing(width), highlight=False, crop=False)
    lines = (line.rstrip() for line in stream.getvalue().splitlines())
    return "\n".join(lines).strip("\n")
