"""Lettering in made pictures: rows of marks whose place and number are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lettered import lettered, scene
from PIL import Image, ImageDraw, ImageOps

from auditor.properties.lettering import LEAST_IN_ROW, strokes, text_rows
from auditor.properties.measure import measure_one


def noughts(n: int, *, ink: int = 255, paper: int = 60, tops: tuple[int, ...] = (100,), high: int = 20) -> Image.Image:
    """Upright frames of lines of 2 pixels, 8 wide, 14 apart, on flat grey: noughts."""
    found = Image.new("L", (256, 200), paper)
    draw = ImageDraw.Draw(found)
    for i in range(n):
        top = tops[i % len(tops)]
        draw.rectangle((40 + 14 * i, top, 40 + 14 * i + 7, top + high - 1), outline=ink, width=2)
    return found


@pytest.mark.parametrize("light", [True, False])
def test_marks_of_one_height_side_by_side_are_a_row_with_its_box(light):
    (row,) = text_rows(noughts(5) if light else noughts(5, ink=20, paper=200))
    assert (row.top, row.bottom, row.left, row.right) == (100, 120, 40, 104)
    assert (row.n_marks, row.light, row.height) == (5, light, 20)


@pytest.mark.parametrize(
    "picture",
    [
        noughts(LEAST_IN_ROW - 1),
        noughts(6, tops=(60, 75, 90, 105)),  # a stair
        noughts(6, ink=80),  # hardly lighter than the paper
        noughts(6, high=70),
        Image.new("L", (256, 200), 128),
        Image.new("L", (1, 1), 128),
    ],
)
def test_too_few_marks_or_none_of_one_height_are_no_text(picture):
    assert text_rows(picture) == []


def test_two_darker_marks_on_a_row_do_not_hide_it():
    picture = noughts(6, ink=160, paper=90)
    draw = ImageDraw.Draw(picture)
    for i in (4, 5):
        draw.rectangle((40 + 14 * i, 100, 40 + 14 * i + 7, 119), outline=0, width=2)
    assert [row.n_marks for row in text_rows(picture)][:1] == [4]


def test_fainter_rows_and_shorter_ones_count_where_a_picture_surely_has_text():
    picture = noughts(6)
    draw = ImageDraw.Draw(picture)
    for i in range(3):
        draw.rectangle((60 + 14 * i, 150, 60 + 14 * i + 7, 169), outline=85, width=2)
    assert [row.top for row in text_rows(picture)] == [100, 150]
    mask = strokes(picture, text_rows(picture), faint=True)
    assert mask[105:115, 40:42].all()
    assert mask[155:165, 60:62].all()
    assert not mask[125:145].any()


def test_letters_are_found_whatever_they_say_and_the_same_scene_without_has_none():
    for text in ("PREVIEW", "(c) agency 4711", "12 08 '94"):
        assert measure_one(lettered(scene(1), text), "lettering") == "yes", text
    assert measure_one(scene(1), "lettering") == "no"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_a_picture_and_its_mirror_image_have_the_same(seed):
    rng = np.random.default_rng(seed)
    pixels = np.asarray(noughts(int(rng.integers(2, 9))), np.int16) + rng.integers(-8, 9, (200, 256))
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    there = bool(text_rows(picture))
    assert bool(text_rows(ImageOps.mirror(picture))) == bool(text_rows(ImageOps.flip(picture))) == there
