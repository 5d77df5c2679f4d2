"""The second edition's world of features: its laws, its families, and one model of it audited."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auditor.inputs.vocabulary import load_vocabulary
from benchmarks.planted import peers
from benchmarks.planted.audit import Audited, audit
from benchmarks.planted.bank import COLUMN
from benchmarks.planted.drawing import Mixture, Plant
from benchmarks.planted.outcomes import outcome
from benchmarks.planted.second.families import SECOND, TOY, audited_as, controls_grid, second_grid, toy_grid
from benchmarks.planted.second.language import names_of
from benchmarks.planted.second.models import make, sizes
from benchmarks.planted.second.run import GRIDS, _columns_of
from benchmarks.planted.second.scenarios import WORLD, Column, FeatureScenario
from benchmarks.planted.second.world import FeatureWorld
from benchmarks.planted.worlds import FACTOR_VALUES

MARK = ("artifact", "watermark")
PLANTS = (Plant(1, "background", "water", 0.9),)


def scenario(**more) -> FeatureScenario:
    fields = {
        "family": "test", "control": None, "audit_kind": "as training", "correlation": 0.9, "n_classes": 4,
        "per_class": 100, "smallest": 100, "train": Mixture(PLANTS), "audit": Mixture(PLANTS), "class_strength": 0.8,
    }  # fmt: skip
    return FeatureScenario(**{**fields, **more})


def draw(what: FeatureScenario, n: int = 100, **more):
    world = FeatureWorld.of(what)
    labels = np.repeat(np.arange(what.n_classes), n)
    return world, world.draw(labels, what.audit, np.random.default_rng(1), **more)


def share(scenes, c: int, factor: str, value: str) -> float:
    own = scenes.rows[scenes.class_idx == c][:, COLUMN[factor]]
    return float((own == FACTOR_VALUES[factor].index(value)).mean())


def test_one_changed_value_changes_the_features_by_its_own_rows_alone() -> None:
    world, scenes = draw(scenario())
    other = scenes.rows.copy()
    other[:, COLUMN["background"]] = FACTOR_VALUES["background"].index("snow")
    same = scenes.rows[:, COLUMN["background"]] == FACTOR_VALUES["background"].index("snow")
    before, after = world.features(scenes), world.features(scenes, other)
    np.testing.assert_array_equal(before[same], after[same])
    assert (before[~same] != after[~same]).any(axis=1).all()


def test_values_that_act_together_show_nothing_alone() -> None:
    both = (("background", "water"), MARK)
    world, scenes = draw(scenario(together=both))
    rows = np.repeat(scenes.rows[:1], 4, axis=0)
    rows[:, COLUMN["background"]] = [FACTOR_VALUES["background"].index(v) for v in ("water", "sand") * 2]
    rows[:, COLUMN["artifact"]] = [FACTOR_VALUES["artifact"].index(v) for v in ("none", "none", *["watermark"] * 2)]
    one = type(scenes)(*(np.repeat(getattr(scenes, name)[:1], 4, axis=0) for name in scenes.__slots__))
    bare = world.features(one, rows)
    plain = FeatureWorld.of(scenario()).features(one, rows)
    assert not np.array_equal(bare[0], plain[0])  # water alone: nothing of it is left
    assert not np.array_equal(bare[3], plain[3])  # the mark alone
    np.testing.assert_array_equal(bare[1], plain[1])  # neither
    assert not np.array_equal(bare[2], bare[0])


def test_balanced_audits_show_what_is_planted_in_half_of_every_class() -> None:
    plants = (Plant(0, "background", "water", 0.9), Plant(1, "background", "snow", 0.9), Plant(2, *MARK, 0.9))
    what = scenario(train=Mixture(plants), audit=audited_as("balanced", Mixture(plants), 4))
    _, scenes = draw(what, 4000)
    for c in range(4):
        assert share(scenes, c, "background", "water") == pytest.approx(0.25, abs=0.04)
        assert share(scenes, c, "background", "snow") == pytest.approx(0.25, abs=0.04)
        assert share(scenes, c, *MARK) == pytest.approx(0.5, abs=0.03)
    assert audited_as("independent", Mixture(plants), 4) == Mixture()


def test_patients_share_their_context_and_copies_everything() -> None:
    _, grouped = draw(scenario(group_size=10))
    assert np.bincount(grouped.patient).tolist() == [10] * 40
    for patient in range(40):
        own = grouped.rows[grouped.patient == patient]
        assert np.unique(own[:, COLUMN["background"]]).size == 1
    world, copied = draw(scenario(), copied=0.5)
    again = np.flatnonzero(copied.origin != np.arange(400))
    assert again.size == 200
    exact = again[copied.exact[again]]
    assert 60 < exact.size < 140
    features = world.features(copied)
    np.testing.assert_array_equal(features[exact], features[copied.origin[exact]])
    near = again[~copied.exact[again]]
    assert (features[near] != features[copied.origin[near]]).any(axis=1).all()
    assert np.array_equal(copied.class_idx[again], copied.class_idx[copied.origin[again]])


def test_vocabularies_are_those_asked_for(tmp_path: Path) -> None:
    def terms(what: FeatureScenario) -> set[str]:
        return {
            one.term
            for one in load_vocabulary(FeatureWorld.of(what).language.encoder(tmp_path).vocabulary_path).concepts
        }

    plain = terms(scenario())
    assert {"water", "watermark", "dim light"} <= plain
    assert "pond" not in plain
    assert "water" not in terms(scenario(unnamed=(("background", "water"),)))
    assert names_of(scenario(unnamed=(("background", "water"),)))["background", "water"] == []
    many = terms(scenario(synonyms=True))
    assert len(many) >= 200
    assert {"pond", "river", "shore", "overprint"} <= many
    assert names_of(scenario(synonyms=True))["background", "water"] == ["water", "pond", "river", "shore"]


def test_what_the_encoder_does_not_see_changes_no_embedding() -> None:
    for what, seen in ((scenario(unseen=(MARK,)), False), (scenario(), True)):
        world, scenes = draw(what)
        marked = scenes.rows.copy()
        marked[:, COLUMN["artifact"]] = FACTOR_VALUES["artifact"].index("watermark")
        clean = marked.copy()
        clean[:, COLUMN["artifact"]] = 0
        one, other = (world.embeddings(replace(scenes, rows=rows)) for rows in (marked, clean))
        assert np.array_equal(one, other) != seen


def test_sizes_of_classes_are_geometric() -> None:
    assert sizes(scenario(n_classes=3), 1000, 20).tolist() == [1000, 141, 20]
    assert sizes(scenario(), 300, 300).tolist() == [300] * 4


def test_every_family_is_in_the_toy_grid_once() -> None:
    families = {one.family for one in second_grid(0)}
    toy = list(toy_grid(0))
    assert len(families) >= 20
    assert len({one.family.split(" levels")[0].rstrip("0123456789 ") for one in toy}) == len(toy)
    assert {one.family for one in toy} == {one.family for one in second_grid(0, TOY)}
    assert set(GRIDS) == {"second", "second-toy", "controls"}


def test_controls_are_of_every_sort_alike() -> None:
    found = list(controls_grid(3))
    sorts = [one.control for one in found]
    assert set(sorts) == {"nothing planted", "not learnt", "difficulty", "collinear", "encoder error"}
    assert len(set(map(sorts.count, sorts))) == 1
    assert found == list(controls_grid(3))
    assert len({one.digest() for one in found}) == len(found)


def test_hard_pictures_are_away_from_one_scene_and_a_mark_goes_with_another() -> None:
    by_sort = {one.control: one for one in controls_grid(3)}
    what = by_sort["difficulty"]
    _, scenes = draw(what, 400)
    for plant in what.audit.plants:
        own = scenes.rows[scenes.class_idx == plant.class_idx]
        there = own[:, COLUMN["background"]] == FACTOR_VALUES["background"].index(plant.value)
        faint = own[:, COLUMN["faint"]]
        assert there.mean() == pytest.approx(0.5, abs=0.1)
        assert faint[there].mean() < 10
        assert faint[~there].mean() > 50
    what = by_sort["collinear"]
    _, scenes = draw(what, 400)
    for plant in what.train.plants:
        own = scenes.rows[scenes.class_idx == plant.class_idx]
        there = own[:, COLUMN["background"]] == FACTOR_VALUES["background"].index(plant.value)
        marked = own[:, COLUMN["artifact"]] == FACTOR_VALUES["artifact"].index("watermark")
        assert marked[there].mean() > 0.85
        assert marked[~there].mean() < 0.3
        assert not any(one.goes_with == "artifact" for one in what.train.ties)


def test_a_misled_encoder_sees_the_scene_in_typical_pictures_alone() -> None:
    misled = (scenario(misled=((2, "snow"),)), scenario())
    (world, scenes), (plain, same) = (draw(one) for one in misled)
    np.testing.assert_array_equal(world.features(scenes), plain.features(same))
    one, other = world.embeddings(scenes), plain.embeddings(same)
    own = scenes.class_idx == 2
    np.testing.assert_allclose(one[~own], other[~own], atol=1e-6)
    word = world.language.value_vectors["background"][FACTOR_VALUES["background"].index("snow")]
    more = (one - other)[own] @ word
    typical = other[own] @ world.language.class_vectors[2]
    middle = np.median(typical)
    assert more[typical > middle + 0.05].min() > 0
    assert np.abs(more[typical < middle]).max() < 1e-6


def test_a_scenario_can_be_drawn_again_by_itself() -> None:
    first, again, other = list(second_grid(4)), list(second_grid(4)), list(second_grid(5))
    assert first == again
    assert len({one.digest() for one in (*first, *other)}) == len(first) + len(other)
    assert [one.seed for one in first] == list(range(4000, 4000 + len(first)))
    by_audit = {(one.audit_kind, one.per_class) for one in first if one.family == "audits"}
    assert by_audit == {(kind, n) for kind in ("as training", "balanced", "independent") for n in SECOND.by_size}
    assert max(one.n_classes for one in first) == 100


@pytest.fixture(scope="module")
def made():
    what = scenario(
        columns=(Column("site", MARK, 5, missing=0.3), Column("dose", MARK, None), Column("ward", MARK, 60)),
        train=Mixture((Plant(0, *MARK, 0.9),)), audit=Mixture((Plant(0, *MARK, 0.85),)), label_noise=0.05, seed=7000,
    )  # fmt: skip
    return make(what)


@pytest.fixture(scope="module")
def audited(made, tmp_path_factory) -> Audited:
    return audit(made.examined, made.world.language.encoder(tmp_path_factory.mktemp("words")), seed=0)


def test_reliance_is_measured(made) -> None:
    (mark,) = [one for one in made.truth if (one.class_idx, one.value) == (0, "watermark")]
    assert mark.status == "relies"
    assert mark.effect > 0.15
    assert {(one.factor, one.value) for one in made.truth} == {
        (factor, value)
        for factor in ("background", "artifact", "light")
        for value in WORLD.of(factor)
        if value not in ("none", "day")
    }


def test_columns_that_follow_a_value_name_it(audited) -> None:
    found = _columns_of(audited, MARK)
    by_id = {one.concept_id: one for one in audited.judged_concepts}
    assert [by_id[one].term for one in found if by_id[one].column == "site"] == ["site = s0"]
    assert [by_id[one].column for one in found].count("dose") == 1  # the highest range
    assert "ward" not in {one.column for one in audited.judged_concepts}  # 60 values are no category
    assert _columns_of(audited, ("background", "snow")) == []
    empty = sum("site" not in one for one in audited.examined.attributes) + audited.examined.attributes["site"].count(
        None
    )
    assert 80 < empty < 160


def test_an_outcome_tells_what_no_concept_names(made, audited) -> None:
    hidden = replace(made, scenario=replace(made.scenario, unnamed=(MARK,)))
    named = names_of(hidden.scenario)
    found = outcome(hidden, made.truth, audited, audited, with_peers=False, names=named)
    (pair,) = [one for one in found["pairs"] if one["planted"] and one["class_idx"] == 0]
    assert pair["concept_id"] == "unnamed watermark"
    assert pair["names"] == []
    assert pair["presence_right"] is None
    assert not pair["flagged"]
    assert found["classes"][0]["n_images"] == int((audited.examined.label_idx == 0).sum())
    assert found["scenario"]["audit"] == "as training"


def test_peers_without_pixels(audited) -> None:
    names = peers.peers_of(audited)
    assert names == [name for name in peers.PEERS if name != "datalab_spurious_correlations"]
    gap = peers.presence_gap(audited)
    assert gap.shape == (4, len(audited.judged_concepts))
    assert (gap >= 0).all()
    weights = peers.bee_style(audited)
    assert weights.shape == (4, len(audited.concepts.concepts))
    assert weights.min() == 0.0


def test_the_plain_gap_is_fishers_test(audited) -> None:
    """One concept is told in a column of its own: (9 of 10 recognised) against (1 of 10)."""
    labels = np.zeros(20, np.int64)
    called = np.array([0] * 9 + [1] + [0] + [1] * 9)
    presence = np.zeros((20, len(audited.judged_concepts)), np.float32)
    v = [one.term for one in audited.judged_concepts].index("water")
    presence[:10, v] = 1
    given = replace(
        audited,
        presence=presence,
        evidence_input=type("Given", (), {"label_idx": labels, "predicted_idx": called})(),
    )
    scores = peers.presence_gap(given)
    # hypergeometric: (C(10,9) C(10,1) + C(10,10) C(10,0)) / C(20,10) = 101 / 184756
    assert 10 ** -scores[0, v] == pytest.approx(101 / 184756)
    assert scores.sum() == scores[0, v]
