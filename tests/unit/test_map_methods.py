"""Variants of the class activation map: equal to torchcam's and to their formulas, or refused."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from built_models import classifier_of, pictures
from torch import nn
from toy_models import GapCnn, MlpHead, randomise

from auditor.errors import InputError, ModelError
from auditor.models import cam
from auditor.models.map_choice import drawing_with
from auditor.models.map_method_names import MAP_METHOD_NAMES
from auditor.models.map_methods import GRADIENT_WEIGHTS, grad_cam, grad_cam_pp, layer_cam, xgrad_cam
from auditor.models.score_cam import score_weights
from auditor.models.torchvision_cure import import_torchvision_safely

import_torchvision_safely()
import torchcam.methods as torchcam  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402


class Convolutions(nn.Module):
    """Two convolutions and a head that is not linear in the mean: gradients differ from place to place."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 5, 3, 1, 1))
        self.pool = nn.AdaptiveMaxPool2d(2)
        self.hidden, self.head = nn.Linear(20, 8), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.hidden(self.pool(self.features(x)).flatten(1))))


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(0)
    return classifier_of(randomise(Convolutions()), target_layer="features")


@pytest.mark.parametrize(
    ("method", "theirs", "scaled"),
    [
        ("grad_cam", torchcam.GradCAM, True),
        ("xgrad_cam", torchcam.XGradCAM, False),
        ("layer_cam", torchcam.LayerCAM, True),
        ("score_cam", torchcam.ScoreCAM, False),
    ],
)
def test_equals_torchcam(classifier, method, theirs, scaled):
    batch = pictures(2, 16)
    rows = np.repeat(classifier.head.weight[None, 1:3], 2, 0)
    ours = cam.response_maps(drawing_with(classifier, method), batch, rows)
    n_places = ours.shape[2] * ours.shape[3] if method != "score_cam" else 1
    for p, class_idx in enumerate((1, 2)):
        with theirs(classifier.module, "features", input_shape=(3, 16, 16)) as extractor:
            scores = classifier.module(batch.clone().requires_grad_())
            expected = extractor(class_idx, scores, normalized=False)[0].detach().numpy()
        assert expected.max() > 1e-3
        np.testing.assert_allclose(np.maximum(ours[:, p], 0) / n_places, expected, atol=1e-5)


def test_weights_by_hand():
    features = torch.tensor([[[[1.0, 3.0]]]])
    gradient = torch.tensor([[[[2.0, -1.0]]]])
    assert grad_cam(features, gradient).item() == 0.5
    assert layer_cam(features, gradient).flatten().tolist() == [2, 0]
    assert xgrad_cam(features, gradient).item() == pytest.approx((2 - 3) / 4)
    assert grad_cam_pp(features, gradient).item() == pytest.approx(
        2 * 4 / (2 * 4 + 8 * 4)
    )  # alpha = g² / (2 g² + g³ ΣA)
    assert grad_cam_pp(features, torch.zeros(1, 1, 1, 2)).item() == 0


def test_where_the_head_is_a_mean_grad_cam_is_the_class_activation_map():
    gap = classifier_of(GapCnn())
    batch = pictures(2, 8)
    rows = np.repeat(gap.head.weight[None], 2, 0)
    closed = cam.response_maps(gap, batch, rows)
    for method in ("grad_cam", "gradient", "xgrad_cam"):
        np.testing.assert_allclose(cam.response_maps(drawing_with(gap, method), batch, rows), closed, atol=1e-5)


def test_score_cam_by_hand():
    features = torch.tensor([[[0.0, 2.0]], [[5.0, 5.0]]])  # the second is the same everywhere: an empty mask
    picture = torch.ones(3, 1, 2)
    weights = score_weights(features, picture, lambda batch: batch.sum((1, 2, 3))[:, None])
    np.testing.assert_allclose(weights, [torch.tensor([3.0, 0.0]).softmax(0)], atol=1e-6)


def test_attention_value_is_what_the_patches_give_the_class_token():
    torch.manual_seed(0)
    module = VisionTransformer(img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=4)
    classifier = classifier_of(randomise(module), 32)
    drawing = drawing_with(classifier, "attention_value")
    assert drawing.target_layer == "blocks.1.attn.qkv"
    batch = pictures(1, 32)
    row = classifier.head.weight[None, 3:4]
    found = cam.response_maps(drawing, batch, row)[0, 0] / 16
    attn, kept = cast(Any, classifier.module).blocks[1].attn, {}
    with (
        attn.qkv.register_forward_hook(lambda _, __, out: kept.update(qkv=out)),
        attn.proj.register_forward_pre_hook(lambda _, args: kept.update(mixed=args[0].requires_grad_())),
    ):
        logit = classifier.module(batch)[0, 3]
    (gradient,) = torch.autograd.grad(logit, kept["mixed"])
    query, key, value = kept["qkv"].reshape(1, 17, 3, attn.num_heads, -1).permute(2, 0, 3, 1, 4)
    attention = (query @ key.transpose(-2, -1) * attn.scale).softmax(-1)  # (1, heads, 17, 17)
    of_heads = gradient.reshape(1, 17, attn.num_heads, -1).transpose(1, 2)
    given = torch.einsum("bhqk,bhqd,bhkd->bk", attention, of_heads, value)[0, 1:].reshape(4, 4)
    np.testing.assert_allclose(found, given.detach(), atol=1e-5)


class Squares(nn.Module):
    """A head on the mean of squares: halfway between two states its gradient is that of the line between them."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.head = nn.Conv2d(3, 5, 3, 2, 1), nn.Linear(5, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head((self.features(x) ** 2).mean((2, 3)))


def test_an_integrated_gradient_adds_up_to_what_the_places_change():
    torch.manual_seed(0)
    module = cast(Any, randomise(Squares()))
    drawing = drawing_with(classifier_of(module, target_layer="features"), "integrated_gradient")
    batch = pictures(2, 16)
    weight = module.head.weight.detach()
    found = cam.response_maps(drawing, batch, np.repeat(weight.numpy()[None], 2, 0))
    values = module.features(batch).detach()
    even = values.mean((2, 3), keepdim=True).expand_as(values)
    change = (values**2 - even**2).mean((2, 3)) @ weight.T
    assert change.abs().min() > 1e-3
    np.testing.assert_allclose(found.mean((2, 3)), change, atol=1e-5)
    centred = cam.response_maps(drawing_with(drawing, "centred_gradient"), batch, np.repeat(weight.numpy()[None], 2, 0))
    assert np.abs(centred.mean((2, 3)) - change.numpy()).max() > 1e-3  # at the end of the line it does not


@pytest.mark.parametrize("class_token", [True, False])
def test_of_a_transformer_the_tokens_before_the_places_stay(class_token):
    torch.manual_seed(0)
    pool = "token" if class_token else "avg"
    module = VisionTransformer(
        img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=4, class_token=class_token,
        global_pool=pool,
    )  # fmt: skip
    classifier = classifier_of(randomise(module), 32)
    drawing = drawing_with(classifier, "integrated_gradient")
    assert classifier.target_layer == drawing.target_layer == "blocks.0"
    batch = pictures(2, 32)
    body = cast(Any, classifier.module)
    found = cam.response_maps(drawing, batch, np.repeat(classifier.head.weight[None, 1:2], 2, 0))[:, 0] / 16
    with torch.no_grad():
        tokens = body.blocks[0](body.norm_pre(body._pos_embed(body.patch_embed(batch))))
    before, places = tokens[:, :class_token], tokens[:, class_token:]
    middle = places.mean(1, keepdim=True)
    at = ((places + middle) / 2).requires_grad_()
    after = body.forward_head(body.norm(body.blocks[1](torch.cat([before, at], 1))), pre_logits=True)
    (gradient,) = torch.autograd.grad((after @ body.head.weight[1]).sum(), at)
    expected = ((places - middle) * gradient).sum(-1).reshape(2, 4, 4)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found).max() > 1e-4


def test_every_method_has_a_name_and_weights():
    assert set(MAP_METHOD_NAMES) == {*GRADIENT_WEIGHTS, "cam", "score_cam"}


@pytest.mark.parametrize(
    ("method", "error", "said"),
    [
        ("grad-cam", InputError, "did you mean 'grad_cam'"),
        ("cam", ModelError, "needs a head whose input is the mean"),
        ("attention_value", ModelError, "needs a class token"),
    ],
)
def test_refused(method, error, said):
    torch.manual_seed(0)
    with pytest.raises(error, match=said):
        drawing_with(classifier_of(randomise(MlpHead())), method)
