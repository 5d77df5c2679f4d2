"""Surroundings: classes that are decided by what is around the middle of their pictures, where no word need say what.

A class is proven to rest on them where pictures of others are called it in its surroundings, its own are no longer
called it in those of others, and an encoder that knows nothing of the model sees the class in the middle
(:mod:`auditor.evidence.effects.surroundings`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.effects.surroundings import (
    NOT_READ,
    LookAtSurroundings,
    PartAround,
    SurroundingsSwap,
    SwapSurroundings,
    model_part,
    of_either_class,
    part_around,
    surroundings_given,
    surroundings_taken,
)
from auditor.evidence.effects.swaps import no_intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.place_lead import PlaceLead
from auditor.evidence.verdicts.place_leads import by_key, right_with_map
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
    SURROUNDINGS_TIMES,
    Rule,
)

#: Classes of an audit that are asked.
MAX_CLASSES = 8
#: Pairs of pictures that meet, at first and where these leave a chance: each takes four pictures through the model.
FIRST_PAIRS, N_PAIRS = 24, 120
#: At most so often the same picture of the class takes part, and of others where they are enough.
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
        """Of "no more of it than clean models see there, given what the encoder sees"."""
        return 1.0 if self.part is None else self.part.p

    @property
    def shows_object(self) -> bool:
        """Whether the encoder sees enough of the class there, or cannot tell; classes that are asked share a level."""
        return self.part is None or self.part.p > 2 * self.bar


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
    asked, called = _asked(inputs, inputs.places, right), called_right(inputs, right)
    swap, look = of_either_class(swap), None if look is None else of_either_class(look)
    found = []
    for done, c in enumerate(asked, start=1):
        found.append(_swapped(inputs, called, c, swap, look, bar=ALPHA / (2 * len(asked))))
        progress("evidence: surroundings", done, len(asked))
    return sorted(found, key=lambda lead: lead.class_idx)


def _asked(inputs: EvidenceInput, places: FloatArray, right: BoolArray) -> list[int]:
    """Classes with the most of their evidence outside the middle cell, of those with enough pictures.

    Names decide between equals.
    """
    outside = 1 - places[:, N_CELLS // 2]
    groups = _groups(inputs)
    counted = [
        (-float(outside[rows].mean()), name, c)
        for c, name in enumerate(inputs.class_names)
        if np.unique(groups[rows := right & (inputs.label_idx == c)]).size >= MIN_ARM
        and (c, SURROUNDINGS.concept_id) not in inputs.core_places
    ]
    return [c for _, _, c in sorted(counted)[:MAX_CLASSES]]


def _swapped(
    inputs: EvidenceInput,
    called: dict[int, IntArray],
    c: int,
    swap: SwapSurroundings,
    look: LookAtSurroundings | None,
    *,
    bar: float,
) -> SurroundingsLead:
    """What the surroundings of a class change, in some pairs and then in all."""
    pairs = choose_pairs(inputs, called, c)
    lead = SurroundingsLead(class_idx=c, n=0, rows=np.zeros(0, np.int64), bar=bar)
    if not pairs:
        few = no_intervention("too_few", len(called.get(c, ())))
        return replace(lead, taken=few, given=few)
    for n in (FIRST_PAIRS, N_PAIRS):
        of_class, of_others = zip(*pairs[:n], strict=True)
        swaps = [*of_class, *of_others]
        found = swap(swaps)
        if found is None:  # today's rules ask for others; what the first pairs said holds
            again = no_intervention("not_tried_again")
            return lead if lead.n else replace(lead, taken=again, given=again)
        if (found[:, :2] == NOT_READ).any(axis=1).all():
            gone = no_intervention("not_readable")
            return replace(lead, taken=gone, given=gone)
        own, other = np.split(found, 2)
        lead = replace(
            lead,
            n=len({one.target for one in of_class}),
            rows=_deciding(other, of_others),
            taken=surroundings_taken(own, of_class, inputs.groups),
            given=surroundings_given(other, of_others, inputs.groups),
            part=None,
        )
        both, scores = (lead.taken, lead.given), (own[:, 2:], other[:, 2:])
        if all(one.status == "too_few" for one in both) and n < len(pairs):
            continue
        promising = all(one.status == "measured" and one.effect > DELTA for one in both)
        seen = look(swaps) if look is not None and promising and model_part(scores) > SURROUNDINGS_EXCESS else None
        if seen is None:
            break  # given up by this and never shown, so nothing needs correcting
        part = part_around(scores, np.split(seen, 2), swaps, inputs.groups)
        lead = replace(lead, part=part)
        if part is None or part.model <= SURROUNDINGS_TIMES * part.encoder + SURROUNDINGS_EXCESS:
            break
    return lead


def _deciding(found: IntArray, swaps: Sequence[SurroundingsSwap]) -> IntArray:
    """Pictures of the class in whose surroundings another one is called it, and not in those of its own class."""
    called = found[:, :2] == np.array([one.class_idx for one in swaps])[:, None]
    made = called[:, 0] & ~called[:, 1]
    return np.array(list(dict.fromkeys(one.source for one, is_so in zip(swaps, made, strict=True) if is_so)), np.int64)


def called_right(inputs: EvidenceInput, right: BoolArray) -> dict[int, IntArray]:
    """Pictures that may meet, by class, in the order of the hash of their ids; classes of one group take no part."""
    keys = hashed(f"{inputs.seed}\x00surroundings\x00{one}" for one in inputs.image_ids)
    rows = by_key(np.flatnonzero(right), keys)
    rows = rows[np.argsort(inputs.label_idx[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(inputs.label_idx[rows])) + 1
    groups = _groups(inputs)
    return {
        int(inputs.label_idx[of_class[0]]): of_class
        for of_class in np.split(rows, starts)
        if np.unique(groups[of_class]).size > 1
    }


def choose_pairs(
    inputs: EvidenceInput, called: dict[int, IntArray], c: int
) -> list[tuple[SurroundingsSwap, SurroundingsSwap]]:
    """Which pictures meet: of each pair the class's picture, and the one that it meets. None with too few.

    Other classes take turns, in the order of a hash of both names. ``called`` is of :func:`called_right`.
    """
    n_others = sum(rows.size for k, rows in called.items() if k != c)
    if c not in called or min(called[c].size, n_others) < MIN_ARM:
        return []
    by_hash, groups = sorted((_pair_key(inputs, c, k), k) for k in called if k != c), _groups(inputs)
    going = deque(_meetings(inputs, called, groups, c, k) for _, k in by_hash)
    pairs, times = list[tuple[SurroundingsSwap, SurroundingsSwap]](), Counter[int]()
    most = min(_MOST_OF_ONE, _turns(called[c].size)), max(_MOST_OF_ONE, _turns(n_others))
    while going and len(pairs) < min(N_PAIRS, most[0] * called[c].size):
        of_class = going.popleft()
        pair = next(of_class, None)
        if pair is None:
            continue
        going.append(of_class)
        if all(times[one.target] < at_most for one, at_most in zip(pair, most, strict=True)):
            times.update(one.target for one in pair)
            pairs.append(pair)
    return pairs


def _turns(n: int) -> int:
    """How often each of so many pictures takes part where all pairs are made."""
    return -(-N_PAIRS // n)


def _meetings(
    inputs: EvidenceInput, called: dict[int, IntArray], groups: IntArray, c: int, k: int
) -> Iterator[tuple[SurroundingsSwap, SurroundingsSwap]]:
    """Pictures of two classes that meet: the same whichever of the two is asked, so that both share what is made.

    No two meet twice; each has the surroundings of its own class from another group than its own.
    """
    start = _pair_key(inputs, c, k)
    first, second = sorted((c, k), key=lambda one: inputs.class_names[one])
    one, other = (np.roll(called[of], -(start % called[of].size)) for of in (first, second))
    met = set[tuple[int, int]]()
    for i in range(min(N_PAIRS, one.size * other.size)):
        a = int(one[i % one.size])
        in_order = (int(other[(i + step) % other.size]) for step in range(other.size))
        b = next((row for row in in_order if groups[row] != groups[a] and (a, row) not in met), None)
        if b is None:
            continue
        met.add((a, b))
        alike = {row: _another(rows, row, groups, i) for rows, row in ((one, a), (other, b))}
        own, foreign = (a, b) if first == c else (b, a)
        yield (
            SurroundingsSwap(c, k, own, foreign, alike[own]),
            SurroundingsSwap(c, k, foreign, own, alike[foreign]),
        )


def _pair_key(inputs: EvidenceInput, c: int, k: int) -> int:
    names = "\x00".join(sorted((inputs.class_names[c], inputs.class_names[k])))
    return int(hashed([f"{inputs.seed}\x00surroundings\x00{names}"])[0])


def _groups(inputs: EvidenceInput) -> IntArray:
    return np.arange(len(inputs.image_ids), dtype=np.int64) if inputs.groups is None else inputs.groups


def _another(rows: IntArray, row: int, groups: IntArray, turn: int) -> int:
    """A picture of the same class and another group, of which there is one; another one each time round."""
    at = int(np.flatnonzero(rows == row)[0]) + 1 + turn // rows.size
    candidates = (int(rows[(at + step) % rows.size]) for step in range(rows.size))
    return next(one for one in candidates if groups[one] != groups[row])
