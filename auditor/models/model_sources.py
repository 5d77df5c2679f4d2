"""Build the module behind a model spec: torchvision, timm, a factory in somebody's code, or a bundled sample."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from auditor.errors import InputError, ModelError
from auditor.models.bundled import bundled_path
from auditor.models.hub import fetch_problem, hub_or_cache
from auditor.models.preprocess import OpaqueTransform, Preprocess, from_mapping, from_transform
from auditor.models.sample_models import build_sample_classifier
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.models.user_code import users_code
from auditor.models.weights import StateDict, file_sha256, fit_keys, load_into, read_weights, rows_of_head

SAMPLES = ("planted", "balanced", "stamped")
#: Keys under which a safetensors file may carry the names of its outputs, as a JSON list.
_NAME_KEYS = ("class_names", "classes", "labels")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A module with its weights, what is known of its preprocessing and output names, and what to hash besides."""

    module: nn.Module
    transform: Preprocess | OpaqueTransform | None
    class_names: tuple[str, ...] | None
    identity: tuple[str, ...]


def build_model(spec: str, weights: Path | None, *, trust_code: bool) -> Source:
    """Build the module of ``spec`` with its weights.

    Args:
        spec: ``torchvision:NAME``, ``timm:NAME``, ``sample:NAME``, ``FILE.py:factory``, ``module:factory``.
        weights: Local file; None for published weights (torchvision, timm), or those that the factory gives.
        trust_code: Whether a factory may run.

    Raises:
        ModelError: see :func:`auditor.models.load_classifier.load_classifier`.
    """
    kind, _, name = spec.rpartition(":")
    if not kind or not name:
        raise ModelError(
            f"model '{spec}' is no spec; expected torchvision:NAME, timm:NAME, FILE.py:factory, module:factory or "
            f"sample:{'|'.join(SAMPLES)}"
        )
    if kind == "live":
        raise ModelError(
            f"model '{spec}' was a module in memory, which no file holds: give it once more in Python "
            "(model=module, transform=…), or audit it by a spec"
        )
    if kind == "torchvision":
        return _torchvision(name, weights)
    if kind == "timm":
        return _timm(name, weights)
    if kind == "sample":
        return _sample(name, weights)
    return _factory(kind, name, weights, trust_code=trust_code)


def _torchvision(name: str, weights: Path | None) -> Source:
    import_torchvision_safely()
    import torchvision

    models = torchvision.models
    _check_name("torchvision", name, models.list_models(module=models))
    published = models.get_model_weights(name)
    if weights is None:
        preset = published.DEFAULT
        module = _fetch(f"torchvision:{name}", lambda: models.get_model(name, weights=preset))
        transform = from_transform(preset.transforms(), f"torchvision:{name}")
        return Source(module, transform, tuple(preset.meta["categories"]), (f"torchvision:{name}",))
    state, metadata = read_weights(weights)
    module = _sized(state, lambda **sized: models.get_model(name, weights=None, **sized))
    load_into(module, state, weights=weights, model=f"torchvision:{name}")
    # Published files carry the start of their digest in their name: that, and nothing less, says which ones they are.
    digest = file_sha256(weights)
    ours = [w for w in published if digest.startswith(w.url.rpartition("-")[2].partition(".")[0])]
    preset = ours[0] if ours else published.DEFAULT
    names = tuple(preset.meta["categories"]) if ours else _names_in(metadata, weights)
    return Source(module, from_transform(preset.transforms(), f"torchvision:{name}"), names, (f"torchvision:{name}",))


def _timm(name: str, weights: Path | None) -> Source:
    import_torchvision_safely()
    timm: Any = importlib.import_module("timm")  # its types are partial

    known = timm.list_models(), timm.list_pretrained()
    _check_name("timm", name, sorted({*known[0], *known[1]}))
    names: tuple[str, ...] | None = None
    if weights is None:
        module = _fetch(f"timm:{name}", lambda: timm.create_model(name, pretrained=True))
        subset = timm.data.infer_imagenet_subset(module)
        if subset is not None:
            names = tuple(timm.data.ImageNetInfo(subset).label_descriptions())
    else:
        state, metadata = read_weights(weights)
        module = _sized(state, lambda **sized: timm.create_model(name, pretrained=False, **sized))
        load_into(module, state, weights=weights, model=f"timm:{name}")
        names = _names_in(metadata, weights)
    config = timm.data.resolve_model_data_config(module)
    transform = from_transform(timm.data.create_transform(**config, is_training=False), f"timm:{name}")
    return Source(module, transform, names, (f"timm:{name}",))


def _sized(state: StateDict, build: Callable[..., nn.Module]) -> nn.Module:
    """Built with as many classes as the weights are for."""
    try:
        with torch.device("meta"):  # shapes alone: nothing is allocated or drawn
            blank = build()
    except (NotImplementedError, RuntimeError):  # some initialisers read what they wrote
        blank = build()
    n_classes = rows_of_head(fit_keys(state, blank), blank)
    return build() if n_classes is None else build(num_classes=n_classes)


def _sample(name: str, weights: Path | None) -> Source:
    _check_name("sample", name, SAMPLES)
    try:
        description = json.loads(bundled_path("classifiers", "classifier.json").read_text(encoding="utf-8"))
        path = weights or bundled_path("classifiers", description["models"][name]["weights"])
    except InputError as error:
        raise ModelError(str(error)) from error
    names = tuple(description["class_names"])
    module = build_sample_classifier(len(names))
    load_into(module, read_weights(path)[0], weights=path, model=f"sample:{name}")
    return Source(module, whole_picture(description["preprocess"], "classifier.json"), names, ("sample",))


def whole_picture(given: dict[str, Any], where: str) -> Preprocess:
    """Preprocess of the sample data's descriptions: the whole picture, brought to ``size`` x ``size``."""
    size = given["size"]
    return from_mapping({**given, "size": [size, size] if isinstance(size, int) else size}, where)


def _factory(place: str, name: str, weights: Path | None, *, trust_code: bool) -> Source:
    spec = f"{place}:{name}"
    is_file = place.endswith(".py")
    if is_file and not Path(place).is_file():
        raise ModelError(f"model '{spec}': no such file {place}")
    if not trust_code:
        raise ModelError(f"model '{spec}' runs code of {place}: read it, then add --trust-code")
    path = Path(place).resolve()
    with _importable(path.parent if is_file else Path.cwd()):
        code = _import(spec, path if is_file else None, place)
        factory = getattr(code, name, None)
        if not callable(factory):
            found = [key for key, value in vars(code).items() if callable(value) and not key.startswith("_")]
            near = difflib.get_close_matches(name, found, n=1, cutoff=0)
            raise ModelError(f"{place} has no function '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        with users_code(f"{spec}()", "expected a torch module or (module, transform)"):
            made = factory()
    module, transform = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(module, nn.Module) or not (transform is None or callable(transform)):
        raise ModelError(f"{spec} returned {type(made).__name__}; expected a torch module or (module, transform)")
    names: tuple[str, ...] | None = None
    if weights is not None:
        state, metadata = read_weights(weights)
        load_into(module, state, weights=weights, model=spec)
        names = _names_in(metadata, weights)
    source_file = getattr(code, "__file__", None)
    source = hashlib.sha256(Path(source_file).read_bytes()).hexdigest() if source_file else ""
    known = None if transform is None else from_transform(transform, spec)
    return Source(module, known, names, (name, source))


def _import(spec: str, path: Path | None, name: str) -> ModuleType:
    with users_code(f"model '{spec}': importing it", "mend the file, or install what it imports"):
        if path is None:
            return importlib.import_module(name)
        # A name of its own, so that a file called like an installed package does not hide it.
        unique = f"_auditor_model_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
        found = importlib.util.spec_from_file_location(unique, path)
        if found is None or found.loader is None:
            raise ModelError(f"model '{spec}': {path} is no Python file")
        module = importlib.util.module_from_spec(found)
        sys.modules[unique] = module
        found.loader.exec_module(module)
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """The folder of the code on the import path, so that it finds its neighbours; torchvision importable."""
    import_torchvision_safely()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))


def _check_name(source: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.3)
        raise ModelError(f"'{name}' is no model of {source}; nearest: {', '.join(near) or 'none'}")


def _fetch(spec: str, build: Callable[[], Any]) -> nn.Module:
    with hub_or_cache() as online:
        try:
            module: nn.Module = build()
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelError(
                f"published weights of {spec} cannot be fetched ({fetch_problem(error, online)}); "
                "give a local file with --weights FILE"
            ) from error
    return module


def _names_in(metadata: dict[str, str], weights: Path) -> tuple[str, ...] | None:
    """Names of the outputs in a safetensors file's metadata; None where it has none."""
    key = next((key for key in _NAME_KEYS if key in metadata), None)
    if key is None:
        return None
    try:
        names = json.loads(metadata[key])
    except json.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError(f"weights {weights}: metadata '{key}' is no JSON list of names")
    return tuple(names)
