"""Halves of a class that the model treats differently and that nothing named tells apart: for a person to look at.

What the head has for a picture's class over its strongest rival is explained, as far as that goes, by the concepts and
columns that are in the picture and by how hard it is to the encoder. What is left sorts the pictures: the upper half
has more of something than the lower one. It is learnt on one half of the class's pictures, and counted and shown on
the other. That the upper half is recognised more often follows from how it is sorted, so it proves nothing
(decision 0034); what differs in the pictures is for a person to name.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from auditor.concept_records import UnnamedLead
from auditor.evidence.effects import significance
from auditor.evidence.effects.gaps import counted_arms
from auditor.evidence.effects.name_hash import hashed
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.unnamed_sentences import two_halves
from auditor.records import FloatArray, IntArray
from auditor.rules import CONFIDENCE, DELTA, MIN_ARM

_Doubles = NDArray[np.float64]
#: Pictures of a half that are shown.
_SHOWN = 12
#: How strongly coefficients are drawn to zero, of standardised concepts: the learnt half itself chooses.
_PENALTIES = (1.0, 10.0, 100.0, 1000.0)


def unnamed_leads(inputs: EvidenceInput) -> list[UnnamedLead]:
    """The classes whose halves differ in recall by more than :data:`DELTA`, by the lower bound; by class.

    As fixed places, they are looked for in audits whose maps are known, and not where a head is tried.
    """
    if inputs.head_chunks is None or inputs.places is None:
        return []
    margins = _margins(inputs.label_idx, inputs.head_chunks())
    found = []
    for c, name in enumerate(inputs.class_names):
        rows = np.flatnonzero(inputs.label_idx == c)
        learnt, held = _halves(inputs, rows)
        if min(learnt.size, held.size) < 2 * MIN_ARM:
            continue
        left, middle = _left_over(inputs, margins, c, learnt, held)
        groups = np.arange(held.size) if inputs.groups is None else inputs.groups[held]
        copies = None if inputs.copies is None else inputs.copies[held]
        left = _by_group(left, groups)
        upper, right = left > middle, inputs.predicted_idx[held] == c
        counted = counted_arms(upper, right, np.zeros(held.size, dtype=np.int64), groups, copies)
        if not counted.enough:
            continue
        low, high = (float(end) for end in significance.score_interval(counted.tables, confidence=CONFIDENCE))
        if low <= DELTA:
            continue
        (n_right, n_right_second), (n_first, n_second) = counted.x_counts, counted.n_counts
        gap = n_right / n_first - n_right_second / n_second
        order = np.lexsort((groups, -left))
        found.append(
            UnnamedLead(
                class_idx=c,
                class_name=name,
                n_first=n_first,
                n_first_correct=n_right,
                n_second=n_second,
                n_second_correct=n_right_second,
                gap=gap,
                low=low,
                high=high,
                first_ids=_shown(inputs, held[order[upper[order]]]),
                second_ids=_shown(inputs, held[order[~upper[order]]][::-1]),
                sentence=two_halves(name, (n_right, n_right_second), (n_first, n_second), low, high),
            )
        )
    return found


def _margins(label_idx: IntArray, chunks: Iterable[tuple[slice, FloatArray, FloatArray]]) -> _Doubles:
    """(N,) logit of the label less the largest other one; NaN without a label."""
    margins = np.full(len(label_idx), np.nan)
    for rows, _, logits in chunks:
        labels = label_idx[rows]
        known = np.flatnonzero(labels >= 0)
        others = logits[known].astype(np.float64)
        own = others[np.arange(known.size), labels[known]].copy()
        others[np.arange(known.size), labels[known]] = -np.inf
        margins[np.arange(rows.start, rows.stop)[known]] = own - others.max(axis=1)
    return margins


def _halves(inputs: EvidenceInput, rows: IntArray) -> tuple[IntArray, IntArray]:
    """A half to learn on and one to look at, by the hash of ids; a group is in one of them."""
    names = inputs.image_ids if inputs.groups is None else [f"group {code}" for code in inputs.groups]
    keys = hashed(f"{inputs.seed}\x00halves\x00{names[row]}" for row in rows)
    learnt = keys % np.uint64(2) == 0
    return rows[learnt], rows[~learnt]


def _by_group(left: _Doubles, groups: IntArray) -> _Doubles:
    """The mean of its group (n,) for every picture: copies, or the pictures of one patient, are in one half."""
    _, member = np.unique(groups, return_inverse=True)
    return np.asarray((np.bincount(member, weights=left) / np.bincount(member))[member], dtype=np.float64)


def _shown(inputs: EvidenceInput, rows: IntArray) -> tuple[str, ...]:
    """The first pictures, one of each group."""
    if inputs.groups is not None:
        rows = rows[np.sort(np.unique(inputs.groups[rows], return_index=True)[1])]
    return tuple(inputs.image_ids[row] for row in rows[:_SHOWN])


def _left_over(
    inputs: EvidenceInput, margins: _Doubles, c: int, learnt: IntArray, held: IntArray
) -> tuple[_Doubles, float]:
    """What is left of the margins of the held pictures, and the median of what is left of the learnt ones."""
    presence = np.where(np.isfinite(inputs.presence), inputs.presence, np.nan)
    named = np.column_stack([presence, inputs.class_prompt_score[:, c]]).astype(np.float64)
    known = np.isfinite(named[learnt]).any(axis=0)
    explain = make_pipeline(SimpleImputer(), StandardScaler(), RidgeCV(alphas=_PENALTIES))
    explain.fit(named[learnt][:, known], margins[learnt])
    left = margins[held] - explain.predict(named[held][:, known])
    middle = float(np.median(margins[learnt] - explain.predict(named[learnt][:, known])))
    return np.asarray(left, dtype=np.float64), middle
