"""Classifiers of this and other libraries, with weights drawn here, and pictures for them."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from toy_models import randomise

from auditor.models.classifier import Classifier
from auditor.models.load_classifier import make_classifier
from auditor.models.preprocess import Preprocess
from auditor.models.torchvision_cure import import_torchvision_safely

import_torchvision_safely()
import timm  # noqa: E402
import torchvision  # noqa: E402

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def classifier_of(module: nn.Module, side: int = 16, **options: str) -> Classifier:
    return make_classifier(module, Preprocess(size=(side, side), **PLAIN), spec=type(module).__name__, **options)


def pictures(n: int, side: int) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(3))


@cache
def built(name: str, side: int) -> Classifier:
    torch.manual_seed(0)
    source, _, model = name.partition(":")
    if source == "torchvision":
        module = torchvision.models.get_model(model, weights=None, num_classes=7)
    else:
        sized = {"img_size": side} if model.startswith(("vit", "swin_", "deit")) else {}
        module = timm.create_model(model, pretrained=False, num_classes=7, **sized)
    return classifier_of(randomise(module), side)
