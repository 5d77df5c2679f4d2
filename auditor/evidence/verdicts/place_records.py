"""Places that may decide classes, as findings and as the store has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from auditor.concept_records import FixedPlace
from auditor.evidence.effects.place_exchange import PlaceLoss
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.place_lead import PlaceLead
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
    """What was measured of the leads: the share of the evidence, and both ways of exchanging the place."""
    found = []
    for lead in leads:
        of_share, by_taking, by_giving = lead.rules
        if lead.share is not None:
            found.append(_finding(inputs, lead, of_share, lead.share, lead.n, lead.rows, lead.p_share))
        for rule, one in ((by_taking, lead.taken), (by_giving, lead.given)):
            if one.status != "not_tried":
                measured = one.status == "measured"
                found.append(
                    _finding(
                        inputs,
                        lead,
                        rule,
                        (one.effect, one.low, one.high),
                        one.n,
                        np.array(one.changed, dtype=np.int64),
                        one.p if measured else None,
                        q=lead.q if measured else None,
                        status=one.status,
                    )
                )
        found += [_loss(inputs, lead, loss) for loss in lead.losses if loss.is_measured]
    return found


def _loss(inputs: EvidenceInput, lead: PlaceLead, loss: PlaceLoss) -> Finding:
    """What another class loses to the place."""
    one = loss.recall
    return replace(
        _finding(
            inputs,
            lead,
            PLACE_LOSS,
            (one.effect, one.low, one.high),
            one.n,
            np.array(one.changed, dtype=np.int64),
            loss.p,
            q=min(1.0, loss.p * ALPHA / loss.bar) if loss.bar else 1.0,
        ),
        class_idx=loss.class_idx,
        class_name=inputs.class_names[loss.class_idx],
    )


def _finding(
    inputs: EvidenceInput,
    lead: PlaceLead,
    rule: Rule,
    effect: tuple[float, float, float],
    n: int,
    rows: IntArray,
    p: float | None,
    *,
    q: float | None = None,
    status: str = "measured",
) -> Finding:
    return Finding(
        class_idx=lead.class_idx,
        class_name=inputs.class_names[lead.class_idx],
        concept_id=lead.place.concept_id,
        concept=lead.place.name,
        concept_kind=PLACE_KIND,
        rule_id=rule.rule_id,
        effect=effect[0],
        low=effect[1],
        high=effect[2],
        p=p,
        q=q,
        n_images=n,
        evidence_image_ids=tuple(inputs.image_ids[row] for row in rows[:_MOST_EXAMPLES]),
        status=status,
    )
