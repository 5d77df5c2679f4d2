"""Figures before and after a repair on the same pictures, with bootstrap intervals of what changed.

Whole units (groups, copies) are drawn, and both heads are asked about the same draw, so the intervals are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from auditor.records import IntArray
from auditor.repair.balance import balanced_weights
from auditor.repair.proof import Answers
from auditor.repair.repair_input import Float64Array, RepairInput
from auditor.repair.subgroups import Subgroup, subgroups
from auditor.repair_records import FigureName, RepairFigure
from auditor.rules import CONFIDENCE

_SAMPLES = 500
_BINS = 15  # of confidence, for the calibration error
#: Of all draws: the first is the pictures as they are, (draws,).
_Values = Float64Array


def figures_of(
    given: RepairInput,
    before: Answers,
    after: Answers,
    class_names: Sequence[str],
    concepts: Sequence[str],
    *,
    seed: int,
) -> tuple[RepairFigure, ...]:
    """Accuracy, mean over balanced classes, worst subgroup, calibration; each class, subgroup, and pair's gap and pull.

    Args:
        given: The n pictures.
        before: The head's answers.
        after: Those of the repaired one, to pictures that it did not see.
        class_names: C.
        concepts: T, what the columns of ``given.present`` are called.
        seed: Of the draws.

    Reference:
        Expected calibration error: Guo et al., arXiv:1706.04599, 15 bins of equal width.
    """
    rng = np.random.default_rng((seed, 51))
    draws = _draws(given.units, rng)
    n, classes = given.labels.size, np.unique(given.labels)
    weights = balanced_weights(given.labels, given.present, given.known)
    by_class = _rows(classes.size, n, np.searchsorted(classes, given.labels), weights)
    groups = subgroups(given)
    by_group = _rows(
        len(groups),
        n,
        np.concatenate([np.full(one.rows.size, g) for g, one in enumerate(groups)]),
        columns=np.concatenate([one.rows for one in groups]),
    )
    of_column = {(one.class_idx, one.column, one.present): g for g, one in enumerate(groups)}

    def figure(name: FigureName, size: int, values: Callable[[Answers], _Values], **of: object) -> RepairFigure:
        old, new = values(before), values(after)
        tail = (1 - CONFIDENCE) / 2
        low, high = np.nanquantile((new - old)[1:], [tail, 1 - tail])
        change = float(new[0] - old[0])
        ends = min(float(low), change), max(float(high), change)
        return RepairFigure(name, size, float(old[0]), float(new[0]), *ends, **of)  # type: ignore[arg-type]

    def rates(rows: sparse.csr_array, hit: NDArray[np.bool_]) -> Float64Array:
        """(rows, draws)."""
        return _ratio(rows @ (draws * hit[:, None]), rows @ draws)

    right = {id(one): one.called == given.labels for one in (before, after)}
    class_rates = {key: rates(by_class, hit) for key, hit in right.items()}
    group_rates = {key: rates(by_group, hit) for key, hit in right.items()}
    everyone = _rows(1, n, np.zeros(n, np.int64))
    found = [
        figure("accuracy", n, lambda one: rates(everyone, right[id(one)])[0]),
        figure("balanced", n, lambda one: np.nanmean(class_rates[id(one)], axis=0)),
        figure("worst", n, lambda one: np.nanmin(group_rates[id(one)], axis=0)),
        figure("ece", n, lambda one: _calibration_error(one, right[id(one)], draws)),
    ]
    for i, c in enumerate(classes):
        size = int((given.labels == c).sum())
        found.append(figure("class", size, lambda one, i=i: class_rates[id(one)][i], class_name=class_names[c]))  # type: ignore[misc]
    for c, column in given.pairs:
        of_pair = {"class_name": class_names[c], "concept": concepts[column]}
        arms = [of_column.get((c, column, present)) for present in (True, False)]
        for g, present in zip(arms, (True, False), strict=True):
            if g is not None:
                size = groups[g].rows.size
                found.append(
                    figure("subgroup", size, lambda one, g=g: group_rates[id(one)][g], **of_pair, present=present)  # type: ignore[misc]
                )
        if arms[0] is not None and arms[1] is not None:
            size = sum(groups[g].rows.size for g in arms if g is not None)

            def gap(one: Answers, arms: list[int | None] = arms) -> _Values:
                rate = group_rates[id(one)]
                return np.asarray(rate[arms[0]] - rate[arms[1]])

            found.append(figure("gap", size, gap, **of_pair))
        split = _split_classes(groups, c, column)
        if split:

            def pull(one: Answers, c: int = c, split: list[tuple[int, int]] = split) -> _Values:
                called = rates(by_group, one.called == c)
                sizes = np.array([[groups[g].rows.size for g in arms] for arms in split])
                weight = sizes.prod(axis=1) / sizes.sum(axis=1)
                differences = np.stack([called[g1] - called[g0] for g1, g0 in split])
                return np.asarray(weight @ differences / weight.sum())

            size = sum(groups[g].rows.size for arms in split for g in arms)
            found.append(figure("pull", size, pull, **of_pair))
    return tuple(found)


def _split_classes(groups: Sequence[Subgroup], class_idx: int, column: int) -> list[tuple[int, int]]:
    """Subgroups with and without a concept of every other class that has both."""
    place = {(one.class_idx, one.present): g for g, one in enumerate(groups) if one.column == column}
    others = sorted({c for c, _ in place} - {class_idx})
    return [(place[c, True], place[c, False]) for c in others if (c, True) in place and (c, False) in place]


def _draws(units: IntArray, rng: np.random.Generator) -> Float64Array:
    """(n, 1 + samples) how often each picture is drawn, the first time once each."""
    n_units = int(units.max()) + 1
    counts = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=_SAMPLES)
    return np.vstack([np.ones(units.size), counts[:, units]]).T.astype(np.float64)


def _rows(
    size: int, n: int, rows: IntArray, weights: Float64Array | None = None, *, columns: IntArray | None = None
) -> sparse.csr_array:
    """(size, n) with each picture's weight, 1 where there is none, in its row."""
    columns = np.arange(n) if columns is None else columns
    data = np.ones(columns.size) if weights is None else weights
    return sparse.csr_array((data, (rows, columns)), shape=(size, n))


def _ratio(hits: Float64Array, total: Float64Array) -> Float64Array:
    return np.asarray(np.divide(hits, total, out=np.full(hits.shape, np.nan), where=total > 0))


def _calibration_error(answers: Answers, right: NDArray[np.bool_], draws: Float64Array) -> _Values:
    """Mean over the pictures of |confidence - accuracy| of their bin."""
    n = right.size
    bins = np.minimum((answers.confidence * _BINS).astype(np.int64), _BINS - 1)
    difference = (answers.confidence - right)[:, None] * draws
    return np.asarray(np.abs(_rows(_BINS, n, bins) @ difference).sum(axis=0) / draws.sum(axis=0))
