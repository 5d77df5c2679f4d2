"""What the evidence reads of an audit's inputs besides the features, kept beside these to judge them again.

The head, the prompts as the encoder sees them, the manifest's columns as concepts, and what became of every
intervention: neither model nor encoder nor pictures are needed then. The file is of plain arrays (no pickle) and goes
with the features: whoever deletes these deletes it.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from auditor.concept_records import CoreReason
from auditor.edit_records import LevelEdits, PictureEdit
from auditor.errors import StoreError
from auditor.evidence.effects.kept_scores import UNKNOWN
from auditor.extraction.concept_embeddings import ConceptEmbeddings, PromptHalf
from auditor.extraction.edit_record import EditRecord
from auditor.extraction.interventions import Interventions
from auditor.extraction.shards import FeatureShards
from auditor.extraction.swap_record import SwapRecord
from auditor.inputs.attributes import KnownAttributes
from auditor.inputs.core_concepts import CoreConceptOf
from auditor.inputs.examples import TaughtConcepts
from auditor.inputs.families import families_among
from auditor.inputs.predictions import Predictions
from auditor.records import ATTRIBUTE_KIND, ClassMatch, Concept, Dataset, FloatArray, ImageItem, IntArray, LinearHead

KEPT_NAME = "kept_inputs.npz"
#: Of swaps, each an array of its own, with the width of their outcomes; and the names of these and of the procedures
#: before there were surroundings.
_SORTS = {"swaps": 2, "exchanges": 2, "looks": 2, "surroundings": 4, "looks_around": 2}
_NAMES_OF_BEFORE = {
    "swaps": ("called", "procedure"),
    "exchanges": ("exchanged", "place_procedure"),
    "looks": ("looked", "look_procedure"),
}
_SHARD_NAME = re.compile(r"[0-9a-f]{32}\.parquet")


class EvidenceSource(Protocol):
    """What the evidence reads of the inputs, loaded or kept."""

    @property
    def dataset(self) -> Dataset:
        """The pictures."""

    @property
    def match(self) -> ClassMatch:
        """Labels and outputs."""

    @property
    def concepts(self) -> ConceptEmbeddings:
        """The vocabulary as the encoder sees it."""

    @property
    def attributes(self) -> KnownAttributes:
        """The columns of the manifest, (N, A) over all pictures of the data set."""

    @property
    def core(self) -> Mapping[tuple[str, str], CoreConceptOf]:
        """What a class may rest on, by class name and concept_id."""

    @property
    def head(self) -> LinearHead | None:
        """Of the model; None where it is not known."""

    @property
    def predictions(self) -> Predictions | None:
        """Of a model that was not run, (N,) over all pictures of the data set; None where there are none."""

    @property
    def logit_scale(self) -> float:
        """Of the encoder's cosines."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptInputs:
    """An :class:`EvidenceSource` without model, encoder and pictures. Contents and values of columns are not kept."""

    dataset: Dataset
    match: ClassMatch
    concepts: ConceptEmbeddings
    attributes: KnownAttributes
    core: Mapping[tuple[str, str], CoreConceptOf]
    head: LinearHead | None
    logit_scale: float
    notices: tuple[str, ...]  # of loading the inputs
    shards: tuple[str, ...]  # names of the files of features, in order
    taught: TaughtConcepts  # concepts by example: neither the examples nor their probes are kept
    interventions: Interventions = field(default_factory=Interventions)
    level_edits: Mapping[str, LevelEdits] = field(default_factory=dict)  # by concept_id
    predictions: Predictions | None = None

    @property
    def examined_model(self) -> bool:
        """Whether a model was run, which interventions on pictures could ask."""
        return self.head is not None and self.predictions is None


def write_kept_inputs(
    folder: Path,
    inputs: EvidenceSource,
    *,
    taught: TaughtConcepts,
    digests: Mapping[str, str],
    notices: Sequence[str],
    shards: FeatureShards,
    interventions: Interventions,
    level_edits: Mapping[str, LevelEdits],
) -> None:
    """Write the file into the folder of the features, whole or not at all.

    Args:
        folder: Of the features.
        inputs: What is kept.
        taught: Concepts that were learnt from examples.
        digests: The audit's, by which the file is known to belong to it.
        notices: What the reader was told of the inputs.
        shards: The features.
        interventions: What was done to the pictures, and what came of it.
        level_edits: By concept_id, how a level of a property is given and taken.

    Raises:
        StoreError: the folder cannot be written.
    """
    dataset, match, attributes, given = inputs.dataset, inputs.match, inputs.attributes, inputs.predictions
    read = set(shards.image_ids())
    lost = [(row, item) for row, item in enumerate(dataset.items) if item.image_id not in read]
    by_sort = {sort: getattr(interventions, sort) for sort in _SORTS}
    edits = interventions.edits
    facts = {
        "digests": dict(digests),
        "shards": shards.names,
        "root": str(dataset.root),
        "source": dataset.source,
        "labels": dataset.labels,
        "attribute_names": dataset.attribute_names,
        "data_digest": dataset.digest,
        "lost": [[row, i.image_id, i.path, i.label, i.split, i.group_id, i.mask_path] for row, i in lost],
        "class_names": match.class_names,
        "label_to_class": dict(match.label_to_class),
        "how": match.how,
        "warning": match.warning,
        "concepts": [[c.concept_id, c.term, c.kind, c.synonyms] for c in inputs.concepts.concepts],
        "families": [[c.concept_id, c.term, c.kind, c.members] for c in inputs.concepts.families],
        "dropped_words": inputs.concepts.dropped_words,
        "attributes": [[c.concept_id, c.term, c.column] for c in attributes.concepts],
        "same_as": dict(attributes.same_as),
        "taught": [[c.concept_id, c.term, c.kind, c.column] for c in taught.concepts],
        "taught_same_as": dict(taught.same_as),
        "core": [[*pair, allowed.reason, allowed.term] for pair, allowed in inputs.core.items()],
        "multi_label": inputs.head is not None and inputs.head.multi_label,
        "logit_scale": inputs.logit_scale,
        "notices": list(notices),
        "absent_kinds": list(inputs.concepts.absent_rows),
        **{f"{sort}_procedure": swaps.procedure for sort, swaps in by_sort.items()},
        "edits": [astuple(one) for one in edits.edits],
        "level_edits": {concept_id: astuple(one) for concept_id, one in level_edits.items()},
        "edits_procedure": edits.procedure,
        "predictions": None if given is None else [given.file_name, given.digest],
    }
    arrays: dict[str, NDArray[Any]] = {
        "facts": np.array(json.dumps(facts)),
        "class_rows": inputs.concepts.class_rows,
        "told_twice": inputs.concepts.told_twice,
        "presence": attributes.presence,
        "taught_presence": taught.presence,
        "taught_kappa": taught.kappa,
        "edited": edits.called,
    }
    for sort, swaps in by_sort.items():
        arrays |= {sort: swaps.swaps, f"{sort}_called": swaps.called}
    halves = inputs.concepts.halves
    for name, half in (("whole", inputs.concepts), ("half0", halves[0]), ("half1", halves[1])):
        arrays |= _packed(f"{name}_words", half.word_rows)
        arrays |= _packed(f"{name}_absent", tuple(half.absent_rows.values()))
    if given is not None:
        arrays |= {"predicted": given.class_idx, "confidence": given.confidence}
    if inputs.head is not None:
        arrays |= {"head_weight": inputs.head.weight, "head_bias": inputs.head.bias}
    path = folder / KEPT_NAME
    unfinished = path.with_suffix(".unfinished")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # its stubs take the arrays for allow_pickle
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}; free some space or choose another --out, then add "
            "--resume"
        ) from error


def read_kept_head(folder: Path) -> LinearHead:
    """The head that judged an audit; the file may come from anybody.

    Args:
        folder: Of the features.

    Raises:
        StoreError: no file, an unreadable one, or one without a head of two classes or more.
    """
    path = folder / KEPT_NAME
    try:
        with np.load(path, allow_pickle=False) as file:
            weight, bias = (np.asarray(file[f"head_{name}"], np.float32) for name in ("weight", "bias"))
        if (
            weight.ndim != 2
            or bias.shape != weight.shape[:1]
            or not (np.isfinite(weight).all() and np.isfinite(bias).all())
        ):
            raise ValueError(f"a head of {weight.shape} and {bias.shape}")
    except (OSError, ValueError, TypeError, LookupError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(
            f"the head of the audit cannot be read from {path} ({reason}): take the features from a whole copy, or "
            "make the audit again with `auditor run`"
        ) from error
    return LinearHead(weight, bias)


def read_kept_inputs(folder: Path, items: Sequence[ImageItem], digests: Mapping[str, str]) -> KeptInputs:
    """Read what was kept; the file may come from anybody.

    Args:
        folder: Of the features.
        items: The pictures of the audit that could be read, in order.
        digests: The audit's.

    Raises:
        StoreError: no file, an unreadable one, or that of another audit.
    """
    path = folder / KEPT_NAME
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(str(arrays["facts"]))
        if facts["digests"] != dict(digests):
            raise StoreError(
                f"{path} belongs to another audit (its digests are others): take the features from a whole copy, or "
                "make the audit again with `auditor run`"
            )
        return _unpacked(facts, arrays, items)
    except FileNotFoundError as error:
        raise StoreError(f"{path} is missing") from error
    except (OSError, ValueError, TypeError, LookupError, AttributeError, EOFError, MemoryError, RecursionError,
            zipfile.BadZipFile) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(
            f"{path} is damaged ({reason}): take the features from a whole copy, or make the audit again with "
            "`auditor run`"
        ) from error


def _unpacked(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], items: Sequence[ImageItem]) -> KeptInputs:
    everything = list(items)
    for row, *values in facts["lost"]:
        everything.insert(row, ImageItem(*values))
    shards = tuple(facts["shards"])
    strange = [name for name in shards if not _SHARD_NAME.fullmatch(name)]
    if strange:
        raise ValueError(f"no name of a file of features: {strange[0]!r}")
    unknown = [reason for _, _, reason, _ in facts["core"] if reason not in get_args(CoreReason)]
    if unknown:
        raise ValueError(f"no reason why something is core: {unknown[0]!r}")
    whole, *halves = (
        PromptHalf(
            word_rows=_parts(arrays, f"{name}_words"),
            absent_rows=dict(zip(facts["absent_kinds"], _parts(arrays, f"{name}_absent"), strict=True)),
        )
        for name in ("whole", "half0", "half1")
    )
    presence = _floats(arrays["presence"], len(everything), len(facts["attributes"]))
    concepts = tuple(
        Concept(concept_id, term, kind, tuple(words)) for concept_id, term, kind, words in facts["concepts"]
    )
    families = tuple(  # none in an audit of before there were any
        Concept(concept_id, term, kind, members=tuple(members))
        for concept_id, term, kind, members in facts.get("families", [])
    )
    if families_among(families, concepts) != families:
        raise ValueError("a family has members that are not there")
    if {len(half.word_rows) for half in (whole, *halves)} != {len(concepts)}:
        raise ValueError(f"not every one of {len(concepts)} concepts has its words")
    head = None
    if "head_weight" in arrays:
        head = LinearHead(
            weight=np.asarray(arrays["head_weight"], np.float32),
            bias=np.asarray(arrays["head_bias"], np.float32),
            multi_label=bool(facts["multi_label"]),
        )
    return KeptInputs(
        dataset=Dataset(
            root=Path(facts["root"]),
            source=facts["source"],
            items=tuple(everything),
            labels=tuple(facts["labels"]),
            attribute_names=tuple(facts["attribute_names"]),
            digest=str(facts["data_digest"]),
        ),
        match=ClassMatch(
            class_names=tuple(facts["class_names"]),
            label_to_class=dict(facts["label_to_class"]),
            how=facts["how"],
            warning=facts["warning"],
        ),
        concepts=ConceptEmbeddings(
            concepts=concepts,
            word_rows=whole.word_rows,
            absent_rows=whole.absent_rows,
            class_rows=_floats(arrays["class_rows"], len(facts["class_names"]), None),
            dropped_words=tuple(facts["dropped_words"]),
            halves=(halves[0], halves[1]),
            told_twice=np.asarray(arrays["told_twice"], np.bool_),
            families=families,
        ),
        attributes=KnownAttributes(
            columns=(),
            concepts=tuple(
                Concept(concept_id, term, ATTRIBUTE_KIND, column=column)
                for concept_id, term, column in facts["attributes"]
            ),
            presence=presence,
            same_as=dict(facts["same_as"]),
        ),
        core={(name, concept_id): CoreConceptOf(reason, term) for name, concept_id, reason, term in facts["core"]},
        head=head,
        logit_scale=float(facts["logit_scale"]),
        notices=tuple(facts["notices"]),
        shards=shards,
        taught=_taught(facts, arrays, len(items)),
        interventions=Interventions(
            **{sort: _swaps(facts, arrays, sort) for sort in _SORTS},
            edits=EditRecord(  # none in an audit of before there were any
                tuple(_edit(*one) for one in facts.get("edits", [])),
                _of_pictures(np.asarray(arrays.get("edited", np.zeros((0, 4))), np.int64), len(items)),
                str(facts.get("edits_procedure", "")),
            ),
        ),
        level_edits={
            concept_id: LevelEdits(_edit(*given), None if taken is None else _edit(*taken), _doses(doses), bool(whole))
            for concept_id, (given, taken, doses, whole) in facts.get("level_edits", {}).items()
        },
        predictions=_predictions(facts, arrays, len(everything)),
    )


def _swaps(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], sort: str) -> SwapRecord:
    """The record of a sort; empty in an audit of before there was such a one, which may have other names for it."""
    called, procedure = f"{sort}_called", f"{sort}_procedure"
    if called not in arrays:
        called, procedure = _NAMES_OF_BEFORE.get(sort, (called, procedure))
    if sort not in arrays or called not in arrays:
        return SwapRecord()
    record = SwapRecord(np.asarray(arrays[sort], np.int64), np.asarray(arrays[called], np.int64), str(facts[procedure]))
    if record.called.shape[1] != _SORTS[sort] and record.called.size:
        raise ValueError(f"outcomes of {sort} {record.called.shape}: expected (S, {_SORTS[sort]})")
    return record if record.called.size else SwapRecord(procedure=record.procedure)


def _predictions(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], n: int) -> Predictions | None:
    """What a file said of the n pictures; None in an audit that ran its model, or of before there were any."""
    if facts.get("predictions") is None:
        return None
    name, digest = facts["predictions"]
    called, confidence = np.asarray(arrays["predicted"], np.int64), np.asarray(arrays["confidence"], np.float32)
    n_classes = len(facts["class_names"])
    if called.shape != (n,) or confidence.shape != (n,) or not 0 <= called.min() <= called.max() < n_classes:
        raise ValueError(f"predictions of shape {called.shape} for {n} pictures of {n_classes} classes")
    return Predictions(str(name), str(digest), called, confidence)


def _taught(facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], n: int) -> TaughtConcepts:
    """Concepts by example; none in an audit of before there were any."""
    if "taught" not in facts:
        return TaughtConcepts.none(n)
    concepts = tuple(
        Concept(concept_id, term, kind, column=column, by_example=True)
        for concept_id, term, kind, column in facts["taught"]
    )
    kappa = np.asarray(arrays["taught_kappa"], np.float32)
    if kappa.shape != (len(concepts),):
        raise ValueError(f"{len(concepts)} concepts by example with kappa of shape {kappa.shape}")
    presence = _floats(arrays["taught_presence"], n, len(concepts))
    return TaughtConcepts(concepts, presence, kappa, dict(facts["taught_same_as"]))


def _edit(name: str, level: object, keep_object: bool) -> PictureEdit:
    if not isinstance(level, float | str):
        raise ValueError(f"no level of a property: {level!r}")
    return PictureEdit(str(name), level, bool(keep_object))


def _doses(levels: Sequence[object]) -> tuple[float, ...]:
    doses = tuple(level for level in levels if isinstance(level, float))
    if len(doses) != len(levels):
        raise ValueError(f"doses that are no numbers: {levels!r}")
    return doses


def _of_pictures(called: IntArray, n: int) -> IntArray:
    """Outcomes (S, 4) of edits, see `EditRecord`, the rows being those of n pictures; before, without margins."""
    if called.ndim == 2 and called.shape[1] == 3:
        called = np.column_stack([called, np.full(len(called), UNKNOWN)])
    if called.size and not 0 <= called[:, 1].min() <= called[:, 1].max() < n:
        raise ValueError(f"outcomes of edits of pictures that are none of {n}")
    return called


def _packed(name: str, parts: Sequence[FloatArray]) -> dict[str, NDArray[Any]]:
    """Arrays of rows under one another, and how many each has."""
    rows = np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
    return {name: rows, f"{name}_n": np.array([len(part) for part in parts], dtype=np.int64)}


def _parts(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[FloatArray, ...]:
    counts = np.asarray(arrays[f"{name}_n"], np.int64)
    rows = _floats(arrays[name], int(counts.sum()), None)
    if (counts < 0).any():
        raise ValueError(f"{name} counts fewer than no rows")
    return tuple(np.split(rows, np.cumsum(counts)[:-1])) if counts.size else ()


def _floats(array: NDArray[Any], n: int, width: int | None) -> FloatArray:
    rows = np.asarray(array, np.float32)
    if rows.ndim != 2 or len(rows) != n or width not in (None, rows.shape[1]):
        raise ValueError(f"an array of shape {rows.shape} where ({n}, {width or 'any'}) is expected")
    return rows
