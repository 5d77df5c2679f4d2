"""Named states: what keeps a class from a verdict, and what the reader of the whole audit must know."""

from __future__ import annotations

import numpy as np

from auditor.evidence.effects import significance
from auditor.evidence.effects.significance import TwoArms
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, testable
from auditor.evidence.verdicts import state_sentences
from auditor.evidence.verdicts.sentences import Sentence
from auditor.evidence.verdicts.swapped_sentences import looks_swapped
from auditor.rules import KNOWN, MAX_RESIDUAL, MIN_ARM, NEAR_PERFECT


def not_analysable(inputs: EvidenceInput, measured: Measured, c: int) -> Sentence | None:
    """The named state that keeps a class without proof from being called clean or suspect, as a sentence."""
    name, labels, called = inputs.class_names[c], inputs.label_idx, inputs.predicted_idx == c
    if measured.swapped is not None and c in measured.swapped.called_as:
        return looks_swapped(measured.swapped, c, inputs.class_names)
    n_called = int(called.sum())
    if n_called == 0:
        return state_sentences.never_predicted(name, int(measured.n_labelled[c]))
    others = (labels >= 0) & (labels != c)
    arms = TwoArms.of(measured.n_correct[c], measured.n_labelled[c], int((called & others).sum()), int(others.sum()))
    if float(significance.score_interval(arms, confidence=KNOWN).low) <= 0:
        return state_sentences.at_chance(name, float(measured.n_correct[c] / measured.n_labelled[c]))
    residual = float(inputs.residuals[called].mean(dtype=np.float64))
    if residual > MAX_RESIDUAL:
        return state_sentences.unexplained(name, residual, n_called)
    if testable(inputs, measured, c).size == 0:
        return state_sentences.nothing_varies(name, MIN_ARM)
    return None


def gaps_hidden(inputs: EvidenceInput, measured: Measured, c: int) -> Sentence | None:
    """Why a class without any finding is not clean: the model may know these very pictures."""
    if inputs.in_training:
        return state_sentences.trained_on(inputs.class_names[c])
    if inputs.in_training is None and _recognised(measured) >= NEAR_PERFECT:
        return state_sentences.may_be_trained_on(inputs.class_names[c], _recognised(measured))
    return None


def _recognised(measured: Measured) -> float:
    """Share of all labelled pictures that are called what they are."""
    n = int(measured.n_labelled.sum())
    return int(measured.n_correct.sum()) / n if n else 0.0


def notices_of(inputs: EvidenceInput, measured: Measured) -> tuple[str, ...]:
    """States of the whole audit: next to no mistakes, predictions of one class, concepts not told or not there."""
    notices = []
    if inputs.has_predictions and _recognised(measured) >= NEAR_PERFECT:
        notices.append(state_sentences.near_perfect(_recognised(measured), int(measured.n_labelled.sum())))
    counted = inputs.predicted_idx[inputs.predicted_idx >= 0]  # copies have no prediction of their own
    called = np.unique(counted)
    if inputs.has_predictions and called.size == 1 and len(inputs.class_names) > 1:
        notices.append(state_sentences.one_class_called(inputs.class_names[int(called[0])], counted.size))
    words = [one.is_context and one.column is None and not one.members for one in inputs.concepts]
    context = np.array(words, dtype=np.bool_)
    doubted = context & ~measured.measurable
    if doubted.any():
        terms = [inputs.concepts[v].term for v in np.flatnonzero(doubted)]
        notices.append(state_sentences.doubted(terms, int(context.sum())))
    absent = context & measured.measurable & (measured.n_with.sum(axis=0) < MIN_ARM)
    if absent.any():
        terms = [inputs.concepts[v].term for v in np.flatnonzero(absent)]
        notices.append(state_sentences.hardly_present(terms, int(context.sum()), MIN_ARM))
    return tuple(notices)
