"""What makes a class suspect: something about the model, and not the data alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from edit_world import edited_world
from evidence_world import World

from auditor.evidence.effects.edits import Edited, not_edited
from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.effects.swaps import Intervention
from auditor.evidence.pairs.measure import PairEvidence, measure
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.evidence.verdicts.suspicion import may_be_suspected, shows_gap, unsupported_pairs
from auditor.records import ATTRIBUTE_KIND
from auditor.rules import RECALL_GAP

PLANTED = World(seed=5, planted={"vehicle": ("artifact", "watermark", 0.8)})


def gap(low, effect=0.2):
    return Gap(effect, low, 0.4, 0.01, 30, 40, 20, 40)


AGREED = Erasure(0.2, 0.1, 0.3, 40, 40, p=0.01, permuted=0.0)
#: By words, by data, gap's lower bound, agreeing erasures, a sure column, readable; and whether it may be suspected.
CASES = {
    "goes with the class in the data, and no more": ((False, True, 0.01, False, False, True), False),
    "its gap is over 5 points": ((False, True, 0.06, False, False, True), True),
    "erasure agrees with a gap that is not sure": ((False, True, 0.01, True, False, True), True),
    "it carries the words": ((True, False, 0.01, False, False, True), True),
    "a gap alone": ((False, False, 0.06, False, False, True), False),
    "the words of an encoder that sees the class in all of them": ((True, False, 0.06, True, False, False), False),
    "a column with a sure and large gap": ((False, False, 0.21, False, True, True), True),
}


@pytest.mark.parametrize("case", CASES)
def test_something_of_the_model_must_speak(case):
    (words, data, low, agreed, sure, readable), suspected = CASES[case]
    pair = PairEvidence(0, 0, None, (0.9, 0.85, 0.95), words, data, recall=gap(low), sure=sure, readable=readable)
    if agreed:
        pair = replace(pair, erased_recall=AGREED, transferred_recall=AGREED)
    assert may_be_suspected(pair) == suspected


def test_a_gap_that_nothing_supports_makes_suspect_where_somebody_knows_which_pictures_have_it():
    known = PairEvidence(0, 0, None, (0.9, 0.85, 0.95), False, True, recall=gap(0.06))
    assert may_be_suspected(known)
    assert not may_be_suspected(replace(known, by_data=False))
    opinion = replace(known, needs_support=True)
    assert not may_be_suspected(opinion)
    assert may_be_suspected(replace(opinion, erased_recall=AGREED, transferred_recall=AGREED))


def test_gaps_of_words_need_support_where_there_is_a_model_and_those_of_properties_always():
    def needed(inputs):
        return {pair.needs_support for pair in measure(inputs, lambda *_: None).pairs}

    words = PLANTED.audit(100)
    column = [replace(one, kind=ATTRIBUTE_KIND, column="site") for one in words.concepts]
    levels = edited_world(PLANTED, PLANTED.fit_head(300))[0]
    alone = {"head": None, "head_chunks": None}
    assert needed(words) == {True}
    assert needed(replace(words, **alone)) == {False}
    assert needed(replace(words, concepts=tuple(column))) == {False}
    assert needed(levels) == needed(replace(levels, **alone)) == {True}


def test_a_gap_shows_by_recall_by_pull_or_by_share():
    few = replace(gap(0.1), status="too_few")
    pair = PairEvidence(0, 0, None, (0.9, 0.85, 0.95), False, True, recall=few, pull=few)
    assert not shows_gap(pair)
    assert shows_gap(replace(pair, pull=gap(0.06)))
    assert shows_gap(replace(pair, pulled_share=gap(0.06)))


def test_a_suspect_by_edits_alone_has_the_edit_for_its_reason():
    """The screen says that it goes with the class; what speaks against the model is the edit."""
    pulled = Intervention(0.5, 0.4, 0.6, 1e-6, 0.6, 0.1, 100)
    gained = replace(pulled, effect=0.2, low=0.06, high=0.4, n=7)
    few = replace(gap(0.1), status="too_few")
    edited = Edited(gained, pulled, 1.0, 1e-6)
    pair = PairEvidence(0, 0, None, (0.9, 0.85, 0.95), False, True, recall=few, pull=few, edited=edited)
    reason = JudgedPair(pair, "open", RECALL_GAP, few, 0.0).reason
    assert (reason.rule_id, reason.effect, reason.low, reason.high) == ("E6-pull", 0.5, 0.4, 0.6)
    assert JudgedPair(replace(pair, edited=not_edited("too_few")), "open", RECALL_GAP, few, 0.0).reason.rule_id == "E2"


def test_what_only_goes_with_the_class_is_listed_once():
    pairs = [PairEvidence(0, v, None, (0.9, 0.8, 0.95), False, True, recall=gap(0.0)) for v in range(3)]
    states = ("open", "excluded", "open")
    judged = [JudgedPair(pair, state, RECALL_GAP, gap(0.0), 0.0) for pair, state in zip(pairs, states, strict=True)]
    assert [j.pair.concept_idx for j in unsupported_pairs(judged)] == [0, 2]
