"""A concept that breaks a class: worlds in which the loss is measured on pictures of the same laws."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import ARTIFACTS, SCENES, V, World
from scipy import sparse

from auditor.evidence.pairs.losses import measure_losses, of_absence
from auditor.evidence.pairs.measure import measure
from auditor.evidence.verdicts import judge as judging
from auditor.evidence.verdicts.harm import compared_with, is_sure, judged_losses, measure_harm, suspected
from auditor.evidence.verdicts.judge import judge
from auditor.records import Concept, LinearHead
from auditor.rules import RECALL_LOSS, RESTORED_MARGIN, RESTORED_RECALL

CAT = World().classes.index("cat")
LOSSES = {RECALL_LOSS.rule_id, RESTORED_RECALL.rule_id, RESTORED_MARGIN.rule_id}


def silent(_stage, _done, _total):
    pass


class Marked(World):
    """A watermark on this share of every class's pictures, and no other mark; nights that are hard to tell."""

    marked: tuple[float, ...] | None = None
    hard_nights = False

    def draw(self, per_class, stream):
        pictures = super().draw(per_class, stream)
        if self.marked is not None:
            chance = np.random.default_rng((self.seed, 77, stream)).random(pictures.label.size)
            there = chance < np.array(self.marked)[pictures.label]
            pictures.artifact = np.where(there, ARTIFACTS.index("watermark"), -1)
        if self.hard_nights:
            night = pictures.scene == SCENES.index("night")
            pictures.typical = np.where(night, 0.2 * pictures.typical - 0.3, pictures.typical)
        return pictures


def audited_after(world, trained, audited, per_class=300):
    """Evidence of a head that was fitted to other shares of watermarks than it is audited on."""
    world.marked = trained
    head = world.fit_head()
    world.marked = audited
    return world.audit(per_class, head=head)


@pytest.fixture(scope="module")
def never_marked():
    """No cat is ever seen with a watermark, four in ten of all others are; audited, four in ten of every class are."""
    inputs = audited_after(Marked(seed=0, class_strength=0.8), (0.4, 0.4, 0.4, 0.0, 0.4), (0.4,) * 5)
    return inputs, judge(inputs)


def by_name(result):
    return {verdict.class_name: verdict for verdict in result.verdicts}


def recall(inputs, c, *, marked):
    own = (inputs.label_idx == c) & ((inputs.presence[:, V["watermark"]] > 0.5) == marked)
    return int((inputs.predicted_idx[own] == c).sum()), int(own.sum())


def test_a_cat_that_was_never_seen_with_a_watermark_is_harmed_by_it(never_marked):
    inputs, result = never_marked
    found = by_name(result)
    assert (found["cat"].verdict, found["cat"].concept) == ("harmed", "watermark")
    assert {v.verdict for name, v in found.items() if name != "cat"} <= {"clean", "not_shown"}
    cat = found["cat"]
    assert (recall(inputs, CAT, marked=True), recall(inputs, CAT, marked=False)) == ((79, 136), (163, 164))
    assert (cat.rule_id, cat.agreeing_rule_id, cat.severity) == (RECALL_LOSS.rule_id, RESTORED_RECALL.rule_id, "high")
    assert cat.effect == pytest.approx(0.45, abs=0.03)  # .994 - .581, less what difficulty explains
    assert cat.effect_low < cat.effect < cat.effect_high
    assert (cat.gap, cat.gap_low, cat.gap_high) == (-cat.effect, -cat.effect_high, -cat.effect_low)
    assert cat.sentence.startswith(
        'With watermark (artifact) the model recognises 58 % of "cat" pictures instead of 99 %'
    )
    loss, erasure, *_ = cat.numbers.splitlines()
    assert loss == "Loss: with it 58 % [50, 66] of 136 are recognised, without it 99 % [97, 100] of 164."
    assert erasure.startswith("Erasure: with it taken out of the features, 32 points [")


def test_its_findings_show_the_pictures_that_are_missed(never_marked):
    inputs, result = never_marked
    found = {f.rule_id: f for f in result.findings if (f.class_name, f.concept) == ("cat", "watermark")}
    assert found.keys() >= LOSSES
    loss, back, margin = (found[rule.rule_id] for rule in (RECALL_LOSS, RESTORED_RECALL, RESTORED_MARGIN))
    assert loss.effect == by_name(result)["cat"].effect
    assert loss.p < loss.q <= 0.05
    assert loss.n_images == 300
    assert back.p == margin.p == 1 / 200
    assert abs(back.permuted) < 0.03 < 0.2 < back.effect < loss.effect
    assert 0.25 < margin.effect <= 1
    row = {image_id: i for i, image_id in enumerate(inputs.image_ids)}
    for one in (loss, back):
        for image_id in one.evidence_image_ids:
            assert inputs.label_idx[row[image_id]] == CAT
            assert inputs.predicted_idx[row[image_id]] != CAT
            assert inputs.presence[row[image_id], V["watermark"]] > 0.5


def test_its_arms_name_the_pictures_that_are_missed_and_those_that_are_not(never_marked):
    inputs, result = never_marked
    there, absent = (one for one in result.counterexamples if one.rule_id == RECALL_LOSS.rule_id)
    assert (there.class_name, there.concept, there.state, there.present) == ("cat", "watermark", "proven", True)
    assert ((there.n_correct, there.n), (absent.n_correct, absent.n)) == ((79, 136), (163, 164))
    row = {image_id: i for i, image_id in enumerate(inputs.image_ids)}
    missed = [row[one] for one in there.image_ids]
    assert len(missed) == 50
    assert (inputs.label_idx[missed] == CAT).all()
    assert (inputs.predicted_idx[missed] != CAT).all()
    assert (inputs.predicted_idx[[row[one] for one in absent.image_ids]] == CAT).all()


def test_a_class_that_uses_the_absence_of_a_mark_is_harmed_by_the_mark():
    """The head takes what a watermark adds to the features as evidence against "cat", and for no other class."""
    world = Marked(seed=0, class_strength=0.8)
    world.marked = (0.4,) * 5
    plain = world.fit_head()
    assert {v.verdict for v in judge(world.audit(300, head=plain)).verdicts} <= {"clean", "not_shown"}
    pictures = world.draw(600, 0)
    x, marked = world.features(pictures), pictures.artifact >= 0
    direction = x[marked].mean(axis=0) - x[~marked].mean(axis=0)
    weight, bias = plain.weight.copy(), plain.bias.copy()
    weight[CAT] -= 6 * direction / (direction @ direction)
    bias[CAT] += 6 * float(direction @ x[~marked].mean(axis=0)) / float(direction @ direction)
    found = by_name(judge(world.audit(300, head=LinearHead(weight.astype(np.float32), bias.astype(np.float32)))))
    assert [name for name, v in found.items() if v.verdict not in ("clean", "not_shown")] == ["cat"]
    assert found["cat"].verdict == "harmed"
    assert found["cat"].concept == "watermark"


def test_where_one_class_takes_the_pictures_it_is_named():
    """Waterbirds rely on water: cats on water are called waterbirds."""
    planted = {"waterbird": ("scene", "water", 0.95)}
    world = World(planted=planted, seed=0, class_strength=0.4)
    inputs = world.audit(400)
    cat = by_name(judge(inputs))["cat"]
    wet = (inputs.label_idx == CAT) & (inputs.presence[:, V["water"]] > 0.5)
    taken = float((inputs.predicted_idx[wet] == 0).mean())
    assert (cat.verdict, cat.concept) == ("harmed", "water")
    assert f'and calls {taken:.0%} "waterbird"'.replace("%", " %") in cat.sentence


def test_harder_pictures_are_told_and_harm_nothing():
    """Nights are hard in every class: the loss is sure, and erasing night gives nothing back."""
    world = Marked(seed=0, class_strength=1.0)
    world.hard_nights = True
    inputs = world.audit(400)
    absence = measure_harm(inputs, measure(inputs, silent), silent)
    sure = [j for of_class in judged_losses(inputs, absence) for j in of_class]
    assert {inputs.concepts[j.pair.concept_idx].term for j in sure} == {"night"}
    assert {j.state for j in sure} == {"open"}
    assert not any(suspected(j) for j in sure)
    found = judge(inputs).verdicts
    assert {v.verdict for v in found} <= {"clean", "not_shown"}
    told = [v for v in found if "Loss: with night (scene)" in v.sentence]
    assert len(told) == len(sure) > 0
    assert all("its pictures may only be harder" in v.sentence for v in told)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_classes_of_balanced_pictures_are_not_harmed(seed):
    assert not {v.verdict for v in judge(World(seed=seed, class_strength=0.6).audit(300)).verdicts} & {"harmed"}


def test_of_two_classes_the_one_that_loses_is_harmed():
    """By an eraser that saw the other class alone, to which its pictures go."""
    world = Marked(seed=2, class_strength=0.8, classes=("cat", "vehicle"))
    found = by_name(judge(audited_after(world, (0.02, 0.5), (0.4, 0.4), 400)))
    assert (found["cat"].verdict, found["cat"].concept) == ("harmed", "watermark")
    assert 'and calls 24 % "vehicle"' in found["cat"].sentence
    assert found["vehicle"].verdict != "harmed"


def test_pictures_of_a_few_groups_show_no_loss(never_marked):
    """All watermarked cats come from five series: they are five witnesses, and an arm wants ten."""
    inputs, _ = never_marked
    groups = np.arange(len(inputs.image_ids))
    marked = np.flatnonzero((inputs.label_idx == CAT) & (inputs.presence[:, V["watermark"]] > 0.5))
    groups[marked] = groups.size + np.arange(marked.size) % 5
    few = replace(inputs, groups=groups)
    (loss,) = [one for one in measure_losses(few, measure(few, silent)).pairs if one.concept_idx == V["watermark"]]
    assert loss.recall.status == "too_few"
    assert by_name(judge(few))["cat"].verdict != "harmed"


def test_a_flagged_class_says_what_else_it_loses():
    """Landbirds rely on forest and were never seen with a watermark."""
    world = Marked(planted={"landbird": ("scene", "forest", 0.9)}, seed=0, class_strength=0.8)
    inputs = audited_after(world, (0.4, 0.0, 0.4, 0.4, 0.4), (0.4,) * 5, 400)
    landbird = by_name(judge(inputs))["landbird"]
    assert (landbird.verdict, landbird.concept) == ("flagged", "forest")
    assert "Loss: with watermark (artifact) the model recognises" in landbird.sentence


def test_the_other_side_of_a_reliance_is_no_loss_of_its_own():
    """A class that relies on dusk loses its pictures in bright light, of which there is no third."""
    world = World(seed=0, class_strength=0.8)
    inputs = world.audit(300)
    dusk, bright = V["dusk"], V["bright"]
    own = inputs.label_idx == CAT
    called = inputs.predicted_idx.copy()
    called[own & (inputs.presence[:, bright] > 0.5)] = 0
    told = replace(inputs, predicted_idx=called)
    absence = measure_harm(told, measure(told, silent), silent)
    (loss,) = [j.pair for j in judged_losses(told, absence)[CAT] if j.pair.concept_idx == bright]
    assert loss.recall.low > 0.5
    assert compared_with(told, absence, loss, {dusk})
    assert not compared_with(told, absence, loss, {V["water"], bright})
    # nor where the class may rest on it
    allowed = replace(told, core={(CAT, dusk): "settings"})
    absence = measure_harm(allowed, measure(allowed, silent), silent)
    assert bright not in {j.pair.concept_idx for j in judged_losses(allowed, absence)[CAT]}


def with_column(inputs, there):
    """The same audit with a column that says in which pictures the watermark is."""
    n = len(inputs.image_ids)
    return replace(
        inputs,
        concepts=(*inputs.concepts, Concept("mark-watermark", "mark = watermark", "attribute", column="mark")),
        presence=np.column_stack([inputs.presence, there]).astype(np.float32),
        shares=sparse.hstack([inputs.shares, sparse.csr_array((n, 1), dtype=np.float32)], format="csr"),
        same_as={len(inputs.concepts): V["watermark"]},
    )


def test_the_manifest_agrees_in_the_line_of_the_word(never_marked):
    inputs, _ = never_marked
    cat = by_name(judge(with_column(inputs, inputs.presence[:, V["watermark"]] > 0.5)))["cat"]
    assert (cat.verdict, cat.concept) == ("harmed", "watermark")
    assert "Second source: the manifest's mark = watermark agrees, 45 points [" in cat.sentence
    assert "also harmed" not in cat.sentence


def test_what_the_manifest_excludes_the_word_does_not_prove():
    """By the column the mark is in every second picture, of those that are recognised and of those that are not."""
    inputs = audited_after(Marked(seed=0, class_strength=0.8), (0.4, 0.4, 0.4, 0.0, 0.4), (0.4,) * 5, 700)
    right = inputs.predicted_idx == inputs.label_idx
    there = np.zeros(right.size)
    for among in (right, ~right):
        there[np.flatnonzero(among)[::2]] = 1
    told = with_column(inputs, there)
    absence = measure_harm(told, measure(told, silent), silent)
    losses = {one.concept_idx: one for one in absence.pairs if one.class_idx == CAT}
    assert is_sure(losses[V["watermark"]])
    assert losses[len(inputs.concepts)].recall.high < 0.1
    assert judged_losses(told, absence)[CAT] == []


def test_losses_change_nothing_that_is_said_of_reliances(never_marked, monkeypatch):
    planted = World(planted={"waterbird": ("scene", "water", 0.95)}, seed=0, class_strength=0.6).audit(300)
    for inputs, result in (never_marked, (planted, judge(planted))):
        with monkeypatch.context() as patched:
            patched.setattr(judging, "measure_harm", lambda _, measured, __: of_absence(measured))
            without = judge(inputs)
        assert [f for f in result.findings if f.rule_id not in LOSSES] == without.findings
        for one, other in zip(result.verdicts, without.verdicts, strict=True):
            assert one == other or (one.verdict, other.verdict) in (("harmed", "clean"), ("harmed", "not_shown"))


def test_without_a_model_there_is_no_loss(never_marked):
    nothing = np.full(never_marked[0].label_idx.size, -1)
    inputs = replace(never_marked[0], head=None, head_chunks=None, predicted_idx=nothing)
    assert measure_harm(inputs, measure(inputs, silent), silent).pairs == []
