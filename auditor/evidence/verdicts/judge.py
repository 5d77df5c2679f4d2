"""From measured evidence to one verdict a class: the rule of docs/decisions/0005-first-verdict.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from auditor.evidence.effects import significance
from auditor.evidence.effects.swaps import Intervene
from auditor.evidence.evidence_input import EvidenceInput, EvidenceResult
from auditor.evidence.pairs.erase import erase_pairs
from auditor.evidence.pairs.measure import Measured, PairEvidence, measure, testable
from auditor.evidence.presence.families import family_of
from auditor.evidence.verdicts import claim_sentences, sentences
from auditor.evidence.verdicts.class_states import gaps_hidden, not_analysable, notices_of
from auditor.evidence.verdicts.clean_claim import CleanClaim, clean_claims, weakest_point
from auditor.evidence.verdicts.counterexamples import (
    Missing,
    counterexamples_of,
    missing_pictures,
    presence_reliability,
)
from auditor.evidence.verdicts.findings import core_of, findings_of, subgroups_of
from auditor.evidence.verdicts.harm import judged_losses, losses_besides, measure_harm, suspected
from auditor.evidence.verdicts.many_tests import correct_for_many_tests, n_tests_of_audit
from auditor.evidence.verdicts.pair_states import JudgedPair, judged_pairs, other_source, without_twins
from auditor.evidence.verdicts.sentences import Sentence
from auditor.evidence.verdicts.sure_columns import mark_sure_columns
from auditor.evidence.verdicts.swap_controls import check_interventions
from auditor.evidence.verdicts.swap_pairs import intervene_on_pairs
from auditor.records import Progress, Severity, Verdict, VerdictName
from auditor.rules import ALPHA, DELTA, GAP_PART, GAPS, HIGH, MEDIUM, MIN_CLASS, MIN_KAPPA, RECALL_LOSS

__all__ = ["EvidenceInput", "EvidenceResult", "judge"]


def judge(
    inputs: EvidenceInput, *, intervene: Intervene | None = None, on_progress: Progress | None = None
) -> EvidenceResult:
    """Measure E1 to E5 and give every class its verdict. Relabelling classes permutes the verdicts, nothing else.

    Args:
        inputs: What is judged.
        intervene: Carries out interventions on pictures (E5); without it there are none.
        on_progress: Called with (stage, done, total).
    """
    inputs = _measurable(inputs)
    progress = on_progress or (lambda _stage, _done, _total: None)
    measured = measure(inputs, progress)
    if inputs.head is not None:
        erase_pairs(inputs, measured, progress)
        mark_sure_columns(inputs, measured)
    judged = _judged(inputs, measured)
    control = None
    if inputs.head is not None and intervene is not None:
        before = judged
        intervene_on_pairs(inputs, measured, before, intervene, progress)
        judged = _judged(inputs, measured)
        control = check_interventions(inputs, measured, before, judged, intervene, progress)
        judged = _judged(inputs, measured) if control else judged
    failed = control if control and control.swapped.status == "measured" else None
    absence = measure_harm(inputs, measured, progress)
    losses = judged_losses(inputs, absence)
    claims = clean_claims(inputs, measured) if inputs.head is not None else (None,) * len(inputs.class_names)
    verdicts = tuple(
        _verdict(inputs, measured, c, judged[c], absence, losses[c], claim) for c, claim in enumerate(claims)
    )
    undecided_or_worse = [judged[v.class_idx] for v in verdicts if v.verdict in ("flagged", "suspect")]
    led_by_loss = [v.class_idx for v in verdicts if v.rule_id == RECALL_LOSS.rule_id]
    return EvidenceResult(
        measured.class_concepts,
        subgroups_of(inputs, measured),
        findings_of(inputs, measured, absence),
        verdicts,
        core_of(inputs, measured),
        counterexamples_of(
            inputs,
            measured,
            [
                (j, j.state, _missing(inputs, measured, j.pair))
                for of_class in undecided_or_worse
                for j in of_class
                if (j.state == "proven" and j.pair.screened) or (j.state == "open" and j.pair.may_be_suspected)
            ]
            + [
                (j, "proven" if j.state == "proven" else "open", _missing(inputs, measured, j.pair, of=absence))
                for c in led_by_loss
                for j in losses[c]
                if j.state == "proven" or suspected(j)
            ],
        ),
        (*notices_of(inputs, measured), *([sentences.control_failed(inputs, failed)] if failed else [])),
    )


def _judged(inputs: EvidenceInput, measured: Measured) -> list[list[JudgedPair]]:
    """The pairs of every class, as the evidence at hand has them."""
    correct_for_many_tests(inputs, measured)
    by_class: list[list[PairEvidence]] = [[] for _ in inputs.class_names]
    for pair in measured.pairs:
        by_class[pair.class_idx].append(pair)
    return [judged_pairs(inputs, pairs) for pairs in by_class]


def _measurable(inputs: EvidenceInput) -> EvidenceInput:
    """Presence that the encoder does not tell twice alike is not known: it is in neither arm of anything."""
    doubted = np.zeros(len(inputs.concepts), np.bool_) if inputs.kappa is None else inputs.kappa < MIN_KAPPA
    if not doubted.any():
        return inputs
    return replace(inputs, presence=np.where(doubted, np.float32(np.nan), inputs.presence))


def _verdict(
    inputs: EvidenceInput,
    measured: Measured,
    c: int,
    judged: Sequence[JudgedPair],
    absence: Measured,
    losses: Sequence[JudgedPair],
    clean: CleanClaim | None,
) -> Verdict:
    """Flagged before all else; then what prevents a verdict; then harmed; then suspect; then clean, where claimed."""
    name, n = inputs.class_names[c], int(measured.n_labelled[c])
    detectable = _detectable(inputs, measured, c, [j.pair for j in judged])

    def verdict(
        kind: VerdictName, told: Sentence, severity: Severity = "none", lead: JudgedPair | None = None
    ) -> Verdict:
        concept = inputs.concepts[lead.pair.concept_idx] if lead else None
        reason = None if lead is None else lead.reason if inputs.head else lead.pair.screened_by
        gap = lead.gap if lead and inputs.head and lead.rule in GAPS and lead.gap.status == "measured" else None
        has_words = lead is not None and inputs.head is not None and concept is not None and concept.column is None
        side = -1 if lead and lead.rule is RECALL_LOSS else 1  # a gap is recall with the concept less that without it
        claim, numbers, advice = told.parts
        return Verdict(
            class_idx=c,
            class_name=name,
            verdict=kind,
            severity=severity,
            concept_id=concept.concept_id if concept else None,
            concept=concept.term if concept else None,
            concept_kind=concept.kind if concept else None,
            sentence=told.text,
            n_images=n,
            share=(lead.pair.words.share if lead.pair.words else 0.0) if lead and has_words else None,
            gap=side * gap.effect if gap else None,
            gap_low=min(side * gap.low, side * gap.high) if gap else None,
            gap_high=max(side * gap.low, side * gap.high) if gap else None,
            detectable_effect=detectable if inputs.head else None,
            rule_id=reason.rule_id if reason else None,
            effect=reason.effect if reason else None,
            effect_low=reason.low if reason else None,
            effect_high=reason.high if reason else None,
            agreeing_rule_id=reason.agreeing_rule_id if reason else None,
            claim=claim,
            numbers=numbers,
            advice=advice,
            gap_bound=clean.bound if clean is not None and kind != "not_analysed" else None,
        )

    if n < MIN_CLASS:
        return verdict("not_analysed", sentences.too_few_pictures(name, n, MIN_CLASS))
    screened = [j for j in judged if j.pair.screened]
    if clean is None:  # no model
        told = sentences.no_model(inputs, name, [j.pair for j in screened], measured)
        return verdict("not_analysed", told, lead=next(iter(without_twins(inputs, screened)), None))
    proven = without_twins(inputs, [j for j in screened if j.state == "proven"])
    if proven:
        lead = proven[0]
        others = [j.pair for j in proven[1:] if j.pair.concept_idx not in lead.pair.partners]
        told = sentences.flagged(inputs, lead, others, other_source(inputs, judged, lead))
        besides = losses_besides(inputs, absence, losses, {j.pair.concept_idx for j in proven})
        return verdict("flagged", sentences.with_losses(inputs, told, besides), _severity(lead), lead)
    named_state = not_analysable(inputs, measured, c)
    if named_state:
        return verdict("not_analysed", named_state)
    harm = without_twins(inputs, [loss for loss in losses if loss.state == "proven"])
    if harm:
        others = [loss.pair for loss in harm[1:] if loss.pair.concept_idx not in harm[0].pair.partners]
        told = sentences.harmed(inputs, harm[0], others, other_source(inputs, losses, harm[0]))
        return verdict("harmed", told, _severity(harm[0]), harm[0])
    undecided = without_twins(inputs, [j for j in screened if j.state == "open" and j.pair.may_be_suspected])
    screened = [j for j in screened if j.pair.suspicious]
    if undecided:
        lead = undecided[0]
        missing = _missing(inputs, measured, lead.pair)
        told = sentences.suspect(inputs, lead, missing, other_source(inputs, judged, lead))
        return verdict("suspect", told, "low", lead)
    lost = without_twins(inputs, [loss for loss in losses if suspected(loss)])
    if lost:
        return verdict(
            "suspect", sentences.loses(inputs, lost[0], other_source(inputs, losses, lost[0])), "low", lost[0]
        )
    known_as = {word for attribute, word in inputs.same_as.items() if measured.measurable[attribute]}
    known_as |= {word for word, family in family_of(inputs.concepts).items() if measured.measurable[family]}
    doubted = [j for j in screened if j.state == "not_measurable" and j.pair.concept_idx not in known_as]
    if doubted:
        pair = doubted[0].pair
        kappa = None if inputs.kappa is None else float(inputs.kappa[pair.concept_idx])
        share = pair.words.share if pair.words else 0.0
        told = sentences.not_measurable(sentences.named(inputs, pair), name, share, kappa)
        return verdict("not_analysed", told, lead=doubted[0])
    hidden = gaps_hidden(inputs, measured, c)
    if hidden:
        return verdict("not_analysed", hidden)
    if not clean.holds:
        weakest = weakest_point(inputs, measured, c, clean)
        told = claim_sentences.not_shown(inputs, name, clean, weakest, detectable)
        return verdict("not_shown", sentences.with_losses(inputs, told, without_twins(inputs, losses)))
    dismissed = [j.pair for j in without_twins(inputs, screened) if j.state != "not_measurable"]
    tested = testable(inputs, measured, c).size
    rate = measured.n_correct[c] / n
    shown = claim_sentences.detectable(detectable, of_half=not dismissed)
    claimed = [claim_sentences.bounded(inputs, clean), *shown, claim_sentences.coverage(inputs, clean)]
    told = sentences.clean(inputs, name, n, tested, dismissed, claimed, rate)
    return verdict("clean", sentences.with_losses(inputs, told, without_twins(inputs, losses)))


def _severity(lead: JudgedPair) -> Severity:
    return "high" if lead.gap.low >= HIGH else "medium" if lead.gap.low >= MEDIUM else "low"


def _detectable(inputs: EvidenceInput, measured: Measured, c: int, pairs: Sequence[PairEvidence]) -> float | None:
    """Smallest gap that would have been shown: the worst screened concept, or the median of the testable ones."""
    n = measured.n_labelled[c]
    tested = testable(inputs, measured, c)
    if tested.size == 0 or n < MIN_CLASS:
        return None
    rate = float(measured.n_correct[c] / n)
    screened = [pair.concept_idx for pair in pairs if pair.suspicious]
    chosen = screened or tested
    alpha = GAP_PART * ALPHA / n_tests_of_audit(inputs, measured, c)[chosen]
    arms = measured.n_with[c, chosen], measured.n_without[c, chosen]
    diluted = [presence_reliability(inputs, measured, int(v)) for v in chosen]
    effects = significance.detectable_effect(rate, *arms, DELTA, alpha=alpha, reliability=diluted)
    return float(effects.max() if screened else np.median(effects))


def _missing(inputs: EvidenceInput, measured: Measured, pair: PairEvidence, *, of: Measured | None = None) -> Missing:
    """Pictures that are missing to show or to exclude a reliance, at the level that the many tests (``of``) leave."""
    shared = float(n_tests_of_audit(inputs, of or measured, pair.class_idx)[pair.concept_idx])
    return missing_pictures(inputs, measured, pair, n_tests=shared)
