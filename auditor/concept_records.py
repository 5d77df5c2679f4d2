"""Records besides the findings: what the manifest knows, what of it is core, what breaks it, and which are copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: ``examined``: its values are concepts like those of the vocabulary. ``follows_label``: examined as well, but every
#: class has one value only, so that nothing tells it from the label. ``core``: its values name classes or objects and
#: copy the label. The others are not examined: one value only, too many values, no value in enough pictures, excluded
#: by the settings.
AttributeState = Literal["examined", "follows_label", "core", "constant", "many_values", "too_few", "excluded"]
#: Why a class may rest on a concept.
CoreReason = Literal["class name", "kind of the class", "settings"]
#: ``proven``: the class relies on it. ``open``: reliance could neither be shown nor excluded.
CounterexampleState = Literal["proven", "open"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column that says something of the pictures, and whether it was examined.

    Columns are the manifest's, or measured of the pictures: those begin with ``auditor.records.PROPERTY_PREFIX``.
    """

    attribute: str
    state: AttributeState
    n_values: int
    n_images: int  # pictures with a value
    reason: str  # one line for the reader


@dataclass(frozen=True, slots=True)
class AttributeConcept:
    """A value (or range of values) of an examined column as a concept.

    ``same_as`` is the concept of the vocabulary that has its name, ``agreement`` Cohen's kappa between what the
    manifest says and what the encoder sees of it; None without one.
    """

    concept_id: str
    concept: str
    attribute: str
    n_images: int  # pictures that have it
    n_known: int  # pictures whose value is known
    same_as: str | None = None
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class ConceptFamily:
    """Several concepts of the vocabulary that are one thing; ``kappa`` is that of presence told twice, if it was."""

    concept_id: str
    concept: str
    concept_kind: str
    members: tuple[str, ...]  # concept_id
    kappa: float | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A picture that another one equals, or nearly equals; pictures of one ``copy_group`` are one witness.

    ``same_content_as`` is the first picture with the same bytes, which may be itself.
    """

    image_id: str
    copy_group: int
    same_content_as: str
    label: str | None
    counted: bool  # False: the same bytes count under this label already


@dataclass(frozen=True, slots=True)
class CoreConcept:
    """A concept that a class may rest on although its kind is context, and what would have let it through a screen."""

    class_idx: int
    class_name: str
    concept_id: str
    concept: str
    concept_kind: str
    reason: CoreReason
    by_words: bool  # E1 would have let it through
    by_data: bool  # E2 would have
    why: str | None = None  # what the settings say; None for a name, and in an audit of an older schema
    who: str | None = None
    expires: str | None = None  # last day, as ISO says it
    by_gap: bool | None = None  # a notable gap would have let it through; None in an audit of an older schema


@dataclass(frozen=True, slots=True)
class Counterexample:
    """One arm of the table class x concept: pictures with (or without) it, what became of them, and what is missing.

    Rates, their intervals and what the model made of pictures are None where they were not measured.
    ``n_missing`` and ``n_others_missing`` are the pictures of this sort, of the class and of the other classes, that
    are missing to show a reliance of 20 points or to exclude one of 10, each with a chance of 80 %.
    """

    class_idx: int
    class_name: str
    concept_id: str
    concept: str
    concept_kind: str
    state: CounterexampleState
    present: bool
    n: int  # pictures of the class
    n_correct: int | None
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    n_missing: int | None
    n_others: int  # pictures of the other classes
    n_others_called: int | None  # of these, called the class
    n_others_missing: int | None
    #: What breaks the shortcut: of the class without the concept, mistakes first; of the others with it, called first.
    #: Of what harms the class: its own with the concept, mistakes first, and its own without it, recognised first.
    image_ids: tuple[str, ...] = ()
    rule_id: str | None = None  # that decided the state, or would; None in an audit of an older schema
