"""From measured evidence to one verdict a class: the rule of docs/decisions/0005-first-verdict.md."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from auditor.evidence.effects.edits import EditPictures
from auditor.evidence.effects.place_exchange import Exchange
from auditor.evidence.effects.place_likeness import Look
from auditor.evidence.effects.surroundings import LookAtSurroundings, SwapSurroundings
from auditor.evidence.effects.swaps import Intervene
from auditor.evidence.evidence_input import EvidenceInput, EvidenceResult
from auditor.evidence.pairs.erase import erase_pairs
from auditor.evidence.pairs.measure import Measured, PairEvidence, measure
from auditor.evidence.verdicts import state_sentences
from auditor.evidence.verdicts.agreement import null_matters
from auditor.evidence.verdicts.class_states import notices_of
from auditor.evidence.verdicts.class_verdict import class_verdict, missing_of
from auditor.evidence.verdicts.clean_claim import clean_claims, unbounded_gaps
from auditor.evidence.verdicts.counterexamples import counterexamples_of
from auditor.evidence.verdicts.dose_responses import dose_responses, told_pairs
from auditor.evidence.verdicts.edit_pairs import edit_pairs
from auditor.evidence.verdicts.findings import core_of, findings_of, subgroups_of
from auditor.evidence.verdicts.harm import judged_losses, measure_harm, suspected
from auditor.evidence.verdicts.many_tests import correct_for_many_tests
from auditor.evidence.verdicts.other_sides import without_other_sides
from auditor.evidence.verdicts.pair_states import JudgedPair, judged_pairs
from auditor.evidence.verdicts.place_leads import find_places, place_presence
from auditor.evidence.verdicts.place_losses import with_place_losses
from auditor.evidence.verdicts.place_records import fixed_places, place_findings
from auditor.evidence.verdicts.place_sentences import AnyLead, place_sentence, with_places
from auditor.evidence.verdicts.sure_columns import mark_sure_columns
from auditor.evidence.verdicts.surroundings_leads import find_surroundings
from auditor.evidence.verdicts.suspicion import makes_suspect
from auditor.evidence.verdicts.swap_controls import check_interventions
from auditor.evidence.verdicts.swap_pairs import intervene_on_pairs
from auditor.evidence.verdicts.swapped_sentences import swapped_notice
from auditor.evidence.verdicts.unnamed_leads import unnamed_leads
from auditor.records import Progress
from auditor.rules import MIN_KAPPA, is_loss

__all__ = ["EvidenceInput", "EvidenceResult", "judge"]


def judge(
    inputs: EvidenceInput,
    *,
    intervene: Intervene | None = None,
    exchange: Exchange | None = None,
    look: Look | None = None,
    surround: SwapSurroundings | None = None,
    look_around: LookAtSurroundings | None = None,
    edit: EditPictures | None = None,
    on_progress: Progress | None = None,
) -> EvidenceResult:
    """Measure E1 to E6 and give every class its verdict. Relabelling classes permutes the verdicts, nothing else.

    Args:
        inputs: What is judged.
        intervene: Carries out interventions on pictures (E5); without it there are none.
        exchange: Exchanges places of pictures between classes; without it fixed places stay leads.
        look: Asks the encoder of the same exchanges; without it whatever lies there is taken for no object.
        surround: Gives pictures the surroundings of others; without it nobody knows what these decide.
        look_around: Shows the encoder the same; without it no surroundings are proven.
        edit: Sets measured properties in pictures (E6); without it there is none.
        on_progress: Called with (stage, done, total).
    """
    inputs = measurable(inputs)
    progress = on_progress or (lambda _stage, _done, _total: None)
    measured = measure(inputs, progress)
    permuted = None if inputs.head is None else erase_pairs(inputs, measured, progress, null_matters)
    if inputs.has_predictions:
        mark_sure_columns(inputs, measured)
    judged = judged_by_class(inputs, measured)
    if inputs.head is not None and edit is not None and inputs.edits:
        edit_pairs(inputs, measured, judged, edit, progress)
        judged = judged_by_class(inputs, measured)
    control = None
    if inputs.head is not None and intervene is not None:
        before = judged
        intervene_on_pairs(inputs, measured, before, intervene, progress)
        if permuted is not None:  # an intervention stands alone only where erasure does not deny it
            permuted.ask(null_matters, progress)
        judged = judged_by_class(inputs, measured)
        control = check_interventions(inputs, measured, before, judged, intervene, progress)
        judged = judged_by_class(inputs, measured) if control else judged
    failed = control if control and control.swapped.status == "measured" else None
    absence = measure_harm(inputs, measured, progress)
    losses = judged_losses(inputs, absence)
    judged = without_other_sides(inputs, measured, judged, losses)
    claims = clean_claims(inputs, measured) if inputs.has_predictions else (None,) * len(inputs.class_names)
    verdicts = tuple(
        class_verdict(inputs, measured, c, judged[c], absence, losses[c], claim) for c, claim in enumerate(claims)
    )
    doses = [] if edit is None else dose_responses(inputs, told_pairs(inputs, verdicts, judged), edit, progress)
    undecided_or_worse = [judged[v.class_idx] for v in verdicts if v.verdict in ("flagged", "suspect")]
    places = find_places(inputs, exchange, progress, look)
    around = find_surroundings(inputs, surround, look_around, progress)
    leads: list[AnyLead] = [*places, *(lead for lead in around if lead.proven_by is not None)]
    led_by_loss = [v.class_idx for v in verdicts if is_loss(v.rule_id)]
    return EvidenceResult(
        measured.class_concepts,
        subgroups_of(inputs, measured),
        [*findings_of(inputs, measured, absence), *place_findings(inputs, [*places, *around])],
        with_place_losses(inputs, with_places(inputs, verdicts, leads, losses, measured.swapped), places),
        core_of(inputs, measured),
        counterexamples_of(
            inputs,
            measured,
            [
                (j, "proven" if j.state == "proven" else "open", missing_of(inputs, measured, j.pair))
                for of_class in undecided_or_worse
                for j in of_class
                if (j.state == "proven" and j.pair.screened) or makes_suspect(j)
            ]
            + [
                (j, "proven" if j.state == "proven" else "open", missing_of(inputs, measured, j.pair, of=absence))
                for c in led_by_loss
                for j in losses[c]
                if j.state == "proven" or suspected(j)
            ],
        ),
        fixed_places=fixed_places(inputs, leads, [place_sentence(inputs, lead) for lead in leads]),
        unnamed_leads=unnamed_leads(inputs),
        place_presence=place_presence(inputs, places),
        notices=(*notices_of(inputs, measured), *([state_sentences.control_failed(inputs, failed)] if failed else [])),
        first_notices=() if measured.swapped is None else (swapped_notice(measured.swapped, inputs.class_names),),
        fit=measured.fit,
        dose_responses=doses,
        unbounded_gaps=[
            gap
            for verdict, claim in zip(verdicts, claims, strict=True)
            if verdict.verdict == "not_shown" and claim is not None
            for gap in unbounded_gaps(inputs, measured, verdict.class_idx, claim)
        ],
    )


def judged_by_class(inputs: EvidenceInput, measured: Measured) -> list[list[JudgedPair]]:
    """The pairs of every class, as the evidence at hand has them."""
    correct_for_many_tests(inputs, measured)
    by_class: list[list[PairEvidence]] = [[] for _ in inputs.class_names]
    for pair in measured.pairs:
        by_class[pair.class_idx].append(pair)
    return [judged_pairs(inputs, pairs) for pairs in by_class]


def measurable(inputs: EvidenceInput) -> EvidenceInput:
    """Presence that the encoder does not tell twice alike is not known: it is in neither arm of anything."""
    doubted = np.zeros(len(inputs.concepts), np.bool_) if inputs.kappa is None else inputs.kappa < MIN_KAPPA
    if not doubted.any():
        return inputs
    return replace(inputs, presence=np.where(doubted, np.float32(np.nan), inputs.presence))
