"""The network behind `--model sample:planted` and `sample:balanced`: a small ResNet with GAP and one linear layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_WIDTHS = (16, 32, 64, 128)
_STRIDES = (1, 2, 2, 1)


class _Block(nn.Module):
    """Two 3x3 convolutions with a shortcut; the first may halve the map."""

    def __init__(self, width_in: int, width_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width_out)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width_out)
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or width_in != width_out:
            self.skip = nn.Sequential(nn.Conv2d(width_in, width_out, 1, stride, bias=False), nn.BatchNorm2d(width_out))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.skip(x))


class SmallResNet(nn.Module):
    """Stem, four stages of one block each, global average pooling, one linear layer.

    Args:
        n_classes: Number of outputs.

    The last stage ends in a ReLU, so features are not negative; a (N, 3, 64, 64) input gives maps of (N, 128, 8, 8).
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, _WIDTHS[0], 3, 2, 1, bias=False), nn.BatchNorm2d(_WIDTHS[0]), nn.ReLU())
        stages: list[nn.Module] = []
        width = _WIDTHS[0]
        for stage, wider in enumerate(_WIDTHS):
            stages.append(_Block(width, wider, _STRIDES[stage]))
            width = wider
        self.stages = nn.Sequential(*stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, n_classes) of normalised pictures (N, 3, H, W)."""
        return self.head(torch.flatten(self.pool(self.stages(self.stem(x))), 1))  # type: ignore[no-any-return]


def build_sample_classifier(n_classes: int) -> nn.Module:
    """The network with random weights; load `data/classifiers/*.safetensors` into it."""
    return SmallResNet(n_classes)
