"""Concepts by example: pictures that show a thing and pictures that do not, named in the settings.

What words cannot tell ("our old scanner's grain") a few pictures can. They are read as pictures and as nothing else:
settings may come with a checkout.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from auditor.concept_records import ExampleConcept, ExampleState
from auditor.config import ExampleSettings
from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.attributes import concept_id_of
from auditor.inputs.class_folders import pictures_below
from auditor.inputs.contents import read_contents
from auditor.inputs.manifest import Confinement, read_manifest
from auditor.inputs.one_spelling import tidy
from auditor.inputs.words import number_forms, word_key
from auditor.records import ATTRIBUTE_KIND, BoolArray, Concept, FloatArray
from auditor.rules import MIN_EXAMPLES
from auditor.wording import plain, quote, quote_path

#: Pictures of a side. Whoever names the folder of a whole data set did not choose examples.
MOST_EXAMPLES = 1000
#: How a concept that was learnt from examples is told from a word of the same name.
BY_EXAMPLE = "by example"


@dataclass(frozen=True, slots=True)
class Example:
    """One picture that was given; ``content`` is the sha256 of its bytes, None where it cannot be read."""

    path: Path
    content: str | None
    label: str | None  # of the audit's labels, where its folder or its list says so
    group: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ExampleSet:
    """What the settings give for one concept, and why nothing can be learnt from it, where that shows at once."""

    concept: Concept
    same_as: str | None  # concept_id of the word of its name
    examples: tuple[Example, ...]  # readable, each content once, yes and no by path
    yes: BoolArray  # (n,) whether each shows it
    n_left_out: int  # unreadable, given twice, or given as both
    state: ExampleState | None = None
    reason: str = ""

    def only(self, kept: BoolArray) -> ExampleSet:
        """The examples (n,) that count; the others are left out."""
        examples = tuple(picture for picture, left in zip(self.examples, kept, strict=True) if left)
        n_left_out = self.n_left_out + len(self.examples) - len(examples)
        return replace(self, examples=examples, yes=self.yes[kept], n_left_out=n_left_out)

    def refused(self, state: ExampleState, reason: str) -> ExampleSet:
        """The same, of which no concept is made."""
        return replace(self, state=state, reason=reason)

    def checked(self, *, n_alike: int = 0) -> ExampleSet:
        """The same, refused where too few pictures are left of either side; ``n_alike`` were given as both."""
        n_yes, n_no = int(self.yes.sum()), int((~self.yes).sum())
        if self.state is not None or min(n_yes, n_no) >= MIN_EXAMPLES:
            return self
        left = f"{n_yes} pictures with it and {n_no} without it can be used, {MIN_EXAMPLES} of each are needed"
        if n_alike:
            return self.refused("alike", f"{left}; {counted(n_alike, 'picture')} were given as both")
        return self.refused("too_few", left)


@dataclass(frozen=True, slots=True, eq=False)
class TaughtConcepts:
    """Concepts that were learnt from examples, and what became of those that could not be.

    Their presence is NaN in a picture that is an example itself: the probe has seen it.
    """

    concepts: tuple[Concept, ...]  # E
    presence: FloatArray  # (N that could be read, E)
    kappa: FloatArray  # (E,) of what examples that the probe has not seen are told, and what they show
    same_as: Mapping[str, str]  # concept_id -> concept_id of the word of its name
    records: tuple[ExampleConcept, ...] = ()  # of all that the settings name
    notices: tuple[str, ...] = ()

    @classmethod
    def none(cls, n_images: int) -> TaughtConcepts:
        """Of an audit that is given no examples."""
        return cls((), np.zeros((n_images, 0), np.float32), np.zeros(0, np.float32), {})


def load_examples(
    settings: Mapping[str, ExampleSettings],
    *,
    vocabulary: Sequence[Concept],
    labels: Collection[str],
    attributes: Sequence[Concept],
    attribute_same_as: Mapping[str, str],
    memory: Path | None = None,
) -> tuple[ExampleSet, ...]:
    """Find the pictures that the settings name, and what rules a concept out before a model is asked.

    Args:
        settings: By name, the tables ``[concepts.NAME]``.
        vocabulary: Its concepts, class names among them.
        labels: Of the data set: a folder or a list that names one of them says what class an example is of.
        attributes: The columns of the manifest as concepts.
        attribute_same_as: Which of them have the name of a word.
        memory: As for :func:`auditor.inputs.dataset.load_dataset`.

    Raises:
        InputError: a folder or list that is not there or names no picture, too many pictures, a name given twice.
    """
    words = {word_key(word): concept for concept in vocabulary for word in (concept.term, *concept.synonyms)}
    known = {target: concept.term for concept in attributes if (target := attribute_same_as.get(concept.concept_id))}
    columns = {word_key(concept.column or ""): concept.term for concept in attributes}
    columns |= {word_key(concept.term.rpartition(" = ")[2]): concept.term for concept in attributes}
    found: list[ExampleSet] = []
    for name, given in sorted(settings.items()):
        table, term = f"[concepts.{plain(name, 40)}]", " ".join((given.term or name).replace("_", " ").split())
        if not term:
            raise InputError(f'{table} has no name; give it one, such as term = "snow"')
        twin = next((words[form] for form in number_forms(word_key(term)) if form in words), None)
        concept = Concept(
            concept_id=concept_id_of(BY_EXAMPLE, term),
            term=f"{term} {BY_EXAMPLE}",
            kind=given.kind or (twin.kind if twin else ATTRIBUTE_KIND),
            column=term,
            by_example=True,
        )
        if any(other.concept.concept_id == concept.concept_id for other in found):
            raise InputError(f"{table}: another entry has the term {quote(term)} too; give it another term")
        one = _read_set(table, given, concept, twin.concept_id if twin else None, labels, memory)
        column = (known.get(twin.concept_id) if twin else None) or columns.get(word_key(term))
        if column is not None:
            reason = f"the manifest's {quote(column)} says it, and exactly; the examples are not used"
            one = one.refused("column", reason)
        found.append(one)
    return tuple(found)


def digest_with_examples(vocabulary_digest: str, sets: Sequence[ExampleSet]) -> str:
    """sha256 over the vocabulary and, beside it, what the concepts are called and what is in every example.

    Where examples lie does not count, and without any it is the vocabulary's own.
    """
    if not sets:
        return vocabulary_digest
    facts = [
        [
            [one.concept.term, one.concept.kind],
            sorted(
                [picture.content or "", str(yes), picture.label or "", picture.group or ""]
                for picture, yes in zip(one.examples, one.yes, strict=True)
            ),
        ]
        for one in sets
    ]
    return hashlib.sha256(json.dumps([vocabulary_digest, facts]).encode()).hexdigest()


def _read_set(
    table: str,
    given: ExampleSettings,
    concept: Concept,
    same_as: str | None,
    labels: Collection[str],
    memory: Path | None,
) -> ExampleSet:
    sides = [
        list(_pictures(path, f"{table} {side}", labels, memory))
        for side, path in (("yes", given.yes), ("no", given.no))
    ]
    with_it, without_it = ({one.content for one in side if one.content is not None} for side in sides)
    both = with_it & without_it
    kept: list[Example] = []
    yes: list[bool] = []
    for shows, side in zip((True, False), sides, strict=True):
        seen: set[str] = set()
        for one in side:
            if one.content is not None and one.content not in both and one.content not in seen:
                seen.add(one.content)
                kept.append(one)
                yes.append(shows)
    n_given = sum(map(len, sides))
    found = ExampleSet(concept, same_as, tuple(kept), np.array(yes, np.bool_), n_given - len(kept))
    return found.checked(n_alike=len(both))


def _pictures(path: Path, what: str, labels: Collection[str], memory: Path | None) -> Iterator[Example]:
    """The pictures of a folder (whose folders may be classes) or of a list, by path."""
    listed: list[tuple[str, str | None, str | None]]  # path, label, group
    others: list[str] = []  # files that are no pictures, and are counted as unreadable
    if path.is_dir():
        root, pictures = path, _below(path, others)
        listed = [(one, tidy(one.partition("/")[0]) if "/" in one else None, None) for one in pictures]
    elif path.is_file():
        root = path.parent
        manifest = read_manifest(path, needs_label=False)
        manifest.problems.refuse(manifest.what)
        listed = [(one.path, one.label, one.group_id) for one in manifest.items]
    else:
        raise InputError(
            f"{what}: {quote_path(path)} not found; expected a folder of pictures, or a list with the column path "
            "(.csv, .tsv, .jsonl, .parquet)"
        )
    if not listed:
        raise InputError(f"{what}: no pictures in {quote_path(path)}; expected {MIN_EXAMPLES} to 40")
    if len(listed) > MOST_EXAMPLES:
        raise InputError(
            f"{what}: {len(listed):,} pictures in {quote_path(path)}; {MIN_EXAMPLES} to 40 are meant, and at most "
            f"{MOST_EXAMPLES:,} are taken"
        )
    contents = read_contents(root.resolve(), [one for one, _, _ in listed], memory=memory)
    for one, label, group in sorted(listed):
        yield Example(root / one, contents[one], label if label in labels else None, group)
    for one in others:
        yield Example(root / one, None, None, None)


def _below(folder: Path, others: list[str]) -> Iterator[str]:
    confinement = Confinement(folder)
    for relative_path in pictures_below(folder, ".", others):
        inside = relative_path.removeprefix("./")
        if not confinement.holds(inside):
            raise InputError(
                f"picture {quote(inside)} is a link out of folder {quote_path(folder)}; put the file there"
            )
        yield inside
