"""A world whose encoder has several words for water and tells them apart: every wet picture is called one of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from evidence_world import V
from scipy import sparse

from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.presence.families import shares_of_all
from auditor.records import Concept

WORDS = ("water", "lake", "sea", "river", "pond", "harbour", "swamp", "waterfall", "underwater")
WET = V["water"]


def family(n_words: int) -> Concept:
    return Concept("family-water", "water", "scene", members=tuple(sorted(WORDS[:n_words])))


def in_words(inputs: EvidenceInput, n_words: int, *, families: bool = True) -> EvidenceInput:
    """The audit with "water" said in as many words, each picture in one of them whatever its class.

    Args:
        inputs: of an ``evidence_world.World``.
        n_words: of :data:`WORDS`.
        families: whether the words are a family.
    """
    n = len(inputs.image_ids)
    # by the picture's name, so that the order of pictures has no part in it
    said = np.array([np.random.default_rng(int(one)).integers(n_words) for one in inputs.image_ids])
    which = np.zeros((n, n_words), dtype=np.float32)
    which[np.arange(n), said] = 1
    concepts = (
        *inputs.concepts[:WET],
        *(Concept(word, word, "scene") for word in WORDS[:n_words]),
        *inputs.concepts[WET + 1 :],
    )
    told = inputs.presence[:, [WET]]
    presence = [inputs.presence[:, :WET], told * which, inputs.presence[:, WET + 1 :]]
    shares = inputs.shares.toarray()
    spoken = sparse.csr_array(np.hstack([shares[:, :WET], shares[:, [WET]] * which, shares[:, WET + 1 :]]))
    if families:
        concepts += (family(n_words),)
        presence.append(told)
    return replace(inputs, concepts=concepts, presence=np.hstack(presence), shares=shares_of_all(spoken, concepts))
