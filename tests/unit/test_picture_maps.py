"""Maps of one picture, exact on a network set by hand; and maps as bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from toy_audit import SIDE, toy_classifier, toy_encoder, write_pictures
from toy_models import GapCnn

from auditor.evidence.verdicts.exemplars import Exemplar
from auditor.extraction.picture_maps import exemplar_maps, map_picture, picture_as_seen, positive_map, seen_crop
from auditor.models.load_classifier import make_classifier
from auditor.models.preprocess import Preprocess
from auditor.records import ActivationStats, ChannelWords, Concept

#: Channel 0 means the first concept and channel 1 the second; an average picture is black.
WORDS = ChannelWords(
    np.eye(2, dtype=np.float32),
    ActivationStats(np.zeros(2, np.float32), np.zeros(2, np.float32)),
    np.eye(2, dtype=np.float32),
)
CONCEPTS = (Concept("red", "red", "colour"), Concept("green", "green", "colour"))
CLASSIFIER = toy_classifier()


def picture() -> Image.Image:
    """Red in the upper half, green in the left quarter of the lower one."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[: SIDE // 2, :, 0] = 255
    pixels[SIDE // 2 :, : SIDE // 4, 1] = 255
    return Image.fromarray(pixels)


RED = np.asarray(picture())[..., 0] / 255
GREEN = np.asarray(picture())[..., 1] / 255


def test_of_the_predicted_class():
    # channels .5 and .125, logits .375 and .75; centred weights [.5, -1.5] and [-.5, 1.5]
    maps = map_picture(CLASSIFIER, picture(), None, WORDS)
    np.testing.assert_allclose(maps.logits, [0.375, 0.75], atol=1e-6)
    np.testing.assert_allclose(maps.class_map, 2 * GREEN, atol=1e-5)  # the head's own row
    assert maps.phrase_idx == (1,)
    # one concept in line with the evidence: the penalty takes a tenth of it
    np.testing.assert_allclose(maps.phrase_shares, [0.9], atol=1e-5)
    assert maps.residual == pytest.approx(0.01, abs=1e-5)
    np.testing.assert_allclose(maps.phrase_maps, [1.5 * GREEN], atol=1e-5)


def test_of_a_class_that_was_asked_for():
    maps = map_picture(CLASSIFIER, picture(), 0, WORDS)
    np.testing.assert_allclose(maps.class_map, RED - GREEN, atol=1e-5)
    assert maps.phrase_idx == (0,)
    np.testing.assert_allclose(maps.phrase_maps, [0.5 * RED], atol=1e-5)


def test_phrases_come_by_share_each_with_its_own_channels():
    # the average picture has red: its lack is evidence for the second class, said by the far end of channel 0
    stats = ActivationStats(np.array([0.75, 0.0], np.float32), np.zeros(2, np.float32))
    directions = np.array([[-1, 0], [0, 1]], np.float32)
    maps = map_picture(CLASSIFIER, picture(), 1, ChannelWords(directions, stats, WORDS.concept_rows))
    # evidence -.5 (.5 - .75) = .125 along -s0 = +e0 and 1.5 * .125 = .1875 along e1; the penalty takes .01875 of each
    expected = np.array([0.1875 * 0.16875, 0.125 * 0.10625]) / (0.1875**2 + 0.125**2)
    assert maps.phrase_idx == (1, 0)
    np.testing.assert_allclose(maps.phrase_shares, expected, atol=1e-5)
    np.testing.assert_allclose(maps.phrase_maps, [1.5 * GREEN, -0.5 * RED], atol=1e-5)


def test_a_picture_without_evidence_has_no_phrases():
    maps = map_picture(CLASSIFIER, Image.new("RGB", (SIDE, SIDE)), 0, WORDS)
    assert maps.phrase_idx == ()
    assert maps.phrase_maps.shape == (0, SIDE, SIDE)
    assert maps.residual == 1


@pytest.mark.parametrize("mean", [(0.0, 0.0, 0.0), (0.485, 0.456, 0.406)])
def test_the_picture_as_the_model_sees_it(mean):
    transform = Preprocess(size=12, crop=(8, 8), mean=mean, std=(0.2, 0.3, 0.4))
    classifier = make_classifier(GapCnn(), transform, spec="toy")
    noise = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.uint8)
    seen = picture_as_seen(classifier, Image.fromarray(noise))
    np.testing.assert_array_equal(np.asarray(seen), noise[2:10, 6:14])


def test_the_picture_as_seen_by_a_transform_that_scales_nothing():
    class Raw:
        def __call__(self, image):
            return torch.from_numpy(np.asarray(image, np.float32).transpose(2, 0, 1).copy())

        def describe(self):
            return "raw"

        input_size = SIDE

    classifier = toy_classifier()
    object.__setattr__(classifier, "preprocess", Raw())
    np.testing.assert_array_equal(np.asarray(picture_as_seen(classifier, picture())), np.asarray(picture()))


def classifier_with(transform):
    classifier = toy_classifier()
    object.__setattr__(classifier, "preprocess", transform)
    return classifier


@pytest.mark.parametrize(
    ("preprocess", "size", "crop"),
    [
        (Preprocess(size=64, crop=(56, 56)), (80, 100), (4 / 64, 12 / 80, 60 / 64, 68 / 80)),
        (Preprocess(size=256, crop=(224, 224)), (500, 375), (58.5 / 341, 16 / 256, 282.5 / 341, 240 / 256)),
        (Preprocess(size=(64, 64)), (90, 50), (0, 0, 1, 1)),
        # the crop reaches 16 of 64 pixels beyond each side: padded with black
        (Preprocess(size=64, crop=(96, 96)), (64, 64), (-0.25, -0.25, 1.25, 1.25)),
        (Preprocess(size=48, crop=(48, 64)), (48, 48), (-1 / 6, 0, 7 / 6, 1)),
    ],
)
def test_the_crop_is_read_off_a_ramp(preprocess, size, crop):
    assert seen_crop(classifier_with(preprocess), size) == pytest.approx(crop, abs=0.008)


@pytest.mark.parametrize("change", ["mirrored", "turned", "folded", "constant"])
def test_a_transform_that_is_no_resize_and_crop_has_no_crop(change):
    def transform(image):
        pixels = np.asarray(image, np.float32).transpose(2, 0, 1) / 255
        if change == "mirrored":
            pixels = pixels[:, :, ::-1]
        elif change == "turned":
            pixels = pixels.transpose(0, 2, 1)
        elif change == "folded":
            pixels = np.concatenate([pixels[:, :, ::2], pixels[:, :, ::-2]], axis=2)
        else:
            pixels = np.zeros_like(pixels)
        return torch.from_numpy(np.ascontiguousarray(pixels))

    assert seen_crop(classifier_with(transform), (40, 30)) is None


def test_exemplars_get_the_map_of_the_class_and_of_the_concept_where_the_phrases_hold_it(tmp_path):
    dataset = write_pictures(tmp_path, {"a/0.png": (255, 0, 0), "b/0.png": (0, 255, 0)})
    exemplars = [Exemplar(0, 0, 0), Exemplar(1, 1, 0), Exemplar(1, 1, None)]
    calls = []
    maps = exemplar_maps(
        exemplars, dataset.root, dataset.items, CLASSIFIER, CONCEPTS, WORDS, on_progress=lambda *c: calls.append(c)
    )
    red, green = (item.image_id for item in dataset.items)
    assert [(m.image_id, m.class_idx, m.concept_id) for m in maps] == [
        (red, 0, None), (red, 0, "red"), (green, 1, None), (green, 1, None),
    ]  # fmt: skip
    assert [m.scale for m in maps] == pytest.approx([1, 0.5, 2, 2])
    assert all(m.crop == pytest.approx((0, 0, 1, 1), abs=0.01) for m in maps)  # resized as a whole
    assert all((m.data == 255).all() for m in maps)
    assert calls == [("maps", 1, 3), ("maps", 2, 3), ("maps", 3, 3)]


def test_the_map_of_a_family_is_the_sum_of_its_members(tmp_path):
    dataset = write_pictures(tmp_path, {"a/0.png": (255, 102, 0), "b/0.png": (0, 0, 0)})
    concepts = (*CONCEPTS, Concept("family-warm", "warm", "colour", members=("green", "red")))
    of = {
        v: exemplar_maps([Exemplar(0, 1, v)], dataset.root, dataset.items, CLASSIFIER, concepts, WORDS)[1:]
        for v in range(3)
    }
    parts = [one.scale * one.data.astype(float) for v in (0, 1) for one in of[v]]
    (whole,) = of[2]
    assert whole.concept_id == "family-warm"
    np.testing.assert_allclose(whole.scale * whole.data, np.sum(parts, axis=0), atol=0.5 * whole.scale)


def test_where_the_picture_lacks_every_phrase_what_it_does_not_lack_is_asked_by_itself():
    words = replace(WORDS, concept_rows=np.array([[1, 0], [0, 1], [0.8, 0.6]], np.float32))
    alone, lacking, partly = (map_picture(CLASSIFIER, picture(), 0, words, None, lacks) for lacks in ((), {0}, {1, 2}))
    assert alone.phrase_idx == partly.phrase_idx == (0,)
    assert lacking.phrase_idx == (0, 2)
    assert lacking.phrase_shares[0] == pytest.approx(alone.phrase_shares[0])
    # the evidence has .8 of its length along that word, and a tenth of it is the penalty's
    assert lacking.phrase_shares[1] == pytest.approx(0.9 * 0.8**2, abs=1e-5)
    assert lacking.residual == pytest.approx(alone.residual)
    assert map_picture(CLASSIFIER, picture(), 0, words, None, {0, 1, 2}).phrase_idx == (0,)


def test_with_an_encoder_words_have_their_places_and_those_that_the_picture_lacks_have_none():
    encoder = replace(toy_encoder(), encode_images=lambda batch: batch.mean((2, 3)).numpy()[:, :2])
    by_channels, by_places, none = (
        map_picture(CLASSIFIER, picture(), 0, WORDS, *given) for given in ((), (encoder,), (encoder, range(3)))
    )
    assert by_places.phrase_idx == by_channels.phrase_idx
    assert by_places.phrase_maps.shape == by_channels.phrase_maps.shape
    assert by_places.phrase_maps.any()
    assert (by_places.phrase_maps[:, by_places.class_map <= 0] == 0).all()
    assert not none.phrase_maps.any()


def test_bytes_hold_the_positive_part_to_half_a_step():
    values = np.array([[-3.0, 0.0], [0.5, 2.0]], np.float32)
    saliency = positive_map("i", 1, "water", values, None)
    assert saliency.scale == 2
    assert saliency.data.tolist() == [[0, 0], [64, 255]]
    assert np.abs(saliency.data / 255 * saliency.scale - np.maximum(values, 0)).max() <= 2 / 255 / 2


def test_a_map_of_nothing_is_zeros():
    saliency = positive_map("i", 0, None, np.full((2, 3), -1, np.float32), None)
    assert saliency.scale == 0
    assert saliency.data.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert saliency.data.dtype == np.uint8
