"""What was done to the pictures of an audit, and what model and encoder made of them then: one record of each sort."""

from __future__ import annotations

from dataclasses import dataclass, field

from auditor.extraction.edit_record import EditRecord
from auditor.extraction.swap_record import SwapRecord


@dataclass(frozen=True, slots=True, eq=False)
class Interventions:
    """All that was carried out; nothing without a model, and of a sort that an audit of before did not know."""

    swaps: SwapRecord = field(default_factory=SwapRecord)  # of regions (E5)
    exchanges: SwapRecord = field(default_factory=SwapRecord)  # of fixed places (E5-place)
    looks: SwapRecord = field(default_factory=SwapRecord)  # at fixed places, by the encoder
    surroundings: SwapRecord = field(default_factory=SwapRecord)  # of the middle (E5-surroundings)
    looks_around: SwapRecord = field(default_factory=SwapRecord)  # at these, by the encoder
    edits: EditRecord = field(default_factory=EditRecord)  # of measured properties (E6)
