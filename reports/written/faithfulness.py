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
    "deletion": "deletion",
    "insertion": "insertion",
    "relevance_gain": "symmetric relevance gain",
    "average_drop": "average drop",
    "increase": "increase",
    "pointing": "pointing game",
    "likeness_randomised": "likeness to shuffled weights",
    "specific": "takes its own phrase",
    "raises": "raises the class",
    "rank": "raises it more than",
    "accuracy": "calls told right",
}
#: What each measure is, and which way is good.
MEANINGS: dict[FaithfulnessMeasure, str] = {
    "deletion": "mean confidence while parts are taken, the largest first; low is good",
    "insertion": "mean confidence while parts are given back, the largest first; high is good",
    "relevance_gain": "insertion less deletion; high is good",
    "average_drop": "part of the confidence that is lost where only the map is seen; low is good",
    "increase": "pictures with more confidence where only the map is seen; high is good",
    "pointing": "maps whose largest place lies on the object's mask",
    "likeness_randomised": "rank correlation with the map of the same model with its weights shuffled; near 0 is good",
    "specific": "phrases of whose channels a cover on the map takes more than of the others'; high is good",
    "raises": "leading words that raise their class when embeddings move by the word; high is good",
    "rank": "part of the vocabulary that raises the class less; 50 % is chance",
    "accuracy": "calls of held-out pictures that a logistic regression tells from the explanation; high is good",
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
    """What the figures come to, in a sentence; None where there is nothing to say it with.

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
    if not told:
        return None
    line = "; ".join(told)
    return f"{line[0].upper()}{line[1:]}."


def meaning_lines(rows: Sequence[FaithfulnessRow]) -> list[tuple[str, str]]:
    """Name and meaning of each measure that there is."""
    there = {row.measure for row in rows}
    return [(_MEASURES[measure], told) for measure, told in MEANINGS.items() if measure in there]


@dataclass(frozen=True, slots=True)
class FaithfulnessSection:
    """What a report has of it."""

    title: str
    line: str | None
    reading: str
    parts: list[FaithfulnessPart]
    meanings: list[tuple[str, str]]


def faithfulness_section(rows: Sequence[FaithfulnessRow]) -> FaithfulnessSection:
    """All of a report's section; without parts where nothing was measured."""
    return FaithfulnessSection(TITLE, faithfulness_line(rows), READING, faithfulness_parts(rows), meaning_lines(rows))


def faithfulness_table(rows: Sequence[FaithfulnessRow]) -> str:
    """All that was measured, a line each, and what the measures mean."""
    lines = []
    for part in faithfulness_parts(rows):
        lines.append(f"{part.title}")
        before = None
        for line in part.lines:
            if line.method != before:
                lines.append(f"  {line.method}, n = {line.n:,}")
                before = line.method
            told = "; ".join((line.value, *line.differences))
            lines.append(f"    {line.measure:<29} {told}")
    lines += [f"{name}: {told}" for name, told in meaning_lines(rows)]
    return "\n".join(lines)


def _value(row: FaithfulnessRow) -> str:
    if row.measure != "likeness_randomised":
        return percent(row.value, row.low, row.high)
    if row.low is None or row.high is None:
        return coefficient(row.value)
    return f"{coefficient(row.value)} [{coefficient(row.low)}, {coefficient(row.high)}]"
