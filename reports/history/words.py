"""How a history of releases is said, the same in every format; names are made harmless here."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.figures import counted, percent, points
from auditor.gate.release_history import HistoryLine, HistoryPoint, HistoryStep, ReleaseHistory
from reports.diff.words import CHANGE_SHAPES, MEASURES, NAME_LIMIT, STANDING_WORDS, difference, release_line
from reports.display import VERDICT_SHAPES, inert

_PATH_LIMIT = 160
#: How the figures read; under every history.
EXPLANATION = (
    "Gap: with its own 95 % interval, as each release's report tells it, or over all pictures where a report has none. "
    "Change: picture by picture, as `auditor diff` tells it; within the noise it is unchanged. It is told between "
    "releases on the same data, with the same encoder and by the same rules, and between no others; `auditor rejudge` "
    "brings older audits under today's rules."
)


def step_line(step: HistoryStep) -> str:
    """Such as "release-7: timm:resnet50 · 3,410 pictures · audited 2025-01-02 · accuracy 96.5 %"."""
    right = f" · accuracy {percent(step.accuracy, decimals=1)}" if step.accuracy is not None else ""
    return f"{release_line(step.release)}{right}"


def differs_line(history: ReleaseHistory, position: int) -> str | None:
    """Why a release cannot be compared with the one before it, and with which one it is; None where it can."""
    step = history.steps[position]
    if not step.differs:
        return None
    said = f"Not comparable with {number(position - 1)}: {'; '.join(step.differs)}"
    return inert(f"{said}; compared with {number(step.since)}" if step.since is not None else said) + "."


def number(position: int) -> str:
    """How a release is named in the lines of findings."""
    return f"#{position + 1}"


def data_line(history: ReleaseHistory, positions: Sequence[int]) -> str:
    """On what data the releases at these positions are: such as "on val, digest 98c8ee02"."""
    release = history.steps[positions[0]].release
    return f"on {inert(release.data_path, _PATH_LIMIT)}, digest {inert(release.data_digest[:8], NAME_LIMIT)}"


def heading(line: HistoryLine) -> str:
    """Such as "waterbird · water (scene) · gap of recall, over all pictures"."""
    kind = inert(line.concept_kind, NAME_LIMIT).replace("_", " ")
    named = f"{inert(line.class_name, NAME_LIMIT)} · {inert(line.concept, NAME_LIMIT)} ({kind})"
    return f"{named} · {MEASURES[line.measure]}{', over all pictures' if line.counted else ''}"


def standing(point: HistoryPoint) -> str:
    """Such as "▲ flagged", or why nothing is said."""
    if point.note is not None:
        return point.note
    shape = VERDICT_SHAPES.get(point.standing or "", "◐")
    return f"{shape} {STANDING_WORDS[point.standing]}"


def gap(point: HistoryPoint) -> str:
    """The gap with its interval."""
    return points(point.effect, point.low, point.high)


def change(history: ReleaseHistory, position: int, point: HistoryPoint) -> str:
    """Such as "✓ fixed −60 pts [−79, −31] since #1"; "" where there is nothing to compare."""
    since = history.steps[position].since
    if point.change is None or since is None:
        return ""
    moved = f" {difference(point.change)}" if point.change.difference is not None else ""
    return f"{CHANGE_SHAPES[point.change.change]} {point.change.change}{moved} since {number(since)}"


def count_line(history: ReleaseHistory) -> str:
    """The last line."""
    n_series = 1 + max(step.series for step in history.steps)
    said = f"{counted(len(history.lines), 'finding')} in {counted(len(history.steps), 'release')}"
    if n_series > 1:
        said += f", in {n_series} series that cannot be compared with each other"
    if history.n_same_things:
        more = "more is a known attribute" if history.n_same_things == 1 else "more are known attributes"
        said += f"; {history.n_same_things:,} {more} of the same name"
    return said
