"""Which pictures meet, and what interventions do to verdicts; the hands are stand-ins here."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import V, World, relabelled, taken
from scipy import sparse

from auditor.evidence.effects.likeness import likeness
from auditor.evidence.pairs.measure import measure
from auditor.evidence.verdicts import swap_pairs
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


def looking_like(inputs, shift):
    """The same audit with an encoder to which other classes' pictures on water look more like waterbirds.

    By ``shift`` standard deviations, within which they look it by chance.
    """
    others, rows = inputs.label_idx != 0, np.arange(inputs.label_idx.size)
    look = shift * (inputs.presence[:, V["water"]] > 0.5) + np.random.default_rng(0).normal(size=rows.size)
    score = inputs.class_prompt_score.astype(np.float64)
    score[others, 0] = score[rows, inputs.label_idx][others] + look[others]
    return replace(inputs, class_prompt_score=score)


def by_look(inputs):
    """Hands of a model that looks at the object only: a filling moves it as far as it looks like the class."""
    score = likeness(inputs.class_prompt_score, inputs.label_idx, 0)

    def intervene(swaps):
        looks = np.array([(score[swap.donor], score[swap.control]) for swap in swaps])
        by_chance = np.random.default_rng(1).normal(size=(len(swaps), 1))
        return np.where(looks + by_chance > 0, 0, 1)

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
    assert "Recall gap: not measured, as" in after.sentence
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
    assert "Covering: not tried, as it has no place of its own." in by_name(result)["waterbird"].sentence


def test_columns_without_a_word_take_no_turn(inputs):
    """Three cameras took every waterbird and nothing else: that says nothing of the model, and water is tried."""
    n = len(inputs.image_ids)
    cameras = tuple(Concept(f"camera-{i}", f"camera {i} = A", "attribute", column=f"camera {i}") for i in range(3))
    known = np.repeat((inputs.label_idx == 0).astype(np.float32)[:, None], 3, axis=1)
    followed = replace(
        inputs,
        concepts=(*inputs.concepts, *cameras),
        presence=np.hstack([inputs.presence, known]),
        shares=sparse.hstack([inputs.shares, sparse.csr_array((n, 3))], format="csr"),
    )
    seen: list = []
    result = judge(followed, intervene=moves(0.0, seen))
    verdict = by_name(result)["waterbird"]
    assert (verdict.verdict, verdict.concept) == ("suspect", "water")
    assert V["water"] in {swaps[0].word_idx for swaps in seen}
    tried = {f.concept: f.status for f in result.findings if f.rule_id == "E5" and f.class_name == "waterbird"}
    # every column says why it was not asked
    assert tried == {**dict.fromkeys([one.term for one in cameras], "not_applicable"), "water": "measured"}
    # what is shown of a word comes before what is open of a column
    shown = by_name(judge(followed, intervene=moves(0.4)))["waterbird"]
    assert (shown.verdict, shown.concept) == ("flagged", "water")


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


def test_donor_and_control_look_equally_like_the_class(inputs, measured):
    score = likeness(inputs.class_prompt_score, inputs.label_idx, 0)
    for swap in choose_swaps(inputs, measured, 0, V["water"]).swaps:
        of_class = inputs.label_idx == inputs.label_idx[swap.donor]
        assert abs(score[swap.donor] - score[swap.control]) <= 0.2 * score[of_class].std() * (1 + 1e-6)


def test_donors_without_a_control_alike_are_passed_over_and_counted(inputs, measured):
    """Five donors of one class look more like waterbirds than any other picture of theirs."""
    donors = np.flatnonzero((inputs.label_idx == 3) & measured.present[:, V["water"]])[:5]
    score = inputs.class_prompt_score.copy()
    score[donors, 0] += 100 * np.arange(1, 6)
    chosen = choose_swaps(replace(inputs, class_prompt_score=score), measured, 0, V["water"])
    before = choose_swaps(inputs, measured, 0, V["water"])
    assert chosen.n_unlike >= 4
    assert not {swap.donor for swap in chosen.swaps} & set(donors[1:].tolist())
    assert (chosen.status, len(chosen.swaps)) == ("measured", len(before.swaps))


def as_before(monkeypatch):
    """Donors meet any control of their class."""
    monkeypatch.setattr(swap_pairs, "MAX_LIKENESS", 1.0)
    monkeypatch.setattr(swap_pairs, "alike", lambda _score, row, others, _caliper: np.roll(others, row))


def test_what_copies_the_class_is_named_and_never_flagged(inputs, monkeypatch):
    """Those that would give the concept look like the class, and the model looks at nothing else."""
    copied = looking_like(inputs, 3.0)
    result = judge(copied, intervene=by_look(copied))
    verdict = by_name(result)["waterbird"]
    assert (verdict.verdict, verdict.concept) == ("suspect", "water")
    assert 'it is told where pictures look like "waterbird", or by chance' in verdict.sentence
    assert [f.status for f in result.findings if f.rule_id == "E5"] == ["copies_class"]
    as_before(monkeypatch)
    verdict = by_name(judge(copied, intervene=by_look(copied)))["waterbird"]
    assert (verdict.verdict, verdict.rule_id) == ("flagged", "E5")


def test_what_looks_a_little_like_the_class_is_compared_with_what_does_too(inputs, monkeypatch):
    """AUC of the look is .76: it may be asked, and nothing comes out of it."""
    copied = looking_like(inputs, 1.0)
    result = judge(copied, intervene=by_look(copied))
    assert by_name(result)["waterbird"].verdict == "suspect"
    (found,) = [f for f in result.findings if f.rule_id == "E5"]
    assert found.status == "measured"
    assert abs(found.effect) < 0.05
    as_before(monkeypatch)
    (unmatched,) = [f for f in judge(copied, intervene=by_look(copied)).findings if f.rule_id == "E5"]
    assert unmatched.low > 0.05


def test_presence_that_varies_by_chance_within_the_other_classes_is_named(inputs, measured):
    kappa = np.ones((5, len(inputs.concepts)), np.float32)
    kappa[0, V["water"]] = 0.59
    doubted = replace(inputs, kappa_elsewhere=kappa)
    assert choose_swaps(doubted, measured, 0, V["water"]).status == "copies_class"
    assert by_name(judge(doubted, intervene=moves(0.4)))["waterbird"].verdict == "suspect"
    kappa[0, V["water"]] = 0.61
    assert choose_swaps(doubted, measured, 0, V["water"]).status == "measured"
    # what the manifest says is told once and for all
    said = replace(inputs.concepts[V["water"]], column="scene", kind="attribute")
    concepts = tuple(said if v == V["water"] else one for v, one in enumerate(inputs.concepts))
    kappa[0, V["water"]] = 0.0
    of_manifest = replace(doubted, concepts=concepts, same_as={V["water"]: V["forest"]})
    assert choose_swaps(of_manifest, measured, 0, V["water"]).status == "measured"


def test_the_order_of_pictures_changes_no_swap(inputs, measured):
    def who(one):
        chosen = choose_swaps(one, measure(one, lambda *_: None), 0, V["water"]).swaps
        return [[one.image_ids[row] for row in (s.target, s.donor, s.control)] for s in chosen]

    assert who(inputs) == who(taken(inputs, np.random.default_rng(0).permutation(len(inputs.image_ids))))


def test_what_cannot_be_asked_takes_no_other_pairs_place(inputs, monkeypatch):
    """Three stronger words of the class copy it: each of them says why it is not asked, and water is asked."""
    seen: list = []
    real = swap_pairs.choose_swaps

    def copying(inputs_, measured_, class_idx, concept_idx):
        if concept_idx in {V["ruler"], V["sticker"], V["frame"]}:
            return swap_pairs.ChosenSwaps(status="copies_class")
        return real(inputs_, measured_, class_idx, concept_idx)

    monkeypatch.setattr(swap_pairs, "choose_swaps", copying)
    presence = inputs.presence.copy()
    for word in ("ruler", "sticker", "frame"):
        presence[:, V[word]] = np.where(inputs.label_idx == 0, 0.9, 0.1)
    presence[:, V["water"]] = np.where(
        inputs.label_idx == 0, presence[:, V["water"]], 0.4 + 0.3 * presence[:, V["water"]]
    )
    result = judge(replace(inputs, presence=presence), intervene=moves(0.0, seen))
    told = {f.concept: f.status for f in result.findings if f.rule_id == "E5" and f.class_name == "waterbird"}
    assert told == {"ruler": "copies_class", "sticker": "copies_class", "frame": "copies_class", "water": "measured"}
    assert [inputs.concepts[swaps[0].word_idx].term for swaps in seen] == ["water"]
