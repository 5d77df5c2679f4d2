"""What is a picture is told by what a file holds; what is none is counted by kind, with a next step."""

import logging
import struct

import numpy as np
import pytest
from dataset_files import failing, touch
from picture_files import reason, saved
from PIL import Image, features

from auditor.inputs import picture_formats
from auditor.inputs.dataset import load_dataset
from auditor.inputs.images import read_image
from auditor.inputs.picture_formats import holds_picture, kind_of, left_out_line, readable_formats

GREY = Image.fromarray(np.full((16, 16, 3), 90, np.uint8))
DICOM = b"\0" * 128 + b"DICM" + b"\2\0" * 40
HEIC = struct.pack(">I", 24) + b"ftypheic" + b"\0" * 60


@pytest.fixture
def without_heic(monkeypatch):
    """As where the extra is not installed."""
    formats = tuple(name for name in readable_formats() if name != "HEIF")
    monkeypatch.setattr(picture_formats, "readable_formats", lambda: formats)


needs_avif = pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("1.jfif", "JPEG"),
        ("1", "PNG"),
        ("1.ppm", "PPM"),
        ("1.image", "WEBP"),
        ("IM.000.1", "TIFF"),
        pytest.param("1.avif", "AVIF", marks=needs_avif),
    ],
)
def test_pictures_are_told_by_what_they_hold(tmp_path, name, format):
    path = saved(GREY, tmp_path / name, format=format)
    assert holds_picture(path)
    assert np.abs(np.asarray(read_image(path).image).astype(int) - 90).max() <= 2


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("1.dcm", DICOM, "DICOM"),
        ("IM0001", DICOM, "DICOM"),
        ("1.dcm", b"no preamble", "DICOM"),
        ("1.heic", HEIC, "HEIC"),
        ("1", HEIC, "HEIC"),
        ("1.avif", b"rubbish", "AVIF"),
        ("1.nef", b"II*\0rubbish", "camera raw"),
        ("notes.TXT", b"text", ".txt"),
        ("notes", b"", "without a suffix"),
        ("1.\x1b[31m", b"text", "other"),
        ("1.j2k", b"\xff\x4f\xff\x51", "JPEG 2000"),
    ],
)
def test_what_is_no_picture_has_a_kind(tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    assert (holds_picture(tmp_path / name), kind_of(tmp_path / name)) == (False, kind)


def test_previews_of_camera_raw_are_not_taken_for_the_picture(tmp_path):
    assert not holds_picture(saved(GREY, tmp_path / "1.dng", format="TIFF"))


def test_a_picture_too_large_is_a_picture_and_fails_later(tmp_path, monkeypatch):
    path = saved(Image.new("1", (3000, 3000)), tmp_path / "huge", format="PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert holds_picture(path)


@pytest.mark.usefixtures("without_heic")
def test_what_is_left_out_is_counted_by_kind_with_a_next_step(tmp_path):
    for label in ("ant", "bee"):
        for i in range(6):
            (tmp_path / label).mkdir(exist_ok=True)
            saved(GREY, tmp_path / label / (f"{i}.jpg" if i % 2 else f"{i}"), format="JPEG")
            (tmp_path / label / f"{i}.{'dcm' if i < 4 else 'heic'}").write_bytes(DICOM if i < 4 else HEIC)
    dataset = load_dataset(tmp_path)
    assert len(dataset.items) == 12
    assert dataset.notices == (
        "12 of 24 files are no pictures that can be read, and are left out: 8 DICOM, 4 HEIC; convert DICOM to PNG or "
        "TIFF, with the window that the model was trained on; HEIC is read with pip install 'auditor[heic]'",
    )


def test_a_folder_without_any_readable_picture_says_what_is_there(tmp_path):
    (touch(tmp_path, "ant/x", "bee/x") / "ant" / "x").write_bytes(DICOM)
    assert "; 2 of 2 files are no pictures that can be read, and are left out: 1 DICOM, 1 without a suffix" in failing(
        tmp_path
    )


def test_many_kinds_are_named_up_to_five():
    assert left_out_line({f".{letter}": n for n, letter in enumerate("abcdefg", start=1)}, 1_000) == (
        "28 of 1,000 files are no pictures that can be read, and are left out: 7 .g, 6 .f, 5 .e, 4 .d, 3 .c and 3 of "
        "2 more kinds; convert what is a picture to PNG or JPEG"
    )


@pytest.mark.usefixtures("without_heic")
def test_a_named_picture_that_cannot_be_read_says_what_it_is(tmp_path):
    (tmp_path / "1.jpg").write_bytes(HEIC)
    assert reason(tmp_path / "1.jpg").endswith("picture; HEIC is read with pip install 'auditor[heic]'")
    (tmp_path / "1.dcm").write_bytes(DICOM)
    assert "; convert DICOM to PNG or TIFF" in reason(tmp_path / "1.dcm")


def test_nothing_is_said_where_nothing_is_left_out(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert load_dataset(touch(tmp_path, "a/1.jpg", "b/.DS_Store", "b/1.jpg")).notices == ()
    assert caplog.text == ""


@needs_avif
def test_avif_is_turned_upright(tmp_path):
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, 32:, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90)
    decoded = read_image(saved(stored, tmp_path / "1.avif", exif=exif, quality=100))
    assert decoded.image.size == decoded.size == (64, 32)
    assert np.abs(np.asarray(decoded.image)[2:14, 36:60].astype(int) - (255, 0, 0)).max() <= 4
