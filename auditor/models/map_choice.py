"""The variant of the class activation map that a user asks for, where the model has what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import numpy as np
import torch
from PIL import Image
from torch import nn

from auditor.errors import InputError, ModelError
from auditor.models.classifier import Classifier
from auditor.models.device_memory import NoRoomError
from auditor.models.map_method_names import MapMethod
from auditor.models.map_proof import is_empty
from auditor.wording import nearest, quote

#: Names of the layers whose output is, or ends in, what attention passes on.
_QKV, _VALUE = ("qkv", "Wqkv"), ("value", "v_proj", "to_v")
_PROBES = 2


def check_method(method: str) -> MapMethod:
    """The method of that name.

    Raises:
        InputError: there is none.
    """
    known = get_args(MapMethod)
    if method not in known:
        near = nearest(method, known)
        hint = f"did you mean {quote(near)}?" if near else f"methods: {', '.join(known)}"
        raise InputError(f"map method {quote(method)} is not known; {hint} (set --map-method)")
    found: MapMethod = method  # type: ignore[assignment]  # it is one of them
    return found


def drawing_with(classifier: Classifier, method: str | None) -> Classifier:
    """The classifier with maps of another method; evidence, words and swaps keep the one that was found.

    Args:
        classifier: The model under audit.
        method: A name of ``MAP_METHOD_NAMES``; None for the one that fits the model.

    Raises:
        InputError: there is no such method.
        ModelError: the model has not what the method needs.
    """
    if method is None or check_method(method) == classifier.map_method:
        return classifier
    target = replace(classifier.target, method=check_method(method))
    if method == "cam":
        raise ModelError(
            f"map method 'cam' needs a head whose input is the mean over the places of '{classifier.target_layer}', "
            f"which that of {classifier.spec} is not: leave --map-method out (it is "
            f"{classifier.map_method} then) or give grad_cam"
        )
    if method != "attention_value":
        return replace(classifier, target=target)
    for layer in _attention_values(classifier):
        drawing = replace(classifier, target=replace(target, layer=layer, call=0, part=0, side="output"))
        if _draws(drawing):
            return drawing
    raise ModelError(
        f"map method 'attention_value' needs a class token and an attention with a layer {quote(_QKV[0])} or "
        f"{quote(_VALUE[0])}, which {classifier.spec} has not: leave --map-method out (it is "
        f"{classifier.map_method} then)"
    )


def _attention_values(classifier: Classifier) -> Iterator[str]:
    """Layers that may give the values of attention, the last one first; none without a token before the patches."""
    if classifier.target.layout != "tokens" or not classifier.target.n_prefix:
        return
    for name, layer in reversed(list(classifier.module.named_modules())):
        if isinstance(layer, nn.Linear) and name.rpartition(".")[2] in (*_QKV, *_VALUE):
            yield name


def _draws(classifier: Classifier) -> bool:
    """Whether maps at the layer have the model's places, and are not 0 everywhere."""
    rng = np.random.default_rng(0)
    side = max(classifier.input_size, 1)
    noise = [Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)) for _ in range(_PROBES)]
    try:
        return not is_empty(classifier, torch.stack([classifier.preprocess(one) for one in noise]))
    except NoRoomError:
        raise
    except (ModelError, RuntimeError):  # another layout, or no such places
        return False
