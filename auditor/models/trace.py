"""Watch the calls of a forward pass: which layers really run, in which order, and what leads to what.

Names and registration order say little about a network: heads hang about unused, one activation module serves many
places, pooling is a function. So a probe batch is sent through, and layers are recognised by their values.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auditor.models.user_code import call_model

#: Activation functions that a network may apply between its last layer and functional pooling.
RECTIFIERS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": nn.functional.relu,
    "relu6": nn.functional.relu6,
    "silu": nn.functional.silu,
    "gelu": nn.functional.gelu,
    "hardswish": nn.functional.hardswish,
}


@dataclass(frozen=True, slots=True)
class Pooled:
    """Values whose mean over the places is the head's input, once the named function is applied."""

    rectifier: str
    channels_last: bool


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one module in a forward pass.

    A call that takes or returns several tensors stands once for each place among them: ``part`` counts those places.
    ``index`` counts the calls of this module from 0, ``start`` and ``end`` order all calls by their begin and end.
    ``producer`` is the name, index and part of the call that returned this input; None where a function came between.
    ``same_as_inner`` says that the output is the very tensor that the call before returned. ``output_pooled`` and
    ``input_pooled`` say how output and input pool to the head's input, None where they do not.
    """

    name: str
    index: int
    part: int
    module: nn.Module
    start: int
    end: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    producer: tuple[str, int, int] | None
    same_as_inner: bool
    output_pooled: Pooled | None
    input_pooled: Pooled | None

    @property
    def is_leaf(self) -> bool:
        """Whether the module has no children."""
        return next(self.module.children(), None) is None


def first_tensor(value: Any) -> Tensor | None:
    """The tensor that matters in what a module takes or returns: itself, its logits, or the first of several."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Mapping):
        value = value.get("logits", next(iter(value.values()), None))
        return first_tensor(value)
    if isinstance(value, list | tuple):
        return first_tensor(value[0]) if value else None
    logits = getattr(value, "logits", None)
    return logits if isinstance(logits, Tensor) else None


def tensors_in(value: Any) -> list[Tensor]:
    """Every tensor in what a module takes or returns, in order: in tuples, lists, mappings and dataclasses too."""
    if isinstance(value, Tensor):
        return [value]
    return [tensor for part in _parts(value) for tensor in tensors_in(part)]


def with_tensors(value: Any, new: Sequence[Tensor]) -> Any:
    """``value`` with its tensors, in the order of :func:`tensors_in`, replaced by ``new``; ``value`` stays as it is."""
    return _with_tensors(value, iter(new))


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    return []


def _with_tensors(value: Any, new: Iterator[Tensor]) -> Any:
    if isinstance(value, Tensor):
        return next(new)
    parts = [_with_tensors(part, new) for part in _parts(value)]
    if not parts:
        return value
    if isinstance(value, tuple):
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return parts
    twin = copy.copy(value)  # outputs of transformers are dictionaries and dataclasses in one
    if isinstance(value, MutableMapping | dict):
        for key, part in zip(value, parts, strict=True):
            twin[key] = part
    else:
        for field, part in zip(dataclasses.fields(value), parts, strict=True):
            object.__setattr__(twin, field.name, part)
    return twin


def pooled(values: Tensor, last: bool = False) -> Tensor:
    """(B, K) mean over all places of (B, K, ...), or of (B, ..., K) where ``last``."""
    if values.ndim == 2:
        return values
    return values.mean(tuple(range(1, values.ndim - 1))) if last else values.flatten(2).mean(2)


def is_close(found: Tensor, wanted: Tensor) -> bool:
    """Equal up to rounding at the scale of ``wanted``."""
    if found.shape != wanted.shape:
        return False
    tolerance = 1e-4 * float(wanted.abs().max()) + 1e-7
    return bool((found.double() - wanted.double()).abs().max() <= tolerance)


def trace_calls(module: nn.Module, batch: Tensor, head_input: Tensor, model: str) -> list[Call]:
    """Run ``batch`` through ``module`` and describe every call of every layer, in the order in which calls end.

    Args:
        module: In evaluation mode.
        batch: (B, 3, H, W).
        head_input: (B, K), what the head gets for this batch: what pools to it is marked.
        model: Its name, for errors.
    """
    calls: list[Call] = []
    counts: dict[str, int] = {}
    open_calls: list[tuple[str, int, int, list[_Seen]]] = []
    clock = itertools.count()
    # Held, so that no other tensor can get its place in memory while it is compared by identity.
    newest: tuple[list[Tensor], str, int] = [], "", 0

    def begin(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            index = counts.get(name, 0)
            counts[name] = index + 1
            seen = [_see(value, newest, head_input) for value in tensors_in((args, kwargs))]
            open_calls.append((name, index, next(clock), seen))

        return hook

    def end(layer: nn.Module, _: tuple[Any, ...], output: Any) -> None:
        nonlocal newest
        name, index, start, given = open_calls.pop()
        returned = tensors_in(output)
        gave = [_see(value, newest, head_input) for value in returned]
        ended = next(clock)
        for part in range(max(1, len(given), len(gave))):
            taken = given[part] if part < len(given) else _Seen()
            given_back = gave[part] if part < len(gave) else _Seen()
            calls.append(
                Call(
                    name=name,
                    index=index,
                    part=part,
                    module=layer,
                    start=start,
                    end=ended,
                    input_shape=taken.shape,
                    output_shape=given_back.shape,
                    producer=taken.producer,
                    same_as_inner=given_back.producer is not None,
                    output_pooled=given_back.pooled,
                    input_pooled=taken.pooled,
                )
            )
        if returned:
            newest = returned, name, index

    with _hooks() as handles, torch.no_grad():
        for name, layer in module.named_modules():
            if name:
                handles.append(layer.register_forward_pre_hook(begin(name), with_kwargs=True))
                handles.append(layer.register_forward_hook(end))
        call_model(module, batch, model)
    return calls


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of a tensor: its shape, the call that returned it just before, and how it pools."""

    shape: tuple[int, ...] = ()
    producer: tuple[str, int, int] | None = None
    pooled: Pooled | None = None


def _see(value: Tensor, newest: tuple[list[Tensor], str, int], head_input: Tensor) -> _Seen:
    tensors, name, index = newest
    part = next((part for part, tensor in enumerate(tensors) if tensor is value), None)
    return _Seen(tuple(value.shape), None if part is None else (name, index, part), _pools_to(value, head_input))


def _pools_to(values: Tensor, head_input: Tensor) -> Pooled | None:
    """How (B, K, H, W) or (B, H, W, K) pools to the head's input."""
    if values.ndim != 4 or values.shape[0] != head_input.shape[0]:
        return None
    for last in (False, True):
        if values.shape[3 if last else 1] != head_input.shape[1]:
            continue
        for name, rectifier in RECTIFIERS.items():
            if is_close(pooled(rectifier(values), last), head_input):
                return Pooled(name, last)
    return None


@contextmanager
def _hooks() -> Iterator[list[torch.utils.hooks.RemovableHandle]]:
    """A list of hook handles, all removed at the end."""
    handles: list[torch.utils.hooks.RemovableHandle] = []
    try:
        yield handles
    finally:
        for handle in handles:
            handle.remove()
