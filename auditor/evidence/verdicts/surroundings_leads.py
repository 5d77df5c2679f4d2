"""Surroundings: classes that are decided by what is around the middle of their pictures, where no word need say what.

A class is proven to rest on them where pictures of others are called it in its surroundings, its own are no longer
called it in those of others, and an encoder that knows nothing of the model sees the class in the middle
(:mod:`auditor.evidence.effects.surroundings`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

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
from auditor.evidence.verdicts.place_leads import right_with_map
from auditor.evidence.verdicts.surroundings_meetings import FIRST_PAIRS, N_PAIRS, Meeting, called_right, choose_pairs
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
    met = {c: choose_pairs(inputs, called, c) for c in asked}
    n_questions = 1 if _one_question(inputs, met) else len(asked)
    found = []
    for done, (c, pairs) in enumerate(met.items(), start=1):
        few = no_intervention("too_few", len(called.get(c, ())))
        lead = SurroundingsLead(
            class_idx=c, n=0, rows=np.zeros(0, np.int64), taken=few, given=few, bar=ALPHA / (2 * n_questions)
        )
        found.append(_swapped(inputs, lead, pairs, swap, look) if pairs else lead)
        progress("evidence: surroundings", done, len(asked))
    return sorted(found, key=lambda lead: lead.class_idx)


def _one_question(inputs: EvidenceInput, met: Mapping[int, Sequence[Meeting]]) -> bool:
    """Whether there are but two classes, of which the same pictures meet: what one loses the other gains."""
    asked = [{frozenset((own.target, other.target)) for own, other in pairs} for pairs in met.values()]
    return len(inputs.class_names) == len(asked) == 2 and asked[0] == asked[1]


def _asked(inputs: EvidenceInput, places: FloatArray, right: BoolArray) -> list[int]:
    """Classes with the most of their evidence outside the middle cell, of those with enough pictures.

    Names decide between equals.
    """
    outside = 1 - places[:, N_CELLS // 2]
    groups = inputs.group_codes
    counted = [
        (-float(outside[rows].mean()), name, c)
        for c, name in enumerate(inputs.class_names)
        if np.unique(groups[rows := right & (inputs.label_idx == c)]).size >= MIN_ARM
        and (c, SURROUNDINGS.concept_id) not in inputs.core_places
    ]
    return [c for _, _, c in sorted(counted)[:MAX_CLASSES]]


def _swapped(
    inputs: EvidenceInput,
    lead: SurroundingsLead,
    pairs: Sequence[Meeting],
    swap: SwapSurroundings,
    look: LookAtSurroundings | None,
) -> SurroundingsLead:
    """What the surroundings of a class change, in some pairs and then in all."""
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
        if part is None or not part.is_over:
            break
    return lead


def _deciding(found: IntArray, swaps: Sequence[SurroundingsSwap]) -> IntArray:
    """Pictures of the class in whose surroundings another one is called it, and not in those of its own class."""
    called = found[:, :2] == np.array([one.class_idx for one in swaps])[:, None]
    made = called[:, 0] & ~called[:, 1]
    return np.array(list(dict.fromkeys(one.source for one, is_so in zip(swaps, made, strict=True) if is_so)), np.int64)
