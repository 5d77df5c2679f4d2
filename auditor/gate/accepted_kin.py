"""Entries of the baseline for one word of a family where another is found now: shown, never taken over.

Whoever accepted "lake" said nothing of the sea. The finding on the family, or on another of its words, is new; the
reader is told what was accepted of the same thing, and why its entry matches nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auditor.gate.baseline import Entry
from auditor.gate.decision import GateItem
from auditor.records import fingerprint
from auditor.wording import quote


def kin_of(concept_id: str, family_of: Mapping[str, str]) -> set[str]:
    """The family of a concept and its other members; of a family, its members.

    Args:
        concept_id: Of a member, of a family, or of neither.
        family_of: Member -> family, by concept_id.
    """
    family = family_of.get(concept_id, concept_id)
    return {family, *(member for member, of in family_of.items() if of == family)} - {concept_id}


def accepted_kin(
    entries: Mapping[str, Entry], family_of: Mapping[str, str], class_name: str, concept_id: str
) -> list[Entry]:
    """Entries, by fingerprint, for the same class and another word of the same thing."""
    keys = (fingerprint(class_name, one) for one in sorted(kin_of(concept_id, family_of)))
    return [entries[key] for key in keys if key in entries]


def accepted_for(kin: Iterable[Entry], concept: str) -> str:
    """Such as 'accepted for lake ("Ann" until 2030-01-31), now water'."""
    named = [f"{entry.judged} for {quote(entry.concept)}, by {quote(entry.who)} until {entry.expires}" for entry in kin]
    return f"{'; '.join(named)}; now {quote(concept)}"


def told_as(items: Iterable[GateItem], family_of: Mapping[str, str]) -> dict[str, str]:
    """By fingerprint of what an item's family or members would have, what their thing is told as now."""
    told: dict[str, str] = {}
    for item in items:
        if item.concept_id is not None and item.concept is not None:
            for one in kin_of(item.concept_id, family_of):
                told.setdefault(fingerprint(item.class_name, one), f"told as {quote(item.concept)} now")
    return told
