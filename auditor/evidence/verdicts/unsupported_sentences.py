"""What is said of what goes with a class in the data and does not make it suspect: a gap, an edit, the rest."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts import edit_sentences
from auditor.evidence.verdicts.claim_sentences import named_shortly
from auditor.evidence.verdicts.clean_claim import WeakestPoint
from auditor.evidence.verdicts.sentences import fitted_erasers, pull_line, recall_line
from auditor.evidence.verdicts.suspicion import surely_over
from auditor.figures import coefficient, counted, percent, points
from auditor.rules import AGREEING_PART, DELTA, PULL_GAP, PULLED_SHARE, RECALL_GAP, Rule

#: Concepts that go with a class and are named.
_NAMED = 3


def surest_gap(pairs: Sequence[PairEvidence]) -> tuple[PairEvidence, Rule, Gap] | None:
    """Of all gaps that are surely over DELTA the one with the largest lower bound."""
    gaps = [(pair, rule, gap) for pair in pairs for rule, gap in _gaps(pair)]
    return max(gaps, key=lambda one: one[2].low, default=None)


def has_rates_of(surest: tuple[PairEvidence, Rule, Gap] | None, weakest: WeakestPoint | None) -> bool:
    """Whether the line of the surest gap has the rates of a class's weakest point."""
    if surest is None or weakest is None:
        return False
    pair, rule, _ = surest
    return weakest.concept_idx == pair.concept_idx and rule is (PULL_GAP if weakest.by_pull else RECALL_GAP)


def unsupported(inputs: EvidenceInput, pairs: Sequence[PairEvidence]) -> tuple[str, ...]:
    """Lines of the surest gap, with what erasing takes of it, of the first edit that pulls, and of all others.

    Args:
        inputs: What was judged.
        pairs: Those of one class, the strongest first.
    """
    edited = [pair for pair in pairs if pair.edits is not None and pair.edited.pull.low > DELTA]
    with_gap = [pair for pair in pairs if _gaps(pair)]
    return (
        _gap(inputs, with_gap),
        *(edit_sentences.tried(pair, inputs.class_names[pair.class_idx]) for pair in edited[:1]),
        _in_data(inputs, [pair for pair in pairs if not any(pair is one for one in (*with_gap, *edited))]),
    )


def _gaps(pair: PairEvidence) -> list[tuple[Rule, Gap]]:
    gaps = (RECALL_GAP, pair.recall), (PULL_GAP, pair.pull), (PULLED_SHARE, pair.pulled_share)
    return [(rule, gap) for rule, gap in gaps if gap is not None and surely_over(gap)]


def _gap(inputs: EvidenceInput, with_gap: Sequence[PairEvidence]) -> str:
    surest = surest_gap(with_gap)
    if surest is None:
        return ""
    pair, rule, gap = surest
    concept, name = named_shortly(inputs, pair.concept_idx), inputs.class_names[pair.class_idx]
    if rule is RECALL_GAP:
        told = recall_line(gap, concept)
    elif rule is PULL_GAP:
        told = pull_line(gap, name, concept)
    else:
        part = percent(gap.effect, gap.low, gap.high)
        told = f'Pulled share: {part} of what is called "{name}" are pictures of other classes with {concept}'
    more = counted(len(with_gap) - 1, "more concept")
    others = f" {more} {'has' if len(with_gap) == 2 else 'have'} such a gap." if len(with_gap) > 1 else ""
    return f"{told}; {_of_erasing(inputs, pair, rule, gap)}.{others}"


def _of_erasing(inputs: EvidenceInput, pair: PairEvidence, rule: Rule, gap: Gap) -> str:
    if inputs.head is None:
        return "there is no model to intervene on"
    tried = [one for one in fitted_erasers(pair, rule) if one.status == "measured"]
    if not tried:
        return "erasing it could not be tried, so nothing says that the model uses it"
    least = min(tried, key=lambda one: one.effect)
    bounds = least.effect, least.low, least.high
    taken = percent(*bounds) if rule is PULLED_SHARE else points(*bounds, unit="points")
    enough = max(DELTA, AGREEING_PART * gap.effect)
    less = "so something that goes with it may be the cause"
    return f"erasing it takes away {taken} of that, {less if least.effect < enough else 'not surely more than chance'}"


def _in_data(inputs: EvidenceInput, pairs: Sequence[PairEvidence]) -> str:
    """What goes with a class without a sign of the model, as a line; nothing where nothing does."""
    if not pairs:
        return ""
    named = [named_shortly(inputs, one.concept_idx, f"AUC {coefficient(one.auc[0])}") for one in pairs[:_NAMED]]
    more = len(pairs) - _NAMED
    named += [f"{more:,} more"] if more > 0 else []
    if len(named) == 1:
        return f"Association: {named[0]} goes with it in these data; nothing says that the model uses it."
    told = f"{', '.join(named[:-1])} and {named[-1]}"
    return f"Association: {told} go with it in these data; nothing says that the model uses them."
