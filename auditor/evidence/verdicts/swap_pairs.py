"""Which pictures meet in interventions, for which pairs of class and concept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects.gaps import strongest_value
from auditor.evidence.effects.likeness import alike, caliper_of, likeness, told_by_likeness
from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.effects.swaps import (
    Intervene,
    Intervention,
    InterventionStatus,
    Swap,
    intervention_of,
    no_intervention,
)
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence
from auditor.evidence.presence.families import distinct, family_of
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.records import BoolArray, IntArray, Progress
from auditor.rules import MAX_LIKENESS, MIN_ARM, MIN_KAPPA

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
    asked: list[tuple[PairEvidence, ChosenSwaps]] = []
    n_of_class = [0] * len(inputs.class_names)
    for pair, most in _worth_it(inputs, judged):
        if len(asked) == MAX_PAIRS:
            break
        if n_of_class[pair.class_idx] == most:
            continue
        # what cannot be asked says why, and takes no other pair's place
        chosen = choose_swaps(inputs, measured, pair.class_idx, pair.concept_idx)
        pair.swapped = no_intervention(chosen.status)
        if chosen.swaps:
            n_of_class[pair.class_idx] += 1
            asked.append((pair, chosen))
    for done, (pair, chosen) in enumerate(asked, start=1):
        pair.swapped = carried_out(inputs, chosen, intervene)
        progress("evidence: interventions", done, len(asked))


def _worth_it(inputs: EvidenceInput, judged: Sequence[Sequence[JudgedPair]]) -> list[tuple[PairEvidence, int]]:
    """Open pairs that words or data let through in classes for which nothing is shown, the strongest first; then leads.

    With each pair the number of pairs that its class may have.
    """
    chosen: list[tuple[bool, JudgedPair]] = []
    for of_class in judged:
        through = [j for j in of_class if j.pair.suspicious]
        proven = [j for j in of_class if j.pair.screened and j.state == "proven"]
        undecided = [j for j in through if j.state == "open"]
        families = {j.pair.concept_idx for j in undecided}  # what fills a place with the family does so with its words
        undecided = [j for j in undecided if family_of(inputs.concepts).get(j.pair.concept_idx) not in families]
        chosen += [(True, j) for j in proven[:1]] if proven else [(False, j) for j in undecided]
    # names and not positions decide between equals: relabelling classes changes nothing
    chosen.sort(key=lambda one: (one[0], -one[1].strength, inputs.class_names[one[1].pair.class_idx]))
    return [(j.pair, 1 if is_proven else _PAIRS_OF_CLASS) for is_proven, j in chosen]


def carried_out(inputs: EvidenceInput, chosen: ChosenSwaps, intervene: Intervene) -> Intervention:
    """E5 of swaps that were chosen for a class and a concept."""
    found = intervene(chosen.swaps)
    if found is None:
        return no_intervention("not_tried_again")
    if not (found >= 0).any():
        return no_intervention("not_readable")
    kind = inputs.concepts[chosen.swaps[0].word_idx].kind
    things = distinct(inputs.concepts, inputs.presence)
    value = strongest_value(inputs.presence, [v for v in things if inputs.concepts[v].kind == kind])
    effect = intervention_of(found, chosen.swaps, value=value, groups=inputs.groups)
    return replace(effect, n_unlike=chosen.n_unlike)


def word_of(inputs: EvidenceInput, concept_idx: int) -> int | None:
    """The concept of the vocabulary that says where it is: itself, or that of an attribute's name."""
    return concept_idx if inputs.concepts[concept_idx].column is None else inputs.same_as.get(concept_idx)


@dataclass(frozen=True, slots=True)
class ChosenSwaps:
    """Swaps of a class and concept; none unless ``status`` is "measured".

    ``n_unlike`` counts the pictures that show the concept and were passed over, since none of their class without it
    looks as much like the class of the swaps.
    """

    swaps: tuple[Swap, ...] = ()
    status: InterventionStatus = "measured"
    n_unlike: int = 0


def choose_swaps(inputs: EvidenceInput, measured: Measured, class_idx: int, concept_idx: int) -> ChosenSwaps:
    """Draw swaps for a class and concept, by the hash of the pictures' ids; none where any side has too few.

    Targets are pictures of the class with the concept that are called it; donors and controls are of other classes,
    the control of the donor's and, to the encoder, as much like the class of the targets as the donor is. Of donors
    that look like the class where controls do not nothing can be learnt. A group never meets itself.
    """
    labels, word_idx = inputs.label_idx, word_of(inputs, concept_idx)
    if word_idx is None or inputs.concepts[word_idx].kind not in KINDS_WITH_A_PLACE:
        return ChosenSwaps(status="not_applicable")
    known = measured.known[:, concept_idx] & (labels >= 0)
    has, lacks = known & measured.present[:, concept_idx], known & ~measured.present[:, concept_idx]
    own = labels == class_idx
    wanted, given = has & own & (inputs.predicted_idx == class_idx), has & ~own
    n_lacking = np.bincount(labels[lacks], minlength=len(inputs.class_names))
    given &= n_lacking[labels] >= MIN_ARM
    if min(int(wanted.sum()), int(given.sum())) < MIN_ARM:
        return ChosenSwaps(status="too_few")
    score = likeness(inputs.class_prompt_score, labels, class_idx)
    if by_chance(inputs, class_idx, concept_idx) or told_by_likeness(score, given, lacks & ~own, labels) > MAX_LIKENESS:
        return ChosenSwaps(status="copies_class")
    keys = _keys(inputs, class_idx, concept_idx)
    targets, donors = _by_key(wanted, keys), _by_key(given, keys).tolist()
    controls = {int(k): _by_key(lacks & (labels == k), keys) for k in np.unique(labels[given])}
    calipers = {k: caliper_of(score, known & (labels == k)) for k in controls}
    pools: dict[int, IntArray] = {}  # of each donor, its controls, the nearest first
    n_unlike = 0
    for row in donors:
        pool = alike(score, row, controls[int(labels[row])], calipers[int(labels[row])])
        if pool.size:
            pools[row] = pool
        else:
            n_unlike += 1
        if len(pools) == N_SWAPS:
            break
    if len(pools) < MIN_ARM or np.unique(np.concatenate([*pools.values()])).size < MIN_ARM:
        return ChosenSwaps(status="copies_class", n_unlike=n_unlike)
    groups = inputs.group_codes
    swaps: list[Swap] = []
    matched = list(pools)
    for i in range(min(N_SWAPS, _MOST_OF_ONE * targets.size)):
        turn, at = divmod(i, len(matched))
        target, donor = int(targets[i % targets.size]), matched[at]
        control = int(pools[donor][turn % pools[donor].size])
        if len({groups[target], groups[donor], groups[control]}) == 3:
            swaps.append(Swap(class_idx, word_idx, target, donor, control))
    return ChosenSwaps(tuple(swaps), "measured" if swaps else "too_few", n_unlike)


def by_chance(inputs: EvidenceInput, class_idx: int, concept_idx: int) -> bool:
    """Whether presence told twice does not agree within the other classes, whatever it does between them.

    What an attribute of the manifest says needs no second telling.
    """
    if inputs.kappa_elsewhere is None or inputs.concepts[concept_idx].column is not None:
        return False
    return bool(inputs.kappa_elsewhere[class_idx, concept_idx] < MIN_KAPPA)


def _keys(inputs: EvidenceInput, class_idx: int, concept_idx: int) -> NDArray[np.uint64]:
    salt = f"{inputs.seed}\x00{inputs.class_names[class_idx]}\x00{inputs.concepts[concept_idx].concept_id}"
    return hashed(f"{salt}\x00{image_id}" for image_id in inputs.image_ids)


def _by_key(rows: BoolArray, keys: NDArray[np.uint64]) -> IntArray:
    chosen = np.flatnonzero(rows)
    return np.asarray(chosen[np.argsort(keys[chosen], kind="stable")], dtype=np.int64)
