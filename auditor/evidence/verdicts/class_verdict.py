"""One class: from its pairs, its losses and what can be claimed to its verdict, with the sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.evidence.effects import significance
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence, testable
from auditor.evidence.presence.families import family_of
from auditor.evidence.verdicts import claim_sentences, sentences, state_sentences
from auditor.evidence.verdicts.class_states import gaps_hidden, not_analysable
from auditor.evidence.verdicts.clean_claim import CleanClaim, weakest_point
from auditor.evidence.verdicts.counterexamples import Missing, missing_pictures, presence_reliability
from auditor.evidence.verdicts.fit_sentences import data_not_told_apart, not_told_apart
from auditor.evidence.verdicts.harm import losses_besides, suspected
from auditor.evidence.verdicts.many_tests import n_tests_of_audit
from auditor.evidence.verdicts.pair_states import JudgedPair, other_source, without_twins
from auditor.evidence.verdicts.sentences import Sentence
from auditor.evidence.verdicts.suspicion import makes_suspect, unsupported_pairs
from auditor.evidence.verdicts.swapped_sentences import read_with_care
from auditor.evidence.verdicts.unsupported_sentences import has_rates_of, surest_gap, unsupported
from auditor.records import Severity, Verdict, VerdictName
from auditor.rules import ALPHA, DELTA, GAP_PART, GAPS, MIN_CLASS, PULLED_DELTA, RECALL_LOSS, severity_of


def class_verdict(
    inputs: EvidenceInput,
    measured: Measured,
    c: int,
    judged: Sequence[JudgedPair],
    absence: Measured,
    losses: Sequence[JudgedPair],
    clean: CleanClaim | None,
) -> Verdict:
    """Flagged before all else; then what prevents a verdict; then harmed; then suspect; then clean, where claimed.

    Args:
        inputs: What is judged.
        measured: All that was measured.
        c: The class.
        judged: Its pairs, in the order in which they are told.
        absence: What was measured of losses (:mod:`auditor.evidence.pairs.losses`).
        losses: Those of the class that are sure.
        clean: What could be claimed of it; None where nothing says what pictures are called, or with too few pictures.
    """
    name, n = inputs.class_names[c], int(measured.n_labelled[c])
    # without an intervention that could agree no gap would have been shown, however large
    detectable = _detectable(inputs, measured, c, [j.pair for j in judged]) if inputs.head is not None else None

    def verdict(
        kind: VerdictName, told: Sentence, severity: Severity = "none", lead: JudgedPair | None = None
    ) -> Verdict:
        concept = inputs.concepts[lead.pair.concept_idx] if lead else None
        reason = None if lead is None else lead.reason if inputs.has_predictions else lead.pair.screened_by
        gap = (
            lead.gap
            if lead and inputs.has_predictions and lead.rule in GAPS and lead.gap.status == "measured"
            else None
        )
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
            detectable_effect=detectable,
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
        return verdict("not_analysed", state_sentences.too_few_pictures(name, n, MIN_CLASS))
    screened = [j for j in judged if j.pair.screened]
    if clean is None:  # data alone
        if screened or measured.fit.tells_context[c]:
            told = sentences.no_model(inputs, name, [j.pair for j in screened], measured)
        else:
            told = data_not_told_apart(measured.fit.of_class(c, name))
        return verdict("not_analysed", told, lead=next(iter(without_twins(inputs, screened)), None))
    proven = without_twins(inputs, [j for j in screened if j.state == "proven"])
    if proven:
        lead = proven[0]
        others = [j.pair for j in proven[1:] if j.pair.concept_idx not in lead.pair.partners]
        told = sentences.flagged(inputs, lead, others, other_source(inputs, judged, lead))
        told = told.and_also(read_with_care(measured.swapped, c))
        besides = losses_besides(inputs, absence, losses, {j.pair.concept_idx for j in proven})
        return verdict("flagged", sentences.with_losses(inputs, told, besides), severity_of(lead.gap.low), lead)
    harm = without_twins(inputs, [loss for loss in losses if loss.state == "proven"])
    suspicious = [j for j in screened if makes_suspect(j)]
    undecided = without_twins(inputs, suspicious)
    named_state = not_analysable(inputs, measured, c)
    if named_state:  # a class that goes by its colour alone is at chance in balanced pictures: edits say so
        by_edits = sentences.shown_by_edits(inputs, [*harm, *undecided])
        return verdict("not_analysed", named_state.and_also(*by_edits))
    if harm:
        others = [loss.pair for loss in harm[1:] if loss.pair.concept_idx not in harm[0].pair.partners]
        told = sentences.harmed(inputs, harm[0], others, other_source(inputs, losses, harm[0]))
        return verdict("harmed", told, severity_of(harm[0].gap.low), harm[0])
    screened = [j for j in screened if j.pair.suspicious and j.pair.readable]
    besides = without_twins(inputs, [*suspicious, *unsupported_pairs(judged)])
    aside = [j.pair for j in besides if not makes_suspect(j)]
    if undecided:
        lead = undecided[0]
        missing, second = missing_of(inputs, measured, lead.pair), other_source(inputs, judged, lead)
        told = sentences.suspect(inputs, lead, missing, second)
        aside = [pair for pair in aside if pair is not second]
        return verdict("suspect", told.and_also(*unsupported(inputs, aside)), "low", lead)
    goes_with_it = unsupported(inputs, aside)
    lost = without_twins(inputs, [loss for loss in losses if suspected(loss)])
    if lost:
        told = sentences.loses(inputs, lost[0], other_source(inputs, losses, lost[0]))
        return verdict("suspect", told.and_also(*goes_with_it), "low", lost[0])
    known_as = {word for attribute, word in inputs.same_as.items() if measured.measurable[attribute]}
    known_as |= {word for word, family in family_of(inputs.concepts).items() if measured.measurable[family]}
    doubted = [j for j in screened if j.state == "not_measurable" and j.pair.concept_idx not in known_as]
    if doubted:
        pair = doubted[0].pair
        kappa = None if inputs.kappa is None else float(inputs.kappa[pair.concept_idx])
        share = pair.words.share if pair.words else 0.0
        told = state_sentences.not_measurable(sentences.named(inputs, pair), name, share, kappa)
        return verdict("not_analysed", told.and_also(*goes_with_it), lead=doubted[0])
    hidden = gaps_hidden(inputs, measured, c)
    if hidden:
        return verdict("not_analysed", hidden.and_also(*goes_with_it))
    pulling = [
        (j.pair.pulled_share.low, j.pair, j.pair.pulled_share)
        for j in judged
        if j.state != "excluded" and j.pair.readable and not j.pair.is_property
        if j.pair.pulled_share is not None and j.pair.pulled_share.low > PULLED_DELTA
    ]
    if pulling:
        _, pair, too_many = max(pulling, key=lambda one: one[0])
        told = claim_sentences.pulled(sentences.named(inputs, pair), name, too_many)
        told = told.and_also(*unsupported(inputs, [one for one in aside if one is not pair]))
        return verdict("not_shown", sentences.with_losses(inputs, told, without_twins(inputs, losses)))
    if not clean.holds:
        weakest = weakest_point(inputs, measured, c, clean)
        if weakest is None and not clean.told_apart:
            told = not_told_apart(measured.fit.of_class(c, name), claim_sentences.coverage(inputs, clean))
        else:
            twice = has_rates_of(surest_gap(aside), weakest)
            told = claim_sentences.not_shown(inputs, name, clean, weakest, detectable, told=twice)
        told = told.and_also(*goes_with_it)
        return verdict("not_shown", sentences.with_losses(inputs, told, without_twins(inputs, losses)))
    dismissed = [j.pair for j in without_twins(inputs, screened) if j.state == "excluded"]
    tested = inputs.named(testable(inputs, measured, c)).size
    rate = measured.n_correct[c] / n
    shown = claim_sentences.detectable(detectable, of_half=not dismissed)
    claimed = [claim_sentences.bounded(inputs, clean), *shown, claim_sentences.coverage(inputs, clean)]
    told = sentences.clean(inputs, name, n, tested, dismissed, claimed, rate).and_also(*goes_with_it)
    return verdict("clean", sentences.with_losses(inputs, told, without_twins(inputs, losses)))


def _detectable(inputs: EvidenceInput, measured: Measured, c: int, pairs: Sequence[PairEvidence]) -> float | None:
    """Smallest gap that would have been shown: the worst screened concept, or the median of the testable ones."""
    n = measured.n_labelled[c]
    tested = inputs.named(testable(inputs, measured, c))
    if tested.size == 0 or n < MIN_CLASS:
        return None
    rate = float(measured.n_correct[c] / n)
    screened = [pair.concept_idx for pair in pairs if pair.suspicious and not pair.is_property]
    chosen = screened or tested
    alpha = GAP_PART * ALPHA / n_tests_of_audit(inputs, measured, c)[chosen]
    arms = measured.n_with[c, chosen], measured.n_without[c, chosen]
    diluted = [presence_reliability(inputs, measured, int(v)) for v in chosen]
    effects = significance.detectable_effect(rate, *arms, DELTA, alpha=alpha, reliability=diluted)
    return float(effects.max() if screened else np.median(effects))


def missing_of(inputs: EvidenceInput, measured: Measured, pair: PairEvidence, *, of: Measured | None = None) -> Missing:
    """Pictures that are missing to show or to exclude a reliance, at the level that the many tests (``of``) leave."""
    shared = float(n_tests_of_audit(inputs, of or measured, pair.class_idx)[pair.concept_idx])
    return missing_pictures(inputs, measured, pair, n_tests=shared)
