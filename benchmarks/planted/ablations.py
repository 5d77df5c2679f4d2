"""What the verdicts would flag without one sort of evidence: the same measurements, with that part taken out.

Nothing of the product is switched: what it measured is taken as it is, the part is set to what "not measured" is, and
the product's own corrections and states decide again. So an ablation says what a part adds to the verdicts, not how
far it would go alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.effects.swaps import NOT_TRIED, Intervene
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.erase import erase_pairs
from auditor.evidence.pairs.measure import Measured, measure
from auditor.evidence.verdicts.harm import judged_losses, measure_harm
from auditor.evidence.verdicts.judge import judged_by_class, measurable
from auditor.evidence.verdicts.other_sides import without_other_sides
from auditor.evidence.verdicts.pair_states import JudgedPair, without_twins
from auditor.evidence.verdicts.swap_controls import check_interventions
from auditor.evidence.verdicts.swap_pairs import intervene_on_pairs
from auditor.rules import MIN_CLASS
from benchmarks.planted.audit import Audited

Part = Callable[[Measured], Measured]


def _without_words(measured: Measured) -> Measured:
    """Without E1 no word lets a pair through, and none orders pairs."""
    pairs = [replace(pair, words=None, by_words=False) for pair in measured.pairs]
    return replace(measured, pairs=pairs, by_words=np.zeros_like(measured.by_words))


def _without_association(measured: Measured) -> Measured:
    """Without E2 no association lets a pair through, and all concepts of a class are one family of tests."""
    pairs = [replace(pair, auc=(0.5, 0.0, 1.0), by_data=False) for pair in measured.pairs]
    return replace(measured, pairs=pairs, by_data=np.zeros_like(measured.by_data))


def _without_erasure(measured: Measured) -> Measured:
    """Without E3 nobody is asked whether the model needs the concept: every gap counts as it is observed."""
    pairs = [
        replace(
            pair,
            erased_recall=_AGREES,
            erased_pull=_AGREES,
            erased_margin=_AGREES,
            transferred_recall=_AGREES,
            transferred_pull=_AGREES,
            transferred_margin=_AGREES,
        )
        for pair in measured.pairs
    ]
    return replace(measured, pairs=pairs)


def _without_interventions(measured: Measured) -> Measured:
    """Without E5, as an audit without pictures."""
    return replace(measured, pairs=[replace(pair, swapped=NOT_TRIED) for pair in measured.pairs])


#: An eraser that takes away everything and never denies anything.
_AGREES = Erasure(effect=1.0, low=1.0, high=1.0, n_present=0, n_absent=0, p=0.0)
ABLATIONS: dict[str, Part] = {
    "without E1, words": _without_words,
    "without E2, association": _without_association,
    "without E3, erasure": _without_erasure,
    "without E5, interventions": _without_interventions,
}


def ablated_leads(audited: Audited) -> dict[str, list[str | None]]:
    """What each class is flagged for, by concept id, without each part; None where it is not flagged."""
    inputs = measurable(audited.evidence_input)
    measured = measure_again(inputs, audited.intervene)
    losses = sure_losses(inputs, measured)
    return {name: flagged_leads(inputs, part(_copy(measured)), losses) for name, part in ABLATIONS.items()}


def measure_again(inputs: EvidenceInput, intervene: Intervene | None) -> Measured:
    """All that `judge` measures, in its order."""
    measured = measure(inputs, _silent)
    erase_pairs(inputs, measured, _silent)
    if intervene is not None:
        before = judged_by_class(inputs, measured)
        intervene_on_pairs(inputs, measured, before, intervene, _silent)
        check_interventions(inputs, measured, before, judged_by_class(inputs, measured), intervene, _silent)
    return measured


def sure_losses(inputs: EvidenceInput, measured: Measured) -> list[list[JudgedPair]]:
    """By class, what it loses pictures to by all evidence: no part that is taken out is asked of losses."""
    return judged_losses(inputs, measure_harm(inputs, measured, _silent))


def flagged_leads(
    inputs: EvidenceInput, measured: Measured, losses: Sequence[Sequence[JudgedPair]]
) -> list[str | None]:
    """The concept that each class is flagged for: the first that is shown and no other side of a loss."""
    leads: list[str | None] = []
    for c, judged in enumerate(without_other_sides(inputs, measured, judged_by_class(inputs, measured), losses)):
        shown = without_twins(inputs, [j for j in judged if j.pair.screened and j.state == "proven"])
        enough = bool(shown) and measured.n_labelled[c] >= MIN_CLASS
        leads.append(inputs.concepts[shown[0].pair.concept_idx].concept_id if enough else None)
    return leads


def _copy(measured: Measured) -> Measured:
    """With pairs of its own, since corrections write into them."""
    return replace(measured, pairs=[replace(pair) for pair in measured.pairs])


def _silent(_stage: str, _done: int, _total: int) -> None:
    """No progress is told."""
