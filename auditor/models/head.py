"""Find the linear head, whose inputs are the channels, among the layers that really run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auditor.errors import ModelError
from auditor.models.trace import first_tensor, is_close, pooled


@dataclass(frozen=True, slots=True)
class HeadLayer:
    """The linear layer (or 1 x 1 convolution) that gives the logits, and which of its calls does."""

    layer: str
    call: int


def find_head(module: nn.Module, batch: Tensor, name: str) -> tuple[HeadLayer, Tensor]:
    """Find the last linear layer whose output is what the model returns (up to softmax or sigmoid).

    Args:
        module: In evaluation mode.
        batch: (B, 3, H, W) probe.
        name: Of the model, for errors.

    Returns:
        The head, and its input for the probe, (B, K) float32. A 1 x 1 convolution that runs on the map before pooling
        counts with the mean of its input over the places: both are linear, so their order does not matter.

    Raises:
        ModelError: no linear layer gives the output, or the output is no (B, C) table of finite numbers.
    """
    found: list[tuple[str, int, Tensor, nn.Module]] = []
    counts: dict[str, int] = {}
    handles = []

    def watch(layer_name: str) -> Any:
        def hook(layer: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            index = counts.get(layer_name, 0)
            counts[layer_name] = index + 1
            if args and isinstance(args[0], Tensor) and args[0].ndim >= 2 and args[0].shape[0] == batch.shape[0]:
                mean = pooled(args[0].detach(), last=isinstance(layer, nn.Linear)).clone()
                found.append((layer_name, index, mean, layer))

        return hook

    try:
        for layer_name, layer in module.named_modules():
            if is_linear(layer):
                handles.append(layer.register_forward_hook(watch(layer_name)))
        with torch.no_grad():
            output = first_tensor(module(batch))
    except (RuntimeError, ValueError, TypeError, AssertionError, IndexError) as error:
        shape = tuple(batch.shape)
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{name} fails on a batch of shape {shape}: {reason} (see --preprocess)") from error
    finally:
        for handle in handles:
            handle.remove()
    if output is None or output.shape[0] != batch.shape[0] or output.ndim > 2:
        shape_found = "no tensor" if output is None else f"shape {tuple(output.shape)}"
        raise ModelError(f"{name} returns {shape_found}; expected (B, C) logits of a classifier")
    output = output.reshape(batch.shape[0], -1).float()
    if not output.isfinite().all():
        raise ModelError(f"{name} returns values that are not finite on a probe: are these its weights?")
    for layer_name, index, mean, layer in reversed(found):
        weight, bias = linear_weights(layer)
        logits = mean.float() @ weight.T + bias
        if logits.shape == output.shape and any(is_close(end(logits), output) for end in _ENDS):
            return HeadLayer(layer_name, index), mean.float()
    if not found:
        raise ModelError(f"{name} calls no linear layer, so it has no channels to put into words")
    last = found[-1][0]
    raise ModelError(
        f"no linear layer of {name} alone gives its output (the last one called is '{last}'): give a factory whose "
        "model returns the output of one linear layer"
    )


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


#: What may follow the head: nothing, or a function that leaves the order of the classes as it is.
_ENDS = (lambda x: x, lambda x: x.softmax(1), lambda x: x.log_softmax(1), torch.sigmoid)
