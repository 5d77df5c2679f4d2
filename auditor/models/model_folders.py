"""Models that are a folder with a config.json, as transformers and timm save them, or such a folder on the hub.

The configuration is data: names of architectures that the libraries know, numbers and texts. Code beside it is never
run.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from auditor.errors import ModelError
from auditor.models.hub import fetch_problem, hub_or_cache
from auditor.models.preprocess import (
    OpaqueTransform,
    Preprocess,
    from_transform,
    probe_picture,
)
from auditor.models.source import Source
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.models.user_code import users_code
from auditor.models.weights import load_into, read_weights
from auditor.regular_files import read_regular_text
from auditor.wording import plain, quote

_CONFIG = "config.json"
_WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
_WANTED_FILES = [_CONFIG, "preprocessor_config.json", "*.safetensors", "*.safetensors.index.json"]
#: What timm.create_model takes for itself: no part of an architecture.
_NO_ARGUMENTS = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir", "scriptable"}
#: Processors resize with another library than ours, which rounds otherwise: in steps of a pixel, largest and mean.
_ROUNDING, _MEAN_ROUNDING = 3.0, 0.5


def transformers_model(name: str, weights: Path | None, *, random: bool) -> Source:
    """An image classifier of transformers.

    Args:
        name: A folder, or the name of a repository on the hub.
        weights: File that takes the place of the folder's weights.
        random: Whether weights are drawn instead.

    Raises:
        ModelError: transformers is not installed, no such folder, no image classifier, code beside it, or weights
            that do not fit.
    """
    spec = f"hf:{name}"
    if importlib.util.find_spec("transformers") is None:
        raise ModelError(f"model '{spec}' is read by transformers, which is not installed: pip install transformers")
    import_torchvision_safely()
    transformers: Any = importlib.import_module("transformers")  # its types are partial
    folder = _folder(spec, name)
    auto = transformers.AutoModelForImageClassification
    said = "expected an image classifier that transformers knows, saved with save_pretrained"
    local = {"local_files_only": True, "trust_remote_code": False}
    notices: tuple[str, ...] = ()
    with _quiet(transformers), users_code(f"model '{spec}'", said):
        config = transformers.AutoConfig.from_pretrained(folder, **local)
        if random or weights is not None:
            module = auto.from_config(config)
        else:
            if not any(folder.glob("*.safetensors")) and (folder / _WEIGHT_FILES[1]).is_file():
                read_weights(folder / _WEIGHT_FILES[1])  # refuses a pickle that holds code
            module, found = auto.from_pretrained(folder, output_loading_info=True, **local)
            _check_loaded(spec, found)
    if weights is not None:
        notices = load_into(module, read_weights(weights)[0], weights=weights, model=spec)
    names = getattr(config, "id2label", None) or {}
    labels = tuple(str(names[key]) for key in sorted(names))
    generic = labels == tuple(f"LABEL_{number}" for number in range(len(labels)))  # what stands there if none was given
    return Source(
        module,
        _processor(spec, folder, transformers),
        None if generic else labels,
        ("transformers",),
        notices,
        multi_label=getattr(config, "problem_type", None) == "multi_label_classification",
    )


def _check_loaded(spec: str, found: Mapping[str, Any]) -> None:
    """What a file lacks is drawn at random, with a warning; an audit of that would be of noise."""
    for what in ("missing_keys", "mismatched_keys"):
        keys = sorted(map(str, found.get(what) or ()))
        if keys:
            raise ModelError(
                f"model '{spec}': {len(keys)} of its weights are not in its files (first: {quote(keys[0])}); "
                "expected a model that was trained as a classifier, and not its backbone alone"
            )


def _processor(spec: str, folder: Path, transformers: Any) -> Preprocess | OpaqueTransform | None:
    """The image processor beside the model: as plain resize, crop and scale where that gives the same, else itself."""
    if not (folder / "preprocessor_config.json").is_file():
        return None
    with _quiet(transformers), users_code(f"image processor of '{spec}'", "give --preprocess FILE.toml instead"):
        processor = transformers.AutoImageProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )

    def transform(image: Image.Image) -> Tensor:
        made: Tensor = processor(images=image.convert("RGB"), return_tensors="pt")["pixel_values"][0]
        return made

    known = _plain_processor(_config(spec, folder / "preprocessor_config.json"))
    theirs = from_transform(transform, spec)
    if known is None or isinstance(theirs, Preprocess):
        return theirs
    picture = probe_picture()
    ours, expected = known(picture), theirs(picture)
    if ours.shape != expected.shape:
        return theirs
    apart = (ours - expected).abs() * torch.tensor(known.std)[:, None, None] * 255
    return known if float(apart.max()) < _ROUNDING and float(apart.mean()) < _MEAN_ROUNDING else theirs


def _plain_processor(config: Mapping[str, Any]) -> Preprocess | None:
    """Preprocess of the keys that most processors share; None where they say something else."""
    try:
        size, crop = config["size"], config.get("crop_size")
        crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop
        if isinstance(size, int) or "shortest_edge" in size:
            side = size if isinstance(size, int) else size["shortest_edge"]
            resized: int | tuple[int, int] = side
            cropped = (crop["height"], crop["width"]) if config.get("do_center_crop") and crop else None
            if cropped is None and "crop_pct" in config:  # ConvNeXT: larger, then its centre
                resized, cropped = int(side / config["crop_pct"]), (side, side)
        else:
            resized = (size["height"], size["width"])
            cropped = (crop["height"], crop["width"]) if config.get("do_center_crop") and crop else None
        return Preprocess(
            size=resized,
            crop=cropped,
            interpolation=_RESAMPLING[config.get("resample", 2)],
            mean=tuple(map(float, config["image_mean"])),  # type: ignore[arg-type]
            std=tuple(map(float, config["image_std"])),  # type: ignore[arg-type]
        )
    except (KeyError, TypeError, ValueError, ModelError):
        return None


_RESAMPLING: dict[int, Any] = {int(kind.value): kind.name.lower() for kind in Image.Resampling}


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Inside, transformers shows no progress and no warnings."""
    logging = transformers.utils.logging
    verbosity, progress = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if progress:
            logging.enable_progress_bar()


def timm_folder(name: str, weights: Path | None, *, random: bool) -> Source:
    """A model of timm in a folder, or of the hub by ``hf-hub:NAME``: architecture, labels and preprocessing.

    Args:
        name: The folder, or ``hf-hub:`` and the name of a repository.
        weights: File that takes the place of the folder's weights.
        random: Whether weights are drawn instead.

    Raises:
        ModelError: no such folder, no configuration of timm, or weights that do not fit.
    """
    spec = f"timm:{name}"
    folder = _folder(spec, name.removeprefix("hf-hub:"))
    import_torchvision_safely()
    timm: Any = importlib.import_module("timm")  # its types are partial
    config = _config(spec, folder / _CONFIG)
    published = config.get("pretrained_cfg", config)
    architecture, arguments = config.get("architecture"), config.get("model_args", {})
    if not isinstance(architecture, str) or architecture not in timm.list_models():
        raise ModelError(
            f"model '{spec}': {folder / _CONFIG} names architecture {quote(architecture)}, which timm has not; "
            "expected a folder that timm saved (one of transformers is hf:PATH)"
        )
    if not isinstance(published, dict) or not isinstance(arguments, dict) or arguments.keys() & _NO_ARGUMENTS:
        raise ModelError(
            f"model '{spec}': {folder / _CONFIG} is no configuration as timm writes it; take it again "
            "from where the weights came from"
        )
    n_classes = config.get("num_classes", published.get("num_classes", 1000))
    with users_code(f"model '{spec}'", "expected a folder that timm saved"):
        module: nn.Module = timm.create_model(architecture, pretrained=False, **{**arguments, "num_classes": n_classes})
    notices: tuple[str, ...] = ()
    if not random:
        file = weights or next((folder / file for file in _WEIGHT_FILES if (folder / file).is_file()), None)
        if file is None:
            raise ModelError(f"model '{spec}': no {' or '.join(_WEIGHT_FILES)} in {folder}; give --weights FILE")
        notices = load_into(module, read_weights(file)[0], weights=file, model=spec)
    with users_code(f"preprocessing of '{spec}'", "give --preprocess FILE.toml instead"):
        data = timm.data.resolve_data_config(pretrained_cfg=published)
        transform = from_transform(timm.data.create_transform(**data, is_training=False), spec)
    return Source(module, transform, _labels(spec, config, published), (f"timm:{architecture}",), notices)


def _labels(spec: str, config: Mapping[str, Any], published: Mapping[str, Any]) -> tuple[str, ...] | None:
    names = config.get("label_names", published.get("label_names", published.get("labels")))
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError(f"model '{spec}': 'label_names' of its {_CONFIG} is no list of names; mend it, or take it out")
    return tuple(names)


def _folder(spec: str, name: str) -> Path:
    """The folder itself, or that of a repository of the hub once it is fetched."""
    folder = Path(name)
    if folder.is_dir():
        if not (folder / _CONFIG).is_file():
            raise ModelError(f"model '{spec}': no {_CONFIG} in {folder}; expected a folder of save_pretrained")
        return folder
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(f"model '{spec}': no such folder {name}; expected one with a {_CONFIG}, or ORGANISATION/NAME")
    from huggingface_hub import snapshot_download

    with hub_or_cache() as online:
        try:
            return Path(snapshot_download(name, allow_patterns=_WANTED_FILES))
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelError(
                f"{spec} is no folder here, and cannot be fetched ({fetch_problem(error, online)}); give a folder "
                f"with a {_CONFIG} and its weights"
            ) from error


def _config(spec: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_regular_text(path))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ModelError(
            f"model '{spec}': {path} cannot be read as JSON: {plain(str(error))}; take it again "
            "from where the weights came from"
        ) from error
    if not isinstance(found, dict):
        raise ModelError(
            f"model '{spec}': {path} is no table of settings; take it again from where the weights came from"
        )
    return found
