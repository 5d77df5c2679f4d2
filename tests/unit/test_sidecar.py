"""The description beside an encoder's weights: what is kept of it, and what it may not ask for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import EncoderError
from auditor.models.encoders.sidecar import SIDECAR, check_borrowed_names, check_no_folder, read_sidecar


def described(folder: Path, content: object) -> Path:
    (folder / SIDECAR).write_text(json.dumps(content))
    return folder / "w.safetensors"


def test_only_known_keys_are_kept(tmp_path: Path):
    text = {"width": 8, "hf_tokenizer_name": "t", "hf_model_pretrained": True, "hf_model_config": {"auto_map": {}}}
    text["tokenizer_kwargs"] = {"clean": "lower", "trust_remote_code": True, "tokenizer_file": "x", "use_fast": False}
    model = {
        "embed_dim": 4,
        "vision_cfg": {"layers": 1, "timm_model_pretrained": True},
        "text_cfg": text,
        "device": "cuda",
    }
    weights = described(tmp_path, {"model_cfg": model, "preprocess_cfg": {"size": 8, "evil": 1}, "auto_map": {}})
    kept = {"width": 8, "hf_tokenizer_name": "t", "tokenizer_kwargs": {"clean": "lower"}}
    assert read_sidecar(weights) == {
        "preprocess_cfg": {"size": 8},
        "model_cfg": {"embed_dim": 4, "vision_cfg": {"layers": 1}, "text_cfg": kept},
    }


def test_nothing_beside_the_weights(tmp_path: Path):
    assert read_sidecar(tmp_path / "w.safetensors") == {}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ([], "the file is a list"),
        ({"model_cfg": 3}, "model_cfg is a int"),
        ({"model_cfg": {"text_cfg": "model.py"}}, "text_cfg is a str"),
        ({"model_cfg": {"text_cfg": {"tokenizer_kwargs": ["x"]}}}, "tokenizer_kwargs is a list"),
        ({"preprocess_cfg": "x"}, "preprocess_cfg is a str"),
    ],
)
def test_what_is_no_description(tmp_path: Path, content: object, what: str):
    with pytest.raises(EncoderError, match=f"{what}; expected a table"):
        read_sidecar(described(tmp_path, content))


@pytest.mark.parametrize(
    ("model", "what"),
    [
        ({"text_cfg": {"hf_model_name": "someone/else"}}, "which no architecture of open_clip uses"),
        ({"multimodal_cfg": {"hf_model_name": "."}}, "which no architecture of open_clip uses"),
        ({"vision_cfg": {"timm_model_name": "hf-hub:someone/else"}}, "which is no architecture of timm"),
        ({"vision_cfg": {"timm_model_name": "local-dir:resnet18"}}, "which is no architecture of timm"),
    ],
)
def test_parts_that_nobody_knows_are_refused(model: dict[str, Any], what: str):
    with pytest.raises(EncoderError, match=what):
        check_borrowed_names(model, "w", text_models={"roberta-base"}, timm_models={"resnet18"})


def test_parts_that_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    model = {"text_cfg": {"hf_model_name": "roberta-base"}, "vision_cfg": {"timm_model_name": "resnet18.a1_in1k"}}
    check_borrowed_names(model, "w", text_models={"roberta-base"}, timm_models={"resnet18"})
    (tmp_path / "roberta-base").mkdir()
    with pytest.raises(EncoderError, match="a folder of that name here would be read instead"):
        check_borrowed_names(model, "w", text_models={"roberta-base"}, timm_models={"resnet18"})
    check_no_folder("bert-base-uncased", "w")
