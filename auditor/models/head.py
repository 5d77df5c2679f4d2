"""Find the linear head, whose inputs are the channels, among the layers that really run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auditor.errors import ModelError
from auditor.models.outputs import output_tables, shapes_of
from auditor.models.trace import is_close, pooled
from auditor.models.user_code import call_model, users_code
from auditor.wording import nearest, quote


@dataclass(frozen=True, slots=True)
class HeadLayer:
    """The linear layer (or 1 x 1 convolution) that gives the logits, and which of its calls does.

    ``output`` is the name of the output that it gives, empty where the model returns one tensor; ``notice`` says which
    of several outputs was taken.
    """

    layer: str
    call: int
    output: str = ""
    notice: str | None = None


def find_head(
    module: nn.Module, batch: Tensor, name: str, *, wanted: str | None = None, n_classes: int | None = None
) -> tuple[HeadLayer, Tensor]:
    """Find the last linear layer whose output is what the model returns (up to softmax or sigmoid).

    Of several outputs the one called "logits" counts, else the one that a linear layer gives, else of several such
    the one with ``n_classes`` columns.

    Args:
        module: In evaluation mode.
        batch: (B, 3, H, W) probe.
        name: Of the model, for errors.
        wanted: Name of the output that holds the classes, where the model returns several.
        n_classes: Classes that there should be, where something says so; one column counts as two.

    Returns:
        The head, and its input for the probe, (B, K) float32. A 1 x 1 convolution that runs on the map before pooling
        counts with the mean of its input over the places: both are linear, so their order does not matter.

    Raises:
        ModelError: no linear layer gives the output, the output is no (B, C) table of finite numbers, or several
            outputs could be meant.
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
            returned = call_model(module, batch, name)
    finally:
        for handle in handles:
            handle.remove()
    with users_code(f"what model {name} returns", "return the logits as one tensor (B, C)"):
        outputs = output_tables(returned, batch.shape[0])
    if not outputs:
        raise ModelError(
            f"model {name} returns {shapes_of(returned)} for {batch.shape[0]} pictures; expected (B, C) logits of a "
            "classifier: return them from forward"
        )
    considered = {output: outputs[output] for output in _considered(outputs, wanted, name)}
    finite = {output: values for output, values in considered.items() if values.isfinite().all()}
    if not finite:
        raise ModelError(f"{name} returns values that are not finite on a probe: are these its weights?")
    heads: dict[str, tuple[HeadLayer, Tensor]] = {}
    for output, logits_wanted in finite.items():
        for layer_name, index, mean, layer in reversed(found):
            weight, bias = linear_weights(layer)
            logits = mean.float() @ weight.T + bias
            if logits.shape == logits_wanted.shape and any(is_close(end(logits), logits_wanted) for end in _ENDS):
                heads[output] = HeadLayer(layer_name, index, output), mean.float()
                break
    if heads:
        chosen = _chosen(heads, finite, n_classes, name)
        head, head_input = heads[chosen]
        if wanted is None and len(outputs) > 1:
            notice = f"{name} returns {_listed(outputs)}; {quote(chosen)} was taken for the classes"
            head = HeadLayer(head.layer, head.call, chosen, f"{notice}; if that is wrong, {_SAY_WHICH}")
        return head, head_input
    if not found:
        raise ModelError(
            f"{name} calls no linear layer, so it has no channels to put into words; expected one at its end"
        )
    last = found[-1][0]
    raise ModelError(
        f"no linear layer of {name} alone gives its output (the last one called is '{last}'): give a factory whose "
        "model returns the output of one linear layer"
    )


_SAY_WHICH = "say which one with --model-output NAME"


def _considered(outputs: Mapping[str, Tensor], wanted: str | None, name: str) -> list[str]:
    """Names of the outputs that may hold the classes."""
    if wanted is None:
        return ["logits"] if "logits" in outputs else list(outputs)
    if wanted in outputs:
        return [wanted]
    if list(outputs) == [""]:
        raise ModelError(f"{name} returns one tensor, which has no name: leave out --model-output {quote(wanted)}")
    close = nearest(wanted, outputs)
    hint = f"; did you mean {quote(close)}?" if close else ""
    raise ModelError(f"{name} returns no output {quote(wanted)}; expected one of {_listed(outputs)}{hint}")


def _chosen(
    heads: Mapping[str, tuple[HeadLayer, Tensor]], outputs: Mapping[str, Tensor], n_classes: int | None, name: str
) -> str:
    """The output that is meant: of those with as many classes as there should be, where some have."""
    sizes = {n_classes, 1} if n_classes == 2 else {n_classes}
    right = [output for output in heads if outputs[output].shape[1] in sizes] or list(heads)
    # logits and their softmax are one thing
    if len({(heads[output][0].layer, heads[output][0].call) for output in right}) > 1:
        listed = _listed({output: outputs[output] for output in right})
        raise ModelError(f"{name} returns {len(right)} outputs that may be the classes: {listed}; {_SAY_WHICH}")
    return right[0]


def _listed(outputs: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{quote(output)} with {values.shape[1]} columns" for output, values in outputs.items())


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
