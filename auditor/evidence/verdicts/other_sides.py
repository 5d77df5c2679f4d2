"""Which side of a difference is named: a class that loses pictures to a mark relies on nothing that is there instead.

Where no watermark is there may be something else, the other value of a column of two or a word that the encoder finds
then. "Recognised more often with that" and "less often with a watermark" are one difference, and the pictures that have
both or neither say whose it is (docs/decisions/0044-the-other-side-of-a-loss.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from auditor.evidence.effects import significance
from auditor.evidence.effects.gaps import counted_arms
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.records import BoolArray, IntArray
from auditor.rules import EDITED_MARGIN, EDITED_PULL, EDITED_RECALL


def without_other_sides(
    inputs: EvidenceInput,
    measured: Measured,
    judged: Sequence[Sequence[JudgedPair]],
    losses: Sequence[Sequence[JudgedPair]],
) -> list[list[JudgedPair]]:
    """The pairs of every class; what is shown of one is open where it is the other side of a loss.

    Args:
        inputs: What is judged.
        measured: All that was measured.
        judged: Of every class its pairs.
        losses: Of every class the losses that are sure.
    """
    owned = [(j.pair.concept_idx, j) for of_class in judged for j in of_class if _by_gap(j)]

    def told(one: JudgedPair) -> JudgedPair:
        pair = one.pair
        if not _by_gap(one):
            return one
        lost = {loss.pair.concept_idx for loss in losses[pair.class_idx]}
        takers: dict[int, list[JudgedPair]] = {v: [] for v in lost}
        for v, owner in owned:
            if owner.pair.class_idx != pair.class_idx:
                takers.setdefault(v, []).append(owner)
        takers.pop(pair.concept_idx, None)
        other = any(_is_other_side(inputs, measured, one, v, of) for v, of in sorted(takers.items()))
        return replace(one, state="open") if other else one

    return [[told(one) for one in of_class] for of_class in judged]


def _by_gap(one: JudgedPair) -> bool:
    """Whether a gap shows it. What is shown by setting or filling the thing itself is no other side of anything."""
    shown = one.state == "proven" and one.pair.screened and one.rule.kind == "gap"
    return shown and one.agreeing not in (EDITED_RECALL, EDITED_MARGIN, EDITED_PULL)


def _is_other_side(
    inputs: EvidenceInput, measured: Measured, one: JudgedPair, other: int, takers: Sequence[JudgedPair]
) -> bool:
    """Whether the difference that a concept makes to a class is that of another one, which is there where it is not.

    It is where pictures in which the other does not change show no sure difference, and those in which it does not
    change itself show one. Where the two hardly come apart, pictures say neither; then it is where another class is
    shown to take the pictures with the other, by a pull that is surely larger than its own, and nothing else than the
    gap ties it to its class.
    """
    c, v = one.pair.class_idx, one.pair.concept_idx
    known = measured.known[:, v] & measured.known[:, other] & (inputs.label_idx >= 0)
    here, there = measured.present[:, v], measured.present[:, other]
    if not _exclude(here[known], there[known]):
        return False
    if _makes_a_difference(inputs, c, known, here, given=there):
        return False
    if _makes_a_difference(inputs, c, known, ~there, given=here):
        return True
    pull = one.pair.pull
    taken = [taker.pair.pull for taker in takers]
    larger = any(other.status == "measured" and other.low > pull.high for other in taken)
    return larger and pull.status == "measured" and not one.pair.suspicious


def _exclude(here: BoolArray, there: BoolArray) -> bool:
    """Whether one of two is rarer among pictures with the other than among those without it."""
    return bool(here[there].mean() < here[~there].mean()) if 0 < there.sum() < there.size else False


def _makes_a_difference(
    inputs: EvidenceInput, c: int, known: BoolArray, present: BoolArray, *, given: BoolArray
) -> bool:
    """Whether pictures that agree in ``given`` are surely called class c more often with ``present`` than without.

    Asked of its own pictures and of those of the other classes, class by class; all arrays are (N,).
    """
    stratum = (2 * np.maximum(inputs.label_idx, 0) + given).astype(np.int64)
    own = inputs.label_idx == c
    return any(_surely_more(inputs, c, np.flatnonzero(known & among), present, stratum) for among in (own, ~own))


def _surely_more(inputs: EvidenceInput, c: int, rows: IntArray, present: BoolArray, stratum: IntArray) -> bool:
    counted = counted_arms(
        present[rows],
        inputs.predicted_idx[rows] == c,
        stratum[rows],
        None if inputs.groups is None else inputs.groups[rows],
        None if inputs.copies is None else inputs.copies[rows],
    )
    return counted.enough and bool(significance.score_interval(counted.tables).low > 0)
