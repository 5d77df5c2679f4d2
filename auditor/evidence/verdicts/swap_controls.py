"""Negative controls of interventions: the same swaps for words that must show nothing.

Where an intervention decides a verdict, it is repeated with words on which nothing rests: one that goes with the look
of the class, and one that goes with no class. If their fillings move pictures too, so may any filling here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.evidence.effects.covariates import rivals_of
from auditor.evidence.effects.likeness import likeness, related, told_by_likeness
from auditor.evidence.effects.swaps import Intervene, Intervention, no_intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured
from auditor.evidence.verdicts.agreement import supported, swaps_show
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.evidence.verdicts.swap_pairs import KINDS_WITH_A_PLACE, ChosenSwaps, carried_out, choose_swaps
from auditor.records import BoolArray, Progress
from auditor.rules import FILLED, MIN_ARM, RELATED, SCREEN_AUC

#: Controls of an audit.
MAX_CONTROLS = 4


@dataclass(frozen=True, slots=True)
class Control:
    """What the swaps of a word did that must do nothing."""

    class_idx: int
    concept_idx: int
    copies: bool  # it goes with the look of the class; else with no class
    swapped: Intervention


def check_interventions(
    inputs: EvidenceInput,
    measured: Measured,
    before: Sequence[Sequence[JudgedPair]],
    after: Sequence[Sequence[JudgedPair]],
    intervene: Intervene,
    progress: Progress,
) -> Control | None:
    """The first control that shows what it must not, if any; then all interventions of the audit lose their say.

    Without one that does, the first that could not be tried again: unchecked, interventions have no say either.

    Args:
        inputs: What is judged.
        measured: Its pairs.
        before: The pairs of every class as they are judged without interventions.
        after: The same with them: controls are asked only for classes in which they decide something.
        intervene: Carries out the swaps.
        progress: Called with (stage, done, total).
    """
    asked = [
        (c, v, copies, chosen)
        for c in _decided(inputs, before, after)
        for silent in [_silent(inputs, measured, c)]
        for copies, words in (
            (True, _copying(inputs, measured, c, silent)),
            (False, _unrelated(inputs, measured, c, silent)),
        )
        for v, chosen in _first_with_swaps(inputs, measured, c, words)
    ][:MAX_CONTROLS]
    untried = None
    for done, (c, v, copies, chosen) in enumerate(asked, start=1):
        control = Control(c, v, copies, carried_out(inputs, chosen, intervene))
        progress("evidence: controls of interventions", done, len(asked))
        # by the same bound by which a verdict would have taken it for shown
        if swaps_show(control.swapped):
            for pair in measured.pairs:
                if pair.swapped.status == "measured":
                    pair.swapped = replace(pair.swapped, status="control_failed")
            return control
        if untried is None and control.swapped.status == "not_tried_again":
            untried = control
    if untried is not None:
        for pair in measured.pairs:
            if pair.swapped.status == "measured":
                pair.swapped = no_intervention("not_tried_again")
    return untried


def _decided(
    inputs: EvidenceInput, before: Sequence[Sequence[JudgedPair]], after: Sequence[Sequence[JudgedPair]]
) -> list[int]:
    """Classes of which something is shown with an intervention only, the strongest first."""
    strongest: dict[int, float] = {}
    for were, are in zip(before, after, strict=True):
        shown = {j.pair.concept_idx for j in were if j.state == "proven"}
        for j in are:
            by_swaps = any(FILLED in (one.rule, one.agreeing) for one in supported(j.pair))
            if j.state == "proven" and by_swaps and j.pair.concept_idx not in shown:
                c = j.pair.class_idx
                strongest[c] = max(strongest.get(c, 0.0), j.strength)
    return sorted(strongest, key=lambda c: (-strongest[c], inputs.class_names[c]))


def _first_with_swaps(
    inputs: EvidenceInput, measured: Measured, c: int, words: Iterator[int]
) -> list[tuple[int, ChosenSwaps]]:
    """The first word that has swaps, with them, as a list of one or none."""
    tried = ((v, choose_swaps(inputs, measured, c, v)) for v in words)
    return next(([one] for one in tried if one[1].swaps), [])


def _copying(inputs: EvidenceInput, measured: Measured, c: int, silent: Sequence[int]) -> Iterator[int]:
    """Silent words that the data associate with a class and that its look tells best in the others."""
    score, others = likeness(inputs.class_prompt_score, inputs.label_idx, c), _others(inputs, c)
    told = {}
    for v in silent:
        if measured.by_data[c, v]:
            has, known = measured.present[:, v] & others, measured.known[:, v] & others
            told[v] = told_by_likeness(score, has, known & ~has, inputs.label_idx)
    yield from sorted((v for v in told if told[v] > 0.5), key=lambda v: (-told[v], inputs.concepts[v].concept_id))


def _unrelated(inputs: EvidenceInput, measured: Measured, c: int, silent: Sequence[int]) -> Iterator[int]:
    """Silent words that the data do not associate with a class, neither way."""
    low, high, auc = measured.auc.low[c], measured.auc.high[c], measured.auc.auc[c]
    words = [v for v in silent if low[v] < SCREEN_AUC and high[v] > 1 - SCREEN_AUC]
    yield from sorted(words, key=lambda v: (abs(float(auc[v]) - 0.5), inputs.concepts[v].concept_id))


def _silent(inputs: EvidenceInput, measured: Measured, c: int) -> list[int]:
    """Words with a place of which neither the model's words nor gaps nor erasure say that the class rests on them.

    Nor may they be of one thing with what is suspected or shown.
    """
    rivals = rivals_of(inputs.concepts, inputs.same_as)
    pairs = {pair.concept_idx: pair for pair in measured.pairs if pair.class_idx == c}
    spoken = {v for v, pair in pairs.items() if pair.by_words or pair.swapped.status == "measured" or supported(pair)}
    others, score = _others(inputs, c), likeness(inputs.class_prompt_score, inputs.label_idx, c)

    def of_one_thing(v: int, u: int) -> bool:
        rows = np.flatnonzero(others & measured.known[:, v] & measured.known[:, u])
        told = measured.present[rows, v], measured.present[rows, u]
        return abs(related(*told, score[rows], inputs.label_idx[rows])) >= RELATED

    silent = []
    for v in inputs.context_of(c).tolist():
        concept = inputs.concepts[v]
        if concept.column is not None or concept.kind not in KINDS_WITH_A_PLACE or not measured.measurable[v]:
            continue
        if concept.members:  # a word is enough to try
            continue
        if v in spoken or measured.by_words[c, v] or measured.by_gap[c, v] or rivals[v] & spoken:
            continue
        if measured.n_with[c, v] < MIN_ARM or any(of_one_thing(v, u) for u in spoken):
            continue
        silent.append(v)
    return silent


def _others(inputs: EvidenceInput, c: int) -> BoolArray:
    return np.asarray((inputs.label_idx >= 0) & (inputs.label_idx != c))
