"""The models under test: small convolutional networks and small vision transformers, 64 px, one linear head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.planted.bank import SIZE, IntArray, PixelArray
from sample_data.scene import FloatArray

MEAN, STD = (0.45, 0.5, 0.5), (0.27, 0.25, 0.27)
_BATCH = 64
_AT_ONCE = 256


def as_input(pixels: PixelArray) -> Tensor:
    """(N, 3, 64, 64) float32, normalised, channels last in memory."""
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)
    normal = (scaled - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    return normal.contiguous(memory_format=torch.channels_last)


def _convolution(width_in: int, width_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, stride, 1, bias=False), nn.BatchNorm2d(width_out), nn.ReLU(inplace=True)
    )


class SmallCnn(nn.Module):
    """Five convolutions, global average pooling; features are not negative."""

    width = 96

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _convolution(3, 16, 2),
            _convolution(16, 32, 2),
            _convolution(32, 64, 2),
            _convolution(64, 64, 1),
            _convolution(64, self.width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 64, 64) to (N, width)."""
        return self.layers(x).mean(dim=(2, 3))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Attention and perceptron, norm first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.heads = heads
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        q, k, v = self.mix(self.norm1(x)).view(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, tokens, width)
        x = x + self.out(mixed)
        return x + self.perceptron(self.norm2(x))  # type: ignore[no-any-return]


class SmallVit(nn.Module):
    """A vision transformer on patches of 8 px (cut out by two convolutions), with class token or mean pooling."""

    width = 64

    def __init__(self, *, class_token: bool) -> None:
        super().__init__()
        self.patches = nn.Sequential(_convolution(3, 24, 4), nn.Conv2d(24, self.width, 2, 2))
        n_tokens = (SIZE // 8) ** 2 + class_token
        self.token = nn.Parameter(torch.zeros(1, 1, self.width)) if class_token else None
        self.places = nn.Parameter(torch.randn(1, n_tokens, self.width) * 0.02)
        self.blocks = nn.Sequential(*[_Block(self.width, 4) for _ in range(3)])
        self.norm = nn.LayerNorm(self.width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 64, 64) to (N, width)."""
        x = self.patches(x).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1)
        x = self.blocks(x + self.places)
        pooled = x.mean(dim=1) if self.token is None else x[:, 0]
        return self.norm(pooled)  # type: ignore[no-any-return]


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "cnn": SmallCnn,
    "vit-class": lambda: SmallVit(class_token=True),
    "vit-mean": lambda: SmallVit(class_token=False),
}


class Classifier(nn.Module):
    """Features and a linear head."""

    def __init__(self, features: nn.Module, n_classes: int) -> None:
        super().__init__()
        self.features, self.head = features, nn.Linear(features.width, n_classes)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 64, 64) to logits."""
        return self.head(self.features(x))  # type: ignore[no-any-return]


def train(
    features: nn.Module,
    n_outputs: int,
    next_batch: Callable[[int], tuple[PixelArray, IntArray]],
    *,
    steps: int,
    peak_rate: float,
    loss: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy,
) -> Classifier:
    """Train end to end for so many fresh batches, one cycle of AdamW; returns it in evaluation mode."""
    model = Classifier(features, n_outputs).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(model.parameters(), lr=peak_rate, weight_decay=0.02)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak_rate, total_steps=steps, pct_start=0.2)
    for _ in range(steps):
        pixels, targets = next_batch(_BATCH)
        found = loss(model(as_input(pixels)), torch.from_numpy(targets))
        optimiser.zero_grad(set_to_none=True)
        found.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        rates.step()
    return model.eval()  # type: ignore[no-any-return]


def features_of(module: nn.Module, pixels: PixelArray) -> FloatArray:
    """(N, K) inputs of the head."""
    with torch.no_grad():
        parts = [module(as_input(pixels[i : i + _AT_ONCE])) for i in range(0, len(pixels), _AT_ONCE)]
    return torch.cat(parts).numpy().astype(np.float32)
