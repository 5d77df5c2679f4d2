"""Which pictures meet where surroundings are exchanged: the same whichever of two classes is asked."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

import numpy as np

from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.effects.surroundings import SurroundingsSwap
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.place_leads import by_key
from auditor.records import BoolArray, IntArray
from auditor.rules import MIN_ARM

#: Pairs of pictures that meet, at first and where these leave a chance: each takes four pictures through the model.
FIRST_PAIRS, N_PAIRS = 24, 120
#: At most so often the same picture of the class takes part, and of others where they are enough.
_MOST_OF_ONE = 4
#: Of two pictures that meet: what becomes of the class's own one, and of the other.
Meeting = tuple[SurroundingsSwap, SurroundingsSwap]


def called_right(inputs: EvidenceInput, right: BoolArray) -> dict[int, IntArray]:
    """Pictures that may meet, by class, in the order of the hash of their ids; classes of one group take no part."""
    keys = hashed(f"{inputs.seed}\x00surroundings\x00{one}" for one in inputs.image_ids)
    rows = by_key(np.flatnonzero(right), keys)
    rows = rows[np.argsort(inputs.label_idx[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(inputs.label_idx[rows])) + 1
    groups = inputs.group_codes
    return {
        int(inputs.label_idx[of_class[0]]): of_class
        for of_class in np.split(rows, starts)
        if np.unique(groups[of_class]).size > 1
    }


def choose_pairs(inputs: EvidenceInput, called: dict[int, IntArray], c: int) -> list[Meeting]:
    """Which pictures meet: of each pair the class's picture, and the one that it meets. None with too few.

    Other classes take turns, in the order of a hash of both names. ``called`` is of :func:`called_right`.
    """
    n_others = sum(rows.size for k, rows in called.items() if k != c)
    if c not in called or min(called[c].size, n_others) < MIN_ARM:
        return []
    by_hash, groups = sorted((_pair_key(inputs, c, k), k) for k in called if k != c), inputs.group_codes
    going = deque(_meetings(inputs, called, groups, c, k, start=key) for key, k in by_hash)
    pairs, times = list[Meeting](), Counter[int]()
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
    inputs: EvidenceInput, called: dict[int, IntArray], groups: IntArray, c: int, k: int, *, start: int
) -> Iterator[Meeting]:
    """Pictures of two classes that meet: the same whichever of the two is asked, so that both share what is made.

    No two meet twice; each has the surroundings of its own class from another group than its own. ``start``: where in
    either class the first is, by the hash of both names.
    """
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


def _another(rows: IntArray, row: int, groups: IntArray, turn: int) -> int:
    """A picture of the same class and another group, of which there is one; another one each time round."""
    at = int(np.flatnonzero(rows == row)[0]) + 1 + turn // rows.size
    candidates = (int(rows[(at + step) % rows.size]) for step in range(rows.size))
    return next(one for one in candidates if groups[one] != groups[row])
