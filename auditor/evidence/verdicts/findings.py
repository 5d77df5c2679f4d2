"""Measured pairs as records: findings with the pictures that show them, and the counts of subgroups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from auditor.concept_records import CoreConcept
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence
from auditor.evidence.verdicts.agreement import edits_surely, swaps_stand_alone
from auditor.evidence.verdicts.harm import is_sure
from auditor.place_grid import place_of
from auditor.records import PLACE_KIND, Finding, FloatArray, IntArray, Subgroup
from auditor.rules import (
    ASSOCIATION,
    EDITED_LOSS,
    EDITED_MARGIN,
    EDITED_PULL,
    EDITED_RECALL,
    ERASED_MARGIN,
    ERASED_PULL,
    ERASED_RECALL,
    ERASED_SHARE,
    FILLED,
    PULL_GAP,
    PULLED_SHARE,
    RECALL_GAP,
    RECALL_LOSS,
    RESTORED_MARGIN,
    RESTORED_RECALL,
    SHARE,
    Rule,
)

#: Pictures that a finding names.
MAX_EXAMPLES = 12


def subgroups_of(inputs: EvidenceInput, measured: Measured) -> list[Subgroup]:
    """Counts with and without every context concept that occurs in a class."""
    records: list[Subgroup] = []
    context = np.array([concept.is_context for concept in inputs.concepts], dtype=np.bool_)
    has_predictions = inputs.has_predictions
    for c, name in enumerate(inputs.class_names):
        for v in np.flatnonzero(context & (measured.n_with[c] > 0)).tolist():
            n_with, right = int(measured.n_with[c, v]), int(measured.n_with_correct[c, v])
            wrong_side = int(measured.n_without[c, v]), int(measured.n_known_correct[c, v]) - right
            concept = inputs.concepts[v]
            for present, (size, correct) in ((True, (n_with, right)), (False, wrong_side)):
                known = correct if has_predictions else None
                records.append(Subgroup(c, name, concept.concept_id, concept.term, present, size, known))
    return records


def core_of(inputs: EvidenceInput, measured: Measured) -> list[CoreConcept]:
    """Concepts of context that a class may rest on, and what would have let them through."""
    return [
        CoreConcept(
            class_idx=c,
            class_name=inputs.class_names[c],
            concept_id=inputs.concepts[v].concept_id,
            concept=inputs.concepts[v].term,
            concept_kind=inputs.concepts[v].kind,
            reason=reason,
            by_words=bool(measured.by_words[c, v]),
            by_data=bool(measured.by_data[c, v]),
            why=why,
            who=who,
            expires=expires,
            by_gap=bool(measured.by_gap[c, v]),
        )
        for (c, v), reason in sorted(inputs.core.items())
        for why, who, expires in [inputs.core_entries.get((c, v), (None, None, None))]
    ] + [
        CoreConcept(
            class_idx=c,
            class_name=inputs.class_names[c],
            concept_id=place.concept_id,
            concept=place.name,
            concept_kind=PLACE_KIND,
            reason="settings",
            by_words=False,
            by_data=False,
            why=why,
            who=who,
            expires=expires,
        )
        for (c, concept_id), (why, who, expires) in sorted(inputs.core_places.items())
        if (place := place_of(concept_id)) is not None
    ]


def findings_of(inputs: EvidenceInput, measured: Measured, absence: Measured) -> list[Finding]:
    """Findings of every measured pair, by class and concept: E1, E2 and, where a model was examined, E3 to E6.

    Args:
        inputs: What was judged.
        measured: The pairs.
        absence: The losses, which may be of other pairs (:mod:`auditor.evidence.pairs.losses`).
    """
    found = [(pair, _findings(inputs, measured, pair)) for pair in measured.pairs]
    found += [(loss, losses_of_pair(inputs, absence, loss)) for loss in absence.pairs]
    found.sort(key=lambda one: (one[0].class_idx, one[0].concept_idx))  # of one pair its losses come last
    return [finding for _, findings in found for finding in findings]


def _findings(inputs: EvidenceInput, measured: Measured, pair: PairEvidence) -> Iterator[Finding]:
    c, v = pair.class_idx, pair.concept_idx
    labels, called = inputs.label_idx, inputs.predicted_idx == c
    present, known = measured.present[:, v], measured.known[:, v]
    own, other = known & (labels == c), known & (labels >= 0) & (labels != c)
    q = pair.q if pair.screened else None

    finding = partial(_record, inputs, pair)
    if pair.words is not None:
        rows = np.flatnonzero(called)
        shares = np.asarray(inputs.shares[rows][:, [v]].toarray(), dtype=np.float32).ravel()
        effect = (pair.words.share, pair.words.share_low, pair.words.share_high)
        yield finding(SHARE, effect, pair.words.n_images, strongest(inputs, rows, shares))
    presence = inputs.presence[:, v]
    known_apart = "measured" if measured.measurable[v] else "not_measurable"
    shown = strongest(inputs, np.flatnonzero(own), presence[own])
    yield finding(ASSOCIATION, pair.auc, int((own | other).sum()), shown, status=known_apart)
    # a recall gap is shown by the pictures that break it, wrong ones first; a pull by the pictures pulled
    broken = np.flatnonzero(own & ~present)
    pulled = np.flatnonzero(other & present & called)
    breaking = strongest(inputs, broken, 1 - called[broken] - presence[broken])
    pulling = strongest(inputs, pulled, presence[pulled])
    if not inputs.has_predictions:
        return
    for rule, gap, rows in ((RECALL_GAP, pair.recall, breaking), (PULL_GAP, pair.pull, pulling)):
        n, p = gap.n_present + gap.n_absent, gap.p if gap.status == "measured" else None
        corrected = q if gap.status == "measured" else None
        told = finding(rule, (gap.effect, gap.low, gap.high), n, rows, p=p, corrected=corrected, status=gap.status)
        yield _with_arms(told, gap)
    of_erasure = [
        (ERASED_RECALL, pair.erased_recall, own),
        (ERASED_MARGIN, pair.transferred_margin, own),
        (ERASED_PULL, pair.erased_pull, other),
    ]
    share = pair.pulled_share
    if share is not None:
        p, corrected = (share.p, q) if share.status == "measured" else (None, None)
        effect = (share.effect, share.low, share.high)
        sources = labels[pulled] if pair.sources is None else np.array(pair.sources.class_idx)
        pulling = pulled[np.isin(labels[pulled], sources)]
        rows = strongest(inputs, pulling, presence[pulling])
        yield finding(PULLED_SHARE, effect, share.n_present, rows, p=p, corrected=corrected, status=share.status)
        of_erasure.append((ERASED_SHARE, pair.erased_share, other))
    for rule, erasure, among in of_erasure if inputs.head is not None else ():
        rows = pair.lost[among[pair.lost]]
        n = erasure.n_present + erasure.n_absent
        estimate = (erasure.effect, erasure.low, erasure.high)
        shown = strongest(inputs, rows, presence[rows])
        status = erasure.status if measured.measurable[v] else known_apart
        yield finding(rule, estimate, n, shown, p=erasure.p, permuted=erasure.permuted, status=status)
    swapped = pair.swapped
    if swapped.status != "not_tried":
        rows = np.array(swapped.changed[:MAX_EXAMPLES], dtype=np.int64)
        estimate, p = (swapped.effect, swapped.low, swapped.high), swapped.p if swapped.status == "measured" else None
        corrected = q if swaps_stand_alone(pair) else None
        yield finding(FILLED, estimate, swapped.n, rows, p=p, corrected=corrected, status=swapped.status)
    for rule, edited in (
        (EDITED_RECALL, pair.edited.recall),
        (EDITED_MARGIN, pair.edited.margin),
        (EDITED_PULL, pair.edited.pull),
    ):
        if edited.status != "not_tried":
            done = edited.status == "measured"
            rows = np.array(edited.changed[:MAX_EXAMPLES], dtype=np.int64)
            estimate, p = (edited.effect, edited.low, edited.high), edited.p if done else None
            corrected = q if done and edits_surely(pair.edited) else None
            yield finding(rule, estimate, edited.n, rows, p=p, corrected=corrected, status=edited.status)


def _record(
    inputs: EvidenceInput,
    pair: PairEvidence,
    rule: Rule,
    effect: tuple[float, float, float],
    n: int,
    rows: IntArray,
    *,
    p: float | None = None,
    corrected: float | None = None,
    permuted: float | None = None,
    status: str = "measured",
) -> Finding:
    concept = inputs.concepts[pair.concept_idx]
    return Finding(
        class_idx=pair.class_idx,
        class_name=inputs.class_names[pair.class_idx],
        concept_id=concept.concept_id,
        concept=concept.term,
        concept_kind=concept.kind,
        rule_id=rule.rule_id,
        effect=effect[0],
        low=effect[1],
        high=effect[2],
        p=p,
        q=corrected,
        n_images=n,
        evidence_image_ids=tuple(inputs.image_ids[row] for row in rows),
        status=status,
        permuted=permuted,
    )


def _with_arms(finding: Finding, gap: Gap) -> Finding:
    """With the counts that its rates are of."""
    if gap.status != "measured":
        return finding
    return replace(
        finding,
        n_with=gap.n_present,
        called_with=gap.x_present,
        n_without=gap.n_absent,
        called_without=gap.x_absent,
    )


def losses_of_pair(inputs: EvidenceInput, absence: Measured, loss: PairEvidence) -> Iterator[Finding]:
    """What was measured of a loss of recall, and of what comes back when the concept is erased."""
    c, v = loss.class_idx, loss.concept_idx
    presence = inputs.presence[:, v]
    own = absence.known[:, v] & ~absence.present[:, v] & (inputs.label_idx == c)

    def finding(rule: Rule, one: Gap | Erasure, rows: IntArray, *, corrected: float | None = None) -> Finding:
        missed = inputs.predicted_idx[rows] != c
        return _record(
            inputs,
            loss,
            rule,
            (one.effect, one.low, one.high),
            one.n_present + one.n_absent,
            strongest(inputs, rows, missed + presence[rows]),
            p=one.p if one.status == "measured" else None,
            corrected=corrected,
            permuted=one.permuted if isinstance(one, Erasure) else None,
            status=one.status,
        )

    if loss.edited_loss is not None:
        edited = loss.edited_loss.recall
        rows = np.array(edited.changed[:MAX_EXAMPLES], dtype=np.int64)
        effect = edited.effect, edited.low, edited.high
        yield _record(inputs, loss, EDITED_LOSS, effect, edited.n, rows, p=loss.edited_loss.p, corrected=loss.q)
        return
    gap = loss.recall
    lost = finding(RECALL_LOSS, gap, np.flatnonzero(own), corrected=loss.q if gap.status == "measured" else None)
    # a loss is the gap of the concept's absence
    absent = replace(
        gap, n_present=gap.n_absent, x_present=gap.x_absent, n_absent=gap.n_present, x_absent=gap.x_present
    )
    yield _with_arms(lost, absent)
    if is_sure(loss) and inputs.head is not None:
        given_back = loss.gained[own[loss.gained]]
        yield finding(RESTORED_RECALL, loss.erased_recall, given_back)
        yield finding(RESTORED_MARGIN, loss.transferred_margin, given_back)


def strongest(inputs: EvidenceInput, rows: IntArray, strength: FloatArray, most: int = MAX_EXAMPLES) -> IntArray:
    """Rows of greatest strength, equal ones by image id."""
    ids = np.array([inputs.image_ids[row] for row in rows], dtype=np.str_)
    return rows[np.lexsort((ids, -np.asarray(strength, dtype=np.float64)))][:most]
