"""Batches that the memory of a device has no room for go through it in parts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from auditor.errors import ModelError
from auditor.figures import counted
from auditor.records import FloatArray

logger = logging.getLogger(__name__)

#: A pass that gives features and one that draws maps take unlike amounts of memory.
Pass = Literal["features", "maps"]
#: Of each module the pictures of a pass that there was room for, where more had none: for the rest of the process, so
#: that not every batch is tried in vain.
_ROOM_FOR: WeakKeyDictionary[nn.Module, dict[Pass, int]] = WeakKeyDictionary()


class DeviceMemoryError(ModelError):
    """The memory of the model's device ran out for a batch."""


class NoRoomError(ModelError):
    """There is no room for a single picture."""


def in_parts(
    module: nn.Module, of: Pass, n_pictures: int, answer: Callable[[slice], tuple[FloatArray, ...]]
) -> tuple[FloatArray, ...]:
    """What ``answer`` gives for a batch, asked in halves, and halves of these, where memory runs out.

    Kernels sum by the shape of a batch, so features of a batch in parts differ by rounding from those of a whole one.

    Args:
        module: What the batch goes through.
        of: The kind of pass.
        n_pictures: B.
        answer: Arrays with a row a picture, for a part of the batch.

    Returns:
        The arrays, of all B.

    Raises:
        NoRoomError: there is no room for a single picture.
    """
    room = _ROOM_FOR.setdefault(module, {})
    at_once = min(room.get(of, n_pictures), n_pictures)
    parts: list[tuple[FloatArray, ...]] = []
    start = 0
    while start < n_pictures or not parts:
        part = slice(start, min(start + at_once, n_pictures))
        found = _answered(answer, part)
        if found is not None:
            parts.append(found)
            start = part.stop
            continue
        # after the error is gone, with what it held
        torch.cuda.empty_cache()
        size = part.stop - part.start
        at_once = room[of] = size // 2
        logger.warning("memory ran out for %s: they go through %d at a time", counted(size, "picture"), at_once)
    return tuple(np.concatenate(of_parts) if len(parts) > 1 else of_parts[0] for of_parts in zip(*parts, strict=True))


def _answered(answer: Callable[[slice], tuple[FloatArray, ...]], part: slice) -> tuple[FloatArray, ...] | None:
    """The answer for a part of several pictures, None where memory ran out."""
    try:
        return answer(part)
    except (DeviceMemoryError, torch.OutOfMemoryError) as error:
        if part.stop - part.start > 1:
            return None
        reason = str(error).partition("\n")[0].partition(";")[0]
        raise NoRoomError(
            f"a single picture has no room in the memory of the device ({reason}): take another --device, or end what "
            "else uses it"
        ) from error
