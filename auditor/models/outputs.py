"""What a model returns where it is not one tensor: a tuple, a dict, an output of transformers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

#: Levels of containers in containers.
_DEPTH = 3


def output_tables(returned: Any, n_pictures: int) -> dict[str, Tensor]:
    """The tables (B, C) among what a model returned, by key, field or position; a bare tensor has no name.

    Args:
        returned: By the model, for a batch.
        n_pictures: Of the batch, B.

    Returns:
        (B, C) float32 by name; parts of parts are joined by dots ("heads.1"). (B,) counts as (B, 1).
    """
    return {
        name: value.detach().reshape(n_pictures, -1).float()
        for name, value in _parts(returned, "", _DEPTH)
        if value.ndim in (1, 2) and value.shape[0] == n_pictures and not value.is_complex()
    }


def shapes_of(returned: Any) -> str:
    """What a model returned, for an error: the shape of a tensor, else its type."""
    return f"shape {tuple(returned.shape)}" if isinstance(returned, Tensor) else type(returned).__name__


def _parts(value: Any, name: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
        return
    for key, part in _named_parts(value) if depth else ():
        yield from _parts(part, f"{name}.{key}" if name else str(key), depth - 1)


def _named_parts(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):  # outputs of transformers are
        return list(value.items())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return list(zip(value._fields, value, strict=True))
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    logits = getattr(value, "logits", None)
    return [] if logits is None else [("logits", logits)]
