"""What is said of a class without a finding: how large a gap may still be, of what, and what is not covered."""

from __future__ import annotations

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.clean_claim import CleanClaim, WeakestPoint
from auditor.evidence.verdicts.sentences import Sentence, rate_of
from auditor.figures import counted, percent, points
from auditor.rules import COVERED_PART, MIN_ARM, POWER

#: Concepts outside the claim that are named.
_NAMED = 3
#: The chance that numbers of pictures and smallest gaps are told for, in words.
_MOSTLY = f"{round(10 * POWER)} of 10 such audits"


def bounded(inputs: EvidenceInput, claim: CleanClaim) -> str:
    """'Bound: a gap that may have been missed is at most 12 points by the manifest's columns (site = b) and …'."""
    told = []
    by_example = [inputs.concepts[v].by_example for v in claim.members[claim.of_column]]
    known = "columns and examples" if any(by_example) else "the manifest's columns"
    for of_column, whose in ((True, "examples" if by_example and all(by_example) else known), (False, "words")):
        largest = claim.bound_of(of_column=of_column)
        if largest is not None:
            bound, v = largest
            told.append(f"at most {points(bound, unit='points')} by {whose} ({inputs.concepts[v].term})")
    return f"Bound: a gap that may have been missed is {' and '.join(told)}."


def detectable(effect: float | None, *, of_half: bool) -> list[str]:
    """The smallest gap that would have been shown, as a line or none."""
    if effect is None:
        return []
    whose = " by half of the concepts" if of_half else ""
    size = points(effect, unit="points")
    return [f"Smallest gap: {_MOSTLY} would have shown one of {size}{whose}, where erasure agrees."]


def coverage(inputs: EvidenceInput, claim: CleanClaim) -> str:
    """What the claim does not cover, as a line."""
    if not claim.outside:
        return "Coverage: named concepts only."
    names = ", ".join(inputs.concepts[v].term for v in claim.outside[:_NAMED])
    more = " …" if len(claim.outside) > _NAMED else ""
    unfit = "" if claim.words_bear else f" Words are not relied on, as {_unfit(claim)}."
    return (
        f"Coverage: named concepts only, except {len(claim.outside):,} that too few pictures have or lack, or that "
        f"the encoder cannot tell ({names}{more}).{unfit}"
    )


def _unfit(claim: CleanClaim) -> str:
    """Why nothing is claimed by words."""
    if not claim.fit:
        return "the encoder cannot tell in which pictures most words are"
    if not claim.told_apart:
        return "the encoder cannot tell context from this class"
    return f"the encoder tells a scene in only {percent(claim.placed)} of its pictures"


def not_shown(
    inputs: EvidenceInput,
    name: str,
    claim: CleanClaim,
    weakest: WeakestPoint | None,
    effect: float | None,
    *,
    told: bool = False,
) -> Sentence:
    """State: nothing was shown, on pictures that could not have shown it.

    Args:
        inputs: What was judged.
        name: Of the class.
        claim: What can be claimed of it.
        weakest: What is not excluded, and is the largest.
        effect: The smallest gap that would have been shown.
        told: Whether another line has the gap of the weakest point with its rates.
    """
    seen = detectable(effect, of_half=True)
    if claim.bound is None and claim.told_apart and not claim.words_bear:
        return Sentence(
            f'Nothing was shown for "{name}", but {_unfit(claim)}, so words cannot say that there is nothing',
            (*seen, coverage(inputs, claim)),
            "A column of the manifest that says where they were taken, or words for it in the vocabulary, would.",
        )
    if weakest is None:
        return Sentence(
            f'Nothing was shown for "{name}", but no concept is in enough of its pictures, and absent from enough, to '
            "claim that there is nothing",
            (*seen, coverage(inputs, claim)),
            f"A concept counts from {MIN_ARM} pictures and {percent(COVERED_PART)} of the class on, with it and "
            "without it.",
        )
    tolerance = points(claim.tolerance, unit="points")
    others = claim.n_open - 1
    nor = f", nor one over {tolerance} by {counted(others, 'more concept')}" if others else ""
    return Sentence(
        f'Nothing was shown for "{name}", but in these pictures a gap of up to {points(claim.bound, unit="points")} by '
        f"{named_shortly(inputs, weakest.concept_idx)} is not excluded{nor}",
        (*([] if told else [_counts(weakest)]), *seen, coverage(inputs, claim)),
        _missing(weakest, tolerance),
    )


def pulled(concept: str, name: str, share: Gap) -> Sentence:
    """State: no reliance was shown, but too much of what is called the class are other classes' pictures."""
    part = percent(share.effect, share.low, share.high)
    return Sentence(
        f'The model was not shown to rely on anything for "{name}", but other classes\' pictures are called so more '
        f"often with {concept}",
        (
            f"Pulled share: {part} of what is called it; something that goes with it may be the cause.",
            "Coverage: named concepts only.",
        ),
    )


def named_shortly(inputs: EvidenceInput, v: int, more: str = "") -> str:
    """A word with its kind, and a column, whose name says what it is; with what more is told of it in brackets."""
    concept = inputs.concepts[v]
    told = ", ".join(part for part in ("" if concept.column else concept.kind.replace("_", " "), more) if part)
    return f"{concept.term} ({told})" if told else concept.term


def _counts(weakest: WeakestPoint) -> str:
    if weakest.by_pull:
        return f"Pull: it is in {weakest.n_with:,} pictures of other classes and absent from {weakest.n_without:,}."
    without, with_it = rate_of(weakest.x_without, weakest.n_without), rate_of(weakest.x_with, weakest.n_with)
    return f"Recall gap: without it {without} are recognised, with it {with_it}."


def _missing(weakest: WeakestPoint, tolerance: str) -> str:
    if weakest.more_with is None or weakest.more_without is None:
        return "The encoder's own errors would hide it in any number of pictures."
    whose = " of other classes" if weakest.by_pull else ""
    sides = [
        f"{n:,} more pictures{whose} {side} it"
        for n, side in ((weakest.more_with, "with"), (weakest.more_without, "without"))
        if n
    ]
    if not sides:
        return "The gap that was seen lies near the tolerance or over it: more pictures alone need not exclude it."
    apart = ", each of another group" if weakest.grouped else ""
    return f"Missing: {' and '.join(sides)}{apart}. If there is no gap, {_MOSTLY} then exclude one of {tolerance}."
