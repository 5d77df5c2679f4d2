"""Every record that crosses from one stage to the next: the standard library only, and NumPy for whoever checks types.

Sizes, everywhere: N images, C classes, K channels (inputs of the last linear layer), D encoder dimensions,
V concepts, H x W map. ``_idx`` is a position, ``_id`` a stable string, ``_share`` is at most 1.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float32]
    IntArray = NDArray[np.int64]
    BoolArray = NDArray[np.bool_]
    ByteArray = NDArray[np.uint8]
else:  # the gate is installed without NumPy, and reads no arrays (docs/decisions/0050-small-install.md)
    FloatArray = IntArray = BoolArray = ByteArray = Any

#: What stands for a file or folder wherever a user names one.
AnyPath = str | os.PathLike[str]
#: Called by stages with (stage, done, total).
Progress = Callable[[str, int, int], None]

CORE_KINDS = ("object", "part")
CONTEXT_KINDS = (
    "scene",
    "surface",
    "weather",
    "light",
    "artifact",
    "colour",
    "texture",
    "quality",
    "person",
    "context_object",
    "attribute",
    "place",
)
KINDS = CORE_KINDS + CONTEXT_KINDS
#: Kind of what a manifest says of its pictures; no vocabulary has it.
ATTRIBUTE_KIND = "attribute"
#: Before a measured property's name in that of its column: "property:sharpness".
PROPERTY_PREFIX = "property:"
#: Kind of a place that a class's evidence lies at, such as a corner; no vocabulary has it.
PLACE_KIND = "place"
#: Kinds that a vocabulary, or examples, may give to a concept.
VOCABULARY_KINDS = tuple(kind for kind in KINDS if kind not in (ATTRIBUTE_KIND, PLACE_KIND))

#: Worst first. "harmed": recognised less often with a concept, and because of it. "not_shown": nothing was shown, on
#: pictures that could not have shown enough.
VerdictName = Literal["flagged", "harmed", "suspect", "not_analysed", "not_shown", "clean"]
VERDICTS: tuple[VerdictName, ...] = get_args(VerdictName)
#: Verdicts that name what was found.
FOUND: tuple[VerdictName, ...] = ("flagged", "harmed", "suspect")
Severity = Literal["high", "medium", "low", "none"]


# --- inputs ----


@dataclass(frozen=True, slots=True)
class ImageItem:
    """One picture of the data set; ``path`` is relative to the data set's root, with forward slashes."""

    image_id: str
    path: str
    label: str | None
    split: str | None = None
    group_id: str | None = None
    mask_path: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The pictures in a fixed order (by path), the sorted labels found, and a digest of all of it.

    ``contents`` has the sha256 of every picture's and mask's bytes by path; None where the file cannot be used.
    ``notices`` say what was left out, or read otherwise than it was written.
    """

    root: Path
    source: Literal["folder", "manifest"]
    items: tuple[ImageItem, ...]
    labels: tuple[str, ...]
    attribute_names: tuple[str, ...]
    digest: str
    contents: Mapping[str, str | None] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


#: The stage of a failure that cost no picture, only its mask.
MASK_STAGE = "mask"


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that a stage could not use, and why: a picture, or the mask of one."""

    image_id: str
    path: str
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class Concept:
    """A term of the vocabulary; ``concept_id`` is the slug of ``term``, ``synonyms`` count as the same thing.

    A value of a manifest's column is a concept too: of kind "attribute", with the term "column = value", no synonyms
    and no words; ``column`` is None for all others. ``members`` are the ids of the concepts that it is made of, such as
    a family of words for one thing; empty for most. A concept that was learnt from examples (``by_example``) has no
    words either: it stands like a column of its own that has its name, but a probe says in which pictures it is.
    """

    concept_id: str
    term: str
    kind: str
    synonyms: tuple[str, ...] = ()
    column: str | None = None
    members: tuple[str, ...] = ()  # of a super-concept the concept_ids that it is made of
    by_example: bool = False

    @property
    def is_context(self) -> bool:
        """Whether a class's decision should not rest on it."""
        return self.kind in CONTEXT_KINDS

    @property
    def is_property(self) -> bool:
        """Whether it is a level of something that was measured of the picture, and not of what somebody wrote down."""
        return self.column is not None and self.column.startswith(PROPERTY_PREFIX)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Concepts, the prompt templates of each kind ("{}" is the term), and what absence of a kind reads like.

    ``families`` are concepts that are made of others: several words for one thing.
    """

    concepts: tuple[Concept, ...]
    templates: Mapping[str, tuple[str, ...]]
    absent: Mapping[str, tuple[str, ...]]
    digest: str
    families: tuple[Concept, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassMatch:
    """How labels of the data set meet outputs of the model.

    ``class_names`` has one name per output; ``label_to_class`` gives the output of every label of the data set.
    """

    class_names: tuple[str, ...]
    label_to_class: Mapping[str, int]
    how: Literal["name", "order", "class_map", "labels"]  # labels: there is no model
    warning: str | None = None


# --- textcam ----


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """The last linear layer: ``logits = activations @ weight.T + bias``.

    ``multi_label`` is set for sigmoid outputs. Else C is at least 2: one logit stands as two classes, -w/2 and w/2.
    """

    weight: FloatArray  # (C, K)
    bias: FloatArray  # (C,)
    multi_label: bool = False

    def __post_init__(self) -> None:
        least = 1 if self.multi_label else 2
        if self.weight.ndim != 2 or len(self.weight) < least or self.bias.shape != (self.weight.shape[0],):
            raise ValueError(
                f"head of weight {self.weight.shape} and bias {self.bias.shape}: expected (C >= {least}, K), (C,)"
            )


@dataclass(frozen=True, slots=True, eq=False)
class ActivationStats:
    """Class-balanced mean of every channel and mean absolute deviation from it."""

    mean: FloatArray  # (K,)
    mean_abs_deviation: FloatArray  # (K,)


@dataclass(frozen=True, slots=True, eq=False)
class ChannelWords:
    """What puts the channels of any picture into words."""

    directions: FloatArray  # (K, D), zero rows for constant channels
    stats: ActivationStats
    concept_rows: FloatArray  # (V, D)


@dataclass(frozen=True, slots=True, eq=False)
class Phrases:
    """Sparse non-negative description of B attribution vectors by V concepts."""

    weights: FloatArray  # (B, V), z of method.md, at most ``max_phrases`` non-zero per row
    shares: FloatArray  # (B, V), z_v d_v.T / |T|^2, at most 1
    residuals: FloatArray  # (B,), |T - Dz|^2 / |T|^2; 1 where T = 0


@dataclass(frozen=True, slots=True, eq=False)
class ChannelGroups:
    """FAISS clusters of channel directions: member of channel j is ``group_idx[j]`` (-1 for constant channels)."""

    group_idx: IntArray  # (K,)
    directions: FloatArray  # (G, D) unit rows


# --- evidence ----


def fingerprint(class_name: str, concept_id: str) -> str:
    """Key of a (class, concept) pair that stays the same from release to release."""
    return hashlib.sha256(f"{class_name}\x00{concept_id}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ClassConcept:
    """E1: mean share of a concept over the pictures predicted as the class, and over those of the other classes."""

    class_idx: int
    class_name: str
    concept_id: str
    concept: str
    concept_kind: str
    share: float
    share_low: float
    share_high: float
    share_elsewhere: float
    lift: float
    n_images: int


@dataclass(frozen=True, slots=True)
class Subgroup:
    """E4's counts: pictures of a class with (or without) a concept, and how many the model gets right.

    ``n_correct`` is None where nothing says what pictures are called.
    """

    class_idx: int
    class_name: str
    concept_id: str
    concept: str
    present: bool
    n: int
    n_correct: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of measured evidence on (class, concept). ``rule_id`` names a page of docs/rules.

    ``effect``, ``low`` and ``high`` are in the unit of the rule (shares and gaps: fractions, not points);
    ``p`` and ``q`` are None for screens. ``status`` is "measured" or the named state that prevented it.
    ``permuted`` is the mean effect of E3's null, presence permuted within class, where that was tried.
    Of a gap ``n_with`` and ``n_without`` are the comparable pictures of both sides and ``called_with`` and
    ``called_without`` those of them that are called the class; None for other rules, and in older audits.
    """

    class_idx: int
    class_name: str
    concept_id: str
    concept: str
    concept_kind: str
    rule_id: str
    effect: float
    low: float
    high: float
    p: float | None
    q: float | None
    n_images: int
    evidence_image_ids: tuple[str, ...] = ()
    status: str = "measured"
    permuted: float | None = None
    n_with: int | None = None
    called_with: int | None = None
    n_without: int | None = None
    called_without: int | None = None

    @property
    def fingerprint(self) -> str:
        """sha256 of class name and concept id."""
        return fingerprint(self.class_name, self.concept_id)


@dataclass(frozen=True, slots=True)
class Reason:
    """What decides a pair of class and concept: a rule's effect with its interval, and the rule that agrees with it."""

    rule_id: str
    effect: float  # in the rule's unit, a fraction
    low: float
    high: float
    agreeing_rule_id: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the findings say of a class, and what decided it.

    ``share``, ``gap`` … are those of the leading concept, None without one; a gap is recall with it less recall without
    it, below zero where the class is harmed. ``rule_id``, ``effect`` and
    ``agreeing_rule_id`` are the reason: of a flagged class the effect that was shown (as its gap, corrected for having
    been picked, which findings are not), of a suspect one the effect that could be neither shown nor excluded, or the
    screen where none could be measured. ``claim``, ``numbers`` and ``advice`` are whole sentences; ``sentence`` is all
    of them as plain text. ``gap_bound`` is the largest gap, of recall or of pull and either way, that is not excluded
    for the concepts that a claim may rest on.
    """

    class_idx: int
    class_name: str
    verdict: VerdictName
    severity: Severity
    concept_id: str | None
    concept: str | None
    concept_kind: str | None
    sentence: str
    n_images: int
    share: float | None = None
    gap: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None
    detectable_effect: float | None = None
    rule_id: str | None = None
    effect: float | None = None
    effect_low: float | None = None
    effect_high: float | None = None
    agreeing_rule_id: str | None = None
    claim: str = ""
    numbers: str = ""
    advice: str = ""
    gap_bound: float | None = None

    @property
    def lines(self) -> list[str]:
        """What is said of the class: the claim, its evidence, what to do, a line each; one line in an older audit."""
        lines = [self.claim, *self.numbers.splitlines(), self.advice]
        return [line for line in lines if line] or [self.sentence]


# --- audit ----

#: What places pictures on a plane of the atlas: the encoder's embeddings, or the inputs of the model's last layer.
AtlasSpace = Literal["encoder", "model"]


@dataclass(frozen=True, slots=True, eq=False)
class SaliencyMap:
    """A map as bytes: value = data / 255 * scale; ``concept_id`` None is the map of the class itself.

    ``crop`` is what the map covers of the upright picture, see `extraction.picture_maps.seen_crop`.
    """

    image_id: str
    class_idx: int
    concept_id: str | None
    data: ByteArray  # (H, W)
    scale: float
    crop: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class ClassChannelGroup:
    """Mean share of the evidence that a channel group carries in pictures called the class, and where it is most."""

    class_idx: int
    class_name: str
    group_idx: int
    share: float
    n_images: int
    image_ids: tuple[str, ...]
