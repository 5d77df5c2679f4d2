"""Features of every photograph in every version, made once and kept: what heads are fitted and judged on.

One pass of EfficientNet-Lite0 gives both the pooled features (K = 1,280) that heads read and the ImageNet logits that
`conse` turns into an embedding, as an audit's two passes would.
"""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import nn

from auditor.models.encoders import conse
from auditor.models.encoders.encoder import Encoder, unit_rows
from auditor.models.encoders.load import load_encoder
from auditor.records import FloatArray, LinearHead
from benchmarks.photographs import contexts, pools
from benchmarks.photographs.contexts import Context, square, version
from benchmarks.photographs.pools import Photo, read_pool

_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """Photographs of some folders, and what the networks make of their versions."""

    root: Path  # the photographs
    work: Path  # what is kept

    def photos(self, pool: str) -> tuple[Photo, ...]:
        """Of one pool."""
        return _pool(self.root, pool)

    def picture(self, photo: Photo, context: Context | None, present: bool) -> Image.Image:
        """A photograph in one version."""
        scenes = [self._scene(photo, label) for label in context.scenes] if context and context.is_scene else []
        return version(context, present, _square(self.root / photo.path), photo.path, scenes)

    def _scene(self, photo: Photo, label: str) -> Image.Image:
        """A scene of the photograph's own half, by the hash of its path."""
        found = [one for one in self.photos("scenes") if one.label == label and one.side == photo.side]
        digest = hashlib.sha256(f"{label}\x00{photo.path}".encode()).digest()
        return _square(self.root / found[int.from_bytes(digest[:4], "big") % len(found)].path)

    def network(self, head: LinearHead) -> nn.Module:
        """What reads the features, with this head on it."""
        return network(head)

    def features(
        self, photos: Sequence[Photo], context: Context | None, present: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Pooled features (n, K) and ImageNet logits (n, 1000); what is not kept yet is made, pool and half at once."""
        if context is not None and not present and not context.is_scene:
            context = None  # the photograph as it is
        found: dict[Photo, tuple[FloatArray, FloatArray]] = {}
        for key in dict.fromkeys((photo.pool, photo.side) for photo in photos):
            members = [photo for photo in self.photos(key[0]) if photo.side == key[1]]
            x, logits = self._kept(members, context, present)
            found |= {photo: (x[i], logits[i]) for i, photo in enumerate(members)}
        rows = [found[photo] for photo in photos]
        return np.stack([x for x, _ in rows]), np.stack([logits for _, logits in rows])

    def example_features(self, photos: Sequence[Photo], context: Context | None, present: bool) -> FloatArray:
        """What the encoder makes of photographs before its projection (n, F): what concepts are learnt on."""
        if context is not None and not present and not context.is_scene:
            context = None
        found: dict[Photo, FloatArray] = {}
        for key in dict.fromkeys((photo.pool, photo.side) for photo in photos):
            members = [photo for photo in self.photos(key[0]) if photo.side == key[1]]
            path = self._path(members, context, present, "blocks")
            if not path.exists():
                batches = self._batches(members, context, present)
                _keep(path, x=np.concatenate([conse.pooled_blocks(_lite0(), batch) for batch in batches]))
            found |= dict(zip(members, _load_blocks(path), strict=True))
        return np.stack([found[photo] for photo in photos])

    def _kept(self, members: Sequence[Photo], context: Context | None, present: bool) -> tuple[FloatArray, FloatArray]:
        path = self._path(members, context, present)
        if not path.exists():
            x, logits = [], []
            for batch in self._batches(members, context, present):
                with torch.inference_mode():
                    pooled = _lite0().extract_features(batch).mean((2, 3))
                    x.append(pooled.numpy())
                    logits.append(_lite0()._fc(pooled).numpy())
            _keep(path, x=np.concatenate(x), logits=np.concatenate(logits))
        return _load(path)

    def _path(self, members: Sequence[Photo], context: Context | None, present: bool, *layers: str) -> Path:
        name = (members[0].pool, members[0].side, context.name if context else "as it is", present, *layers)
        return self.work / f"{hashlib.sha256(repr((name, self.root.name, _code())).encode()).hexdigest()[:16]}.npz"

    def _batches(self, members: Sequence[Photo], context: Context | None, present: bool) -> Iterator[torch.Tensor]:
        encoder = conse_encoder()
        for start in range(0, len(members), _BATCH):
            pictures = [self.picture(photo, context, present) for photo in members[start : start + _BATCH]]
            batch = torch.stack([encoder.preprocess(picture) for picture in pictures])
            yield batch.contiguous(memory_format=torch.channels_last)


def _keep(path: Path, **arrays: FloatArray) -> None:
    """Write a file of features, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(partial, **arrays)  # type: ignore[arg-type]  # its stubs take the arrays for allow_pickle
    partial.replace(path)


@cache
def _load(path: Path) -> tuple[FloatArray, FloatArray]:
    with np.load(path) as stored:
        return stored["x"], stored["logits"]


@cache
def _load_blocks(path: Path) -> FloatArray:
    with np.load(path) as stored:
        return np.asarray(stored["x"])


@cache
def _pool(root: Path, pool: str) -> tuple[Photo, ...]:
    return read_pool(root, pool)


@cache
def _square(path: Path) -> Image.Image:
    with Image.open(path) as photo:
        return square(photo)


@cache
def conse_encoder() -> Encoder:
    """The encoder of the audits."""
    return load_encoder("conse")


@cache
def _lite0() -> Any:
    """EfficientNet-Lite0 with its ImageNet weights, as `conse` has it."""
    return conse.load_lite0().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def network(head: LinearHead) -> nn.Module:
    """The same network with another head."""
    found: Any = copy.deepcopy(_lite0())
    found._fc = nn.Linear(head.weight.shape[1], head.weight.shape[0])
    state = {"weight": torch.from_numpy(head.weight), "bias": torch.from_numpy(head.bias)}
    found._fc.load_state_dict(state)
    return cast(nn.Module, found)


@cache
def _class_rows() -> torch.Tensor:
    return torch.from_numpy(conse_encoder().encode_texts(conse.imagenet_names()))


def embeddings_of(logits: FloatArray) -> FloatArray:
    """(n, D) unit rows: what `conse` gives for the pictures of these ImageNet logits."""
    return unit_rows(conse.mix_classes(torch.from_numpy(logits), _class_rows()))


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for module in (contexts, pools):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
