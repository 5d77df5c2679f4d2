"""What ``auditor calibrate`` counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What a record of ``calibrations`` counts: see docs/calibrate.md.
CalibrationMeasure = Literal["recall", "recall_common", "false_alarms", "beside", "decoy_words", "decoy_flags"]


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """Verdicts on heads of known truth: ``n_found`` of ``n`` were flagged, with an exact 95 % interval of the rate."""

    measure: CalibrationMeasure
    effect: float | None  # size of the planted reliance
    n: int
    n_found: int
    n_suspect: int
    low: float
    high: float
