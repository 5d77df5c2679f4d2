"""Which processor the models run on."""

from __future__ import annotations

import torch


def find_device(wanted: str) -> str:
    """The device that ``auto`` means on this machine: CUDA, else Apple's MPS, else the processor; others as given."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
