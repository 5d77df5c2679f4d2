"""The plain pull of every class at once: which concepts make other classes' pictures be called it, before any test.

Class by class that is a table of C x V counts for each of C classes. A difference of rates is linear in the pictures
that are called the class, though: each adds w / n of its own class's arm. So one product of "who is called what" with
the pictures' presence gives all C x V differences, and only the few that can matter are then counted out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from auditor.evidence.effects.association import present_counts
from auditor.evidence.effects.significance import TwoArms
from auditor.records import BoolArray, IntArray

Float64Array = NDArray[np.float64]

_ROWS_AT_ONCE = 4096
#: The product adds up in another order than :func:`~auditor.evidence.effects.significance.risk_difference`.
_ROUNDING = 1e-9


def may_be_pulled(
    present: BoolArray,
    absent: BoolArray,
    labels: IntArray,
    called: IntArray,
    n_with: IntArray,
    n_without: IntArray,
    *,
    above: float,
    copies: IntArray | None = None,
) -> BoolArray:
    """Pairs whose plain pull, stratified by the pictures' own classes, exceeds ``above``; ties are among them.

    Args:
        present: (N, V) pictures with each concept.
        absent: (N, V) pictures that are known to be without it.
        labels: (N,), -1 for none.
        called: (N,) class that each picture is called, -1 for none.
        n_with: (C, V) pictures of every class with each concept.
        n_without: (C, V) pictures without it.
        above: Difference of rates that is looked for.
        copies: (N,) codes of copies, which are one picture, or None.

    Returns:
        (C, V) for the pull *towards* each class.
    """
    n1, n0 = n_with.astype(np.float64), n_without.astype(np.float64)
    weight = TwoArms(n1, n1, n0, n0).weights
    summed = np.zeros(weight.shape)
    for arm, of_one in ((present, weight / np.maximum(n1, 1)), (absent, -weight / np.maximum(n0, 1))):
        for source, to, there in _false_calls(arm, labels, called, copies):
            calls = sparse.csr_array(
                (np.ones(to.size), (to, np.arange(to.size))), shape=(len(weight), to.size), dtype=np.float64
            )
            summed += calls @ (there * of_one[source])
    others = weight.sum(axis=0) - weight
    return np.asarray((others > _ROUNDING) & (summed > above * others - _ROUNDING))


def _false_calls(
    arm: BoolArray, labels: IntArray, called: IntArray, copies: IntArray | None
) -> Iterator[tuple[IntArray, IntArray, BoolArray]]:
    """Pictures that are called another class: their class, what they are called, and the concepts (b, V) of the arm.

    Copies of one class are one picture, which is called what at least half of those with the concept are, as
    :func:`~auditor.evidence.effects.association.present_counts` has it.
    """
    labelled = np.flatnonzero(labels >= 0)
    alone = labelled
    if copies is not None:
        _, unit, size = np.unique(
            np.stack([copies[labelled], labels[labelled]]), axis=1, return_inverse=True, return_counts=True
        )
        unit = unit.ravel()
        alone, again = labelled[size[unit] == 1], labelled[size[unit] > 1]
        of_unit = np.unique(unit[size[unit] > 1], return_inverse=True)[1].ravel()
        said = np.flatnonzero(called[again] >= 0)
        (unit_of, to), pair = np.unique(np.stack([of_unit, called[again]])[:, said], axis=1, return_inverse=True)
        there = present_counts(arm[again], of_unit, int(of_unit.max(initial=-1)) + 1)
        held = present_counts(arm[again[said]], pair.ravel(), unit_of.size)
        source = np.zeros(len(there), dtype=np.int64)
        source[of_unit] = labels[again]
        false = source[unit_of] != to
        shown = there[unit_of]
        yield source[unit_of][false], to[false], ((shown > 0) & (2 * held >= shown))[false]
    rows = alone[(called[alone] >= 0) & (called[alone] != labels[alone])]
    for start in range(0, rows.size, _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        yield labels[part], called[part], arm[part]
