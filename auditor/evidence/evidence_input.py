"""What the verdicts are judged on, and what they come out as."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from auditor.concept_records import (
    CoreConcept,
    CoreReason,
    Counterexample,
    EncoderFit,
    FixedPlace,
    UnboundedGap,
    UnnamedLead,
)
from auditor.edit_records import DoseResponse, LevelEdits
from auditor.place_grid import N_CELLS
from auditor.records import (
    ClassConcept,
    Concept,
    Finding,
    FloatArray,
    IntArray,
    LinearHead,
    Subgroup,
    Verdict,
)
from auditor.rules import TOLERANCE

#: What the settings say of what they allow: why, who says so, and until when.
CoreEntry = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceInput:
    """Everything that the evidence reads.

    ``head`` and ``head_chunks`` are None where no head is known: of data alone, and where only a file says what
    pictures are called.
    ``head_chunks()`` yields (rows, activations (b, K), logits (b, C)) and can be gone through again and again.
    Concepts with a ``column`` are known attributes: they come last and have no words, no shares and no maps.
    Presence that is not finite is not known: the attribute of one picture that the manifest does not say, or the whole
    column of a concept that the encoder cannot measure. Such a picture is in neither arm of that concept.
    """

    image_ids: tuple[str, ...]  # N
    label_idx: IntArray  # (N,) class of the label, -1 for none
    predicted_idx: IntArray  # (N,), -1 where it is not known
    class_names: tuple[str, ...]  # C
    concepts: tuple[Concept, ...]  # V, class names have joined as core concepts
    shares: sparse.csr_array  # (N, V) phrases of the predicted class
    residuals: FloatArray  # (N,)
    presence: FloatArray  # (N, V) in [0, 1], or not finite
    embeddings: FloatArray  # (N, D) unit rows
    class_prompt_score: FloatArray  # (N, C)
    groups: IntArray | None  # (N,) codes of pictures that belong together, copies among them
    head: LinearHead | None
    head_chunks: Callable[[], Iterable[tuple[slice, FloatArray, FloatArray]]] | None
    seed: int
    #: (class, concept) that a class may rest on although the concept's kind is context, and why
    core: Mapping[tuple[int, int], CoreReason] = field(default_factory=dict)
    #: of those that the settings name: why, who says so, and until when
    core_entries: Mapping[tuple[int, int], CoreEntry] = field(default_factory=dict)
    #: (class, concept_id of a place) that the settings let a class rest on: no lead is looked for there
    core_places: Mapping[tuple[int, str], CoreEntry] = field(default_factory=dict)
    #: attribute -> concept of the vocabulary that has its name
    same_as: Mapping[int, int] = field(default_factory=dict)
    kappa: FloatArray | None = None  # (V,) of presence told twice, NaN where nothing was to be told
    kappa_elsewhere: FloatArray | None = None  # (C, V) the same within the classes other than each
    #: whether the model was trained on these pictures, by the name of their split; None: nothing says so
    in_training: bool | None = None
    #: (N,) codes of near copies, which are one picture in every arm; None: there are none
    copies: IntArray | None = None
    #: gaps under this are tolerated in a class that is called clean; of rates, a fraction
    tolerance: float = TOLERANCE
    #: (N, 9) where the evidence for what a picture is called lies, NaN where it is not known; None: of no
    #: picture, and leads that need no word are not looked for
    places: FloatArray | None = None
    #: concepts that are levels of a measured property which can be set in a picture, and how
    edits: Mapping[int, LevelEdits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, n_classes, n_concepts = len(self.image_ids), len(self.class_names), len(self.concepts)
        shapes = {
            "label_idx": (self.label_idx.shape, (n,)),
            "predicted_idx": (self.predicted_idx.shape, (n,)),
            "shares": (self.shares.shape, (n, n_concepts)),
            "residuals": (self.residuals.shape, (n,)),
            "presence": (self.presence.shape, (n, n_concepts)),
            "embeddings": (self.embeddings.shape[:1], (n,)),
            "class_prompt_score": (self.class_prompt_score.shape, (n, n_classes)),
        }
        if self.groups is not None:
            shapes["groups"] = (self.groups.shape, (n,))
        if self.copies is not None:
            shapes["copies"] = (self.copies.shape, (n,))
        if self.places is not None:
            shapes["places"] = (self.places.shape, (n, N_CELLS))
        if self.kappa is not None:
            shapes["kappa"] = (self.kappa.shape, (n_concepts,))
        if self.kappa_elsewhere is not None:
            shapes["kappa_elsewhere"] = (self.kappa_elsewhere.shape, (n_classes, n_concepts))
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise ValueError(f"{name} has shape {found}, expected {expected}")
        if (self.head is None) != (self.head_chunks is None):
            raise ValueError("head and head_chunks come together or not at all")
        if n and max(int(self.label_idx.max()), int(self.predicted_idx.max())) >= n_classes:
            raise ValueError(f"a label or prediction lies beyond the {n_classes} classes")

    @property
    def group_codes(self) -> IntArray:
        """(N,) codes of groups; where none are given each picture is one."""
        return np.arange(len(self.image_ids), dtype=np.int64) if self.groups is None else self.groups

    @property
    def has_predictions(self) -> bool:
        """Whether it is known what pictures are called; not where the data are audited alone."""
        return self.head is not None or bool((self.predicted_idx >= 0).any())

    def named(self, concepts: IntArray) -> IntArray:
        """Of positions of concepts (n,) those that have a name: not the levels of what is measured of pictures."""
        return concepts[[not self.concepts[v].is_property for v in concepts]]

    def context_of(self, class_idx: int) -> IntArray:
        """Positions of the concepts that are context for a class."""
        context = [concept.is_context and (class_idx, v) not in self.core for v, concept in enumerate(self.concepts)]
        return np.flatnonzero(context).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceResult:
    """Findings on pairs and one verdict for every class, in the order of the classes."""

    class_concepts: list[ClassConcept]
    subgroups: list[Subgroup]
    findings: list[Finding]
    verdicts: tuple[Verdict, ...]
    core_concepts: list[CoreConcept] = field(default_factory=list)
    counterexamples: list[Counterexample] = field(default_factory=list)
    fixed_places: list[FixedPlace] = field(default_factory=list)
    unnamed_leads: list[UnnamedLead] = field(default_factory=list)
    place_presence: Mapping[str, FloatArray] = field(default_factory=dict)  # by place (N,), NaN where it is not known
    notices: tuple[str, ...] = ()  # what holds for the whole audit and the reader must know
    first_notices: tuple[str, ...] = ()  # those without which nothing else can be read
    fit: EncoderFit | None = None  # what the encoder's words are worth on these pictures
    dose_responses: list[DoseResponse] = field(default_factory=list)
    unbounded_gaps: list[UnboundedGap] = field(default_factory=list)
