"""What a model spec stands for, before it is traced."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from auditor.models.preprocess import OpaqueTransform, Preprocess


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A module with its weights, what is known of its preprocessing and output names, and what to hash besides.

    ``notices`` say what of the weights was left out. ``multi_label``: whether its configuration says that its outputs
    stand each for itself.
    """

    module: nn.Module
    transform: Preprocess | OpaqueTransform | None
    class_names: tuple[str, ...] | None
    identity: tuple[str, ...]
    notices: tuple[str, ...] = ()
    multi_label: bool = False
