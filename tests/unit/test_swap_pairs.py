"""Which pictures meet, and what interventions do to verdicts; the hands are stand-ins here."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import V, World, relabelled

from auditor.evidence.pairs.measure import measure
from auditor.evidence.verdicts.judge import judge
from auditor.evidence.verdicts.swap_pairs import MAX_PAIRS, N_SWAPS, choose_swaps
from auditor.records import Concept

#: Every waterbird is on water; water draws other pictures too little for a gap of pull to be shown.
COMPLETE = {"waterbird": ("scene", "water", 1.0)}


@pytest.fixture(scope="module")
def inputs():
    return World(planted=COMPLETE, seed=0, class_strength=1.0).audit(300)


@pytest.fixture(scope="module")
def measured(inputs):
    return measure(inputs, lambda *_: None)


def moves(share, seen=None, words=("water",)):
    """Stand-in by which a part of the pictures lose their name when they lose the concept, if it is one of these."""

    moved = {V[word] for word in words}

    def intervene(swaps):
        if seen is not None:
            seen.append(swaps)
        called = np.array([(swap.class_idx, swap.class_idx) for swap in swaps])
        lost = np.array([i % 100 < 100 * share and swap.word_idx in moved for i, swap in enumerate(swaps)])
        called[lost, 1] = (called[lost, 1] + 1) % 5
        return called

    return intervene


def by_name(result):
    return {verdict.class_name: verdict for verdict in result.verdicts}


def test_who_meets_whom(inputs, measured):
    labels, water = inputs.label_idx, inputs.presence[:, V["water"]] > 0.5
    swaps = choose_swaps(inputs, measured, 0, V["water"]).swaps
    assert len(swaps) == N_SWAPS
    for swap in swaps:
        assert labels[swap.target] == inputs.predicted_idx[swap.target] == 0
        assert labels[swap.donor] == labels[swap.control] != 0
        assert (water[swap.target], water[swap.donor], water[swap.control]) == (True, True, False)
        assert len({swap.target, swap.donor, swap.control}) == 3
    assert swaps == choose_swaps(inputs, measured, 0, V["water"]).swaps
    assert len({swap.donor for swap in swaps}) > 50


def test_a_group_never_meets_itself(inputs, measured):
    groups = np.arange(len(inputs.image_ids)) % 12
    swaps = choose_swaps(replace(inputs, groups=groups), measured, 0, V["water"]).swaps
    assert 0 < len(swaps) < N_SWAPS
    assert all(len({groups[s.target], groups[s.donor], groups[s.control]}) == 3 for s in swaps)


def test_too_few_donors_or_a_concept_without_a_place_swap_nothing(inputs, measured):
    few = replace(inputs, label_idx=np.where(inputs.label_idx == 0, 0, -1))
    assert choose_swaps(few, measure(few, lambda *_: None), 0, V["water"]).status == "too_few"
    concepts = [Concept("site", "site = A", "attribute", column="site") if i == 0 else c
                for i, c in enumerate(inputs.concepts)]  # fmt: skip
    assert choose_swaps(replace(inputs, concepts=tuple(concepts)), measured, 0, 0).status == "not_applicable"


def test_complete_correlation_is_flagged_by_intervention_only(inputs):
    """Without pictures of the class that lack it a gap of recall cannot be shown; giving it to others can."""
    before = by_name(judge(inputs))["waterbird"]
    assert (before.verdict, before.concept) == ("suspect", "water")
    result = judge(inputs, intervene=moves(0.4))
    after = by_name(result)["waterbird"]
    assert (after.verdict, after.severity, after.concept, after.gap) == ("flagged", "high", "water", None)
    assert "shown by intervention only" in after.sentence
    assert '50 % of 160 trials are still called "waterbird" where those lack it' in after.sentence
    assert "and 100 % where they have it: 50 points" in after.sentence
    (found,) = [f for f in result.findings if f.rule_id == "E5"]
    assert (found.class_name, found.concept, found.effect, found.n_images) == ("waterbird", "water", 0.5, N_SWAPS)
    assert found.p < 1e-6
    assert len(found.evidence_image_ids) == 12


def test_interventions_that_move_little_leave_it_suspect(inputs):
    for share in (0.0, 0.06):
        verdict = by_name(judge(inputs, intervene=moves(share)))["waterbird"]
        assert verdict.verdict == "suspect", share


@pytest.mark.slow
def test_open_pairs_and_what_is_shown_are_tried_and_nothing_of_clean_classes(inputs):
    for world in (
        inputs,
        World(planted={"waterbird": ("scene", "water", 0.95)}, seed=2, class_strength=0.6).audit(300),
    ):
        seen: list = []
        judge(world, intervene=moves(0.0, seen))
        leads = {v.class_name: v.concept for v in judge(world).verdicts if v.verdict in ("flagged", "suspect")}
        asked = {world.class_names[swaps[0].class_idx]: world.concepts[swaps[0].word_idx].term for swaps in seen}
        assert asked == leads
        assert 0 < len(seen) <= MAX_PAIRS


def test_what_fills_the_whole_picture_is_not_tried_and_said_so(inputs):
    """Light has no place of its own; the sentence says that no picture can be filled with it."""
    concepts = tuple(replace(one, kind="light") if one.kind == "scene" else one for one in inputs.concepts)

    def never(swaps):
        raise AssertionError("light cannot be covered")

    result = judge(replace(inputs, concepts=concepts), intervene=never)
    (found,) = [f for f in result.findings if f.rule_id == "E5" and f.class_name == "waterbird"]
    assert (found.concept, found.status, found.p, found.n_images) == ("water", "not_applicable", None, 0)
    assert "It has no place of its own that could be covered." in by_name(result)["waterbird"].sentence


def test_pictures_that_moved_leave_it_suspect(inputs):
    result = judge(inputs, intervene=lambda swaps: np.full((len(swaps), 2), -1))
    verdict = by_name(result)["waterbird"]
    assert (verdict.verdict, "could not be read again" in verdict.sentence) == ("suspect", True)
    assert [f.status for f in result.findings if f.rule_id == "E5"] == ["not_readable"]


def test_transplants_that_change_answers_by_themselves_prove_nothing(inputs):
    def everything(swaps):
        return np.array([(1, 2) for _ in swaps])

    verdict = by_name(judge(inputs, intervene=everything))["waterbird"]
    assert verdict.verdict == "suspect"
    assert "even where the concept stays" in verdict.sentence


def test_no_model_no_interventions(inputs):
    def never(swaps):
        raise AssertionError("there is no model to ask")

    judge(replace(inputs, head=None, head_chunks=None), intervene=never)


def test_relabelling_classes_changes_no_swap(inputs):
    def asked(one):
        seen: list = []
        judge(one, intervene=moves(0.0, seen))
        return [[(s.target, s.donor, s.control) for s in swaps] for swaps in seen]

    assert asked(inputs) == asked(relabelled(inputs, np.array([3, 0, 4, 1, 2])))
