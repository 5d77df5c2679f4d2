"""What a map must show before it is drawn: that it is not empty, and that all the head gets passes through its layer.

Shapes do not say so. What a class-token transformer returns has places that no logit depends on, and of a network with
several branches a layer may hold one. Both give pictures that look like maps.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from torch import Tensor

from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.trace import tensors_in, with_tensors

#: Part of the largest logit below which a map holds nothing but rounding.
_EMPTY = 1e-12
#: What may be missing of a complete cut: of the largest value, and of the largest difference between two pictures.
_ROUNDING, _OF_THE_CHANGE = 2e-6, 1e-3


def what_passes(classifier: Classifier, probe: Tensor) -> Literal["all", "part", "nothing"]:
    """How much of what the head gets passes through the target layer.

    What the layer takes or returns for another picture is put in its place; where all passes, the head then gets what
    it gets for that other picture (a complete cut), and where nothing does, what it got before.

    Args:
        classifier: With the target layer that is tried.
        probe: (n > 1, 3, H, W), pictures that differ.
    """
    kept: list[Tensor] = []

    def keep(value: Any) -> Any:
        kept.extend(tensor.clone() for tensor in tensors_in(value))
        return value

    def swap(value: Any) -> Any:
        given = tensors_in(value)
        if [tensor.shape for tensor in given] != [tensor.shape for tensor in kept]:
            return value
        return with_tensors(value, [tensor.clone() for tensor in kept])

    others = probe.flip(0)
    with cam.at_target(classifier, keep):
        wanted, _ = cam.forward(classifier, others)
    with cam.at_target(classifier, swap):
        found, _ = cam.forward(classifier, probe)
    before = wanted[::-1]  # what the head gets for the probe itself
    tolerance = _ROUNDING * np.abs(wanted).max() + _OF_THE_CHANGE * np.abs(wanted - before).max()
    if np.abs(found - wanted).max() <= tolerance:
        return "all"
    return "nothing" if np.abs(found - before).max() <= tolerance else "part"


def is_empty(classifier: Classifier, probe: Tensor) -> bool:
    """Whether the map of the strongest class of every probe picture is 0 at all places.

    Args:
        classifier: With the target layer that is tried.
        probe: (n, 3, H, W).
    """
    _, logits = cam.forward(classifier, probe)
    rows = classifier.head.weight[logits.argmax(axis=1)][:, None]
    try:
        largest = np.abs(cam.response_maps(classifier, probe, rows)).max()
    except cam.NoPathError:  # the layer leads to the head by another of its tensors
        return True
    return not largest > _EMPTY * np.abs(logits).max()
