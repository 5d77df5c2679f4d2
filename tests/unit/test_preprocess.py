"""Preprocessing: equal to the libraries' own, read from a file, and any mode of picture."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from auditor.errors import ModelError
from auditor.models.preprocess import OpaqueTransform, Preprocess, from_transform, probe_picture, read_preprocess
from auditor.models.torchvision_cure import import_torchvision_safely

import_torchvision_safely()
import torchvision  # noqa: E402
from torchvision import transforms as T  # noqa: E402, N812


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (231, 230), (100, 300), (256, 256)])
@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "vit_b_16", "inception_v3"])
def test_preprocessing_equals_torchvision(name: str, size: tuple[int, int]):
    preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    ours = from_transform(preset, name)
    assert isinstance(ours, Preprocess)
    picture = probe_picture().resize(size)
    torch.testing.assert_close(ours(picture), preset(picture), atol=1e-5, rtol=0)


def test_preprocessing_of_a_compose():
    compose = T.Compose([T.Resize((40, 30)), T.ToTensor(), T.Normalize([0.5] * 3, [0.25] * 3)])
    ours = from_transform(compose, "toy")
    assert ours == Preprocess(size=(40, 30), mean=(0.5,) * 3, std=(0.25,) * 3)
    assert ours.input_size == 40
    picture = probe_picture()
    torch.testing.assert_close(ours(picture), compose(picture), atol=1e-5, rtol=0)


def test_transform_that_only_looks_like_a_compose_is_not_taken_for_one():
    compose = T.Compose([T.Resize(32), T.CenterCrop(32), T.ToTensor(), T.Normalize([0.5] * 3, [0.25] * 3)])
    compose.transforms.reverse()  # another order of the same parts, which torchvision accepts for tensors alone
    swapped = T.Compose([T.ToTensor(), T.Normalize([0.5] * 3, [0.25] * 3), T.CenterCrop(32), T.Resize(64)])
    assert isinstance(from_transform(swapped, "toy"), OpaqueTransform)


def test_any_mode_of_picture():
    ours = Preprocess(size=8, crop=(8, 8))
    grey = Image.new("L", (20, 10), 100)
    torch.testing.assert_close(ours(grey), ours(grey.convert("RGB")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("size = 224\ninterpolatoin = 'bicubic'", "unknown key 'interpolatoin'; did you mean 'interpolation'?"),
        ("crop = 224", "key 'size' is missing"),
        ("size = 'big'", "size = 'big': expected a whole number or [height, width]"),
        ("size = 224\nmean = [0.5]", "mean = [0.5]: expected three numbers"),
        ("size = 224\nstd = [0, 1, 1]", "std must be positive"),
        ("size = 224\ninterpolation = 'cubic'", "interpolation 'cubic' is unknown; one of nearest, bilinear"),
        ("size = 0", "sides must be at least 1"),
        ("size =", "is no TOML"),
    ],
)
def test_bad_preprocessing_files(tmp_path: Path, text: str, expected: str):
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(ModelError) as caught:
        read_preprocess(tmp_path / "p.toml")
    assert expected in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_preprocessing_file(tmp_path: Path):
    (tmp_path / "p.toml").write_text("size = [300, 200]\ncrop = [100, 90]\ninterpolation = 'bicubic'\n")
    found = read_preprocess(tmp_path / "p.toml")
    assert found == Preprocess(size=(300, 200), crop=(100, 90), interpolation="bicubic")
    assert found(probe_picture()).shape == (3, 100, 90)
    with pytest.raises(ModelError, match="cannot be read"):
        read_preprocess(tmp_path / "absent.toml")
