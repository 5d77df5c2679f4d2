"""Factories of a user: trusted or not, with a transform or not, wrong in every way."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from model_files import FACTORY, PREPROCESS, message
from PIL import Image
from safetensors.torch import save_file
from toy_models import GapCnn

from auditor.models.load_classifier import load_classifier
from auditor.models.preprocess import OpaqueTransform, probe_picture


@pytest.fixture
def factory(tmp_path: Path) -> Path:
    path = tmp_path / "my_model.py"
    path.write_text(FACTORY)
    return path


@pytest.fixture
def preprocess(tmp_path: Path) -> Path:
    path = tmp_path / "preprocess.toml"
    path.write_text(PREPROCESS)
    return path


def test_factory_needs_trust(factory: Path):
    before = set(sys.modules)
    text = message(f"{factory}:plain", weights=None)
    assert "add --trust-code" in text
    assert not [name for name in set(sys.modules) - before if name.startswith("_auditor_model")]


def test_factory_of_a_file(factory: Path, preprocess: Path):
    classifier = load_classifier(f"{factory}:plain", weights=None, preprocess=preprocess, trust_code=True)
    assert (classifier.head_layer, classifier.n_classes) == ("fc", 2)
    assert classifier.preprocess(probe_picture()).shape == (3, 16, 16)
    assert str(factory.parent) not in sys.path


def test_factory_of_a_module(factory: Path, preprocess: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(factory.parent)
    monkeypatch.delitem(sys.modules, "my_model", raising=False)
    classifier = load_classifier("my_model:plain", weights=None, preprocess=preprocess, trust_code=True)
    assert classifier.n_classes == 2


def test_factory_with_weights(factory: Path, preprocess: Path, tmp_path: Path):
    state = GapCnn().state_dict()
    state["fc.bias"] += 1
    save_file(state, tmp_path / "w.safetensors", metadata={"classes": '["x", "y"]'})
    spec = f"{factory}:plain"
    own = load_classifier(spec, weights=None, preprocess=preprocess, trust_code=True)
    changed = load_classifier(spec, weights=tmp_path / "w.safetensors", preprocess=preprocess, trust_code=True)
    np.testing.assert_array_equal(changed.head.bias, own.head.bias + 1)
    assert changed.class_names == ("x", "y")
    assert own.class_names is None
    assert own.digest != changed.digest


def test_factory_transform_is_used_and_hashed(factory: Path):
    spec = f"{factory}:with_transform"
    classifier = load_classifier(spec, weights=None, trust_code=True)
    assert isinstance(classifier.preprocess, OpaqueTransform)
    assert float(classifier.preprocess(Image.new("RGB", (500, 20))).mean()) == 0.5
    assert classifier.input_size > 10_000
    factory.write_text(FACTORY.replace("/ 1000", "/ 500"))
    assert load_classifier(spec, weights=None, trust_code=True).digest != classifier.digest


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("plain", "says nothing of its preprocessing: return (module, transform), or give --preprocess"),
        ("random_transform", "gives two results for one picture"),
        ("wrong_transform", "gives Image for a 400 x 300 picture; expected a float tensor (3, H, W)"),
        ("text", "returned str; expected a torch module or (module, transform)"),
        ("broken", "raised ValueError: no checkpoint"),
        ("plane", "has no function 'plane'; did you mean 'plain'?"),
    ],
)
def test_bad_factories(factory: Path, function: str, expected: str):
    assert expected in message(f"{factory}:{function}", weights=None, trust_code=True)


def test_model_with_dropout_left_on(factory: Path, preprocess: Path):
    text = message(f"{factory}:dropping", weights=None, preprocess=preprocess, trust_code=True)
    assert "two results" in text or "alone gives its output" in text


def test_factory_file_that_is_absent_or_broken(tmp_path: Path):
    assert "no such file" in message(f"{tmp_path}/absent.py:make", weights=None, trust_code=True)
    (tmp_path / "bad.py").write_text("import nowhere_to_be_found")
    text = message(f"{tmp_path}/bad.py:make", weights=None, trust_code=True)
    assert "importing it raised ModuleNotFoundError" in text
    text = message("nowhere_to_be_found:make", weights=None, trust_code=True)
    assert "'nowhere_to_be_found' is no source of models and no module that is found here; expected torch" in text


def test_unknown_device(factory: Path, preprocess: Path):
    text = message(f"{factory}:plain", weights=None, preprocess=preprocess, trust_code=True, device="gpu")
    assert "device 'gpu' cannot be used" in text
