"""What breaks a shortcut: pictures with and without it, what the model made of them, and how many more would decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from auditor.concept_records import Counterexample, CounterexampleState
from auditor.evidence.effects import significance
from auditor.evidence.effects.witnesses import n_witnesses
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence
from auditor.evidence.verdicts.findings import strongest
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.records import IntArray
from auditor.rules import ALPHA, DELTA, DESIGN_EFFECT, GAP_PART, LOSSES, MIN_ARM, TOLERATED

#: Pictures that are named in an arm.
MAX_PICTURES = 50


class Missing(NamedTuple):
    """Pictures of the class, and of the others, missing with and without a concept; None: no number would do."""

    own_with: int | None
    own_without: int | None
    others_with: int | None
    others_without: int | None


def presence_reliability(inputs: EvidenceInput, measured: Measured, concept_idx: int) -> float:
    """PPV + NPV - 1 of presence: the factor by which its errors dilute an effect. An attribute is exact.

    Against the manifest's attribute of the same name, where there is one; else of one half of the prompts against the
    other (kappa, see :mod:`auditor.evidence.presence.reliability`); 1 where neither is known.
    """
    known_as = [a for a, v in inputs.same_as.items() if v == concept_idx]
    if not known_as:
        kappa = np.nan if inputs.kappa is None else inputs.kappa[concept_idx]
        return 1.0 if np.isnan(kappa) else float(kappa)
    rows = measured.known[:, known_as[0]] & measured.known[:, concept_idx] & (inputs.label_idx >= 0)
    truth, seen = measured.present[rows, known_as[0]], measured.present[rows, concept_idx]
    if not seen.any() or seen.all():
        return 0.0
    return float(truth[seen].mean() + (~truth[~seen]).mean() - 1)


def missing_pictures(inputs: EvidenceInput, measured: Measured, pair: PairEvidence, *, n_tests: float) -> Missing:
    """Pictures to show a reliance of :data:`DESIGN_EFFECT` or to exclude one of :data:`TOLERATED`, with 80 % chance.

    Args:
        inputs: What was judged.
        measured: Counts.
        pair: Class and concept.
        n_tests: Tests that share the level with that of the concept: a reliance is shown at what this leaves.
    """
    c, v = pair.class_idx, pair.concept_idx
    diluted = presence_reliability(inputs, measured, v)
    others_called = (inputs.predicted_idx == c) & (inputs.label_idx >= 0) & (inputs.label_idx != c)
    n_called = n_witnesses(others_called, inputs.copies)
    n_others = int(measured.n_labelled.sum() - measured.n_labelled[c])
    recall = float((measured.n_correct[c] + 0.5) / (measured.n_labelled[c] + 1))
    pull = (n_called + 0.5) / (n_others + 1)
    own = _needed(recall, max(recall - DESIGN_EFFECT, 0), n_tests, diluted)
    others = _needed(min(pull + DESIGN_EFFECT, 1), pull, n_tests, diluted)
    at_hand = [
        (own, measured.n_with[c, v]),
        (own, measured.n_without[c, v]),
        (others, measured.n_with[:, v].sum() - measured.n_with[c, v]),
        (others, measured.n_without[:, v].sum() - measured.n_without[c, v]),
    ]
    return Missing(*(None if needed is None else max(0, needed - int(n)) for needed, n in at_hand))


def _needed(rate1: float, rate0: float, n_tests: float, reliability: float) -> int | None:
    """Pictures in each arm, both to show the effect between the rates and to exclude the tolerated one."""
    if DESIGN_EFFECT * reliability <= DELTA:
        return None
    level = GAP_PART * ALPHA / n_tests
    show = significance.pictures_per_arm(rate1, rate0, DESIGN_EFFECT, DELTA, alpha=level, reliability=reliability)
    rate = rate1 if rate1 >= 0.5 else rate0  # what is observed without a reliance
    exclude = significance.pictures_per_arm(rate, rate, 0.0, TOLERATED, alpha=ALPHA / 2)
    return max(show, exclude, MIN_ARM)


def counterexamples_of(
    inputs: EvidenceInput,
    measured: Measured,
    pairs: Iterable[tuple[JudgedPair, CounterexampleState, Missing]],
) -> list[Counterexample]:
    """Two arms of every pair that was shown or is open, the one with the concept first."""
    return [
        _arm(inputs, measured, judged, state, missing, present=present)
        for judged, state, missing in pairs
        for present in (True, False)
    ]


def _arm(
    inputs: EvidenceInput,
    measured: Measured,
    judged: JudgedPair,
    state: CounterexampleState,
    missing: Missing,
    *,
    present: bool,
) -> Counterexample:
    c, v = judged.pair.class_idx, judged.pair.concept_idx
    concept, labels, called = inputs.concepts[v], inputs.label_idx, inputs.predicted_idx == c
    there = measured.known[:, v] & (measured.present[:, v] == present)
    own, others = there & (labels == c), there & (labels >= 0) & (labels != c)
    n, n_correct = n_witnesses(own, inputs.copies), n_witnesses(own, inputs.copies, called)
    low, high = significance.wilson_interval(n_correct, n)
    # a loss is told by the class's own pictures on both sides
    harms = judged.rule in LOSSES
    breaking = np.flatnonzero(others if present and not harms else own)
    # the mistakes first: called c for what is there, or not called c for what is not (of what harms c the reverse);
    # then the clearest
    mistaken = called[breaking] == (present != harms)
    clear = inputs.presence[breaking, v] if present else 1 - inputs.presence[breaking, v]
    return Counterexample(
        class_idx=c,
        class_name=inputs.class_names[c],
        concept_id=concept.concept_id,
        concept=concept.term,
        concept_kind=concept.kind,
        state=state,
        present=present,
        n=n,
        n_correct=n_correct,
        accuracy=n_correct / n if n else None,
        accuracy_low=float(low) if n else None,
        accuracy_high=float(high) if n else None,
        n_missing=missing.own_with if present else missing.own_without,
        n_others=n_witnesses(others, inputs.copies),
        n_others_called=n_witnesses(others, inputs.copies, called),
        n_others_missing=missing.others_with if present else missing.others_without,
        rule_id=judged.reason.rule_id,
        image_ids=_ids(inputs, strongest(inputs, breaking, mistaken + clear / 2, MAX_PICTURES)),
    )


def _ids(inputs: EvidenceInput, rows: IntArray) -> tuple[str, ...]:
    return tuple(inputs.image_ids[row] for row in rows)
