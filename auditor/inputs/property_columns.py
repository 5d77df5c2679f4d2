"""Measured properties as columns: levels of sharpness, brightness, JPEG quality … beside what the manifest says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.inputs.attributes import MIN_PICTURES, KnownAttributes, concept_id_of, kappa_of_codes, known_attributes
from auditor.properties.measure import PROPERTIES, Property, Value
from auditor.records import PROPERTY_PREFIX, Concept, ImageItem, IntArray
from auditor.rules import LABEL_COPY_KAPPA, PRESENT
from auditor.wording import first_of, quote

#: Digits of a number in a level's name: "sharpness < 0.0213".
_DIGITS = 3
#: Copies of the label that the notice names.
_NAMED = 5
#: Part of a class at either end of its values that may lie outside its range.
_STRAY = 0.0025


_COPIES = "a class has a level of its own, so nothing tells it from the label; properties = false leaves all out"


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredColumns:
    """Items with what was measured of them, the columns that this makes, and what the reader must be told."""

    items: tuple[ImageItem, ...]
    names: tuple[str, ...]  # of the columns that are examined
    attributes: KnownAttributes
    notices: tuple[str, ...]


def property_columns(
    items: Sequence[ImageItem], values: Mapping[str, Mapping[str, Value]], label_idx: IntArray
) -> MeasuredColumns:
    """Levels of every property as concepts, a number in ranges (heaps or quartiles), a name as it is.

    Args:
        items: The N pictures.
        values: By image_id, what was measured; pictures that could not be read have nothing.
        label_idx: (N,) class of the label, -1 for none.

    Returns:
        A property that all pictures have alike, or too few have, is no column. One that copies the label is a finding
        about the data, and a notice.
    """
    asked = [p for p in PROPERTIES if p.examined]
    shown = [
        replace(item, attributes={p.words: _text(of[p.name]) for p in asked if p.name in of})
        for item, of in ((item, values.get(item.image_id, {})) for item in items)
    ]
    found = known_attributes(shown, [p.words for p in asked], (), label_idx)
    column = {p.words: PROPERTY_PREFIX + p.name for p in asked}
    copied = _copied(found, label_idx)
    kept = [a for a in range(len(found.concepts)) if a not in copied]
    ranges = _copied_ranges(asked, [values.get(item.image_id, {}) for item in items], label_idx)
    told = [(found.concepts[a].column or "", found.concepts[a].term, c) for a, c in copied.items()]
    known = {(words, c) for words, _, c in told}
    told += [one for one in ranges if (one[0], one[2]) not in known]
    of_label = {words for words, _, _ in told}
    columns = tuple(
        replace(
            one,
            attribute=column[one.attribute],
            state="follows_label" if one.attribute in of_label else one.state,
            reason=_COPIES if one.attribute in of_label else one.reason,
        )
        for one in found.columns
    )
    concepts = tuple(_renamed(found.concepts[a], column[found.concepts[a].column or ""]) for a in kept)
    examined = [one for one in columns if one.state in ("examined", "follows_label")]
    names = tuple(one.attribute for one in examined)
    words = {column[p.words]: p.words for p in asked}
    with_values = []
    for item, one in zip(items, shown, strict=True):
        said = {name: one.attributes[words[name]] for name in names if words[name] in one.attributes}
        with_values.append(replace(item, attributes={**item.attributes, **said}))
    attributes = KnownAttributes(tuple(examined), concepts, found.presence[:, kept], {})
    copies = [(term, items[int(np.argmax(label_idx == c))].label or "") for _, term, c in told]
    return MeasuredColumns(tuple(with_values), names, attributes, _label_copies(copies))


def joined(manifest: KnownAttributes, measured: KnownAttributes) -> KnownAttributes:
    """Columns of the manifest, then those that were measured."""
    return KnownAttributes(
        (*manifest.columns, *measured.columns),
        (*manifest.concepts, *measured.concepts),
        np.hstack([manifest.presence, measured.presence]),
        manifest.same_as,
    )


def _text(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.{_DIGITS}g}" if value % 1 else f"{value:.0f}"


def _renamed(concept: Concept, column: str) -> Concept:
    return replace(concept, column=column, concept_id=concept_id_of(column, concept.term))


def _copied(found: KnownAttributes, label_idx: IntArray) -> dict[int, int]:
    """Levels that nearly every picture of one class has and hardly one of the others: concept -> class."""
    copied: dict[int, int] = {}
    for a in range(len(found.concepts)):
        known = np.isfinite(found.presence[:, a]) & (label_idx >= 0)
        there, labels = found.presence[known, a] > PRESENT, label_idx[known]
        for c in np.unique(labels[there]).tolist():
            if kappa_of_codes(there.astype(np.int64), (labels == c).astype(np.int64)) >= LABEL_COPY_KAPPA:
                copied[a] = c
    return copied


def _copied_ranges(
    asked: Sequence[Property], measured: Sequence[Mapping[str, Value]], label_idx: IntArray
) -> list[tuple[str, str, int]]:
    """Numbers that a class has and hardly a picture of the others, whatever the quartiles: (words, range, class)."""
    copied = []
    for one in asked:
        numbers = [of.get(one.name) for of in measured]
        x = np.array([value if isinstance(value, float) else np.nan for value in numbers])
        known = np.isfinite(x) & (label_idx >= 0)
        x, labels = x[known], label_idx[known]
        for c in np.flatnonzero(np.bincount(labels) >= MIN_PICTURES).tolist() if np.unique(x).size > 1 else ():
            low, high = np.quantile(x[labels == c], [_STRAY, 1 - _STRAY], method="inverted_cdf").tolist()
            inside = (x >= low) & (x <= high)
            if kappa_of_codes(inside.astype(np.int64), (labels == c).astype(np.int64)) >= LABEL_COPY_KAPPA:
                same = _text(low) == _text(high)
                term = f"{one.words} = {_text(low)}" if same else f"{_text(low)} ≤ {one.words} ≤ {_text(high)}"
                copied.append((one.words, term, c))
    return copied


def _label_copies(told: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What the reader must know of levels, each with the class that it stands for."""
    if not told:
        return ()
    named = first_of([f"{quote(term)} is {quote(label)}" for term, label in told], _NAMED, between="; ")
    return (
        f"what was measured of the pictures copies the label: {named}; the data cannot show whether the model "
        "tells a class by that, as no picture breaks it: make such pictures, or edit these",
    )
