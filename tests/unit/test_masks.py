"""Masks: the object takes the colour of what surrounds it, and a mask that cannot be used says why."""

import numpy as np
import pytest
from PIL import Image

from auditor.errors import InputError
from auditor.inputs.images import read_image
from auditor.inputs.masks import cover_object


@pytest.fixture
def scene(tmp_path):
    """Left half blue, right half green, a red square of 4 x 4 in the left one; 20 x 10 pixels."""
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :10], pixels[:, 10:] = (0, 0, 200), (0, 200, 0)
    pixels[3:7, 3:7] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "scene.png")
    return pixels


def write_mask(path, is_object, mode="L"):
    Image.fromarray((255 * is_object).astype(np.uint8)).convert(mode).save(path)
    return path


def square(shape=(10, 20)):
    is_object = np.zeros(shape, bool)
    is_object[3:7, 3:7] = True
    return is_object


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "P"])
def test_the_object_takes_the_mean_colour_of_its_surroundings(scene, tmp_path, mode):
    picture = read_image(tmp_path / "scene.png")
    covered = cover_object(picture, write_mask(tmp_path / "mask.png", square(), mode))
    found = np.asarray(covered.image)
    assert (found[~square()] == scene[~square()]).all()
    # by hand: 100 blue pixels less 16 of the object, 100 green ones
    assert found[square()].tolist() == [[0, round(200 * 100 / 184), round(200 * 84 / 184)]] * 16
    assert covered.size == picture.size == (20, 10)
    assert (np.asarray(picture.image) == scene).all()


def test_the_digest_follows_picture_and_mask(scene, tmp_path):
    picture = read_image(tmp_path / "scene.png")
    one = cover_object(picture, write_mask(tmp_path / "one.png", square())).content_digest
    other = cover_object(picture, write_mask(tmp_path / "other.png", ~square())).content_digest
    assert len({picture.content_digest, one, other}) == 3
    assert cover_object(picture, tmp_path / "one.png").content_digest == one


def test_a_picture_that_was_decoded_smaller_is_covered_at_that_size(tmp_path):
    pixels = np.full((256, 512, 3), 40, np.uint8)
    pixels[:, :256] = 220
    Image.fromarray(pixels).save(tmp_path / "large.jpg", quality=95)
    picture = read_image(tmp_path / "large.jpg", min_side=64)
    assert picture.image.size == (128, 64)
    left = np.zeros((256, 512), bool)
    left[:, :256] = True
    covered = cover_object(picture, write_mask(tmp_path / "mask.png", left))
    assert covered.image.size == (128, 64)
    assert np.abs(np.asarray(covered.image).astype(int) - 40).max() <= 6


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: write_mask(path, square((20, 20))), "the mask has 20 x 20 pixels, the picture 20 x 10"),
        (lambda path: write_mask(path, np.zeros((10, 20), bool)), "the mask is black everywhere"),
        (lambda path: write_mask(path, np.ones((10, 20), bool)), "the mask is white everywhere"),
        (
            lambda path: Image.fromarray(square().astype(np.uint8)).save(path),
            "black everywhere: it must be white \\(128",
        ),
        (lambda path: path.write_bytes(b"no picture"), "not a JPEG, PNG"),
        (lambda path: None, "file not found"),
    ],
)
def test_masks_that_cannot_be_used(scene, tmp_path, make, reason):
    make(tmp_path / "mask.png")
    with pytest.raises(InputError, match=reason):
        cover_object(read_image(tmp_path / "scene.png"), tmp_path / "mask.png")


def test_an_object_that_is_too_thin_at_the_size_that_is_used(tmp_path):
    Image.new("RGB", (512, 512), (9, 9, 9)).save(tmp_path / "large.jpg")
    picture = read_image(tmp_path / "large.jpg", min_side=64)
    line = np.zeros((512, 512), bool)
    line[:, 100] = True
    with pytest.raises(InputError, match="too thin to be seen at the size that is used"):
        cover_object(picture, write_mask(tmp_path / "mask.png", line))


def test_masks_of_sixteen_bits(scene, tmp_path):
    Image.fromarray((65535 * square()).astype(np.uint16)).save(tmp_path / "mask.png")
    found = np.asarray(cover_object(read_image(tmp_path / "scene.png"), tmp_path / "mask.png").image)
    assert (found[~square()] == scene[~square()]).all()
    assert (found[square()] != scene[square()]).any()
