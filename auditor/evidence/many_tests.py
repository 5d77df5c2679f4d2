"""Correction for many tests: which pairs count as tests, and what is left of their p-values."""

from __future__ import annotations

import numpy as np

from auditor.evidence import significance
from auditor.evidence.agreement import supported
from auditor.evidence.class_states import MIN_CLASS, testable
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs import Measured

#: Level of the corrected tests.
ALPHA = 0.05


def correct_for_many_tests(inputs: EvidenceInput, measured: Measured) -> None:
    """Fill ``p`` and ``q``: Holm over a class's testable context concepts, Benjamini-Hochberg over the classes.

    A pair's p is that of its better gap among those that E3 agrees with, doubled, since there are two. Within the
    discovered classes a pair is tested at the level that discovery left (Benjamini & Bogomolov 2014).
    """
    analysed = np.flatnonzero(measured.n_labelled >= MIN_CLASS)
    smallest = np.ones(len(inputs.class_names))
    adjusted: dict[int, float] = {}
    for c in range(len(inputs.class_names)):
        pairs = [pair for pair in measured.pairs if pair.class_idx == c and pair.screened]
        for pair in pairs:
            pair.p = min([1.0] + [2 * gap.p for gap in supported(pair)])
        within = significance.holm([pair.p for pair in pairs], n_tests=testable(inputs, measured, c).size)
        adjusted.update({id(pair): float(p) for pair, p in zip(pairs, within, strict=True)})
        smallest[c] = min([1.0, *within.tolist()])
    class_q = np.ones(len(inputs.class_names))
    class_q[analysed] = significance.benjamini_hochberg(smallest[analysed])
    n_found = max(int((class_q[analysed] <= ALPHA).sum()), 1)
    for pair in measured.pairs:
        if pair.screened:
            scaled = adjusted[id(pair)] * analysed.size / n_found
            pair.q = float(min(1.0, max(class_q[pair.class_idx], scaled)))
