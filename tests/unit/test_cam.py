"""Channels, logits and maps: exact on a network set by hand, equal to torchcam, and nothing left behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from built_models import built, classifier_of, pictures
from torch import Tensor, nn
from toy_models import (
    ConvHead,
    FunctionalPooling,
    GapCnn,
    MlpHead,
    SharedActivation,
    TokensFirst,
    UnusedHead,
    randomise,
)

from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.map_choice import drawing_with
from auditor.models.torchvision_cure import import_torchvision_safely

import_torchvision_safely()
import timm  # noqa: E402
import torchvision  # noqa: E402
from torchcam.methods import CAM  # noqa: E402

pytestmark = pytest.mark.slow


def test_exact_numbers():
    classifier = classifier_of(GapCnn())
    batch = torch.zeros(1, 3, 2, 2)
    batch[0, 0] = torch.tensor([[1.0, 2], [3, 4]])  # red
    batch[0, 1] = torch.tensor([[0.0, 8], [0, 0]])  # green
    batch[0, 2] = torch.tensor([[4.0, 0], [0, 0]])  # blue: green - blue is cut at 0
    activations, logits = cam.forward(classifier, batch)
    np.testing.assert_array_equal(activations, [[2.5, 2.0]])
    np.testing.assert_array_equal(logits, [[0.5, 4.5]])
    maps = cam.response_maps(classifier, batch, np.array([[[1, -1], [0, 2], [1, 0]]], np.float32))
    np.testing.assert_array_equal(maps[0], [[[1, -6], [3, 4]], [[0, 16], [0, 0]], [[1, 2], [3, 4]]])


def test_equals_torchcam():
    classifier = built("torchvision:resnet18", 96)
    batch = pictures(2, 96)
    assert (classifier.target_layer, classifier.map_method) == ("layer4", "cam")
    maps = cam.response_maps(classifier, batch, np.repeat(classifier.head.weight[None, 4:5], 2, 0))
    with CAM(classifier.module, "layer4", "fc") as theirs, torch.no_grad():
        classifier.module(batch)
        expected = theirs(4, normalized=False)[0]
    # torchcam ends in a ReLU or not, by version: both sides cut at 0, and the raw sum besides.
    np.testing.assert_allclose(np.maximum(maps[:, 0], 0), np.maximum(expected.numpy(), 0), atol=1e-5)
    assert np.abs(maps).max() > 1e-2
    if (expected < 0).any():
        np.testing.assert_allclose(maps[:, 0], expected.numpy(), atol=1e-5)


ARCHITECTURES = {
    ("torchvision:resnet18", 64): ("layer4", "cam"),
    ("torchvision:densenet121", 64): ("features", "cam"),
    ("torchvision:mobilenet_v2", 64): ("features", "cam"),
    ("torchvision:regnet_y_400mf", 64): ("trunk_output", "cam"),
    ("torchvision:efficientnet_b0", 64): ("features", "cam"),
    ("torchvision:mobilenet_v3_small", 64): ("features", "gradient"),
    ("torchvision:convnext_tiny", 64): ("features", "centred_gradient"),
    ("torchvision:swin_t", 64): ("features", "centred_gradient"),
    ("timm:convnext_atto", 64): ("stages", "centred_gradient"),
    ("timm:swin_tiny_patch4_window7_224", 112): ("layers", "centred_gradient"),
    ("timm:vit_tiny_patch16_224", 64): ("blocks.10", "centred_gradient"),
    ("timm:deit_tiny_distilled_patch16_224", 64): ("blocks.10", "centred_gradient"),
    ("timm:swiftformer_xs", 64): ("norm", "cam"),
    ("timm:vit_small_patch16_36x1_224", 64): ("blocks.34", "centred_gradient"),
    ("timm:vit_base_patch16_clip_quickgelu_224", 32): ("blocks.10", "centred_gradient"),
}


class VggGap(nn.Module):
    """VGG with its MLP replaced by a mean and one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torchvision.models.vgg11(weights=None, init_weights=False).features
        self.head = nn.Linear(512, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).mean((2, 3)))


def test_vgg_with_a_mean():
    torch.manual_seed(0)
    check_sums(classifier_of(VggGap(), 64), 64, ("features", "cam"))


@pytest.mark.parametrize(("name", "side"), ARCHITECTURES)
def test_contributions_and_maps(name: str, side: int):
    check_sums(built(name, side), side, ARCHITECTURES[name, side])


def test_transformer_with_mean_pooling():
    torch.manual_seed(0)
    module = timm.create_model("vit_tiny_patch16_224", num_classes=7, img_size=64, global_pool="avg", class_token=False)
    classifier = classifier_of(randomise(module), 64)
    assert (classifier.target.n_prefix, classifier.target.grid) == (0, (4, 4))
    check_sums(classifier, 64, ("blocks.10", "centred_gradient"))


@pytest.mark.parametrize(
    "toy",
    [ConvHead, FunctionalPooling, MlpHead, SharedActivation, TokensFirst, UnusedHead],
    ids=lambda toy: toy.__name__,
)
def test_toys(toy: type[nn.Module]):
    torch.manual_seed(0)
    classifier = classifier_of(randomise(toy()))
    check_sums(classifier, 16, (classifier.target_layer, classifier.map_method))


def check_sums(classifier: Classifier, side: int, expected: tuple[str, str]) -> None:
    """Contributions add up to the logits, parts of a map to the map, and a closed-form map to the response."""
    assert (classifier.target_layer, classifier.map_method) == expected
    batch = pictures(2, side)
    activations, logits = cam.forward(classifier, batch)
    np.testing.assert_allclose(activations @ classifier.head.weight.T + classifier.head.bias, logits, atol=1e-4)
    with torch.no_grad():
        returned = classifier.module(batch)
    if not isinstance(classifier.module, ConvHead):  # which ends in a softmax
        np.testing.assert_allclose(logits, returned.numpy(), atol=1e-4)
    row = classifier.head.weight[1]
    parts = np.where(np.arange(len(row)) % 2 == 0, row, 0), np.where(np.arange(len(row)) % 2 == 1, row, 0)
    maps = cam.response_maps(classifier, batch, np.repeat(np.stack([row, *parts])[None], 2, 0).astype(np.float32))
    assert maps.shape == (2, 3, *classifier.target.grid)
    assert maps.std() > 0
    tolerance = 1e-4 * max(1.0, float(np.abs(maps).max()))
    np.testing.assert_allclose(maps[:, 0], maps[:, 1] + maps[:, 2], atol=tolerance)
    if classifier.map_method == "cam":
        np.testing.assert_allclose(maps[:, 0].mean((1, 2)), activations @ row, atol=tolerance)


def test_gradient_form_is_gradient_times_activation():
    torch.manual_seed(0)
    classifier = classifier_of(MlpHead())
    batch = pictures(1, 16)
    maps = cam.response_maps(classifier, batch, classifier.head.weight[None, 2:3])
    module: Any = classifier.module
    with torch.enable_grad():
        features = module.features[:2](batch).detach().requires_grad_()
        out = module.classifier(module.features[2](features).flatten(1))
        (gradient,) = torch.autograd.grad(out[0, 2], features)
    expected = (gradient * features).sum(1) * 256
    np.testing.assert_allclose(maps[0, 0], expected[0].detach().numpy(), rtol=1e-5, atol=1e-6)


def test_gradient_form_before_a_linear_rest_is_the_class_activation_map():
    """Mean, then two linear layers with nothing between: the gradient form has a closed form to be held to."""

    class TwoLinear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.one, self.two = nn.Conv2d(3, 4, 3, 2, 1), nn.Linear(4, 5), nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.two(self.one(self.conv(x).mean((2, 3))))

    torch.manual_seed(0)
    classifier = classifier_of(TwoLinear())
    assert (classifier.target_layer, classifier.map_method) == ("conv", "gradient")
    batch, weights = pictures(2, 16), np.ones((2, 1, 5), np.float32)
    module: Any = classifier.module
    with torch.no_grad():
        through = torch.ones(5) @ module.one.weight
        expected = torch.einsum("k,bkhw->bhw", through, module.conv(batch))
    np.testing.assert_allclose(cam.response_maps(classifier, batch, weights)[:, 0], expected.numpy(), atol=1e-5)


def test_wanted_layer_before_the_activation_keeps_the_closed_form():
    torch.manual_seed(0)
    module = randomise(SharedActivation())
    found, wanted = classifier_of(module), classifier_of(module, target_layer="two")
    assert (wanted.target.rectifier, wanted.map_method) == ("relu", "cam")
    weights = found.head.weight[None, :2]
    maps = [cam.response_maps(c, pictures(1, 16), weights) for c in (found, wanted)]
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-6)


def test_map_is_where_the_evidence_is():
    """A class token transformer whose only evidence is one patch shows that patch."""
    torch.manual_seed(0)
    module = timm.create_model("vit_tiny_patch16_224", num_classes=2, img_size=64, depth=3)
    optimiser = torch.optim.AdamW(module.parameters(), lr=3e-4)
    generator = torch.Generator().manual_seed(0)

    def draw(n: int) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.randn(n, 3, 64, 64, generator=generator) * 0.3
        y = torch.randint(0, 2, (n,), generator=generator)
        places = torch.randint(0, 16, (n,), generator=generator)
        for i in range(n):
            top, left = 16 * (int(places[i]) // 4), 16 * (int(places[i]) % 4)
            x[i, int(y[i]) * 2, top : top + 16, left : left + 16] += 2
        return x, y, places

    for _ in range(40):
        x, y, _ = draw(24)
        loss = nn.functional.cross_entropy(module(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, y, places = draw(32)
    classifier = classifier_of(module, 64)
    _, logits = cam.forward(classifier, x)
    assert (logits.argmax(1) == y.numpy()).mean() > 0.9
    difference = classifier.head.weight[[0]] - classifier.head.weight[[1]]
    rows = np.stack([difference if label == 0 else -difference for label in y.tolist()])

    def hits(drawing: Classifier) -> float:
        maps = cam.response_maps(drawing, x, rows)[:, 0]
        return float((maps.reshape(32, 16).argmax(1) == places.numpy()).mean())

    assert hits(classifier) > 0.6  # by chance 0.06
    # the mean of noisy patches tells the class by itself, so that from there on the patch adds nothing (decision 0081)
    assert hits(drawing_with(classifier, "integrated_gradient")) < 0.4
