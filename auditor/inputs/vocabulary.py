"""The vocabulary: concepts, families of them, prompt templates, and the class names that join it."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from auditor.errors import InputError
from auditor.inputs.families import families_among
from auditor.inputs.words import number_forms, word_key
from auditor.records import CONTEXT_KINDS, CORE_KINDS, VOCABULARY_KINDS, Concept, Vocabulary
from auditor.regular_files import read_regular_text
from auditor.toml_lines import LineIndex
from auditor.wording import nearest, quote, quote_path

BUNDLED_PATH = Path(__file__).with_name("vocabulary.toml")

_TOP_LEVEL_KEYS = ("templates", "absent", "concept", "family")
_CONCEPT_KEYS = ("term", "kind", "synonyms")
_FAMILY_KEYS = ("term", "kind", "members")
_FAMILY_KINDS = tuple(kind for kind in VOCABULARY_KINDS if kind in CONTEXT_KINDS)
_SLUG_CHARS = 64


def slug(term: str) -> str:
    """Return the stable id of a term: "Hot air_balloon" gives "hot-air-balloon".

    Terms that hold anything but ASCII letters, digits and separators ("café", "C++") end in 8 hex digits of a hash,
    so that different words never share a slug: it is the same exactly for terms with the same `word_key`.
    """
    key = word_key(term)
    plain = key.replace(" ", "-")
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", plain) and len(plain) <= _SLUG_CHARS:
        return plain
    folded = unicodedata.normalize("NFKD", key).encode("ascii", "ignore").decode()
    readable = "-".join(re.findall(r"[a-z0-9]+", folded))[:_SLUG_CHARS].strip("-")
    digest = hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{readable}-{digest}" if readable else digest


def load_vocabulary(path: Path | None = None) -> Vocabulary:
    """Load a vocabulary file (format in docs/inputs.md), concepts sorted by id.

    Args:
        path: TOML file; None for the bundled vocabulary.

    Raises:
        InputError: with the line: unreadable TOML, unknown keys or kinds, blanks, a word given twice, a template
            without ``{}``, a family of unknown or too few members, of another kind or of a core kind.
    """
    path = BUNDLED_PATH if path is None else path
    name = f"vocabulary {quote(path.name)}"
    try:
        text = read_regular_text(path)
    except OSError as error:
        raise InputError(
            f"vocabulary {quote_path(path)} cannot be read: {error.strerror}; expected a TOML file"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"{name}, line {line}: not UTF-8; save it as UTF-8") from error
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not readable as TOML: {' '.join(str(error).split())}; mend that place") from error
    return _Reader(name, LineIndex(text, "concept"), LineIndex(text, "family")).read(document)


def add_class_names(vocabulary: Vocabulary, class_names: Sequence[str]) -> Vocabulary:
    """Return the vocabulary with every class as a core concept.

    A class that names a concept (by term, synonym, or either's plural) makes that concept an object, unless it is
    core already; a class that names none is added as an object of its own. Such a concept leaves its family, and a
    family that a class names is none: it would be context for the others.
    """
    concepts = {concept.concept_id: concept for concept in vocabulary.concepts}
    owner = {word_key(word): concept.concept_id for concept in concepts.values() for word in _words(concept)}
    for class_name in sorted(class_names):  # of "fox" and "foxes" the first is the term, whatever the order given
        key = word_key(class_name)
        if not key:
            continue
        known = next((owner[form] for form in number_forms(key) if form in owner), None)
        if known is None:
            # One line for reports and prompts; the class name itself stays as it is elsewhere.
            added = Concept(
                concept_id=slug(class_name), term=" ".join(class_name.replace("_", " ").split()), kind="object"
            )
            concepts[added.concept_id] = added
            owner[key] = added.concept_id
        elif concepts[known].kind not in CORE_KINDS:
            concepts[known] = replace(concepts[known], kind="object")
    named = {form for class_name in class_names for form in number_forms(word_key(class_name))}
    families = [family for family in vocabulary.families if word_key(family.term) not in named]
    left = families_among(families, concepts.values())
    return _vocabulary(concepts.values(), vocabulary.templates, vocabulary.absent, left)


def concepts_of_classes(concepts: Sequence[Concept], class_names: Sequence[str]) -> tuple[int | None, ...]:
    """Position of the concept that each class's name is, if any."""
    owner = {word_key(word): idx for idx, concept in enumerate(concepts) for word in _words(concept)}
    return tuple(
        next((owner[form] for form in number_forms(word_key(name)) if form in owner), None) for name in class_names
    )


def find_concept(vocabulary: Vocabulary, name: str) -> Concept | None:
    """Return the concept that has this name as term or synonym, plurals included; None if there is none."""
    owner = {word_key(word): concept for concept in vocabulary.concepts for word in _words(concept)}
    return next((owner[form] for form in number_forms(word_key(name)) if form in owner), None)


def _words(concept: Concept) -> tuple[str, ...]:
    return (concept.term, *concept.synonyms)


def _vocabulary(
    concepts: Iterable[Concept],
    templates: Mapping[str, tuple[str, ...]],
    absent: Mapping[str, tuple[str, ...]],
    families: Iterable[Concept],
) -> Vocabulary:
    ordered = tuple(sorted(concepts, key=lambda concept: concept.concept_id))
    content = [
        [[concept.term, concept.kind, list(concept.synonyms)] for concept in ordered],
        sorted((kind, list(prompts)) for kind, prompts in templates.items()),
        sorted((kind, list(prompts)) for kind, prompts in absent.items()),
    ]
    together = tuple(sorted(families, key=lambda family: family.concept_id))
    if together:  # a vocabulary without any has the digest that it had before there were families
        content.append([[family.term, family.kind, list(family.members)] for family in together])
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return Vocabulary(ordered, dict(templates), dict(absent), digest, together)


class _Reader:
    """Checks a parsed file and builds the records; every message says where."""

    def __init__(self, name: str, lines: LineIndex, family_lines: LineIndex) -> None:
        self._name = name
        self._lines = lines
        self._family_lines = family_lines
        self._n_concepts = 0
        self._first_place: dict[str, tuple[str, int | None]] = {}

    def read(self, document: Mapping[str, Any]) -> Vocabulary:
        for key in document:
            if key not in _TOP_LEVEL_KEYS:
                self._fail(self._lines.top_level(key), _unknown("key", key, _TOP_LEVEL_KEYS))
        entries = document.get("concept", [])
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
            self._fail(self._lines.top_level("concept"), "no concepts; expected [[concept]] entries with term and kind")
        self._n_concepts = len(entries)
        templates = self._prompts(document, "templates")
        absent = self._prompts(document, "absent")
        concepts = [self._concept(position, entry) for position, entry in enumerate(entries)]
        return _vocabulary(concepts, templates, absent, self._families(document.get("family", []), concepts))

    def _families(self, entries: Any, concepts: Sequence[Concept]) -> list[Concept]:
        """The ``[[family]]`` entries: several concepts of one context kind that are one thing."""
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._fail(self._lines.top_level("family"), "expected [[family]] entries with term, kind and members")
        taken = {concept.concept_id: concept.term for concept in concepts}
        home: dict[str, str] = {}  # concept -> the family that it is in
        families: list[Concept] = []
        for position, entry in enumerate(entries):
            fail = partial(self._fail_family, position, len(entries))
            family = self._family(entry, concepts, fail)
            if family.concept_id in taken:
                clash = quote(taken[family.concept_id])
                fail(f"family {quote(family.term)} has the id of {clash}; give it another term", "term")
            taken[family.concept_id] = family.term
            for member in family.members:
                if home.setdefault(member, family.concept_id) != family.concept_id:
                    twice = f"{quote(taken[member])} is a member of {quote(taken[home[member]])} as well"
                    fail(f"{twice}; a concept is in one family at most", "members")
            families.append(family)
        return families

    def _family(self, entry: Mapping[str, Any], concepts: Sequence[Concept], fail: Callable[..., NoReturn]) -> Concept:
        for key in entry:
            if key not in _FAMILY_KEYS:
                fail(_unknown("key", key, _FAMILY_KEYS), key)
        for key in _FAMILY_KEYS:
            if key not in entry:
                fail(f"family without {key}; expected {', '.join(_FAMILY_KEYS)}")
        term, kind, names = (entry[key] for key in _FAMILY_KEYS)
        if not isinstance(term, str) or not word_key(term):
            fail(f"term is {quote(term)}; expected a word in quotes", "term")
        if kind not in _FAMILY_KINDS:
            fail(_unknown("kind of a family", str(kind), _FAMILY_KINDS), "kind")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            fail(f"members is {quote(names)}; expected a list of terms", "members")
        word_of = {word_key(word): concept for concept in concepts for word in _words(concept)}
        members: set[str] = set()
        for name in names:
            member = word_of.get(word_key(name))
            if member is None:
                fail(_unknown_member(name, concepts), "members", name)
            if member.kind != kind:
                fail(f"member {quote(name)} is of kind {member.kind}, its family of kind {kind}", "members", name)
            members.add(member.concept_id)
        if len(members) < 2:
            fail(f"family {quote(term)} has {len(members)} of at least 2 members", "members")
        named = word_of.get(word_key(term))
        if named is not None and named.concept_id not in members:
            fail(f"{quote(term)} is a concept that is no member of the family; give the family another term", "term")
        return Concept(f"family-{slug(term)}", " ".join(term.split()), kind, members=tuple(sorted(members)))

    def _fail_family(
        self, position: int, n_families: int, message: str, key: str | None = None, value: str | None = None
    ) -> NoReturn:
        line = self._family_lines.entry(position, n_families, key, value)
        place = f", family number {position + 1}" if line is None else f", line {line}"
        raise InputError(f"{self._name}{place}: {message}")

    def _concept(self, position: int, entry: Mapping[str, Any]) -> Concept:
        for key in entry:
            if key not in _CONCEPT_KEYS:
                self._fail(self._line(position, key), _unknown("key", key, _CONCEPT_KEYS), position)
        for key in ("term", "kind"):
            if key not in entry:
                self._fail(self._line(position), f"concept without {key}; expected term and kind", position)
        term = self._word(position, "term", entry["term"])
        kind = entry["kind"]
        if kind not in VOCABULARY_KINDS:
            self._fail(self._line(position, "kind"), _unknown("kind", str(kind), VOCABULARY_KINDS), position)
        synonyms = entry.get("synonyms", [])
        if not isinstance(synonyms, list):
            self._fail(self._line(position, "synonyms"), f"synonyms is {quote(synonyms)}; expected a list", position)
        words = tuple(self._word(position, "synonyms", synonym) for synonym in synonyms)
        return Concept(concept_id=slug(term), term=term, kind=kind, synonyms=words)

    def _word(self, position: int, key: str, raw: Any) -> str:
        """One term or synonym, checked to occur nowhere else."""
        line = self._line(position, key, raw if isinstance(raw, str) else None)
        if not isinstance(raw, str):
            self._fail(line, f"{key} holds {quote(raw)}; expected text in quotes", position)
        word = " ".join(raw.split())
        if not word_key(word):
            self._fail(line, f"blank {key.removesuffix('s')}; expected a word", position)
        first = self._first_place.get(word_key(word))
        if first is not None:
            where = f" on line {first[1]}" if first[1] is not None else ""
            self._fail(line, f"{quote(word)} is given twice, first as {quote(first[0])}{where}; drop one", position)
        self._first_place[word_key(word)] = (word, line)
        return word

    def _prompts(self, document: Mapping[str, Any], table: str) -> dict[str, tuple[str, ...]]:
        """The ``[templates]`` or ``[absent]`` table: kind to one or several prompts."""
        by_kind = document.get(table, {})
        if not isinstance(by_kind, dict):
            self._fail(self._lines.top_level(table), f"{table} is {quote(by_kind)}; expected a table [{table}]")
        prompts: dict[str, tuple[str, ...]] = {}
        for kind, raw in by_kind.items():
            line = self._lines.table(table, kind)
            if kind not in VOCABULARY_KINDS:
                self._fail(line, _unknown("kind", kind, VOCABULARY_KINDS))
            if not isinstance(raw, list) or not raw:
                self._fail(line, f"{table}.{kind} is {quote(raw)}; expected a list of prompts")
            for prompt in raw:
                line = self._lines.table(table, kind, prompt if isinstance(prompt, str) else None)
                if not isinstance(prompt, str) or not prompt.strip():
                    self._fail(line, f"{table}.{kind} holds {quote(prompt)}; expected a prompt in quotes")
                if ("{}" in prompt) != (table == "templates"):
                    wanted = "a template with {} for the term" if table == "templates" else "a whole prompt without {}"
                    self._fail(line, f"{table}.{kind} holds {quote(prompt)}; expected {wanted}")
            prompts[kind] = tuple(raw)
        return prompts

    def _line(self, position: int, key: str | None = None, value: str | None = None) -> int | None:
        return self._lines.entry(position, self._n_concepts, key, value)

    def _fail(self, line: int | None, message: str, position: int | None = None) -> NoReturn:
        if line is not None:
            place = f", line {line}"
        else:
            place = f", concept number {position + 1}" if position is not None else ""
        raise InputError(f"{self._name}{place}: {message}")


def _unknown(what: str, found: str, valid: Iterable[str]) -> str:
    valid = list(valid)
    close = nearest(found, valid)
    hint = f"; nearest is {quote(close)}" if close else ""
    return f"unknown {what} {quote(found)}{hint}; expected one of {', '.join(valid)}"


def _unknown_member(name: str, concepts: Iterable[Concept]) -> str:
    close = nearest(name, [concept.term for concept in concepts])
    hint = f"; did you mean {quote(close)}?" if close else ""
    return f"member {quote(name)} is no concept of this vocabulary{hint}"
