"""Whether erasure agrees with a gap, and whether a gap is excluded: the rules on one pair of class and concept."""

from __future__ import annotations

from auditor.evidence.pairs import PairEvidence
from auditor.evidence.reliance import Erasure
from auditor.evidence.subgroups import DELTA, Gap

#: E3 agrees with a gap when it takes away at least this part of it, and DELTA.
AGREEING_PART = 0.25
#: E3 agrees by margins when it takes away at least this part of the margin that goes with the concept.
AGREEING_MARGIN = 0.10
#: Level at which an erasure must exceed what erasers fitted to permuted presence take away.
NULL_ALPHA = 0.05
#: An effect whose upper bound lies below this is tolerated: the concept is excluded.
TOLERATED = 0.10


def agrees(gap: Gap, erasure: Erasure, transferred: Erasure) -> bool:
    """Whether erasing the concept takes away a good part of the gap, and more than permuted presence explains.

    Args:
        gap: Observed gap of recall or of pull.
        erasure: E3 of the same sort, fitted on the other pictures of all classes.
        transferred: E3 of the same sort, fitted on the other classes alone, where they vary enough. What goes with
            the concept within this class only (its sub-kinds, the encoder's error on it) has no part in it, nor, for
            a pull, what goes with it within the class of the pictures that are pulled.
    """
    fitted = [erasure] if transferred.status == "not_identified" else [erasure, transferred]
    enough = max(DELTA, AGREEING_PART * gap.effect)
    return all(_shown(one) and one.effect >= enough for one in fitted)


def margins_agree(erased: Erasure, transferred: Erasure) -> bool:
    """Whether erasing the concept takes away a good part of the margin that goes with it, in the class's pictures.

    Asked of the eraser of all classes and of that of the other classes alone: within one class whatever goes with the
    concept is erased along with it, so its own pictures prove nothing.
    """
    return all(_shown(one) and one.effect >= AGREEING_MARGIN for one in (erased, transferred))


def _shown(erasure: Erasure) -> bool:
    return erasure.status == "measured" and erasure.p is not None and erasure.p <= NULL_ALPHA


def agrees_by_counts(pair: PairEvidence) -> bool:
    """Whether erasure agrees with the gap of recall by changed predictions."""
    return agrees(pair.recall, pair.erased_recall, pair.transferred_recall)


def supported(pair: PairEvidence) -> list[Gap]:
    """Those of the gaps, of recall and of pull, that erasure agrees with."""
    gaps = []
    if agrees_by_counts(pair) or margins_agree(pair.erased_margin, pair.transferred_margin):
        gaps.append(pair.recall)
    if agrees(pair.pull, pair.erased_pull, pair.transferred_pull):
        gaps.append(pair.pull)
    return gaps


def excluded(gap: Gap, erasure: Erasure) -> bool:
    """Whether an effect over the tolerated one is ruled out.

    By the gap's own upper bound; or, where that is too wide, by an estimate within the tolerated effect together
    with an erasure whose upper bound is.
    """
    if gap.status != "measured":
        return False
    if gap.high < TOLERATED:
        return True
    return gap.effect < TOLERATED and erasure.status == "measured" and erasure.high < TOLERATED
