"""Pictures inside a page: the right crop, within the budget, whatever a thumbnail holds."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from auditor.records import SaliencyMap
from reports.page.pictures import PictureBudget, Sizes

LARGE, SMALL = 160, 96
#: 160 x 120: a column of red, a wide middle of green, a column of blue.
PIXELS = np.zeros((120, 160, 3), np.uint8)
PIXELS[:, :20, 0] = PIXELS[:, 20:140, 1] = PIXELS[:, 140:, 2] = 255


def jpeg(pixels=PIXELS, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, **{"format": "JPEG", "quality": 95, **options})
    return stream.getvalue()


def saliency(crop, data=None):
    return SaliencyMap("i", 0, None, np.eye(7, dtype=np.uint8) * 255 if data is None else data, 1.0, crop)


def opened(drawn):
    head, _, text = drawn.uri.partition(",")
    assert head == "data:image/webp;base64"
    image = Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")
    assert image.size == (drawn.width, drawn.height)
    return np.asarray(image).astype(int)


def is_colour(pixels, colour):
    return np.abs(pixels.reshape(-1, 3).mean(axis=0) - colour).max() < 30


def test_a_picture_with_a_map_is_cut_to_what_the_model_saw():
    plain, mapped = PictureBudget(10**6).with_map(jpeg(), saliency((0.125, 0.0, 0.875, 1.0)))
    assert (plain.width, plain.height) == (mapped.width, mapped.height) == (LARGE, LARGE)
    assert is_colour(opened(plain), (0, 255, 0))  # neither red nor blue is left


def test_the_map_lies_on_the_same_crop():
    # the left half, evidence in its right upper corner: the map must be brightest there
    data = np.zeros((4, 4), np.uint8)
    data[0, 3] = 255
    plain, mapped = PictureBudget(10**6).with_map(jpeg(), saliency((0.0, 0.0, 0.5, 1.0), data))
    assert (plain.width, plain.height) == (107, LARGE)
    seen = opened(plain)
    assert is_colour(seen[:, :20], (255, 0, 0))
    assert is_colour(seen[:, 40:], (0, 255, 0))
    bright = opened(mapped).sum(axis=2)
    assert bright[:40, -27:].mean() > bright[80:, :60].mean() + 150


def test_sizes_can_be_smaller():
    budget = PictureBudget(10**6, Sizes(64, 32, 50))
    plain, mapped = budget.with_map(jpeg(), saliency((0.125, 0.0, 0.875, 1.0)))
    assert (plain.width, mapped.height, budget.small(jpeg()).width) == (64, 64, 32)
    assert len(plain.uri) < len(PictureBudget(10**6, Sizes(64, 32, 95)).with_map(jpeg(), saliency((0, 0, 1, 1)))[0].uri)


def test_what_the_model_saw_beyond_the_picture_is_black():
    plain, _ = PictureBudget(10**6).with_map(jpeg(), saliency((-0.25, 0.0, 1.25, 1.0)))
    assert (plain.width, plain.height) == (LARGE, 80)
    seen = opened(plain)
    assert is_colour(seen[:, :20], (0, 0, 0))
    assert is_colour(seen[:, 30:36], (255, 0, 0))
    assert is_colour(seen[:, -20:], (0, 0, 0))


@pytest.mark.parametrize(
    "crop",
    [None, (0.5, 0, 0.5, 1), (0.6, 0, 0.4, 1), (0, 0, 1e9, 1), (0, float("nan"), 1, 1), (0, 0, 1), (0, 0, 1, 0.001)],
)
def test_a_map_without_a_known_place_is_not_drawn(crop):
    plain, mapped = PictureBudget(10**6).with_map(jpeg(), saliency(crop))
    assert (plain.width, plain.height, mapped) == (160, 120, None)
    assert PictureBudget(10**6).with_map(jpeg(), None)[1] is None


def test_small_pictures_are_whole_and_not_enlarged():
    drawn = PictureBudget(10**6).small(jpeg())
    assert (drawn.width, drawn.height) == (SMALL, SMALL * 3 // 4)
    tiny = PictureBudget(10**6).small(jpeg(PIXELS[:10, :12]))
    assert (tiny.width, tiny.height) == (12, 10)


@pytest.mark.parametrize(
    "data", [b"", b"jpeg", jpeg()[:200], jpeg(format="PNG"), jpeg(np.zeros((8, 2000, 3), np.uint8)), b"<svg/>"]
)
def test_what_is_no_small_jpeg_is_left_out_and_counted(data):
    budget = PictureBudget(10**6)
    assert budget.small(data) is None
    assert budget.with_map(data, saliency((0, 0, 1, 1))) == (None, None)
    assert (budget.n_broken, budget.n_left_out) == (2, 0)


def test_the_budget_is_kept_and_what_is_left_out_counted():
    noise = jpeg(np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8))
    size = len(PictureBudget(10**6).small(noise).uri)
    budget = PictureBudget(3 * size)
    drawn = [budget.small(noise) for _ in range(6)]
    assert [one is not None for one in drawn] == [True, True, True, False, False, False]
    assert budget.n_left_out == 3


def test_each_part_leaves_the_others_as_much():
    noise = jpeg(np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8))
    size = len(PictureBudget(10**6).small(noise).uri)
    budget = PictureBudget(6 * size)
    kept = []
    for part in range(3):
        budget.begin_part(3 - part)
        wanted = 1 if part == 1 else 9
        kept.append(sum(budget.small(noise) is not None for _ in range(wanted)))
    assert kept == [2, 1, 3]  # what the second does not take is the third's
