"""Models whose answer for a picture depends on those beside it are refused, and the layer that mixes them is named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from built_models import built, classifier_of, pictures
from torch import Tensor, nn
from toy_models import FunctionalPooling, GapCnn, TokensFirst

from auditor.errors import ModelError
from auditor.models.batch_mates import check_batch_mates


class KeptTraining(FunctionalPooling):
    """Its batch normalisation cannot be put into evaluation mode."""

    def train(self, mode: bool = True) -> KeptTraining:
        super().train(mode)
        self.body[1].train()
        return self


class NoStatistics(FunctionalPooling):
    """Its batch normalisation keeps no statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.body[1] = nn.BatchNorm2d(6, track_running_stats=False)


class Wrapped(nn.Module):
    """A block that mixes pictures in its own forward, beneath layers that do not."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 6, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            return x - x.mean((0, 2, 3), keepdim=True)

    def __init__(self) -> None:
        super().__init__()
        self.block, self.fc = self.Block(), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.block(x).relu().mean((2, 3)))


class OverTheBatch(GapCnn):
    """Takes the mean picture off every picture."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean(0))


class OverTheBatchTokens(TokensFirst):
    """The same in a transformer whose batch comes second: its encoder is the innermost layer that mixes."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder.layers[1].norm1 = Mixing(8)


class Mixing(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) - x.mean(1, keepdim=True)


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        (KeptTraining, r"layer 'body\.1' \(BatchNorm2d, in training mode\)"),
        (NoStatistics, r"layer 'body\.1' \(BatchNorm2d\)"),
        (Wrapped, r"layer 'block' \(Block\)"),
        (OverTheBatch, "what forward does outside of its layers"),
        (OverTheBatchTokens, r"layer 'encoder\.layers\.1\.norm1' \(Mixing\)"),
    ],
)
def test_models_that_mix_pictures(model: type[nn.Module], cause: str):
    torch.manual_seed(0)
    expected = rf"{model.__name__} answers otherwise for a picture when others are beside it .*: {cause}; expected an"
    with pytest.raises(ModelError, match=expected):
        classifier_of(model())


def test_a_model_that_takes_no_picture_alone_fails_at_load():
    class Squeezing(GapCnn):
        def forward(self, x: Tensor) -> Tensor:
            pooled = self.pool(self.act(self.conv(x))).squeeze()
            return self.fc(pooled.reshape(pooled.shape[0], pooled.shape[1]))

    with pytest.raises(
        ModelError, match=r"on a batch of shape \(1, 3, 16, 16\) raised IndexError.*test_batch_mates.py:"
    ):
        classifier_of(Squeezing())


def test_rounding_is_no_other_answer():
    classifier = built("timm:vit_tiny_patch16_224", 64)
    check_batch_mates(classifier, pictures(2, 64))
    assert classifier_of(GapCnn()).n_classes == 2
    assert not any(layer._forward_hooks for layer in classifier.module.modules())


def test_the_hundredth_part_is_the_limit():
    leak = [0.0]

    class Leaking(GapCnn):
        def forward(self, x: Tensor) -> Tensor:
            features = torch.flatten(self.pool(self.act(self.conv(x))), 1)
            return self.fc(features * (1 + leak[0] * (len(x) > 1)))

    classifier = classifier_of(Leaking())
    leak[0] = 0.005
    check_batch_mates(classifier, pictures(2, 16))
    leak[0] = 0.02
    with pytest.raises(ModelError, match=r"what its head gets differs by 2 %"):
        check_batch_mates(classifier, pictures(2, 16))
    assert np.isfinite(classifier.head.weight).all()
