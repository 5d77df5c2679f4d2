"""Which pictures meet in interventions, for which pairs of class and concept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects.gaps import strongest_value
from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.effects.swaps import Intervene, Intervention, Swap, intervention_of, no_intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.records import BoolArray, IntArray, Progress
from auditor.rules import MIN_ARM

#: Of the other kinds there is no place to fill: light, weather, a cast and blur are all over the picture, a texture is
#: the object's own.
KINDS_WITH_A_PLACE = ("scene", "surface", "artifact", "context_object", "person")
#: Pairs of an audit, and of a class, whose pictures are changed.
MAX_PAIRS, _PAIRS_OF_CLASS = 8, 2
#: Swaps of a pair: each takes a picture and two changed ones through the model.
N_SWAPS = 160
#: At most so often the same picture is changed.
_MOST_OF_ONE = 4


def intervene_on_pairs(
    inputs: EvidenceInput,
    measured: Measured,
    judged: Sequence[Sequence[JudgedPair]],
    intervene: Intervene,
    progress: Progress,
) -> None:
    """Fill in the interventions of the pairs that they may decide, and then of those that lead a class."""
    asked = _worth_it(inputs, judged)
    for done, pair in enumerate(asked, start=1):
        pair.swapped = _intervene(inputs, measured, pair, intervene)
        progress("evidence: interventions", done, len(asked))


def _worth_it(inputs: EvidenceInput, judged: Sequence[Sequence[JudgedPair]]) -> list[PairEvidence]:
    """Open pairs that words or data let through in classes for which nothing is shown, the strongest; then leads."""
    chosen: list[tuple[bool, JudgedPair]] = []
    for of_class in judged:
        through = [j for j in of_class if j.pair.suspicious]
        proven = [j for j in of_class if j.pair.screened and j.state == "proven"]
        undecided = [j for j in through if j.state == "open"]
        chosen += [(True, j) for j in proven[:1]] if proven else [(False, j) for j in undecided[:_PAIRS_OF_CLASS]]
    # names and not positions decide between equals: relabelling classes changes nothing
    chosen.sort(key=lambda one: (one[0], -one[1].strength, inputs.class_names[one[1].pair.class_idx]))
    return [j.pair for _, j in chosen[:MAX_PAIRS]]


def _intervene(inputs: EvidenceInput, measured: Measured, pair: PairEvidence, intervene: Intervene) -> Intervention:
    word_idx = _word(inputs, pair.concept_idx)
    if word_idx is None or inputs.concepts[word_idx].kind not in KINDS_WITH_A_PLACE:
        return no_intervention("not_applicable")
    swaps = choose_swaps(inputs, measured, pair.class_idx, pair.concept_idx)
    if not swaps:
        return no_intervention("too_few")
    found = intervene(swaps)
    if found is None:
        return no_intervention("not_tried_again")
    if not (found >= 0).any():
        return no_intervention("not_readable")
    rivals = [v for v, one in enumerate(inputs.concepts) if one.kind == inputs.concepts[word_idx].kind]
    value = strongest_value(inputs.presence, rivals)
    return intervention_of(found, swaps, value=value, groups=inputs.groups)


def _word(inputs: EvidenceInput, concept_idx: int) -> int | None:
    """The concept of the vocabulary that says where it is: itself, or that of an attribute's name."""
    return concept_idx if inputs.concepts[concept_idx].column is None else inputs.same_as.get(concept_idx)


def choose_swaps(inputs: EvidenceInput, measured: Measured, class_idx: int, concept_idx: int) -> list[Swap]:
    """Draw swaps for a class and concept, by the hash of the pictures' ids; none where any side has too few.

    Targets are pictures of the class with the concept that are called it; donors and controls are of other classes,
    the control of the donor's. A group never meets itself.
    """
    labels, word_idx = inputs.label_idx, _word(inputs, concept_idx)
    if word_idx is None:
        return []
    known = measured.known[:, concept_idx] & (labels >= 0)
    has, lacks = known & measured.present[:, concept_idx], known & ~measured.present[:, concept_idx]
    keys, own = _keys(inputs, class_idx, concept_idx), labels == class_idx
    targets = _by_key(has & own & (inputs.predicted_idx == class_idx), keys)
    controls = {int(k): _by_key(lacks & (labels == k), keys) for k in np.unique(labels[has & ~own])}
    donors = [row for row in _by_key(has & ~own, keys) if controls[int(labels[row])].size >= MIN_ARM]
    if min(targets.size, len(donors)) < MIN_ARM:
        return []
    groups = np.arange(labels.size) if inputs.groups is None else inputs.groups
    swaps: list[Swap] = []
    for i in range(min(N_SWAPS, _MOST_OF_ONE * targets.size)):
        target, donor = int(targets[i % targets.size]), int(donors[i % len(donors)])
        pool = controls[int(labels[donor])]
        control = int(pool[i % pool.size])
        if len({groups[target], groups[donor], groups[control]}) == 3:
            swaps.append(Swap(class_idx, word_idx, target, donor, control))
    return swaps


def _keys(inputs: EvidenceInput, class_idx: int, concept_idx: int) -> NDArray[np.uint64]:
    salt = f"{inputs.seed}\x00{inputs.class_names[class_idx]}\x00{inputs.concepts[concept_idx].concept_id}"
    return hashed(f"{salt}\x00{image_id}" for image_id in inputs.image_ids)


def _by_key(rows: BoolArray, keys: NDArray[np.uint64]) -> IntArray:
    chosen = np.flatnonzero(rows)
    return np.asarray(chosen[np.argsort(keys[chosen], kind="stable")], dtype=np.int64)
