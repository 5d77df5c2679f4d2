"""Compiled and foreign models are named, with what to give instead."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from model_files import message
from toy_models import GapCnn

from auditor.models.foreign_formats import foreign_format


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_archives_are_told_by_what_is_in_them(tmp_path: Path):
    torch.jit.save(torch.jit.script(GapCnn()), tmp_path / "scripted.pt")
    torch.save(GapCnn().state_dict(), tmp_path / "plain.pt")
    torch.export.save(torch.export.export(GapCnn(), (torch.ones(2, 3, 8, 8),)), tmp_path / "exported.pt2")
    (tmp_path / "exported.pt2").rename(tmp_path / "exported.pt")
    assert foreign_format(tmp_path / "scripted.pt") == "a TorchScript archive"
    assert foreign_format(tmp_path / "exported.pt") == "a result of torch.export"
    assert foreign_format(tmp_path / "plain.pt") is None
    text = message("sample:planted", weights=tmp_path / "scripted.pt")
    assert "are a TorchScript archive, of which neither channels nor gradients can be had; give the PyTorch" in text


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("model.onnx", "model 'model.onnx' is an ONNX model, of which neither channels nor gradients can be had; give"),
        ("model.keras", "is a Keras model"),
        ("best.pth", "is a file of weights; name its architecture with --model timm:NAME"),
        ("huggingface:google/vit", "'huggingface' is no source of models and no module that is found here; expected"),
        ("https://host/model", "'https' is no source of models"),
        ("hf:" + "a" * 300, "is no spec: it is longer than a path may be; expected torchvision:NAME"),
        ("hf:/no/such/folder", "no such folder /no/such/folder; expected one with a config.json, or ORGANISATION/NAME"),
    ],
)
def test_what_is_no_model_is_named_and_no_code_of_it_is_spoken_of(spec: str, expected: str):
    text = message(spec, weights=None)
    assert expected in text
    assert "trust-code" not in text


def test_a_folder_that_is_given_as_it_is(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    assert f"is a folder; write hf:{tmp_path} where transformers saved it" in message(str(tmp_path), weights=None)
