"""What is measured of a picture: made pictures whose values are known."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps
from scipy import ndimage

from auditor.properties.measure import PROPERTIES, measure_one, measure_pixels, packed, unpacked


def _flat(red: int, green: int, blue: int, size: tuple[int, int] = (120, 80)) -> Image.Image:
    return Image.new("RGB", size, (red, green, blue))


def _scene(seed: int = 0, size: int = 160) -> Image.Image:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (23, 23, 3), dtype=np.uint8))
    return small.resize((size, size), Image.Resampling.BICUBIC)


def test_light_and_colour_by_hand():
    halves = Image.fromarray(np.repeat(np.array([[51], [204]], np.uint8), 40, 0).repeat(80, 1)).convert("RGB")
    found = measure_pixels(halves)
    assert found["brightness"] == pytest.approx(0.5, abs=1e-3)  # half at .2, half at .8
    assert found["contrast"] == pytest.approx(0.3, abs=1e-3)
    assert found["saturation"] == 0
    assert found["entropy"] == pytest.approx(1.0)  # two grey levels, one bit
    assert found["greyscale"] == "yes"
    assert "hue" not in found  # grey has none
    red = measure_pixels(_flat(200, 100, 100))
    assert red["saturation"] == pytest.approx(0.5, abs=1e-3)
    assert (red["hue"], red["colour_cast"], red["greyscale"]) == ("red", "red", "no")
    assert measure_one(_flat(60, 80, 200), "colour_cast") == "blue"
    assert measure_one(_flat(128, 128, 128), "colour_cast") == "none"


def test_blur_noise_and_blocks_go_their_way_and_no_other():
    scene = _scene()
    blurred = scene.filter(ImageFilter.GaussianBlur(2))
    assert float(measure_one(blurred, "sharpness")) < 0.8 * float(measure_one(scene, "sharpness"))
    rng = np.random.default_rng(1)
    grey = np.full((200, 200), 128.0) + rng.normal(0, 10, (200, 200))
    noisy = Image.fromarray(np.clip(np.rint(grey), 0, 255).astype(np.uint8)).convert("RGB")
    assert measure_one(noisy, "noise") == pytest.approx(10 / 255, rel=0.05)  # its own deviation, in grey of 0 to 1
    stream = io.BytesIO()
    scene.save(stream, "JPEG", quality=5)
    assert float(measure_one(Image.open(stream).convert("RGB"), "blockiness")) > 1.2
    assert measure_one(scene, "blockiness") == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("ink", "name"),
    [((0, 0, 0), "black"), ((250, 250, 250), "white"), ((120, 120, 120), "grey"), ((200, 30, 30), "coloured")],
)
def test_a_border_has_the_name_of_its_colour(ink, name):
    framed = ImageOps.expand(_scene(), 10, fill=ink)
    assert measure_one(framed, "border") == name
    assert measure_one(framed, "letterbox") == "none"


def test_bars_on_two_sides_are_a_letterbox_and_no_border():
    barred = ImageOps.expand(_scene(), (0, 20, 0, 20), fill=(0, 0, 0))
    assert measure_one(barred, "letterbox") == "top and bottom"
    assert measure_one(barred, "border") == "none"
    assert measure_one(_scene(), "letterbox") == "none"
    assert measure_one(_flat(0, 0, 0), "border") == "none"  # all of it is black: nothing is framed


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (2, 2), (7, 300)])
@pytest.mark.filterwarnings("error")
def test_tiny_pictures_have_what_they_have(size):
    found = measure_pixels(_flat(10, 200, 90, size))
    assert found["brightness"] == pytest.approx((0.299 * 10 + 0.587 * 200 + 0.114 * 90) / 255, abs=0.005)
    assert set(found) <= {one.name for one in PROPERTIES}


def test_packed_values_come_back_and_nothing_else_does():
    assert unpacked(packed({"brightness": 0.123456789, "format": "JPEG"})) == {"brightness": 0.123457, "format": "JPEG"}
    assert unpacked('{"brightness": true, "mine": 3, "mode": ["RGB"]}') == {}


def test_noise_and_sharpness_are_scipys_convolutions():
    """The sums of slices are the masks that the references give."""
    grey = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    image = Image.fromarray(grey).convert("RGB")
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    answers = ndimage.convolve(grey / 255, mask)[1:-1, 1:-1]
    assert measure_one(image, "noise") == pytest.approx(np.sqrt(np.pi / 2) / 6 * np.abs(answers).mean(), rel=1e-5)
    assert measure_one(image, "sharpness") == pytest.approx(ndimage.laplace(grey / 255)[1:-1, 1:-1].std(), rel=1e-5)
