import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from auditor.properties.edit import EDITABLE, ONE_WAY, WHOLE_FRAME, set_property


def photo(size=(96, 64), seed=0):
    """Soft structure in all channels, no value at an end."""
    drawn = np.random.default_rng(seed).integers(30, 220, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(drawn).resize(size, Image.Resampling.BICUBIC)


def luma(image):
    return float(np.asarray(image.convert("L"), np.float64).mean() / 255)


def spread(image):
    return float(np.asarray(image.convert("L"), np.float64).std() / 255)


def saturation(image):
    return float(np.asarray(image.convert("HSV"), np.float64)[..., 1].mean() / 255)


def cast(image):
    means = np.asarray(image, np.float64).mean(axis=(0, 1))
    return float(means.std() / max(means.mean(), 1))


def sharpness(image):
    return float(np.abs(np.diff(np.asarray(image.convert("L"), np.float64), axis=1)).sum() / np.prod(image.size))


def noise(image):
    grey = np.asarray(image.convert("L"), np.float64)
    return float(np.abs(grey[1:, 1:] - grey[:-1, 1:] - grey[1:, :-1] + grey[:-1, :-1]).mean())


MEASURES = {
    "brightness": (luma, (0.2, 0.3, 0.7)),
    "contrast": (spread, (0.05, 0.1, 0.2)),
    "saturation": (saturation, (0.05, 0.2, 0.6)),
    "colour_cast": (cast, (0.0, 0.02, 0.2)),
}


@pytest.mark.parametrize(
    ("name", "level"), [(name, level) for name, (_, levels) in MEASURES.items() for level in levels]
)
def test_what_is_set_measures_so(name, level):
    measured = MEASURES[name][0]
    found = set_property(photo(), name, level, measured)
    assert measured(found) == pytest.approx(level, abs=0.02)
    assert found.size == (96, 64)


def test_the_same_picture_level_and_seed_give_the_same_result():
    one, again, other = (set_property(photo(), "noise", 12.0, noise, seed=seed) for seed in (3, 3, 4))
    assert one.tobytes() == again.tobytes() != other.tobytes()
    assert noise(one) == pytest.approx(12.0, rel=0.05)


def test_jpeg_quality_is_that_of_the_encoder():
    found = set_property(photo(), "jpeg_quality", 30.0, lambda _: None, now=90.0)
    stream = io.BytesIO()
    photo().save(stream, "JPEG", quality=30)
    assert found.tobytes() == Image.open(stream).convert("RGB").tobytes()
    assert set_property(photo(), "jpeg_quality", 30.0, lambda _: None) is not None  # a PNG was never compressed
    assert set_property(photo(), "jpeg_quality", 30.0, lambda _: None, now=20.0) is None


def test_blur_and_noise_go_one_way():
    blurred = photo().filter(ImageFilter.GaussianBlur(2))
    assert set_property(blurred, "sharpness", sharpness(photo()), sharpness) is None
    assert sharpness(set_property(photo(), "sharpness", 0.5 * sharpness(photo()), sharpness)) == pytest.approx(
        0.5 * sharpness(photo()), rel=0.05
    )
    noisy = set_property(photo(), "noise", 12.0, noise)
    assert set_property(noisy, "noise", 4.0, noise) is None


def test_colour_is_taken_and_never_given():
    grey = set_property(photo(), "greyscale", "yes", lambda _: None)
    red, green, blue = grey.split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()
    assert set_property(photo(), "greyscale", "no", lambda _: None).tobytes() == photo().tobytes()
    assert set_property(grey, "greyscale", "no", lambda _: None) is None
    assert set_property(grey, "saturation", 0.4, saturation) is None


def test_a_border_is_painted_and_covered_by_what_lies_beside_it():
    black = set_property(photo(), "border", "black wide", lambda _: None)
    pixels = np.asarray(black)
    assert not pixels[:6].any()
    assert not pixels[:, -6:].any()
    assert np.array_equal(pixels[6:-6, 6:-6], np.asarray(photo())[6:-6, 6:-6])
    covered = np.asarray(set_property(black, "border", "none", lambda _: None))
    assert covered[:6].min() > 20
    assert np.array_equal(covered[6:-6, 6:-6], pixels[6:-6, 6:-6])


def test_a_size_goes_down_only():
    assert set_property(photo(), "width", 48.0, lambda _: None).size == (48, 32)
    assert set_property(photo(), "height", 32.0, lambda _: None, now=128.0).size == (24, 16)  # decoded at half its size
    assert set_property(photo(), "width", 97.0, lambda _: None) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (200, 1)])
@pytest.mark.parametrize("fill", [0, 255, 128])
@pytest.mark.parametrize("name", sorted(EDITABLE))
def test_plain_and_tiny_pictures_are_set_or_told_apart_without_a_warning(name, fill, size, recwarn):
    picture = Image.new("RGB", size, (fill, fill, fill))
    measured = {**{key: one for key, (one, _) in MEASURES.items()}, "sharpness": sharpness, "noise": luma}.get(
        name, luma
    )
    level = {"greyscale": "yes", "border": "black wide"}.get(name, 0.5)
    found = set_property(picture, name, level, measured)
    assert found is None or found.mode == "RGB"
    assert not recwarn.list


def test_a_black_picture_cannot_be_brightened():
    assert set_property(Image.new("RGB", (8, 8)), "brightness", 0.5, luma) is None


def test_every_property_says_what_it_is():
    assert WHOLE_FRAME | set(ONE_WAY) < EDITABLE
