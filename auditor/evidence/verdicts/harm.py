"""What breaks a class: losses of recall that are sure, and whether erasing the concept gives them back.

The losses are a family of their own in every class, with a level of its own: what is said of a class's reliances is the
same without them (docs/decisions/0026-harm.md).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from auditor.evidence.effects.after_selection import after_selection
from auditor.evidence.effects.covariates import rivals_of
from auditor.evidence.effects.gaps import reference_pictures, strongest_value
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.erase import erase_pairs
from auditor.evidence.pairs.losses import measure_losses, of_absence
from auditor.evidence.pairs.measure import Measured, PairEvidence
from auditor.evidence.presence.families import distinct, namesakes
from auditor.evidence.verdicts.agreement import agrees_by_counts, erasure_agrees, null_matters
from auditor.evidence.verdicts.many_tests import correct_for_many_tests
from auditor.evidence.verdicts.pair_states import JudgedPair, without_twins
from auditor.records import Progress
from auditor.rules import (
    ALPHA,
    DELTA,
    EDITED_LOSS,
    HIGH,
    PRESENT,
    RECALL_LOSS,
    RESTORED_MARGIN,
    RESTORED_RECALL,
    TOLERATED,
)


def measure_harm(inputs: EvidenceInput, measured: Measured, progress: Progress) -> Measured:
    """Losses of recall, corrected for many tests, and E3 of those that are sure; nothing of data alone.

    Returns:
        Measurements of absence, see :func:`~auditor.evidence.pairs.losses.measure_losses`; erasures of its pairs are
        what comes back when the concept is erased.
    """
    if not inputs.has_predictions:
        return of_absence(measured)
    absence = measure_losses(inputs, measured)
    # no intervention is asked before a loss may be tested: that pictures with v are missed is true whatever the cause
    correct_for_many_tests(inputs, absence, p_of=lambda pair: pair.recall.p)
    sure = [pair for pair in absence.pairs if is_sure(pair) and pair.edited_loss is None]
    if sure and inputs.head is not None:
        erase_pairs(inputs, replace(absence, pairs=sure), progress, null_matters)
    return absence


def is_sure(loss: PairEvidence) -> bool:
    """Whether a loss exceeds DELTA after the correction for many tests."""
    return loss.q <= ALPHA


def judged_losses(inputs: EvidenceInput, absence: Measured) -> list[list[JudgedPair]]:
    """The sure losses of every class: columns before words, then the largest by the lower bound first.

    "proven" are those that erasure gives back, and those that setting a property makes; "open" the others. As with
    reliances, a word says nothing where the attribute of its name excludes the loss; nor does a loss against pictures
    of what the class may rest on.
    """
    judged: list[list[JudgedPair]] = [[] for _ in inputs.class_names]
    named = namesakes(inputs.concepts)
    excluded = {
        (pair.class_idx, word)
        for pair in absence.pairs
        if pair.concept_idx in inputs.same_as and pair.recall.status == "measured" and pair.recall.high < TOLERATED
        for told in (inputs.same_as[pair.concept_idx],)
        for word in (told, *named.get(told, ()))
    }
    for pair in absence.pairs:
        if not is_sure(pair) or (pair.class_idx, pair.concept_idx) in excluded or _too_small(pair):
            continue
        core = {v for (c, v) in inputs.core if c == pair.class_idx}
        if not compared_with(inputs, absence, pair, core):
            judged[pair.class_idx].append(_judged(pair))
    for of_class in judged:
        telling = {inputs.same_as.get(j.pair.concept_idx) for j in of_class}  # words that tell a column in their line
        of_class.sort(
            key=lambda j: (
                inputs.concepts[j.pair.concept_idx].column is None and j.pair.concept_idx not in telling,
                -j.gap.low,
                -j.gap.effect,
                j.pair.concept_idx,
            )
        )
    return judged


def _too_small(pair: PairEvidence) -> bool:
    """Whether the interval of an edited loss, or of what another class takes, does not say what its exact test does."""
    loss = pair.edited_loss
    return loss is not None and min(loss.recall.low, loss.taken.low) <= DELTA


def _judged(pair: PairEvidence) -> JudgedPair:
    loss = after_selection(pair.recall, pair.bar)
    if pair.edited_loss is not None:  # an intervention is its own proof
        return JudgedPair(pair, "proven", EDITED_LOSS, loss, loss.low)
    if not erasure_agrees(pair):
        return JudgedPair(pair, "open", RECALL_LOSS, loss, loss.low)
    return JudgedPair(
        pair, "proven", RECALL_LOSS, loss, loss.low, RESTORED_RECALL if agrees_by_counts(pair) else RESTORED_MARGIN
    )


def suspected(loss: JudgedPair) -> bool:
    """Whether a sure loss that erasure does not give back makes a class suspect.

    It does where the data associate the class with the absence of the concept: a loss is sure after the correction for
    many tests, and that pictures with a thing are missed is true whatever the cause. And it does where it is so large
    that nobody would call the class clean. Words do not where the encoder cannot tell context from the class.
    """
    if loss.state != "open" or not loss.pair.readable:
        return False
    return loss.pair.suspicious or loss.pair.recall.low >= HIGH


def losses_besides(
    inputs: EvidenceInput, absence: Measured, losses: Sequence[JudgedPair], relied_on: Collection[int]
) -> list[JudgedPair]:
    """Losses that erasure gives back and that do not merely tell a reliance from its other side."""
    given_back = [loss for loss in losses if loss.state == "proven"]
    other = [loss for loss in given_back if not compared_with(inputs, absence, loss.pair, relied_on)]
    return without_twins(inputs, other)


def compared_with(inputs: EvidenceInput, absence: Measured, loss: PairEvidence, concepts: Collection[int]) -> bool:
    """Whether most of the pictures that a loss is measured against show one of some rivals of its concept.

    Without A where there is B, a class that relies on B loses its pictures with A: that is no other finding.
    """
    c, v = loss.class_idx, loss.concept_idx
    concept = inputs.concepts[v]
    if loss.edited_loss is not None:  # each picture is measured against itself, at another level
        return any(inputs.concepts[u].column == concept.column for u in concepts)
    of_kind = [
        u
        for u, one in enumerate(inputs.concepts)
        if one.is_context and (one.kind, one.column) == (concept.kind, concept.column)
    ]
    rivals = (rivals_of(inputs.concepts, inputs.same_as)[v] | set(of_kind)) - {v}
    asked = sorted(rivals.intersection(concepts))
    if not asked:
        return False
    things = set(distinct(inputs.concepts, inputs.presence))
    own = np.flatnonzero((inputs.label_idx == c) & absence.known[:, v])
    reference = own[
        reference_pictures(
            ~absence.present[own, v],
            strongest_value(inputs.presence[own], [u for u in of_kind if u in things]),
            inputs.predicted_idx[own] == c,
            None if inputs.groups is None else inputs.groups[own],
            None if inputs.copies is None else inputs.copies[own],
        )
    ]
    shown = inputs.presence[np.ix_(reference, np.array(asked))] > PRESENT
    return bool(reference.size and shown.mean(axis=0).max() > 0.5)
