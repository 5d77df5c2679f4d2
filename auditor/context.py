"""What is present in which picture: the vocabulary's concepts by the encoder, known attributes by the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auditor.analysis import Context, Inputs, Pictures
from auditor.context_records import AttributeConcept
from auditor.evidence.kappa import cohens_kappa
from auditor.evidence.presence import PRESENT, concept_presence
from auditor.evidence.reliability import MAX_PICTURES, told_twice, with_manifest
from auditor.records import Failure, FloatArray, IntArray
from auditor.wording import quote

#: Kinds of what lies around the object: told with the object covered where there is a mask. Marks, colours, textures
#: and faults of the picture may lie on the object itself.
SURROUNDING_KINDS = ("scene", "surface", "weather", "light", "person", "context_object")


def known_context(inputs: Inputs, pictures: Pictures) -> Context:
    """Presence of all concepts side by side, and how far manifest and encoder agree where both know one."""
    concepts, attributes = inputs.concepts.concepts, inputs.attributes
    everywhere = np.arange(len(pictures.items))
    seen = _presence(inputs, pictures, everywhere, inputs.concepts.word_rows, inputs.concepts.absent_rows)
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
    notices = mask_notices(pictures.surroundings, pictures.mask_failures)
    return Context((*concepts, *attributes.concepts), presence, same_as, tuple(records), kappa, notices)


def _presence(
    inputs: Inputs,
    pictures: Pictures,
    rows: IntArray,
    word_rows: Sequence[FloatArray],
    absent_rows: Mapping[str, FloatArray],
) -> FloatArray:
    """Presence (n, V) in some of the pictures: what lies around an object is told with the object covered."""
    kinds = [concept.kind for concept in inputs.concepts.concepts]

    def told(embeddings: FloatArray) -> FloatArray:
        scale = inputs.encoder.logit_scale
        return concept_presence(embeddings, word_rows, kinds, absent_rows, logit_scale=scale)

    seen = told(pictures.embeddings[rows])
    if pictures.surroundings is not None:
        covered = pictures.surroundings[rows]
        around = [v for v, kind in enumerate(kinds) if kind in SURROUNDING_KINDS]
        seen[:, around] = told(np.where(np.isfinite(covered), covered, pictures.embeddings[rows]))[:, around]
    return seen


def mask_notices(surroundings: FloatArray | None, failures: Sequence[Failure]) -> tuple[str, ...]:
    """What the reader must know of the masks; nothing where the manifest names none."""
    if surroundings is None and not failures:
        return ()
    n_used = 0 if surroundings is None else int(np.isfinite(surroundings).all(axis=1).sum())
    told = f"{n_used:,} pictures have a usable mask: what lies around their objects is told with these covered"
    if failures:
        shown = "; ".join(f"{quote(failure.path)}: {failure.reason}" for failure in failures[:2])
        more = ", … see the table 'failures'" if len(failures) > 2 else ""
        told += f"; masks that cannot be used, so that their pictures are told whole: {len(failures):,} ({shown}{more})"
    return (told,)


def _told_twice(inputs: Inputs, pictures: Pictures, seen: FloatArray) -> FloatArray:
    """How far two halves of the prompts agree on every concept, on some of the pictures, whatever their order."""
    rows = np.argsort(pictures.tie_keys(), kind="stable")[:MAX_PICTURES]
    first, second = (
        _presence(inputs, pictures, rows, half.word_rows, half.absent_rows) for half in inputs.concepts.halves
    )
    return np.where(inputs.concepts.told_twice, told_twice(seen[rows], first, second), np.float32(np.nan))
