"""Families of concepts, several words for one thing: what they are made of, and how far they are present.

With an encoder that tells a lake from the sea and from a river, each of these words is in a few pictures and counts the
others among the pictures without it. Families come from the vocabulary, never from labels or predictions: each is one
more concept that is tested, and nothing was picked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse

from auditor.evidence.presence.presence import is_contest
from auditor.records import BoolArray, Concept, FloatArray
from auditor.rules import PRESENT


def members_of(concepts: Sequence[Concept]) -> dict[int, tuple[int, ...]]:
    """Family -> its members, by position; values of a manifest's column are in none."""
    position = {concept.concept_id: v for v, concept in enumerate(concepts)}
    return {
        v: tuple(position[member] for member in concept.members if member in position)
        for v, concept in enumerate(concepts)
        if concept.members and concept.column is None
    }


def family_of(concepts: Sequence[Concept]) -> dict[int, int]:
    """Member -> its family, by position."""
    return {member: family for family, members in members_of(concepts).items() for member in members}


def namesakes(concepts: Sequence[Concept]) -> dict[int, tuple[int, ...]]:
    """Family -> those of its members that have its name as term or synonym, by position."""

    def has_name(v: int, name: str) -> bool:
        return name.casefold() in map(str.casefold, (concepts[v].term, *concepts[v].synonyms))

    return {
        family: tuple(v for v in members if has_name(v, concepts[family].term))
        for family, members in members_of(concepts).items()
    }


def distinct(concepts: Sequence[Concept], presence: FloatArray) -> list[int]:
    """Concepts that are different things: families in the place of their members, wherever they can be told.

    Args:
        concepts: V of them.
        presence: (N, V), not finite in all pictures where a concept cannot be told.
    """
    told = [family for family in members_of(concepts) if np.isfinite(presence[:, family]).any()]
    replaced = {member for member, family in family_of(concepts).items() if family in told}
    return [v for v, concept in enumerate(concepts) if v in told or not (concept.members or v in replaced)]


def shares_of_all(shares: sparse.csr_array, concepts: Sequence[Concept]) -> sparse.csr_array:
    """Shares of all concepts (N, V) from those of the words, which come first: a family has the sum of its members.

    What a manifest says has none.
    """
    n_words = shares.shape[1]
    cells = [
        (member, family - n_words) for family, members in members_of(concepts).items() for member in sorted(members)
    ]
    rows, columns = np.array(cells, dtype=np.int64).reshape(-1, 2).T
    shape = n_words, len(concepts) - n_words
    sums = sparse.csr_array((np.ones(rows.size, np.float32), (rows, columns)), shape=shape)
    return sparse.csr_array(sparse.hstack([shares, shares @ sums], format="csr"), dtype=np.float32)


def rows_of_all(rows: FloatArray, concepts: Sequence[Concept]) -> FloatArray:
    """Unit rows of all concepts (V, D) from those of the words, which come first: a family has its members' mean.

    What a manifest says has no direction: zeros.
    """
    every = np.zeros((len(concepts), rows.shape[1]), dtype=np.float32)
    every[: len(rows)] = rows
    for family, members in members_of(concepts).items():
        mean = rows[list(members)].mean(axis=0)
        every[family] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return every


def family_presence(
    presence: FloatArray,
    concepts: Sequence[Concept],
    families: Sequence[Concept],
    absent_embeddings: Mapping[str, FloatArray],
) -> FloatArray:
    """Presence of families, merged from that of their members before anything is called present.

    Where concepts of a kind compete for one picture their presences are parts of one, and the family has the sum: a
    lake that is .4 lake and .4 sea is water. Of other kinds a picture may show several, and the surest one counts.

    Args:
        presence: (N, V) in [0, 1].
        concepts: The V concepts.
        families: F of them, members among the concepts.
        absent_embeddings: As for :func:`~auditor.evidence.presence.presence.concept_presence`.

    Returns:
        (N, F) float32 in [0, 1].
    """
    position = {concept.concept_id: v for v, concept in enumerate(concepts)}
    kinds = [concept.kind for concept in concepts]
    merged = np.zeros((len(presence), len(families)), dtype=np.float32)
    for f, family in enumerate(families):
        parts = presence[:, [position[member] for member in family.members]]
        if is_contest(family.kind, kinds.count(family.kind), absent_embeddings.get(family.kind)):
            merged[:, f] = np.minimum(parts.sum(axis=1), 1.0)
        else:
            merged[:, f] = parts.max(axis=1)
    return merged


def most_shown(family: int, concepts: Sequence[Concept], presence: FloatArray) -> list[int]:
    """Members of a family by how many of the pictures (n, V) show them, equal ones by term; none of other concepts."""
    members = members_of(concepts).get(family, ())
    seen = (presence[:, list(members)] > PRESENT).sum(axis=0)
    return [v for _, _, v in sorted((-int(n), concepts[v].term, v) for n, v in zip(seen, members, strict=True))]


def shown_by_kin(presence: FloatArray, concepts: Sequence[Concept]) -> BoolArray:
    """(N, V) pictures that lack a concept and show its family, or another member of it.

    They have the same thing under another word, and are in neither arm of the concept.
    """
    present = presence > PRESENT
    kin = np.zeros(presence.shape, dtype=np.bool_)
    for family, members in members_of(concepts).items():
        shown = present[:, [family, *members]].any(axis=1)
        for member in members:
            kin[:, member] = shown & ~present[:, member]
    return kin
