"""Places that belong to a word, with an encoder that sees mean colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from toy_audit import toy_encoder

from auditor.extraction.word_places import SIDE, word_places

WORDS = np.eye(3, dtype=np.float32)  # red, green, blue


def by_means(batch: torch.Tensor) -> np.ndarray:
    """Mean colours, not brought to length 1, so that falls can be worked out by hand."""
    return batch.mean((2, 3)).numpy()


def picture(colours: dict[tuple[int, int], tuple[int, int, int]]) -> Image.Image:
    """8 x 8 pixels, one a place: black but for some."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    for place, colour in colours.items():
        pixels[place] = colour
    return Image.fromarray(pixels)


def test_a_place_belongs_to_the_word_that_goes_when_it_is_covered():
    encoder = replace(toy_encoder(), encode_images=by_means)
    places = word_places(encoder, picture({(1, 1): (255, 0, 0), (6, 6): (0, 255, 0)}), WORDS)
    assert places.shape == (3, SIDE, SIDE)
    # A cover ends at the centres of the places beside it: of eight pixels a side it covers the place's own alone.
    expected = np.zeros((SIDE, SIDE))
    expected[1, 1] = (1 - 1 / 64) / 64
    np.testing.assert_allclose(places[0], expected, atol=1e-6)
    assert places[1].argmax() == 6 * SIDE + 6
    assert not places[2].any()  # blue has no place of its own


def test_every_place_has_one_word_at_most():
    encoder = replace(toy_encoder(), encode_images=by_means)
    rng = np.random.default_rng(0)
    places = word_places(encoder, Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)), WORDS)
    assert ((places > 0).sum(axis=0) <= 1).all()
    assert (places > 0).any(axis=(1, 2)).all()
