import hashlib
import io
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from picture_files import reason, saved
from PIL import Image

from auditor.inputs.images import read_image, thumbnail_jpeg

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
#: Left half red, right half green; 32 x 16.
HALVES = np.concatenate([np.full((16, 16, 3), RED), np.full((16, 16, 3), GREEN)], axis=1).astype(np.uint8)


def pixel(image: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    """The colour of a place."""
    found = image.getpixel(place)
    assert isinstance(found, tuple)
    return found


def corners(path: Path) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Size, and the colour near each corner: top left, top right, bottom left, bottom right."""
    image = read_image(path).image
    width, height = image.size
    return image.size, [pixel(image, (x, y)) for y in (1, height - 2) for x in (1, width - 2)]


def test_digest_is_that_of_the_bytes(tmp_path):
    path = saved(Image.fromarray(HALVES), tmp_path / "a.png")
    decoded = read_image(path)
    assert decoded.content_digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert decoded.image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(decoded.image), HALVES)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff"])
def test_every_format(tmp_path, suffix):
    options = {"jpg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    decoded = read_image(saved(Image.fromarray(HALVES), tmp_path / f"a.{suffix}", **options))
    assert np.abs(np.asarray(decoded.image).astype(int) - HALVES).max() <= 2


# Where EXIF says the picture's upper left corner is shown; the top right quarter is red, all else blue.
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, suffix, orientation):
    upright = np.full((32, 64, 3), BLUE, dtype=np.uint8)
    upright[:16, 32:] = RED
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = Image.fromarray(upright)
    stored = stored if undo is None else stored.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(stored, tmp_path / f"a.{suffix}", exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    decoded = read_image(path)
    image = decoded.image
    assert image.size == decoded.size == (64, 32)
    assert read_image(path, min_side=8).size == (64, 32)
    assert np.abs(np.asarray(image).astype(int) - upright)[2:14, 36:60].max() <= 4
    assert np.abs(np.asarray(image).astype(int) - upright)[:, 4:28].max() <= 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # pytest drops the module's own filter
def test_broken_exif_does_not_cost_the_picture(tmp_path):
    path = saved(Image.fromarray(HALVES), tmp_path / "a.jpg", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff rubbish")
    assert read_image(path).image.size == (32, 16)


def test_cmyk(tmp_path):
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for suffix in ("jpg", "tiff"):
        red, green, blue = pixel(read_image(saved(cmyk, tmp_path / f"a.{suffix}")).image, (8, 8))
        assert red >= 250
        assert max(green, blue) <= 5


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path, suffix):
    values = np.array([[0, 128, 129, 257, 256 * 100, 32768, 65535 - 129, 65535]], dtype=np.uint16).repeat(4, axis=0)
    decoded = read_image(saved(Image.fromarray(values), tmp_path / f"a.{suffix}"))
    got = np.asarray(decoded.image)
    assert got[0, :, 0].tolist() == [0, 0, 1, 1, 100, 128, 254, 255]
    assert (got[..., 0] == got[..., 1]).all()


def test_big_endian_sixteen_bits(tmp_path):
    image = Image.frombytes("I;16B", (2, 1), struct.pack(">2H", 257 * 7, 65535))
    got = np.asarray(read_image(saved(image, tmp_path / "a.tiff")).image)
    assert got[0, :, 0].tolist() == [7, 255]


def test_wide_grey_only_where_white_is_known(tmp_path):
    floats = Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype=np.float32))
    assert np.asarray(read_image(saved(floats, tmp_path / "f.tiff")).image)[0, :, 0].tolist() == [0, 128, 255]
    integers = Image.fromarray(np.array([[0, 257 * 9, 65535]], dtype=np.int32))
    assert np.asarray(read_image(saved(integers, tmp_path / "i.tiff")).image)[0, :, 0].tolist() == [0, 9, 255]
    for values in ([[0.0, 300.0]], [[0.0, float("nan")]], [[-1.0, 0.0]]):
        path = saved(Image.fromarray(np.array(values, dtype=np.float32)), tmp_path / "bad.tiff")
        assert reason(path) == "32-bit grey outside 0 to 1, where white is unknown; convert it to 8 or 16 bits"


def test_palette(tmp_path):
    image = Image.fromarray(HALVES).quantize(4)
    assert corners(saved(image, tmp_path / "a.png")) == ((32, 16), [RED, GREEN, RED, GREEN])
    assert read_image(saved(Image.new("1", (4, 4), 1), tmp_path / "b.png")).image.getpixel((0, 0)) == WHITE


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P", "L", "RGB"])
def test_transparency_lies_on_white(tmp_path, mode):
    if mode in ("P", "L", "RGB"):  # one colour declared transparent
        image, options = Image.new(mode, (4, 4), 0), {"transparency": (0, 0, 0) if mode == "RGB" else 0}
        path = saved(image, tmp_path / "a.png", **options)
    elif mode == "PA":
        image = Image.new("RGBA", (4, 4), (0, 0, 0, 0)).quantize(2)
        path = saved(image, tmp_path / "a.png")
    else:
        path = saved(Image.new(mode, (4, 4), (0,) * len(mode)), tmp_path / "a.png")
    assert read_image(path).image.getpixel((1, 1)) == WHITE


def test_half_transparency_mixes(tmp_path):
    path = saved(Image.new("RGBA", (4, 4), (255, 0, 0, 51)), tmp_path / "a.png")
    assert read_image(path).image.getpixel((0, 0)) == (255, 204, 204)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_first_frame(tmp_path, suffix):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(frames[0], tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    assert read_image(path).image.getpixel((8, 8)) == RED


def test_jpeg_with_several_pictures(tmp_path):
    frames = [Image.new("RGB", (64, 64), colour) for colour in (RED, BLUE)]
    path = saved(frames[0], tmp_path / "a.jpg", format="MPO", save_all=True, append_images=frames[1:], quality=100)
    image = read_image(path, min_side=16).image
    assert image.size == (16, 16)
    assert pixel(image, (8, 8))[0] >= 250


# --- draft ----


@pytest.mark.parametrize(
    ("size", "min_side", "expected"),
    [
        ((800, 400), 400, (800, 400)),
        ((800, 400), 201, (800, 400)),
        ((800, 400), 200, (400, 200)),
        ((800, 400), 100, (200, 100)),
        ((400, 800), 50, (50, 100)),
        ((801, 401), 1, (101, 51)),
        ((800, 400), 1000, (800, 400)),
        ((800, 400), None, (800, 400)),
    ],
)
def test_draft_never_falls_below_the_short_side(tmp_path, size, min_side, expected):
    path = saved(Image.new("RGB", size, RED), tmp_path / "a.jpg")
    assert read_image(path, min_side=min_side).image.size == expected
    assert read_image(saved(Image.new("L", size), tmp_path / "b.jpg"), min_side=min_side).image.size == expected


def test_draft_keeps_what_there_is_to_see(tmp_path):
    big = Image.fromarray(HALVES).resize((320, 160), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = 6
    image = read_image(saved(big, tmp_path / "a.jpg", exif=exif, quality=95), min_side=40).image
    assert image.size == (40, 80)
    assert pixel(image, (20, 10))[0] > 245
    assert pixel(image, (20, 70))[1] > 245


def test_threads_agree(tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for number in range(20):
        noise = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        paths.append(saved(Image.fromarray(noise), tmp_path / f"{number}.jpg"))
    alone = [np.asarray(read_image(path, min_side=20).image) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda path: np.asarray(read_image(path, min_side=20).image), paths * 5))
    for number, array in enumerate(together):
        np.testing.assert_array_equal(array, alone[number % 20])


# --- thumbnails ----


@pytest.mark.parametrize(
    ("size", "expected"),
    [((320, 240), (160, 120)), ((100, 50), (100, 50)), ((1600, 10), (160, 1)), ((90, 900), (16, 160))],
)
def test_thumbnail_size(size, expected):
    image = Image.new("RGB", size, RED)
    thumbnail = Image.open(io.BytesIO(thumbnail_jpeg(image)))
    assert (thumbnail.format, thumbnail.mode, thumbnail.size) == ("JPEG", "RGB", expected)
    assert image.size == size
    assert np.abs(np.asarray(thumbnail).astype(int) - RED).max() <= 3


def test_metadata_does_not_travel(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    path = saved(Image.fromarray(HALVES), tmp_path / "a.jpg", exif=exif, comment=b"secret word", icc_profile=b"secret")
    image = read_image(path).image
    assert image.info == {}
    assert b"secret" not in thumbnail_jpeg(image)
    with Image.open(path) as opened:
        assert b"secret" not in thumbnail_jpeg(opened)
