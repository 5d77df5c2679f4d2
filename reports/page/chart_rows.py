"""Rows of the charts of a class: numbers with their words, whoever draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["ink", "grey", "accent", "core"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One row of the forest plot, in hundredths: an effect with its interval; without one, ``text`` says why."""

    label: str
    text: str  # the number as words, at the end of the line
    tone: Tone
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ShareBar:
    """One row of the words, in hundredths: a share, and the share in the other classes as a tick.

    ``whole`` is the label before it was cut, "" where it was not.
    """

    label: str
    text: str
    tone: Tone
    share: float
    elsewhere: float | None = None
    whole: str = ""


@dataclass(frozen=True, slots=True)
class DosePoint:
    """What pictures are called at one level of a property: a share in hundredths with its interval."""

    level: float
    whose: str  # the pictures, as they are named at the end of their line
    tone: Tone
    value: float
    low: float
    high: float
