"""Places that may decide classes, as findings and as the store has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from auditor.concept_records import FixedPlace
from auditor.evidence.effects.swaps import Intervention
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.place_lead import PlaceLead
from auditor.place_grid import Place
from auditor.records import PLACE_KIND, Finding, IntArray
from auditor.rules import ALPHA, PLACE_LOSS, Rule

_MOST_EXAMPLES = 12


def fixed_places(inputs: EvidenceInput, leads: Sequence[PlaceLead], sentences: Sequence[str]) -> list[FixedPlace]:
    """Leads whose share is known as the store has them, each with what is said of it."""
    return [
        FixedPlace(
            class_idx=lead.class_idx,
            class_name=inputs.class_names[lead.class_idx],
            concept_id=lead.place.concept_id,
            concept=lead.place.name,
            state=lead.state,
            share=lead.share[0],
            share_elsewhere=lead.share_elsewhere,
            p=lead.p_share,
            n_images=lead.n,
            n_showing=int(lead.rows.size),
            image_ids=tuple(inputs.image_ids[row] for row in lead.rows[:_MOST_EXAMPLES]),
            sentence=sentence,
        )
        for lead, sentence in zip(leads, sentences, strict=True)
        if lead.share is not None
    ]


def place_findings(inputs: EvidenceInput, leads: Sequence[PlaceLead]) -> list[Finding]:
    """What was measured of the leads: the share of the evidence, both exchanges of the place, and who loses by it."""
    found = []
    for lead in leads:
        place, own = lead.place, lead.class_idx
        of_share, by_taking, by_giving = lead.rules
        if lead.share is not None:
            told = _finding(inputs, own, place, of_share, lead.share, lead.n, lead.rows)
            found.append(replace(told, p=lead.p_share))
        for rule, one in ((by_taking, lead.taken), (by_giving, lead.given)):
            if one.status == "measured":
                found.append(replace(_exchanged(inputs, own, place, rule, one), p=one.p, q=lead.q))
            elif one.status != "not_tried":
                found.append(replace(_exchanged(inputs, own, place, rule, one), status=one.status))
        for loss in lead.losses:
            if loss.is_measured:
                q = min(1.0, loss.p * ALPHA / loss.bar) if loss.bar else 1.0
                told = _exchanged(inputs, loss.class_idx, place, PLACE_LOSS, loss.recall)
                found.append(replace(told, p=loss.p, q=q))
    return found


def _exchanged(inputs: EvidenceInput, class_idx: int, place: Place, rule: Rule, one: Intervention) -> Finding:
    """What exchanging a place did to a class, without its p."""
    effect = one.effect, one.low, one.high
    return _finding(inputs, class_idx, place, rule, effect, one.n, np.array(one.changed, dtype=np.int64))


def _finding(
    inputs: EvidenceInput,
    class_idx: int,
    place: Place,
    rule: Rule,
    effect: tuple[float, float, float],
    n: int,
    rows: IntArray,
) -> Finding:
    return Finding(
        class_idx=class_idx,
        class_name=inputs.class_names[class_idx],
        concept_id=place.concept_id,
        concept=place.name,
        concept_kind=PLACE_KIND,
        rule_id=rule.rule_id,
        effect=effect[0],
        low=effect[1],
        high=effect[2],
        p=None,
        q=None,
        n_images=n,
        evidence_image_ids=tuple(inputs.image_ids[row] for row in rows[:_MOST_EXAMPLES]),
    )
