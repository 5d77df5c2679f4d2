"""Columns of the manifest with a sure and large gap although no intervention agrees: they are looked into first.

Somebody named the column and knows its values. A class that is recognised by so much more often with one of them is not
clean whatever erasure says, and a word that goes along with the column by chance must not be suspected in its place.
"""

from __future__ import annotations

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import Measured, PairEvidence
from auditor.evidence.verdicts.many_tests import correct_for_many_tests
from auditor.rules import ALPHA, HIGH


def mark_sure_columns(inputs: EvidenceInput, measured: Measured) -> None:
    """Fill ``sure``: a gap over DELTA after the correction for many tests, and over HIGH by its lower bound.

    The same is asked of losses (:func:`auditor.evidence.verdicts.harm.suspected`). ``p`` and ``q`` are those of this
    question until verdicts correct for many tests in turn.
    """
    columns = {v for v, one in enumerate(inputs.concepts) if one.column is not None and not one.is_property}
    if not columns:
        return
    correct_for_many_tests(inputs, measured, lambda pair: _p(pair) if pair.concept_idx in columns else 1.0)
    for pair in measured.pairs:
        large = any(gap.status == "measured" and gap.low >= HIGH for gap in _gaps(pair))
        pair.sure = pair.concept_idx in columns and large and pair.q <= ALPHA


def _p(pair: PairEvidence) -> float:
    """Of the surest of its gaps, between which the pair's level is divided."""
    gaps = _gaps(pair)
    return min(1.0, len(gaps) * min(gap.p for gap in gaps))


def _gaps(pair: PairEvidence) -> list[Gap]:
    return [gap for gap in (pair.recall, pair.pull, pair.pulled_share) if gap is not None]
