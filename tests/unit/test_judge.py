from dataclasses import replace

import numpy as np
import pytest
from evidence_world import SCENES, V, World, taken
from scipy import sparse

from auditor.evidence.pairs import erase as pair_erasure
from auditor.evidence.pairs import measure as pairs
from auditor.evidence.verdicts.judge import judge
from auditor.records import LinearHead
from auditor.rules import DELTA

PLANTED = {
    "waterbird": ("scene", "water", 0.95),
    "landbird": ("scene", "forest", 0.95),
    "vehicle": ("artifact", "watermark", 0.95),
}


@pytest.fixture(scope="module")
def planted():
    inputs = World(planted=PLANTED, seed=0, class_strength=0.6).audit(400)
    return inputs, judge(inputs)


def by_name(result):
    return {verdict.class_name: verdict for verdict in result.verdicts}


def test_planted_shortcuts_are_flagged_and_a_class_that_loses_pictures_to_them_is_harmed(planted):
    """Cats and balloons lose a quarter and a sixth of their pictures on water and in forests to the planted classes."""
    found = by_name(planted[1])
    assert {name: (v.verdict, v.concept) for name, v in found.items()} == {
        "waterbird": ("flagged", "water"),
        "landbird": ("flagged", "forest"),
        "vehicle": ("flagged", "watermark"),
        "cat": ("harmed", "water"),
        "balloon": ("not_shown", None),
    }
    assert found["cat"].sentence.endswith("It is also harmed by forest (scene) and watermark (artifact).")
    water = found["waterbird"]
    assert water.severity in {"high", "medium", "low"}
    assert water.gap_low < water.gap < water.gap_high
    assert water.gap > DELTA
    assert water.n_images == 400


def test_pictures_balanced_on_purpose_and_silent_words_hide_no_reliance():
    """Where every class shows every scene alike often nothing is associated; the gap is there all the same."""
    planted = World(planted={"waterbird": ("scene", "water", 0.95)}, seed=0, class_strength=0.6)
    balanced = World(seed=0, class_strength=0.6).audit(300, head=planted.fit_head())
    silent = replace(balanced, shares=sparse.csr_array(balanced.shares.shape, dtype=np.float32))
    result = judge(silent)
    assert {name: (v.verdict, v.concept) for name, v in by_name(result).items()} == {
        "waterbird": ("flagged", "water"),
        **dict.fromkeys(("landbird", "vehicle", "cat", "balloon"), ("not_shown", None)),  # 30 pictures a scene
    }
    assert "Share: none of the evidence for" in by_name(result)["waterbird"].sentence
    (association,) = [
        one for one in result.findings if (one.class_name, one.concept, one.rule_id) == ("waterbird", "water", "E2")
    ]
    assert association.low < 0.6


def test_of_a_word_a_gap_of_recall_is_a_screen_and_a_pull_is_none():
    """Half of the other classes' pictures with a watermark are called "cat", whose own recall does not follow it."""
    inputs = World(seed=0).audit(200)
    cat, watermark = inputs.class_names.index("cat"), V["watermark"]
    rows = np.flatnonzero((inputs.presence[:, watermark] > 0.5) & (inputs.label_idx != cat))[::2]
    called = inputs.predicted_idx.copy()
    called[rows] = cat
    measured = pairs.measure(replace(inputs, predicted_idx=called), lambda *_: None)
    by_recall = pairs.notable_recall(measured)
    assert all(pair.by_gap == by_recall[pair.class_idx, pair.concept_idx] for pair in measured.pairs)
    by_class = {pair.class_idx: pair for pair in measured.pairs if pair.concept_idx == watermark}
    assert by_class[cat].pull.low > 0.1
    assert not by_class[cat].screened


@pytest.mark.parametrize(("name", "value"), [("_PAIRS_AT_ONCE", 3), ("_ANSWERS", 1_000)])
def test_pairs_that_are_erased_block_by_block(planted, monkeypatch, name, value):
    """A few pairs at a time, or one by one where the pictures are many."""
    monkeypatch.setattr(pair_erasure, name, value)
    found, expected = judge(planted[0]), planted[1]
    assert [v.sentence for v in found.verdicts] == [v.sentence for v in expected.verdicts]
    effects = [[(one.low, one.effect, one.high) for one in result.findings] for result in (found, expected)]
    assert np.array(effects[0]) == pytest.approx(np.array(effects[1]), abs=1e-4)


@pytest.mark.slow
def test_clean_classes_are_left_alone():
    """60 classes of balanced models, some of which the head knows badly."""
    names = []
    for seed in range(100, 112):
        result = judge(World(seed=seed, class_strength=0.5 + 0.05 * (seed - 100)).audit(200))
        names += [verdict.verdict for verdict in result.verdicts]
    assert "flagged" not in names
    assert names.count("clean") + names.count("not_shown") >= 57
    assert names.count("not_shown") >= 50  # 25 pictures a scene exclude no 20 points


def pulled_world():
    """A head on balanced pictures whose waterbird row is raised along water, until cats on water lose 60 %."""
    world = World(seed=3, class_strength=1.2)
    head = world.fit_head()
    pictures = world.draw(400, 1)
    x = world.features(pictures)
    wet = pictures.scene == SCENES.index("water")
    direction = x[wet].mean(axis=0) - x[~wet].mean(axis=0)
    cats = pictures.label == world.classes.index("cat")
    low, high = 0.0, 50.0
    for _ in range(40):
        strength = (low + high) / 2
        weight, bias = head.weight.copy(), head.bias.copy()
        weight[0] += strength * direction / np.linalg.norm(direction) ** 2
        bias[0] -= strength * float(direction @ x[~wet].mean(axis=0)) / np.linalg.norm(direction) ** 2
        lost = np.mean((x[cats & wet] @ weight.T + bias).argmax(axis=1) != 3)
        low, high = (strength, high) if lost < 0.6 else (low, strength)
    return world, LinearHead(weight.astype(np.float32), bias.astype(np.float32))


def test_class_that_loses_its_pictures_to_another_class_is_not_flagged():
    world, head = pulled_world()
    result = judge(world.audit(400, head=head))
    found = by_name(result)
    wet_cats = next(s for s in result.subgroups if (s.class_name, s.concept, s.present) == ("cat", "water", True))
    assert wet_cats.n_correct < 0.55 * wet_cats.n
    assert (found["waterbird"].verdict, found["waterbird"].concept) == ("flagged", "water")
    assert "pictures of other classes are called" in found["waterbird"].sentence
    for name in ("landbird", "vehicle", "cat", "balloon"):
        assert found[name].verdict != "flagged", found[name].sentence


def test_sub_kind_that_goes_with_a_scene_is_not_reliance_on_the_scene():
    """Cats on water are of the sub-kind that is easier to tell: a gap of 50 points and no reliance."""
    world = World(seed=20, class_strength=0.6, kind_by_scene=0.9)
    head = world.fit_head()
    assert world.reliance(head)[3, 0] < 0.05
    inputs = world.audit(400, head=head)
    result = judge(inputs)
    gap = next(f for f in result.findings if (f.class_name, f.concept, f.rule_id) == ("cat", "water", "E4-recall"))
    assert gap.low > 0.3
    cat = by_name(result)["cat"]
    assert cat.verdict == "not_shown"
    assert "Recall gap: without water (scene)" in cat.sentence  # told, and what it is not
    assert "of that, so something that goes with it may be the cause" in cat.sentence


def test_encoder_that_sees_water_in_prototypical_cats_flags_nothing():
    result = judge(World(seed=21, class_strength=0.6, encoder_bias=2.0).audit(400))
    assert all(verdict.verdict != "flagged" for verdict in result.verdicts)


def test_complete_correlation_is_never_clean():
    shortcuts = {name: (factor, value, 1.0) for name, (factor, value, _) in PLANTED.items()}
    found = by_name(judge(World(planted=shortcuts, seed=1, class_strength=0.6).audit(400)))
    for name in PLANTED:
        assert found[name].verdict in {"flagged", "suspect"}
        if found[name].verdict == "suspect":
            assert "more pictures without it" in found[name].sentence


def test_findings_carry_every_rule_and_the_pictures_that_show_it(planted):
    inputs, result = planted
    water = {f.rule_id: f for f in result.findings if (f.class_name, f.concept) == ("waterbird", "water")}
    assert set(water) == {"E1", "E2", "E3-recall", "E3-margin", "E3-pull", "E4-recall", "E4-pull"}
    row = {image_id: i for i, image_id in enumerate(inputs.image_ids)}
    first = row[water["E4-recall"].evidence_image_ids[0]]
    assert inputs.label_idx[first] == 0
    assert inputs.predicted_idx[first] != 0
    assert inputs.presence[first, 0] < 0.5
    for image_id in water["E4-pull"].evidence_image_ids:
        assert inputs.label_idx[row[image_id]] != 0
        assert inputs.predicted_idx[row[image_id]] == 0
    for image_id in water["E3-recall"].evidence_image_ids:
        assert inputs.label_idx[row[image_id]] == inputs.predicted_idx[row[image_id]] == 0
    assert water["E1"].p is None
    assert water["E4-recall"].q <= 0.05
    assert water["E3-recall"].p <= 0.05
    assert abs(water["E3-recall"].permuted) < 0.03 < water["E3-recall"].effect
    assert all(f.low <= f.effect <= f.high for f in result.findings)


def test_subgroups_add_up(planted):
    inputs, result = planted
    water = [s for s in result.subgroups if (s.class_name, s.concept) == ("waterbird", "water")]
    assert sum(s.n for s in water) == 400
    assert sum(s.n_correct for s in water) == int(np.sum((inputs.label_idx == 0) & (inputs.predicted_idx == 0)))


def states(inputs, **changes):
    result = judge(replace(inputs, **changes))
    return {v.class_name: (v.verdict, v.sentence) for v in result.verdicts}


def test_three_pictures_are_not_analysed(planted):
    inputs, _ = planted
    rows = np.r_[:3, 400 : len(inputs.image_ids)]
    verdict, sentence = states(taken(inputs, rows))["waterbird"]
    assert verdict == "not_analysed"
    assert "3 labelled pictures" in sentence


def constant_logits(inputs, logits):
    every = list(inputs.head_chunks())
    return lambda: ((rows, x, logits[rows]) for rows, x, _ in every)


def test_one_class_predictions_are_not_analysed(planted):
    inputs, _ = planted
    n = len(inputs.image_ids)
    logits = np.tile(np.array([5, 0, 0, 0, 0], np.float32), (n, 1))
    found = states(inputs, predicted_idx=np.zeros(n, np.int64), head_chunks=constant_logits(inputs, logits))
    assert {verdict for verdict, _ in found.values()} == {"not_analysed"}
    assert "at chance" in found["waterbird"][1]
    assert "No picture is called" in found["cat"][1]


def test_model_at_chance_is_not_analysed(planted):
    inputs, _ = planted
    logits = np.random.default_rng(0).normal(size=(len(inputs.image_ids), 5)).astype(np.float32)
    predicted = logits.argmax(axis=1)
    found = states(inputs, predicted_idx=predicted, head_chunks=constant_logits(inputs, logits))
    assert all(verdict == "not_analysed" for verdict, _ in found.values())


def test_unexplained_words_are_not_clean(planted):
    inputs, _ = planted
    found = states(inputs, residuals=np.full(len(inputs.image_ids), 0.97, np.float32))
    assert found["cat"][0] == "not_analysed"
    assert "97 %" in found["cat"][1]
    assert found["waterbird"][0] == "flagged"


def test_without_labels_nothing_is_analysed(planted):
    inputs, _ = planted
    found = states(inputs, label_idx=np.full(len(inputs.image_ids), -1))
    assert {verdict for verdict, _ in found.values()} == {"not_analysed"}


def test_without_a_model_the_data_are_described(planted):
    inputs, _ = planted
    result = judge(replace(inputs, head=None, head_chunks=None, predicted_idx=np.full(len(inputs.image_ids), -1)))
    verdict = by_name(result)["waterbird"]
    assert verdict.verdict == "not_analysed"
    assert "Association: 9" in verdict.sentence
    assert "No model was examined" in verdict.sentence
    assert {f.rule_id for f in result.findings} == {"E2"}


def test_concept_that_the_encoder_cannot_measure_supports_nothing(planted):
    inputs, _ = planted
    presence = inputs.presence.copy()
    presence[:, 0] = np.nan
    found = states(inputs, presence=presence)
    assert found["waterbird"][0] != "flagged" or "water (" not in found["waterbird"][1]
    assert found["landbird"][0] == "flagged"


def test_nothing_varies_is_not_clean(planted):
    inputs, _ = planted
    found = states(inputs, presence=np.zeros_like(inputs.presence))
    assert {verdict for verdict, _ in found.values()} == {"not_analysed"}


def test_shapes_are_checked(planted):
    inputs, _ = planted
    with pytest.raises(ValueError, match=r"residuals has shape \(3,\), expected \(2000,\)"):
        replace(inputs, residuals=np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="come together"):
        replace(inputs, head=None)
    with pytest.raises(ValueError, match="beyond the 5 classes"):
        replace(inputs, label_idx=inputs.label_idx + 1)
