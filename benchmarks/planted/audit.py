"""The audit of a model under test: the product's own stages, with the settings that `auditor run` has.

Only files and decoding are left out: pictures come as arrays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import torch
from PIL import Image
from scipy import sparse
from torch import nn

import auditor.evidence
import auditor.textcam
from auditor import pipeline
from auditor.analysis import Inputs, Pictures
from auditor.config import AuditConfig
from auditor.evidence.effects.swaps import Intervene, Swap
from auditor.evidence.verdicts.judge import EvidenceInput, EvidenceResult, judge
from auditor.extraction.concept_embeddings import ConceptEmbeddings, embed_concepts
from auditor.extraction.extract import SHARD_IMAGES
from auditor.extraction.region_swaps import region_swaps
from auditor.extraction.shards import FeatureShards
from auditor.inputs.attributes import known_attributes
from auditor.inputs.copies import Copies, find_copies
from auditor.inputs.core_concepts import core_concepts
from auditor.inputs.dataset import image_id
from auditor.inputs.examples import TaughtConcepts
from auditor.inputs.near_copies import fingerprint
from auditor.inputs.vocabulary import add_class_names, concepts_of_classes, load_vocabulary
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.models.load_classifier import make_classifier
from auditor.models.preprocess import Preprocess
from auditor.records import ClassMatch, Concept, Dataset, FloatArray, ImageItem, IntArray, LinearHead
from benchmarks.planted.bank import SIZE, PixelArray
from benchmarks.planted.networks import MEAN, STD

#: Modules that an audit's verdicts come from besides the packages textcam and evidence.
_CODE = (
    "pipeline.py",
    "extraction/region_swaps.py",
    "picture_concepts.py",
    "rules.py",
    "config.py",
    "inputs/core_concepts.py",
    "extraction/concept_embeddings.py",
)


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """A model with the pictures that it is audited on."""

    class_names: tuple[str, ...]
    head: LinearHead
    activations: FloatArray  # (N, K)
    embeddings: FloatArray  # (N, D)
    label_idx: IntArray  # (N,)
    rows: IntArray  # (N, columns) what every picture shows
    properties: FloatArray  # (N, 4) image properties, for a peer
    attributes: Mapping[str, Sequence[str | None]] = field(default_factory=dict)  # column of the manifest -> N cells
    copies: Copies | None = None  # None: not looked for
    groups: Sequence[str] | None = None  # N of the manifest, such as patients

    @property
    def logits(self) -> FloatArray:
        """(N, C)."""
        return np.asarray(self.activations @ self.head.weight.T + self.head.bias, dtype=np.float32)

    def places(self) -> None:
        """Where evidence lies is not looked for: what is planted stands at no fixed place, and nobody exchanges any."""

    def with_copies(self, copies: Copies) -> Examined:
        """The same with copies that were looked for."""
        return replace(self, copies=copies)

    def head_chunks(self) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """As `FeatureShards.head_chunks`."""
        logits = self.logits
        for start in range(0, len(self.label_idx), SHARD_IMAGES):
            rows = slice(start, min(start + SHARD_IMAGES, len(self.label_idx)))
            yield rows, self.activations[rows], logits[rows]

    def activation_chunks(self) -> Iterator[FloatArray]:
        """As `FeatureShards.activation_chunks`."""
        for _, activations, _ in self.head_chunks():
            yield activations


@dataclass(frozen=True, slots=True, eq=False)
class Audited:
    """What the audit found, and what the peers are given too."""

    examined: Examined
    concepts: ConceptEmbeddings
    judged_concepts: tuple[Concept, ...]  # V, and the values of columns
    predicted_idx: IntArray
    shares: sparse.csr_array
    presence: FloatArray
    evidence: EvidenceResult
    evidence_input: EvidenceInput  # what was judged, for ablations
    intervene: Intervene | None  # with what interventions were called, which are not carried out twice


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The model and the pictures of its audit: what interventions on pictures (E5) take."""

    classifier: Classifier
    read: Callable[[int], Image.Image]  # the picture of a row

    @classmethod
    def of_pixels(cls, network: nn.Module, pixels: PixelArray) -> Asked:
        """A network of this benchmark, and pictures (N, SIZE, SIZE, 3)."""
        preprocess = Preprocess(size=(SIZE, SIZE), mean=MEAN, std=STD)
        return cls(make_classifier(network, preprocess, spec="planted"), lambda row: Image.fromarray(pixels[row]))


def audit(
    examined: Examined,
    encoder: Encoder,
    *,
    seed: int,
    asked: Asked | None = None,
    taught: TaughtConcepts | None = None,
) -> Audited:
    """What `auditor.pipeline.run_audit` does between loading and drawing; without ``asked`` there is no E5.

    ``taught`` are concepts that were learnt from examples.
    """
    config = AuditConfig(data=Path(), model="planted", out=Path(), encoder=encoder.spec, seed=seed)
    # the program asks for this where pictures are few
    config = config.model_copy(update={"n_extreme": min(config.n_extreme, len(examined.label_idx) // 2)})
    pictures = pictures_of(examined)
    inputs = inputs_of(examined, encoder, pictures)
    shards = cast(FeatureShards, examined)  # the stages read its chunks and nothing else
    gathered = pipeline.put_into_words(config, inputs, pictures, shards, taught=taught)
    given, presence = gathered.evidence_input, gathered.picture_concepts.presence
    intervene = None
    if asked is not None and gathered.decisions is not None:
        names = concepts_of_classes(inputs.concepts.concepts, examined.class_names)
        words = gathered.decisions.channels.words
        intervene = remembered(region_swaps(asked.classifier, asked.read, words, names))
    evidence = judge(given, intervene=intervene)
    return Audited(
        examined,
        inputs.concepts,
        given.concepts,
        pictures.predicted_idx,
        given.shares,
        presence,
        evidence,
        given,
        intervene,
    )


def remembered(intervene: Intervene) -> Intervene:
    """The same interventions, each list of swaps carried out once."""
    outcomes: dict[tuple[Swap, ...], IntArray | None] = {}

    def once(swaps: Sequence[Swap]) -> IntArray | None:
        key = tuple(swaps)
        if key not in outcomes:
            outcomes[key] = intervene(swaps)
        return outcomes[key]

    return once


def inputs_of(examined: Examined, encoder: Encoder, pictures: Pictures) -> Inputs:
    """As `auditor.pipeline.load_inputs` puts them together, for a data set without files."""
    names = examined.class_names
    given = load_vocabulary(encoder.vocabulary_path)
    vocabulary = add_class_names(given, names)
    return Inputs(
        dataset=Dataset(Path(), "manifest", pictures.items, names, (), "planted"),
        classifier=cast(Classifier, SimpleNamespace(head=examined.head)),  # the stages read its head alone
        encoder=encoder,
        match=ClassMatch(names, {name: c for c, name in enumerate(names)}, "name"),
        concepts=embed_concepts(vocabulary, names, encoder),
        vocabulary_digest=vocabulary.digest,
        attributes=known_attributes(
            pictures.items,
            tuple(examined.attributes),
            vocabulary.concepts,
            pictures.label_idx,
            class_names=names,
        ),
        core=core_concepts({}, names, given),
        notices=(),
    )


def pictures_of(examined: Examined) -> Pictures:
    """What the stages are handed of the pictures."""
    n = len(examined.label_idx)
    return Pictures(
        items=items_of(examined),
        rows=np.arange(n),
        embeddings=examined.embeddings,
        surroundings=None,
        mask_failures=(),
        label_idx=examined.label_idx,
        predicted_idx=examined.logits.argmax(axis=1).astype(np.int64),
        confidence=np.full(n, np.nan, np.float32),
        copies=examined.copies,
    )


def copies_of(examined: Examined, pixels: PixelArray) -> Copies:
    """Equal and nearly equal pictures among (N, SIZE, SIZE, 3), as `auditor.pipeline.line_up` finds them in files."""
    contents = [hashlib.sha256(one.tobytes()).hexdigest() for one in pixels]
    prints = np.stack([np.frombuffer(fingerprint(Image.fromarray(one)), np.uint8) for one in pixels])
    return find_copies(items_of(examined), contents, prints, examined.embeddings)


def items_of(examined: Examined) -> tuple[ImageItem, ...]:
    """The pictures as a manifest would list them."""
    labels = [examined.class_names[c] for c in examined.label_idx]
    paths = [picture_path(label, k) for k, label in enumerate(labels)]
    return tuple(
        ImageItem(
            image_id(path),
            path,
            label,
            split="test",
            group_id=None if examined.groups is None else examined.groups[k],
            attributes=_attributes(examined, k),
        )
        for k, (path, label) in enumerate(zip(paths, labels, strict=True))
    )


def _attributes(examined: Examined, row: int) -> dict[str, str]:
    cells = {column: cells[row] for column, cells in examined.attributes.items()}
    return {column: cell for column, cell in cells.items() if cell is not None}


def picture_path(label: str, k: int) -> str:
    """Where the k-th picture would lie in a folder of classes: its id comes from it, as in any audit."""
    return f"{label}/{k:06d}.png"


def concepts_of(encoder: Encoder, class_names: tuple[str, ...]) -> ConceptEmbeddings:
    """The encoder's own vocabulary with the class names."""
    return embed_concepts(add_class_names(load_vocabulary(encoder.vocabulary_path), class_names), class_names, encoder)


def remembering(encoder: Encoder) -> Encoder:
    """The encoder, encoding every text once a process."""

    @cache
    def one(text: str) -> FloatArray:
        return np.asarray(encoder.encode_texts([text])[0])

    def encode_texts(texts: Sequence[str]) -> FloatArray:
        return np.stack([one(text) for text in texts])

    return replace(encoder, encode_texts=encode_texts)


def embed(encoder: Encoder, pixels: PixelArray) -> FloatArray:
    """(N, D) unit rows."""
    parts = []
    for start in range(0, len(pixels), SHARD_IMAGES):
        batch = [encoder.preprocess(Image.fromarray(one)) for one in pixels[start : start + SHARD_IMAGES]]
        parts.append(encoder.encode_images(torch.stack(batch)))
    return np.concatenate(parts)


def code_digest() -> str:
    """sha256 over the code that verdicts come from: an outcome of other code is no outcome of this one."""
    digest = hashlib.sha256()
    root = Path(str(pipeline.__file__)).parent
    folders = [Path(package.__path__[0]) for package in (auditor.textcam, auditor.evidence)]
    for path in sorted([path for folder in folders for path in folder.rglob("*.py")] + [root / name for name in _CODE]):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
