"""Batches that the memory of a device has no room for go through it in parts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from auditor.errors import ModelError
from auditor.figures import counted
from auditor.records import FloatArray

logger = logging.getLogger(__name__)

#: Pictures that go through a module at once, where more of them did not fit: the next batch is not tried in vain.
_FIT: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()


class DeviceMemoryError(ModelError):
    """The memory of the model's device ran out."""


def in_parts(
    module: nn.Module, n_pictures: int, answer: Callable[[slice], tuple[FloatArray, ...]]
) -> tuple[FloatArray, ...]:
    """What ``answer`` gives for a batch, asked in halves, and halves of these, where memory runs out.

    Every part has at most half as many pictures as did not fit, so features may differ by rounding from those of whole
    batches.

    Args:
        module: What the batch goes through: of each it is remembered how many pictures fit.
        n_pictures: B.
        answer: Arrays with a row a picture, for a part of the batch.

    Returns:
        The arrays, of all B.

    Raises:
        DeviceMemoryError: there is no room for a single picture.
    """
    at_once = min(_FIT.get(module, n_pictures), n_pictures)
    parts: list[tuple[FloatArray, ...]] = []
    start = 0
    while start < n_pictures or not parts:
        part = slice(start, min(start + at_once, n_pictures))
        try:
            parts.append(answer(part))
        except (DeviceMemoryError, torch.OutOfMemoryError) as error:
            size = part.stop - part.start
            if size <= 1:
                reason = str(error).partition("\n")[0].partition(";")[0]
                raise DeviceMemoryError(
                    f"a single picture has no room in the memory of the device ({reason}): take another --device, or "
                    "end what else uses it"
                ) from error
            at_once = _FIT[module] = size // 2
            torch.cuda.empty_cache()
            logger.warning(
                "memory ran out for %s at once: they go through %d by %d", counted(size, "picture"), at_once, at_once
            )
            continue
        start = part.stop
    return tuple(np.concatenate(of_parts) if len(parts) > 1 else of_parts[0] for of_parts in zip(*parts, strict=True))
