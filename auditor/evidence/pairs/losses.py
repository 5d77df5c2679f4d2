"""Lost recall: what is measured of a concept that a class is recognised less often with, as of one that is missing.

A class that loses its pictures where v is relies on the absence of v. So presence is turned around, "present" is said
of the pictures that are known to be without v, and all that is asked of a reliance is asked of that: association,
the exact test, both erasers, permuted presence, families of tests. Nothing that is measured of the concepts as they are
changes by it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from auditor.evidence.effects.association import AssociationAuc
from auditor.evidence.effects.edits import as_gap
from auditor.evidence.effects.gaps import recall_loss
from auditor.evidence.effects.strata import class_strata
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import (
    Measured,
    PairEvidence,
    associated,
    notable_recall,
    values_of_kinds,
    words_by_pair,
)
from auditor.records import IntArray
from auditor.rules import MIN_ARM


def measure_losses(inputs: EvidenceInput, measured: Measured) -> Measured:
    """The loss of recall of every context pair whose plain loss exceeds DELTA at an uncorrected level.

    Returns:
        Measurements of the absence of every concept: arms are exchanged, words are none. ``recall`` of a pair is the
        loss (:func:`~auditor.evidence.effects.gaps.recall_loss`), whose counts keep their sides; there is no pull.
    """
    absence = of_absence(measured)
    notable = notable_recall(absence)
    words = words_by_pair(inputs, measured.class_concepts)
    values: dict[int, IntArray] | None = None
    for c in range(len(inputs.class_names)):
        context = inputs.context_of(c)
        # a class that is recognised less often in blurred or dark pictures is fragile, which all are
        chosen = {int(v) for v in context if notable[c, v] and not inputs.concepts[v].is_property}
        # a word and the attribute of its name are told in one line, so both are measured
        chosen |= {v for pair in inputs.same_as.items() if chosen.intersection(pair) for v in pair}
        chosen.intersection_update(context[measured.measurable[context]].tolist())
        absence.pairs += _edited_losses(inputs, absence, c, set(context.tolist()))
        own = np.flatnonzero(inputs.label_idx == c)
        if not chosen or own.size < MIN_ARM:
            continue
        values = values_of_kinds(inputs) if values is None else values
        groups, copies = (None if codes is None else codes[own] for codes in (inputs.groups, inputs.copies))
        by_id = np.argsort(np.argsort(np.asarray(inputs.image_ids)[own], kind="stable"), kind="stable")
        score, rows = inputs.class_prompt_score[own, c], inputs.embeddings[own]
        strata = class_strata(rows, score, order=by_id, groups=groups, seed=inputs.seed)
        for v in sorted(chosen):
            seen = measured.known[own, v]
            pair = PairEvidence(
                class_idx=c,
                concept_idx=v,
                words=words.get((c, v)),
                auc=absence.auc.of_pair(c, v),
                by_words=False,
                by_data=bool(absence.by_data[c, v]),
                by_gap=True,
                readable=bool(measured.readable[c, v]),
            )
            pair.recall = recall_loss(
                measured.present[own[seen], v],
                values[v][own[seen]],
                inputs.predicted_idx[own[seen]] == c,
                strata=[stratum[seen] for stratum in strata],
                groups=None if groups is None else groups[seen],
                copies=None if copies is None else copies[seen],
            )
            absence.pairs.append(pair)
    return absence


def _edited_losses(inputs: EvidenceInput, absence: Measured, c: int, context: set[int]) -> list[PairEvidence]:
    """What a class loses by levels of measured properties, by setting them: pictures as they are would not say why."""
    found = []
    for (lost_by, v), loss in sorted(absence.edited_losses.items()):
        if lost_by != c or v not in context:
            continue
        found.append(
            PairEvidence(
                class_idx=c,
                concept_idx=v,
                words=None,
                auc=absence.auc.of_pair(c, v),
                by_words=False,
                by_data=bool(absence.by_data[c, v]),
                by_gap=True,
                is_property=True,
                needs_support=True,
                edits=inputs.edits.get(v),
                edited_loss=loss,
                recall=as_gap(loss.recall, loss.p),
            )
        )
    return found


def of_absence(measured: Measured) -> Measured:
    """Counts and association of the absence of every concept; no pairs yet, and no arms of pulls."""
    auc = AssociationAuc(1 - measured.auc.auc, 1 - measured.auc.high, 1 - measured.auc.low)
    n_with = measured.n_without
    return replace(
        measured,
        auc=auc,
        present=measured.known & ~measured.present,
        n_with=n_with,
        n_with_correct=measured.n_known_correct - measured.n_with_correct,
        by_words=np.zeros_like(measured.by_words),
        by_data=associated(auc, measured.n_known, n_with) & measured.readable,
        by_gap=np.ones_like(measured.by_gap),
        pull_arms=np.zeros_like(measured.pull_arms),
        pairs=[],
        of_losses=True,
    )
