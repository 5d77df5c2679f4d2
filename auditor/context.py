"""What is present in which picture: the vocabulary's concepts by the encoder, known attributes by the manifest."""

from __future__ import annotations

import numpy as np

from auditor.analysis import Context, Inputs, Pictures
from auditor.context_records import AttributeConcept
from auditor.evidence.kappa import cohens_kappa
from auditor.evidence.presence import PRESENT, concept_presence
from auditor.evidence.reliability import MAX_PICTURES, told_twice, with_manifest
from auditor.records import FloatArray


def known_context(inputs: Inputs, pictures: Pictures) -> Context:
    """Presence of all concepts side by side, and how far manifest and encoder agree where both know one."""
    concepts, attributes = inputs.concepts.concepts, inputs.attributes
    seen = concept_presence(
        pictures.embeddings,
        inputs.concepts.word_rows,
        [concept.kind for concept in concepts],
        inputs.concepts.absent_rows,
        logit_scale=inputs.encoder.logit_scale,
    )
    said = attributes.presence[pictures.rows]
    position = {concept.concept_id: v for v, concept in enumerate(concepts)}
    same_as: dict[int, int] = {}
    records: list[AttributeConcept] = []
    for a, concept in enumerate(attributes.concepts):
        known, twin = np.isfinite(said[:, a]), position.get(attributes.same_as.get(concept.concept_id, ""))
        agreement = None
        if twin is not None:
            same_as[len(concepts) + a] = twin
            agreement = cohens_kappa(said[known, a] > PRESENT, seen[known, twin] > PRESENT)
        records.append(
            AttributeConcept(
                concept_id=concept.concept_id,
                concept=concept.term,
                attribute=concept.column or "",
                n_images=int((said[known, a] > PRESENT).sum()),
                n_known=int(known.sum()),
                same_as=None if twin is None else concepts[twin].concept_id,
                agreement=agreement,
            )
        )
    presence = np.hstack([seen, said])
    kappa = np.concatenate([_told_twice(inputs, pictures, seen), np.full(len(attributes.concepts), np.nan, np.float32)])
    kappa = with_manifest(kappa, presence, same_as)
    return Context((*concepts, *attributes.concepts), presence, same_as, tuple(records), kappa)


def _told_twice(inputs: Inputs, pictures: Pictures, seen: FloatArray) -> FloatArray:
    """How far two halves of the prompts agree on every concept, on some of the pictures, whatever their order."""
    rows = np.argsort(pictures.tie_keys(), kind="stable")[:MAX_PICTURES]
    first, second = (
        concept_presence(
            pictures.embeddings[rows],
            half.word_rows,
            [concept.kind for concept in inputs.concepts.concepts],
            half.absent_rows,
            logit_scale=inputs.encoder.logit_scale,
        )
        for half in inputs.concepts.halves
    )
    return np.where(inputs.concepts.told_twice, told_twice(seen[rows], first, second), np.float32(np.nan))
