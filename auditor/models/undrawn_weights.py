"""Networks whose weights come from a file are built without drawing the random ones that the file replaces.

A ViT-B-32 encoder takes two seconds to draw 151 million numbers of which none is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch.overrides import TorchFunctionMode

#: What draws into a tensor that is there: of torch.nn.init, and of tensors.
_DRAWING = {
    "normal_",
    "uniform_",
    "trunc_normal_",
    "erfinv_",  # the last step of a truncated normal
    "xavier_normal_",
    "xavier_uniform_",
    "kaiming_normal_",
    "kaiming_uniform_",
}


class UndrawnWeights(TorchFunctionMode):
    """Inside, tensors keep what their memory held where they would be drawn: all of them must be replaced."""

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
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)
