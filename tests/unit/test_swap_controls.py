"""Negative controls of interventions; the hands are stand-ins here."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import ARTIFACTS, V, World, relabelled

from auditor.evidence.verdicts.judge import judge
from auditor.evidence.verdicts.swap_controls import MAX_CONTROLS
from auditor.evidence.verdicts.swap_pairs import N_SWAPS

COMPLETE = {"waterbird": ("scene", "water", 1.0)}


@pytest.fixture(scope="module")
def inputs():
    return World(planted=COMPLETE, seed=0, class_strength=1.0).audit(300)


def hands(words, asked=None):
    """Two of five pictures lose their name when they lose one of these words."""
    moved = {V[word] for word in words}

    def intervene(swaps):
        if asked is not None:
            asked.append(swaps)
        lost = np.array([i % 5 < 2 and swap.word_idx in moved for i, swap in enumerate(swaps)])
        own = np.array([swap.class_idx for swap in swaps])
        return np.stack([own, np.where(lost, (own + 1) % 5, own)], axis=1)

    return intervene


def waterbird(result):
    return next(verdict for verdict in result.verdicts if verdict.class_name == "waterbird")


def test_what_stands_its_controls_is_shown(inputs):
    asked: list = []
    result = judge(inputs, intervene=hands(["water"], asked))
    assert (waterbird(result).verdict, waterbird(result).rule_id) == ("flagged", "E5")
    words = [inputs.concepts[swaps[0].word_idx].term for swaps in asked]
    assert words[0] == "water"
    assert set(words[1:]) <= set(ARTIFACTS)  # scenes exclude each other: they say something of water
    assert 1 <= len(words[1:]) <= MAX_CONTROLS
    assert all(len(swaps) <= N_SWAPS for swaps in asked)
    assert not [notice for notice in result.notices if "counts for nothing" in notice]


def test_fillings_that_move_pictures_whatever_they_show_prove_nothing(inputs):
    result = judge(inputs, intervene=hands(["water", *ARTIFACTS]))
    verdict = waterbird(result)
    assert (verdict.verdict, verdict.concept) == ("suspect", "water")
    assert "as it moves pictures also with words that must do nothing" in verdict.sentence
    (found,) = [f for f in result.findings if f.rule_id == "E5"]
    assert (found.concept, found.status, found.p, found.q) == ("water", "control_failed", None, None)
    assert found.effect == pytest.approx(0.4)  # what was seen stays to be read
    (notice,) = [notice for notice in result.notices if "counts for nothing" in notice]
    assert notice.startswith("covering places in pictures (E5) counts for nothing here: covering the place of ")
    assert 'which does not go with "waterbird", changes what pictures are called by ' in notice


def test_controls_that_cannot_be_tried_again_leave_interventions_without_a_say(inputs):
    """As in an audit that is judged again without its model, by rules that ask for other controls."""
    carry_out = hands(["water"])

    def replay(swaps):
        return carry_out(swaps) if swaps[0].word_idx == V["water"] else None

    result = judge(inputs, intervene=replay)
    verdict = waterbird(result)
    assert (verdict.verdict, verdict.concept) == ("suspect", "water")
    assert "Covering: not tried again" in verdict.sentence
    (found,) = [f for f in result.findings if f.rule_id == "E5"]
    assert (found.concept, found.status, found.effect, found.p) == ("water", "not_tried_again", 0.0, None)
    assert not [notice for notice in result.notices if "counts for nothing" in notice]


def test_a_word_that_goes_with_the_look_of_the_class_is_asked_first(inputs):
    """A ruler is in most waterbirds and else in pictures that look a little like them; the head does not see it."""
    others = inputs.label_idx != 0
    look = inputs.class_prompt_score[:, 0] - inputs.class_prompt_score[np.arange(others.size), inputs.label_idx]
    rng = np.random.default_rng(3)
    strength = (look - look[others].mean()) / look[others].std() + 1.5 * rng.normal(size=others.size)
    shows = np.where(others, strength > 1.5, rng.random(others.size) < 0.9)
    presence = inputs.presence.copy()
    presence[:, V["ruler"]] = np.where(shows, 0.9, 0.1)
    asked: list = []
    result = judge(replace(inputs, presence=presence), intervene=hands(["water", "ruler"], asked))
    assert [inputs.concepts[swaps[0].word_idx].term for swaps in asked][-1] == "ruler"
    assert waterbird(result).verdict == "suspect"
    (notice,) = [notice for notice in result.notices if "counts for nothing" in notice]
    assert 'the place of ruler, which only goes with the look of "waterbird", changes' in notice


def test_controls_are_asked_only_where_interventions_decide(inputs):
    for words in ([], ["ruler"]):
        asked: list = []
        judge(inputs, intervene=hands(words, asked))
        assert [inputs.concepts[swaps[0].word_idx].term for swaps in asked] == ["water"]


def test_relabelling_classes_changes_no_control(inputs):
    def done(one):
        asked: list = []
        judge(one, intervene=hands(["water"], asked))
        return [[(s.word_idx, s.target, s.donor, s.control) for s in swaps] for swaps in asked]

    assert len(done(inputs)) > 1
    assert done(inputs) == done(relabelled(inputs, np.array([3, 0, 4, 1, 2])))
