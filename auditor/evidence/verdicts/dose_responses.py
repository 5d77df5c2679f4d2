"""What pictures are called at five levels of a measured property: the curves of what verdicts name (E6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.edit_records import DoseResponse, PictureEdit
from auditor.evidence.effects.edits import CANNOT_BE_SET, EditPictures
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts.edit_pairs import FOR_PROOF, MAX_PICTURES, drawn_pictures, pictures_of_each
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.evidence.verdicts.suspicion import makes_suspect
from auditor.records import Progress, Verdict

#: Properties whose curve is drawn.
MAX_CURVES = 4
#: Pictures of all classes that nothing is asked of, at one dose.
_OTHERS_AT_DOSE = 100


def told_pairs(
    inputs: EvidenceInput, verdicts: Sequence[Verdict], judged: Sequence[Sequence[JudgedPair]]
) -> list[JudgedPair]:
    """Pairs of a flagged or suspect class that are shown or that make it suspect, the strongest of all first."""
    told = [
        j
        for verdict in verdicts
        if verdict.verdict in ("flagged", "suspect")
        for j in judged[verdict.class_idx]
        if j.pair.concept_idx in inputs.edits and j.pair.screened and (j.state == "proven" or makes_suspect(j))
    ]
    return sorted(told, key=lambda j: (j.state != "proven", -j.strength, inputs.class_names[j.pair.class_idx]))


def dose_responses(
    inputs: EvidenceInput, leads: Sequence[JudgedPair], edit: EditPictures, progress: Progress
) -> list[DoseResponse]:
    """What pictures are called at five levels of a property, for each pair that a verdict names.

    Args:
        inputs: What is judged.
        leads: Pairs of flagged and suspect classes, the strongest first.
        edit: Edits pictures.
        progress: Called with (stage, done, total).
    """
    by_property: dict[str, list[JudgedPair]] = {}
    for lead in leads:
        edits = inputs.edits.get(lead.pair.concept_idx)
        if edits is not None and edits.doses:
            name = edits.given.property_name
            if name in by_property or len(by_property) < MAX_CURVES:
                by_property.setdefault(name, []).append(lead)
    found: list[DoseResponse] = []
    for done, (name, pairs) in enumerate(by_property.items(), start=1):
        found += _curve(inputs, name, [j.pair for j in pairs], len(by_property), edit)
        progress("evidence: levels of a property", done, len(by_property))
    return found


def _curve(
    inputs: EvidenceInput, name: str, pairs: Sequence[PairEvidence], n_curves: int, edit: EditPictures
) -> list[DoseResponse]:
    doses = inputs.edits[pairs[0].concept_idx].doses
    most = (MAX_PICTURES - FOR_PROOF) // (len(doses) * n_curves)
    wanted = pictures_of_each(inputs, {pair.class_idx for pair in pairs}, most, _OTHERS_AT_DOSE)
    rows = drawn_pictures(inputs, inputs.predicted_idx >= 0, wanted, name)
    called = [edit(PictureEdit(name, dose), rows.tolist()) for dose in doses]
    if any(one is None for one in called):
        return []
    # one that cannot be brought to a level, as it is past it already and there is no way back, stays as it is
    answers = np.stack(
        [
            np.where(one.called == CANNOT_BE_SET, inputs.predicted_idx[rows], one.called)
            for one in called
            if one is not None
        ]
    )
    readable = (answers >= 0).all(axis=0)
    own_label = inputs.label_idx[rows]
    found = []
    for pair in pairs:
        c, concept = pair.class_idx, inputs.concepts[pair.concept_idx]
        own, others = readable & (own_label == c), readable & (own_label != c)
        found += [
            DoseResponse(
                class_idx=c,
                class_name=inputs.class_names[c],
                concept_id=concept.concept_id,
                concept=concept.term,
                property_name=name,
                level=dose,
                n=int(own.sum()),
                n_called=int((answer[own] == c).sum()),
                n_others=int(others.sum()),
                n_others_called=int((answer[others] == c).sum()),
            )
            for dose, answer in zip(doses, answers, strict=True)
        ]
    return found
