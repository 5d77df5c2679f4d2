"""Interventions on pictures that were carried out, to be read again instead of being carried out again.

What a picture is called with a place of it filled depends on the model, the pictures and the place alone, not on the
rules that weigh it: the same swap has the same outcome under other rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from typing import Generic, TypeVar

import numpy as np

from auditor.evidence.effects.place_exchange import PlaceSwap
from auditor.evidence.effects.surroundings import SurroundingsSwap
from auditor.evidence.effects.swaps import Swap
from auditor.records import IntArray

AnySwap = TypeVar("AnySwap", Swap, PlaceSwap, SurroundingsSwap)


def _none() -> IntArray:
    return np.zeros((0, 0), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class SwapRecord:
    """Swaps of one sort, field by field, and what the pictures were called, with their scores where these count.

    ``procedure`` says how a place was found and filled; outcomes of another procedure are not those of today's.
    """

    swaps: IntArray = field(default_factory=_none)  # (S, fields of a swap)
    called: IntArray = field(default_factory=_none)  # (S, 2), of surroundings (S, 4)
    procedure: str = ""

    def __post_init__(self) -> None:
        if self.swaps.ndim != 2 or self.called.ndim != 2 or len(self.swaps) != len(self.called):
            raise ValueError(f"swaps {self.swaps.shape} and outcomes {self.called.shape} do not belong together")


class SwapRecorder(Generic[AnySwap]):
    """Carries out interventions as the function that it is given does, and keeps what came of each."""

    def __init__(self, intervene: Callable[[Sequence[AnySwap]], IntArray], procedure: str) -> None:
        self._intervene: Callable[[Sequence[AnySwap]], IntArray] = intervene
        self._procedure = procedure
        self._called: dict[tuple[int, ...], list[int]] = {}

    def __call__(self, swaps: Sequence[AnySwap]) -> IntArray:
        """What the pictures are called; each swap is carried out once."""
        if not swaps:
            return self._intervene(swaps)
        missing = [swap for swap in dict.fromkeys(swaps) if astuple(swap) not in self._called]
        if missing:
            self._called.update(zip(map(astuple, missing), self._intervene(missing).tolist(), strict=True))
        return np.array([self._called[astuple(swap)] for swap in swaps], dtype=np.int64)

    def record(self) -> SwapRecord:
        """All that was carried out until now."""
        if not self._called:
            return SwapRecord(procedure=self._procedure)
        rows = np.array(list(self._called), dtype=np.int64)
        return SwapRecord(rows, np.array(list(self._called.values()), dtype=np.int64), self._procedure)


def replayed(
    record: SwapRecord, procedure: str
) -> Callable[[Sequence[Swap | PlaceSwap | SurroundingsSwap]], IntArray | None]:
    """An intervention that looks up what came of it; None where a swap was not carried out, or by another procedure."""
    known = dict(zip(map(tuple, record.swaps.tolist()), record.called.tolist(), strict=True))

    def intervene(swaps: Sequence[Swap | PlaceSwap | SurroundingsSwap]) -> IntArray | None:
        found = [known.get(astuple(swap)) for swap in swaps]
        if record.procedure != procedure or any(one is None for one in found):
            return None
        return np.array(found, dtype=np.int64)

    return intervene
