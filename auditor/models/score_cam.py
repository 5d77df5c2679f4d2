"""Score-CAM (arXiv:1910.01279): a channel weighs what the model says of the picture seen through that channel's map."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

#: Masked pictures a forward pass.
_BATCH = 32


def score_weights(features: Tensor, picture: Tensor, respond: Callable[[Tensor], Tensor]) -> Tensor:
    """Softmax over the features of the response to the picture times the feature's map, scaled to [0, 1].

    The response to the picture itself, which the paper takes off, is the same for all features and cancels.

    Args:
        features: (F, h, w) of the target layer.
        picture: (3, H, W), preprocessed.
        respond: (n, 3, H, W) to (n, P), the P responses that are mapped.

    Returns:
        (P, F), rows of sum 1. One pass of the model for every feature.
    """
    lowest, largest = features.amin((1, 2), keepdim=True), features.amax((1, 2), keepdim=True)
    spread = largest - lowest
    masks = (features - lowest) / torch.where(spread > 0, spread, 1.0)
    size = (picture.shape[1], picture.shape[2])
    responses = [
        respond(
            functional.interpolate(masks[start : start + _BATCH, None], size=size, mode="bilinear", align_corners=False)
            * picture
        )
        for start in range(0, len(masks), _BATCH)
    ]
    return torch.cat(responses).T.softmax(dim=1)
