"""Families: concepts of a vocabulary that are several words for one thing, such as lake, sea and river for water."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from auditor.records import Concept


def families_among(families: Iterable[Concept], concepts: Iterable[Concept]) -> tuple[Concept, ...]:
    """The families with those of their members that are there and of their kind; at least two must be.

    What a class is named after has become core, and what an encoder was never taught is left out: neither is a member.
    """
    kind_of = {concept.concept_id: concept.kind for concept in concepts}
    left = (
        replace(family, members=tuple(member for member in family.members if kind_of.get(member) == family.kind))
        for family in families
    )
    return tuple(family for family in left if len(family.members) > 1)
