"""Presence that is known for some pictures only, and concepts that are core to one class: nothing is made up."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import SCENES, V, World
from scipy import sparse

from auditor.evidence.effects.association import association_auc
from auditor.evidence.effects.covariates import residual_presence, rivals_of, within_class
from auditor.evidence.pairs.measure import measure
from auditor.evidence.verdicts.judge import judge
from auditor.records import Concept

PLANTED = {"waterbird": ("scene", "water", 0.95)}


def quiet(_stage, _done, _total):
    pass


def with_columns(inputs, presence, concepts):
    """The same audit with more concepts, which have no words."""
    n = len(inputs.image_ids)
    return replace(
        inputs,
        concepts=(*inputs.concepts, *concepts),
        presence=np.column_stack([inputs.presence, presence]).astype(np.float32),
        shares=sparse.hstack([inputs.shares, sparse.csr_array((n, len(concepts)))], format="csr"),
    )


@pytest.fixture(scope="module")
def planted():
    world = World(planted=PLANTED, seed=0, class_strength=0.6)
    return world.audit(300), world.draw(300, 1)


def known_scenes(pictures, missing=0.0):
    """(N, scenes) 0 or 1, NaN where the manifest does not say, and their concepts."""
    presence = (pictures.scene[:, None] == np.arange(len(SCENES))).astype(np.float32)
    unknown = np.random.default_rng(5).random(len(presence)) < missing
    presence[unknown] = np.nan
    return presence, [Concept(f"place-{s}", f"place = {s}", "attribute", column="place") for s in SCENES]


def test_association_counts_known_pictures_only():
    presence = np.array([[0.9], [0.8], [np.nan], [0.1], [np.nan], [0.85]], dtype=np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1])
    seen = np.isfinite(presence[:, 0])
    found, expected = association_auc(presence, labels, 2), association_auc(presence[seen], labels[seen], 2)
    assert found.auc.tolist() == expected.auc.tolist() == [[0.75], [0.25]]
    assert found.low.tolist() == expected.low.tolist()
    nowhere = association_auc(np.full((6, 1), np.nan, np.float32), labels, 2)
    assert (nowhere.auc.tolist(), nowhere.low.tolist()) == ([[0.5], [0.5]], [[0.0], [0.0]])


def test_rivals():
    concepts = [
        Concept("water", "water", "scene"),
        Concept("forest", "forest", "scene"),
        Concept("ruler", "ruler", "artifact"),
        Concept("a", "ruler = yes", "attribute", column="ruler"),
        Concept("b", "ruler = no", "attribute", column="ruler"),
        Concept("c", "place = water", "attribute", column="place"),
        Concept("d", "hospital = 1", "attribute", column="h"),
    ]
    rivals = rivals_of(concepts, {3: 2, 5: 0})
    assert [sorted(found) for found in rivals] == [[1, 5], [0, 5], [3, 4], [2, 4], [2, 3], [0, 1], []]


def test_residual_is_zero_where_presence_is_not_known():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=400)
    presence = rng.random((400, 2)).astype(np.float32)
    presence[:100, 0] = np.nan
    concepts = [Concept("a", "a = 1", "attribute", column="a"), Concept("waves", "waves", "texture")]
    found = residual_presence(presence, labels, rng.random(400).astype(np.float32), concepts, [0])
    left = found.values[:, 0]
    assert not left[:100].any()
    for c in range(3):
        assert float(left[np.equal(labels, c)].sum()) == pytest.approx(0, abs=1e-4)
    known = np.where(np.arange(400) < 100, -1, labels)
    assert np.corrcoef(left[100:], within_class(presence[:, [0]], known)[100:, 0])[0, 1] > 0.98


def test_missing_values_are_in_neither_arm(planted):
    inputs, pictures = planted
    presence, concepts = known_scenes(pictures, missing=0.3)
    measured = measure(with_columns(inputs, presence, concepts), quiet)
    water = len(inputs.concepts) + SCENES.index("water")
    known = np.isfinite(presence[:, 0])
    for c in range(len(inputs.class_names)):
        mine = known & (pictures.label == c)
        assert measured.n_known[c, water] == mine.sum()
        assert measured.n_with[c, water] == (mine & (pictures.scene == 0)).sum()
        assert measured.n_without[c, water] == (mine & (pictures.scene != 0)).sum()
    (pair,) = [pair for pair in measured.pairs if (pair.class_idx, pair.concept_idx) == (0, water)]
    assert pair.recall.n_present == measured.n_with[0, water]
    assert pair.recall.n_absent <= measured.n_without[0, water]
    # the words that the encoder sees are counted as before
    assert measured.n_known[0, V["water"]] == 300


def test_a_column_that_is_nowhere_known_changes_nothing(planted):
    inputs, _ = planted
    nothing = Concept("x", "x = 1", "attribute", column="x")
    blind = with_columns(inputs, np.full((len(inputs.image_ids), 1), np.nan), [nothing])
    before, after = judge(inputs), judge(blind)
    assert after.verdicts == before.verdicts
    assert [finding.concept_id for finding in after.findings] == [finding.concept_id for finding in before.findings]


def test_a_known_attribute_is_flagged_without_a_word_for_it(planted):
    inputs, pictures = planted
    # the vocabulary has no scene, so only the manifest knows of water
    wordless = replace(inputs, presence=inputs.presence.copy(), shares=inputs.shares * 0)
    wordless.presence[:, : len(SCENES)] = np.nan
    presence, concepts = known_scenes(pictures)
    found = {verdict.class_name: verdict for verdict in judge(with_columns(wordless, presence, concepts)).verdicts}
    assert (found["waterbird"].verdict, found["waterbird"].concept) == ("flagged", "place = water")
    assert found["waterbird"].concept_kind == "attribute"
    others = {name: (found[name].verdict, found[name].concept) for name in ("cat", "balloon", "landbird", "vehicle")}
    assert set(others.values()) == {("not_shown", None), ("harmed", "place = water")}


def test_core_is_core_for_its_class_only(planted):
    inputs, _ = planted
    allowed = replace(inputs, core={(0, V["water"]): "settings"})
    assert V["water"] not in allowed.context_of(0)
    assert V["water"] in allowed.context_of(1)
    before = {verdict.class_name: verdict for verdict in judge(inputs).verdicts}
    after = {verdict.class_name: verdict for verdict in judge(allowed).verdicts}
    assert (before["waterbird"].verdict, before["waterbird"].concept) == ("flagged", "water")
    assert after["waterbird"].concept != "water"
    assert after["waterbird"].verdict != "flagged"
    assert all(after[name].verdict == before[name].verdict for name in after if name != "waterbird")


def namesakes(inputs, concepts):
    """Attributes of scenes beside the words of the same name."""
    return {len(inputs.concepts) + i: V[scene] for i, scene in enumerate(SCENES[: len(concepts)])}


def judged(inputs, presence, concepts):
    both = replace(with_columns(inputs, presence, concepts), same_as=namesakes(inputs, concepts))
    result = judge(both)
    return {verdict.class_name: verdict for verdict in result.verdicts}, result


def test_a_word_and_the_attribute_of_its_name_come_as_one_line(planted):
    inputs, pictures = planted
    found, result = judged(inputs, *known_scenes(pictures))
    water = found["waterbird"]
    assert (water.verdict, water.concept) == ("flagged", "water")
    assert "the manifest's place = water agrees, " in water.sentence
    assert "It also relies on" not in water.sentence
    shown = {(f.concept, f.rule_id): f.effect for f in result.findings if f.class_name == "waterbird"}
    assert shown["place = water", "E4-recall"] > 0.2
    assert shown["water", "E4-recall"] > 0.2
    both = {row.concept for row in result.counterexamples if row.class_name == "waterbird" and row.state == "proven"}
    assert {"water", "place = water"} <= both


def test_what_the_manifest_excludes_the_encoder_does_not_prove(planted):
    """The manifest's water is drawn by lot: there is no gap by it, whatever the encoder sees."""
    inputs, pictures = planted
    presence, concepts = known_scenes(pictures)
    lot = np.random.default_rng(1)
    for c in range(len(inputs.class_names)):
        rows = np.flatnonzero(pictures.label == c)
        presence[rows] = presence[lot.permutation(rows)]
    presence[:, 0] = (lot.random(len(presence)) < 0.5).astype(np.float32)
    found, _ = judged(inputs, presence[:, :1], concepts[:1])
    assert (found["waterbird"].verdict, found["waterbird"].concept) == ("suspect", "water")
    assert "the manifest's place = water does not agree, " in found["waterbird"].sentence


def test_an_attribute_alone_leads_where_the_encoder_does_not_see_it(planted):
    inputs, pictures = planted
    blind = replace(inputs, presence=inputs.presence.copy(), shares=inputs.shares * 0)
    blind.presence[:, : len(SCENES)] = np.random.default_rng(2).random((len(pictures.label), len(SCENES)))
    found, _ = judged(blind, *known_scenes(pictures))
    water = found["waterbird"]
    assert (water.verdict, water.concept, water.share) == ("flagged", "place = water", None)
    assert "the encoder's water" in water.sentence
    assert "does not agree" in water.sentence
    assert "reads as" not in water.sentence


def test_an_attribute_that_follows_the_label_is_never_clean(planted):
    """Nothing tells it from the class, and nothing says that the model uses it: so it is said, with what is missing."""
    inputs, pictures = planted
    cats = inputs.class_names.index("cat")
    same = (pictures.label == cats).astype(np.float32)[:, None]
    scanner = Concept("scanner-a", "scanner = A", "attribute", column="scanner")
    cat = {v.class_name: v for v in judge(with_columns(inputs, same, [scanner])).verdicts}["cat"]
    assert (cat.verdict, cat.concept, cat.gap_bound) == ("not_shown", None, 1.0)
    assert "a gap of up to 100 points by scanner = A is not excluded" in cat.sentence
    told = "scanner = A (AUC 1.00) goes with it in these data; nothing says that the model uses it."
    assert told in cat.sentence
    assert "more pictures without it" in cat.advice


def test_core_uses_are_recorded_with_what_would_have_let_them_through(planted):
    inputs, _ = planted
    allowed = replace(inputs, core={(0, V["water"]): "settings", (1, V["snow"]): "kind of the class"})
    rows = [(r.class_name, r.concept, r.reason, r.by_words, r.by_data, r.by_gap) for r in judge(allowed).core_concepts]
    assert rows == [
        ("waterbird", "water", "settings", True, True, True),
        ("landbird", "snow", "kind of the class", False, False, False),
    ]


def test_data_alone_ranks_what_goes_with_a_class(planted):
    inputs, pictures = planted
    presence, concepts = known_scenes(pictures)
    n = len(inputs.image_ids)
    alone = replace(
        with_columns(inputs, presence, concepts),
        same_as=namesakes(inputs, concepts), head=None, head_chunks=None, predicted_idx=np.full(n, -1),
        residuals=np.full(n, np.nan, np.float32), shares=sparse.csr_array((n, len(inputs.concepts) + len(concepts))),
    )  # fmt: skip
    result = judge(alone)
    found = {verdict.class_name: verdict for verdict in result.verdicts}
    assert {verdict.verdict for verdict in result.verdicts} == {"not_analysed"}
    water = found["waterbird"]
    assert (water.concept, water.share, water.gap, water.detectable_effect) == ("water", None, None, None)
    assert "in the data water (scene) goes with" in water.sentence
    assert "; the manifest's place = water agrees (AUC 0." in water.sentence
    assert found["cat"].sentence == 'No model was examined; in the data no context concept goes with "cat".'
    assert {finding.rule_id for finding in result.findings} == {"E2"}
    assert {row.n_correct for row in result.subgroups} == {None}
