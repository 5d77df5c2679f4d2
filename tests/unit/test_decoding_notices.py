"""Grey that comes out black, and transparency on white, are said of the data set."""

import numpy as np
import pytest
from picture_files import saved
from PIL import Image

from auditor.inputs.decoding_notices import decoding_notices
from auditor.inputs.images import read_image


def peak_of(values, path):
    return read_image(saved(Image.fromarray(values), path)).wide_peak


def test_lightest_grey_of_wide_files(tmp_path):
    assert peak_of(np.array([[0, 4095]], np.uint16), tmp_path / "a.png") == pytest.approx(4095 / 65535)
    assert peak_of(np.array([[0, 65535]], np.int32), tmp_path / "a.tiff") == 1
    assert peak_of(np.array([[0.25, 0.5]], np.float32), tmp_path / "b.tiff") == 0.5
    assert peak_of(np.array([[0, 9]], np.uint8), tmp_path / "b.png") is None


def test_only_what_shows_through_lies_on_white(tmp_path):
    def see_through(image):
        return read_image(saved(image, tmp_path / "a.png")).see_through

    assert see_through(Image.new("RGBA", (4, 4), (255, 0, 0, 254)))
    assert not see_through(Image.new("RGBA", (4, 4), (255, 0, 0, 255)))
    assert not see_through(Image.new("RGB", (4, 4)))


def test_data_of_12_bits_in_files_of_16():
    assert list(decoding_notices([4095 / 65535, 0.01], 0, 40)) == [
        "2 of 40 pictures are grey of more than 8 bits, and the lightest place of all is 6.2 % of white: they come out "
        "nearly black, as data of fewer bits than their files do; multiply them by 16, all by the same, and audit again"
    ]


@pytest.mark.parametrize("peaks", [[], [0.01, 0.26], [0.0, 0.0], [1.0]])
def test_one_light_place_in_the_whole_data_set_is_enough(peaks):
    assert list(decoding_notices(peaks, 0, 40)) == []


def test_transparency():
    assert list(decoding_notices([], 3, 1_000)) == [
        "3 of 1,000 pictures have transparency and are laid on white; if the model was trained on another ground, "
        "lay them on that"
    ]
