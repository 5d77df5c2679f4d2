"""Find the linear head, whose inputs are the channels, among the layers that really run.

Most models end in one linear layer. Others add several up (distilled transformers), normalise between the channels and
that layer, scale what it gives, or bring the channels to length 1 first: all of these are one affine map of something,
and that map is the head. What is none is attributed to the first order, and called not exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from auditor.errors import ModelError
from auditor.figures import coefficient
from auditor.models.affine import is_fixed_norm, is_linear, linear_weights, measured_map, through_norm
from auditor.models.outputs import output_tables, shapes_of
from auditor.models.trace import is_close, pooled
from auditor.models.user_code import call_model, users_code
from auditor.wording import nearest, quote

#: Linear layers that may be added up.
_MOST_PARTS = 8
#: Least correlation over the classes of what a linear layer gives with what the model returns, for the first order.
_LIKE_THE_OUTPUT = 0.7
#: Of fewer classes on two pictures such a correlation is chance.
_FEWEST_CLASSES = 5


@dataclass(frozen=True, slots=True)
class HeadPart:
    """A layer whose input (or output) holds channels, and which of its calls."""

    layer: str
    call: int
    side: Literal["input", "output"] = "input"


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The affine map that gives the logits: ``logits = channels @ weight.T + bias``.

    Attributes:
        name: Of the layers that were folded into it, for the reader.
        parts: Layers whose inputs, side by side, are the channels.
        weight: (C, K) float32.
        bias: (C,) float32.
        unit: Whether the channels are brought to length 1 first.
        logits: Where logits are read: "layer" (the output of the one layer), "fold" (from the channels, by weight and
            bias) or "model" (what it returns: the map is not exact).
        output: Name of the output that it gives, empty where the model returns one tensor.
        notices: Which of several outputs was taken, and that the map is not exact.
    """

    name: str
    parts: tuple[HeadPart, ...]
    weight: Tensor
    bias: Tensor
    unit: bool = False
    logits: Literal["layer", "fold", "model"] = "layer"
    output: str = ""
    notices: tuple[str, ...] = ()

    def channels(self, inputs: Sequence[Tensor]) -> Tensor:
        """(B, K) channels of the inputs (B, K') of the parts."""
        return channels_of(inputs, self.unit)


def channels_of(inputs: Sequence[Tensor], unit: bool) -> Tensor:
    """(B, K) of the inputs (B, K') of a head's parts, at length 1 where ``unit``."""
    together = inputs[0] if len(inputs) == 1 else torch.cat(list(inputs), dim=1)
    return functional.normalize(together) if unit else together


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """One call of a layer: its input (B, K), the mean over the places, and its output where it is a table."""

    name: str
    index: int
    layer: nn.Module
    given: Tensor
    flat: bool  # whether it got a table
    returned: Tensor | None
    peak: Tensor | None  # (B, C): the largest over the places
    half: torch.dtype | None  # where it ran in half precision

    def logits(self) -> Tensor:
        """(B, C) of a linear layer on its input."""
        weight, bias = linear_weights(self.layer)
        return self.given @ weight.T + bias


def find_head(
    module: nn.Module, batch: Tensor, name: str, *, wanted: str | None = None, n_classes: int | None = None
) -> tuple[Head, Tensor]:
    """Find the affine map whose output is what the model returns (up to softmax or sigmoid).

    Of several outputs the one called "logits" counts, else the one that a head gives, else of several such
    the one with ``n_classes`` columns.

    Args:
        module: In evaluation mode.
        batch: (B, 3, H, W) probe.
        name: Of the model, for errors.
        wanted: Name of the output that holds the classes, where the model returns several.
        n_classes: Classes that there should be, where something says so; one column counts as two.

    Returns:
        The head, and the channels of the probe, (B, K) float32. A 1 x 1 convolution that runs on the map before pooling
        counts with the mean of its input over the places: both are linear, so their order does not matter.

    Raises:
        ModelError: no head gives the output, the output is no (B, C) table of finite numbers, or several
            outputs could be meant.
    """
    heard, outputs = _hear(module, batch, name)
    considered = {output: outputs[output] for output in _considered(outputs, wanted, name)}
    finite = {output: values for output, values in considered.items() if values.isfinite().all()}
    if not finite:
        raise ModelError(
            f"{name} returns values that are not finite on a probe; expected finite logits: see whether "
            "these are its weights"
        )
    # Of other pictures: what was fitted to the probe alone falls here.
    again, returned = _hear(module, 1.7 * batch.flip(0, 3) - 0.3, name)
    probes = {
        output: (_Probe(heard, values), _Probe(again, returned[output]))
        for output, values in finite.items()
        if output in returned
    }
    heads: dict[str, Head] = {}
    for kind in (
        _one_layer,
        _one_module,
        _sum_of_layers,
        partial(_one_matrix, module),
        partial(_first_order, name=name),
    ):
        found = {output: next(kind(*probe), None) for output, probe in probes.items()}
        heads = {output: head for output, head in found.items() if head is not None}
        if heads:
            break
    if not heads:
        raise ModelError(_why_none(heard, finite, name))
    chosen = _chosen(heads, finite, n_classes, name)
    head = heads[chosen]
    if wanted is None and len(outputs) > 1:
        notice = f"{name} returns {_listed(outputs)}; {quote(chosen)} was taken for the classes"
        head = replace(head, notices=(f"{notice}; if that is wrong, {_SAY_WHICH}", *head.notices))
    inputs = _inputs(head.parts, heard)
    return replace(head, output=chosen), head.channels(inputs)


def _hear(module: nn.Module, batch: Tensor, name: str) -> tuple[list[_Heard], dict[str, Tensor]]:
    """The calls of layers that may belong to a head, in the order in which they end, and the tables returned."""
    heard: list[_Heard] = []
    counts: dict[str, int] = {}
    handles = []

    def watch(layer_name: str) -> Any:
        def hook(layer: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            index = counts.get(layer_name, 0)
            counts[layer_name] = index + 1
            given = args[0].detach() if args and isinstance(args[0], Tensor) else None
            if given is None or given.ndim < 2 or given.shape[0] != batch.shape[0]:
                return
            gave = output.detach() if isinstance(output, Tensor) else None
            linear = is_linear(layer)
            if not linear and (gave is None or gave.ndim != 2):
                return
            last = isinstance(layer, nn.Linear)
            heard.append(
                _Heard(
                    layer_name,
                    index,
                    layer,
                    pooled(given, last).float().clone(),
                    given.ndim == 2,
                    gave.float().clone() if gave is not None and gave.ndim == 2 else None,
                    _peak(gave, last).float() if linear and gave is not None else None,
                    gave.dtype if gave is not None and gave.dtype in (torch.float16, torch.bfloat16) else None,
                )
            )

        return hook

    try:
        for layer_name, layer in module.named_modules():
            if layer_name:
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
    return heard, outputs


def _peak(values: Tensor, last: bool) -> Tensor:
    if values.ndim == 2:
        return values
    return values.amax(tuple(range(1, values.ndim - 1))) if last else values.flatten(2).amax(2)


@dataclass(frozen=True, slots=True, eq=False)
class _Probe:
    """What was heard of a pass, and the output (B, C) whose head is looked for."""

    heard: Sequence[_Heard]
    wanted: Tensor

    def call_of(self, other: _Heard) -> _Heard | None:
        """The call that another pass made of the same layer."""
        return next((call for call in self.heard if (call.name, call.index) == (other.name, other.index)), None)

    def is_given_by(self, head: Head) -> bool:
        inputs = _inputs(head.parts, self.heard)
        return len(inputs) == len(head.parts) and _ends_in(
            head.channels(inputs) @ head.weight.T + head.bias, self.wanted
        )


def _one_layer(probe: _Probe, again: _Probe) -> Iterator[Head]:
    for call in reversed(probe.heard):
        if is_linear(call.layer) and _ends_in(call.logits(), probe.wanted):
            head = _folded([call], [1.0], probe.heard)
            if again.is_given_by(head):
                yield head


def _one_module(probe: _Probe, again: _Probe) -> Iterator[Head]:
    """A module that is affine, the innermost first: what adapts a layer, cosine heads, linear layers of one's own."""
    for call in probe.heard:
        if is_linear(call.layer) or is_fixed_norm(call.layer) or call.returned is None or not call.flat:
            continue
        if torch.equal(call.given, call.returned):  # it passes on what it gets: a model without a classifier
            continue
        if _ends_in(call.returned, probe.wanted) and (found := measured_map(call.layer, call.given, call.returned)):
            weight, bias, unit = found
            head = Head(call.name, (HeadPart(call.name, call.index),), weight, bias, unit, "fold")
            if again.is_given_by(head):
                yield head


def _sum_of_layers(probe: _Probe, again: _Probe) -> Iterator[Head]:
    """The last linear layers with as many outputs, by factors that are fitted to both probes."""
    pairs = [(call, again.call_of(call)) for call in probe.heard if is_linear(call.layer)]
    parts = [
        (call, torch.cat([call.logits(), other.logits()]))
        for call, other in pairs
        if other is not None and call.logits().shape == probe.wanted.shape == other.logits().shape
    ][-_MOST_PARTS:]
    for target, centred in _undone(torch.cat([probe.wanted, again.wanted])):
        factors = _factors([logits for _, logits in parts], target, centred)
        used = [(call, factor) for (call, _), factor in zip(parts, factors, strict=True) if factor]
        if used:
            yield _folded([call for call, _ in used], [factor for _, factor in used], probe.heard)


def _one_matrix(module: nn.Module, probe: _Probe, again: _Probe) -> Iterator[Head]:
    """A matrix that no layer holds, on what a layer returns, at any scale: texts of a CLIP, rows of a cosine head."""
    n_classes = probe.wanted.shape[1]
    tables = [call for call in probe.heard if call.returned is not None and call.name][-_MOST_PARTS:]
    for matrix in _matrices(module):
        for rows in (matrix, matrix.T):
            for call in reversed(tables) if len(rows) == n_classes else ():
                other = again.call_of(call)
                if call.returned is None or other is None or other.returned is None:
                    continue
                if call.returned.shape[1] != rows.shape[1]:
                    continue
                for unit, weight in itertools.product((False, True), (rows, functional.normalize(rows))):
                    both = channels_of([torch.cat([call.returned, other.returned])], unit) @ weight.T
                    for target, centred in _undone(torch.cat([probe.wanted, again.wanted])):
                        (factor,) = _factors([both], target, centred)
                        if factor:
                            part = HeadPart(call.name, call.index, "output")
                            bias = weight.new_zeros(n_classes)
                            yield Head(f"matrix behind {call.name}", (part,), factor * weight, bias, unit, "fold")


def _matrices(module: nn.Module) -> Iterator[Tensor]:
    """Every matrix of every module: parameters, buffers, and tensors that are neither."""
    seen: set[int] = set()
    for layer in module.modules():
        for value in (*layer.parameters(recurse=False), *layer.buffers(recurse=False), *vars(layer).values()):
            if isinstance(value, Tensor) and value.ndim == 2 and value.is_floating_point() and id(value) not in seen:
                seen.add(id(value))
                yield value.detach().float()


def _ends_in(found: Tensor, wanted: Tensor) -> bool:
    return any(_same(end(found), wanted) for end in _ENDS)


def _same(found: Tensor, wanted: Tensor) -> bool:
    return found.shape == wanted.shape and is_close(found, wanted)


def _folded(calls: Sequence[_Heard], factors: Sequence[float], heard: Sequence[_Heard]) -> Head:
    """One head of the weighted sum of linear layers, through the fixed normalisations before them."""
    sources: list[_Heard] = []
    weights: list[Tensor] = []
    biases: list[Tensor] = []
    for call, factor in zip(calls, factors, strict=True):
        weight, bias = linear_weights(call.layer)
        source = call
        norms = [n for n in heard if is_fixed_norm(n.layer) and n.returned is not None]
        norm = next((n for n in reversed(norms) if torch.equal(n.returned, call.given)), None)  # type: ignore[arg-type]
        if norm is not None and is_fixed_norm(norm.layer):
            weight, bias = through_norm(norm.layer, weight, bias)
            source = norm
        weight = factor * weight
        biases.append(factor * bias)
        same = next((at for at, other in enumerate(sources) if torch.equal(other.given, source.given)), None)
        if same is None:
            sources.append(source)
            weights.append(weight)
        else:
            weights[same] = weights[same] + weight
    plain = len(calls) == 1 and sources[0] is calls[0] and factors[0] == 1
    return Head(
        name=" + ".join(call.name for call in calls),
        parts=tuple(HeadPart(source.name, source.index) for source in sources),
        weight=torch.cat(weights, dim=1),
        bias=torch.stack(biases).sum(0),
        logits="layer" if plain else "fold",
    )


def _undone(values: Tensor) -> Iterator[tuple[Tensor, bool]]:
    """What the values were before a softmax or sigmoid, and whether only up to a constant for each picture."""
    yield values, False
    if bool((values > 0).all() and (values < 1).all()):
        yield values.double().logit(), False
        yield values.double().log(), True
    yield values, True


def _factors(parts: Sequence[Tensor], target: Tensor, centred: bool) -> list[float]:
    """Factors by which the parts (B, C) add up to the target; zeros where they do not."""
    none = [0.0] * len(parts)
    if not parts or 2 * len(parts) > target.numel():
        return none
    columns = torch.stack([_centred(part.double(), centred).flatten() for part in parts], dim=1).cpu()
    wanted = _centred(target.double(), centred).flatten().cpu()
    solved = torch.linalg.lstsq(columns, wanted[:, None], driver="gelsd").solution[:, 0]
    factors = [_plain(float(factor)) if abs(factor) > 1e-4 * solved.abs().max() else 0.0 for factor in solved]
    found = columns @ torch.tensor(factors, dtype=torch.float64)
    return factors if wanted.abs().max() > 0 and is_close(found, wanted) else none


def _centred(values: Tensor, wanted: bool) -> Tensor:
    return values - values.mean(1, keepdim=True) if wanted else values


def _plain(factor: float) -> float:
    """The factor that was written in the code, where it is a plain fraction: rounding hides it."""
    fraction = Fraction(factor).limit_denominator(32)
    return float(fraction) if abs(float(fraction) - factor) < 1e-6 * abs(factor) else factor


def _inputs(parts: Sequence[HeadPart], heard: Sequence[_Heard]) -> list[Tensor]:
    calls = {(call.name, call.index): call for call in heard}
    found = [(part, calls.get((part.layer, part.call))) for part in parts]
    values = [(call.given if part.side == "input" else call.returned) if call else None for part, call in found]
    return [value for value in values if value is not None]


def _first_order(probe: _Probe, again: _Probe, name: str) -> Iterator[Head]:
    """The linear layer whose output is most like what the model returns, for both probes, where one is like it."""
    best, likeness = None, _LIKE_THE_OUTPUT
    if probe.wanted.shape[1] < _FEWEST_CLASSES:
        return
    for call in probe.heard:
        other = again.call_of(call)
        if other is None or call.half or not is_linear(call.layer) or call.logits().shape != probe.wanted.shape:
            continue
        found = min(_correlation(call.logits(), probe.wanted), _correlation(other.logits(), again.wanted))
        if found >= likeness:
            best, likeness = call, found
    if best is None:
        return
    notice = (
        f"what channels contribute is not exact: {name} does something after its last linear layer '{best.name}' that "
        f"is not linear (its logits correlate by {coefficient(likeness)} with that layer's); words, maps and what "
        "erasing a concept changes are of that layer, to the first order"
    )
    yield replace(_folded([best], [1.0], probe.heard), logits="model", notices=(notice,))


def _correlation(found: Tensor, wanted: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([found.flatten(), wanted.flatten()]).double())[0, 1])


def _why_none(heard: Sequence[_Heard], outputs: Mapping[str, Tensor], name: str) -> str:
    """Why no layer gives an output, and what to do."""
    linear = [call for call in heard if is_linear(call.layer)]
    if not linear:
        return f"{name} calls no linear layer, so it has no channels to put into words"
    half = next((call for call in linear if call.half is not None), None)
    if half is not None:
        kind = str(half.half).removeprefix("torch.")
        return (
            f"layer '{half.name}' of {name} runs in {kind}, where the logits cannot be told from its channels: take "
            "autocast out of its forward, or cast its weights to float32"
        )
    for wanted in outputs.values():
        like = [call for call in linear if call.logits().shape == wanted.shape]
        peak = next((call for call in like if call.peak is not None and _same(call.peak, wanted)), None)
        if peak is not None:
            return (
                f"{name} returns the maximum over the places of layer '{peak.name}', which is no sum over channels: "
                "give a factory whose model takes the mean instead, if it was trained so"
            )
        if len(like) > 1 and any(_factors([call.logits().softmax(1) for call in like[-_MOST_PARTS:]], wanted, False)):
            return (
                f"{name} averages the probabilities of {len(like)} heads, which is no sum over channels: give a "
                "factory whose model averages their logits"
            )
    return (
        f"no linear layer of {name} alone gives its output (the last one called is '{linear[-1].name}'), nor do "
        "several added up: something that is not linear follows it; give a factory whose model returns the output of "
        "one linear layer"
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


def _chosen(heads: Mapping[str, Head], outputs: Mapping[str, Tensor], n_classes: int | None, name: str) -> str:
    """The output that is meant: of those with as many classes as there should be, where some have."""
    sizes = {n_classes, 1} if n_classes == 2 else {n_classes}
    right = [output for output in heads if outputs[output].shape[1] in sizes] or list(heads)
    # logits and their softmax are one thing
    if len({(heads[output].name, heads[output].parts) for output in right}) > 1:
        listed = _listed({output: outputs[output] for output in right})
        raise ModelError(f"{name} returns {len(right)} outputs that may be the classes: {listed}; {_SAY_WHICH}")
    return right[0]


def _listed(outputs: Mapping[str, Tensor]) -> str:
    return ", ".join(f"{quote(output)} with {values.shape[1]} columns" for output, values in outputs.items())


#: What may follow the head: nothing, or a function that leaves the order of the classes as it is.
_ENDS = (lambda x: x, lambda x: x.softmax(1), lambda x: x.log_softmax(1), torch.sigmoid)
