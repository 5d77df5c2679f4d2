"""open_clip models: published ones that are fetched once, and local files with the preprocessing that is theirs."""

from __future__ import annotations

import difflib
import importlib
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from auditor.errors import EncoderError, ModelError
from auditor.models.encoders.clip import clip_encoder
from auditor.models.encoders.encoder import Encoder
from auditor.models.encoders.sidecar import (
    PREPROCESS_KEYS,
    SIDECAR,
    check_borrowed_names,
    check_no_folder,
    read_sidecar,
)
from auditor.models.hub import fetch_problem, hub_or_cache
from auditor.models.preprocess import from_transform
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.models.undrawn_weights import UndrawnWeights
from auditor.models.weights import load_into, read_weights


def load_open_clip(spec: str, device: str, cache_dir: Path | None) -> Encoder:
    """Load ``open_clip:ARCH/TAG``, ``open_clip:ARCH@FILE`` or ``open_clip:ARCH/TAG@FILE``.

    The preprocessing of a FILE is, in this order: that of TAG, that of ``open_clip_config.json`` beside the file (which
    also defines an ARCH that open_clip does not know), that of the published weights of ARCH where all of them agree,
    open_clip's default with a notice. Code beside a file, or of a hub, is never run.

    Raises:
        EncoderError: unknown names, weights that cannot be fetched, read, or do not fit.
    """
    import_torchvision_safely()
    open_clip: Any = importlib.import_module("open_clip")
    name, _, file = spec.removeprefix("open_clip:").partition("@")
    arch, _, tag = name.partition("/")
    path = Path(file).expanduser() if file else None
    if path is not None and not path.is_file():
        raise EncoderError(
            f"encoder weights {path}: no such file; give one after the @ of --encoder open_clip:{arch}@FILE"
        )
    sidecar = {} if path is None else read_sidecar(path)
    own_config = path is not None and "model_cfg" in sidecar and arch not in open_clip.list_models()
    if not own_config:
        _check_name(arch, open_clip.list_models(), "architecture")
    tags = open_clip.list_pretrained_tags_by_model(arch)
    if not tag and path is None:
        raise EncoderError(f"encoder '{spec}': say which weights, open_clip:{arch}/TAG or open_clip:{arch}@FILE")
    if tag:
        _check_name(tag, tags, f"pretrained tag of {arch}")
    published = open_clip.get_pretrained_cfg(arch, tag) if tag else {}
    if not published and not sidecar:
        published = _agreed([open_clip.get_pretrained_cfg(arch, each) for each in tags])
    settings = published or sidecar.get("preprocess_cfg", {})
    quick_gelu = bool(published.get("quick_gelu") or sidecar.get("model_cfg", {}).get("quick_gelu"))
    own_folder = path.parent if own_config and path is not None else None
    model_cfg = sidecar["model_cfg"] if own_config else open_clip.get_model_config(arch)
    _check_parts(open_clip, model_cfg, spec if own_folder is None else str(own_folder / SIDECAR))
    where = None if cache_dir is None else str(cache_dir)
    with hub_or_cache() as online, _quiet(), _never_asking(), tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / SIDECAR).write_text(json.dumps({"model_cfg": model_cfg}), encoding="utf-8")
        try:
            with UndrawnWeights():
                model = open_clip.create_model(
                    arch if own_folder is None else f"local-dir:{scratch}",
                    pretrained=tag if path is None else None,
                    load_weights=path is None,
                    require_pretrained=path is None,
                    pretrained_text=False,
                    device="cpu",
                    force_quick_gelu=quick_gelu,
                    force_preprocess_cfg={key: settings[key] for key in PREPROCESS_KEYS if key in settings},
                    cache_dir=where,
                )
            tokenizer = _tokenizer(open_clip, arch, model_cfg.get("text_cfg", {}), own_folder, where)
        except (OSError, RuntimeError, ValueError, ImportError) as error:
            if own_folder is not None:
                raise EncoderError(
                    f"{spec} cannot be built as {own_folder / SIDECAR} says ({fetch_problem(error, True)}); its "
                    "tokenizer must lie beside it and need no code of its own, which is never run"
                ) from error
            raise EncoderError(
                f"{spec} cannot be loaded ({fetch_problem(error, online)}); give its weights as a file: "
                f"--encoder open_clip:{name}@FILE, or take --encoder conse, which needs no hub"
            ) from error
        except (TypeError, KeyError, AttributeError, AssertionError) as error:  # a description that describes nothing
            raise EncoderError(
                f"{spec} cannot be built as {SIDECAR} says: {fetch_problem(error, True)}; take both files "
                "from one place"
            ) from error
    if path is not None:
        _load_file(open_clip, model, path, spec)
    settled = open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg)
    transform = open_clip.transform.image_transform_v2(settled, is_train=False)
    return clip_encoder(
        model,
        tokenizer,
        spec=spec,
        preprocess=from_transform(transform, spec),
        device=device,
        identity=(arch, f"quick_gelu {quick_gelu}"),
        notice=None if settings or path is None else _assumed(arch, tags, path),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip logs to the root logger, errors that are raised here and a warning that weights are random included."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _never_asking() -> Iterator[None]:
    """Inside, transformers refuses a model that brings code; left to itself it asks on the terminal and may run it."""
    try:
        loading: Any = importlib.import_module("transformers.dynamic_module_utils")
    except ImportError:  # it comes with an extra
        yield
        return
    before = loading.TIME_OUT_REMOTE_CODE
    loading.TIME_OUT_REMOTE_CODE = 0
    try:
        yield
    finally:
        loading.TIME_OUT_REMOTE_CODE = before


def _check_parts(open_clip: Any, model_cfg: dict[str, Any], where: str) -> None:
    """Towers and tokenizers of other libraries are known by name, and no folder here goes by it."""
    timm: Any = importlib.import_module("timm")
    own = [open_clip.get_model_config(name) for name in open_clip.list_models()]
    text_models = {config["text_cfg"]["hf_model_name"] for config in own if "hf_model_name" in config["text_cfg"]}
    check_borrowed_names(model_cfg, where, text_models=text_models, timm_models=set(timm.list_models()))


def _tokenizer(
    open_clip: Any, arch: str, text_cfg: dict[str, Any], own_folder: Path | None, cache_dir: str | None
) -> Any:
    """open_clip's tokenizer; one of transformers is told that it may run no code, whatever lies beside its files."""
    borrowed = text_cfg.get("hf_tokenizer_name")
    no_code = {"trust_remote_code": False} if borrowed else {}
    if own_folder is None:
        if borrowed:
            check_no_folder(str(borrowed), f"open_clip:{arch}")
        return open_clip.get_tokenizer(arch, cache_dir=cache_dir, **no_code)
    settings = {"context_length": text_cfg.get("context_length", 77), **text_cfg.get("tokenizer_kwargs", {})}
    if borrowed:
        mode = text_cfg.get("tokenizer_mode")
        own = {"tokenizer_mode": mode, "cache_dir": cache_dir, "local_files_only": True}
        return open_clip.tokenizer.HFTokenizer(str(own_folder), **settings, **own, **no_code)
    return open_clip.tokenizer.SimpleTokenizer(**settings)


def _load_file(open_clip: Any, model: nn.Module, path: Path, spec: str) -> None:
    """Load local weights, converted by open_clip where they are of an older or foreign layout."""
    if path.suffix not in (".safetensors", ".npz", ".npy"):
        read_weights(path)  # refuses a pickle that holds code: open_clip falls back on its own defaults for some
    try:
        open_clip.load_checkpoint(model, str(path), weights_only=True)
    except Exception as error:
        # open_clip's reasons run over pages: read the file again, to say what is wrong in one line.
        try:
            state, _ = read_weights(path)
            load_into(model, state, weights=path, model=spec.partition("@")[0])
        except ModelError as reason:
            raise EncoderError(str(reason)) from error
        reason_line = str(error).partition("\n")[0]
        raise EncoderError(
            f"encoder weights {path} cannot be loaded into {spec}: {reason_line}; give weights of this architecture"
        ) from error


def _agreed(configs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Settings of the published weights of an architecture where all of them say the same, else nothing."""
    said = {json.dumps([config.get(key) for key in (*PREPROCESS_KEYS, "quick_gelu")]) for config in configs}
    return configs[0] if len(said) == 1 else {}


def _assumed(arch: str, tags: Sequence[str], path: Path) -> str:
    """What to tell where the preprocessing of a file is not known for sure."""
    named = f"open_clip:{arch}/TAG@{path.name} with one of {', '.join(tags[:4])}" if tags else f"{SIDECAR} beside it"
    return f"preprocessing of {path.name} is taken to be open_clip's default for {arch}; to be sure say {named}"


def _check_name(name: str, known: Sequence[str], what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or list(known[:3])
        raise EncoderError(f"open_clip has no {what} '{name}'; nearest: {', '.join(near) or 'none'}")
