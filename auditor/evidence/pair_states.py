"""What the evidence says of each pair of class and concept: shown, excluded, open, or not measurable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from auditor.evidence.agreement import excluded, supported
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.many_tests import corrected
from auditor.evidence.pairs import PairEvidence
from auditor.evidence.subgroups import Gap
from auditor.rules import ALPHA

State = Literal["proven", "excluded", "open", "not_measurable"]


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A pair with what was decided on it."""

    pair: PairEvidence
    state: State
    gap: Gap
    by_pull: bool
    strength: float
    by_swaps_alone: bool = False  # ``gap`` is that of an intervention: the class has too few pictures to show one
    with_swaps: bool = False  # ``gap`` is shown together with an intervention: by itself it is not


def _judged(pair: PairEvidence) -> JudgedPair:
    if pair.q <= ALPHA:
        shown = [gap for gap in supported(pair) if corrected(pair, gap) <= ALPHA]
        observed = [gap for gap in shown if gap is pair.recall or gap is pair.pull]
        gap = max(observed or shown, key=lambda one: one.low)
        by_pull = gap is pair.pull
        by_swaps = not by_pull and gap is not pair.recall
        alone = by_swaps and pair.recall.status != "measured"
        # what the reader can check, the gap, comes before the share of the words; neither alone leads
        strength = gap.low + (pair.words.share if pair.words else 0.0)
        return JudgedPair(pair, "proven", gap, by_pull, strength, alone, by_swaps and not alone)
    strength = (pair.words.share if pair.words else 0.0) + max(pair.auc[0] - 0.5, 0.0)
    if pair.recall.status == "not_measurable":
        return JudgedPair(pair, "not_measurable", pair.recall, False, strength)
    pull_done = excluded(pair.pull, pair.erased_pull) or pair.pull.status == "too_few"
    state: State = "excluded" if excluded(pair.recall, pair.erased_recall) and pull_done else "open"
    by_pull = excluded(pair.recall, pair.erased_recall)
    return JudgedPair(pair, state, pair.pull if by_pull else pair.recall, by_pull, strength)


def judged_pairs(inputs: EvidenceInput, pairs: Sequence[PairEvidence]) -> list[JudgedPair]:
    """All pairs of a class, the strongest first.

    The manifest knows better than the encoder whether a concept is there: what its attribute excludes, the word of the
    same name does not prove.
    """
    judged = {pair.concept_idx: _judged(pair) for pair in pairs}
    for attribute, word in inputs.same_as.items():
        if attribute in judged and word in judged and judged[attribute].state == "excluded":
            state: State = "open" if judged[word].state == "proven" else "excluded"
            judged[word] = replace(judged[word], state=state)
    return sorted(judged.values(), key=lambda j: (-j.strength, j.pair.concept_idx))


def told_once(inputs: EvidenceInput, judged: Sequence[JudgedPair]) -> list[JudgedPair]:
    """Without the attributes whose word is among them: they are told in its line."""
    among = {j.pair.concept_idx for j in judged}
    return [j for j in judged if inputs.same_as.get(j.pair.concept_idx) not in among]


def other_source(inputs: EvidenceInput, judged: Sequence[JudgedPair], lead: JudgedPair) -> PairEvidence | None:
    """The manifest's attribute for a word, the encoder's word for an attribute; None where there is one source only."""
    v = lead.pair.concept_idx
    pairs = {j.pair.concept_idx: j.pair for j in judged}
    return next((pairs[o] for pair in inputs.same_as.items() if v in pair for o in pair if o != v and o in pairs), None)
