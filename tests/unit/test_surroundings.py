"""Middles of pictures in surroundings of others: scores by hand, a model that is a function of what met, and hands."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from evidence_world import CLASSES, World, relabelled
from PIL import Image
from toy_audit import PLAIN, toy_classifier

from auditor.errors import InputError
from auditor.evidence.effects.kept_scores import UNKNOWN, as_parts, from_parts
from auditor.evidence.effects.surroundings import NOT_READ, SurroundingsSwap, model_part, of_either_class, part_around
from auditor.evidence.verdicts.judge import judge
from auditor.evidence.verdicts.place_sentences import with_places
from auditor.evidence.verdicts.surroundings_leads import MAX_CLASSES, find_surroundings
from auditor.evidence.verdicts.surroundings_meetings import FIRST_PAIRS, N_PAIRS, called_right, choose_pairs
from auditor.extraction import surroundings_swaps as hands
from auditor.extraction.surroundings_swaps import surroundings_looks, surroundings_swaps
from auditor.extraction.swap_record import SwapRecorder
from auditor.place_grid import MIDDLE, SURROUNDINGS
from auditor.rules import MIN_ARM, SURROUNDINGS_GIVEN, SURROUNDINGS_SHARE, SURROUNDINGS_TAKEN

CAT, DOG = CLASSES.index("cat"), 0

# --- the part that lies around the middle ---


def scores(around, middle, n=40, *, noise=0.0, seed=0):
    """What a score is that adds so much for surroundings of the class, and so much for its middle."""
    rng = np.random.default_rng(seed)

    def score(is_middle, is_around):
        return middle * is_middle + around * is_around + rng.normal(0, noise, n)

    own = np.stack([score(1, 0), score(1, 1)], axis=1)  # the class's picture in other surroundings, and in its own
    other = np.stack([score(0, 1), score(0, 0)], axis=1)
    return tuple(as_parts(one) for one in (own, other))


def pairs(n=40):
    own = [SurroundingsSwap(0, 1, i, n + i, (i + 1) % n) for i in range(n)]
    return [*own, *(SurroundingsSwap(0, 1, n + i, i, n + (i + 1) % n) for i in range(n))]


def shown(part):
    return part.p <= 0.05


def test_the_part_is_what_surroundings_make_of_all_that_tells_the_class():
    part = part_around(scores(3, 1, noise=0.2), scores(0.01, 0.09, noise=0.01), pairs(), None)
    assert (part.model, part.encoder) == (pytest.approx(0.75, abs=0.02), pytest.approx(0.1, abs=0.03))
    assert part.low < part.model < part.high
    assert shown(part)
    whatever_a_logit_is = part_around(scores(300, 100, noise=20), scores(0.01, 0.09, noise=0.01), pairs(), None)
    assert whatever_a_logit_is.model == pytest.approx(part.model, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "encoder"),
    [
        ((1, 3), (1, 3)),  # ears and legs are around the middle, and the encoder says so
        ((1.8, 3), (1, 3)),  # a little more than that
        ((1.2, 2.8), (0.4, 3.6)),  # three times as much, as clean heads see of a dog
        ((0, 4), (0, 4)),
        ((3, 1), (3, 1)),  # scenes are all around
        ((9, 1), (2.5, 2)),  # the model goes by the surroundings, but so does the encoder
    ],
)
def test_what_the_encoder_sees_there_as_well_may_be_the_object(model, encoder):
    part = part_around(scores(*model, noise=0.3), scores(*encoder, noise=0.3, seed=1), pairs(), None)
    assert not shown(part)


def test_a_part_that_the_encoder_sees_nothing_of_is_shown_though_it_is_small():
    part = part_around(scores(0.9, 3.1, noise=0.2), scores(0, 4, noise=0.2, seed=1), pairs(), None)
    assert part.model == pytest.approx(0.22, abs=0.03)
    assert shown(part)
    assert not shown(part_around(scores(0.4, 3.6, noise=0.2), scores(0, 4, noise=0.2, seed=1), pairs(), None))


def test_the_models_part_alone_is_known_before_the_encoder_is_asked():
    assert model_part(scores(2, 2, noise=0.2)) == pytest.approx(0.5, abs=0.03)
    assert np.isnan(model_part(scores(0, 0)))
    own, other = scores(2, 2)
    assert np.isnan(model_part((np.full_like(own, UNKNOWN), other)))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_pictures_that_take_part_in_several_pairs_do_not_make_a_part_sure(n_classes):
    """Surroundings and middles that differ from picture to picture: at the bar's own part one in twenty is shown."""
    n = 60
    labels = np.repeat(np.arange(n_classes), n)
    names = tuple("abcd"[:n_classes])
    ids, codes = tuple(str(i) for i in range(labels.size)), np.arange(labels.size)
    rng, n_shown, n_tried = np.random.default_rng(0), 0, 200
    for seed in range(n_tried):
        drawn = SimpleNamespace(seed=seed, image_ids=ids, label_idx=labels, class_names=names, group_codes=codes)
        met = choose_pairs(drawn, called_right(drawn, np.ones(labels.size, bool)), 0)
        around, middle = 0.1 + rng.normal(0, 0.3, labels.size), 0.9 + rng.normal(0, 0.3, labels.size)

        def score(target, source, around=around, middle=middle):
            parts = ((middle, target), (around, source))
            return sum((1 if labels[row] == 0 else -1) * part[row] for part, row in parts) + rng.normal(0, 0.1)

        sides = list(zip(*met, strict=True))
        told = [[(score(one.target, one.source), score(one.target, one.alike)) for one in side] for side in sides]
        looks = scores(0, 4, n=len(met), noise=0.1, seed=seed)
        part = part_around(
            [as_parts(np.array(one)) for one in told], looks, [one for side in sides for one in side], None
        )
        n_shown += shown(part)
    assert n_shown / n_tried <= 0.09


def test_an_encoder_that_does_not_tell_the_classes_says_nothing():
    assert part_around(scores(3, 1, noise=0.2), scores(0, 0, noise=0.1, seed=2), pairs(), None) is None


def test_pictures_of_few_groups_and_those_that_were_not_seen():
    model, encoder = scores(3, 1, noise=0.2), scores(0.01, 0.09, noise=0.01)
    few = np.concatenate([np.arange(40) % (MIN_ARM - 1), np.arange(40) + 100])
    assert part_around(model, encoder, pairs(), few) is None
    gone = encoder[0].copy()
    gone[MIN_ARM - 1 :, 1] = UNKNOWN
    assert part_around(model, (gone, encoder[1]), pairs(), None) is None


# --- the leads ---


@pytest.fixture(scope="module")
def inputs():
    world = World(seed=4)
    plain = world.audit(60, head=world.fit_head(150))
    rng = np.random.default_rng(0)
    return replace(plain, places=rng.dirichlet(np.full(9, 3), len(plain.image_ids)).astype(np.float32))


class Model:
    """Calls a picture by its middle, or so often by its surroundings where one of the two is a cat's."""

    def __init__(self, inputs, by_surroundings, part):
        self.inputs, self.often, self.part, self.n = inputs, by_surroundings, part, 0

    def swap(self, swaps):
        self.n += len(swaps)
        rng, found = np.random.default_rng(1), []
        for one in swaps:
            own, around = (int(self.inputs.label_idx[row]) for row in (one.target, one.source))
            by_around = CAT in (own, around) and rng.random() < self.often
            noise = rng.normal(0, 0.1, 2)
            ring = self.part if CAT in (own, around) else 0.1
            score = [(own == one.class_idx) * (1 - ring) + (k == one.class_idx) * ring for k in (around, own)]
            found.append([around if by_around else own, own, *as_parts(np.array(score) + noise)])
        return np.array(found, dtype=np.int64)


def looking(inputs, part):
    def look(swaps):
        rng, found = np.random.default_rng(2), []
        for one in swaps:
            own, around = (int(inputs.label_idx[row]) for row in (one.target, one.source))
            score = [(own == one.class_idx) * (1 - part) + (k == one.class_idx) * part for k in (around, own)]
            found.append(as_parts(0.1 * (np.array(score) + rng.normal(0, 0.1, 2))))
        return np.array(found)

    return look


def test_surroundings_that_decide_flag_the_class(inputs):
    model = Model(inputs, 0.6, 0.6)
    result = judge(inputs, surround=model.swap, look_around=looking(inputs, 0.05))
    cat = result.verdicts[CAT]
    assert (cat.verdict, cat.severity, cat.concept_id) == ("flagged", "high", "place-surroundings")
    assert (cat.concept_kind, cat.concept, cat.gap, cat.share) == ("place", "surroundings", None, None)
    assert cat.rule_id in (SURROUNDINGS_TAKEN.rule_id, SURROUNDINGS_GIVEN.rule_id)
    assert "relies largely on what surrounds the middle of its pictures" in cat.sentence
    assert "Surroundings: " in cat.numbers
    assert "to the encoder" in cat.numbers
    (place,) = [one for one in result.fixed_places if one.class_name == "cat"]
    assert (place.state, place.concept_id) == ("proven", SURROUNDINGS.concept_id)
    own = (inputs.label_idx == CAT) & (inputs.predicted_idx == CAT)
    assert place.image_ids
    assert set(place.image_ids) <= {inputs.image_ids[row] for row in np.flatnonzero(own)}
    rules = {one.rule_id for one in result.findings if (one.class_name, one.concept_id) == ("cat", place.concept_id)}
    assert rules == {SURROUNDINGS_SHARE.rule_id, SURROUNDINGS_TAKEN.rule_id, SURROUNDINGS_GIVEN.rule_id}


@pytest.mark.parametrize(
    ("often", "part", "encoder"),
    [
        (0.0, 0.1, 0.05),  # goes by the middle
        (0.6, 0.3, 0.25),  # half covered objects are lost, and the encoder loses as much
        (0.6, 0.6, 0.6),
    ],
)
def test_what_may_be_the_object_or_does_nothing_flags_nothing_and_is_no_lead(inputs, often, part, encoder):
    result = judge(inputs, surround=Model(inputs, often, part).swap, look_around=looking(inputs, encoder))
    assert result.verdicts == judge(inputs).verdicts
    assert not [one for one in result.fixed_places if one.concept_id == SURROUNDINGS.concept_id]
    assert [one for one in result.findings if one.rule_id == SURROUNDINGS_GIVEN.rule_id]  # what was tried is told


def test_without_an_encoder_or_what_was_done_before_nothing_is_proven(inputs):
    swap = Model(inputs, 0.6, 0.6).swap
    for look in (None, lambda _: None):
        assert judge(inputs, surround=swap, look_around=look).verdicts == judge(inputs).verdicts
    again = judge(inputs, surround=lambda _: None, look_around=lambda _: pytest.fail("looked"))
    told = [one for one in again.findings if one.rule_id in (SURROUNDINGS_TAKEN.rule_id, SURROUNDINGS_GIVEN.rule_id)]
    assert {one.status for one in told} == {"not_tried_again"}
    assert again.verdicts == judge(inputs).verdicts


def test_what_the_first_pairs_said_holds_where_no_more_were_made(inputs):
    model = Model(inputs, 0.6, 0.6)

    def first(swaps):
        return model.swap(swaps) if len(swaps) == 2 * FIRST_PAIRS else None

    found = find_surroundings(inputs, first, looking(inputs, 0.05), lambda *_: None)
    (cat,) = [one for one in found if one.class_idx == CAT]
    assert (cat.taken.status, cat.taken.n) == ("measured", FIRST_PAIRS)


def test_pictures_that_cannot_be_read_any_more_say_so(inputs):
    def gone(swaps):
        return np.tile(np.array([NOT_READ, NOT_READ, UNKNOWN, UNKNOWN]), (len(swaps), 1))

    result = judge(inputs, surround=gone, look_around=lambda _: pytest.fail("looked"))
    assert {one.status for one in result.findings if one.rule_id == SURROUNDINGS_TAKEN.rule_id} == {"not_readable"}
    assert result.verdicts == judge(inputs).verdicts


def test_a_class_that_goes_by_its_middle_costs_the_first_pairs_alone(inputs):
    model = Model(inputs, 0.0, 0.1)
    judge(inputs, surround=model.swap, look_around=lambda _: pytest.fail("looked"))
    assert model.n == 2 * FIRST_PAIRS * min(len(CLASSES), MAX_CLASSES)


def test_what_the_settings_allow_is_not_asked(inputs):
    allowed = replace(inputs, core_places={(CAT, SURROUNDINGS.concept_id): ("a habitat", None, None)})
    result = judge(allowed, surround=Model(inputs, 0.6, 0.6).swap, look_around=looking(inputs, 0.05))
    assert result.verdicts[CAT].concept_id != SURROUNDINGS.concept_id
    assert not [one for one in result.findings if (one.class_name, one.rule_id) == ("cat", "E5-surroundings")]


def test_pictures_meet_those_of_other_classes_and_groups_and_both_ways(inputs):
    groups = np.arange(len(inputs.image_ids)) // 2
    grouped = replace(inputs, groups=groups)
    right = inputs.label_idx == inputs.predicted_idx
    met = choose_pairs(grouped, called_right(grouped, right), CAT)
    assert 0 < len(met) <= N_PAIRS
    for own, other in met:
        assert (own.target, own.source) == (other.source, other.target)
        assert right[[own.target, own.source, own.alike, other.alike]].all()
        assert inputs.label_idx[own.target] == inputs.label_idx[own.alike] == CAT
        assert (
            inputs.label_idx[other.target] == inputs.label_idx[other.alike] == own.other_idx == other.other_idx != CAT
        )
        assert len({groups[own.target], groups[own.alike]}) == 2
        assert len({groups[other.target], groups[other.alike]}) == 2
    assert len({(own.target, own.source) for own, _ in met}) == len(met)
    assert {own.other_idx for own, _ in met} == set(range(len(CLASSES))) - {CAT}
    assert choose_pairs(inputs, called_right(inputs, right & (inputs.label_idx != CAT)), CAT) == []


def test_a_class_of_hardly_any_pictures_is_no_half_of_what_others_meet(inputs):
    right = inputs.label_idx == inputs.predicted_idx
    few = right & ((inputs.label_idx != DOG) | (np.cumsum(right & (inputs.label_idx == DOG)) <= 3))
    met = choose_pairs(inputs, called_right(inputs, few), CAT)
    times = np.bincount([other.target for _, other in met])
    assert len(met) == N_PAIRS
    assert times.max() <= 4
    assert 0 < sum(other.other_idx == DOG for _, other in met) <= 12


def test_every_picture_of_a_small_class_takes_part_and_none_oftener_than_needed(inputs):
    called = called_right(inputs, inputs.label_idx == inputs.predicted_idx)
    times = np.bincount([own.target for own, _ in choose_pairs(inputs, called, CAT)])[called[CAT]]
    assert times.max() == -(-N_PAIRS // called[CAT].size)
    assert times.min() >= 1


@pytest.mark.parametrize(("n_cats", "bar"), [(40, 0.05 / 2), (20, 0.05 / 4)])
def test_the_only_two_classes_are_one_question_where_the_same_pictures_meet(n_cats, bar):
    labels = np.repeat([0, 1], [n_cats, 100])
    two = SimpleNamespace(
        seed=0, image_ids=tuple(str(i) for i in range(labels.size)), label_idx=labels, predicted_idx=labels,
        class_names=("cat", "dog"), groups=None, group_codes=np.arange(labels.size), core_places={}, head=object(),
        places=np.full((labels.size, 9), 1 / 9, np.float32),
    )  # fmt: skip
    found = find_surroundings(two, lambda _: None, None, lambda *_: None)
    assert [one.class_idx for one in found] == [0, 1]
    assert {one.bar for one in found} == {bar}


def test_two_classes_are_asked_at_the_price_of_one(inputs):
    of_two = replace(inputs, predicted_idx=np.where(np.isin(inputs.label_idx, (CAT, DOG)), inputs.predicted_idx, -1))
    recorder = SwapRecorder(Model(inputs, 0.0, 0.1).swap, "")
    found = find_surroundings(of_two, recorder, None, lambda *_: None)
    assert {one.class_idx for one in found} == {CAT, DOG}
    assert {one.bar for one in found} == {0.05 / 4}
    assert len(recorder.record().swaps) == 2 * FIRST_PAIRS


def test_relabelling_classes_permutes_what_surroundings_say(inputs):
    order = np.array([3, 0, 4, 1, 2])
    turned = relabelled(inputs, order)
    asked = choose_pairs(inputs, called_right(inputs, inputs.label_idx == inputs.predicted_idx), CAT)
    again = choose_pairs(turned, called_right(turned, turned.label_idx == turned.predicted_idx), int(order[CAT]))
    assert [(a.target, a.source, a.alike) for pair in asked for a in pair] == [
        (a.target, a.source, a.alike) for pair in again for a in pair
    ]


def test_two_classes_share_what_was_made_of_their_meetings(inputs):
    right = (inputs.label_idx == inputs.predicted_idx) & np.isin(inputs.label_idx, (CAT, DOG))
    met = {c: choose_pairs(inputs, called_right(inputs, right), c) for c in (CAT, DOG)}
    made = {
        c: {frozenset((one.target, one.source, one.alike) for one in pair) for pair in pairs}
        for c, pairs in met.items()
    }
    assert made[CAT] == made[DOG]
    assert [pair[0].target for pair in met[CAT]] == [pair[1].target for pair in met[DOG]]
    recorder = SwapRecorder(Model(inputs, 0.6, 0.6).swap, "")
    asked = of_either_class(recorder)
    of_cat, of_dog = (asked([one for pair in met[c] for one in pair]).reshape(-1, 2, 4) for c in (CAT, DOG))
    assert len(recorder.record().swaps) == 2 * len(met[CAT])
    turned = np.where(np.arange(4) < 2, 1, -1)
    assert (of_cat == of_dog[:, ::-1] * turned).all()


def test_of_the_other_class_scores_turn_and_what_is_not_known_stays_so():
    two = [SurroundingsSwap(0, 1, 5, 6, 7), SurroundingsSwap(1, 0, 5, 6, 7)]
    told = of_either_class(lambda swaps: np.array([[1, 0, 30, UNKNOWN] for one in swaps if one.class_idx == 0]))(two)
    assert told.tolist() == [[1, 0, 30, UNKNOWN], [1, 0, -30, UNKNOWN]]
    assert of_either_class(lambda _: None)(two) is None


# --- the hands ---

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
SIDE = 96
PICTURES = [Image.new("RGB", (SIDE, SIDE), colour) for colour in (RED, GREEN, BLUE)]


def read(row):
    if row >= len(PICTURES):
        raise InputError("gone")
    return PICTURES[row]


def plain_pixels(batch):
    return batch.numpy() * np.reshape(PLAIN.std, (3, 1, 1)) + np.reshape(PLAIN.mean, (3, 1, 1))


def test_the_middle_stays_and_the_rest_is_anothers(monkeypatch):
    seen = []
    forward = hands.cam.forward
    monkeypatch.setattr(hands.cam, "forward", lambda one, batch: (seen.append(batch), forward(one, batch))[1])
    found = surroundings_swaps(toy_classifier(), read)(
        [SurroundingsSwap(0, 1, 0, 1, 2), SurroundingsSwap(0, 1, 0, 9, 2)]
    )
    made_pictures = seen[-1]
    first, second = plain_pixels(made_pictures)
    side = first.shape[1]
    inner = slice(round(MIDDLE[0] * side), round(MIDDLE[2] * side))
    for made, around in ((first, GREEN), (second, BLUE)):
        assert np.allclose(made[:, inner, inner].mean(axis=(1, 2)) * 255, RED, atol=1)
        assert np.allclose(made[:, 0, 0] * 255, around, atol=1)
        assert np.allclose(made[:, inner.stop, inner.stop] * 255, around, atol=1)
    logits = forward(toy_classifier(), made_pictures)[1]
    assert found[0].tolist() == [
        *logits.argmax(axis=1),
        *as_parts(logits[:, 0].astype(float) - logits[:, 1]),
    ]
    assert found[1].tolist() == [NOT_READ, NOT_READ, UNKNOWN, UNKNOWN]


def test_the_encoder_is_shown_the_same():
    def encode(batch):
        return plain_pixels(batch).mean(axis=(2, 3))[:, :2].astype(np.float32)

    encoder = SimpleNamespace(preprocess=PLAIN, encode_images=encode)
    look = surroundings_looks(toy_classifier(), encoder, np.eye(2, dtype=np.float32), read)
    found = look([SurroundingsSwap(0, 1, 0, 1, 2), SurroundingsSwap(1, 0, 0, 1, 2), SurroundingsSwap(0, 1, 0, 9, 2)])
    # red has the middle, six of eight pixels a side; green has the rest of the first picture, and blue of the second
    assert from_parts(found[0]) == pytest.approx([36 / 64 - 28 / 64, 36 / 64], abs=0.01)
    assert found[1].tolist() == (-found[0]).tolist()
    assert found[2].tolist() == [UNKNOWN, UNKNOWN]
    assert look([]).shape == (0, 2)


# --- beside what is told already ---


def beside(inputs, verdict, **more):
    """The verdict of a class in which surroundings are proven, with what was said of it before."""
    model = Model(inputs, 0.6, 0.6)
    found = find_surroundings(inputs, model.swap, looking(inputs, 0.05), lambda *_: None)
    leads = [lead for lead in found if lead.class_idx == CAT and lead.proven_by is not None]
    before = replace(judge(inputs).verdicts[CAT], verdict=verdict, sentence="Before.", numbers="Before.", **more)
    (after,) = with_places(inputs, [before], leads, [[] for _ in CLASSES])
    return before, after


def test_what_is_flagged_already_has_it_beside(inputs):
    before, after = beside(inputs, "flagged", concept="greyscale = yes", concept_id="grey")
    also = "It also relies on what surrounds the middle of its pictures."
    assert after == replace(before, sentence=f"Before. {also}", numbers=f"Before.\n{also}")


def test_a_suspect_is_flagged_and_what_it_was_suspect_for_is_still_told(inputs):
    _, after = beside(inputs, "suspect", concept="greyscale = yes", concept_id="grey")
    assert (after.verdict, after.concept) == ("flagged", "surroundings")
    assert after.sentence.endswith("It may also rely on greyscale = yes, which was neither shown nor excluded.")


@pytest.mark.parametrize(("n_own", "n_others"), [(12, 12), (12, 13), (13, 12), (20, 41), (30, 15)])
def test_however_many_pictures_there_are_no_two_meet_twice(inputs, n_own, n_others):
    called = np.flatnonzero(inputs.label_idx == inputs.predicted_idx)
    rows = [called[inputs.label_idx[called] == k][:n] for k, n in ((CAT, n_own), (DOG, n_others))]
    right = np.isin(np.arange(len(inputs.image_ids)), np.concatenate(rows))
    met = choose_pairs(inputs, called_right(inputs, right), CAT)
    assert len(met) == min(N_PAIRS, 4 * n_own)
    assert len({(own.target, own.source) for own, _ in met}) == len(met)


def test_pairs_that_share_a_picture_of_the_other_class_count_as_fewer():
    """Ten pictures that are met by four each: their noise is drawn ten times, and not forty."""
    rng = np.random.default_rng(3)
    shared = np.repeat(rng.normal(0, 1.5, 10), 4)
    own, other = scores(3, 1, noise=0.1)
    own[:, 0] += as_parts(shared)
    alone = [SurroundingsSwap(0, 1, i, 100 + i, (i + 1) % 40) for i in range(40)]
    alone += [SurroundingsSwap(0, 1, 100 + i, i, 200 + i) for i in range(40)]
    together = alone[:40] + [replace(one, target=100 + (one.target - 100) // 4) for one in alone[40:]]
    looks = scores(0.01, 0.09, noise=0.001)
    one, ten = (part_around((own, other), looks, swaps, None) for swaps in (alone, together))
    assert ten.high - ten.low > 1.3 * (one.high - one.low)


def test_a_class_of_few_pictures_takes_no_place_of_one_that_can_be_asked(inputs):
    few = (inputs.label_idx != CAT) | (np.cumsum(inputs.label_idx == CAT) <= MIN_ARM - 1)
    model = Model(inputs, 0.0, 0.1)
    found = find_surroundings(
        replace(inputs, predicted_idx=np.where(few, inputs.predicted_idx, DOG)), model.swap, None, lambda *_: None
    )
    assert {one.class_idx for one in found} == set(range(len(CLASSES))) - {CAT}
    assert {one.bar for one in found} == {0.05 / (2 * (len(CLASSES) - 1))}


def test_an_encoder_with_one_name_for_two_classes_says_nothing():
    nothing = tuple(np.zeros((40, 2), np.int64) for _ in range(2))
    assert part_around(scores(3, 1, noise=0.2), nothing, pairs(), None) is None


def test_scores_that_are_no_numbers_are_not_known_and_far_ones_are():
    kept = as_parts(np.array([np.nan, np.inf, 3000.0, -3000.0, -2147.483648], np.float32))
    assert kept[:2].tolist() == [UNKNOWN, UNKNOWN]
    assert from_parts(kept)[2:] == pytest.approx([3000, -3000, -2147.483648], abs=1e-3)
