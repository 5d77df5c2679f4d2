"""Modules that are affine maps (B, K) -> (B, C), whatever they are called, and the weights they amount to."""

from __future__ import annotations

import copy
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from auditor.models.trace import is_close

#: Inputs of a module that is asked for its weights; more would take gigabytes.
_MOST_INPUTS = 20_000


def is_linear(layer: nn.Module) -> bool:
    """Whether it is a linear layer, or a convolution that is one at every place."""
    if isinstance(layer, nn.Conv2d):
        return layer.kernel_size == (1, 1) and layer.groups == 1 and layer.stride == (1, 1)
    return isinstance(layer, nn.Linear)


def linear_weights(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """(C, K) weight and (C,) bias of a linear layer, float32."""
    weight = layer.weight.detach().float().flatten(1)  # type: ignore[operator]
    bias = layer.bias
    return weight, torch.zeros_like(weight[:, 0]) if bias is None else bias.detach().float()  # type: ignore[operator]


def is_fixed_norm(layer: nn.Module) -> TypeGuard[_BatchNorm]:
    """Whether it is a batch normalisation by its own statistics: a scale and a shift of every channel."""
    return isinstance(layer, _BatchNorm) and not layer.training and layer.running_var is not None


def through_norm(layer: _BatchNorm, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Weights that give on the input of a fixed normalisation what ``weight``, ``bias`` give on its output."""
    if layer.running_mean is None or layer.running_var is None:
        raise ValueError("a batch normalisation without statistics is no fixed one")
    scale = (layer.running_var.double() + layer.eps).rsqrt()
    shift = -layer.running_mean.double() * scale
    if layer.affine:
        scale, shift = scale * layer.weight.detach(), shift * layer.weight.detach() + layer.bias.detach()
    return (weight * scale).float(), (bias + weight.double() @ shift).float()


def measured_map(layer: nn.Module, given: Tensor, returned: Tensor) -> tuple[Tensor, Tensor, bool] | None:
    """Weights of a module that is affine in its input, or in its input brought to length 1 (cosine heads).

    They are what it gives for zero and for the unit vectors, asked of a copy in float64.

    Args:
        layer: In evaluation mode.
        given: (B, K), what it got.
        returned: (B, C), what it gave for that.

    Returns:
        (C, K) weight, (C,) bias, and whether they belong to the input at length 1; None where it is neither.
    """
    if given.shape[1] > _MOST_INPUTS:
        return None
    try:
        exact = copy.deepcopy(layer).double()
        with torch.no_grad():
            bias = exact(given.new_zeros((1, given.shape[1]), dtype=torch.float64))[0]
            weight = (exact(torch.eye(given.shape[1], dtype=torch.float64, device=given.device)) - bias).T
    except Exception:  # it takes something else as well, or cannot be copied: then it is no map of this kind
        return None
    weight, bias = weight.double(), bias.double()  # it may cast what it returns
    if weight.shape != (returned.shape[1], given.shape[1]) or not weight.isfinite().all():
        return None
    for unit in (False, True):
        found = (functional.normalize(given.double()) if unit else given.double()) @ weight.T + bias
        if is_close(found, returned):
            return weight.float(), bias.float(), unit
    return None
