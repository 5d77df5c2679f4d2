"""Which processor the models run on."""

from __future__ import annotations

import torch

from auditor.errors import ModelError
from auditor.wording import quote


def find_device(wanted: str) -> str:
    """The device that ``auto`` means on this machine: CUDA, else Apple's MPS, else the processor; others as given.

    Raises:
        ModelError: this machine has no such device, or one that computes nothing (``meta``).
    """
    if wanted != "auto":
        try:
            torch.zeros(1, device=wanted).cpu()
        except (RuntimeError, AssertionError) as error:  # NotImplementedError is one
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(
                f"device {quote(wanted)} cannot be used ({quote(reason, 120)}); expected auto, cpu, cuda, cuda:1 or mps"
            ) from error
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
