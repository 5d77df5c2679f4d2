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
#: ``learnt``: a concept like the columns. The others are not examined: a column of the manifest says it, fewer than ten
#: pictures of a side, the same pictures given as both, an encoder that shows no features, yes and no that only tell
#: classes apart, a probe that tells unseen examples no better than chance, or not surely enough (kappa).
ExampleState = Literal[
    "learnt", "column", "too_few", "alike", "no_features", "follows_class", "at_chance", "not_measurable"
]
#: ``proven``: the class relies on it. ``open``: reliance could neither be shown nor excluded.
CounterexampleState = Literal["proven", "open"]
#: ``open``: a lead. ``excluded``: nothing is called the class for having the place, so that it is none.
PlaceState = Literal["proven", "open", "excluded"]


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
class ExampleConcept:
    """A concept that the settings give by examples: whether it was learnt, and how well unseen examples are told.

    ``auc`` and ``kappa`` are those of examples that the probe had not seen, the former within classes where the
    examples' classes are known; None where no probe was fitted. ``n_left_out`` counts what was unreadable, given twice
    or as both, or of a class with pictures of one side alone.
    """

    concept_id: str
    concept: str
    concept_kind: str
    state: ExampleState
    reason: str  # one line for the reader; empty where it was learnt
    n_yes: int
    n_no: int
    n_left_out: int
    same_as: str | None = None  # concept_id of the word of its name
    n_classes: int = 0  # classes of the examples with pictures of both sides; 0 where they are not known
    n_in_audit: int = 0  # examples among the audited pictures, which are in neither arm of it
    auc: float | None = None
    kappa: float | None = None


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
class FixedPlace:
    """A place of its pictures that a class's evidence lies at, and whether it decides the class.

    ``share`` is the mean part of a picture's evidence that lies there, ``p`` that its mirror images would hold as much.
    """

    class_idx: int
    class_name: str
    concept_id: str
    concept: str
    state: PlaceState
    share: float
    share_elsewhere: float  # in the other classes
    p: float
    n_images: int  # pictures of the class whose map is known
    n_showing: int  # of these, those that show it
    image_ids: tuple[str, ...]  # those that show it most
    sentence: str


@dataclass(frozen=True, slots=True)
class UnnamedLead:
    """Two halves of a class's pictures that the model treats differently, and that no word or column tells apart.

    They were learnt on other pictures of the class than those that are counted. ``gap`` is the first half's recall less
    the second's.
    """

    class_idx: int
    class_name: str
    n_first: int
    n_first_correct: int
    n_second: int
    n_second_correct: int
    gap: float
    low: float
    high: float
    first_ids: tuple[str, ...]  # pictures that are the farthest on its side
    second_ids: tuple[str, ...]
    sentence: str


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


@dataclass(frozen=True, slots=True)
class UnboundedGap:
    """A gap of a class that is not shown to be clean which may be as large as the tolerance, and what would exclude it.

    ``n_missing_with`` and ``n_missing_without`` exclude the tolerance with a chance of 80 % where there is no gap; None
    where no number would, both 0 where what was seen lies too near the tolerance.
    """

    class_idx: int
    class_name: str
    concept_id: str
    concept: str
    concept_kind: str
    by_others: bool  # pictures of other classes leave it open (pull), else the class's own (recall)
    bound: float  # the largest gap that is not excluded
    n_with: int
    n_without: int
    n_missing_with: int | None
    n_missing_without: int | None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two words that exclude each other, in how many pictures each is said to be, and in how many both."""

    first: str
    second: str
    n_first: int
    n_second: int
    n_both: int


@dataclass(frozen=True, slots=True)
class ClassFit:
    """How many context words tell a class from the others, and whether words say something of it all the same."""

    class_idx: int
    class_name: str
    n_words: int
    n_copies: int
    tells_context: bool


@dataclass(frozen=True, slots=True)
class EncoderFit:
    """How far the encoder's words can be trusted on these pictures.

    Attributes:
        n_pictures: Labelled pictures.
        n_recognised: Of them those that are most like the prompts of their own class's name (zero-shot).
        n_words: Context words whose presence is measured; no columns, no families.
        n_copies: For every class how many of these words tell it from the others, as surely as by the rules.
        tells_context: For every class whether words say something of it: not where too many of them tell it.
        kappa: Median kappa of presence told twice over the context words; NaN where none was told twice.
        n_doubted: Context words that are not measured, as two halves of the prompts disagree.
        contradictions: Pairs that both were said of some pictures, the most pictures first.
    """

    n_pictures: int
    n_recognised: int
    n_words: int
    n_copies: tuple[int, ...]
    tells_context: tuple[bool, ...]
    kappa: float
    n_doubted: int
    contradictions: tuple[Contradiction, ...]

    @property
    def zero_shot(self) -> float:
        """Share of the labelled pictures that the encoder recognises by the names of the classes; 0 without any."""
        return self.n_recognised / self.n_pictures if self.n_pictures else 0.0

    def of_class(self, class_idx: int, class_name: str) -> ClassFit:
        """What is known of a class."""
        return ClassFit(class_idx, class_name, self.n_words, self.n_copies[class_idx], self.tells_context[class_idx])
