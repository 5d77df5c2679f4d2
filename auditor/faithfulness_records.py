"""What ``auditor faithfulness`` measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What is tested: see docs/faithfulness.md.
FaithfulnessKind = Literal["class_map", "phrase_map", "channel_groups", "text_direction", "simulation"]
FaithfulnessMeasure = Literal[
    "deletion",
    "insertion",
    "relevance_gain",
    "average_drop",
    "increase",
    "pointing",
    "likeness_randomised",
    "specific",
    "raises",
    "rank",
    "accuracy",
]


@dataclass(frozen=True, slots=True)
class FaithfulnessRow:
    """One measure of one explanation, with a 95 % interval; where ``against`` names something, the difference to it."""

    kind: FaithfulnessKind
    method: str  # how the map is drawn, or what predicts
    measure: FaithfulnessMeasure
    against: str | None
    value: float
    low: float | None  # None of one picture
    high: float | None
    n: int  # pictures; of "text_direction" pairs of class and word
