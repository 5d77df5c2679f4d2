"""How names and numbers read in every report: made harmless (`plain`, `inert`), short, and the same everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterable

from auditor.wording import inert as inert
from auditor.wording import plain as plain

#: A shape and a word for every verdict, so that none depends on colour.
VERDICT_SHAPES = {"flagged": "▲", "suspect": "◆", "clean": "●", "not_analysed": "○"}
#: Under every table of classes.
LEGEND = "Share: of the words for the class. Gap: how much more often pictures are called it with the concept."
VERDICT_WORDS = {"flagged": "flagged", "suspect": "suspect", "clean": "clean", "not_analysed": "not analysed"}


def _whole(value: float) -> str:
    rounded = math.floor(abs(value) * 100 + 0.5)
    return f"−{rounded}" if value < 0 and rounded else str(rounded)


def percent(share: float | None) -> str:
    """A share as "41 %"; "–" where there is none."""
    if share is None or not math.isfinite(share):
        return "–"
    return "< 1 %" if 0 < share < 0.005 else f"{_whole(share)} %"


def points(gap: float | None, low: float | None = None, high: float | None = None) -> str:
    """A difference of shares as "65 pts [58, 71]"; "–" where there is none."""
    if gap is None or not math.isfinite(gap):
        return "–"
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return f"{_whole(gap)} pts"
    return f"{_whole(gap)} pts [{_whole(low)}, {_whole(high)}]"


def reach(effects: Iterable[float | None]) -> str | None:
    """The smallest effects that could have been seen in several classes: "6 to 11 pts"; None where none is known."""
    seen = sorted(effect for effect in effects if effect is not None)
    if not seen:
        return None
    low, high = points(seen[0]), points(seen[-1])
    return high if low == high else f"{low.removesuffix(' pts')} to {high}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: "1 class", "3,410 pictures"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
