"""What may be taken from ``open_clip_config.json`` beside weights: numbers and names, never anything that runs.

open_clip hands a good part of that file on to transformers and timm, which load code from a folder or a hub when it
tells them to. So only keys that are listed here are read, and a part of another library is known by a name that
open_clip or timm has itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from auditor.errors import EncoderError
from auditor.regular_files import read_regular
from auditor.wording import quote

#: Written by open_clip beside the weights that it publishes.
SIDECAR = "open_clip_config.json"
PREPROCESS_KEYS = ("size", "mean", "std", "interpolation", "resize_mode", "fill_color")
_MODEL_KEYS = (
    "embed_dim", "quick_gelu", "custom_text", "init_logit_scale", "init_logit_bias", "nonscalar_logit_scale",
)  # fmt: skip
_TOWER_KEYS = (
    "layers", "width", "mlp_ratio", "ls_init_value", "final_ln_after_pool", "pool_type", "output_tokens", "act_kwargs",
    "norm_kwargs", "block_type", "qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn",
    "scale_fc",
)  # fmt: skip
_VISION_KEYS = (
    *_TOWER_KEYS, "head_width", "patch_size", "image_size", "patch_dropout", "attentional_pool", "attn_pooler_queries",
    "attn_pooler_heads", "no_ln_pre", "pos_embed_type", "timm_model_name", "timm_pool", "timm_proj", "timm_proj_bias",
    "timm_drop", "timm_drop_path",
)  # fmt: skip
_TEXT_KEYS = (
    *_TOWER_KEYS, "context_length", "vocab_size", "hf_tokenizer_name", "tokenizer_mode", "tokenizer_kwargs", "heads",
    "embed_cls", "pad_id", "eos_id", "no_causal_mask", "proj_bias", "proj_type", "hf_model_name", "hf_proj_type",
    "hf_pooler_type",
)  # fmt: skip
_DECODER_KEYS = (*_TEXT_KEYS, "dim_head", "n_queries", "attn_pooler_heads")
#: How texts are cleaned before they become ids. Everything else would go on to transformers.
_TOKENIZER_KEYS = ("clean", "strip_sep_token", "language", "additional_special_tokens", "reduction_mask")


def read_sidecar(weights: Path) -> dict[str, Any]:
    """The description beside ``weights`` with its known keys alone; empty where there is none.

    Returns:
        ``preprocess_cfg`` and ``model_cfg``, those that the file has, as open_clip takes them.

    Raises:
        EncoderError: no readable JSON, or a table that is none.
    """
    path = weights.parent / SIDECAR
    if not path.exists():
        return {}
    try:
        content = json.loads(read_regular(path))
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(
            f"{path} is no readable JSON: {error}; take it again from where the weights came from"
        ) from error
    content = _table(content, path, "the file")
    found = {}
    if "preprocess_cfg" in content:
        found["preprocess_cfg"] = _only(PREPROCESS_KEYS, content["preprocess_cfg"], path, "preprocess_cfg")
    if "model_cfg" not in content:
        return found
    given = _table(content["model_cfg"], path, "model_cfg")
    model = _only(_MODEL_KEYS, given, path, "model_cfg")
    parts = {"vision_cfg": _VISION_KEYS, "text_cfg": _TEXT_KEYS, "multimodal_cfg": _DECODER_KEYS}
    for part, keys in parts.items():
        if part in given or part != "multimodal_cfg":
            model[part] = _only(keys, given.get(part, {}), path, part)
            if "tokenizer_kwargs" in model[part]:
                kwargs = model[part]["tokenizer_kwargs"] or {}
                model[part]["tokenizer_kwargs"] = _only(_TOKENIZER_KEYS, kwargs, path, "tokenizer_kwargs")
    return {**found, "model_cfg": model}


def check_borrowed_names(
    model_cfg: dict[str, Any], where: str, *, text_models: set[str], timm_models: set[str]
) -> None:
    """Refuse towers of other libraries that these would read from a folder, or from a repository nobody knows.

    Args:
        model_cfg: As open_clip takes it.
        where: Named in errors.
        text_models: What open_clip's own architectures take from transformers.
        timm_models: Architectures of timm.

    Raises:
        EncoderError: a name that is not among them, or that a folder here has too.
    """
    for part in ("text_cfg", "multimodal_cfg"):
        name = model_cfg.get(part, {}).get("hf_model_name")
        if name is not None:
            if name not in text_models:
                raise EncoderError(
                    f"{where} asks transformers for {quote(str(name))}, which no architecture of open_clip uses: it "
                    f"is not loaded, since it may bring code; known: {', '.join(sorted(text_models))}"
                )
            check_no_folder(str(name), where)
    name = model_cfg.get("vision_cfg", {}).get("timm_model_name")
    if name is not None and str(name).partition(".")[0] not in timm_models:
        raise EncoderError(
            f"{where} asks timm for {quote(str(name))}, which is no architecture of timm: give other weights"
        )


def check_no_folder(name: str, where: str) -> None:
    """Refuse a name of the hub that a file or folder here has too: transformers would read that instead.

    Raises:
        EncoderError: there is one.
    """
    if Path(name).exists():
        raise EncoderError(
            f"{where} takes {quote(name)} from the hub, and a folder of that name here would be read instead: "
            "run auditor in another folder"
        )


def _only(keys: tuple[str, ...], given: Any, path: Path, name: str) -> dict[str, Any]:
    table = _table(given, path, name)
    return {key: table[key] for key in keys if key in table}


def _table(given: Any, path: Path, name: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise EncoderError(f"{path}: {name} is a {type(given).__name__}; expected a table such as open_clip writes")
    return given
