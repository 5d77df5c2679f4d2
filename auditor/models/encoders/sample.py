"""The bundled encoder of rendered scenes."""

from __future__ import annotations

import json

import torch

from auditor.errors import EncoderError
from auditor.models.bundled import bundled_path
from auditor.models.encoders.clip import clip_encoder
from auditor.models.encoders.encoder import Encoder
from auditor.models.model_sources import whole_picture
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.models.weights import load_into, read_weights
from auditor.regular_files import file_sha256

_SAMPLE_FORMAT = "auditor-sample-encoder/1"


def load_sample(device: str) -> Encoder:
    """The bundled CLIP of rendered scenes; the format is described in ``sample_data/encoder.py``."""
    import_torchvision_safely()
    import open_clip

    description = json.loads(bundled_path("encoder", "encoder.json").read_text(encoding="utf-8"))
    if description.get("format") != _SAMPLE_FORMAT:
        raise EncoderError(f"sample encoder has format {description.get('format')!r}; expected {_SAMPLE_FORMAT!r}")
    path = bundled_path("encoder", description["weights"])
    found, wanted = file_sha256(path), description["weights_sha256"]
    if found != wanted:
        raise EncoderError(f"sample encoder {path} has sha256 {found[:12]}, expected {wanted[:12]}: reinstall auditor")
    model = open_clip.model.CLIP(**description["model"])
    state, _ = read_weights(path)
    taught = description["token_ids"]
    # Only the rows of words that were taught are kept in the file.
    table = torch.zeros_like(model.token_embedding.weight)
    table[taught] = state.pop("token_embedding.rows").float()
    state["token_embedding.weight"] = table
    load_into(model, state, weights=path, model="the sample encoder")
    tokenizer = open_clip.tokenizer.SimpleTokenizer(context_length=description["model"]["text_cfg"]["context_length"])
    known = frozenset(taught)

    def knows(text: str) -> bool:
        tokens = tokenizer.encode(text)
        return bool(tokens) and known.issuperset(tokens)

    return clip_encoder(
        model,
        tokenizer,
        spec="sample",
        preprocess=whole_picture(description["preprocess"], "encoder.json"),
        device=device,
        knows=knows,
        vocabulary_path=bundled_path("encoder", "vocabulary.toml"),
        notice="the words come from the sample encoder, which is made for the rendered scenes of the demo: for "
        "any other pictures name a real one (--encoder)",
    )
