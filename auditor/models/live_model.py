"""A classifier that is a module in memory: nothing is loaded, and nothing of it is changed.

Its digest covers what can be seen of it: every parameter and buffer, the layers as they print themselves, the source of
its own classes, and what its transform makes of a picture. What else its code calls is not seen, and the audit says so.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from auditor.errors import InputError, ModelError
from auditor.models.classifier import Classifier
from auditor.models.load_classifier import make_classifier
from auditor.models.preprocess import Transform, from_transform, read_preprocess
from auditor.models.user_code import users_code
from auditor.records import AnyPath

#: What a user gives as a model in Python.
AnyModel = str | nn.Module
#: Of the spec of such a model; no file and no flag can name it.
LIVE = "live"
#: Packages whose classes have versions, as Python's own do: how they print themselves says enough.
_LIBRARIES = ("torch", "torchvision", "timm")
#: Where in memory a thing lies, which some layers print.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True, slots=True, eq=False)
class LiveModel:
    """A module with its weights, what its pictures go through, and the names of its outputs where they are known."""

    module: nn.Module
    transform: Transform | None = None
    class_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.module, nn.Module):
            raise InputError(
                f"model is a {type(self.module).__name__}; expected a torch module, or a spec such as 'timm:resnet50'"
            )
        if self.transform is not None and not callable(self.transform):
            raise InputError(
                f"transform is a {type(self.transform).__name__}; expected a function from a PIL picture to a tensor "
                "(3, H, W), the one used for evaluation"
            )

    @property
    def spec(self) -> str:
        """What stands for it in the audit: "live:Net"."""
        return f"{LIVE}:{type(self.module).__name__}"

    def classifier(
        self,
        *,
        preprocess: Path | None = None,
        target_layer: str | None = None,
        model_output: str | None = None,
        n_labels: int | None = None,
        multi_label: bool = False,
        device: str = "cpu",
    ) -> Classifier:
        """Trace a copy of it, as :func:`auditor.models.load_classifier.load_classifier` does with what it loads.

        Arguments and errors are the same.

        Raises:
            ModelError: it cannot be copied, too, or nothing says what its pictures go through.
        """
        if preprocess is None and self.transform is None:
            raise ModelError(
                f"nothing says what pictures go through before {self.spec}: give transform=…, the one used for "
                "evaluation, or preprocess=FILE.toml (size, crop, interpolation, mean, std)"
            )
        transform = from_transform(self.transform, self.spec) if preprocess is None else read_preprocess(preprocess)
        with users_code(f"copying {self.spec}", "give a factory, FILE.py:function, which builds it anew"):
            module = copy.deepcopy(self.module)  # the audit needs it in float32, in evaluation mode, on its own device
        with users_code(f"printing {self.spec}", "mend its __repr__ or extra_repr"):
            layers = _ADDRESS.sub("", repr(module))
        sources, unseen = _sources(module)
        found = make_classifier(
            module,
            transform,
            spec=self.spec,
            identity=(LIVE, layers, *sources),
            class_names=self.class_names,
            target_layer=target_layer,
            model_output=model_output,
            n_labels=n_labels,
            multi_label=multi_label,
            device=device,
        )
        return replace(found, notices=(*found.notices, _notice(self.spec, unseen)))


def model_given(
    model: AnyModel | None,
    *,
    transform: Transform | None,
    class_names: Sequence[str] | None,
    weights: AnyPath | None,
) -> str | LiveModel | None:
    """A spec as it is, or a module in memory with what came with it.

    Raises:
        InputError: what belongs to the one was given with the other.
    """
    if model is None or isinstance(model, str):
        if transform is not None or class_names is not None:
            raise InputError(
                f"transform and class_names belong to a module in memory, and model is {model!r}: leave them out; "
                "preprocess=FILE.toml says what its pictures go through, class_map=FILE which output is which"
            )
        return model
    live = LiveModel(model, transform, None if class_names is None else tuple(map(str, class_names)))
    if weights is not None:
        raise InputError(f"weights={str(weights)!r} with {live.spec}, which has its own: load them into it before")
    return live


def _sources(module: nn.Module) -> tuple[list[str], list[str]]:
    """What tells the classes of its layers apart, in an order of their own, and the names of those without a source."""
    told, unseen = [], []
    for kind in sorted(set(_own_classes(module)), key=_name):
        try:
            source = hashlib.sha256(inspect.getsource(kind).encode()).hexdigest()
        except (OSError, TypeError):  # typed into a prompt, or made by code
            source = "unseen"
            unseen.append(_name(kind))
        told.append(f"{_name(kind)} {source}")
    return told, unseen


def _own_classes(module: nn.Module) -> Iterator[type]:
    for layer in module.modules():
        for kind in type(layer).__mro__:
            package = kind.__module__.partition(".")[0]
            if package not in _LIBRARIES and package not in sys.stdlib_module_names - {"__main__"}:
                yield kind


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _notice(spec: str, unseen: Sequence[str]) -> str:
    classes = f" (not of {', '.join(unseen)}, whose source is nowhere)" if unseen else ""
    return (
        f"the model {spec} was a module in memory: its digest covers its weights, its layers, the source of its own "
        f"classes{classes} and what its transform makes of one picture, and no hooks or functions that they call"
    )
