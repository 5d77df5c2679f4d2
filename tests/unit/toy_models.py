"""Small networks with known weights, each with one trait that confuses a search by name."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # torch's own habit


class GapCnn(nn.Module):
    """1 x 1 convolution (3 to 2 channels), ReLU, mean over the places, linear layer (2 to 2); weights set by hand.

    Channel 0 is red, channel 1 is green minus blue; logits are [a0 - a1, 2 a1 + 0.5].
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2, 2)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, -1]])[:, :, None, None])
            self.fc.weight.copy_(torch.tensor([[1.0, -1], [0, 2]]))
            self.fc.bias.copy_(torch.tensor([0.0, 0.5]))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.pool(self.act(self.conv(x))), 1))


class FunctionalPooling(nn.Module):
    """Everything between the last normalisation and the head is a function, the activation in place."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6))
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.body(x), inplace=True)
        return self.out(self.dropout(x.mean((2, 3))))


class SharedActivation(nn.Module):
    """One ReLU module serves every place, and pooling is a function."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()
        self.one, self.two = nn.Conv2d(3, 5, 3, 2, 1), nn.Conv2d(5, 5, 3, 1, 1)
        self.hidden, self.fc = nn.Conv2d(5, 5, 1), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.two(self.act(self.one(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class UnusedHead(nn.Module):
    """Registers a head last that never runs, one that runs for nothing, and the real one first."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(4, 3)
        self.conv = nn.Conv2d(3, 4, 3, 2, 1)
        self.auxiliary = nn.Linear(4, 3)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x).relu().mean((2, 3))
        logits = self.classifier(features)
        self.auxiliary(features)
        return logits


class ConvHead(nn.Module):
    """The head is a 1 x 1 convolution on the map, the mean is taken of its output, and a softmax ends it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x).relu()).mean((2, 3)).softmax(1)


class MlpHead(nn.Module):
    """VGG in small: pooling, then two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.classifier = nn.Sequential(nn.Linear(4 * 64, 10), nn.ReLU(inplace=True), nn.Linear(10, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        return self.classifier(x.view(x.shape[0], -1))


class TokensFirst(nn.Module):
    """A transformer of torch with its tokens before its batch, class token first; no module embeds the patches."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3 * 16, 8)
        self.cls = nn.Parameter(torch.randn(1, 1, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=False)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        patches = F.unfold(x, 4, stride=4).permute(2, 0, 1)  # (T, B, 48)
        tokens = torch.cat([self.cls.expand(1, x.shape[0], 8), self.embed(patches)])
        return self.head(self.encoder(tokens)[0])


class NoPlaces(nn.Module):
    """An MLP on pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class NoHead(nn.Module):
    """Convolutions only, with something behind them that is no linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).relu().mean((2, 3))


class Cube(nn.Module):
    """Eight channels of 8 x 8 before a head that does not pool: the shape does not say which axis is which."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 2, 2), nn.Linear(8 * 64, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).relu().flatten(1))


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Weights and statistics away from the identities that fresh normalisations and zeroed heads are."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith("running_var"):
            value.data.uniform_(0.5, 1.5, generator=generator)
        elif value.is_floating_point() and value.ndim == 1:
            value.data.add_(torch.randn(value.shape, generator=generator) * 0.1)
        elif value.is_floating_point() and value.ndim == 2 and not value.detach().any():
            value.data.copy_(torch.randn(value.shape, generator=generator) * 0.02)
    return module
