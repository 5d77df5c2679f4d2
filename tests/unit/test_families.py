"""Several words for one thing: what a family is made of, and that its words do not hide each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import World
from family_world import WORDS, family, in_words
from scipy import sparse

from auditor.evidence.effects.covariates import residual_presence, rivals_of
from auditor.evidence.pairs.measure import measure
from auditor.evidence.presence.families import (
    distinct,
    family_of,
    family_presence,
    members_of,
    most_shown,
    namesakes,
    rows_of_all,
    shares_of_all,
    shown_by_kin,
)
from auditor.evidence.presence.presence import is_contest
from auditor.evidence.verdicts.judge import judge
from auditor.records import Concept

LAKE, SEA, SAND, RULER, CHART, WATER, AID, SITE = CONCEPTS = (
    Concept("lake", "lake", "scene", ("Water",)),
    Concept("sea", "sea", "scene"),
    Concept("sand", "sand", "scene"),
    Concept("ruler", "ruler", "artifact"),
    Concept("chart", "chart", "artifact"),
    Concept("family-water", "water", "scene", members=("lake", "sea")),
    Concept("family-aid", "measuring aid", "artifact", members=("chart", "ruler")),
    Concept("site-a", "site = a", "attribute", column="site", members=("sea",)),
)
SINGLE, FAMILIES = CONCEPTS[:5], (WATER, AID)


def test_members_and_families_by_position():
    """What is made of values of a column is no family of words."""
    assert members_of(CONCEPTS) == {5: (0, 1), 6: (4, 3)}
    assert family_of(CONCEPTS) == {0: 5, 1: 5, 3: 6, 4: 6}
    assert namesakes(CONCEPTS) == {5: (0,), 6: ()}


def test_a_family_stands_in_the_place_of_its_members_where_it_can_be_told():
    presence = np.zeros((2, 8), np.float32)
    assert distinct(CONCEPTS, presence) == [2, 5, 6]
    presence[:, 5] = np.nan
    assert distinct(CONCEPTS, presence) == [0, 1, 2, 6]


def test_parts_of_one_are_summed_and_of_marks_the_surest_counts():
    presence = np.array([[0.4, 0.375, 0.225, 0.4, 0.4], [0.9, 0.2, 0.0, 0.1, 0.7]], np.float32)
    absent = {"artifact": np.ones((1, 2), np.float32)}
    found = family_presence(presence, SINGLE, FAMILIES, absent)
    np.testing.assert_allclose(found, [[0.775, 0.4], [1.0, 0.7]], atol=1e-6)
    # an encoder that does not know absence tells each scene by itself: these are no parts
    found = family_presence(presence, SINGLE, FAMILIES, {"scene": np.zeros((0, 2), np.float32)})
    np.testing.assert_allclose(found, [[0.4, 0.4], [0.9, 0.7]], atol=1e-6)
    assert family_presence(presence, SINGLE, (), {}).shape == (2, 0)


@pytest.mark.parametrize(
    ("kind", "n", "absent", "expected"),
    [("scene", 2, None, True), ("scene", 1, None, False), ("scene", 1, 1, True), ("scene", 3, 0, False),
     ("artifact", 3, 1, False), ("surface", 3, None, False)],
)  # fmt: skip
def test_kinds_of_which_presences_compete(kind, n, absent, expected):
    assert is_contest(kind, n, None if absent is None else np.ones((absent, 2), np.float32)) is expected


def test_shares_of_a_family_are_those_of_its_members():
    shares = sparse.csr_array(np.array([[0.25, 0.5, 0, 0, 0.125], [0, 0, 0.5, 0, 0]], np.float32))
    assert shares_of_all(shares, CONCEPTS).toarray().tolist() == [
        [0.25, 0.5, 0, 0, 0.125, 0.75, 0.125, 0],
        [0, 0, 0.5, 0, 0, 0, 0, 0],
    ]
    assert shares_of_all(shares, SINGLE).toarray().tolist() == shares.toarray().tolist()


def test_the_direction_of_a_family_is_between_those_of_its_members():
    rows = rows_of_all(np.eye(5, dtype=np.float32), CONCEPTS)
    np.testing.assert_allclose(rows[5], [np.sqrt(0.5), np.sqrt(0.5), 0, 0, 0], atol=1e-6)
    assert rows[7].tolist() == [0] * 5


def test_members_come_by_the_pictures_that_show_them():
    presence = np.zeros((3, 8), np.float32)
    presence[:2, 1] = presence[2, 0] = 0.9
    assert most_shown(5, CONCEPTS, presence) == [1, 0]
    assert most_shown(5, CONCEPTS, presence[:0]) == [0, 1]
    assert most_shown(2, CONCEPTS, presence) == []


def test_pictures_that_show_a_sibling_are_in_neither_arm():
    """Pictures: a lake; the sea; half of both, which is water and neither; sand."""
    presence = np.zeros((4, 8), np.float32)
    presence[0, [0, 5]], presence[1, [1, 5]], presence[2, [0, 1, 5]], presence[3, 2] = 0.9, 0.9, [0.45, 0.45, 0.9], 0.9
    kin = shown_by_kin(presence, CONCEPTS)
    assert kin[:, 0].tolist() == [False, True, True, False]
    assert kin[:, 1].tolist() == [True, False, True, False]
    assert not kin[:, 2:].any()
    presence[:, 5] = np.nan  # the family is not measurable: its members stand for themselves
    assert shown_by_kin(presence, CONCEPTS)[:, 0].tolist() == [False, True, False, False]


def test_the_recall_gap_of_a_word_is_against_pictures_without_the_thing():
    """Of two words each has half of the wet pictures: the plain gap is .2 where that of water is .6."""
    inputs = World(planted={"waterbird": ("scene", "water", 0.6)}, seed=2, class_strength=0.6).audit(200)
    inputs = in_words(inputs, 2)
    measured = measure(inputs, lambda *_: None)
    v = {concept.concept_id: v for v, concept in enumerate(inputs.concepts)}
    own = inputs.label_idx == 0
    wet = inputs.presence[:, v["family-water"]] > 0.5
    assert measured.n_without[0, [v["water"], v["lake"], v["family-water"]]].tolist() == [int((own & ~wet).sum())] * 3
    assert measured.n_with[0, v["water"]] + measured.n_with[0, v["lake"]] == measured.n_with[0, v["family-water"]]
    # for all other concepts nothing is left out
    assert measured.n_known[0, v["forest"]] == own.sum()


def test_a_family_and_its_members_explain_nothing_of_each_other():
    rivals = rivals_of(CONCEPTS, {})
    assert (rivals[3], rivals[6]) == ({4, 6}, {3, 4})
    assert rivals[0] == {1, 2, 5}
    attribute = Concept("mark", "mark = measuring aid", "attribute", column="mark")
    assert rivals_of((*CONCEPTS, attribute), {8: 6})[8] == {3, 4, 6}


def test_families_change_no_other_residual():
    rng = np.random.default_rng(0)
    presence = rng.random((300, 5)).astype(np.float32)
    presence[:, 3] = 0.5 * presence[:, 0] + 0.5 * rng.random(300)
    with_families = np.column_stack([presence, family_presence(presence, SINGLE, FAMILIES, {})])
    label, difficulty = np.arange(300) % 3, rng.random(300).astype(np.float32)
    alone = residual_presence(presence, label, difficulty, SINGLE, [0, 1, 2])
    beside = residual_presence(with_families, label, difficulty, CONCEPTS[:7], [0, 1, 2, 5])
    for v in (0, 1, 2):
        np.testing.assert_allclose(
            beside.values[:, beside.column_of[v]], alone.values[:, alone.column_of[v]], atol=1e-5
        )
    told = np.ones(with_families.shape, np.bool_)
    told[:100, 0] = False
    left_out = residual_presence(with_families, label, difficulty, CONCEPTS[:7], [0, 3], told=told)
    assert not left_out.values[:100, left_out.column_of[0]].any()
    assert left_out.values[:100, left_out.column_of[3]].any()


@pytest.fixture(scope="module")
def wet():
    return World(planted={"waterbird": ("scene", "water", 0.95)}, seed=1, class_strength=0.6).audit(400)


def test_five_words_for_one_thing_do_not_hide_it(wet):
    """Without a family nothing is found: each word has a fifth of the pictures, and the others against it."""
    hidden = judge(in_words(wet, 5, families=False)).verdicts
    assert {v.verdict for v in hidden} <= {"clean", "not_shown"}
    found = judge(in_words(wet, 5))
    lead = found.verdicts[0]
    assert (lead.verdict, lead.concept_id, lead.concept) == ("flagged", "family-water", "water")
    assert {v.verdict for v in found.verdicts[1:]} <= {"clean", "not_shown"}
    named = lead.sentence.split("Without water (scene: ")[1].split(")")[0]
    assert set(named.split(", ")) == set(WORDS[1:5])  # "water (scene: water)" says nothing
    assert "It also relies on" not in lead.sentence
    assert lead.share == pytest.approx(judge(wet).verdicts[0].share, abs=1e-6)


def test_many_members_are_counted(wet):
    lead = judge(in_words(wet, 9)).verdicts[0]
    assert "5 more words)" in lead.sentence.split("Without water (scene: ")[1]


def test_the_family_leads_before_a_stronger_word_and_tells_it(wet):
    """Two words: each is proven as well, and both are told in the family's line."""
    found = judge(in_words(wet, 2))
    proven = {one.concept_id for one in found.counterexamples if (one.class_idx, one.state) == (0, "proven")}
    assert {"family-water", "water", "lake"} <= proven
    assert found.verdicts[0].concept_id == "family-water"
    assert "Without water (scene: lake) the model" in found.verdicts[0].sentence
    assert "It also relies on" not in found.verdicts[0].sentence


def test_a_word_that_cannot_be_told_alone_does_not_keep_its_class_from_a_verdict():
    """No half of the prompts knows a lake from the sea, but both know water, which is excluded."""
    often = World(planted={"waterbird": ("scene", "water", 0.6)}, seed=1, class_strength=0.6).audit(400)
    inputs = in_words(replace(often, predicted_idx=often.label_idx.copy()), 2)
    kappa = np.ones(len(inputs.concepts), np.float32)
    kappa[[v for v, one in enumerate(inputs.concepts) if one.concept_id in family(2).members]] = 0.2
    assert judge(replace(inputs, kappa=kappa, in_training=False)).verdicts[0].verdict == "clean"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_reliance_is_found_in_however_many_words(seed):
    world = World(planted={"waterbird": ("scene", "water", 0.95)}, seed=seed, class_strength=0.6)
    head = world.fit_head()
    assert 0.3 < world.reliance(head)[0, 0] < 0.7
    inputs = world.audit(400, head=head)
    for n_words in (2, 3, 5, 9):
        lead = judge(in_words(inputs, n_words)).verdicts[0]
        assert (lead.verdict, lead.concept_id) == ("flagged", "family-water")


@pytest.mark.slow
def test_clean_classes_stay_without_a_flag():
    """100 classes of 20 balanced models."""
    names = []
    for seed in range(100, 120):
        inputs = World(seed=seed, class_strength=0.5 + 0.03 * (seed - 100)).audit(200)
        names += [verdict.verdict for verdict in judge(in_words(inputs, 5)).verdicts]
    assert "flagged" not in names
    assert names.count("clean") + names.count("not_shown") >= 97  # 25 pictures a scene exclude no 20 points
