"""A place of its pictures that may decide a class, and what exchanging it changed: what all sorts of places share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from auditor.concept_records import PlaceState
from auditor.evidence.effects.after_selection import after_selection
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.place_exchange import PlaceLoss
from auditor.evidence.effects.swaps import NOT_TRIED, Intervention
from auditor.place_grid import Place
from auditor.records import IntArray
from auditor.rules import ALPHA, DELTA, TOLERATED, Rule


@dataclass(frozen=True, slots=True)
class PlaceWords:
    """What is said of a place: as a lead, as a claim by the rule that shows it, with its evidence, and in a list."""

    told: str
    seen: Mapping[str, str]  # by rule_id, as a claim begins
    numbers: tuple[str, ...]  # lines of evidence
    rests_on: str
    also: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PlaceLead(ABC):
    """A class and a place, and what exchanging the place between its pictures and those of others changed.

    Attributes:
        class_idx: The class.
        n: Pictures of the class that were asked; of corners and edges groups count once.
        rows: Pictures of the class that show it, of corners and edges those that show it most first.
        taken: What taking the place away changed.
        given: What giving it to other classes' pictures changed.
        losses: What each of the other classes lost by that.
        bar: Largest p of either at which it would be proven.
    """

    class_idx: int
    n: int
    rows: IntArray
    taken: Intervention = NOT_TRIED
    given: Intervention = NOT_TRIED
    losses: tuple[PlaceLoss, ...] = ()
    bar: float = 0.0

    @property
    @abstractmethod
    def place(self) -> Place:
        """Where it is."""

    @property
    @abstractmethod
    def rules(self) -> tuple[Rule, Rule, Rule]:
        """Of the share that lies there, of what is taken, and of what is given."""

    @property
    @abstractmethod
    def share(self) -> tuple[float, float, float] | None:
        """What part of the evidence lies there, with its interval; None where it was not asked."""

    @property
    @abstractmethod
    def share_elsewhere(self) -> float:
        """What the share is compared with."""

    @property
    @abstractmethod
    def p_share(self) -> float:
        """Of "it is no more than that"."""

    @property
    @abstractmethod
    def shows_object(self) -> bool:
        """Whether what lies there may be the class's object."""

    @property
    def proven_by(self) -> tuple[Rule, Gap] | None:
        """The rule that shows it, and its effect given that it was shown; None: none does, or it may be the object."""
        return None if self.shows_object else self.decided_by

    @property
    def decided_by(self) -> tuple[Rule, Gap] | None:
        """The rule that shows that the place decides, whatever is there, and its effect given that it was shown.

        Both ways must surely make a difference: a class that loses its name without the place, while nothing is called
        it for having the place, needs something that lies there (a part of its object) and does not rest on it.
        """
        _, by_taking, by_giving = self.rules
        shown = [
            (rule, after_selection(one.as_gap(), self.bar))
            for rule, one, other in ((by_taking, self.taken, self.given), (by_giving, self.given, self.taken))
            if one.status == "measured" and one.p <= self.bar and other.status == "measured" and other.low > DELTA
        ]
        return max(shown, key=lambda one: (one[1].low, one[1].effect)) if shown else None

    @property
    def state(self) -> PlaceState:
        """Proven; excluded where what the place makes of other classes' pictures is surely tolerated; else open."""
        if self.proven_by is not None:
            return "proven"
        return "excluded" if self.given.status == "measured" and self.given.high < TOLERATED else "open"

    @property
    def q(self) -> float:
        """The smaller p of both ways, corrected for all that were tried."""
        tried = [one.p for one in (self.taken, self.given) if one.status == "measured"]
        return min(1.0, min(tried, default=1.0) * ALPHA / self.bar) if self.bar else 1.0
