"""What the evidence says of each pair of class and concept: shown, excluded, open, or not measurable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.stats import chi2

from auditor.evidence.effects.after_selection import after_selection
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.presence.families import family_of, members_of, namesakes
from auditor.evidence.verdicts.agreement import (
    Supported,
    edits_exclude,
    edits_pull,
    edits_stay,
    edits_surely,
    excluded,
    share_excluded,
    supported,
)
from auditor.evidence.verdicts.many_tests import corrected
from auditor.records import Reason
from auditor.rules import ALPHA, DELTA, EDITED_PULL, PULL_GAP, PULLED_DELTA, PULLED_SHARE, RECALL_GAP, Rule

State = Literal["proven", "excluded", "open", "not_measurable"]


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A pair with what was decided on it, and by which rule.

    Attributes:
        pair: What was measured.
        state: What was decided.
        rule: The rule that decided it, or that would.
        gap: The effect by that rule; of what is proven, given that it was (see ``after_selection``).
        strength: By which pairs of a class are put in order, columns and words each among themselves.
        agreeing: The rule whose intervention agrees; None where none does, or where the rule is one itself.
        together: Whether the gap is shown only together with the intervention that agrees.
    """

    pair: PairEvidence
    state: State
    rule: Rule
    gap: Gap
    strength: float
    agreeing: Rule | None = None
    together: bool = False
    #: Shown, but of the whole frame's colour or light, and not with the object's place left as it is.
    may_be_core: bool = False

    @property
    def by_pull(self) -> bool:
        """Whether pictures of other classes show it."""
        return self.rule.whose == "others"

    @property
    def reason(self) -> Reason:
        """What decided it, or an edit that speaks against it; the screen where no effect could be measured."""
        gap, pulled = self.gap, self.pair.edited.pull
        if self.state == "open" and not self.may_be_core and edits_pull(self.pair.edited):
            return Reason(EDITED_PULL.rule_id, pulled.effect, pulled.low, pulled.high)
        if gap.status == "measured":
            agreeing = None if self.agreeing is None else self.agreeing.rule_id
            return Reason(self.rule.rule_id, gap.effect, gap.low, gap.high, agreeing)
        return self.pair.screened_by


def _judged(pair: PairEvidence) -> JudgedPair:
    """By gaps and interventions; of a property that can be set in pictures, what that says of it comes before both."""
    judged = _by_gaps(pair)
    if pair.edits is None:
        return judged
    if edits_exclude(pair.edited):
        # what goes with the property may be used, the property is not
        return replace(judged, state="open" if judged.state == "proven" else "excluded")
    if judged.state == "proven" and not edits_surely(pair.edited):
        # a gap of sharpness, whatever erasure says, is in every class: pictures that are hard to see are missed
        return replace(judged, state="open")
    if judged.state == "proven" and pair.edits.whole_frame and not edits_stay(pair.edited_around):
        return replace(judged, state="open", may_be_core=True)
    return judged


def _by_gaps(pair: PairEvidence) -> JudgedPair:
    tested = supported(pair)
    if pair.q <= ALPHA:
        shown = [one for one in tested if corrected(pair, one) <= ALPHA]
        observed = [one for one in shown if one.rule.kind == "gap" and not one.together]
        told = [(one, _told(pair, one)) for one in observed or shown]
        lead, gap = max(told, key=lambda of: (of[1].low, of[1].effect))
        # what the reader can check, the gap, comes before the share of the words; neither alone leads
        strength = gap.low + (pair.words.share if pair.words else 0.0)
        return JudgedPair(pair, "proven", lead.rule, gap, strength, lead.agreeing, lead.together)
    strength = (pair.words.share if pair.words else 0.0) + max(pair.auc[0] - 0.5, 0.0)
    if pair.recall.status == "not_measurable":
        return JudgedPair(pair, "not_measurable", RECALL_GAP, pair.recall, strength)
    pull_done = excluded(pair.pull, pair.erased_pull) or pair.pull.status == "too_few"
    recall_done = excluded(pair.recall, pair.erased_recall)
    share_done = share_excluded(pair)
    rule, gap = (PULL_GAP, pair.pull) if recall_done else (RECALL_GAP, pair.recall)
    if recall_done and pull_done and not share_done and pair.pulled_share is not None:
        rule, gap = PULLED_SHARE, pair.pulled_share
    agreeing = next((one.agreeing for one in tested if one.rule is rule), None)
    done = recall_done and pull_done and share_done
    return JudgedPair(pair, "excluded" if done else "open", rule, gap, strength, agreeing)


def _told(pair: PairEvidence, one: Supported) -> Gap:
    """The effect of what is shown, given that its p was small enough to be."""
    bar, least = pair.bar * one.part, PULLED_DELTA if one.rule is PULLED_SHARE else DELTA
    if not one.together:
        return after_selection(one.gap, bar, least=least)
    # by Fisher's method the gap's own p may be so much larger as that of both
    wanted, seen = chi2.isf([bar, one.gap.p], 4)
    alone = pair.recall.p * float(np.exp((seen - wanted) / 2))
    return replace(after_selection(pair.recall, alone, least=least), p=one.gap.p)


def judged_pairs(inputs: EvidenceInput, pairs: Sequence[PairEvidence]) -> list[JudgedPair]:
    """All pairs of a class: columns, measured properties, words, then the strongest first; families before members.

    A column names what somebody can go and change, a property only how its pictures look, and a word's presence is an
    opinion: what the attribute of a word's name excludes, the word does not prove. Of data alone the strongest comes
    first, whoever knows it.
    """
    judged = {pair.concept_idx: _judged(pair) for pair in pairs}
    named = namesakes(inputs.concepts)
    for attribute, told in inputs.same_as.items():
        for word in (told, *named.get(told, ())):
            if attribute in judged and word in judged and judged[attribute].state == "excluded":
                state: State = "open" if judged[word].state == "proven" else "excluded"
                judged[word] = replace(judged[word], state=state)
    if not inputs.has_predictions:
        return sorted(judged.values(), key=lambda j: (-j.strength, j.pair.concept_idx))
    families = members_of(inputs.concepts)
    places = {v: _place(inputs, judged, j) for v, j in judged.items()}
    for family, members in families.items():
        if family in judged:
            alike = [v for v in members if v in judged and judged[v].state == judged[family].state]
            places[family] = min(places[v] for v in (family, *(v for v in alike if judged[v].pair.screened)))
    return sorted(
        judged.values(),
        key=lambda j: (places[j.pair.concept_idx], j.pair.concept_idx not in families, j.pair.concept_idx),
    )


def _place(inputs: EvidenceInput, judged: Mapping[int, JudgedPair], one: JudgedPair) -> tuple[int, float, float, float]:
    """Where a pair stands among those of its state; the smallest first.

    A word that tells a column of its name in its line, both in one state, stands where the column would.
    """
    known_as = [judged[a] for a, word in inputs.same_as.items() if word == one.pair.concept_idx and a in judged]
    columns = [column for column in known_as if column.state == one.state and column.pair.screened]
    return min(_own_place(inputs, j) for j in (one, *columns))


def _own_place(inputs: EvidenceInput, one: JudgedPair) -> tuple[int, float, float, float]:
    """The manifest's columns, what is measured of pictures, words; of the first two first what has a gap over DELTA."""
    concept = inputs.concepts[one.pair.concept_idx]
    if concept.column is None:
        return 2, 0.0, -one.strength, -one.gap.effect
    over = one.gap.status == "measured" and one.gap.effect > DELTA
    return int(concept.is_property), -one.gap.low if over else np.inf, -one.strength, -one.gap.effect


def without_twins(inputs: EvidenceInput, judged: Sequence[JudgedPair]) -> list[JudgedPair]:
    """Without the attributes whose word, and the members whose family, is among them: they are told in its line."""
    among = {j.pair.concept_idx for j in judged}
    told_by = {**family_of(inputs.concepts), **inputs.same_as}
    return [j for j in judged if told_by.get(j.pair.concept_idx) not in among]


def other_source(inputs: EvidenceInput, judged: Sequence[JudgedPair], lead: JudgedPair) -> PairEvidence | None:
    """The manifest's attribute for a word, the encoder's word for an attribute; None where there is one source only."""
    v = lead.pair.concept_idx
    pairs = {j.pair.concept_idx: j.pair for j in judged}
    return next((pairs[o] for pair in inputs.same_as.items() if v in pair for o in pair if o != v and o in pairs), None)
