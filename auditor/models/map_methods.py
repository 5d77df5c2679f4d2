"""Variants of the class activation map, each as the weights of the features of a place.

A map is sum_f weight_f x feature_f at every place. What a variant makes of the gradient of the response is all in which
they differ; :mod:`auditor.models.cam` has the features and the gradient, and this file what is made of them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: As torchcam has it: keeps a quotient finite where a channel is silent.
_EPSILON = 1e-8


def element_wise(features: Tensor, gradient: Tensor) -> Tensor:
    """HiResCAM (arXiv:2011.08891): the gradient itself, place by place; (B, F, h, w)."""
    return gradient


def grad_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Grad-CAM (arXiv:1610.02391): the gradient's mean over the places; (B, F, 1, 1)."""
    return gradient.mean((2, 3), keepdim=True)


def grad_cam_pp(features: Tensor, gradient: Tensor) -> Tensor:
    """Grad-CAM++ (arXiv:1710.11063, equation 19): sum over places of alpha relu(g), alpha = g^2 / (2 g^2 + g^3 sum A).

    Where a gradient is 0, alpha is. torchcam 0.5.0 multiplies and then sums g^3 A, and its division has no effect.
    """
    square = gradient**2
    below = 2 * square + gradient**3 * features.sum((2, 3), keepdim=True) + _EPSILON
    alpha = torch.where(square > 0, square / below, 0.0)
    return (alpha * gradient.relu()).sum((2, 3), keepdim=True)


def xgrad_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """XGrad-CAM (arXiv:2008.02312): the gradient's mean, each place weighing as much as the feature is there."""
    return (gradient * features).sum((2, 3), keepdim=True) / (features.sum((2, 3), keepdim=True) + _EPSILON)


def layer_cam(features: Tensor, gradient: Tensor) -> Tensor:
    """Layer-CAM (Jiang et al., IEEE TIP 2021): the positive part of the gradient, place by place; (B, F, h, w)."""
    return gradient.relu()


#: Methods that take the mean over the places off the features. "integrated_gradient" takes the gradient halfway to that
#: mean: integrated gradients (Sundararajan et al., arXiv:1703.01365) along the line from it, by the midpoint rule.
CENTRED = ("centred_gradient", "integrated_gradient")
#: Weights (B, F, h, w) or (B, F, 1, 1) from features and gradient (B, F, h, w). "cam" needs no gradient, "score_cam"
#: (:mod:`auditor.models.score_cam`) asks the model. Gradient x value with attention held is attention x value.
GRADIENT_WEIGHTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gradient": element_wise,
    "centred_gradient": element_wise,
    "integrated_gradient": element_wise,
    "grad_cam": grad_cam,
    "grad_cam_pp": grad_cam_pp,
    "xgrad_cam": xgrad_cam,
    "layer_cam": layer_cam,
    "attention_value": element_wise,
}
