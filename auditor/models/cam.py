"""Channels, logits and maps of a classifier (method.md, section 1).

For GAP + linear heads the map of y = g . a is the closed form sum_j g_j A_j, which is the class activation map of
Zhou et al. (arXiv:1512.04150) where g is the head's row. For every other head it is gradient x activation, element by
element, at the target layer (HiResCAM, arXiv:2011.08891), with the gradient taken through what follows that layer only.
Where a layer normalisation follows, gradient x activation is almost 0 in sum (the normalisation does not feel the scale
of its input), so the mean over the places is taken off the activation first.

Limits of the gradient form: it is a first-order statement and does not add up to the response; class-token transformers
are mapped at the input of their last block, so what earlier blocks mixed into a token is shown at that token; gradients
are not averaged over places, because for transformers that was measured to lose most of the signal (docs/models.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auditor.errors import ModelError
from auditor.models.classifier import Classifier
from auditor.models.trace import RECTIFIERS, first_tensor, pooled
from auditor.models.user_code import call_model
from auditor.records import FloatArray


@dataclass(slots=True)
class _Seen:
    """What the hooks of one forward pass picked up."""

    head_input: Tensor | None = None  # (B, K)
    logits: Tensor | None = None  # (B, C)
    target: Tensor | None = None  # as the target layer gave it
    counts: dict[str, int] = field(default_factory=dict)


def forward(classifier: Classifier, batch: Tensor) -> tuple[FloatArray, FloatArray]:
    """Run a batch through the classifier.

    Args:
        classifier: The model under audit; its mode and hooks are as before afterwards, whatever happens.
        batch: (B, 3, H, W), preprocessed.

    Returns:
        The head's inputs (B, K) and the logits (B, C), where ``logits = activations @ weight.T + bias``.

    Raises:
        ModelError: the model does not call its head for this batch.
    """
    with _prepared(classifier), torch.inference_mode(), _watching(classifier, target=False) as seen:
        call_model(classifier.module, _on_device(classifier, batch), classifier.spec)
        activations, logits = _head_values(classifier, seen)
        if classifier.one_logit:
            logits = two_classes(logits)
        return activations.float().cpu().numpy(), logits.float().cpu().numpy()


def forward_with_maps(
    classifier: Classifier, batch: Tensor, class_weights: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """:func:`forward`, and where the evidence for the class lies that each picture is called, in the same pass.

    Only for models whose maps are the closed form (``classifier.target.method`` is "cam").

    Args:
        classifier: The model under audit.
        batch: (B, 3, H, W), preprocessed.
        class_weights: (C, K) by which the channels' maps are summed.

    Returns:
        The head's inputs (B, K), the logits (B, C) and the maps (B, h, w).

    Raises:
        ModelError: the model does not call its head, or its target layer, for this batch.
    """
    with _prepared(classifier), torch.inference_mode(), _watching(classifier, target=True) as seen:
        call_model(classifier.module, _on_device(classifier, batch), classifier.spec)
        activations, logits = _head_values(classifier, seen)
        if classifier.one_logit:
            logits = two_classes(logits)
        values = _target_values(classifier, seen)
        weights = torch.from_numpy(np.ascontiguousarray(class_weights, np.float32)).to(classifier.device)
        maps = _closed_form(classifier, values, weights[logits.argmax(dim=1)][:, None])[:, 0]
        return activations.float().cpu().numpy(), logits.float().cpu().numpy(), maps.float().cpu().numpy()


def two_classes(logits: Tensor) -> Tensor:
    """(n, 1) values of the one class as (n, 2) of the two that it stands for: -z/2 and z/2."""
    return torch.cat([-logits, logits], dim=1) / 2


def response_maps(classifier: Classifier, batch: Tensor, channel_weights: FloatArray) -> FloatArray:
    """Draw where the response y_p = sum_j g_pj a_j comes from, for P weightings of the channels of each picture.

    Args:
        classifier: The model under audit.
        batch: (B, 3, H, W), preprocessed.
        channel_weights: (B, P, K); the head's row gives the map of its class, the row masked to some channels the
            part of them. Maps are linear in these weights, so parts add up to the whole.

    Returns:
        (B, P, h, w) float32, not normalised. In the closed form the mean over the places is y_p; in the gradient forms
        it has that scale.

    Raises:
        ModelError: the weights have another shape, or the target layer does not lead to the head.
    """
    n_channels = classifier.head.weight.shape[1]
    if channel_weights.ndim != 3 or channel_weights.shape[::2] != (batch.shape[0], n_channels):
        raise ModelError(
            f"channel weights {channel_weights.shape} for {batch.shape[0]} pictures: expected "
            f"({batch.shape[0]}, P, {n_channels})"
        )
    weights = torch.from_numpy(np.ascontiguousarray(channel_weights, np.float32)).to(classifier.device)
    images = _on_device(classifier, batch)
    # Autograd watches only what follows the target: nothing before it asks for a gradient.
    closed = classifier.target.method == "cam"
    with _prepared(classifier), torch.set_grad_enabled(not closed), _watching(classifier, target=True) as seen:
        call_model(classifier.module, images, classifier.spec)
        values = _target_values(classifier, seen)
        maps = (
            _closed_form(classifier, values, weights) if closed else _gradient_form(classifier, seen, values, weights)
        )
        return maps.detach().float().cpu().numpy()


def _closed_form(classifier: Classifier, values: Tensor, weights: Tensor) -> Tensor:
    """(B, P, h, w) of sum_j g_j A_j; summed directly, so that it equals torchcam's CAM to rounding."""
    rectified = RECTIFIERS[classifier.target.rectifier](values).float()
    if classifier.target.layout == "channels_last":
        rectified = rectified.movedim(3, 1)
    return torch.einsum("bpk,bkhw->bphw", weights, rectified)


def _gradient_form(classifier: Classifier, seen: _Seen, values: Tensor, weights: Tensor) -> Tensor:
    """(B, P, h, w) of gradient x (activation - its mean over the places), summed over the features of a place."""
    activations, _ = _head_values(classifier, seen)
    features = _as_places(classifier, values.detach().float())
    if classifier.target.method == "centred_gradient":
        features = features - features.mean((2, 3), keepdim=True)
    n_places = features.shape[2] * features.shape[3]
    # Pictures do not meet in evaluation mode, so one backward pass serves the whole batch.
    responses = torch.einsum("bpk,bk->p", weights, activations.float())
    maps = []
    for idx, response in enumerate(responses):
        try:
            (gradient,) = torch.autograd.grad(response, values, retain_graph=idx + 1 < len(responses))
        except RuntimeError as error:
            raise ModelError(
                f"layer '{classifier.target_layer}' of {classifier.spec} does not lead to the head "
                f"'{classifier.head_layer}' by a differentiable path (set --target-layer)"
            ) from error
        maps.append((_as_places(classifier, gradient.float()) * features).sum(1) * n_places)
    return torch.stack(maps, 1) if maps else features.new_zeros((features.shape[0], 0, *features.shape[2:]))


def _as_places(classifier: Classifier, values: Tensor) -> Tensor:
    """(B, F, h, w) of values in the target's layout."""
    target = classifier.target
    if target.layout == "channels_first":
        return values
    if target.layout == "channels_last":
        return values.movedim(3, 1)
    tokens = values.transpose(0, 1) if target.layout == "tokens_first" else values
    patches = tokens[:, target.n_prefix :]
    return patches.reshape(patches.shape[0], *target.grid, -1).movedim(3, 1)


def _on_device(classifier: Classifier, batch: Tensor) -> Tensor:
    layout = torch.channels_last if classifier.channels_last else torch.contiguous_format
    return batch.to(classifier.device).contiguous(memory_format=layout)


def _head_values(classifier: Classifier, seen: _Seen) -> tuple[Tensor, Tensor]:
    if seen.head_input is None or seen.logits is None:
        raise ModelError(f"{classifier.spec} did not call its head '{classifier.head_layer}' for this batch")
    return seen.head_input, seen.logits


def _target_values(classifier: Classifier, seen: _Seen) -> Tensor:
    if seen.target is None:
        raise ModelError(f"layer '{classifier.target_layer}' of {classifier.spec} did not run for this batch")
    return seen.target


@contextmanager
def _prepared(classifier: Classifier) -> Iterator[None]:
    """Evaluation mode and no gradients for parameters, both put back at the end."""
    modes = [(module, module.training) for module in classifier.module.modules()]
    wanting = [parameter for parameter in classifier.module.parameters() if parameter.requires_grad]
    try:
        classifier.module.eval()
        for parameter in wanting:
            parameter.requires_grad_(False)
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter in wanting:
            parameter.requires_grad_(True)


@contextmanager
def _watching(classifier: Classifier, *, target: bool) -> Iterator[_Seen]:
    """Hooks that pick up the head's input and output and, where wanted, the values of the target layer."""
    seen, handles = _Seen(), []
    head = classifier.module.get_submodule(classifier.head_layer)
    last = isinstance(head, nn.Linear)

    def of_head(_: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        if _turn(seen, "head") == classifier.head_call:
            seen.head_input, seen.logits = pooled(args[0], last).clone(), pooled(output, last).clone()

    def take(value: Any) -> Any:
        """Keep the target's values; with autograd on, put a leaf in their place."""
        if _turn(seen, "target") != classifier.target.call:
            return None
        tensor = first_tensor(value)
        if tensor is None:
            return None
        if not torch.is_grad_enabled():
            seen.target = tensor.clone()  # what follows may work in place
            return None
        seen.target = tensor.detach().requires_grad_()
        return _replaced(value, tensor, seen.target.clone())

    try:
        handles.append(head.register_forward_hook(of_head))
        if target:
            layer = classifier.module.get_submodule(classifier.target.layer)
            if classifier.target.side == "input":
                handles.append(layer.register_forward_pre_hook(lambda _, args: take(args)))
            else:
                handles.append(layer.register_forward_hook(lambda _, __, output: take(output)))
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _turn(seen: _Seen, what: str) -> int:
    """How often this was asked before in this pass."""
    seen.counts[what] = seen.counts.get(what, -1) + 1
    return seen.counts[what]


def _replaced(value: Any, old: Tensor, new: Tensor) -> Any:
    """``value`` with the tensor in it replaced."""
    if value is old:
        return new
    if isinstance(value, tuple | list):
        return type(value)(new if part is old else part for part in value)
    raise ModelError(f"the target layer returns a {type(value).__name__}: choose another one with --target-layer")
