"""A model with one logit is audited as the two classes that it stands for."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from toy_models import GapCnn

from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.load_classifier import make_classifier
from auditor.models.preprocess import Preprocess


def classifier_with(weight: torch.Tensor, bias: torch.Tensor, names: tuple[str, ...] | None = None) -> Classifier:
    """GapCnn with another last layer."""
    torch.manual_seed(0)
    module = GapCnn()
    module.fc = nn.Linear(module.fc.in_features, len(weight))
    with torch.no_grad():
        module.fc.weight.copy_(weight)
        module.fc.bias.copy_(bias)
    preprocess = Preprocess((8, 8), None, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return make_classifier(module, preprocess, spec="toy", class_names=names)


def test_it_is_the_same_as_a_head_of_two_opposite_rows():
    n_channels = GapCnn().fc.in_features
    weight, bias = torch.linspace(-1, 2, n_channels)[None], torch.tensor([0.5])
    one = classifier_with(weight, bias)
    two = classifier_with(torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2)
    batch = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert one.n_classes == 2
    np.testing.assert_array_equal(one.head.weight, two.head.weight)
    np.testing.assert_array_equal(one.head.bias, two.head.bias)
    for ours, theirs in zip(cam.forward(one, batch), cam.forward(two, batch), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    probability = torch.sigmoid(one.module(batch))[:, 0].detach().numpy()
    logits = torch.from_numpy(cam.forward(one, batch)[1])
    np.testing.assert_allclose(logits.softmax(1)[:, 1].numpy(), probability, atol=1e-6)
    row = np.repeat(one.head.weight[None, :1], 4, 0)
    np.testing.assert_allclose(cam.response_maps(one, batch, row), cam.response_maps(two, batch, row), atol=1e-6)


def test_its_one_name_is_that_of_the_positive_class():
    weight = torch.ones(1, GapCnn().fc.in_features)
    assert classifier_with(weight, torch.zeros(1), ("bee",)).class_names == ("not bee", "bee")
    assert classifier_with(weight, torch.zeros(1)).class_names is None
