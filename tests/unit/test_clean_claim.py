from dataclasses import replace

import numpy as np
import pytest
from evidence_world import V, World
from scipy import sparse

from auditor.evidence.effects.equivalence import recall_bounds
from auditor.evidence.effects.significance import TwoArms
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.measure import measure
from auditor.evidence.verdicts import judge as verdicts
from auditor.evidence.verdicts.clean_claim import clean_claims, weakest_point
from auditor.evidence.verdicts.judge import judge
from auditor.records import Concept, LinearHead

SITE = Concept("site-b", "site = b", "attribute", column="site")
WATER, SEA, SHORE = (Concept(name, name, "scene") for name in ("water", "sea", "shore"))
WATERS = Concept("waters", "waters", "scene", members=("water", "sea"))


def audited(concepts, rows, **changes):
    """Classes "a" and "b" by rows of (label, presence of every concept, predicted class, pictures)."""
    label, there, called, n = zip(*rows, strict=True)
    presence = np.repeat(np.array(there, np.float32), n, axis=0)
    size = len(presence)
    inputs = EvidenceInput(
        image_ids=tuple(f"{i:06d}" for i in range(size)),
        label_idx=np.repeat(label, n).astype(np.int64),
        predicted_idx=np.repeat(called, n).astype(np.int64),
        class_names=("a", "b"),
        concepts=concepts,
        shares=sparse.csr_array((size, len(concepts)), dtype=np.float32),
        residuals=np.zeros(size, np.float32),
        presence=presence,
        embeddings=np.zeros((size, 2), np.float32),
        class_prompt_score=np.zeros((size, 2), np.float32),
        groups=None,
        head=LinearHead(np.zeros((2, 2), np.float32), np.zeros(2, np.float32)),
        head_chunks=lambda: iter(()),
        seed=0,
    )
    return replace(inputs, **changes)


def claims_of(inputs):
    inputs = verdicts.measurable(inputs)
    measured = measure(inputs, lambda *_: None)
    return inputs, measured, clean_claims(inputs, measured)


def two_arms(concept, *, x_with, n_with, x_without, n_without):
    """One concept; class "b" is as class "a" and always right."""
    return (
        (concept,),
        [
            (0, (1,), 0, x_with),
            (0, (1,), 1, n_with - x_with),
            (0, (0,), 0, x_without),
            (0, (0,), 1, n_without - x_without),
            (1, (1,), 1, n_with),
            (1, (0,), 1, n_without),
        ],
    )


def test_bound_is_that_of_the_plain_table_and_decides():
    inputs, measured, (claim, other) = claims_of(
        audited(*two_arms(SITE, x_with=70, n_with=75, x_without=68, n_without=75))
    )
    expected = float(recall_bounds(TwoArms.of(70, 75, 68, 75)))
    assert claim.members.tolist() == [0]
    assert claim.bound == pytest.approx(expected, abs=1e-6)
    assert claim.bound == pytest.approx(0.1288, abs=1e-4)
    assert claim.holds
    assert other.holds
    narrower = replace(inputs, tolerance=0.12)
    assert not clean_claims(narrower, measured)[0].holds
    assert clean_claims(narrower, measured)[0].n_open == 1


def test_a_gap_in_the_other_direction_is_a_gap():
    *_, (claim, _) = claims_of(audited(*two_arms(SITE, x_with=40, n_with=75, x_without=70, n_without=75)))
    assert claim.bound > 0.4
    assert not claim.holds


@pytest.mark.slow
def test_a_gap_of_the_tolerance_is_next_to_never_clean():
    """A column of two values, 75 pictures each, with a true gap of 20 points, two hundred times."""
    rng = np.random.default_rng(0)
    clean = 0
    for _ in range(200):
        drawn = two_arms(SITE, x_with=rng.binomial(75, 0.9), n_with=75, x_without=rng.binomial(75, 0.7), n_without=75)
        clean += claims_of(audited(*drawn))[2][0].holds
    assert clean <= 8


def test_pull_counts_as_recall_does():
    """Half of the other class's pictures with it are called "a", whose own recall does not follow it."""
    rows = [(0, (1,), 0, 75), (0, (0,), 0, 75), (1, (1,), 0, 40), (1, (1,), 1, 35), (1, (0,), 1, 75)]
    inputs, measured, (claim, _) = claims_of(audited((SITE,), rows))
    assert (claim.by_pull.tolist(), claim.holds) == ([True], False)
    weakest = weakest_point(inputs, measured, 0, claim)
    assert weakest.by_pull
    assert (weakest.x_with, weakest.n_with, weakest.x_without, weakest.n_without) == (40, 75, 0, 75)


@pytest.mark.parametrize(("n_with", "n"), [(9, 80), (19, 200), (10, 80), (20, 200)])
def test_the_smaller_arm_holds_ten_pictures_and_a_tenth_of_the_class(n_with, n):
    rows = two_arms(SITE, x_with=n_with, n_with=n_with, x_without=n - n_with, n_without=n - n_with)
    *_, (claim, _) = claims_of(audited(*rows))
    member = n_with >= 10 and n_with >= n / 10
    assert claim.members.tolist() == [0] * member
    assert claim.outside == (() if member else (0,))
    assert (claim.bound is None) is not member
    assert member or not claim.holds


def test_what_the_data_associate_bears_the_claim_and_without_an_arm_bounds_nothing():
    rows = [(0, (1,), 0, 95), (0, (0,), 0, 5), (1, (1,), 1, 30), (1, (0,), 1, 70)]
    inputs, measured, (claim, _) = claims_of(audited((SITE,), rows))
    assert measured.by_data[0, 0]
    assert claim.members.tolist() == [0]
    assert claim.bounds.tolist() == [1.0]
    weakest = weakest_point(inputs, measured, 0, claim)
    assert (weakest.n_with, weakest.n_without, weakest.more_with) == (95, 5, 0)
    assert weakest.more_without == 17  # of a class that is always right


def test_presence_that_is_not_told_twice_alike_bears_no_claim():
    _, rows = two_arms(WATER, x_with=70, n_with=75, x_without=70, n_without=75)
    both = [(label, (*there, *there), called, n) for label, there, called, n in rows]
    one = claims_of(audited((WATER, SEA), both, kappa=np.array([0.59, 0.6], np.float32)))[2][0]
    assert (one.members.tolist(), one.outside, one.fit) == ([1], (0,), True)
    untold = claims_of(audited((WATER, SEA), both, kappa=np.array([np.nan, 0.59], np.float32)))[2][0]
    assert untold.members.tolist() == [0]


def test_errors_of_presence_widen_the_bound():
    table = two_arms(WATER, x_with=70, n_with=75, x_without=70, n_without=75)
    sure, diluted = (claims_of(audited(*table, kappa=np.array([kappa], np.float32)))[2][0] for kappa in (np.nan, 0.8))
    assert diluted.bound == pytest.approx(sure.bound / 0.8, abs=1e-6)


def test_words_of_an_encoder_that_tells_too_few_bear_no_claim():
    _, rows = two_arms(WATER, x_with=70, n_with=75, x_without=70, n_without=75)
    wide = [(label, there * 4, called, n) for label, there, called, n in rows]
    kappa = np.array([0.9, 0.1, 0.1, np.nan], np.float32)
    claim = claims_of(audited((WATER, SEA, SHORE, SITE), wide, kappa=kappa))[2][0]
    assert (claim.members.tolist(), claim.fit, claim.outside) == ([3], False, (0, 1, 2))


def test_a_super_concept_stands_for_its_words_where_it_bears_the_claim():
    even = [(k, (1, 0, 1, 0), k, 40) for k in (0, 1)] + [(k, (0, 1, 1, 1), k, 40) for k in (0, 1)]
    rows = [*even, *[(k, (0, 0, 0, 0), k, 30) for k in (0, 1)]]
    claim = claims_of(audited((WATER, SEA, WATERS, SHORE), rows))[2][0]
    assert claim.members.tolist() == [2, 3]
    assert claim.outside == ()
    untold = np.array([0.9, 0.9, 0.1, 0.9], np.float32)
    doubted = claims_of(audited((WATER, SEA, WATERS, SHORE), rows, kappa=untold))[2][0]
    assert (doubted.members.tolist(), doubted.outside) == ([0, 1, 3], (2,))
    # what every picture shows, by one word or the other, has no arm without it
    everywhere = claims_of(audited((WATER, SEA, WATERS, SHORE), even))[2][0]
    assert (everywhere.members.tolist(), everywhere.outside) == ([3], (0, 1, 2))


def test_a_column_stands_for_the_word_of_its_name():
    _, rows = two_arms(WATER, x_with=70, n_with=75, x_without=70, n_without=75)
    both = [(label, (*there, *there), called, n) for label, there, called, n in rows]
    claim = claims_of(audited((WATER, SITE), both, same_as={1: 0}))[2][0]
    assert (claim.members.tolist(), claim.outside) == ([1], ())
    assert claim.bound_of(of_column=True) == (claim.bound, 1)
    assert claim.bound_of(of_column=False) is None


def test_what_a_class_may_rest_on_is_not_asked():
    table = two_arms(SITE, x_with=40, n_with=75, x_without=70, n_without=75)
    claims = claims_of(audited(*table, core={(0, 0): "settings"}))[2]
    assert claims[0].members.size == 0
    assert claims[0].outside == ()
    assert claims[1].members.size == 1


def test_groups_count_as_groups():
    concepts, rows = two_arms(SITE, x_with=70, n_with=75, x_without=70, n_without=75)
    alone = audited(concepts, rows)
    groups = np.arange(len(alone.image_ids)) // 5
    claims = [claims_of(one)[2][0] for one in (alone, replace(alone, groups=groups))]
    assert claims[1].bound > claims[0].bound
    inputs, measured, (few, _) = claims_of(replace(alone, groups=np.arange(len(alone.image_ids)) // 25))
    assert few.bound == 1.0  # three groups in an arm
    weakest = weakest_point(inputs, measured, 0, few)
    assert (weakest.n_with, weakest.n_without, weakest.grouped) == (75, 75, True)
    assert weakest.more_with == weakest.more_without > 30


def test_a_class_with_too_few_pictures_has_no_claim():
    rows = [(0, (1,), 0, 10), (0, (0,), 0, 9), (1, (1,), 1, 50), (1, (0,), 1, 50)]
    assert [claim is None for claim in claims_of(audited((SITE,), rows))[2]] == [True, False]


# --- through the judge ----


def names_of(result):
    return {verdict.class_name: verdict.verdict for verdict in result.verdicts}


def silenced(inputs):
    return replace(inputs, shares=sparse.csr_array(inputs.shares.shape, dtype=np.float32), in_training=False)


@pytest.mark.parametrize("stream", [1, 2, 3])
def test_a_hundred_balanced_pictures_and_silent_words_are_never_clean(stream):
    """The head relies on water by 27 points; no screen sees it, and so few pictures show and exclude nothing."""
    world = World(planted={"waterbird": ("scene", "water", 0.95)}, seed=0, class_strength=0.8)
    head = world.fit_head()
    assert world.reliance(head)[0, V["water"]] > 0.2
    inputs = World(seed=0, class_strength=0.8).audit(100, head=head, stream=stream)
    result = judge(silenced(inputs))
    assert names_of(result)["waterbird"] != "clean"
    waterbird = result.verdicts[0]
    assert waterbird.gap_bound > 0.2
    if waterbird.verdict == "not_shown":
        assert waterbird.concept_id is None
        assert waterbird.sentence.startswith('Nothing was shown for "waterbird", but in these pictures a gap of up to')


@pytest.mark.parametrize("gap", [0.13, 0.2, 0.27])
def test_a_column_with_a_gap_that_erasure_does_not_see_is_not_clean(gap):
    """150 pictures a class, half of them from site b, which the features do not know."""
    rng = np.random.default_rng(0)
    inputs = silenced(World(seed=2, class_strength=1.2).audit(150))
    n = len(inputs.image_ids)
    site = np.tile([1.0, 0.0], n // 2).astype(np.float32)
    missed = (site == 0) & (rng.random(n) < gap)
    called = np.where(missed, (inputs.label_idx + 1) % 5, inputs.predicted_idx)
    with_site = replace(
        inputs,
        concepts=(*inputs.concepts, SITE),
        presence=np.column_stack([inputs.presence, site]),
        shares=sparse.csr_array((n, len(inputs.concepts) + 1), dtype=np.float32),
        predicted_idx=called,
    )
    assert "clean" not in names_of(judge(with_site)).values()


def test_a_thousand_pictures_without_a_reliance_are_clean():
    inputs = replace(World(seed=0, class_strength=0.9).audit(1000), in_training=False)
    result = judge(inputs)
    assert set(names_of(result).values()) == {"clean"}
    for verdict in result.verdicts:
        assert verdict.gap_bound < 0.2
        assert "Coverage: named concepts only" in verdict.sentence
        assert "by words (" in verdict.sentence


def test_the_tolerance_of_the_settings_decides():
    inputs = replace(World(seed=0, class_strength=0.9).audit(1000), in_training=False)
    assert "clean" not in names_of(judge(replace(inputs, tolerance=0.02))).values()


def test_without_a_model_nothing_is_claimed():
    inputs = World(seed=0).audit(60)
    nothing = np.full(inputs.label_idx.size, -1)
    inputs = replace(inputs, head=None, head_chunks=None, predicted_idx=nothing)
    assert {verdict.gap_bound for verdict in judge(inputs).verdicts} == {None}


def placed(n_told, *, column=False):
    """Class "a" has a scene told in ``n_told`` of 100 pictures, "b" in all, and both a mark in every other one."""
    width = 4 if column else 3
    rows = []
    for label, n in ((0, n_told), (1, 100)):
        for mark in (1, 0):
            scenes = [(1, 0, n // 4), (0, 1, n // 2 - n // 4), (0, 0, 50 - n // 2)]
            rows += [(label, (mark, water, shore, mark)[:width], label, count) for water, shore, count in scenes]
    return audited((Concept("mark", "mark", "artifact"), WATER, SHORE, SITE)[:width], rows)


@pytest.mark.parametrize(("n_told", "bears"), [(70, True), (68, False), (0, False)])
def test_words_bear_no_claim_where_the_encoder_tells_no_scene_in_most_pictures(n_told, bears):
    """A scene that the encoder does not see is in no arm; the mark that varies beside it says nothing of the scene."""
    *_, (claim, other) = claims_of(placed(n_told))
    assert claim.placed == n_told / 100
    assert (claim.words_bear, claim.holds, 0 in claim.members) == (bears, bears, bears)
    assert (claim.bound is None) is not bears
    assert (other.placed, other.words_bear) == (1, True)


def test_columns_bear_the_claim_where_words_may_not():
    *_, (claim, _) = claims_of(placed(20, column=True))
    assert not claim.words_bear
    assert claim.of_column.tolist() == [True]
    assert claim.holds


def test_words_that_the_data_associate_are_no_claim_on_their_own():
    """Of an encoder that tells no scene, what it finds in most pictures of the class and in half of the others."""
    rows = [(0, (1, 0, 0), 0, 85), (0, (0, 0, 0), 0, 15), (1, (1, 1, 0), 1, 50), (1, (0, 1, 0), 1, 50)]
    _, measured, (claim, _) = claims_of(audited((Concept("mark", "mark", "artifact"), WATER, SHORE), rows))
    assert measured.by_data[0, 0]
    assert 0 in claim.members
    assert (claim.words_bear, claim.bound, claim.holds) == (False, None, False)


def test_the_scene_is_not_asked_for_where_the_vocabulary_has_none_to_choose_from():
    *_, (claim, _) = claims_of(audited(*two_arms(WATER, x_with=70, n_with=70, x_without=75, n_without=75)))
    assert (claim.placed, claim.words_bear) == (1.0, True)
