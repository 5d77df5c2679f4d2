"""Find the layer that maps are drawn of, by what a traced probe shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor, nn

from auditor.errors import ModelError
from auditor.models.map_method_names import MapMethod
from auditor.models.trace import Call, Pooled, trace_calls
from auditor.wording import nearest

Layout = Literal["channels_first", "channels_last", "tokens", "tokens_first"]
#: Class, distillation and register tokens that stand before the patches.
_PREFIXES = (0, 1, 2, 5)
_MAX_PREFIX = 16
_PASSING = ("Identity", "Dropout", "Dropout2d", "DropPath")


@dataclass(frozen=True, slots=True)
class TargetLayer:
    """Where maps are drawn.

    Attributes:
        layer: Name of the module.
        call: Which of its calls, from 0 (an activation module may serve many places).
        part: Which of the tensors that it takes or returns, from 0.
        side: Whether its output or its input is meant.
        layout: (B, K, H, W), (B, H, W, K), tokens (B, T, D) or tokens (T, B, D).
        grid: (h, w) of the map.
        n_prefix: Tokens before the patches that are no place.
        rectifier: Function applied after the layer and before pooling, a key of ``trace.RECTIFIERS``.
        method: "cam" where the head's input is the mean of the values over the places.
    """

    layer: str
    call: int
    part: int
    side: Literal["output", "input"]
    layout: Layout
    grid: tuple[int, int]
    n_prefix: int
    rectifier: str
    method: MapMethod


def target_layers(
    module: nn.Module,
    batch: Tensor,
    head_input: Tensor,
    name: str,
    *,
    wanted: str | None = None,
    normalised: bool = False,
) -> Iterator[TargetLayer]:
    """Layers whose places may be mapped, the likeliest first; or the tensors of the one that is ``wanted``.

    The last call whose mean over places is the head's input comes first (closed form). Where a layer normalisation
    stands between, or no call pools to the head's input: the values before the final normalisation, the input of the
    last block of a transformer (its output has mixed the places: docs/models.md), or the last convolutional output.
    Then all calls with places, from the last one back: which of them can be mapped is not seen in shapes
    (:mod:`auditor.models.map_proof`).

    Args:
        module: In evaluation mode.
        batch: (B, 3, H, W) probe.
        head_input: (B, K), its channels.
        name: Of the model, for errors.
        wanted: Name of a layer.
        normalised: Whether the channels are brought to length 1.

    Raises:
        ModelError: no layer has places, the layout cannot be told, or ``wanted`` does not exist, run or have places.
    """
    finder = _Finder(trace_calls(module, batch, head_input, name), batch, name, normalised)
    if wanted is None:
        yield from finder.all()
    else:
        yield from finder.wanted(wanted, [layer for layer, _ in module.named_modules() if layer])


class _Finder:
    """One traced pass and the rules above."""

    def __init__(self, calls: Sequence[Call], batch: Tensor, name: str, normalised: bool) -> None:
        self.every = calls
        self.calls = [call for call in calls if call.part == 0]
        self.n_batch, self.ratio = batch.shape[0], batch.shape[2] / batch.shape[3]
        self.name = name
        self.normalised = normalised

    def all(self) -> Iterator[TargetLayer]:
        yield from self._told(self._best, *(partial(self._target, call, "output") for call in self._from_the_last()))

    def _told(self, *places: Callable[[], TargetLayer]) -> Iterator[TargetLayer]:
        """Each place once, where its layout can be told; the first error where none can."""
        told: set[TargetLayer] = set()
        first: ModelError | None = None
        for place in places:
            try:
                target = place()
            except ModelError as error:
                first = first or error
                continue
            if target not in told:
                told.add(target)
                yield target
        if first is not None and not told:
            raise first

    def _from_the_last(self) -> list[Call]:
        """Calls that return places or tokens, the last first; of those that return one tensor, the outermost."""
        found: list[Call] = []
        inner = False
        for call in sorted(self.every, key=lambda call: (-call.end, call.part)):
            if not inner and (self._has_places(call.output_shape) or self._has_tokens(call.output_shape)):
                found.append(call)
            inner = call.same_as_inner
        return found

    def _best(self) -> TargetLayer:
        places = [call for call in self.calls if self._has_places(call.output_shape)]
        norm = next((call for call in reversed(places) if call.output_pooled and is_layer_norm(call)), None)
        if norm is not None:  # Swin: normalised at every place, then pooled
            return self._before(norm)
        # These return what they got in evaluation mode: the layer before them has the better name.
        places = [call for call in places if type(call.module).__name__ not in _PASSING]
        closed = [call for call in places if call.output_pooled and call.output_pooled.rectifier == "none"]
        if closed:
            return self._target(closed[-1], "output")
        # A function stands between: the values before it, or those that enter the pooling, whichever come last.
        rectified = [call for call in places if call.output_pooled]
        entering = [call for call in self.calls if call.input_pooled and self._has_places(call.input_shape)]
        if rectified and (not entering or rectified[-1].end > entering[-1].start):
            return self._target(rectified[-1], "output")
        if entering:
            return self._target(entering[-1], "input")
        convolved = self._last_convolved(places)
        block = self._last_block()
        if block is not None and (convolved is None or block.end > convolved.end):
            return self._before(block)
        if convolved is not None:
            return self._target(convolved, "output")
        raise ModelError(f"{self.name} has no convolutional or token layer to draw maps of{self._candidates()}")

    def wanted(self, layer: str, names: Sequence[str]) -> Iterator[TargetLayer]:
        runs = [call for call in self.every if call.name == layer]
        if not runs:
            problem = "does not run in a forward pass of" if layer in names else "not in"
            near = None if layer in names else nearest(layer, names)
            hint = f"; did you mean '{near}'?" if near else ""
            raise ModelError(f"layer '{layer}' {problem} {self.name}{self._candidates()} (set --target-layer){hint}")
        last = [call for call in runs if call.index == runs[-1].index]
        yield from self._told(*(partial(self._target, call, "output") for call in last))

    def _before(self, call: Call) -> TargetLayer:
        """The values that enter ``call``, named after the layer that returned them where one did."""
        if call.producer is not None:
            producer = next(c for c in self.every if (c.name, c.index, c.part) == call.producer)
            if producer.output_shape == call.input_shape:
                return self._target(producer, "output")
        return self._target(call, "input")

    def _target(self, call: Call, side: Literal["output", "input"]) -> TargetLayer:
        shape = call.output_shape if side == "output" else call.input_shape
        found = call.output_pooled if side == "output" else call.input_pooled
        layout, grid, n_prefix = self._layout(call, shape, found)
        method: MapMethod = "cam"
        if found is None or is_layer_norm(call):
            found, later = None, call.end if side == "output" else call.start
            normalised = self.normalised or any(c.start > later and is_layer_norm(c) for c in self.calls)
            method = "gradient" if layout == "channels_first" and not normalised else "centred_gradient"
        rectifier = found.rectifier if found else "none"
        return TargetLayer(call.name, call.index, call.part, side, layout, grid, n_prefix, rectifier, method)

    def _layout(self, call: Call, shape: tuple[int, ...], found: Pooled | None) -> tuple[Layout, tuple[int, int], int]:
        """Layout, (h, w) and prefix of values; known where they pool to the head's input, else told by the shape."""
        if len(shape) == 4 and shape[0] == self.n_batch:
            first, last = self._fits(shape[2:]), self._fits(shape[1:3])
            if found is not None:
                first, last = not found.channels_last, found.channels_last
            if first != last:
                return (
                    ("channels_last", (shape[1], shape[2]), 0) if last else ("channels_first", (shape[2], shape[3]), 0)
                )
        if len(shape) == 3 and self.n_batch in shape[:2]:
            tokens_first = shape[0] != self.n_batch
            grids = self._grids(shape[0] if tokens_first else shape[1], call.start)
            if len(grids) == 1:
                return "tokens_first" if tokens_first else "tokens", *grids[0]
        raise ModelError(
            f"layer '{call.name}' of {self.name} has shape {shape}: which of it are places cannot be told"
            f"{self._candidates()} (set --target-layer)"
        )

    def _fits(self, sides: Sequence[int]) -> bool:
        """Whether two sides can be the map of a picture of this aspect, up to the rounding of strides."""
        height, width = sides
        return height * width > 1 and abs(height - width * self.ratio) <= max(1.0, self.ratio) * (self.ratio != 1)

    def _grids(self, n_tokens: int, start: int) -> list[tuple[tuple[int, int], int]]:
        """((h, w), prefix) of tokens: from the patch embedding where it is a convolution, else from the aspect."""
        for call in reversed([c for c in self.calls if c.start < start and len(c.output_shape) == 4]):
            height, width = call.output_shape[2:]
            if self._fits((height, width)) and 0 <= n_tokens - height * width <= _MAX_PREFIX:
                return [((height, width), n_tokens - height * width)]
        usual = [self._grid(n_tokens, n_prefix) for n_prefix in _PREFIXES]
        any_number = [self._grid(n_tokens, n_prefix) for n_prefix in range(_MAX_PREFIX + 1)]
        return [found for found in usual if found] or [found for found in any_number if found]

    def _grid(self, n_tokens: int, n_prefix: int) -> tuple[tuple[int, int], int] | None:
        height = round(math.sqrt(max(0, n_tokens - n_prefix) * self.ratio))
        width = round(height / self.ratio)
        fits = height * width == n_tokens - n_prefix and height * width > 1
        return ((height, width), n_prefix) if fits else None

    def _has_places(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 4 and shape[0] == self.n_batch and (self._fits(shape[2:]) or self._fits(shape[1:3]))

    def _last_convolved(self, places: Sequence[Call]) -> Call | None:
        """Last call with places that is neither pooling nor normalisation nor passes on what those returned."""
        chosen, skipped = None, False
        for call in places:
            if call.same_as_inner:
                chosen = chosen if skipped else call
            else:
                kind = type(call.module).__name__
                skipped = call.is_leaf and (is_layer_norm(call) or "Pool" in kind or kind == "Permute")
                chosen = chosen if skipped else call
        return chosen

    def _last_block(self) -> Call | None:
        """Last block of a stack of token layers, the innermost where stacks are nested."""
        modules = {call.name: call.module for call in self.calls}
        blocks = [call for call in self.every if not call.is_leaf and self._keeps_tokens(call)]
        # A block is numbered in its parent; what is inside a block (attention, MLP) has a name of its own.
        blocks = [call for call in blocks if any(c.isdigit() for c in call.name.rpartition(".")[2])]
        if not blocks:
            return None
        last = max(blocks, key=lambda call: call.start)
        parent = last.name.rpartition(".")[0]
        if parent not in modules:  # attention and MLP as items of a list that is itself an item: take the attention
            mates = [c for c in blocks if c.name.rpartition(".")[0] == parent]
            if len({type(c.module) for c in mates}) > 1:
                return min(mates, key=lambda call: call.start)
        return last

    def _keeps_tokens(self, call: Call) -> bool:
        return call.output_shape == call.input_shape and self._has_tokens(call.output_shape)

    def _has_tokens(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 3 and self.n_batch in shape[:2] and max(shape[:2]) > 2

    def _candidates(self) -> str:
        """The last few layers with places, outermost names, for an error."""
        names: list[str] = []
        for call in self.calls:
            if (self._has_places(call.output_shape) or self._keeps_tokens(call)) and call.name.count(".") <= 1:
                names = [*(n for n in names if n != call.name), call.name]
        return f"; candidates: {', '.join(names[-6:])}" if names else ""


def is_layer_norm(call: Call) -> bool:
    """Whether a call normalises every place over its channels."""
    kind = type(call.module).__name__.lower()
    return isinstance(call.module, nn.LayerNorm) or "layernorm" in kind or "rmsnorm" in kind
