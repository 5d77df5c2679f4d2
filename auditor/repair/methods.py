"""The ways to repair a head, each fitted on some pictures and giving a head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from auditor.records import FloatArray, LinearHead
from auditor.repair.balance import balanced_weights, mistake_weights
from auditor.repair.erase import Eraser, fit_eraser
from auditor.repair.groups import without_groups
from auditor.repair.repair_input import Float64Array, RepairInput
from auditor.repair.reweight import Standardised, refit, standardised
from auditor.repair_records import Method

#: Of the change of the rows that are fitted again, the strongest first: each search begins where the last one ended.
PENALTIES = (0.1, 0.01, 0.001)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method with its penalty."""

    method: Method
    penalty: float | None = None


#: What the average is of. Where nothing can be erased the second would give what the first gives, and is left out.
_AVERAGED: tuple[Method, ...] = ("reweight", "erase+reweight")


def candidates(given: RepairInput, methods: tuple[Method, ...]) -> list[Candidate]:
    """What there is to try: an eraser needs a concept that can be told from the object."""
    found = []
    for method in methods:
        if method.startswith("erase") and given.residual.shape[1] == 0:
            continue
        penalties = PENALTIES if method.endswith("reweight") else (None,)
        found += [Candidate(method, penalty) for penalty in penalties]
    return found


def repaired_heads(given: RepairInput, wanted: list[Candidate]) -> Iterator[tuple[Candidate, LinearHead]]:
    """Every candidate fitted on all the pictures of ``given``; the average comes last.

    The average of linear heads answers as the mean of their logits does: it costs no choice among penalties, which few
    held-out pictures decide. After model soups (Wortsman et al., arXiv:2203.05482).
    """
    average = Candidate("average")
    members = candidates(given, _AVERAGED) if average in wanted else []
    fitted = []
    for one, head in _fitted_heads(given, list(dict.fromkeys([*wanted, *members]))):
        if one in members:
            fitted.append(head)
        if one in wanted:
            yield one, head
    if fitted:
        weight, bias = (np.mean([getattr(head, name) for head in fitted], axis=0) for name in ("weight", "bias"))
        yield average, LinearHead(weight, bias, given.head.multi_label)


def _fitted_heads(given: RepairInput, wanted: list[Candidate]) -> Iterator[tuple[Candidate, LinearHead]]:
    """Those that are fitted one by one: all but the average."""
    eraser: Eraser | None = None
    # without a fold, a concept may be one that cannot be told from the object: then there is nothing to erase
    if given.residual.shape[1] and any(one.method.startswith("erase") for one in wanted):
        eraser = fit_eraser(given.activations, given.labels, given.residual)
    last: dict[Method, LinearHead] = {}
    features: dict[Method, tuple[FloatArray, Standardised]] = {}  # of one method at a time
    for one in wanted:
        if one.method == "average":
            continue
        if one.method == "groups":
            yield one, without_groups(given)
            continue
        taken = eraser if one.method.startswith("erase") else None
        head = given.head if taken is None else taken.folded(given.head)
        if one.penalty is not None:
            if one.method not in features:
                x = given.activations if taken is None else taken.inputs(given.activations)
                features = {one.method: (x, standardised(x))}
            x, scaled = features[one.method]
            head = refit(
                head,
                x,
                given.labels,
                picture_weights(given),
                rows=given.classes,
                penalty=one.penalty,
                start=last.get(one.method),
                scaled=scaled,
            )
            last[one.method] = head
            if taken is not None:
                head = taken.folded(head)  # what is fitted to what is left of x must not read what was erased
        yield one, head


def picture_weights(given: RepairInput) -> Float64Array:
    """By what is known of the concepts; where of none of them anything is, by the model's own mistakes."""
    if given.known.any():
        return balanced_weights(given.labels, given.present, given.known)
    return mistake_weights(given.labels, given.activations @ given.head.weight.T + given.head.bias)
