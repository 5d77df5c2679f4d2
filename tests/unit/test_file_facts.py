"""What a file says of itself: JPEG quality by its tables, camera by its EXIF, and nothing where it says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from auditor.inputs.images import read_image

PIXELS = np.random.default_rng(0).integers(0, 255, (96, 64, 3), dtype=np.uint8)


def _facts(path, **how):
    Image.fromarray(PIXELS).save(path, **how)
    return read_image(path).facts


@pytest.mark.parametrize("quality", [1, 8, 30, 49, 50, 75, 92, 100])
def test_jpeg_quality_is_the_one_that_it_was_saved_with(tmp_path, quality):
    assert _facts(tmp_path / "a.jpg", quality=quality)["jpeg_quality"] == quality


@pytest.mark.parametrize(("subsampling", "name"), [(0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")])
def test_jpeg_subsampling(tmp_path, subsampling, name):
    assert _facts(tmp_path / "a.jpg", subsampling=subsampling)["jpeg_subsampling"] == name


def test_size_and_format(tmp_path):
    facts = _facts(tmp_path / "a.png")
    assert (facts["format"], facts["mode"], facts["width"], facts["height"]) == ("PNG", "RGB", 64, 96)
    assert facts["aspect"] == pytest.approx(2 / 3)
    assert facts["bytes_per_pixel"] == pytest.approx((tmp_path / "a.png").stat().st_size / (64 * 96))
    assert "jpeg_quality" not in facts


def test_camera_and_software_are_read_and_what_cannot_be_printed_is_not(tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Acme", "Acme D1\x00\x1b[31m", "  Shop \n 7 " + 100 * "x"
    facts = _facts(tmp_path / "a.jpg", exif=exif)
    assert facts["camera"] == "Acme D1[31m"
    assert facts["software"].startswith("Shop 7 x")
    assert len(facts["software"]) == 60
    assert "camera" not in _facts(tmp_path / "b.jpg")


def test_a_turned_picture_has_its_upright_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    facts = _facts(tmp_path / "a.jpg", exif=exif)
    assert (facts["width"], facts["height"]) == (96, 64)
