"""Correction for many tests: which pairs share the level, and what is left of their p-values.

Within a class the concepts that the data associate with it (E2) are one family and all others a second one, each with
a part of the level and Holm's method within. E2 compares presence with labels and never looks at a prediction, so the
family that a concept is in says nothing about the test of its gap, and both families keep their level. The words of
the model (E1) must not choose a family: they come from the decisions that are tested.

Columns of the manifest are split likewise, into two families of their own: somebody named these few, and they would
share the level with a hundred words that nobody asked for. What was measured of the pictures, which nobody asked for
either, are two more, with a small part; where the encoder cannot tell context from the class (decision 0036) they have
the words' part, and the words the small one. The parts of all families add up to the level.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from auditor.evidence.effects import significance
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence, testable
from auditor.evidence.verdicts.agreement import Supported, supported
from auditor.records import BoolArray, IntArray
from auditor.rules import ALPHA, ASSOCIATED_PART, COLUMN_PART, MIN_CLASS, PROPERTY_PART


def surest_supported(pair: PairEvidence) -> float:
    """The best p of what an intervention supports, each divided by its part of the pair's level."""
    return min([1.0] + [one.gap.p / one.part for one in supported(pair)])


def correct_for_many_tests(
    inputs: EvidenceInput, measured: Measured, p_of: Callable[[PairEvidence], float] = surest_supported
) -> None:
    """Fill ``p``, as ``p_of`` has it, and ``q``: Holm within a class's families, Benjamini-Hochberg over the classes.

    Within the discovered classes a pair is tested at the level that discovery left (Benjamini & Bogomolov 2014), and
    ``bar`` is the p that would just do: what is shown is told as one that had to be below it.
    """
    analysed = np.flatnonzero(measured.n_labelled >= MIN_CLASS)
    smallest = np.ones(len(inputs.class_names))
    by_class: list[dict[int, PairEvidence]] = [{} for _ in inputs.class_names]
    for pair in measured.pairs:
        if pair.screened:
            pair.p = p_of(pair)
            by_class[pair.class_idx][pair.concept_idx] = pair
    for c, pairs in enumerate(by_class):
        if not pairs:
            continue
        for family, part in itertools.chain.from_iterable(of for _, of in _families(inputs, measured, c)):
            mine = [pairs[v] for v in family.tolist() if v in pairs]
            within = significance.holm([pair.p for pair in mine], n_tests=family.size)
            for pair, p in zip(mine, within, strict=True):
                pair.q = min(float(p) / part, 1.0)
        smallest[c] = min([1.0, *(pair.q for pair in pairs.values())])
    class_q = np.ones(len(inputs.class_names))
    class_q[analysed] = significance.benjamini_hochberg(smallest[analysed])
    n_found = max(int((class_q[analysed] <= ALPHA).sum()), 1)
    for c, pairs in enumerate(by_class):
        for pair in pairs.values():
            of_found = pair.q * analysed.size / n_found
            pair.bar = float(ALPHA * pair.p / of_found) if of_found > 0 else ALPHA
            pair.q = float(min(1.0, max(class_q[c], of_found)))


def corrected(pair: PairEvidence, one: Supported) -> float:
    """What the pair's q would be if this were all that is supported."""
    return min(1.0, pair.q * one.gap.p / one.part / pair.p) if pair.p > 0 else pair.q


def n_tests(inputs: EvidenceInput, measured: Measured, c: int) -> NDArray[np.float64]:
    """(V,) by what Bonferroni would divide class c's level for each concept, or would if it were tested."""
    shared = np.ones(len(inputs.concepts))
    for of_kind, families in _families(inputs, measured, c):
        divided = [max(family.size, 1) / part for family, part in families]
        shared[of_kind] = np.where(measured.by_data[c, of_kind], divided[0], divided[-1])
    return shared


def family_sizes(inputs: EvidenceInput, measured: Measured, c: int) -> IntArray:
    """(V,) how many tests of class c share a part of its level with that of each concept."""
    sizes = np.ones(len(inputs.concepts), dtype=np.int64)
    for of_kind, families in _families(inputs, measured, c):
        of_each = [max(family.size, 1) for family, _ in families]
        sizes[of_kind] = np.where(measured.by_data[c, of_kind], of_each[0], of_each[-1])
    return sizes


def n_tests_of_audit(inputs: EvidenceInput, measured: Measured, c: int) -> NDArray[np.float64]:
    """(V,) the same with the classes: Benjamini-Hochberg leaves a class that is found alone one part in C of the level.

    The worst case, which is what an effect that "would have been shown" must stand.
    """
    analysed = int((measured.n_labelled >= MIN_CLASS).sum())
    return n_tests(inputs, measured, c) * max(analysed, 1)


def _families(
    inputs: EvidenceInput, measured: Measured, c: int
) -> list[tuple[BoolArray, list[tuple[IntArray, float]]]]:
    """Columns, properties, words: which concepts they are, (V,), and the families of what class c can be tested on.

    Each has more of the level where nothing of another can be tested.
    """
    tested = testable(inputs, measured, c)
    measured_ones = np.array([concept.is_property for concept in inputs.concepts], dtype=np.bool_)
    of_column = ~measured_ones & np.array([concept.column is not None for concept in inputs.concepts], dtype=np.bool_)
    words = ~measured_ones & ~of_column
    of_kind = [(kind, tested[kind[tested]]) for kind in (of_column, measured_ones, words)]
    parts = _parts(*(one.size > 0 for _, one in of_kind), words_tell=measured.fit.tells_context[c])
    return [(kind, _by_association(measured, c, one, part)) for (kind, one), part in zip(of_kind, parts, strict=True)]


def _parts(columns: bool, properties: bool, words: bool, *, words_tell: bool) -> tuple[float, float, float]:
    """Of the level, for what can be tested of each; what has nothing leaves its part to the others.

    Where the encoder sees the class in every word, words and what was measured change places.
    """
    of_properties = PROPERTY_PART if columns or words else 1.0
    left = 1 - of_properties if properties and of_properties < 1 else 1.0
    of_words = left * (1 - COLUMN_PART if columns else 1.0)
    if properties and words and not words_tell:
        of_properties, of_words = of_words, of_properties
    return left * (COLUMN_PART if words else 1.0), of_properties, of_words


def _by_association(measured: Measured, c: int, tested: IntArray, level: float) -> list[tuple[IntArray, float]]:
    """Concepts that E2 lets through, then the others, each with its part of the level."""
    associated = measured.by_data[c, tested]
    if associated.all() or not associated.any():
        return [(tested, level)]
    return [(tested[associated], level * ASSOCIATED_PART), (tested[~associated], level * (1 - ASSOCIATED_PART))]
