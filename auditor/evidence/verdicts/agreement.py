"""Whether an intervention agrees with a gap, and whether a gap is excluded: the rules on one class and one concept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scipy.stats import combine_pvalues

from auditor.evidence.effects.edits import Edited, as_gap
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.effects.swaps import Intervention
from auditor.evidence.pairs.measure import ERASURES, PairEvidence
from auditor.rules import (
    AGREEING_FEW,
    AGREEING_MARGIN_FEW,
    AGREEING_PART,
    DELTA,
    EDITED_MARGIN,
    EDITED_PART,
    EDITED_PULL,
    EDITED_RECALL,
    ERASED_MARGIN,
    ERASED_PULL,
    ERASED_RECALL,
    ERASED_SHARE,
    FILLED,
    GAP_PART,
    MARGIN_DELTA,
    MOST_PULLED,
    NULL_ALPHA,
    PULL_GAP,
    PULLED_DELTA,
    PULLED_SHARE,
    RECALL_GAP,
    TOLERATED,
    TOLERATED_PULLED,
    Rule,
)


def agrees(gap: Gap, erasure: Erasure, transferred: Erasure, part: float = AGREEING_PART, least: float = DELTA) -> bool:
    """Whether erasing the concept takes away a good part of the gap, and more than permuted presence explains.

    Args:
        gap: Observed gap of recall or of pull, or the share that is pulled.
        erasure: E3 of the same sort, fitted on the other pictures of all classes.
        transferred: E3 of the same sort, fitted on the other classes alone, where they vary enough. What goes with
            the concept within this class only (its sub-kinds, the encoder's error on it) has no part in it, nor, for
            a pull, what goes with it within the class of the pictures that are pulled.
        part: Part of the gap that is enough.
        least: And at least this, whatever the gap.
    """
    fitted = [erasure] if transferred.status == "not_identified" else [erasure, transferred]
    enough = max(least, part * gap.effect)
    return all(_shown(one) and one.effect >= enough for one in fitted)


def margins_agree(erased: Erasure, transferred: Erasure, part: float = AGREEING_PART) -> bool:
    """Whether erasing the concept takes away a good part of the margin that goes with it, in the class's pictures.

    Asked of the eraser of all classes and of that of the other classes alone: within one class whatever goes with the
    concept is erased along with it, so its own pictures prove nothing.
    """
    return all(_shown(one) and one.effect >= part for one in (erased, transferred))


def _shown(erasure: Erasure) -> bool:
    return erasure.status == "measured" and erasure.p is not None and erasure.p <= NULL_ALPHA


def agrees_by_counts(pair: PairEvidence) -> bool:
    """Whether erasure agrees with the gap of recall by changed predictions."""
    return agrees(pair.recall, pair.erased_recall, pair.transferred_recall, _part(pair))


def _part(pair: PairEvidence) -> float:
    return AGREEING_FEW if pair.few_pictures else AGREEING_PART


def null_matters(pair: PairEvidence) -> bool:
    """Whether anything hangs on what permuted presence takes away.

    It only ever speaks against an erasure. So where no erasure would agree with a gap, or let an intervention stand
    alone, if permuted presence took nothing at all, it changes nothing to ask it.
    """
    asked = {name: getattr(pair, name) for name in ERASURES}
    best = replace(pair, **{name: replace(one, p=0.0) for name, one in asked.items()})
    of_share = best.pulled_share is not None and share_agrees(best, best.pulled_share)
    return (
        erasure_agrees(best)
        or agrees(best.pull, best.erased_pull, best.transferred_pull, _part(best))
        or of_share
        or swaps_stand_alone(best)
    )


@dataclass(frozen=True, slots=True)
class Supported:
    """An effect that may be tested, since an intervention agrees with it or it is one itself.

    Attributes:
        rule: The rule that measured it.
        gap: The effect.
        agreeing: The rule whose intervention agrees; None where an intervention stands alone.
        part: Part of the pair's level that its test has.
        together: Whether ``gap.p`` is of the gap and the agreeing intervention tested together.
    """

    rule: Rule
    gap: Gap
    agreeing: Rule | None
    part: float
    together: bool = False


def supported(pair: PairEvidence) -> list[Supported]:
    """Those of the gaps, of recall and of pull, that an intervention agrees with, and what swaps show besides."""
    found = []
    # without a gap of recall the pull and the swaps share the level
    part = GAP_PART if pair.recall.status == "measured" else 0.5
    if pair.edits is not None:
        part *= 1 - EDITED_PART
    by_edits = edits_surely(pair.edited)
    if by_edits or erasure_agrees(pair) or swaps_agree(pair):
        by_erasure = ERASED_RECALL if agrees_by_counts(pair) else ERASED_MARGIN
        by_editing = EDITED_RECALL if pair.edited.recall.low > DELTA else EDITED_MARGIN
        agreeing = by_editing if by_edits else by_erasure if erasure_agrees(pair) else FILLED
        found.append(Supported(RECALL_GAP, pair.recall, agreeing, part))
        if swaps_confirm(pair):
            p = float(combine_pvalues([pair.recall.p, pair.swapped.p]).pvalue)
            found.append(Supported(RECALL_GAP, replace(pair.recall, p=p), FILLED, 1 - 2 * GAP_PART, together=True))
    # both tests of a pull share its level
    of_pull = part if pair.pulled_share is None else part / 2
    if by_edits or agrees(pair.pull, pair.erased_pull, pair.transferred_pull, _part(pair)):
        found.append(Supported(PULL_GAP, pair.pull, EDITED_PULL if by_edits else ERASED_PULL, of_pull))
    if pair.pulled_share is not None and share_agrees(pair, pair.pulled_share):
        found.append(Supported(PULLED_SHARE, pair.pulled_share, ERASED_SHARE, of_pull))
    if swaps_stand_alone(pair):
        found.append(Supported(FILLED, pair.swapped.as_gap(), None, part))
    if by_edits:  # one test of both, told by whichever is the surer
        for rule, edited in ((EDITED_RECALL, pair.edited.recall), (EDITED_PULL, pair.edited.pull)):
            if edited.low > DELTA:  # of its own pictures the margin may be what shows it
                found.append(Supported(rule, as_gap(edited, pair.edited.p), None, pair.edited_part))
    return found


def edits_surely(edited: Edited) -> bool:
    """Whether setting a level surely makes a class gain, in its own pictures and in those of others."""
    return _own_surely_gain(edited) and edited.pull.low > DELTA and edited.p <= NULL_ALPHA


def _own_surely_gain(edited: Edited) -> bool:
    """Whether the class's own pictures surely gain, in recall or in margin."""
    return edited.recall.low > DELTA or edited.margin.low > MARGIN_DELTA


def edits_pull(edited: Edited) -> bool:
    """Whether others' pictures are surely pulled, and it does not look as if they only fell.

    The class's own surely gain as well, or most of the others' become it, or, where too few of its own could be edited,
    others are pulled beyond the median wrong class and not from one class alone. A network that only falls pulls up to
    40 points, of two classes into the one that is left, and the class's own gain little.
    """
    if edited.pull.low <= DELTA or edited.pull.p > NULL_ALPHA:
        return False
    few = edited.recall.status == "too_few" and edited.p_pull <= NULL_ALPHA
    return few or _own_surely_gain(edited) or edited.pull.low > MOST_PULLED


def edits_stay(edited: Edited) -> bool:
    """Whether something of what an edit does is left with the object's place as it is, where less is edited."""
    gains = ((edited.recall, DELTA), (edited.margin, MARGIN_DELTA), (edited.pull, DELTA))
    recall, margin, pull = (one.status == "measured" and one.effect > least and one.low > 0 for one, least in gains)
    return (recall or margin) and pull


def edits_exclude(edited: Edited) -> bool:
    """Whether setting a level moves neither the class's pictures nor those of others by more than is tolerated."""
    return all(one.status == "measured" and one.high < TOLERATED for one in (edited.recall, edited.pull))


def share_agrees(pair: PairEvidence, share: Gap) -> bool:
    """Whether erasure agrees with the share that is pulled, in the classes that other folds of pictures name."""
    return agrees(share, pair.erased_share, pair.transferred_share, _part(pair), PULLED_DELTA)


def erasure_agrees(pair: PairEvidence) -> bool:
    """Whether erasure agrees with the gap of recall, by counts or by the margin."""
    of_margin = AGREEING_MARGIN_FEW if pair.few_pictures else AGREEING_PART
    return agrees_by_counts(pair) or margins_agree(pair.erased_margin, pair.transferred_margin, of_margin)


def swaps_agree(pair: PairEvidence) -> bool:
    """Whether fillings make a good part of a gap of recall, where erasure cannot be asked.

    What erasure denies, fillings do not prove: what fills a picture brings along what goes with the concept.
    """
    if pair.recall.status != "measured" or "measured" in (pair.erased_recall.status, pair.erased_margin.status):
        return False
    return swaps_show(pair.swapped) and pair.swapped.effect >= AGREEING_PART * pair.recall.effect


def swaps_show(swapped: Intervention) -> bool:
    """Whether fillings surely make a difference of more than DELTA."""
    return swapped.status == "measured" and swapped.low > DELTA


def swaps_confirm(pair: PairEvidence) -> bool:
    """Whether filling pictures points the same way as a gap of recall, so that both are tested together (Fisher).

    The gap rests on the class's pictures without the concept, the intervention on those with it and on other classes'.
    """
    measured = pair.recall.status == "measured" and pair.swapped.status == "measured" and erasure_agrees(pair)
    return measured and min(pair.recall.effect, pair.swapped.effect) > DELTA and pair.swapped.low > 0


def swaps_stand_alone(pair: PairEvidence) -> bool:
    """Whether the class has too few pictures for a gap of recall, but filling those that it has shows one.

    Erasure must not deny it: where it is measured, of recall or of pull, the pooled and the transferred eraser take
    away something, and more than permuted presence explains.
    """
    if pair.recall.status != "too_few" or not swaps_show(pair.swapped):
        return False
    both = (pair.erased_recall, pair.transferred_recall), (pair.erased_pull, pair.transferred_pull)
    tried = [[one for one in fitted if one.status == "measured"] for fitted in both]
    return not any(tried) or any(fitted and all(_shown(one) and one.effect > 0 for one in fitted) for fitted in tried)


def share_excluded(pair: PairEvidence) -> bool:
    """Whether no more than a tolerated share of what is called the class is pulled; so where it is not asked for."""
    share = pair.pulled_share
    return share is None or share.status == "too_few" or excluded(share, pair.erased_share, TOLERATED_PULLED)


def excluded(gap: Gap, erasure: Erasure, tolerated: float = TOLERATED) -> bool:
    """Whether an effect over the tolerated one is ruled out.

    By the gap's own upper bound; or, where that is too wide, by an estimate within the tolerated effect together
    with an erasure whose upper bound is.
    """
    if gap.status != "measured":
        return False
    if gap.high < tolerated:
        return True
    return gap.effect < tolerated and erasure.status == "measured" and erasure.high < tolerated
