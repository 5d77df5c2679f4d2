"""Files that an audit names: refused unless trusted, with the flags that give them again."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.named_files import check_named_files, encoder_file, model_folder


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("open_clip:mine@/w.pt", "open_clip:mine@/w.pt"),
        ("open_clip:ViT-B-32/openai@w.pt", "open_clip:ViT-B-32/openai@w.pt"),
        ("open_clip:ViT-B-32/openai", None),
        ("sample", None),
        ("conse", None),
    ],
)
def test_encoders_that_are_files(spec: str, expected: str | None):
    assert encoder_file(spec) == expected


def test_every_file_is_named_with_its_flag():
    with pytest.raises(InputError) as caught:
        check_named_files(
            Path("a"), {"weights": Path("w.pt"), "class-map": None, "encoder": "open_clip:x@e\n.pt"}, trust_code=False
        )
    assert str(caught.value) == (
        "the audit at a names files, which whoever made it chose, so they are not read unasked: "
        "give --weights 'w.pt' --encoder 'open_clip:x@e\\n.pt' again, or --trust-code"
    )


def test_trusted_or_without_files():
    check_named_files(Path("a"), {"weights": Path("w.pt")}, trust_code=True)
    check_named_files(Path("a"), {"weights": None}, trust_code=False)


@pytest.mark.parametrize("spec", ["hf:models/vit", "hf:vit", "timm:models/vit", "timm:hf-hub:a/b", "timm:."])
def test_models_that_are_folders(spec: str):
    assert model_folder(spec) == spec


@pytest.mark.parametrize("spec", ["timm:resnet50.a1_in1k", "torchvision:resnet18", "sample:planted", "none"])
def test_models_that_are_known_by_name(spec: str):
    assert model_folder(spec) is None
