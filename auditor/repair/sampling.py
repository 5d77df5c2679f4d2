"""What a training script takes instead of a repair: which pictures to draw how often, and which group each is of."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from auditor.records import BoolArray, IntArray
from auditor.repair.balance import balanced_weights

#: No label, or a copy of another picture: not to be drawn.
_LEFT_OUT = -1


def sampling_list(
    paths: Sequence[str],
    labels: IntArray,
    class_names: Sequence[str],
    concepts: Sequence[str],
    present: BoolArray,
    known: BoolArray,
) -> str:
    """A CSV with a row a picture: path, class, a column for each concept (1, 0 or empty), group, weight.

    Groups are class and presences, numbered from 0 in order of their names, for group-robust training; the weight is
    what a weighted sampler draws by. A picture without a label, and the copy of another, has weight 0 and no group.

    Args:
        paths: N, relative to the data.
        labels: (N,) classes, -1 for pictures that are left out.
        class_names: C.
        concepts: T.
        present: (N, T).
        known: (N, T).
    """
    used = labels >= 0
    weights = np.zeros(labels.size)
    weights[used] = balanced_weights(labels[used], present[used], known[used])
    cells = np.where(known, present.astype(int).astype(str), "")
    keys = [(int(label), *row) if label >= 0 else None for label, row in zip(labels, cells.tolist(), strict=True)]
    number = {key: i for i, key in enumerate(sorted({key for key in keys if key is not None}))}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "class", *concepts, "group", "weight"])
    for path, label, row, key, weight in zip(paths, labels, cells.tolist(), keys, weights, strict=True):
        name = class_names[label] if label >= 0 else ""
        group = _LEFT_OUT if key is None else number[key]
        writer.writerow([path, name, *row, group, f"{weight:.6g}"])
    return text.getvalue()
