"""Channels, logits and maps of a classifier (method.md, section 1).

For GAP + linear heads the map of y = g . a is the closed form sum_j g_j A_j, which is the class activation map of
Zhou et al. (arXiv:1512.04150) where g is the head's row. For every other head it is gradient x activation, element by
element, at the target layer (HiResCAM, arXiv:2011.08891), with the gradient taken through what follows that layer only.
Where a layer normalisation follows, gradient x activation is almost 0 in sum (the normalisation does not feel the scale
of its input), so the mean over the places is taken off the activation first. The other variants that a user may ask for
are weights of their own (:mod:`auditor.models.map_methods`, :mod:`auditor.models.score_cam`).

Limits of the gradient form: it is a first-order statement and does not add up to the response; class-token transformers
are mapped at the input of their last block, so what earlier blocks mixed into a token is shown at that token; gradients
are not averaged over places, because for transformers that was measured to lose most of the signal (docs/models.md).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from auditor.errors import ModelError
from auditor.models.classifier import Classifier
from auditor.models.device_memory import in_parts
from auditor.models.head import channels_of
from auditor.models.map_methods import CENTRED, GRADIENT_WEIGHTS
from auditor.models.outputs import output_tables
from auditor.models.score_cam import score_weights
from auditor.models.trace import RECTIFIERS, pooled, tensors_in, with_tensors
from auditor.models.user_code import call_model
from auditor.records import FloatArray, LinearHead
from auditor.wording import quote

#: What to do where a module runs other layers for some pictures than for others.
_EVERY_BATCH = "expected every batch to pass the same layers: take out of forward what depends on the pictures"


class NoPathError(ModelError):
    """The head does not depend on the values of the target layer."""


@dataclass(slots=True)
class _Seen:
    """What the hooks of one forward pass picked up."""

    parts: dict[int, Tensor] = field(default_factory=dict)  # (B, K') by place among the head's parts
    logits: Tensor | None = None  # (B, C) of the head's one layer
    target: Tensor | None = None  # as the target layer gave it
    leaf: Tensor | None = None  # what stood in its place, where the gradient is taken


def forward(classifier: Classifier, batch: Tensor) -> tuple[FloatArray, FloatArray]:
    """Run a batch through the classifier.

    Args:
        classifier: The model under audit; its mode and hooks are as before afterwards, whatever happens.
        batch: (B, 3, H, W), preprocessed.

    Returns:
        The channels (B, K) and the logits (B, C), where ``logits = activations @ weight.T + bias`` if the classifier
        is exact.

    Raises:
        ModelError: the model does not call its head for this batch.
    """
    activations, logits = in_parts(
        classifier.module, "features", len(batch), lambda part: _forward(classifier, batch[part])
    )
    return activations, logits


def _forward(classifier: Classifier, batch: Tensor) -> tuple[FloatArray, FloatArray]:
    with _prepared(classifier), torch.inference_mode(), _watching(classifier, target=False) as seen:
        returned = call_model(classifier.module, _on_device(classifier, batch), classifier.spec)
        activations, logits = _head_values(classifier, seen, returned)
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
        The channels (B, K), the logits (B, C) and the maps (B, h, w).

    Raises:
        ModelError: the model does not call its head, or its target layer, for this batch.
    """
    activations, logits, maps = in_parts(
        classifier.module,
        "features",
        len(batch),
        lambda part: _forward_with_maps(classifier, batch[part], class_weights),
    )
    return activations, logits, maps


def _forward_with_maps(
    classifier: Classifier, batch: Tensor, class_weights: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    with _prepared(classifier), torch.inference_mode(), _watching(classifier, target=True) as seen:
        returned = call_model(classifier.module, _on_device(classifier, batch), classifier.spec)
        activations, logits = _head_values(classifier, seen, returned)
        values = _target_values(classifier, seen)
        weights = torch.from_numpy(np.ascontiguousarray(class_weights, np.float32)).to(classifier.device)
        maps = _closed_form(classifier, values, weights[logits.argmax(dim=1)][:, None])[:, 0]
        return activations.float().cpu().numpy(), logits.float().cpu().numpy(), maps.float().cpu().numpy()


def forward_outputs_with_maps(
    classifier: Classifier, batch: Tensor, heads: Sequence[LinearHead]
) -> tuple[FloatArray, list[tuple[FloatArray, FloatArray]]]:
    """:func:`forward_with_maps` of several outputs of one module, each with a head of two classes, in one pass.

    Args:
        classifier: Any of the outputs' classifiers; its map is the closed form.
        batch: (B, 3, H, W), preprocessed.
        heads: Of the outputs, (2, K) and (2,), rows -w/2 and w/2.

    Returns:
        The channels (B, K), and by output logits (B, 2) and maps (B, h, w) of the class that each picture is called.

    Raises:
        ModelError: as :func:`forward_with_maps`.
    """
    channels, *of_heads = in_parts(
        classifier.module,
        "features",
        len(batch),
        lambda part: _forward_outputs_with_maps(classifier, batch[part], heads),
    )
    return channels, list(zip(of_heads[::2], of_heads[1::2], strict=True))


def _forward_outputs_with_maps(
    classifier: Classifier, batch: Tensor, heads: Sequence[LinearHead]
) -> tuple[FloatArray, ...]:
    """The channels, and by output logits and maps."""
    with _prepared(classifier), torch.inference_mode(), _watching(classifier, target=True) as seen:
        call_model(classifier.module, _on_device(classifier, batch), classifier.spec)
        channels, values = _channels(classifier, seen), _target_values(classifier, seen)
        found: list[FloatArray] = []
        for head in heads:  # one by one: the maps of all at once may not fit into memory
            weight, bias = (torch.from_numpy(part).to(channels) for part in (head.weight, head.bias))
            logits = channels @ weight.T + bias
            maps = _closed_form(classifier, values, weight[logits.argmax(dim=1)][:, None])[:, 0]
            found += [logits.float().cpu().numpy(), maps.float().cpu().numpy()]
        return channels.float().cpu().numpy(), *found


def two_classes(logits: Tensor) -> Tensor:
    """(n, 1) values of the one class as (n, 2) of the two that it stands for: -z/2 and z/2."""
    return torch.cat([-logits, logits], dim=1) / 2


def response_maps(classifier: Classifier, batch: Tensor, channel_weights: FloatArray) -> FloatArray:
    """Draw where the response y_p = sum_j g_pj a_j comes from, for P weightings of the channels of each picture.

    Args:
        classifier: The model under audit.
        batch: (B, 3, H, W), preprocessed.
        channel_weights: (B, P, K); the head's row gives the map of its class, the row masked to some channels the
            part of them. Maps are linear in these weights, so parts add up to the whole; those of "grad_cam_pp",
            "layer_cam" and "score_cam" are not.

    Returns:
        (B, P, h, w) float32, not normalised. In the closed form the mean over the places is y_p; in the gradient forms
        it has that scale; that of "grad_cam_pp" and "score_cam" means nothing.

    Raises:
        ModelError: the weights have another shape, or the target layer does not lead to the head.
    """
    n_channels = classifier.head.weight.shape[1]
    if channel_weights.ndim != 3 or channel_weights.shape[::2] != (batch.shape[0], n_channels):
        raise ModelError(
            f"channel weights {channel_weights.shape} for {batch.shape[0]} pictures: expected "
            f"({batch.shape[0]}, P, {n_channels})"
        )
    (maps,) = in_parts(
        classifier.module,
        "maps",
        len(batch),
        lambda part: (_response_maps(classifier, batch[part], channel_weights[part]),),
    )
    return maps


def _response_maps(classifier: Classifier, batch: Tensor, channel_weights: FloatArray) -> FloatArray:
    weights = torch.from_numpy(np.ascontiguousarray(channel_weights, np.float32)).to(classifier.device)
    images = _on_device(classifier, batch)
    # Autograd watches only what follows the target: nothing before it asks for a gradient.
    by_gradient = classifier.target.method in GRADIENT_WEIGHTS
    with _prepared(classifier), torch.set_grad_enabled(by_gradient), _watching(classifier, target=True) as seen:
        call_model(classifier.module, images, classifier.spec)
        values = _target_values(classifier, seen)
        if by_gradient:
            maps = _gradient_form(classifier, seen, values, weights)
        elif classifier.target.method == "cam":
            maps = _closed_form(classifier, values, weights)
        else:
            maps = _score_form(classifier, images, _as_places(classifier, values.float()), weights)
        drawn: FloatArray = maps.detach().float().cpu().numpy()
        return drawn


def _closed_form(classifier: Classifier, values: Tensor, weights: Tensor) -> Tensor:
    """(B, P, h, w) of sum_j g_j A_j; summed directly, so that it equals torchcam's CAM to rounding."""
    rectified = RECTIFIERS[classifier.target.rectifier](values).float()
    if classifier.target.layout == "channels_last":
        rectified = rectified.movedim(3, 1)
    return torch.einsum("bpk,bkhw->bphw", weights, rectified)


def _gradient_form(classifier: Classifier, seen: _Seen, values: Tensor, weights: Tensor) -> Tensor:
    """(B, P, h, w) of features weighted by what the method makes of the gradient, summed over those of a place."""
    activations = _channels(classifier, seen)
    features = _features(classifier, values.detach().float())
    if classifier.target.method in CENTRED:
        features = features - features.mean((2, 3), keepdim=True)
    leaf = values if seen.leaf is None else seen.leaf
    n_places = features.shape[2] * features.shape[3]
    weigh = GRADIENT_WEIGHTS[classifier.target.method]
    # Pictures do not meet in evaluation mode, so one backward pass serves the whole batch.
    responses = torch.einsum("bpk,bk->p", weights, activations.float())
    maps = []
    for idx, response in enumerate(responses):
        try:
            (gradient,) = torch.autograd.grad(response, leaf, retain_graph=idx + 1 < len(responses))
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise NoPathError(
                f"layer '{classifier.target_layer}' of {classifier.spec} does not lead to the head "
                f"'{classifier.head_layer}' by a differentiable path (set --target-layer)"
            ) from error
        weighted = weigh(features, _features(classifier, gradient.float())) * features
        maps.append(weighted.sum(1) * n_places)
    return torch.stack(maps, 1) if maps else features.new_zeros((features.shape[0], 0, *features.shape[2:]))


def _halfway(classifier: Classifier, values: Tensor) -> Tensor:
    """The values halfway to their mean over the places, in the target's layout; tokens before the places stay."""
    target = classifier.target
    dims = {"channels_first": (2, 3), "channels_last": (1, 2), "tokens": (1,), "tokens_first": (0,)}[target.layout]
    if target.layout not in ("tokens", "tokens_first"):
        return (values + values.mean(dims, keepdim=True)) / 2
    before, places = values.tensor_split([target.n_prefix], dim=dims[0])
    return torch.cat([before, (places + places.mean(dims, keepdim=True)) / 2], dim=dims[0])


def _score_form(classifier: Classifier, images: Tensor, features: Tensor, weights: Tensor) -> Tensor:
    """(B, P, h, w) of features weighted by what the model makes of the picture seen through them."""

    def respond(picture: int, batch: Tensor) -> Tensor:
        return torch.from_numpy(forward(classifier, batch)[0]).to(weights) @ weights[picture].T

    return torch.stack(
        [
            torch.einsum("pf,fhw->phw", score_weights(of_one, image, partial(respond, picture)), of_one)
            for picture, (image, of_one) in enumerate(zip(images, features, strict=True))
        ]
    )


def _features(classifier: Classifier, values: Tensor) -> Tensor:
    """(B, F, h, w) that are weighted; of what attention asks for, compares and passes on in one, what it passes on."""
    places = _as_places(classifier, values)
    layer = classifier.module.get_submodule(classifier.target.layer)
    if classifier.target.method != "attention_value" or not isinstance(layer, nn.Linear):
        return places
    whole = layer.out_features == 3 * layer.in_features
    return places[:, -layer.in_features :] if whole else places


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


def _channels(classifier: Classifier, seen: _Seen) -> Tensor:
    """(B, K) that the head gets."""
    if len(seen.parts) < len(classifier.head_parts):
        raise ModelError(
            f"{classifier.spec} did not call its head '{classifier.head_layer}' for this batch; {_EVERY_BATCH}"
        )
    return channels_of([seen.parts[at] for at in range(len(seen.parts))], classifier.unit)


def _head_values(classifier: Classifier, seen: _Seen, returned: Any) -> tuple[Tensor, Tensor]:
    """Channels (B, K) and logits (B, C), of two classes where the module gives one logit."""
    channels = _channels(classifier, seen)
    if classifier.logits == "fold":
        weight, bias = (torch.from_numpy(part).to(channels) for part in (classifier.head.weight, classifier.head.bias))
        return channels, channels @ weight.T + bias
    logits = seen.logits
    if classifier.logits == "model":
        logits = output_tables(returned, len(channels)).get(classifier.output)
    if logits is None:
        raise ModelError(
            f"{classifier.spec} did not return its output {quote(classifier.output)} for this batch; {_EVERY_BATCH}"
        )
    return channels, two_classes(logits) if classifier.one_logit else logits


def _target_values(classifier: Classifier, seen: _Seen) -> Tensor:
    if seen.target is None:
        raise ModelError(
            f"layer '{classifier.target_layer}' of {classifier.spec} did not run for this batch; {_EVERY_BATCH}"
        )
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
    """Hooks that pick up the channels, the logits and, where wanted, the values of the target layer."""
    seen = _Seen()

    def take(value: Any) -> Any:
        """Keep the target's values; with autograd on, put a leaf in their place."""
        tensors = tensors_in(value)
        if classifier.target.part >= len(tensors):
            return value
        tensor = tensors[classifier.target.part]
        if not torch.is_grad_enabled():
            seen.target = tensor.clone()  # what follows may work in place
            return value
        seen.target = tensor.detach()
        halfway = classifier.target.method == "integrated_gradient"
        seen.leaf = (_halfway(classifier, seen.target) if halfway else seen.target).requires_grad_()
        tensors[classifier.target.part] = seen.leaf.clone()
        return with_tensors(value, tensors)

    with ExitStack() as stack:
        for at, part in enumerate(classifier.head_parts):
            layer = classifier.module.get_submodule(part.layer)
            last = isinstance(layer, nn.Linear)
            stack.enter_context(_on_call(layer, part.call, part.side, partial(_keep_channels, seen, at, last)))
            if classifier.logits == "layer":
                stack.enter_context(_on_call(layer, part.call, "output", partial(_keep_logits, seen, last)))
        if target:
            stack.enter_context(at_target(classifier, take))
        yield seen


def _keep_channels(seen: _Seen, at: int, last: bool, given: Any) -> Any:
    seen.parts[at] = pooled(tensors_in(given)[0], last).clone()
    return given


def _keep_logits(seen: _Seen, last: bool, returned: Any) -> Any:
    seen.logits = pooled(returned, last).clone()
    return returned


@contextmanager
def at_target(classifier: Classifier, change: Callable[[Any], Any]) -> Iterator[None]:
    """Inside, ``change`` gets what the target layer takes (arguments, keywords) or returns, and gives what counts."""
    target = classifier.target
    with _on_call(classifier.module.get_submodule(target.layer), target.call, target.side, change):
        yield


@contextmanager
def _on_call(
    layer: nn.Module, call: int, side: Literal["input", "output"], change: Callable[[Any], Any]
) -> Iterator[None]:
    """Inside, ``change`` is asked on one of the calls of a layer, counted from 0 in the pass."""
    calls = itertools.count()

    def of_input(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return change((args, kwargs)) if next(calls) == call else None

    def of_output(_: nn.Module, __: tuple[Any, ...], output: Any) -> Any:
        return change(output) if next(calls) == call else None

    if side == "input":
        handle = layer.register_forward_pre_hook(of_input, with_kwargs=True)
    else:
        handle = layer.register_forward_hook(of_output)
    try:
        yield
    finally:
        handle.remove()
