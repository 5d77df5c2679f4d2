"""Measures of faithfulness by hand: linear responses over parts, heads of two groups, maps on a network set by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from toy_audit import PLAIN, SIDE, WORDS, toy_classifier, toy_encoder

from auditor.extraction.covered_pictures import seen_through, with_places_covered
from auditor.extraction.map_trials import BY_CHANNELS, Subject, try_class_maps, try_phrase_maps
from auditor.faithfulness.controls import likeness, moved_map, points_at
from auditor.faithfulness.curves import Areas, area, called_probability, order_of, step_counts, taken_parts
from auditor.faithfulness.group_deletion import group_areas
from auditor.faithfulness.simulation import foretold, foretold_by_chance
from auditor.faithfulness.summary import mean_row
from auditor.faithfulness.text_direction import leading_words, raised, slopes_along_words, slopes_as_pictures_differ
from auditor.faithfulness.trials import MOVED, Trial, trial_rows
from auditor.faithfulness_audit import MOST_PICTURES, chosen_rows
from auditor.models.load_classifier import make_classifier
from auditor.models.map_choice import drawing_with
from auditor.models.shuffled_weights import with_shuffled_weights
from auditor.records import LinearHead

WEIGHTS = np.array([0.1, 0.4, 0.2, 0.3], np.float32)


def rng():
    return np.random.default_rng(0)


def curve(order):
    """What is left of a linear response over four parts while they are taken."""
    counts = step_counts(4)
    taken = taken_parts(np.array(order), counts)
    return (~taken * WEIGHTS).sum(axis=1), (taken * WEIGHTS).sum(axis=1), counts


def test_deletion_and_insertion_of_a_linear_response():
    order = order_of(WEIGHTS, rng())
    assert order.tolist() == [1, 3, 2, 0]
    left, back, counts = curve(order)
    np.testing.assert_allclose(left, [1, 0.6, 0.3, 0.1, 0], atol=1e-6)
    # trapezoids of a quarter each: (1/2 + .6 + .3 + .1 + 0/2) / 4 and (0/2 + .4 + .7 + .9 + 1/2) / 4
    areas = Areas(area(left, counts), area(back, counts))
    assert areas.deletion == pytest.approx(0.375)
    assert areas.insertion == pytest.approx(0.625)
    assert areas.relevance_gain == pytest.approx(0.25)
    wrong_left, wrong_back, _ = curve(order[::-1])
    assert area(wrong_back, counts) - area(wrong_left, counts) == pytest.approx(-0.25)


def test_steps_are_at_most_ten_and_at_least_one_part():
    assert step_counts(4).tolist() == [0, 1, 2, 3, 4]
    assert step_counts(49).tolist() == [0, 5, 10, 15, 20, 24, 29, 34, 39, 44, 49]


def test_equal_places_have_no_order_of_their_own():
    orders = {tuple(order_of(np.zeros(6), np.random.default_rng(seed))) for seed in range(20)}
    assert len(orders) > 10


def test_probability_of_a_class():
    logits = np.log(np.array([[1.0, 3.0], [1.0, 1.0]]))
    np.testing.assert_allclose(called_probability(logits, 1, multi_label=False), [0.75, 0.5])
    np.testing.assert_allclose(called_probability(logits, 1, multi_label=True), [0.75, 0.5])
    np.testing.assert_allclose(called_probability(logits, 0, multi_label=True), [0.5, 0.5])


def test_a_map_elsewhere_has_its_values_at_other_places():
    values = np.zeros((4, 4), np.float32)
    values[0, 0], values[0, 1] = 2, 1
    for seed in range(30):
        moved = moved_map(values, np.random.default_rng(seed))
        assert sorted(moved.ravel()) == sorted(values.ravel())
        first, second = (np.argwhere(moved == value)[0] for value in (2, 1))
        beside = np.abs(first - second)
        assert sorted(np.minimum(beside, 4 - beside)) == [0, 1]  # one blob still, across an edge at times


def test_likeness_and_pointing():
    values = np.arange(4.0).reshape(2, 2)
    assert likeness(values, values**3) == pytest.approx(1)
    assert likeness(values, -values) == pytest.approx(-1)
    assert np.isnan(likeness(values, np.ones((2, 2))))
    mask = np.zeros((8, 8), bool)
    mask[4:, 4:] = True
    assert points_at(values, mask)
    assert not points_at(values[::-1], mask)


def test_means_have_students_interval_and_shares_an_exact_one():
    row = mean_row("class_map", "CAM", "relevance_gain", [0.1, 0.2, 0.3, np.nan])
    # t(.975, 2) = 4.3027, sd .1, sqrt 3
    assert (row.value, row.n) == (pytest.approx(0.2), 3)
    assert (row.low, row.high) == (pytest.approx(0.2 - 0.24841, abs=1e-4), pytest.approx(0.2 + 0.24841, abs=1e-4))
    assert mean_row("class_map", "CAM", "average_drop", [0.0, 0.0, 0.2]).low == 0
    share = mean_row("simulation", "phrases", "accuracy", [1.0] * 10)
    assert share.low == pytest.approx(0.025 ** (1 / 10), abs=1e-6)  # Clopper-Pearson of 10 of 10
    assert share.high == 1
    paired = mean_row("class_map", "CAM", "deletion", [0.1, 0.2], [0.2, 0.4], "x")
    assert (paired.value, paired.against) == (pytest.approx(-0.15), "x")
    assert mean_row("class_map", "CAM", "deletion", [0.5]).low is None
    assert mean_row("class_map", "CAM", "pointing", [np.nan]) is None


def test_groups_of_channels_by_hand():
    """Logits (a0 + a1, 0) with two groups of one channel: the larger one is taken first."""
    head = LinearHead(np.array([[1.0, 1.0], [0.0, 0.0]], np.float32), np.zeros(2, np.float32))
    activations = np.log(np.array([[9.0, 3.0]], np.float32))
    found, drawn = group_areas(
        activations, np.array([0]), head, np.zeros(2, np.float32), np.array([0, 1]), n_random=400, rng=rng()
    )
    # odds 27, then 3, then 1: probabilities 27/28, 3/4, 1/2; back: 1/2, 9/10, 27/28
    largest_first = (27 / 56 + 3 / 4 + 1 / 4) / 2, (1 / 4 + 9 / 10 + 27 / 56) / 2
    other_first = (27 / 56 + 9 / 10 + 1 / 4) / 2, (1 / 4 + 3 / 4 + 27 / 56) / 2
    assert (found[0].deletion, found[0].insertion) == pytest.approx(largest_first, abs=1e-6)
    mean = (np.array(largest_first) + other_first) / 2
    assert (drawn[0].deletion, drawn[0].insertion) == pytest.approx(tuple(mean), abs=0.01)
    without = group_areas(
        activations, np.array([0]), head, np.zeros(2, np.float32), np.array([-1, -1]), n_random=1, rng=rng()
    )
    assert without == ([], [])


def test_a_class_rises_along_a_word_that_its_channel_follows():
    """One channel is twice the first axis of the embedding, and speaks for the first class."""
    embeddings = rng().standard_normal((200, 3)).astype(np.float32)
    activations = 2 * embeddings[:, :1]
    weights = np.array([[1.0], [-1.0]], np.float32)
    for slopes_of in (slopes_along_words, slopes_as_pictures_differ):
        slopes = slopes_of(embeddings, activations, weights, np.eye(3, dtype=np.float32))
        np.testing.assert_allclose(slopes[:, 0], [2, -2], atol=0.01)
    straight = slopes_along_words(embeddings, activations, weights, np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(straight[:, 1:], 0, atol=0.01)
    found = raised(np.array([[2.0, -1.0, 0.5]], np.float32), [(0, 0), (0, 1)])
    assert found.raises.tolist() == [1, 0]
    np.testing.assert_allclose(found.raised_by_all, [2 / 3, 2 / 3])
    assert found.rank.tolist() == [1, 0]


def test_words_that_go_together_rise_together_only_as_pictures_differ():
    embeddings = rng().standard_normal((300, 2)).astype(np.float32)
    embeddings[:, 1] = embeddings[:, 0] + 0.1 * embeddings[:, 1]
    activations, weights, axes = embeddings[:, :1], np.ones((1, 1), np.float32), np.eye(2, dtype=np.float32)
    assert slopes_along_words(embeddings, activations, weights, axes)[0, 1] == pytest.approx(0, abs=0.05)
    assert slopes_as_pictures_differ(embeddings, activations, weights, axes)[0, 1] == pytest.approx(1, abs=0.05)


def test_leading_words_are_those_of_a_twentieth_of_a_class():
    shares = np.zeros((41, 3), np.float32)
    shares[:39, 1], shares[39, 2] = 0.5, 0.5  # one in forty; the last says nothing
    assert leading_words(shares, np.zeros(41, np.int64)) == [(0, 1)]


def test_calls_are_told_from_what_says_them_and_not_from_what_does_not():
    called = np.repeat([0, 1, 1], 20)
    says = np.eye(2, dtype=np.float32)[called]
    assert foretold(says, called, np.arange(60)).mean() == 1
    nothing = np.zeros((60, 2), np.float32)
    assert foretold(nothing, called, np.arange(60)).mean() == pytest.approx(2 / 3)
    assert foretold_by_chance(called, np.arange(60)).mean() == pytest.approx(2 / 3)


def test_copies_never_tell_each_other():
    """Each picture is there twice, and what is said of it is said of no other one."""
    called = rng().integers(0, 2, 120).astype(np.int64)
    twice = np.concatenate([called, called])
    codes = np.concatenate([np.arange(120), np.arange(120)])
    features = np.eye(120, dtype=np.float32)[codes]
    assert foretold(features, twice, np.arange(240)).mean() > 0.8
    assert foretold(features, twice, codes).mean() < 0.7


def test_rows_of_trials_count_pictures_once():
    trials = [
        Trial("class_map", "CAM", "a", {"relevance_gain": 0.4}, {"relevance_gain": 0.1}),
        Trial("class_map", "CAM", "b", {"relevance_gain": 0.2}, {"relevance_gain": 0.1}),
        Trial("class_map", "Layer-CAM", "a", {"relevance_gain": 0.5}, {"relevance_gain": 0.1}),
        Trial("phrase_map", "by places", "a", {"specific": 1.0}, {"specific": 0.0}),
        Trial("phrase_map", "by places", "a", {"specific": 0.0}, {"specific": 0.0}),
    ]
    rows = trial_rows(trials, {"class_map": "CAM", "phrase_map": "by places"})
    told = {(row.method, row.against): (pytest.approx(row.value), row.n) for row in rows}
    assert told == {
        ("CAM", None): (0.3, 2),
        ("CAM", MOVED): (0.2, 2),
        ("Layer-CAM", None): (0.5, 1),
        ("Layer-CAM", MOVED): (0.4, 1),
        ("Layer-CAM", "CAM"): (0.1, 1),  # of the picture that both have
        ("by places", None): (0.5, 1),
        ("by places", MOVED): (0.5, 1),
    }


def test_pictures_are_chosen_turn_by_turn_and_those_that_are_shown_first():
    called = np.array([0, 0, 0, 1, -1, 1])
    ids = ["f", "e", "d", "c", "b", "a"]
    assert chosen_rows(called, ids, {"f"}, 2) == [0, 5, 2, 3]
    many = np.repeat(np.arange(60), 3)
    chosen = chosen_rows(many, [f"{i:03}" for i in range(180)], set(), 2)
    assert len(chosen) == MOST_PICTURES
    assert len(set(many[chosen])) == 60


def picture():
    """Red in the upper half, green in the left quarter of the lower one."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[: SIDE // 2, :, 0] = 255
    pixels[SIDE // 2 :, : SIDE // 4, 1] = 255
    return Image.fromarray(pixels)


def test_covered_places_have_the_mean_colour():
    hidden = np.zeros((2, 2, 2), bool)
    hidden[1, 0] = True  # the upper half
    activations, logits = with_places_covered(toy_classifier(), picture(), hidden)
    # channels: mean red, mean of green less blue; the mean colour is (1/2, 1/8, 0)
    np.testing.assert_allclose(activations, [[0.5, 0.125], [0.25, 0.125 + 0.0625]], atol=1e-6)
    np.testing.assert_allclose(logits[:, 0], activations[:, 0] - activations[:, 1], atol=1e-6)


def test_covers_fit_grids_that_do_not_divide_the_picture():
    hidden = np.ones((1, 3, 5), bool)
    activations, _ = with_places_covered(toy_classifier(), picture(), hidden)
    np.testing.assert_allclose(activations, [[0.5, 0.125]], atol=1e-6)


def test_seen_through_a_map_the_rest_has_the_mean_colour():
    maps = np.stack([np.ones((2, 2)), np.zeros((2, 2)), -np.ones((2, 2))]).astype(np.float32)
    activations, _ = seen_through(toy_classifier(), picture(), maps)
    np.testing.assert_allclose(activations, np.tile([0.5, 0.125], (3, 1)), atol=1e-6)


def test_maps_of_a_network_set_by_hand():
    """The class's map is exact, so it beats itself elsewhere; the mask lies where it is largest."""
    classifier = toy_classifier()
    mask = Image.fromarray(np.asarray(picture())[..., 1])  # white on the green
    subject = Subject("a", picture(), 1, mask)
    drawings = {"cam": classifier, "layer_cam": drawing_with(classifier, "layer_cam")}
    cam, layer = try_class_maps(subject, drawings, with_shuffled_weights(classifier, 0), seed=1)
    assert (cam.kind, cam.method, layer.method) == ("class_map", "CAM", "Layer-CAM")
    assert cam.found["relevance_gain"] == pytest.approx(cam.found["insertion"] - cam.found["deletion"])
    assert cam.found["relevance_gain"] > cam.moved["relevance_gain"]
    assert cam.found["pointing"] == 1
    assert "likeness_randomised" in cam.found
    assert "likeness_randomised" not in cam.moved
    again = try_class_maps(subject, drawings, with_shuffled_weights(classifier, 0), seed=1)
    assert [one.found for one in again] == [cam.found, layer.found]


def test_one_phrase_alone_has_no_other_to_take_more_from():
    """The second class rests on green alone; its phrase's map by channels is exact."""
    found = try_phrase_maps(Subject("a", picture(), 1), toy_classifier(), WORDS, toy_encoder(), seed=1)
    by_channels = next(trial for trial in found if trial.method == BY_CHANNELS)
    assert by_channels.found["relevance_gain"] > by_channels.moved["relevance_gain"]
    assert all(np.isnan(trial.found["specific"]) for trial in found)


class TwoThings(torch.nn.Module):
    """Channels are red and green; the first class rests on both."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = torch.nn.Conv2d(3, 2, 1, bias=False), torch.nn.Linear(2, 2)
        with torch.no_grad():
            self.conv.weight.copy_(torch.eye(2, 3)[:, :, None, None])
            self.fc.weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3)))


def test_a_phrases_map_takes_its_own_phrase():
    """Red above, green below: the map of each word by channels covers its own half first."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[: SIDE // 2, :, 0] = pixels[SIDE // 2 :, :, 1] = 255
    classifier = make_classifier(TwoThings(), PLAIN, spec="two")
    found = try_phrase_maps(Subject("a", Image.fromarray(pixels), 0), classifier, WORDS, toy_encoder(), seed=1)
    by_channels = [trial for trial in found if trial.method == BY_CHANNELS]
    assert [trial.found["specific"] for trial in by_channels] == [1.0, 1.0]


def test_shuffled_weights_are_a_copy_with_the_same_values():
    classifier = toy_classifier()
    before = {name: value.clone() for name, value in classifier.module.state_dict().items()}
    shuffled = with_shuffled_weights(classifier, 3)
    for name, value in classifier.module.state_dict().items():
        assert torch.equal(value, before[name])
        assert torch.equal(shuffled.module.state_dict()[name].flatten().sort().values, value.flatten().sort().values)
    assert sorted(shuffled.head.weight.ravel()) == sorted(classifier.head.weight.ravel())
    others = [with_shuffled_weights(classifier, seed).head.weight for seed in range(8)]
    assert any(not np.array_equal(one, classifier.head.weight) for one in others)
