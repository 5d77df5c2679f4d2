"""The bundled encoder of rendered scenes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from auditor.errors import EncoderError
from auditor.inputs.vocabulary import load_vocabulary
from auditor.models.bundled import bundled_path
from auditor.models.encoders.load import load_encoder
from auditor.models.weights import read_weights


@pytest.fixture(scope="module")
def sample() -> Any:
    return load_encoder("sample")


def test_sample_knows_its_vocabulary_and_no_other_word(sample: Any):
    concepts = load_vocabulary(sample.vocabulary_path).concepts
    assert len(concepts) > 20
    assert all(sample.knows(concept.term) for concept in concepts)
    assert sample.knows("a photo of water")
    assert not sample.knows("stethoscope")
    assert not sample.knows("water stethoscope")
    assert not sample.knows("")


def test_sample_says_what_it_is(sample: Any):
    assert "rendered scenes" in sample.notice
    assert sample.preprocess.size == (sample.input_size, sample.input_size)


def test_sample_tells_water_from_forest(sample: Any):
    words = sample.encode_texts(["a photo of water", "a photo of a forest"])
    np.testing.assert_allclose(np.linalg.norm(words, axis=1), 1, atol=1e-5)
    found = {"water": [], "forest": []}
    lines = bundled_path("balanced", "manifest.csv").read_text().splitlines()
    columns = lines[0].split(",")
    for line in lines[1:]:
        row = dict(zip(columns, line.split(","), strict=True))
        if row["scene"] in found and len(found[row["scene"]]) < 12:
            picture = Image.open(bundled_path("balanced", *row["path"].split("/")))
            found[row["scene"]].append(sample.preprocess(picture))
    for answer, scene in enumerate(found):
        rows = sample.encode_images(torch.stack(found[scene]))
        assert ((rows @ words.T).argmax(1) == answer).mean() >= 11 / 12


def test_sample_that_was_tampered_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    description = json.loads(bundled_path("encoder", "encoder.json").read_text())
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "encoder.json").write_text(json.dumps({**description, "weights_sha256": "0" * 64}))
    (tmp_path / "encoder" / description["weights"]).write_bytes(b"other")
    monkeypatch.setattr("auditor.models.bundled._ROOTS", (tmp_path,))
    with pytest.raises(EncoderError, match="expected 000000000000: reinstall auditor"):
        load_encoder("sample")


def test_features_are_what_the_projection_makes_embeddings_of(sample: Any):
    description = json.loads(bundled_path("encoder", "encoder.json").read_text(encoding="utf-8"))
    state, _ = read_weights(bundled_path("encoder", description["weights"]))
    batch = torch.rand(2, 3, sample.input_size, sample.input_size, generator=torch.Generator().manual_seed(0))
    features = sample.features.encode(batch)
    assert features.shape == (2, sample.features.dim)
    projected = features @ state["visual.proj"].float().numpy()
    expected = sample.encode_images(batch)  # which the features share their weights with
    assert projected / np.linalg.norm(projected, axis=1, keepdims=True) == pytest.approx(expected, abs=1e-5)
