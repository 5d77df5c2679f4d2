"""Encoder of a CLIP model in memory, with prompts that share a beginning encoded once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from auditor.models.device_memory import in_parts
from auditor.models.encoders.encoder import Encoder, ImageFeatures, unit_rows
from auditor.models.preprocess import OpaqueTransform, Preprocess
from auditor.models.weights import digest_module
from auditor.records import BoolArray, FloatArray, IntArray

_TEXT_BATCH = 128  # more would spend more on attention among unrelated prompts than trees save


def clip_encoder(
    model: nn.Module,
    tokenizer: Callable[[list[str]], Tensor],
    *,
    spec: str,
    preprocess: Preprocess | OpaqueTransform,
    device: str,
    identity: Sequence[str] = (),
    knows: Callable[[str], bool] | None = None,
    vocabulary_path: Path | None = None,
    notice: str | None = None,
) -> Encoder:
    """Encoder of an open_clip model with its weights in.

    Args:
        model: Has ``encode_image``, ``encode_text`` and ``logit_scale``.
        tokenizer: Texts to ids (n, context).
        spec: As given by the user.
        preprocess: That the weights were trained with.
        device: A torch device.
        identity: What decides the embeddings besides weights and preprocessing.
        knows: Whether a text was taught; None: every text that is not blank.
        vocabulary_path: See :class:`Encoder`.
        notice: See :class:`Encoder`.
    """
    clip: Any = model.float().eval().requires_grad_(False).to(device)
    digest = digest_module(model, (preprocess.describe(), *identity))
    visual = clip.visual
    # Measured on 2 cores: convolutions are twice as fast so; a ViT has one convolution and gains nothing.
    convolutional = sum(isinstance(layer, nn.Conv2d) for layer in visual.modules()) > 1
    memory_format = torch.channels_last if convolutional else torch.contiguous_format
    visual.to(memory_format=memory_format)

    def encode_images(batch: Tensor) -> FloatArray:
        def encode(part: slice) -> tuple[FloatArray]:
            with torch.inference_mode():
                return (unit_rows(clip.encode_image(batch[part].to(device).contiguous(memory_format=memory_format))),)

        return in_parts(model, "features", len(batch), encode)[0]

    def encode_texts(texts: Sequence[str]) -> FloatArray:
        with torch.inference_mode():
            rows = np.zeros((len(texts), dim), np.float32)
            order = np.argsort(np.asarray(texts, dtype=object), kind="stable")  # prompts of one beginning side by side
            for start in range(0, len(texts), _TEXT_BATCH):
                part = order[start : start + _TEXT_BATCH]
                rows[part] = unit_rows(_encode_text(clip, tokenizer([texts[i] for i in part]).to(device)))
            return rows

    with torch.inference_mode():
        dim = int(clip.encode_text(tokenizer(["a"]).to(device)).shape[1])
        scale = float(clip.logit_scale.exp())
    return Encoder(
        spec=spec,
        digest=digest,
        dim=dim,
        logit_scale=scale,
        preprocess=preprocess,
        input_size=preprocess.input_size,
        encode_images=encode_images,
        encode_texts=encode_texts,
        knows=knows or (lambda text: bool(text.strip())),
        vocabulary_path=vocabulary_path,
        notice=notice,
        features=_image_features(visual, device, memory_format),
    )


def _image_features(visual: Any, device: str, memory_format: torch.memory_format) -> ImageFeatures | None:
    """The picture tower up to its projection; None for towers that pool and project in one step (CLIP's ResNets)."""
    if hasattr(visual, "trunk"):  # a tower of timm, whose head is the projection
        before, dim = visual.trunk, int(visual.trunk.num_features)
    elif getattr(visual, "proj", None) is not None:
        # The same tower with another table of parameters: weights are shared, and the encoder keeps its projection.
        before, dim = copy.copy(visual), int(visual.proj.shape[0])
        before._parameters = {**visual._parameters, "proj": None}
    else:
        return None

    def encode(batch: Tensor) -> FloatArray:
        def features(part: slice) -> tuple[FloatArray]:
            with torch.inference_mode():
                found = before(batch[part].to(device).contiguous(memory_format=memory_format))
                return ((found[0] if isinstance(found, tuple) else found).float().cpu().numpy(),)

        return in_parts(before, "features", len(batch), features)[0]

    return ImageFeatures(dim, encode)


def _encode_text(clip: Any, tokens: Tensor) -> Tensor:
    """``clip.encode_text(tokens)``, without padding, and once for what prompts share, where that is equal.

    CLIP's text tower is causal and read at the end-of-text token (the largest id): what comes after it changes
    nothing, and a token's state depends on the tokens before it alone. So the prompts are laid out as one tree of
    beginnings in which each token attends to its ancestors: a quarter of the tokens for prompts from templates.
    """
    mask = getattr(clip, "attn_mask", None)
    if getattr(clip, "text_pool_type", None) != "argmax" or mask is None or not hasattr(clip, "positional_embedding"):
        return cast(Tensor, clip.encode_text(tokens))
    node_tokens, depths, allowed, ends = _tree_of_beginnings(tokens.cpu().numpy())
    device = tokens.device
    x = clip.token_embedding(torch.from_numpy(node_tokens).to(device))
    x = x + clip.positional_embedding[torch.from_numpy(depths).to(device)]
    hidden = torch.zeros(allowed.shape, dtype=x.dtype).masked_fill_(~torch.from_numpy(allowed), float("-inf"))
    x = clip.ln_final(clip.transformer(x[None], attn_mask=hidden.to(device)))[0, torch.from_numpy(ends).to(device)]
    projection = clip.text_projection
    if projection is None:
        return cast(Tensor, x)
    return cast(Tensor, projection(x) if isinstance(projection, nn.Linear) else x @ projection)


def _tree_of_beginnings(tokens: IntArray) -> tuple[IntArray, IntArray, BoolArray, IntArray]:
    """Every different beginning of the sequences (n, context) as one node, a beginning before what continues it.

    Returns:
        Last token of each node and its position in the sequence (nodes,); whether node i may attend to node j
        (nodes, nodes); node at which each sequence ends, its largest token (n,).
    """
    node_of: dict[tuple[int, ...], int] = {}
    ancestors: list[list[int]] = []
    ends = []
    for sequence, last in zip(tokens.tolist(), tokens.argmax(axis=1).tolist(), strict=True):
        path: list[int] = []
        for length in range(1, last + 2):
            beginning = tuple(sequence[:length])
            if beginning not in node_of:
                node_of[beginning] = len(node_of)
                ancestors.append([*path, node_of[beginning]])
            path.append(node_of[beginning])
        ends.append(path[-1])
    allowed = np.zeros((len(node_of), len(node_of)), dtype=np.bool_)
    for node, line in enumerate(ancestors):
        allowed[node, line] = True
    beginnings = list(node_of)
    return (
        np.array([beginning[-1] for beginning in beginnings], dtype=np.int64),
        np.array([len(beginning) - 1 for beginning in beginnings], dtype=np.int64),
        allowed,
        np.array(ends, dtype=np.int64),
    )
