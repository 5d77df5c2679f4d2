"""What the stages of one audit hand to each other, from loaded inputs to everything that is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from auditor.concept_records import AttributeConcept, ConceptFamily
from auditor.config import NO_MODEL
from auditor.evidence.evidence_input import EvidenceInput, EvidenceResult
from auditor.extraction.concept_embeddings import ConceptEmbeddings
from auditor.extraction.interventions import Interventions
from auditor.extraction.shards import FeatureShards
from auditor.inputs.attributes import KnownAttributes
from auditor.inputs.copies import Copies, groups_of
from auditor.inputs.core_concepts import CoreConceptOf
from auditor.inputs.examples import ExampleSet, TaughtConcepts
from auditor.inputs.head_features import HeadFeatures
from auditor.inputs.predictions import Predictions
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.records import (
    AtlasSpace,
    ChannelGroups,
    ChannelWords,
    ClassChannelGroup,
    ClassMatch,
    Concept,
    Dataset,
    Failure,
    FloatArray,
    ImageItem,
    IntArray,
    LinearHead,
    Phrases,
    SaliencyMap,
)
from auditor.textcam.description import Descriptions


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What an audit starts from, loaded and checked against each other."""

    dataset: Dataset
    classifier: Classifier | None  # None: the data are audited alone
    encoder: Encoder
    match: ClassMatch
    concepts: ConceptEmbeddings
    vocabulary_digest: str  # of its words, and of the examples where there are any
    attributes: KnownAttributes
    core: Mapping[tuple[str, str], CoreConceptOf]  # (class name, concept_id)
    notices: tuple[str, ...]  # what the reader of the audit must be told
    examples: tuple[ExampleSet, ...] = ()  # of concepts that are learnt
    predictions: Predictions | None = None  # in place of a classifier
    features: HeadFeatures | None = None  # with predictions
    map_method: str | None = None  # None: what fits the model

    @property
    def head(self) -> LinearHead | None:
        """The last linear layer of the model; None where it is not known."""
        given = self.classifier or self.features
        return given.head if given else None

    @property
    def logit_scale(self) -> float:
        """What the encoder's cosines are multiplied by before a softmax."""
        return self.encoder.logit_scale

    def digests(self) -> dict[str, str]:
        """The inputs' digests by the names that ``audit.json`` gives them."""
        return {
            "data": self.dataset.digest,
            "model": self._model_digest(),
            "encoder": self.encoder.digest,
            "vocabulary": self.vocabulary_digest,
        }

    def _model_digest(self) -> str:
        if self.predictions is None:
            return self.classifier.digest if self.classifier else NO_MODEL
        files = [self.predictions.digest, *([self.features.digest] if self.features else [])]
        return hashlib.sha256(json.dumps(files).encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The readable pictures, in the order of the shards."""

    items: tuple[ImageItem, ...]  # N
    rows: IntArray  # (N,) position in the data set
    embeddings: FloatArray  # (N, D)
    surroundings: FloatArray | None  # (N, D) with the object covered, NaN without a usable mask; None: no masks
    mask_failures: tuple[Failure, ...]  # masks that cannot be used
    label_idx: IntArray  # (N,), -1 for none
    predicted_idx: IntArray  # (N,), -1 where nothing says what pictures are called
    confidence: FloatArray  # (N,), NaN where it is not known
    copies: Copies | None = None  # None: not looked for

    @property
    def image_ids(self) -> tuple[str, ...]:
        """Ids in order."""
        return tuple(item.image_id for item in self.items)

    def tie_keys(self) -> IntArray:
        """A key (N,) that belongs to the picture, whatever the order: the number that its id is."""
        return np.array([int(image_id, 16) for image_id in self.image_ids], dtype=np.uint64).view(np.int64)

    def groups(self) -> IntArray | None:
        """Codes (N,) of the manifest's groups and of copies, joined; None where every picture is alone."""
        return groups_of(self.image_ids, [item.group_id for item in self.items], self.units())

    def units(self) -> IntArray | None:
        """Codes (N,) of pictures that are one witness, see :meth:`Copies.units`; None where every picture is alone."""
        return None if self.copies is None else self.copies.units()

    def counted(self, class_idx: IntArray) -> IntArray:
        """Labels or predictions (N,) for the statistics: -1 for a copy of a picture that counts already."""
        return class_idx if self.copies is None else np.where(self.copies.counted, class_idx, -1)


@dataclass(frozen=True, slots=True, eq=False)
class ChannelMeanings:
    """What the channels say, whatever the picture."""

    words: ChannelWords
    use: FloatArray  # (K,) mean size of the channel's evidence over the classes
    likeness: FloatArray  # (K, V) cosines of directions and concepts
    groups: ChannelGroups
    group_phrases: Phrases  # (G, V)


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What a model decided, in words."""

    head: LinearHead
    channels: ChannelMeanings
    descriptions: Descriptions
    class_groups: tuple[ClassChannelGroup, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PictureConcepts:
    """The V concepts of the vocabulary, its F families and, after them, the A of columns and of examples."""

    concepts: tuple[Concept, ...]  # V + F + A
    presence: FloatArray  # (N, V + F + A), NaN where it is not known
    same_as: Mapping[int, int]  # attribute -> concept or family of the vocabulary that has its name
    attribute_concepts: tuple[AttributeConcept, ...]  # A
    kappa: FloatArray  # (V + F + A,) of presence told twice, or of unseen examples; NaN where there is none
    kappa_elsewhere: FloatArray  # (C, V + F + A) the same within the classes other than each
    notices: tuple[str, ...]  # what the reader must know of how presence was told
    taught: TaughtConcepts  # those of examples
    families: tuple[ConceptFamily, ...] = ()  # F


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What the evidence weighs, and what it was made of."""

    pictures: Pictures
    shards: FeatureShards
    concept_rows: FloatArray  # (V, D)
    decisions: Decisions | None  # None: there is no head
    picture_concepts: PictureConcepts
    evidence_input: EvidenceInput


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Everything that an audit stores."""

    inputs: Inputs
    gathered: Gathered
    evidence: EvidenceResult
    maps: tuple[SaliencyMap, ...]
    interventions: Interventions
    atlas: Mapping[AtlasSpace, FloatArray] = field(default_factory=dict)  # (N, 2) each; for looking at alone
