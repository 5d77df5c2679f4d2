"""Surroundings: classes that are decided by what is around the middle of their pictures, where no word need say what.

A class is proven to rest on them where pictures of others are called it in its surroundings, its own are no longer
called it in those of others, and an encoder that knows nothing of the model sees the class in the middle
(:mod:`auditor.evidence.effects.surroundings`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.effects.surroundings import (
    NOT_READ,
    LookAtSurroundings,
    PartAround,
    SurroundingsSwap,
    SwapSurroundings,
    part_around,
    surroundings_given,
    surroundings_taken,
)
from auditor.evidence.effects.swaps import no_intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.place_lead import PlaceLead
from auditor.evidence.verdicts.place_leads import by_key, by_turns, right_with_map
from auditor.place_grid import N_CELLS, SURROUNDINGS, Place
from auditor.records import BoolArray, FloatArray, IntArray, Progress
from auditor.rules import (
    ALPHA,
    DELTA,
    MIN_ARM,
    SURROUNDINGS_EXCESS,
    SURROUNDINGS_GIVEN,
    SURROUNDINGS_SHARE,
    SURROUNDINGS_TAKEN,
    Rule,
)

#: Classes of an audit that are asked.
MAX_CLASSES = 8
#: Pairs of pictures that meet, at first and where these leave a chance: each takes four pictures through the model.
FIRST_PAIRS, N_PAIRS = 24, 120
#: At most so often the same picture of the class takes part.
_MOST_OF_ONE = 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SurroundingsLead(PlaceLead):
    """What its surroundings make of a class; ``part`` is asked where they seem to decide it."""

    part: PartAround | None = None

    @property
    def place(self) -> Place:
        """All around the middle."""
        return SURROUNDINGS

    @property
    def rules(self) -> tuple[Rule, Rule, Rule]:
        """Compared with surroundings of the picture's own class."""
        return SURROUNDINGS_SHARE, SURROUNDINGS_TAKEN, SURROUNDINGS_GIVEN

    @property
    def share(self) -> tuple[float, float, float] | None:
        """What part of all that tells the class from others lies there, to the model."""
        return None if self.part is None else (self.part.model, self.part.low, self.part.high)

    @property
    def share_elsewhere(self) -> float:
        """To the encoder."""
        return 0.0 if self.part is None else self.part.encoder

    @property
    def p_share(self) -> float:
        """Of "no more of it than the encoder sees there, or the encoder sees half of it there"."""
        return 1.0 if self.part is None else self.part.p

    @property
    def shows_object(self) -> bool:
        """Whether the encoder sees as much of the class there, or cannot tell."""
        return self.part is None or not self.part.decides


def find_surroundings(
    inputs: EvidenceInput, swap: SwapSurroundings | None, look: LookAtSurroundings | None, progress: Progress
) -> list[SurroundingsLead]:
    """What its surroundings make of each class that is asked, by class.

    Args:
        inputs: What is judged; without ``places`` nothing is asked.
        swap: Asks the model; None, and nothing is asked.
        look: Asks the encoder of the same pictures; None, and nothing is proven.
        progress: Called with (stage, done, total).
    """
    if inputs.places is None or inputs.head is None or swap is None:
        return []
    right = right_with_map(inputs, inputs.places)
    asked = _asked(inputs, inputs.places, right)
    found = []
    for done, c in enumerate(asked, start=1):
        lead = _swapped(inputs, right, c, swap, look, bar=ALPHA / (2 * len(asked)))
        found += [] if lead is None else [lead]
        progress("evidence: surroundings", done, len(asked))
    return sorted(found, key=lambda lead: lead.class_idx)


def _asked(inputs: EvidenceInput, places: FloatArray, right: BoolArray) -> list[int]:
    """Classes with the most of their evidence outside the middle cell; names decide between equals."""
    outside = 1 - places[:, N_CELLS // 2]
    counted = [
        (-float(outside[rows].mean()), name, c)
        for c, name in enumerate(inputs.class_names)
        if (rows := right & (inputs.label_idx == c)).any() and (c, SURROUNDINGS.concept_id) not in inputs.core_places
    ]
    return [c for _, _, c in sorted(counted)[:MAX_CLASSES]]


def _swapped(
    inputs: EvidenceInput,
    right: BoolArray,
    c: int,
    swap: SwapSurroundings,
    look: LookAtSurroundings | None,
    *,
    bar: float,
) -> SurroundingsLead | None:
    """What the surroundings of a class change, in some pairs and then in all; None where not carried out before."""
    pairs = choose_pairs(inputs, right, c)
    lead = SurroundingsLead(class_idx=c, n=0, rows=np.zeros(0, np.int64), bar=bar)
    if not pairs:
        few = no_intervention("too_few", int((right & (inputs.label_idx == c)).sum()))
        return replace(lead, taken=few, given=few)
    for n in (FIRST_PAIRS, N_PAIRS):
        swaps = [side for sides in zip(*pairs[:n], strict=True) for side in sides]
        found = swap(swaps)
        if found is None:
            return None
        if (found[:, :2] == NOT_READ).any(axis=1).all():
            gone = no_intervention("not_readable")
            return replace(lead, taken=gone, given=gone)
        own, other = found[: len(swaps) // 2], found[len(swaps) // 2 :]
        lead = replace(
            lead,
            n=len({one.target for one in swaps[: len(own)]}),
            rows=_deciding(other, swaps[len(own) :]),
            taken=surroundings_taken(own, swaps[: len(own)], inputs.groups),
            given=surroundings_given(other, swaps[len(own) :], inputs.groups),
        )
        promising = all(one.status == "measured" and one.effect > DELTA for one in (lead.taken, lead.given))
        seen = look(swaps) if look is not None and promising else None
        if seen is None:
            break  # given up by this and never shown, so nothing needs correcting
        looks = seen[: len(own)], seen[len(own) :]
        lead = replace(lead, part=part_around((own[:, 2:], other[:, 2:]), looks, swaps[: len(own)], inputs.groups))
        if lead.part is None or lead.part.model - lead.part.encoder <= SURROUNDINGS_EXCESS:
            break
    return lead


def _deciding(found: IntArray, swaps: Sequence[SurroundingsSwap]) -> IntArray:
    """Pictures of the class in whose surroundings another one is called it, and not in those of its own class."""
    called = found[:, :2] == np.array([one.class_idx for one in swaps])[:, None]
    made = called[:, 0] & ~called[:, 1]
    return np.array(list(dict.fromkeys(one.source for one, is_so in zip(swaps, made, strict=True) if is_so)), np.int64)


def choose_pairs(inputs: EvidenceInput, right: BoolArray, c: int) -> list[tuple[SurroundingsSwap, SurroundingsSwap]]:
    """Which pictures meet, by the hash of their ids: of each pair the class's picture, and the one that it meets.

    All are called what they are. Other classes take turns; each picture has the surroundings of its own class from
    another group than its own. None with too few.
    """
    own, others = np.flatnonzero(right & (inputs.label_idx == c)), np.flatnonzero(right & (inputs.label_idx != c))
    others = others[inputs.label_idx[others] >= 0]
    if min(own.size, others.size) < MIN_ARM:
        return []
    keys = hashed(f"{inputs.seed}\x00{inputs.class_names[c]}\x00surroundings\x00{one}" for one in inputs.image_ids)
    own, others = by_key(own, keys), by_turns(others, inputs, keys)
    groups = np.arange(len(inputs.image_ids)) if inputs.groups is None else inputs.groups
    of_class = {
        int(k): by_key(np.flatnonzero(right & (inputs.label_idx == k)), keys)
        for k in np.unique(inputs.label_idx[others])
    }
    of_class[c] = own
    pairs = []
    for i in range(min(N_PAIRS, _MOST_OF_ONE * own.size)):
        turn = i // own.size  # without it as many of either would meet the same again
        a, b = int(own[i % own.size]), int(others[(i + turn) % others.size])
        k = int(inputs.label_idx[b])
        like_a, like_b = _another(of_class[c], a, groups, i), _another(of_class[k], b, groups, i)
        if groups[a] != groups[b] and like_a is not None and like_b is not None:
            pairs.append((SurroundingsSwap(c, k, a, b, like_a), SurroundingsSwap(c, k, b, a, like_b)))
    return pairs


def _another(rows: IntArray, row: int, groups: IntArray | NDArray[np.int64], turn: int) -> int | None:
    """A picture of the same class and another group; the next in order, another one each time round."""
    at = int(np.flatnonzero(rows == row)[0]) + 1 + turn // rows.size
    candidates: Iterable[int] = (int(rows[(at + step) % rows.size]) for step in range(rows.size))
    return next((one for one in candidates if groups[one] != groups[row]), None)
