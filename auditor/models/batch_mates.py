"""Whether a model's answer for a picture depends on the pictures beside it in the batch, and which layer mixes them.

Batch normalisation that was left in training mode does, or a normalisation over the batch in ``forward``: such a
model has no answer for a picture, and its figures change with the batch size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auditor.errors import ModelError
from auditor.figures import percent
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.trace import first_tensor
from auditor.models.user_code import call_model
from auditor.rules import SAME_ANSWER

#: Below this largest value nothing is left but rounding.
_LEAST = 1e-7


def check_batch_mates(classifier: Classifier, probe: Tensor) -> None:
    """Give each probe picture to the model alone and beside others.

    The others are brighter and of more contrast: statistics of a batch then differ much from those of one picture.

    Args:
        classifier: The model under audit.
        probe: (n, 3, H, W), preprocessed.

    Raises:
        ModelError: the head's inputs differ by more than rounding; the layer that is likely the cause is named.
    """
    together = torch.cat([probe, 3 * probe + 1])
    beside, _ = cam.forward(classifier, together)
    for at in range(len(probe)):
        alone, _ = cam.forward(classifier, probe[at : at + 1])
        difference = _difference(torch.from_numpy(alone[0]), torch.from_numpy(beside[at]))
        if not difference <= SAME_ANSWER:
            cause = _first_that_mixes(classifier, probe[at : at + 1], together, at)
            raise ModelError(
                f"model {classifier.spec} answers otherwise for a picture when others are beside it in the batch (what "
                f"its head gets differs by {percent(difference)}); likely cause: {cause}; expected an answer to each "
                "picture by itself: leave every layer in evaluation mode and normalise nothing over the batch"
            )


def _difference(found: Tensor, wanted: Tensor) -> float:
    """Largest difference, as a part of the largest value."""
    apart, largest = (found.double() - wanted.double()).abs().max(), wanted.double().abs().max()
    return float(apart) / max(float(largest), _LEAST)


@dataclass(slots=True, eq=False)
class _Call:
    """One call of one layer: what it got and gave, and whether it was in training mode then."""

    name: str
    layer: nn.Module
    training: bool
    given: Tensor | None
    returned: Tensor | None = None


def _first_that_mixes(classifier: Classifier, alone: Tensor, together: Tensor, at: int) -> str:
    """The innermost layer that got the same for the picture and gave something else, in words."""
    for one, many in zip(_calls(classifier, alone), _calls(classifier, together), strict=False):
        n = len(together)
        if _same_row(one.given, many.given, at, n) is True and _same_row(one.returned, many.returned, at, n) is False:
            if not many.name:
                break
            mode = ", in training mode" if many.training else ""
            return f"layer '{many.name}' ({type(many.layer).__name__}{mode})"
    return "what forward does outside of its layers"


def _same_row(one: Tensor | None, many: Tensor | None, at: int, n: int) -> bool | None:
    """Whether the picture's part is the same; None where the shapes do not say which part is the picture's."""
    if one is None or many is None or one.ndim != many.ndim:
        return None
    for axis in range(min(2, one.ndim)):  # transformers may have their batch behind the tokens
        if one.shape[axis] == 1 and many.shape[axis] == n and one.shape == many.narrow(axis, at, 1).shape:
            return _difference(one.select(axis, 0), many.select(axis, at)) <= SAME_ANSWER
    return None


def _calls(classifier: Classifier, batch: Tensor) -> list[_Call]:
    """All calls of all layers and of the model itself (no name), in the order in which they end."""
    done: list[_Call] = []
    running: list[_Call] = []

    def begin(name: str) -> Callable[..., None]:
        def hook(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            given = first_tensor([*args, *kwargs.values()])
            # cloned: what follows may work in place
            running.append(_Call(name, layer, layer.training, None if given is None else given.clone()))

        return hook

    def end(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        call, value = running.pop(), first_tensor(output)
        call.returned = None if value is None else value.clone()
        done.append(call)

    handles = []
    try:
        for name, layer in classifier.module.named_modules():
            handles.append(layer.register_forward_pre_hook(begin(name), with_kwargs=True))
            handles.append(layer.register_forward_hook(end))
        with torch.inference_mode():
            call_model(classifier.module, batch.to(classifier.device), classifier.spec)
    finally:
        for handle in handles:
            handle.remove()
    return done
