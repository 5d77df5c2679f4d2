"""Entries of the baseline for one word of a family where another is found now: shown, never taken over.

Whoever accepted "lake" said nothing of the sea. The finding on the family, or on another of its words, is new; the
reader is told what was accepted of the same thing, and why its entry matches nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from auditor.gate.baseline import Entry
from auditor.gate.decision import GateItem
from auditor.records import fingerprint
from auditor.wording import quote


def kin_of(concept_id: str, family_of: Mapping[str, str]) -> dict[str, str]:
    """What is of one thing with a concept, by concept_id, and what it is to it: family, word or other word.

    Args:
        concept_id: Of a member, of a family, or of neither.
        family_of: Member -> family, by concept_id.
    """
    family = family_of.get(concept_id)
    if family is None:
        return {member: "its word" for member, of in family_of.items() if of == concept_id}
    others = {member: "its family's word" for member, of in family_of.items() if of == family and member != concept_id}
    return {family: "its family", **others}


def accepted_kin(
    entries: Mapping[str, Entry], family_of: Mapping[str, str], class_name: str, concept_id: str
) -> Iterator[str]:
    """Such as "its word 'lake' was accepted by 'Ann' until 2030-01-31, which does not cover it".

    Args:
        entries: Of the baseline, by fingerprint.
        family_of: Member -> family, by concept_id.
        class_name: Of what is found.
        concept_id: Of what is found, which no entry is for.
    """
    for one, what in kin_of(concept_id, family_of).items():
        entry = entries.get(fingerprint(class_name, one))
        if entry is not None:
            until = f"by {quote(entry.who)} until {entry.expires.isoformat()}"
            yield f"{what} {quote(entry.concept)} was {entry.judged} {until}, which does not cover it"


def found_as(items: Iterable[GateItem], family_of: Mapping[str, str]) -> dict[str, str]:
    """By fingerprint of what nothing may match, what is found of the same thing: "its family 'water' is found now"."""
    found: dict[str, str] = {}
    for item in items:
        if item.concept_id is not None and item.concept is not None:
            for one in kin_of(item.concept_id, family_of):
                what = kin_of(one, family_of)[item.concept_id]
                found.setdefault(fingerprint(item.class_name, one), f"{what} {quote(item.concept)} is found now")
    return found
