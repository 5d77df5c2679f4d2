"""What ``auditor faithfulness`` measured: as lines of a report, and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.faithfulness_records import FaithfulnessKind, FaithfulnessMeasure, FaithfulnessRow
from auditor.figures import coefficient, growth, percent

TITLE = "Do the maps show what the model uses?"
#: Sentence with the figures, wherever they stand.
READING = (
    "How to read it: places, groups and words are tried on the model itself. A map is worth its difference to the same "
    "map elsewhere; where the interval of that holds 0, it says no more than a place by chance."
)
KINDS: dict[FaithfulnessKind, str] = {
    "class_map": "Maps of the class",
    "phrase_map": "Maps of phrases",
    "channel_groups": "Channel groups",
    "text_direction": "Words as directions",
    "simulation": "Telling the call of unseen pictures",
}
_MEASURES: dict[FaithfulnessMeasure, str] = {
    "deletion": "deletion: confidence while parts go, the largest first (low is good)",
    "insertion": "insertion: confidence while parts come, the largest first (high is good)",
    "relevance_gain": "symmetric relevance gain: insertion less deletion (high is good)",
    "average_drop": "average drop: confidence lost through the map (low is good)",
    "increase": "increase: pictures with more confidence through the map (high is good)",
    "pointing": "pointing game: largest place lies on the object's mask",
    "likeness_randomised": "rank correlation with the map of shuffled weights (near 0 is good)",
    "specific": "specific: covering it takes more of its own phrase than of others (high is good)",
    "raises": "the class rises along the word's direction (high is good)",
    "rank": "words along which it rises less (50 % is chance)",
    "accuracy": "calls told right (high is good)",
}


@dataclass(frozen=True, slots=True)
class FaithfulnessLine:
    """One measure of one explanation in words."""

    method: str
    measure: str
    value: str
    differences: tuple[str, ...]  # to each control
    n: int


@dataclass(frozen=True, slots=True)
class FaithfulnessPart:
    """All that was measured of one kind of explanation."""

    title: str
    lines: tuple[FaithfulnessLine, ...]


def faithfulness_parts(rows: Sequence[FaithfulnessRow]) -> list[FaithfulnessPart]:
    """All that was measured, kind by kind; a line has the measure with its differences to what it is compared with."""
    parts = []
    for kind, title in KINDS.items():
        lines = [
            FaithfulnessLine(
                row.method,
                _MEASURES[row.measure],
                _value(row),
                tuple(
                    f"{growth(one.value, one.low, one.high)} against {one.against}"
                    for one in rows
                    if one.against is not None
                    and (one.kind, one.method, one.measure) == (kind, row.method, row.measure)
                ),
                row.n,
            )
            for row in rows
            if row.kind == kind and row.against is None
        ]
        if lines:
            parts.append(FaithfulnessPart(title, tuple(lines)))
    return parts


def faithfulness_line(rows: Sequence[FaithfulnessRow]) -> str | None:
    """What the figures come to, in a line; None where nothing was measured.

    Of the map that the audit draws, which is the first one, and of telling calls by the phrases.
    """
    told = []
    for kind, what in (("class_map", "maps"), ("channel_groups", "channel groups")):
        gain = next((row for row in rows if row.kind == kind and row.measure == "relevance_gain" and row.against), None)
        if gain is not None:
            told.append(
                f"{what} gain {growth(gain.value, gain.low, gain.high)} over {gain.against} ({gain.n:,} pictures)"
            )
    phrases = [row for row in rows if row.kind == "simulation" and row.against is None]
    told += [
        f"{row.method} tell {percent(row.value, row.low, row.high)} of the calls of unseen pictures"
        for row in phrases
        if row.method == "phrases"
    ]
    return f"{'; '.join(told)}.".capitalize() if told else None


def faithfulness_table(rows: Sequence[FaithfulnessRow]) -> str:
    """All that was measured, a line each."""
    lines = []
    for part in faithfulness_parts(rows):
        lines.append(part.title)
        for line in part.lines:
            told = "; ".join((line.value, *line.differences))
            lines.append(f"  {line.method}: {line.measure}: {told} (n = {line.n:,})")
    return "\n".join(lines)


def _value(row: FaithfulnessRow) -> str:
    if row.measure != "likeness_randomised":
        return percent(row.value, row.low, row.high)
    if row.low is None or row.high is None:
        return coefficient(row.value)
    return f"{coefficient(row.value)} [{coefficient(row.low)}, {coefficient(row.high)}]"
