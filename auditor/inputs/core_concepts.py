"""Which concepts of context a class may rest on: its name, what it is a kind of, and what the settings say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from auditor.concept_records import CoreReason
from auditor.errors import InputError
from auditor.inputs.words import number_forms, word_key
from auditor.place_grid import ALL_PLACES
from auditor.properties.measure import PROPERTIES
from auditor.records import PROPERTY_PREFIX, Concept, Vocabulary
from auditor.wording import nearest, quote, quote_list

#: "rainforest" is a forest, but "lemon" no "on": letters that must be left over, and that the kind must have.
_LETTERS_BEFORE, _LETTERS_OF_KIND = 3, 4
#: What settings may name and no vocabulary has: under its key the names that it goes by, after all words.
_WITHOUT_WORDS = {
    **{
        f"{PROPERTY_PREFIX}{one.name}": (one.words, f"{PROPERTY_PREFIX}{one.name}")
        for one in PROPERTIES
        if one.examined
    },
    **{place.concept_id: (place.name, place.concept_id) for place in ALL_PLACES},
}


def core_concepts(
    settings: Mapping[str, Iterable[str]],
    class_names: Sequence[str],
    vocabulary: Vocabulary,
    attributes: Sequence[Concept] = (),
    same_as: Mapping[str, str] | None = None,
) -> dict[tuple[str, str], CoreConceptOf]:
    """Find the concepts of a context kind that are core to a class.

    A family of which one member is core is core as well: it would be flagged for what is allowed. Who names a family
    names all its members.

    Args:
        settings: Class to the concepts that the settings allow it, by term or synonym, or "column = value"
            for a known attribute; a measured property, whatever its level, or a place of the pictures.
        class_names: The classes.
        vocabulary: As it was loaded: class names have not joined it yet.
        attributes: Known attributes.
        same_as: Attributes (by id) that have the name of a concept of the vocabulary: they are core with it.

    Returns:
        By class and concept_id. A property stands under its column ("property:sharpness"), as its levels are not
        known before the pictures are; a place under its concept_id, measured or not.

    Raises:
        InputError: the settings name a class or concept that there is not; names the nearest.
    """
    words = {word_key(word): concept for concept in vocabulary.concepts for word in _words(concept)}
    single = {form for word in words for part in word.split() for form in number_forms(part)}
    found: dict[tuple[str, str], CoreConceptOf] = {}

    def allow(class_name: str, concept: Concept | None, reason: CoreReason, term: str | None = None) -> None:
        if concept is not None and concept.is_context:
            found.setdefault((class_name, concept.concept_id), CoreConceptOf(reason, term))

    for class_name in class_names:
        allow(class_name, _named(word_key(class_name), words), "class name")
        allow(class_name, _kind_of(word_key(class_name), words, single), "kind of the class")
    named = {_spaced(concept.term): concept for concept in attributes} | words
    of_families = {word_key(family.term): family for family in vocabulary.families}
    without_words = {_spaced(name): key for key, names in _WITHOUT_WORDS.items() for name in names}
    by_id = {concept.concept_id: concept for concept in vocabulary.concepts}
    for class_name, terms in settings.items():
        if class_name not in class_names:
            raise InputError(f"[core] names {_unknown('class', class_name, class_names)}")
        for term in terms:
            concept, family = _named(_spaced(term), named), _named(_spaced(term), of_families)
            if concept is None and family is None:
                if (key := without_words.get(_spaced(term))) is not None:
                    found.setdefault((class_name, key), CoreConceptOf("settings", term))
                    continue
                known = [other.term for other in (*vocabulary.concepts, *vocabulary.families, *attributes)]
                known += [name for names in _WITHOUT_WORDS.values() for name in names]
                raise InputError(f"[core], class {quote(class_name)}: {_unknown('concept', term, known)}")
            allow(class_name, concept, "settings", term)
            for member in family.members if family else ():
                allow(class_name, by_id[member], "settings", term)
    for family in vocabulary.families:
        for class_name in class_names:
            reasons = [found[class_name, member] for member in family.members if (class_name, member) in found]
            if reasons:
                found.setdefault((class_name, family.concept_id), reasons[0])
    for attribute_id, concept_id in (same_as or {}).items():
        for class_name in class_names:
            if (class_name, concept_id) in found:
                found.setdefault((class_name, attribute_id), found[class_name, concept_id])
    return found


def unmeasured_core(core: Mapping[tuple[str, str], CoreConceptOf]) -> list[str]:
    """A line for each measured property that a class may rest on, where no properties are measured."""
    return [
        f"[core] allows {quote(name)} to rest on {quote(allowed.term)}, and with properties = false (--no-properties) "
        "that is not measured: the entry does nothing"
        for (name, key), allowed in core.items()
        if key.startswith(PROPERTY_PREFIX) and allowed.term is not None
    ]


class CoreConceptOf(NamedTuple):
    """Why a class may rest on a concept, and by which term the settings name it."""

    reason: CoreReason
    term: str | None = None


def _words(concept: Concept) -> tuple[str, ...]:
    return (concept.term, *concept.synonyms)


def _spaced(term: str) -> str:
    """The key under which "scene=water" and "scene = water" are the same."""
    return word_key(term.replace("=", " = "))


def _named(key: str, known: Mapping[str, Concept]) -> Concept | None:
    return next((known[form] for form in number_forms(key) if form in known), None)


def _kind_of(key: str, known: Mapping[str, Concept], single: Set[str]) -> Concept | None:
    """What a class is a kind of by its name: its last words ("coral reef" is a reef), or the end of a compound.

    A compound is made of words: "rainforest" has rain before the forest, but "mushroom" is no room. What is taken for
    core is never looked at again, so a compound counts where the vocabulary knows its beginning too.
    """
    words = key.split()
    for start in range(1, len(words)):
        concept = _named(" ".join(words[start:]), known)
        if concept is not None:
            return concept
    last = words[-1] if words else ""
    for start in range(_LETTERS_BEFORE, len(last) - _LETTERS_OF_KIND + 1):
        concept = _named(last[start:], known)
        if concept is not None and last[:start] in single:
            return concept
    return None


def _unknown(what: str, found: str, valid: Sequence[str]) -> str:
    close = nearest(found, valid)
    hint = f"; did you mean {quote(close)}?" if close else f"; known: {quote_list(list(valid))}"
    return f"unknown {what} {quote(found)}{hint}"
