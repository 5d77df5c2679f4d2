import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from auditor.inputs.joined_codes import connected
from auditor.inputs.near_copies import FINGERPRINT_BYTES, NO_FINGERPRINT, find_near_copies, fingerprint
from auditor.models.bundled import bundled_path
from auditor.rules import NEAR_COPY_BITS, NEAR_COPY_COSINE

ALIKE = np.ones((4, 1), np.float32)


@pytest.fixture(scope="module")
def scenes():
    """Twelve rendered pictures of each of two classes."""
    folder = bundled_path("planted", "manifest.csv").parent
    return [
        Image.open(path).convert("RGB")
        for name in ("landbird", "waterbird")
        for path in sorted((folder / name).iterdir())[:12]
    ]


def jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def smaller(image):
    return image.resize((image.width * 4 // 5, image.height * 4 // 5), Image.Resampling.BICUBIC)


def cropped(image):
    return image.crop((image.width // 100, image.height // 100, image.width - image.width // 100, image.height))


def n_different(one, other):
    bits = [np.unpackbits(np.frombuffer(fingerprint(image), np.uint8)) for image in (one, other)]
    return int((bits[0] != bits[1]).sum())


@pytest.mark.parametrize(
    "change",
    [lambda image: jpeg(image, 60), smaller, cropped, lambda image: ImageEnhance.Brightness(image).enhance(0.9)],
    ids=["encoded again", "resized", "cropped", "darker"],
)
def test_a_changed_copy_keeps_its_fingerprint(scenes, change):
    assert max(n_different(image, change(image)) for image in scenes) <= NEAR_COPY_BITS


def test_different_pictures_of_one_sort_differ_by_far_more(scenes):
    least = min(n_different(one, other) for i, one in enumerate(scenes) for other in scenes[:i])
    assert least > 1.5 * NEAR_COPY_BITS


def test_a_picture_of_one_grey_has_no_fingerprint():
    assert fingerprint(Image.new("RGB", (30, 20), (200, 10, 10))) == NO_FINGERPRINT
    assert len(fingerprint(Image.effect_noise((30, 20), 60))) == FINGERPRINT_BYTES


def prints(*n_bits):
    """Fingerprints whose first bit is 1, and which differ from the first one in so many of the last bits."""
    bits = np.zeros((len(n_bits), 8 * FINGERPRINT_BYTES), np.uint8)
    bits[:, 0] = 1
    for row, n in enumerate(n_bits):
        bits[row, bits.shape[1] - n :] = 1
    return np.packbits(bits, axis=1)


def test_pairs_up_to_the_bound_are_connected_also_by_way_of_others():
    # 0 and 56 are near, 56 and 112, and so is the chain; 169 is 57 away from 112
    found = find_near_copies(prints(0, 56, 112, 169), ALIKE, np.arange(4))
    assert found.first.tolist() == [0, 0, 0, 3]
    assert found.closest == (0, 1)


def test_the_order_of_rows_changes_no_group():
    mixed = [2, 0, 3, 1]
    found = find_near_copies(prints(0, 56, 112, 169)[mixed], ALIKE, np.arange(4))
    assert found.first.tolist() == [0, 0, 2, 0]


def test_the_encoder_must_agree():
    across = np.sqrt(1 - NEAR_COPY_COSINE**2)
    embeddings = np.array([[1, 0], [NEAR_COPY_COSINE + 1e-3, across], [NEAR_COPY_COSINE - 0.01, -across]], np.float32)
    assert find_near_copies(prints(0, 1, 1), embeddings, np.arange(3)).first.tolist() == [0, 0, 2]


def test_equal_bytes_are_compared_once_and_no_fingerprint_is_near_nothing():
    nothing = np.zeros((4, FINGERPRINT_BYTES), np.uint8)
    assert find_near_copies(nothing, ALIKE, np.arange(4)).closest is None
    found = find_near_copies(prints(0, 0, 0, 0), ALIKE, np.array([0, 0, 0, 0]))
    assert found.first.tolist() == [0, 1, 2, 3]
    assert found.closest is None


def test_connected_names_the_lowest_row():
    edges = (np.array([4, 2]), np.array([2, 1]))
    assert connected(5, edges).tolist() == [0, 1, 1, 3, 1]
