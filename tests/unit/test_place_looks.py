"""Exchanged places, and an encoder set by hand: its two numbers are how red and how green a picture is."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from toy_audit import PLAIN, toy_classifier

from auditor.errors import InputError
from auditor.evidence.effects.place_exchange import PlaceSwap
from auditor.evidence.effects.place_likeness import NOT_SEEN, PARTS, p_shows_object
from auditor.extraction.place_looks import place_looks
from auditor.place_grid import PLACES
from auditor.rules import MIN_ARM

NAMES = [place.name for place in PLACES]
TOP, BOTTOM, CORNER = (NAMES.index(name) for name in ("top edge", "bottom edge", "top left corner"))
ROSE, LEAF = 0, 1
RED, GREEN = (255, 0, 0), (0, 255, 0)
SIDE = 96


def picture(top, rest):
    made = Image.new("RGB", (SIDE, SIDE), rest)
    made.paste(top, (0, 0, SIDE, SIDE // 3))
    return made


PICTURES = [picture(RED, GREEN), picture(GREEN, GREEN)]


def read(row):
    if row >= len(PICTURES):
        raise InputError("gone")
    return PICTURES[row]


def encoder():
    def encode(batch):
        pixels = batch.numpy() * np.reshape(PLAIN.std, (3, 1, 1)) + np.reshape(PLAIN.mean, (3, 1, 1))
        return pixels.mean(axis=(2, 3))[:, :2].astype(np.float32)

    return SimpleNamespace(preprocess=PLAIN, encode_images=encode)


def look():
    return place_looks(toy_classifier(), encoder(), np.eye(2, dtype=np.float32), read)


def test_the_target_is_like_the_class_by_what_fills_the_place_and_its_mirror_image():
    swaps = [PlaceSwap(ROSE, TOP, BOTTOM, 0, 1), PlaceSwap(ROSE, TOP, BOTTOM, 1, 0), PlaceSwap(LEAF, TOP, BOTTOM, 1, 0)]
    found = look()(swaps) / PARTS
    # of a picture with red r and green g the likeness to "rose" is (r - g) / 2; a third is red or green
    part = pytest.approx([-0.5, 1 / 3 - 0.5], abs=3e-3)
    assert found[0] == part  # the red is gone, or it is still there
    assert found[1][::-1] == part  # the red has come, or what is below it
    assert found[2] == pytest.approx(-found[1], abs=1e-3)


def test_what_cannot_be_read_was_not_seen():
    found = look()([PlaceSwap(ROSE, CORNER, BOTTOM, 0, 2), PlaceSwap(ROSE, TOP, BOTTOM, 0, 1)])
    assert found[0].tolist() == [NOT_SEEN, NOT_SEEN]
    assert NOT_SEEN not in found[1]
    assert look()([]).shape == (0, 2)


def swaps_and_looks(lost, won, n=3 * MIN_ARM):
    """Each of n pictures of the class met once either way, by an encoder that sees these means with a spread of 1."""
    rng = np.random.default_rng(0)
    swaps = [PlaceSwap(ROSE, TOP, BOTTOM, row, n + row) for row in range(n)]
    swaps += [PlaceSwap(ROSE, TOP, BOTTOM, n + row, row) for row in range(n)]
    place = np.concatenate([rng.normal(-lost, 1, n), rng.normal(won, 1, n)])
    return (
        swaps,
        np.rint(1000 * np.stack([place, np.zeros(2 * n)], axis=1)).astype(np.int64),
        np.repeat([ROSE, LEAF], n),
    )


def test_it_is_the_object_where_both_ways_say_so():
    swaps, found, labels = swaps_and_looks(2, 2)
    once = p_shows_object(found, swaps, labels)
    assert once < 1e-3
    # the same pictures three times are no more
    assert p_shows_object(np.tile(found, (3, 1)), swaps * 3, labels) == pytest.approx(once)
    # nor are pictures of the same group
    pairs = np.arange(labels.size) // 2
    assert once < p_shows_object(found, swaps, labels, pairs) < 0.05
    for lost, won in ((0, 0), (2, 0), (0, 2), (-2, 2)):
        swaps, found, labels = swaps_and_looks(lost, won)
        assert p_shows_object(found, swaps, labels) > 0.05, (lost, won)


def test_too_few_pictures_or_no_difference_say_nothing():
    swaps, found, labels = swaps_and_looks(2, 2, n=MIN_ARM - 1)
    assert p_shows_object(found, swaps, labels) == 1.0
    swaps, found, labels = swaps_and_looks(2, 2)
    assert p_shows_object(np.zeros_like(found), swaps, labels) == 1.0
    assert p_shows_object(np.full_like(found, NOT_SEEN), swaps, labels) == 1.0
    assert p_shows_object(np.zeros((0, 2), np.int64), [], labels) == 1.0
