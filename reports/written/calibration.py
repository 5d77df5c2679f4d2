"""What ``auditor calibrate`` counted: as one line of a report, and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.calibration_records import CalibrationMeasure, CalibrationRow
from auditor.figures import interval, points
from auditor.store.queries import audit as queries

#: The size that the line leads with.
_TOLD_SIZE = 0.20
#: Sentence with the figures, wherever they stand.
READING = (
    "How to read it: the share of planted reliances that is found says what a clean verdict is worth on these data, "
    "the false alarms what a flag is worth; the intervals are of more such heads, not of other pictures."
)
_ROWS: dict[CalibrationMeasure, str] = {
    "recall": "found, pictures as they are",
    "recall_common": "found, in half of the class's pictures",
    "false_alarms": "false alarms: heads without reliances",
    "beside": "false alarms: classes beside a planted one",
    "decoy_words": "decoy words past the screen",
    "decoy_flags": "decoy words flagged",
}


def calibration_line(connection: queries.Connection) -> str | None:
    """One line on how far to trust the verdicts; None where nothing was calibrated."""
    rows = {(row.measure, row.effect): row for row in queries.calibrations(connection)}
    if not rows:
        return None
    told = []
    common, as_is, alarms = (
        rows.get(key) for key in (("recall_common", _TOLD_SIZE), ("recall", _TOLD_SIZE), ("false_alarms", None))
    )
    if common and common.n:
        told.append(f"{_of(common)} where the concept is in half of the class's pictures")
    if as_is and as_is.n:
        told.append(f"{_of(as_is)} in the pictures as they are")
    line = "Calibrated: no class is free enough of reliances to plant one"
    if told:
        size = points(_TOLD_SIZE, unit="points")
        line = f"Calibrated: of reliances of {size} planted in this model, this audit finds {' and '.join(told)}"
    if alarms and alarms.n:
        line += f"; false alarms {_of(alarms)}"
    return line + "."


@dataclass(frozen=True, slots=True)
class CountLine:
    """One sort of head: what it is, the size of what was planted, and what became of it."""

    what: str
    size: str
    counts: str


def count_lines(rows: Sequence[CalibrationRow]) -> list[CountLine]:
    """All that was counted, in words."""
    lines = []
    for row in rows:
        size = points(row.effect, unit="points") if row.effect is not None else ""
        suspect = f", {row.n_suspect} suspect" if row.n_suspect else ""
        counts = f"{_of(row)}{suspect}" if row.n else "no such head could be made"
        lines.append(CountLine(_ROWS[row.measure], size, counts))
    return lines


def calibration_table(rows: Sequence[CalibrationRow]) -> str:
    """All that was counted, a line each."""
    return "\n".join(f"{line.what:<42} {line.size:>9} {line.counts}" for line in count_lines(rows))


def _of(row: CalibrationRow) -> str:
    """Counts with their interval: "9 of 10 [55, 100 %]"."""
    return f"{row.n_found:,} of {row.n:,} {interval(row.low, row.high, unit='%')}"
