"""What a repair is made of: the head's inputs and labels, and in which pictures the concepts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.calibration.planting import residuals
from auditor.evidence.effects.reliance import assign_folds
from auditor.evidence.evidence_input import EvidenceInput
from auditor.records import BoolArray, FloatArray, IntArray, LinearHead
from auditor.rules import PRESENT

Float64Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RepairInput:
    """The n labelled pictures of an audit, each copy once, and the T concepts that are to be taken out.

    ``residual`` has a column for each concept, or several that cannot be told apart, whose presence can be told from
    the object: it is what an eraser is fitted to. What follows other words was taken out of it by a regression over
    pictures; ``residual_without`` has for each fold what a regression without it gives, so that nothing of a held-out
    picture goes into a fit. ``pairs`` are (class, column of ``present``).
    """

    activations: FloatArray  # (n, K)
    labels: IntArray  # (n,)
    head: LinearHead
    present: BoolArray  # (n, T)
    known: BoolArray  # (n, T)
    residual: FloatArray  # (n, R), of mean zero in every class
    folds: IntArray  # (n,), whole groups and copies together
    units: IntArray  # (n,) codes of pictures that belong together
    pairs: tuple[tuple[int, int], ...]
    channel_groups: IntArray  # (K,) group of every channel, -1 for none
    image_ids: tuple[str, ...]  # n
    residual_without: Mapping[int, FloatArray] = field(default_factory=dict)  # by fold (n, R'), from the others alone

    @property
    def classes(self) -> IntArray:
        """The classes that are repaired."""
        return np.unique([c for c, _ in self.pairs]).astype(np.int64)

    def without_fold(self, fold: int, rows: BoolArray | None = None) -> RepairInput:
        """The pictures of the other folds, of these only ``rows`` (n,) where given: what a fit may see."""
        seen = self.folds != fold if rows is None else (self.folds != fold) & rows
        return replace(self, residual=self.residual_without.get(fold, self.residual)).part(seen)

    def part(self, rows: BoolArray) -> RepairInput:
        """Some of the pictures (n,)."""
        return replace(
            self,
            activations=self.activations[rows],
            labels=self.labels[rows],
            present=self.present[rows],
            known=self.known[rows],
            residual=self.residual[rows],
            folds=self.folds[rows],
            units=self.units[rows],
            image_ids=tuple(compress(self.image_ids, rows)),
            residual_without={},
        )


def repair_input(
    inputs: EvidenceInput,
    activations: FloatArray,
    targets: tuple[tuple[int, int], ...],
    channel_groups: IntArray,
) -> RepairInput:
    """Bring together what the repair of some pairs reads.

    Args:
        inputs: What was judged; with a head.
        activations: (N, K) the head's inputs of all its pictures.
        targets: (class, concept) by position.
        channel_groups: (K,) group of every channel.
    """
    if inputs.head is None:
        raise ValueError("a repair needs a head")
    concepts = sorted({v for _, v in targets})
    rows = inputs.label_idx >= 0
    presence = inputs.presence[rows][:, concepts]
    known = np.isfinite(presence)
    told = np.array([v for i, v in enumerate(concepts) if known[:, i].any()], dtype=np.int64)
    folds = assign_folds(inputs.image_ids, inputs.groups, seed=inputs.seed)
    residual, without = np.zeros((int(rows.sum()), 0), np.float32), {}
    if told.size:
        residual = residuals(inputs, told)[0][rows]
        for fold in np.unique(folds[rows]).tolist():
            others = replace(inputs, label_idx=np.where(folds == fold, -1, inputs.label_idx))
            without[fold] = residuals(others, told)[0][rows]
    units = np.arange(rows.size) if inputs.groups is None else inputs.groups
    return RepairInput(
        activations=activations[rows],
        labels=inputs.label_idx[rows],
        head=inputs.head,
        present=np.where(known, presence, 0) > PRESENT,
        known=known,
        residual=residual,
        folds=folds[rows],
        units=np.unique(units[rows], return_inverse=True)[1],
        pairs=tuple((c, concepts.index(v)) for c, v in targets),
        channel_groups=channel_groups,
        image_ids=tuple(compress(inputs.image_ids, rows)),
        residual_without=without,
    )
