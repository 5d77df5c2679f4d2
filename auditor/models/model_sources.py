"""Build the module behind a model spec: torchvision, timm, transformers, a factory in somebody's code, or a sample."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from auditor.errors import InputError, ModelError
from auditor.models.bundled import bundled_path
from auditor.models.foreign_formats import INSTEAD, foreign_format
from auditor.models.hub import fetch_problem, hub_or_cache
from auditor.models.model_folders import timm_folder, transformers_model
from auditor.models.preprocess import Preprocess, from_mapping, from_transform
from auditor.models.sample_models import build_sample_classifier
from auditor.models.source import Source
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.models.undrawn_weights import UndrawnWeights
from auditor.models.user_code import users_code
from auditor.models.weights import StateDict, fit_keys, load_into, read_weights, rows_of_head
from auditor.named_files import model_folder
from auditor.regular_files import file_sha256
from auditor.wording import quote

SAMPLES = ("planted", "balanced", "stamped")
#: Keys under which a safetensors file may carry the names of its outputs, as a JSON list.
_NAME_KEYS = ("class_names", "classes", "labels")
#: Characters of a path and of a name in it; file systems raise on longer ones.
_LONGEST_SPEC, _LONGEST_NAME = 4000, 250
_WEIGHT_SUFFIXES = {".pt", ".pth", ".bin", ".ckpt", ".safetensors"}


def build_model(spec: str, weights: Path | None, *, trust_code: bool, random: bool = False) -> Source:
    """Build the module of ``spec`` with its weights.

    Args:
        spec: ``torchvision:NAME``, ``timm:NAME``, ``timm:FOLDER``, ``hf:FOLDER``, ``sample:NAME``, ``FILE.py:factory``,
            ``module:factory``.
        weights: Local file; None for published weights (torchvision, timm, hf), or those that the factory gives.
        trust_code: Whether a factory may run.
        random: Whether weights are drawn at random, to look at an architecture; not those of a factory.

    Raises:
        ModelError: see :func:`auditor.models.load_classifier.load_classifier`.
    """
    if len(spec) > _LONGEST_SPEC or max(map(len, spec.split("/"))) > _LONGEST_NAME:
        raise ModelError(f"model {quote(spec)} is no spec: it is longer than a path may be; expected {_SPECS}")
    _check_no_file(spec)
    source, _, name = spec.partition(":")
    if source == "live":
        raise ModelError(
            f"model '{spec}' was a module in memory, which no file holds: give it once more in Python "
            "(model=module, transform=…), or audit it by a spec"
        )
    if source == "torchvision" and name:
        return _torchvision(name, weights, random=random)
    if source == "timm" and name:
        return (timm_folder if model_folder(spec) else _timm)(name, weights, random=random)
    if source == "hf" and name:
        return transformers_model(name, weights, random=random)
    if source == "sample" and name:
        return _sample(name, weights)
    place, _, name = spec.rpartition(":")
    if not place or not name:
        raise ModelError(f"model '{spec}' is no spec; expected {_SPECS}")
    return _factory(place, name, weights, trust_code=trust_code)


_SPECS = (
    "torchvision:NAME, timm:NAME, timm:FOLDER, hf:FOLDER, FILE.py:factory, module:factory or "
    f"sample:{'|'.join(SAMPLES)}"
)


def _check_no_file(spec: str) -> None:
    """Files and folders that are given as they are: what they are, and how to give them."""
    path = Path(spec)
    foreign = foreign_format(path)
    if foreign:
        raise ModelError(f"model '{spec}' is {foreign}, of which neither channels nor gradients can be had; {INSTEAD}")
    if path.suffix in _WEIGHT_SUFFIXES:
        raise ModelError(
            f"model '{spec}' is a file of weights; name its architecture with --model timm:NAME, torchvision:NAME or "
            "FILE.py:factory, and give the file with --weights"
        )
    if (path / "config.json").is_file():
        raise ModelError(
            f"model '{spec}' is a folder; write hf:{spec} where transformers saved it, timm:{spec} where timm did"
        )


def _torchvision(name: str, weights: Path | None, *, random: bool) -> Source:
    import_torchvision_safely()
    import torchvision

    models = torchvision.models
    _check_name("torchvision", name, models.list_models(module=models))
    published = models.get_model_weights(name)
    if weights is None:
        preset = published.DEFAULT
        chosen = None if random else preset
        module = _fetch(f"torchvision:{name}", lambda: models.get_model(name, weights=chosen))
        transform = from_transform(preset.transforms(), f"torchvision:{name}")
        return Source(module, transform, tuple(preset.meta["categories"]), (f"torchvision:{name}",))
    state, metadata = read_weights(weights)
    module = _sized(state, weights, lambda **sized: models.get_model(name, weights=None, **sized))
    notices = load_into(module, state, weights=weights, model=f"torchvision:{name}")
    # Published files carry the start of their digest in their name: that, and nothing less, says which ones they are.
    digest = file_sha256(weights)
    ours = [w for w in published if digest.startswith(w.url.rpartition("-")[2].partition(".")[0])]
    preset = ours[0] if ours else published.DEFAULT
    names = tuple(preset.meta["categories"]) if ours else _names_in(metadata, weights)
    transform = from_transform(preset.transforms(), f"torchvision:{name}")
    return Source(module, transform, names, (f"torchvision:{name}",), notices)


def _timm(name: str, weights: Path | None, *, random: bool) -> Source:
    import_torchvision_safely()
    timm: Any = importlib.import_module("timm")  # its types are partial

    known = timm.list_models(), timm.list_pretrained()
    _check_name("timm", name, sorted({*known[0], *known[1]}))
    names: tuple[str, ...] | None = None
    notices: tuple[str, ...] = ()
    if weights is None:
        module = _fetch(f"timm:{name}", lambda: timm.create_model(name, pretrained=not random))
        subset = timm.data.infer_imagenet_subset(module)
        if subset is not None:
            names = tuple(timm.data.ImageNetInfo(subset).label_descriptions())
    else:
        state, metadata = read_weights(weights)
        module = _sized(state, weights, lambda **sized: timm.create_model(name, pretrained=False, **sized))
        notices = load_into(module, state, weights=weights, model=f"timm:{name}")
        names = _names_in(metadata, weights)
    config = timm.data.resolve_model_data_config(module)
    transform = from_transform(timm.data.create_transform(**config, is_training=False), f"timm:{name}")
    return Source(module, transform, names, (f"timm:{name}",), notices)


def _sized(state: StateDict, weights: Path, build: Callable[..., nn.Module]) -> nn.Module:
    """Built with as many classes as the weights are for, which must take the place of all that it holds."""
    try:
        with torch.device("meta"):  # shapes alone: nothing is allocated or drawn
            blank = build()
    except (NotImplementedError, RuntimeError):  # some initialisers read what they wrote
        blank = build()
    n_classes = rows_of_head(fit_keys(state, blank, weights), blank)
    with UndrawnWeights():
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
    notices = load_into(module, read_weights(path)[0], weights=path, model=f"sample:{name}")
    return Source(module, whole_picture(description["preprocess"], "classifier.json"), names, ("sample",), notices)


def whole_picture(given: dict[str, Any], where: str) -> Preprocess:
    """Preprocess of the sample data's descriptions: the whole picture, brought to ``size`` x ``size``."""
    size = given["size"]
    return from_mapping({**given, "size": [size, size] if isinstance(size, int) else size}, where)


def _factory(place: str, name: str, weights: Path | None, *, trust_code: bool) -> Source:
    spec = f"{place}:{name}"
    is_file = place.endswith(".py")
    if is_file and not Path(place).is_file():
        raise ModelError(
            f"model '{spec}': no such file {place}; give FILE.py:factory with the path of a file that is there"
        )
    if not is_file and not _is_importable(place):
        raise ModelError(
            f"model '{spec}': '{place}' is no source of models and no module that is found here; expected {_SPECS}"
        )
    if not trust_code:
        raise ModelError(f"model '{spec}' runs code of {place}: read it, then add --trust-code")
    path = Path(place).resolve()
    with _importable(path.parent if is_file else Path.cwd()):
        code = _import(spec, path if is_file else None, place)
        factory = getattr(code, name, None)
        if not callable(factory):
            found = [key for key, value in vars(code).items() if callable(value) and not key.startswith("_")]
            near = difflib.get_close_matches(name, found, n=1, cutoff=0)
            raise ModelError(
                f"model '{spec}': {place} has no function '{name}'" + (f"; did you mean '{near[0]}'?" if near else "")
            )
        with users_code(f"{spec}()", "expected a torch module or (module, transform)"):
            made = factory()
    module, transform = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not isinstance(module, nn.Module) or not (transform is None or callable(transform)):
        raise ModelError(f"{spec} returned {type(made).__name__}; expected a torch module or (module, transform)")
    names: tuple[str, ...] | None = None
    notices: tuple[str, ...] = ()
    if weights is not None:
        state, metadata = read_weights(weights)
        notices = load_into(module, state, weights=weights, model=spec)
        names = _names_in(metadata, weights)
    source_file = getattr(code, "__file__", None)
    source = hashlib.sha256(Path(source_file).read_bytes()).hexdigest() if source_file else ""
    known = None if transform is None else from_transform(transform, spec)
    return Source(module, known, names, (name, source), notices)


def _is_importable(place: str) -> bool:
    """Whether there is such a module, here or installed; only the first part is asked for, and nothing is imported."""
    first = place.partition(".")[0]
    if not all(part.isidentifier() for part in place.split(".")):
        return False
    here = Path.cwd() / first
    return here.is_dir() or here.with_suffix(".py").is_file() or importlib.util.find_spec(first) is not None


def _import(spec: str, path: Path | None, name: str) -> ModuleType:
    with users_code(f"model '{spec}': importing it", "mend the file, or install what it imports"):
        if path is None:
            return importlib.import_module(name)
        # A name of its own, so that a file called like an installed package does not hide it.
        unique = f"_auditor_model_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}_{path.stem}"
        found = importlib.util.spec_from_file_location(unique, path)
        if found is None or found.loader is None:
            raise ModelError(f"model '{spec}': {path} is no Python file; expected FILE.py:factory")
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
        raise ModelError(f"model '{name}' is none of {source}; nearest: {', '.join(near) or 'none'}")


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
        raise ModelError(
            f"weights {weights}: metadata '{key}' is no JSON list of names; write one name an output, or leave it out"
        )
    return tuple(names)
