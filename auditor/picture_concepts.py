"""What is present in which picture: the vocabulary's concepts by the encoder, known attributes by the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auditor.analysis import PictureConcepts, Pictures
from auditor.concept_records import AttributeConcept, ConceptFamily
from auditor.evidence.presence.families import family_presence, members_of, namesakes
from auditor.evidence.presence.presence import concept_presence
from auditor.evidence.presence.reliability import (
    MAX_PICTURES,
    cohens_kappa,
    told_twice,
    told_twice_elsewhere,
    with_manifest,
)
from auditor.extraction.kept_inputs import EvidenceSource
from auditor.figures import percent
from auditor.inputs.examples import TaughtConcepts
from auditor.records import FloatArray
from auditor.rules import PRESENT
from auditor.wording import quote

#: Share of every class's pictures that must have a usable mask: presence told in two ways would tell which way it was.
LEAST_MASKED = 0.95
#: Kinds of what lies around the object: told with the object covered where there is a mask. Marks, colours, textures
#: and faults of the picture may lie on the object itself.
SURROUNDING_KINDS = ("scene", "surface", "weather", "light", "person", "context_object")


def picture_concepts(inputs: EvidenceSource, pictures: Pictures, taught: TaughtConcepts) -> PictureConcepts:
    """Presence of all concepts side by side, and how far sources agree where two know one.

    Concepts that were learnt from examples stand after the columns of the manifest.
    """
    concepts, attributes = (*inputs.concepts.concepts, *inputs.concepts.families), inputs.attributes
    known_otherwise, twins = (*attributes.concepts, *taught.concepts), {**attributes.same_as, **taught.same_as}
    around, notices = surroundings_of(pictures)
    seen = _presence(inputs, pictures.embeddings, around, inputs.concepts.word_rows, inputs.concepts.absent_rows)
    said = np.hstack([attributes.presence[pictures.rows], taught.presence])
    position = {concept.concept_id: v for v, concept in enumerate(concepts)}
    # a column's "water" means all of it, so it is the family's where there is one
    position |= {concepts[v].concept_id: family for family, named in namesakes(concepts).items() for v in named}
    same_as: dict[int, int] = {}
    records: list[AttributeConcept] = []
    for a, concept in enumerate(known_otherwise):
        known, twin = np.isfinite(said[:, a]), position.get(twins.get(concept.concept_id, ""))
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
    kappas = _told_twice(inputs, pictures, around, seen)
    told_once = np.full((len(kappas), len(known_otherwise)), np.nan, np.float32)
    told_once[0, len(attributes.concepts) :] = taught.kappa
    kappa, *elsewhere = np.hstack([kappas, told_once])
    kappa = with_manifest(kappa, presence, same_as)
    all_concepts = (*concepts, *known_otherwise)
    families = tuple(
        ConceptFamily(
            family.concept_id, family.term, family.kind, family.members, None if np.isnan(told) else float(told)
        )
        for family, told in zip(concepts, kappa, strict=False)
        if family.members
    )
    return PictureConcepts(
        all_concepts, presence, same_as, tuple(records), kappa, np.stack(elsewhere), notices, taught, families
    )


def surroundings_of(pictures: Pictures) -> tuple[FloatArray, tuple[str, ...]]:
    """Embeddings (N, D) by which to tell what lies around an object, and what the reader must know of the masks.

    They are those of the covered pictures where nearly all pictures of every label have a usable mask, and of the
    whole ones for the few others; else those of the whole pictures.
    """
    covered, failures = pictures.surroundings, pictures.mask_failures
    shown = "; ".join(f"{quote(failure.path)}: {failure.reason}" for failure in failures[:2])
    more = "; … see the table 'failures'" if len(failures) > 2 else ""
    unusable = f"; {len(failures):,} cannot be used ({shown}{more})" if failures else ""
    if covered is None:
        return pictures.embeddings, (f"no mask is used{unusable}",) if failures else ()
    masked = np.asarray(np.isfinite(covered).all(axis=1))
    n_masked = f"{int(masked.sum()):,} of {masked.size:,} pictures have a usable mask"
    shares = {k: float(masked[pictures.label_idx == k].mean()) for k in np.unique(pictures.label_idx)}
    if min(shares.values()) < LEAST_MASKED:
        return pictures.embeddings, (
            f"no mask is used: {n_masked}, and what is told with masks in one class and without in another would tell "
            f"the classes apart; at least {percent(LEAST_MASKED)} of every class are needed{unusable}",
        )
    told = f"{n_masked}: what lies around their objects is told with these covered{unusable}"
    return np.where(masked[:, None], covered, pictures.embeddings), (told,)


def _presence(
    inputs: EvidenceSource,
    whole: FloatArray,
    around: FloatArray,
    word_rows: Sequence[FloatArray],
    absent_rows: Mapping[str, FloatArray],
) -> FloatArray:
    """Presence (n, V + F): of what lies around an object by ``around``, of all else by ``whole``, both (n, D)."""
    concepts, families = inputs.concepts.concepts, inputs.concepts.families
    kinds = [concept.kind for concept in concepts]
    scale = inputs.logit_scale
    seen = concept_presence(whole, word_rows, kinds, absent_rows, logit_scale=scale)
    if around is not whole:
        outside = [v for v, kind in enumerate(kinds) if kind in SURROUNDING_KINDS]
        seen[:, outside] = concept_presence(around, word_rows, kinds, absent_rows, logit_scale=scale)[:, outside]
    return np.hstack([seen, family_presence(seen, concepts, families, absent_rows)])


def _told_twice(inputs: EvidenceSource, pictures: Pictures, around: FloatArray, seen: FloatArray) -> FloatArray:
    """How far two halves of the prompts agree on every concept, on some of the pictures, whatever their order.

    (1 + C, V + F): over all of them, then within the classes other than each.
    """
    rows = np.argsort(pictures.tie_keys(), kind="stable")[:MAX_PICTURES]
    whole = pictures.embeddings[rows]
    outside = whole if around is pictures.embeddings else around[rows]
    first, second = (
        _presence(inputs, whole, outside, half.word_rows, half.absent_rows) for half in inputs.concepts.halves
    )
    labels, n_classes = pictures.counted(pictures.label_idx)[rows], len(inputs.match.class_names)
    elsewhere = told_twice_elsewhere(seen[rows], first, second, labels, n_classes)
    kappas = np.vstack([told_twice(seen[rows], first, second), elsewhere])
    all_concepts = (*inputs.concepts.concepts, *inputs.concepts.families)
    once = inputs.concepts.told_twice
    of_families = [bool(once[list(members)].any()) for members in members_of(all_concepts).values()]
    return np.where([*once, *of_families], kappas, np.float32(np.nan))
