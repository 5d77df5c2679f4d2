"""Features of pictures before the projection: cached by contents, and each picture's own."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from toy_audit import toy_encoder

from auditor.extraction.image_features import encode_features
from auditor.inputs.contents import file_digest
from auditor.models.encoders.encoder import ImageFeatures


@pytest.fixture
def shades(tmp_path):
    """Paths and contents of five grey pictures, of 0, 50, …; the third is none."""
    for k in range(5):
        Image.new("RGB", (16, 16), (50 * k, 0, 0)).save(tmp_path / f"{k}.png")
    (tmp_path / "2.png").write_bytes(b"no picture")
    paths = [tmp_path / f"{k}.png" for k in range(5)]
    return [(path, file_digest(path)) for path in paths]


def encode(pictures, tmp_path, batches, batch_size=2):
    def mean(batch):
        batches.append(len(batch))
        return batch.mean((2, 3))[:, :2].numpy() * np.array([2, 1], np.float32)

    features = ImageFeatures(2, mean)
    encoder = replace(toy_encoder(), features=features)
    return encode_features(
        pictures, encoder, features, cache_folder=tmp_path / "cache", batch_size=batch_size, n_jobs=2
    )


def test_every_picture_has_its_row_and_what_cannot_be_decoded_has_none(shades, tmp_path):
    batches: list[int] = []
    rows = encode(shades, tmp_path, batches)
    assert np.isnan(rows[2]).all()
    assert np.isfinite(rows[[0, 1, 3, 4]]).all()
    assert (np.diff(rows[[0, 1, 3, 4], 0]) > 0).all()
    assert set(batches) == {2}  # all of one shape
    again = encode(shades, tmp_path, second := [], batch_size=3)
    np.testing.assert_array_equal(again, rows)
    assert second == []


def test_absent_and_changed_pictures_have_none(shades, tmp_path):
    Image.new("RGB", (16, 16), "blue").save(shades[0][0])
    rows = encode([shades[0], (tmp_path / "absent.png", None), shades[1]], tmp_path, [])
    assert np.isnan(rows[:2]).all()
    assert np.isfinite(rows[2]).all()
