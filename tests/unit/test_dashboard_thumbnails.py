"""Thumbnails as the dashboard shows them: whole, cut, under a map."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from auditor.records import SaliencyMap
from reports.dashboard.thumbnails import draw, map_for

PIXELS = np.zeros((120, 160, 3), np.uint8)
PIXELS[:, :80, 0] = PIXELS[:, 80:, 2] = 255  # red, then blue


def jpeg():
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, format="JPEG", quality=95)
    return stream.getvalue()


def opened(drawn):
    head, _, text = drawn.uri.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")).astype(int)


def saliency(crop=(0.0, 0.0, 0.5, 1.0), **changes):
    data = np.zeros((4, 4), np.uint8)
    data[0] = 255
    return SaliencyMap(**{"image_id": "i", "class_idx": 0, "concept_id": None, "data": data, "scale": 1.0, **changes},
                       crop=crop)  # fmt: skip


def test_a_plain_one_is_whole_and_never_enlarged():
    drawn = draw(jpeg(), longest=320)
    assert (drawn.width, drawn.height) == (160, 120)
    assert draw(jpeg()) is draw(jpeg())  # drawn once


def test_under_a_map_it_is_cut_to_what_the_model_saw():
    without, lightly, fully = (opened(draw(jpeg(), saliency(), opacity)) for opacity in (0, 30, 100))
    assert without.shape == lightly.shape == fully.shape == (160, 107, 3)
    assert np.abs(without.reshape(-1, 3).mean(axis=0) - (255, 0, 0)).max() < 12
    top, bottom = fully[:12, 30:70].mean(axis=(0, 1)), fully[-20:, 30:70].mean(axis=(0, 1))
    assert np.abs(top - (0xFD, 0xE7, 0x25)).max() < 30  # viridis' ends
    assert np.abs(bottom - (0x44, 0x01, 0x54)).max() < 30
    assert np.ptp(lightly[-20:, 30:70].mean(axis=(0, 1))) < np.ptp(bottom)  # more of the grey


@pytest.mark.parametrize("crop", [None, (0.5, 0.5, 0.5, 0.5), (float("nan"),) * 4, (0, 0, 1e9, 1)])
def test_a_map_without_a_place_leaves_the_whole_picture(crop):
    drawn = draw(jpeg(), saliency(crop), 55)
    assert (drawn.width, drawn.height) == (160, 120)


@pytest.mark.parametrize("content", [b"", b"jpeg", b"\xff\xd8" + bytes(50)])
def test_what_is_no_picture_is_none(content):
    assert draw(content) is None
    assert draw(content, saliency(), 55) is None


def test_the_map_of_a_class_and_of_a_phrase():
    maps = [saliency(), saliency(concept_id="water"), saliency(class_idx=2)]
    assert map_for(maps, "i", 0, None) is maps[0]
    assert map_for(maps, "i", 0, "water") is maps[1]
    assert map_for(maps, "i", 2, None) is maps[2]
    assert map_for(maps, "i", 2, "water") is None  # what was not asked for is not shown
    assert map_for(maps, "j", 0, None) is None
