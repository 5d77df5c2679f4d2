"""Measured properties as columns: levels of sharpness, brightness, JPEG quality … beside what the manifest says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.concept_records import Attribute
from auditor.inputs.attributes import KnownAttributes, concept_id_of, known_attributes
from auditor.properties.measure import PROPERTIES, Value
from auditor.records import PROPERTY_PREFIX, Concept, ImageItem, IntArray
from auditor.wording import quote_list

#: Digits of a number in a level's name: "sharpness < 0.0213".
_DIGITS = 3


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
    """Levels of every property as concepts, a number in ranges between its quartiles, a name as it is.

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
    columns = tuple(replace(one, attribute=column[one.attribute]) for one in found.columns)
    concepts = tuple(_renamed(one, column[one.column or ""]) for one in found.concepts)
    examined = [one for one in columns if one.state in ("examined", "follows_label")]
    names = tuple(one.attribute for one in examined)
    words = {column[p.words]: p.words for p in asked}
    with_values = []
    for item, one in zip(items, shown, strict=True):
        said = {name: one.attributes[words[name]] for name in names if words[name] in one.attributes}
        with_values.append(replace(item, attributes={**item.attributes, **said}))
    attributes = KnownAttributes(tuple(examined), concepts, found.presence, {})
    return MeasuredColumns(tuple(with_values), names, attributes, _label_copies(examined, words))


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


def _label_copies(columns: Sequence[Attribute], words: Mapping[str, str]) -> tuple[str, ...]:
    copies = [words[one.attribute] for one in columns if one.state == "follows_label"]
    if not copies:
        return ()
    what = "this property of the pictures copies" if len(copies) == 1 else "these properties of the pictures copy"
    return (
        f"{what} the label: {quote_list(copies)}; every class has a level of its own, so the data cannot show whether "
        "the model tells the classes by that",
    )
