"""Folders that transformers and timm save: weights, names of the outputs and preprocessing are taken over."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_files import message

from auditor.models import cam, model_folders
from auditor.models.load_classifier import load_classifier
from auditor.models.preprocess import Preprocess, probe_picture
from auditor.models.torchvision_cure import import_torchvision_safely

import_torchvision_safely()
import timm  # noqa: E402

pytestmark = pytest.mark.slow
NAMES = {0: "ant", 1: "bee", 2: "cat"}


@pytest.fixture(scope="module")
def transformers() -> Any:
    return pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def vit(transformers: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64, image_size=64, id2label=NAMES
    )
    folder: Path = tmp_path_factory.mktemp("vit")
    transformers.ViTForImageClassification(config).save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def test_a_classifier_of_transformers(vit: Path, transformers: Any):
    classifier = load_classifier(f"hf:{vit}", weights=None)
    assert classifier.class_names == ("ant", "bee", "cat")
    assert classifier.preprocess == Preprocess(size=(64, 64), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert (classifier.target_layer, classifier.target.n_prefix, classifier.target.grid) == ("vit.layers.1", 1, (4, 4))
    batch = classifier.preprocess(probe_picture()).unsqueeze(0)
    theirs = transformers.AutoModelForImageClassification.from_pretrained(vit).eval()
    with torch.no_grad():
        np.testing.assert_allclose(cam.forward(classifier, batch)[1], theirs(batch).logits.numpy(), atol=1e-6)


def test_a_convolutional_one_whose_processor_crops(transformers: Any, tmp_path: Path):
    config = transformers.ConvNextConfig(depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 24, 32], num_labels=3)
    transformers.ConvNextForImageClassification(config).save_pretrained(tmp_path)
    transformers.ConvNextImageProcessor(size={"shortest_edge": 64}).save_pretrained(tmp_path)
    classifier = load_classifier(f"hf:{tmp_path}", weights=None)
    assert classifier.class_names is None  # LABEL_0 is what stands there where nobody gave names
    assert isinstance(classifier.preprocess, Preprocess)
    assert (classifier.preprocess.size, classifier.preprocess.crop) == (73, (64, 64))
    theirs = transformers.AutoImageProcessor.from_pretrained(tmp_path)(images=probe_picture(), return_tensors="pt")
    np.testing.assert_allclose(
        classifier.preprocess(probe_picture()).numpy(), theirs["pixel_values"][0].numpy(), atol=3 / 255 / 0.5
    )


def test_a_backbone_without_its_classifier_is_refused(vit: Path, transformers: Any, tmp_path: Path):
    transformers.ViTModel.from_pretrained(vit).save_pretrained(tmp_path)
    text = message(f"hf:{tmp_path}", weights=None)
    assert (
        "of its weights are not in its files (first: 'classifier.bias'); expected a model that was trained as" in text
    )


def test_code_beside_it_is_not_run(vit: Path, tmp_path: Path):
    config = json.loads((vit / "config.json").read_text()) | {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.Config", "AutoModelForImageClassification": "mine.Model"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert f"model 'hf:{tmp_path}' raised " in message(f"hf:{tmp_path}", weights=None, trust_code=True)
    assert not (tmp_path / "ran").exists()


def test_without_transformers_the_line_says_what_to_install(vit: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "read by transformers, which is not installed: pip install transformers" in message(
        f"hf:{vit}", weights=None
    )


def test_a_folder_of_timm(tmp_path: Path):
    torch.manual_seed(0)
    module = timm.create_model("test_vit", num_classes=3)
    timm.models.save_for_hf(module, tmp_path, model_config={"label_names": ["ant", "bee", "cat"]})
    classifier = load_classifier(f"timm:{tmp_path}", weights=None)
    assert classifier.class_names == ("ant", "bee", "cat")
    assert isinstance(classifier.preprocess, Preprocess)
    assert classifier.preprocess.crop == (160, 160)
    np.testing.assert_array_equal(classifier.head.weight, module.get_parameter("head.weight").detach().numpy())


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "is no table of settings"),
        ('{"architecture": "test_vitt"}', "names architecture 'test_vitt', which timm has not"),
        (
            '{"architecture": "test_vit", "model_args": {"checkpoint_path": "/x"}}',
            "is no configuration as timm writes it",
        ),
        ('{"architecture": "test_vit", "model_args": {"depths": 3}}', "raised TypeError"),
        ('{"architecture": "test_vit", "num_classes": 3}', "no model.safetensors or pytorch_model.bin in"),
    ],
)
def test_folders_of_timm_that_are_none(tmp_path: Path, config: str, expected: str):
    (tmp_path / "config.json").write_text(config)
    assert expected in message(f"timm:{tmp_path}", weights=None)


def test_names_that_are_no_list_of_texts():
    with pytest.raises(model_folders.ModelError, match=r"'label_names' of its config\.json is no list of names"):
        model_folders._labels("timm:x", {"label_names": {"0": "ant"}}, {})
