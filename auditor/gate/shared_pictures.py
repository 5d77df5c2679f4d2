"""The pictures that two audits hold both, side by side, so that outcomes can be paired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from auditor.gate.releases import ReleaseFacts, ReleasePictures
from auditor.records import BoolArray, IntArray

#: Outcomes are paired when both audits share more than this part of their pictures; else each is taken as a whole.
_ENOUGH_SHARED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class SharedPictures:
    """n pictures with the same content and label in both audits; classes are coded by ``class_names``."""

    class_names: tuple[str, ...]  # of both releases
    label: IntArray  # (n,), -1 for none
    old_predicted: IntArray  # (n,), -1 for a class that the other release has not
    new_predicted: IntArray
    groups: IntArray | None
    present: Mapping[str, BoolArray]  # by concept id
    known: Mapping[str, BoolArray]  # where it is known, and the audits that found the concept agree on it

    @property
    def n(self) -> int:
        """Number of pictures."""
        return int(self.label.size)


def share_pictures(old: ReleaseFacts, new: ReleaseFacts) -> SharedPictures | None:
    """Line the common pictures up; None where they are not the greater part of both audits."""
    _, rows_old, rows_new = np.intersect1d(old.pictures.keys, new.pictures.keys, return_indices=True)
    if rows_old.size <= _ENOUGH_SHARED * max(old.pictures.keys.size, new.pictures.keys.size):
        return None
    names = tuple(name for name in old.class_names if name in set(new.class_names))
    code_old, code_new = _codes(old.class_names, names), _codes(new.class_names, names)
    label_old, label_new = code_old[old.pictures.label_idx[rows_old]], code_new[new.pictures.label_idx[rows_new]]
    kept = label_old == label_new
    rows_old, rows_new = rows_old[kept], rows_new[kept]
    present, known = _presence(old.pictures, rows_old, new.pictures, rows_new)
    return SharedPictures(
        class_names=names,
        label=label_old[kept],
        old_predicted=code_old[old.pictures.predicted_idx[rows_old]],
        new_predicted=code_new[new.pictures.predicted_idx[rows_new]],
        groups=_groups(old.pictures, rows_old, new.pictures, rows_new),
        present=present,
        known=known,
    )


def _codes(class_names: tuple[str, ...], common: tuple[str, ...]) -> IntArray:
    """Position in ``common`` by index of the class; the last entry stands for index -1."""
    position = {name: code for code, name in enumerate(common)}
    return np.array([*(position.get(name, -1) for name in class_names), -1], dtype=np.int64)


def _groups(old: ReleasePictures, rows_old: IntArray, new: ReleasePictures, rows_new: IntArray) -> IntArray | None:
    """The coarser of the two audits' groups, None where neither has any."""
    candidates = [
        pictures.groups[rows] for pictures, rows in ((old, rows_old), (new, rows_new)) if pictures.groups is not None
    ]
    # by content where that ties, so that swapping the releases changes nothing
    return min(candidates, key=lambda groups: (np.unique(groups).size, groups.tobytes()), default=None)


def _presence(
    old: ReleasePictures, rows_old: IntArray, new: ReleasePictures, rows_new: IntArray
) -> tuple[dict[str, BoolArray], dict[str, BoolArray]]:
    present: dict[str, BoolArray] = {}
    known: dict[str, BoolArray] = {}
    for concept_id in {*old.present, *new.present}:
        columns = [
            pictures.present[concept_id][rows]
            for pictures, rows in ((old, rows_old), (new, rows_new))
            if concept_id in pictures.present
        ]
        present[concept_id] = columns[0] == 1
        known[concept_id] = (columns[0] == columns[-1]) & (columns[0] >= 0)
    return present, known


def accuracies(
    old: ReleaseFacts, new: ReleaseFacts, shared: SharedPictures | None
) -> tuple[float | None, float | None]:
    """Share of labelled pictures that each release gets right: of the shared ones, else of its own."""
    if shared is not None:
        return accuracy(shared.old_predicted, shared.label), accuracy(shared.new_predicted, shared.label)
    first, second = (accuracy(facts.pictures.predicted_idx, facts.pictures.label_idx) for facts in (old, new))
    return first, second


def accuracy(predicted: IntArray, label: IntArray) -> float | None:
    """Share of labelled pictures that are called their label; None without labels, or where no model was examined."""
    labelled = label >= 0
    return float((predicted == label)[labelled].mean()) if labelled.any() and (predicted >= 0).any() else None
