"""Findings over many releases: what each release says of them, and what changed since one that it can be compared with.

Pure. Releases on the same data, with the same encoder, judged by the same rules form a series, and changes are told
within one: docs/decisions/0050-small-install.md names what was rejected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from auditor.gate.compared_pairs import like_gaps, measures_of, named
from auditor.gate.gap_change import Estimate
from auditor.gate.pair_standing import AuditIndex
from auditor.gate.release_diff import compare_releases, not_comparable
from auditor.gate.releases import (
    FindingChange,
    Measure,
    Pair,
    Release,
    ReleaseFacts,
    Standing,
)
from auditor.gate.shared_pictures import accuracy
from auditor.records import FOUND

#: Note of a release that does not have the class of a finding.
NO_SUCH_CLASS = "no such class"
#: Note of a release that did not look for the concept of a finding.
NO_SUCH_CONCEPT = "not in its vocabulary"
#: The order in which findings are told, by what the last release says of them.
_WORST_FIRST: tuple[Standing | None, ...] = ("flagged", "harmed", "suspect", "open", "not_analysed", None, "clean")


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """One release of a history.

    ``series`` counts from 0: releases of one series can be compared. ``since`` is the position of the release that this
    one was compared with, None for the first of its series. ``differs`` says why it cannot be compared with the release
    directly before it, and is empty where it can.
    """

    release: Release
    accuracy: float | None  # share of its labelled pictures that the model gets right
    series: int
    since: int | None
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """What one release says of a finding: its gap with its own 95 % interval, None where it was not measured.

    ``note`` says why there is no standing. ``change`` is that since the release which the step was compared with; None
    where there is none, or neither of the two found it.
    """

    standing: Standing | None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    note: str | None = None
    change: FindingChange | None = None


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """A class and a concept that at least one release found, with a point for every release.

    ``counted`` says that its gaps are plain counts over all pictures, for not every release measured them otherwise.
    """

    class_name: str
    concept_id: str
    concept: str
    concept_kind: str
    measure: Measure
    counted: bool
    points: tuple[HistoryPoint, ...]


@dataclass(frozen=True, slots=True)
class ReleaseHistory:
    """Releases in their order, and what was found in them.

    ``n_same_things`` counts findings on known attributes that are not told, for the concept of their name has the same
    verdicts.
    """

    steps: tuple[HistoryStep, ...]
    lines: tuple[HistoryLine, ...]
    n_same_things: int


def follow_releases(releases: Iterable[ReleaseFacts]) -> ReleaseHistory:
    """Follow every finding through releases, which are given in their order; the pictures of one a series are kept."""
    steps: list[HistoryStep] = []
    indexes: list[AuditIndex] = []
    changes: list[dict[Pair, FindingChange]] = []
    last: list[tuple[int, ReleaseFacts]] = []  # of every series: position and facts of its latest release
    for position, facts in enumerate(releases):
        differs = not_comparable(indexes[-1].facts, facts) if indexes else ()
        series = next((n for n, (_, before) in enumerate(last) if not not_comparable(before, facts)), len(last))
        since = None
        changed: dict[Pair, FindingChange] = {}
        if series < len(last):
            since, before = last[series]
            diff = compare_releases(before, facts)
            changed = {Pair(one.class_name, one.concept_id): one for one in diff.changes}
        right = accuracy(facts.pictures.predicted_idx, facts.pictures.label_idx)
        steps.append(HistoryStep(facts.release, right, series, since, differs))
        changes.append(changed)
        # What is seen in the pictures takes most of the memory; which of them belong together is asked for later.
        indexes.append(AuditIndex(replace(facts, pictures=replace(facts.pictures, present={}))))
        last[series : series + 1] = [(position, facts)]
    lines = [_line(pair, indexes, changes) for pair in sorted({pair for index in indexes for pair in index.found})]
    told = [line for line in lines if not _is_twin(line, lines, indexes)]
    return ReleaseHistory(tuple(steps), tuple(sorted(told, key=_rank)), len(lines) - len(told))


def points_by_data(history: ReleaseHistory, line: HistoryLine) -> list[tuple[int, ...]]:
    """Positions of the releases whose points stand below each other: those on the same data, in the order of the first.

    What two releases on other data say of a class, nobody can read as a change. Data are left out on which no release
    has both the class and the concept.
    """
    of_data: dict[str, list[int]] = {}
    for position, step in enumerate(history.steps):
        of_data.setdefault(step.release.data_digest, []).append(position)
    return [tuple(same) for same in of_data.values() if any(_is_asked(line.points[n]) for n in same)]


def lines_on(history: ReleaseHistory, data_digest: str) -> list[HistoryLine]:
    """Lines whose class and concept some release on these data has: first those that one of them found."""

    def points(line: HistoryLine) -> list[HistoryPoint]:
        rows = zip(history.steps, line.points, strict=True)
        return [point for step, point in rows if step.release.data_digest == data_digest]

    told = [line for line in history.lines if any(map(_is_asked, points(line)))]
    return sorted(told, key=lambda line: not any(point.standing in FOUND for point in points(line)))


def _is_asked(point: HistoryPoint) -> bool:
    return point.note not in (NO_SUCH_CLASS, NO_SUCH_CONCEPT)


def _line(pair: Pair, indexes: Sequence[AuditIndex], changes: Sequence[dict[Pair, FindingChange]]) -> HistoryLine:
    """One finding, by the gap that it mostly rests on."""
    measure = measures_of(pair, *indexes)[0]
    concept, kind = named(pair, *reversed(indexes))
    gaps, counted = like_gaps(pair, measure, *indexes)
    points = tuple(
        _point(pair, index, gap, changed.get(pair)) for index, gap, changed in zip(indexes, gaps, changes, strict=True)
    )
    return HistoryLine(pair.class_name, pair.concept_id, concept, kind, measure, counted, points)


def _point(pair: Pair, index: AuditIndex, gap: Estimate | None, change: FindingChange | None) -> HistoryPoint:
    effect, low, high = (gap.effect, gap.low, gap.high) if gap is not None else (None, None, None)
    standing, note = index.standing(pair), None
    if standing is None:
        note = NO_SUCH_CLASS
    elif pair in index.facts.core:
        standing, note = None, "core to the class"
    elif pair.concept_id not in index.facts.concept_ids:
        standing, note = None, NO_SUCH_CONCEPT
    return HistoryPoint(standing, effect, low, high, note, change)


def _is_twin(line: HistoryLine, lines: Sequence[HistoryLine], indexes: Sequence[AuditIndex]) -> bool:
    """Whether it is on a known attribute, and the concept of its name is told with the same verdicts."""
    same_as = next((found for index in indexes if (found := index.facts.same_as.get(line.concept_id))), None)
    return any(
        (other.class_name, other.concept_id) == (line.class_name, same_as)
        and all(twin.standing in (None, point.standing) for twin, point in zip(line.points, other.points, strict=True))
        for other in lines
    )


def _rank(line: HistoryLine) -> tuple[int, float, str, str]:
    latest = line.points[-1]
    return _WORST_FIRST.index(latest.standing), -abs(latest.effect or 0.0), line.class_name, line.concept_id
