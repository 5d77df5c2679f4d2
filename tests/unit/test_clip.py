"""Texts through a CLIP model in memory."""

from __future__ import annotations

import torch

from auditor.models.encoders.clip import _encode_text
from auditor.models.torchvision_cure import import_torchvision_safely

import_torchvision_safely()
import open_clip  # noqa: E402


def test_texts_without_their_padding_are_the_same():
    torch.manual_seed(0)
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    vision = {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16}
    clip = open_clip.model.CLIP(embed_dim=16, vision_cfg=vision, text_cfg=text).eval()
    texts = ["a duck", "a photo of a duck on the water with a watermark", "a photo of a dog", "a photo of a duck", "x"]
    tokens = open_clip.tokenizer.SimpleTokenizer()(texts)
    with torch.inference_mode():
        torch.testing.assert_close(_encode_text(clip, tokens), clip.encode_text(tokens), rtol=1e-4, atol=1e-5)
