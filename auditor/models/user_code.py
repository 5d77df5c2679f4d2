"""Run code of the user (a factory, a transform, a model's forward): whatever it raises becomes one line.

The line ends with the place in the user's own code; ``--debug`` shows the whole traceback.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from auditor.errors import AuditorError, ModelError
from auditor.figures import counted
from auditor.models.device_memory import DeviceMemoryError
from auditor.wording import plain

_SHOWN_CHARS = 300
#: Packages whose lines are not the user's: an error is raised in them, and made where they were called.
_LIBRARIES = {"auditor", "numpy", "open_clip", "PIL", "timm", "torch", "torchvision", "transformers"}


@contextmanager
def users_code(what: str, advice: str) -> Iterator[None]:
    """Around a call of the user's code.

    Args:
        what: Whose call it is, the subject of "raised".
        advice: What was expected, or what to do.

    Raises:
        ModelError: anything was raised, but for an interruption, memory that ran out, and errors of our own.
    """
    try:
        yield
    except (AuditorError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # SystemExit too: a factory that ends the program would end an audit with code 0
        reason = plain(f"{type(error).__name__}: {error}", _SHOWN_CHARS)
        raise ModelError(f"{what} raised {reason}{_own_line(error)}; {advice}") from error


def call_model(module: nn.Module, batch: Tensor, name: str) -> Any:
    """What ``module`` returns for ``batch`` (B, 3, H, W).

    Args:
        module: In evaluation mode.
        batch: Preprocessed pictures.
        name: Of the model, for errors.

    Raises:
        ModelError: it raised something; as `DeviceMemoryError` where the memory of its device ran out.
    """
    advice = "mend its forward, or what pictures go through before it (--preprocess)"
    with users_code(f"model {name} on a batch of shape {tuple(batch.shape)}", advice):
        try:
            return module(batch)
        except torch.OutOfMemoryError as error:  # no fault of the model's
            raise DeviceMemoryError(
                f"memory of device '{batch.device}' ran out for {counted(len(batch), 'picture')} of shape "
                f"{tuple(batch.shape[1:])} in model {name}; lower --batch-size, or take another --device"
            ) from error


def _own_line(error: BaseException) -> str:
    """File and line where the user's own code was last; empty where none of it was on the way."""
    own = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        file = frame.f_code.co_filename
        if package not in _LIBRARIES and package not in sys.stdlib_module_names and not file.startswith("<"):
            own = f" ({file}:{line})"
    return own
