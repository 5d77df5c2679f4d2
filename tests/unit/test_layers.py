"""Heads and target layers are found by what a probe shows, whatever the layers are called."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from toy_models import (
    ConvHead,
    Cube,
    FunctionalPooling,
    GapCnn,
    MlpHead,
    NoHead,
    NoPlaces,
    SharedActivation,
    TokensFirst,
    UnusedHead,
    randomise,
)

from auditor.errors import ModelError
from auditor.models.head import find_head
from auditor.models.layers import TargetLayer, target_layers


def probe(side: int = 16) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))


def find(module: nn.Module, wanted: str | None = None) -> tuple[str, TargetLayer]:
    torch.manual_seed(0)
    module = randomise(module).eval()
    head, head_input = find_head(module, probe(), "toy")
    return head.name, next(target_layers(module, probe(), head_input, "toy", wanted=wanted))


def test_gap_and_linear():
    head, target = find(GapCnn())
    assert head == "fc"
    assert (target.layer, target.side, target.layout, target.grid) == ("act", "output", "channels_first", (16, 16))
    assert (target.method, target.rectifier) == ("cam", "none")


def test_functional_pooling_after_a_functional_activation_in_place():
    head, target = find(FunctionalPooling())
    assert head == "out"
    assert (target.layer, target.rectifier, target.method) == ("body", "relu", "cam")


def test_shared_activation_is_told_by_its_call():
    head, target = find(SharedActivation())
    assert head == "fc"
    assert (target.layer, target.call, target.method) == ("act", 1, "cam")


def test_heads_that_give_nothing_to_the_output_are_passed_over():
    head, target = find(UnusedHead())
    assert head == "classifier"
    assert (target.layer, target.rectifier) == ("conv", "relu")


def test_convolution_as_head_under_a_softmax():
    head, target = find(ConvHead())
    assert head == "head"
    assert (target.layer, target.side, target.method) == ("head", "input", "cam")


def test_mlp_head_maps_the_last_convolution_before_pooling():
    head, target = find(MlpHead())
    assert head == "classifier.2"
    assert (target.layer, target.grid, target.method) == ("features.1", (16, 16), "gradient")


def test_tokens_before_batch_without_a_patch_embedding_by_convolution():
    head, target = find(TokensFirst())
    assert head == "head"
    assert (target.layer, target.layout) == ("encoder.layers.1", "tokens_first")
    assert (target.grid, target.n_prefix, target.method) == ((4, 4), 1, "centred_gradient")


def test_wanted_layer():
    _, target = find(SharedActivation(), "one")
    assert (target.layer, target.grid, target.method) == ("one", (8, 8), "gradient")


def test_wanted_layer_that_does_not_exist_names_candidates():
    with pytest.raises(ModelError, match=r"layer 'layer5' not in toy; candidates: .*features\.1"):
        find(MlpHead(), "layer5")


def test_wanted_layer_that_does_not_run():
    with pytest.raises(ModelError, match="layer 'fc' does not run in a forward pass of toy"):
        find(UnusedHead(), "fc")


def test_wanted_layer_without_places():
    with pytest.raises(ModelError, match=r"layer 'fc' of toy has shape \(2, 4\)"):
        find(SharedActivation(), "fc")


def test_ambiguous_shape_names_candidates():
    with pytest.raises(ModelError, match=r"layer 'conv' of toy has shape \(2, 8, 8, 8\).*candidates: conv"):
        find(Cube())


def test_no_linear_layer():
    with pytest.raises(ModelError, match="toy calls no linear layer"):
        find(NoHead())


def test_no_layer_with_places():
    with pytest.raises(ModelError, match="toy has no convolutional or token layer"):
        find(NoPlaces())


def test_head_that_is_followed_by_something_else():
    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = GapCnn()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x) ** 2

    with pytest.raises(ModelError, match=r"no linear layer of toy alone gives its output .*'inner\.fc'"):
        find(Doubled())


def test_input_that_the_model_cannot_take():
    with pytest.raises(ModelError, match=r"model NoPlaces on a batch of shape \(2, 3, 20, 20\) raised .*--preprocess"):
        find_head(NoPlaces().eval(), probe(20), "NoPlaces")


def test_output_that_is_no_table():
    with pytest.raises(ModelError, match=r"returns shape \(2, 3, 8, 8\) for 2 pictures; expected \(B, C\)"):
        find_head(nn.Conv2d(3, 3, 3, 2, 1).eval(), probe(), "map")
