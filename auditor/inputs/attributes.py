"""Known attributes: the columns of a manifest as concepts beside those of the vocabulary, exact where known."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.concept_records import Attribute, AttributeState
from auditor.errors import InputError
from auditor.figures import coefficient
from auditor.inputs.heaps import heap_edge
from auditor.inputs.vocabulary import concepts_of_classes
from auditor.inputs.words import number_forms, word_key
from auditor.records import ATTRIBUTE_KIND, Concept, FloatArray, ImageItem, IntArray
from auditor.rules import LABEL_COPY_KAPPA
from auditor.wording import nearest, quote, quote_list

#: More values than this and a column is no category.
MAX_VALUES = 20
#: Numbers of up to so many values are categories (a rating, a flag); with more they fall into ranges.
_FEW_NUMBERS = 6
#: Ranges of a number, each of at least so many pictures.
_RANGES, _PICTURES_PER_RANGE = 4, 20
#: A value in fewer pictures can fill no arm.
MIN_PICTURES = 10
#: A column of such values alone says whether what it is named after is there: "flower = yes".
_YES = frozenset(["1", "1.0", "true", "yes", "y", "t", "present"])
_NO = frozenset(["0", "0.0", "false", "no", "n", "f", "absent"])
_READABLE_CHARS = 40
_NAMED = 3  # values that a reason names


@dataclass(frozen=True, slots=True, eq=False)
class KnownAttributes:
    """Columns with their states, and the concepts that the values of the examined ones are."""

    columns: tuple[Attribute, ...]
    concepts: tuple[Concept, ...]  # A, by column and value
    presence: FloatArray  # (N, A): 1, 0, NaN where the value is missing
    same_as: Mapping[str, str]  # concept_id -> concept_id of the concept of the vocabulary that it names


@dataclass(frozen=True, slots=True, eq=False)
class _Values:
    """Candidates for concepts in one column: what they are called, what they say, and in which pictures they are."""

    terms: tuple[str, ...]
    words: tuple[str, ...]  # the values themselves; none for ranges
    code: IntArray  # (N,) position of the value, -1 where it is missing

    @property
    def is_flag(self) -> bool:
        """Whether the values say yes and no."""
        return bool(self.words) and {word.casefold() for word in self.words} <= _YES | _NO


def known_attributes(
    items: Sequence[ImageItem],
    names: Sequence[str],
    vocabulary: Sequence[Concept],
    label_idx: IntArray,
    *,
    class_names: Sequence[str] = (),
    include: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
) -> KnownAttributes:
    """Decide for every column whether it is examined, and turn its values into concepts.

    A category is one concept a value, a number one a range (two heaps, or between quartiles). Values that name a class
    or another core concept, in any spelling, are core and become none where their column copies the label; else they
    are context, as "texture = cat" is of a picture of an elephant, and not the same as the object of their name. A flag
    that is named after a class or object says that the object is there, and is core.

    Args:
        items: The N pictures.
        names: The columns.
        vocabulary: Concepts of the vocabulary, class names among them.
        label_idx: (N,) class of the label, -1 for none.
        class_names: The classes, to tell which of them a value names.
        include: Only these columns; None for all.
        exclude: All but these.

    Raises:
        InputError: a column that is asked for is not there; names the nearest.
    """
    for asked in (*(include or ()), *exclude):
        if asked not in names:
            raise InputError(_unknown_column(asked, names))
    owner = {word_key(word): concept for concept in vocabulary for word in (concept.term, *concept.synonyms)}
    classes_of: dict[str, set[int]] = {}
    for c, position in enumerate(concepts_of_classes(vocabulary, class_names)):
        if position is not None:
            classes_of.setdefault(vocabulary[position].concept_id, set()).add(c)
    columns: list[Attribute] = []
    concepts: list[Concept] = []
    presence: list[FloatArray] = []
    same_as: dict[str, str] = {}
    for name in names:
        raw = [item.attributes.get(name) for item in items]
        counts = Counter(value for value in raw if value is not None)
        if name in exclude or (include is not None and name not in include):
            reason = "left out by the settings ([attributes])"
            columns.append(Attribute(name, "excluded", len(counts), sum(counts.values()), reason))
            continue
        found = _values_of(name, raw, counts)
        if isinstance(found, Attribute):
            columns.append(found)
            continue
        meant = _meant(name, found, owner)
        state, reason, usable = _examined(found, meant, label_idx, classes_of)
        columns.append(Attribute(name, state, len(counts), sum(counts.values()), reason))
        for i in usable:
            term, named = found.terms[i], meant[i]
            concepts.append(Concept(concept_id_of(name, term), term, ATTRIBUTE_KIND, column=name))
            presence.append(np.where(found.code == -1, np.nan, found.code == i).astype(np.float32))
            if named is not None and named.is_context and not (found.is_flag and found.words[i].casefold() in _NO):
                same_as[concepts[-1].concept_id] = named.concept_id
    stacked = np.stack(presence, axis=1) if presence else np.zeros((len(items), 0), np.float32)
    return KnownAttributes(tuple(columns), tuple(concepts), stacked, same_as)


def _unknown_column(asked: str, names: Sequence[str]) -> str:
    close = nearest(asked, names)
    hint = f"; did you mean {quote(close)}?" if close else ""
    return f"[attributes] names column {quote(asked)}, which the data do not have{hint}; columns: {quote_list(names)}"


def _examined(
    found: _Values, meant: Sequence[Concept | None], label_idx: IntArray, classes_of: Mapping[str, Collection[int]]
) -> tuple[AttributeState, str, list[int]]:
    """State of a column, the line that says why, and the values that become concepts."""
    naming = {i: concept for i, concept in enumerate(meant) if concept is not None and not concept.is_context}
    named = f"name classes or objects: {quote_list([found.terms[i] for i in naming], _NAMED)}"
    seen = (label_idx >= 0) & (found.code >= 0)
    values, labels = found.code[seen], label_idx[seen]
    core, why = list(naming), f"; core, since they {named}" if naming else ""
    if naming and not found.is_flag:
        classes = {i: classes_of.get(concept.concept_id, ()) for i, concept in naming.items()}
        kappa = _kappa_with_label(values, labels, {i: of for i, of in classes.items() if of})
        if kappa >= LABEL_COPY_KAPPA:
            named += f", and copy the label (kappa {coefficient(kappa)})"
            why = f"; core, since they {named}"
        else:
            core = []
            why = (
                f"; what names classes or objects ({quote_list([found.terms[i] for i in naming], _NAMED)}) is context, "
                f"as it does not copy the label (kappa {coefficient(kappa)}; if it is another label: [attributes] "
                "exclude)"
            )
    if len(core) == len(meant):
        return "core", f"its values {named}", []
    n_with = np.bincount(found.code[found.code >= 0], minlength=len(meant))
    n_without = n_with.sum() - n_with
    enough = np.flatnonzero((n_with >= MIN_PICTURES) & (n_without >= MIN_PICTURES))
    usable = [int(i) for i in enough if i not in core]
    if not usable:
        return "too_few", f"no value is in {MIN_PICTURES} pictures and missing from {MIN_PICTURES} others", []
    what = f"{len(meant)} {'values' if found.words else 'ranges'}{why}"
    pairs = set(zip(labels.tolist(), values.tolist(), strict=True))
    if pairs and len(pairs) == len({label for label, _ in pairs}):
        what += "; every class has one of them only, so nothing tells it from the label"
        return "follows_label", f"{what} (where it names the class: [attributes] exclude)", usable
    return "examined", what, usable


def _kappa_with_label(values: IntArray, labels: IntArray, classes: Mapping[int, Collection[int]]) -> float:
    """How far a column says what the label says, as Cohen's kappa; 0 where there is nothing to compare.

    Told in both directions, each by what is most frequent, the better counts: the label by the value ("mallard" is in
    ducks alone) and the value by the label (ducks are "bird"). Where a value names a class and another class has more
    of it, the names are compared as they stand: an elephant's texture on every cat copies no label.

    Args:
        values: (n,) position of the value.
        labels: (n,) class of the label.
        classes: Value -> the classes that it names.
    """
    if values.size == 0:
        return 0.0
    n_classes = 1 + max(int(labels.max()), *(max(of) for of in classes.values()), 0)
    counts = np.zeros((values.max() + 1, n_classes), dtype=np.int64)
    np.add.at(counts, (values, labels), 1)
    home, usual = counts.argmax(axis=1), counts.argmax(axis=0)
    named = {value: list(of) for value, of in classes.items() if value < len(counts)}
    if all(counts[value, of].max() == counts[value].max() for value, of in named.items()):
        return max(kappa_of_codes(home[values], labels), kappa_of_codes(values, usual[labels]))
    said = np.full(values.shape, -1)
    for value, of in named.items():
        rows = values == value
        said[rows] = np.where(np.isin(labels[rows], of), labels[rows], min(of))
    return kappa_of_codes(said, labels)


def kappa_of_codes(first: IntArray, second: IntArray) -> float:
    """(p_o - p_e) / (1 - p_e) of two codes of the same pictures; 0 where both say one thing only."""
    agreed = float((first == second).mean())
    chance = sum(float((first == code).mean() * (second == code).mean()) for code in np.unique(second))
    return (agreed - chance) / (1 - chance) if chance < 1 else 0.0


def _values_of(name: str, raw: Sequence[str | None], counts: Mapping[str, int]) -> _Values | Attribute:
    """Values of a column, or the named state that it is in without any."""
    known = sum(counts.values())
    if len(counts) < 2:
        what = f"one value, {quote(next(iter(counts)))}, in" if counts else "no value in any of"
        return Attribute(name, "constant", len(counts), known, f"{what} {known or len(raw):,} pictures")
    numbers = _numbers(counts)
    if numbers is not None and len(counts) > _FEW_NUMBERS:
        if len(counts) == known and all(number.is_integer() for number in numbers.values()):
            reason = f"another whole number in each of {known:,} pictures: an id"
            return Attribute(name, "many_values", len(counts), known, reason)
        return _ranges(name, raw, counts, numbers)
    if len(counts) > MAX_VALUES:
        reason = f"{len(counts):,} values in {known:,} pictures; a category has at most {MAX_VALUES}"
        return Attribute(name, "many_values", len(counts), known, reason)
    position = {value: i for i, value in enumerate(sorted(counts))}
    code = np.array([-1 if value is None else position[value] for value in raw], dtype=np.int64)
    return _Values(tuple(f"{name} = {value}" for value in position), tuple(position), code)


def _numbers(counts: Mapping[str, int]) -> dict[str, float] | None:
    """The values as finite numbers, None where one is none."""
    try:
        numbers = {value: float(value) for value in counts}
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers.values())) else None


def _ranges(
    name: str, raw: Sequence[str | None], counts: Mapping[str, int], numbers: Mapping[str, float]
) -> _Values | Attribute:
    """Ranges of a number, whose ends are values that occur: "age < 34", "34 ≤ age < 61", "age ≥ 61".

    They lie between its quartiles, or are the two heaps that its values fall into: a quartile would cut a heap in two,
    of which neither part is what makes the heap.
    """
    values = np.array([np.nan if value is None else numbers[value] for value in raw])
    known = np.sort(values[np.isfinite(values)])
    n_ranges = min(_RANGES, known.size // _PICTURES_PER_RANGE)
    if n_ranges < 2:
        reason = f"{known.size:,} numbers; two ranges need {2 * _PICTURES_PER_RANGE}"
        return Attribute(name, "too_few", len(counts), known.size, reason)
    edge = heap_edge(known)
    if edge is None:
        edges = np.unique(known[[i * known.size // n_ranges for i in range(1, n_ranges)]])
        edges = edges[edges > known[0]]  # nothing lies below the smallest
    else:
        edges = np.array([edge])
    if edges.size == 0:
        reason = f"more than half of {known.size:,} numbers are {known[0]:g}, and no range above has a quarter"
        return Attribute(name, "too_few", len(counts), known.size, reason)
    code = np.where(np.isfinite(values), np.searchsorted(edges, np.nan_to_num(values), side="right"), -1)
    shown = [f"{edge:.10g}" for edge in edges]
    between = [f"{low} ≤ {name} < {high}" for low, high in itertools.pairwise(shown)]
    terms = (f"{name} < {shown[0]}", *between, f"{name} ≥ {shown[-1]}")
    return _Values(terms, (), code.astype(np.int64))


def _meant(column: str, found: _Values, owner: Mapping[str, Concept]) -> list[Concept | None]:
    """The concept of the vocabulary that each value names: "light = dim" is dim or dim light, "flower = yes" flower."""

    def named(word: str) -> Concept | None:
        spellings = [column] if found.is_flag else [word, f"{word} {column}"]
        keys = (form for spelling in spellings for form in number_forms(word_key(spelling)))
        return next((owner[key] for key in keys if key in owner), None)

    return [named(word) for word in found.words] or [None] * len(found.terms)


def concept_id_of(column: str, term: str) -> str:
    """Readable and unique: values that differ in case or accents only stay apart."""
    folded = unicodedata.normalize("NFKD", term).encode("ascii", "ignore").decode().casefold()
    readable = "-".join(re.findall(r"[a-z0-9]+", folded))[:_READABLE_CHARS].strip("-")
    digest = hashlib.sha256(f"{column}\x00{term}".encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{readable}-{digest}" if readable else digest
