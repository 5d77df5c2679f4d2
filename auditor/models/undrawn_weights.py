"""Networks whose weights come from a file are built without drawing the random ones that the file replaces.

A ViT-B-32 encoder takes two seconds to draw 151 million numbers of which none is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

#: What draws into a tensor that is there: methods of tensors, and those functions of torch.nn.init that a mode sees.
_DRAWING = {"normal_", "uniform_", "kaiming_normal_", "kaiming_uniform_"}


class UndrawnWeights(TorchFunctionMode):
    """Inside, parameters are set to zero where they would be drawn.

    Other tensors are drawn as ever: torch.nn.init rejects draws that it does not like, and draws anew until it likes
    all of them.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],  # torch's signature
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Torch calls it in place of ``func``."""
        given = dict(kwargs or {})
        if getattr(func, "__name__", None) in _DRAWING:
            target = given["tensor"] if "tensor" in given else args[0]
            if isinstance(target, nn.Parameter):
                with torch.no_grad():
                    return target.zero_()
        return func(*args, **given)
