import io

import numpy as np
import pytest
from PIL import Image

from auditor.properties.edit import EDITABLE, ONE_WAY, WHOLE_FRAME, set_property
from auditor.properties.measure import measure_one


def photo(size=(96, 64), seed=0):
    """Soft structure in all channels, no value at an end."""
    drawn = np.random.default_rng(seed).integers(30, 220, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(drawn).resize(size, Image.Resampling.BICUBIC)


LEVELS = {"brightness": (0.2, 0.3, 0.7), "contrast": (0.05, 0.1, 0.2), "saturation": (0.1, 0.2, 0.6)}


@pytest.mark.parametrize(("name", "level"), [(name, level) for name, levels in LEVELS.items() for level in levels])
def test_what_is_set_measures_so(name, level):
    found = set_property(photo(), name, level)
    assert measure_one(found, name) == pytest.approx(level, abs=0.02)
    assert found.size == (96, 64)


def test_the_same_picture_level_and_seed_give_the_same_result():
    one, again, other = (set_property(photo(), "noise", 0.05, seed=seed) for seed in (3, 3, 4))
    assert one.tobytes() == again.tobytes() != other.tobytes()
    assert measure_one(one, "noise") == pytest.approx(0.05, rel=0.05)


def test_jpeg_quality_is_that_of_the_encoder():
    found = set_property(photo(), "jpeg_quality", 30.0, now=90.0)
    stream = io.BytesIO()
    photo().save(stream, "JPEG", quality=30)
    assert found.tobytes() == Image.open(stream).convert("RGB").tobytes()
    assert set_property(photo(), "jpeg_quality", 30.0) is not None  # a PNG was never compressed
    assert set_property(photo(), "jpeg_quality", 30.0, now=20.0) is None


def test_blur_and_noise_go_one_way():
    sharp = float(measure_one(photo(), "sharpness"))
    blurred = set_property(photo(), "sharpness", sharp / 2)
    assert measure_one(blurred, "sharpness") == pytest.approx(sharp / 2, rel=0.05)
    assert set_property(blurred, "sharpness", sharp) is None
    noisy = set_property(photo(), "noise", 0.05)
    assert set_property(noisy, "noise", 0.02) is None


def test_colour_is_taken_and_never_given():
    grey = set_property(photo(), "greyscale", "yes")
    red, green, blue = grey.split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()
    assert set_property(photo(), "greyscale", "no").tobytes() == photo().tobytes()
    assert set_property(grey, "greyscale", "no") is None
    assert set_property(grey, "saturation", 0.4) is None


def test_a_border_is_painted_and_covered_by_what_lies_beside_it():
    black = set_property(photo(), "border", "black")
    pixels = np.asarray(black)
    assert not pixels[:6].any()
    assert not pixels[:, -6:].any()
    assert np.array_equal(pixels[6:-6, 6:-6], np.asarray(photo())[6:-6, 6:-6])
    assert measure_one(black, "border") == "black"
    covered = np.asarray(set_property(black, "border", "none"))
    assert measure_one(Image.fromarray(covered), "border") == "none"
    assert np.array_equal(covered[6:-6, 6:-6], pixels[6:-6, 6:-6])
    assert set_property(photo(), "border", "none").tobytes() == photo().tobytes()


@pytest.mark.parametrize("cast", ["red", "green", "yellow", "blue", "none"])
def test_a_cast_is_given_and_taken(cast):
    assert measure_one(set_property(photo(), "colour_cast", cast), "colour_cast") == cast


def test_a_size_goes_down_only():
    assert set_property(photo(), "width", 48.0).size == (48, 32)
    assert set_property(photo(), "height", 32.0, now=128.0).size == (48, 32)  # decoded at half its size
    assert set_property(photo(), "height", 100.0, now=128.0).size == (96, 64)  # so large a file is decoded smaller too
    assert set_property(photo(), "width", 97.0) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (200, 1)])
@pytest.mark.parametrize("fill", [0, 255, 128])
@pytest.mark.parametrize("name", sorted(EDITABLE))
def test_plain_and_tiny_pictures_are_set_or_told_apart_without_a_warning(name, fill, size, recwarn):
    picture = Image.new("RGB", size, (fill, fill, fill))
    level = {"greyscale": "yes", "border": "black", "colour_cast": "yellow"}.get(name, 0.5)
    found = set_property(picture, name, level)
    assert found is None or found.mode == "RGB"
    assert not recwarn.list


def test_a_black_picture_cannot_be_brightened():
    assert set_property(Image.new("RGB", (8, 8)), "brightness", 0.5) is None


def test_every_property_says_what_it_is():
    assert WHOLE_FRAME | set(ONE_WAY) < EDITABLE
