"""open_clip encoders: a tiny model with random weights in a file."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from auditor.errors import EncoderError
from auditor.models import hub
from auditor.models.encoders.load import load_encoder
from auditor.models.preprocess import Preprocess, probe_picture
from auditor.models.torchvision_cure import import_torchvision_safely

import_torchvision_safely()
import open_clip  # noqa: E402

MODEL = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
PREPROCESS = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7], "interpolation": "bilinear", "resize_mode": "squash"}


@pytest.fixture(scope="module")
def tiny() -> torch.nn.Module:
    torch.manual_seed(0)
    return open_clip.model.CLIP(**MODEL).eval()


@pytest.fixture
def weights(tmp_path: Path, tiny: torch.nn.Module) -> Path:
    """A file as open_clip publishes it, with the description beside it."""
    path = tmp_path / "open_clip_model.safetensors"
    save_file({key: value.clone() for key, value in tiny.state_dict().items()}, path)
    write_sidecar(tmp_path, preprocess_cfg=PREPROCESS)
    return path


@pytest.fixture
def known_arch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tiny architecture among those that open_clip knows."""
    factory = open_clip.factory
    monkeypatch.setattr(factory, "_MODEL_CONFIGS", dict(factory._MODEL_CONFIGS))
    monkeypatch.setattr(factory, "_MODEL_CONFIG_PATHS", list(factory._MODEL_CONFIG_PATHS))
    path = tmp_path_factory.mktemp("arch") / "tiny-test-clip.json"
    path.write_text(json.dumps(MODEL))
    open_clip.add_model_config(path)
    return path.stem


def write_sidecar(folder: Path, **changes: Any) -> None:
    content = {"model_cfg": MODEL, "preprocess_cfg": {"size": 32, **PREPROCESS}} | changes
    (folder / "open_clip_config.json").write_text(json.dumps(content))


def message(spec: str) -> str:
    with pytest.raises(EncoderError) as caught:
        load_encoder(spec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_file_with_its_description(weights: Path, tiny: Any):
    encoder = load_encoder(f"open_clip:mine@{weights}")
    mean, std = tuple(PREPROCESS["mean"]), tuple(PREPROCESS["std"])
    assert encoder.preprocess == Preprocess((32, 32), None, "bilinear", mean, std)
    assert (encoder.dim, encoder.input_size, encoder.notice) == (16, 32, None)
    assert encoder.logit_scale == pytest.approx(tiny.logit_scale.exp().item())
    batch = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    texts = ["water", "a photo of a bird"]
    with torch.no_grad():
        images = tiny.encode_image(batch, normalize=True).numpy()
        words = tiny.encode_text(open_clip.tokenizer.SimpleTokenizer(context_length=16)(texts), normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_images(batch), images, atol=1e-6)
    np.testing.assert_allclose(encoder.encode_texts(texts), words, atol=1e-6)
    assert encoder.encode_texts([]).shape == (0, 16)
    assert encoder.encode_images(batch).dtype == np.float32


def test_preprocessing_equals_open_clips_own(weights: Path):
    encoder = load_encoder(f"open_clip:mine@{weights}")
    theirs = open_clip.create_model_and_transforms(f"local-dir:{weights.parent}")[2]
    picture = probe_picture()
    torch.testing.assert_close(encoder.preprocess(picture), theirs(picture), atol=1e-5, rtol=0)


def test_digest_is_that_of_weights_and_preprocessing(weights: Path, tiny: torch.nn.Module):
    spec = f"open_clip:mine@{weights}"
    first = load_encoder(spec).digest
    torch.save({"epoch": 1, "state_dict": tiny.state_dict()}, weights.with_name("same.pt"))
    assert load_encoder(f"open_clip:mine@{weights.with_name('same.pt')}").digest == first
    write_sidecar(weights.parent, preprocess_cfg={**PREPROCESS, "mean": [0.1, 0.2, 0.4]})
    assert load_encoder(spec).digest != first
    write_sidecar(weights.parent)
    assert load_encoder(spec).digest == first
    state = tiny.state_dict()
    save_file({key: value + 1e-4 if key == "ln_final.bias" else value.clone() for key, value in state.items()}, weights)
    assert load_encoder(spec).digest != first


def test_known_architecture_without_description_says_what_it_assumes(weights: Path, known_arch: str):
    (weights.parent / "open_clip_config.json").unlink()
    encoder = load_encoder(f"open_clip:{known_arch}@{weights}")
    clip_mean = open_clip.constants.OPENAI_DATASET_MEAN
    assert encoder.preprocess == Preprocess(32, (32, 32), "bicubic", clip_mean, open_clip.constants.OPENAI_DATASET_STD)
    assert encoder.notice is not None
    assert "taken to be open_clip's default" in encoder.notice


def test_tag_gives_the_preprocessing_of_a_file(weights: Path, known_arch: str, monkeypatch: pytest.MonkeyPatch):
    (weights.parent / "open_clip_config.json").unlink()
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, known_arch, {"tag1": {"hf_hub": "x/y/", **PREPROCESS}})
    encoder = load_encoder(f"open_clip:{known_arch}/tag1@{weights}")
    assert isinstance(encoder.preprocess, Preprocess)
    assert encoder.preprocess.mean == tuple(PREPROCESS["mean"])
    assert encoder.notice is None
    only = load_encoder(f"open_clip:{known_arch}@{weights}")  # there is no other for this architecture
    assert (only.preprocess, only.notice) == (encoder.preprocess, None)
    other = {"hf_hub": "x/z/", **PREPROCESS, "mean": [0.0, 0.0, 0.0]}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED[known_arch], "tag2", other)
    unsure = load_encoder(f"open_clip:{known_arch}@{weights}")
    assert isinstance(unsure.preprocess, Preprocess)
    assert unsure.preprocess.mean == open_clip.constants.OPENAI_DATASET_MEAN
    assert unsure.notice is not None
    assert "say open_clip:tiny-test-clip/TAG@open_clip_model.safetensors with one of tag1, tag2" in unsure.notice


def test_quick_gelu_of_the_tag_is_used(weights: Path, known_arch: str, monkeypatch: pytest.MonkeyPatch):
    tags = {"slow": PREPROCESS, "quick": {**PREPROCESS, "quick_gelu": True}}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, known_arch, tags)
    batch = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    slow, quick = (load_encoder(f"open_clip:{known_arch}/{tag}@{weights}") for tag in tags)
    assert np.abs(slow.encode_images(batch) - quick.encode_images(batch)).max() > 1e-5
    assert slow.digest != quick.digest


def test_published_weights_without_a_network(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(hub, "_resolves", lambda _: False)

    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError("absent")

    monkeypatch.setattr(open_clip.factory, "download_pretrained", refuse)
    with caplog.at_level(logging.WARNING):
        text = message("open_clip:ViT-B-32/laion2b_s34b_b79k")
    assert text == (
        "open_clip:ViT-B-32/laion2b_s34b_b79k cannot be loaded (no network, and not fetched before); give its weights "
        "as a file: --encoder open_clip:ViT-B-32/laion2b_s34b_b79k@FILE, or take --encoder conse, which needs no hub"
    )
    assert not caplog.records  # open_clip logs the same error to the root logger


def test_hub_is_asked_its_cache_alone_without_a_network(monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    for name in hub._PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://host.invalid")
    with hub.hub_or_cache() as online:
        assert not online
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    with hub.hub_or_cache() as online:
        assert online


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("clip", "encoder 'clip' is unknown; expected open_clip:ARCH/PRETRAINED"),
        ("open_clip:ViT-B-31/openai", "open_clip has no architecture 'ViT-B-31'; nearest: ViT-B-32"),
        (
            "open_clip:ViT-B-32/laion2b_s34b",
            "open_clip has no pretrained tag of ViT-B-32 'laion2b_s34b'; nearest: laion2b",
        ),
        ("open_clip:ViT-B-32", "say which weights, open_clip:ViT-B-32/TAG or open_clip:ViT-B-32@FILE"),
        ("open_clip:ViT-B-32@/absent/file.pt", "encoder weights /absent/file.pt: no such file"),
    ],
)
def test_unknown_specs(spec: str, expected: str):
    assert expected in message(spec)


def test_weights_that_do_not_fit_name_the_keys(weights: Path, tiny: torch.nn.Module):
    state = {key: value.clone() for key, value in tiny.state_dict().items()}
    state["renamed"] = state.pop("text_projection")
    save_file(state, weights)
    text = message(f"open_clip:mine@{weights}")
    assert "do not fit open_clip:mine: missing text_projection; unexpected renamed" in text


def test_weights_with_code(weights: Path, tiny: torch.nn.Module):
    path = weights.with_name("model.pt")
    torch.save(tiny, path)
    assert "hold a pickle with code (open_clip.model.CLIP" in message(f"open_clip:mine@{path}")


def test_description_that_is_no_json(weights: Path):
    (weights.parent / "open_clip_config.json").write_text("{")
    assert "is no readable JSON" in message(f"open_clip:mine@{weights}")
