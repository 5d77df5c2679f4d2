"""Encoders for the full grid: the bundled one taught more words, and one that learnt briefly from nothing.

Both have the format that `sample_data.encoder` describes, and lie in the work folder.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from auditor.models.bundled import bundled_path
from auditor.models.encoders.clip import clip_encoder
from auditor.models.encoders.encoder import Encoder
from auditor.models.model_sources import whole_picture
from auditor.models.torchvision_cure import import_torchvision_safely
from benchmarks.planted import words
from benchmarks.planted.bank import COLUMN, Bank, IntArray, PixelArray
from benchmarks.planted.drawing import ClassOf, Mixture, draw_rows
from benchmarks.planted.networks import as_input
from benchmarks.planted.worlds import FACTOR_VALUES
from sample_data.encoder import Tokens, contrast_and_contests, encode_text, write_encoder

#: Encoders, and whether each starts from the bundled weights.
SORTS: dict[str, bool] = {"own": True, "early": False}
_PEAK_RATE, _WARM_UP, _WEIGHT_DECAY = 1.2e-3, 60, 0.05
_MODEL_KEYS = ("embed_dim", "vision_cfg", "text_cfg", "quick_gelu")
#: Rich in everything that must be named.
_RICH = {"artifact": 0.6, "light": 0.36, "cast": 0.54, "quality": 0.15, "surface": 0.5}


@dataclass(frozen=True, slots=True)
class Lessons:
    """Steps of each encoder by its sort, pictures a step, and pictures that it is examined on."""

    steps: tuple[tuple[str, int], ...]
    batch: int
    examined: int


FULL_LESSONS = Lessons((("own", 900), ("early", 500)), batch=128, examined=1500)
TOY_LESSONS = Lessons((("own", 6), ("early", 6)), batch=16, examined=24)


def _open_clip() -> Any:
    import_torchvision_safely()
    import open_clip

    return open_clip


@cache
def _bundled() -> dict[str, Any]:
    return dict(json.loads(bundled_path("encoder", "encoder.json").read_text(encoding="utf-8")))


def _folder(sort: str, lessons: Lessons, work: Path) -> Path:
    taught = (dict(lessons.steps)[sort], SORTS[sort]), lessons.batch
    identity = repr((*taught, _PEAK_RATE, _RICH, words.every_text(), _bundled()["weights_sha256"]))
    return work / f"encoder-{sort}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def teach(sort: str, lessons: Lessons, bank: Bank, work: Path, *, seed: int = 0) -> dict[str, float]:
    """Train an encoder unless it is there; returns how often it was right on fresh pictures, by contest."""
    folder = _folder(sort, lessons, work)
    if (folder / "encoder.json").exists():
        return dict(json.loads((folder / "encoder.json").read_text(encoding="utf-8"))["held_out"])
    steps, warm = dict(lessons.steps)[sort], SORTS[sort]
    torch.manual_seed(seed)
    rng = np.random.default_rng((seed, 83))
    tokens = Tokens(words.every_text(), _bundled()["token_ids"])
    model = _new_model(tokens, warm=warm)
    optimiser = torch.optim.AdamW(model.parameters(), lr=_PEAK_RATE, betas=(0.9, 0.98), weight_decay=_WEIGHT_DECAY)
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _PEAK_RATE, total_steps=steps, pct_start=min(_WARM_UP / steps, 0.5), cycle_momentum=False
    )
    for step in range(steps):
        if step == round(0.75 * steps):
            model.visual.patch_dropout.prob = 0.0
        rows = _rich_rows(bank, lessons.batch, "train", rng)
        loss = _batch_loss(model, tokens, bank.pictures(rows), rows, rng)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        rates.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=float(np.log(60)))
    figures = _zero_shot(model.eval(), tokens, bank, lessons.examined, rng)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocabulary.toml").write_text(words.vocabulary(), encoding="utf-8")
    write_encoder(folder, model, tokens, figures)  # its description comes last: with it the folder is whole
    return figures


def load(sort: str, lessons: Lessons, work: Path) -> Encoder:
    """An encoder that was taught before."""
    folder = _folder(sort, lessons, work)
    description = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    model = _open_clip().model.CLIP(**description["model"])
    state = load_file(folder / "weights.safetensors")
    table = torch.zeros_like(model.token_embedding.weight)
    table[description["token_ids"]] = state.pop("token_embedding.rows")
    model.load_state_dict({**state, "token_embedding.weight": table}, strict=False)
    tokenizer = _open_clip().tokenizer.SimpleTokenizer(context_length=model.context_length)
    known = frozenset(description["token_ids"])
    return clip_encoder(
        model,
        tokenizer,
        spec=f"planted:{sort}",
        preprocess=whole_picture(description["preprocess"], "encoder.json"),
        device="cpu",
        knows=lambda text: bool(tokenizer.encode(text)) and known.issuperset(tokenizer.encode(text)),
        vocabulary_path=folder / "vocabulary.toml",
    )


def _new_model(tokens: Tokens, *, warm: bool) -> Any:
    """A CLIP of the bundled one's shape, with its weights if ``warm``; new words start as small random rows."""
    config = {key: _bundled()["model"][key] for key in _MODEL_KEYS}
    config["vision_cfg"] = {**config["vision_cfg"], "patch_dropout": 0.5}
    config["text_cfg"] = {**config["text_cfg"], "vocab_size": len(tokens.ids)}
    model = _open_clip().model.CLIP(**config)
    if warm:
        state = load_file(bundled_path("encoder", _bundled()["weights"]))
        table = model.token_embedding.weight.detach().clone()
        place = {token: k for k, token in enumerate(tokens.ids)}
        table[[place[one] for one in _bundled()["token_ids"]]] = state.pop("token_embedding.rows").float()
        model.load_state_dict({**state, "token_embedding.weight": table}, strict=False)
    return model.train()


def _rich_rows(bank: Bank, n: int, split: Any, rng: np.random.Generator) -> IntArray:
    """Pictures with more marks, casts and surfaces than any data set has."""
    classes = [ClassOf(name, (name,)) for name in bank.world.of("object")]
    rows = draw_rows(classes, Mixture(), rng.integers(len(classes), size=n), bank, split, rng)
    for factor, share in _RICH.items():
        values = bank.world.of(factor)[1:]
        chosen = np.flatnonzero(rng.random(n) < share) if values else np.zeros(0, np.int64)
        codes = [FACTOR_VALUES[factor].index(value) for value in values]
        rows[chosen, COLUMN[factor]] = rng.choice(codes, size=chosen.size) if values else 0
    return rows


def _batch_loss(model: Any, tokens: Tokens, pixels: PixelArray, rows: IntArray, rng: np.random.Generator) -> Tensor:
    contests = words.contests()
    prompts = [words.asked(factor, one, rng) for factor, values in contests for one in values]
    texts = encode_text(model, tokens([words.caption_of(row, rng) for row in rows] + prompts))
    sizes = [len(values) for _, values in contests]
    return contrast_and_contests(model, as_input(pixels), texts, sizes, torch.from_numpy(words.targets(rows)))


def _zero_shot(model: Any, tokens: Tokens, bank: Bank, n: int, rng: np.random.Generator) -> dict[str, float]:
    """Share of fresh pictures whose nearest prompt (first form, first word) is right, by contest."""
    rows = _rich_rows(bank, n, "audit", rng)
    figures: dict[str, float] = {}
    with torch.no_grad():
        image = torch.cat([model.encode_image(as_input(bank.pictures(part))) for part in np.array_split(rows, 6)])
        for k, (factor, values) in enumerate(words.contests()):
            texts = encode_text(model, tokens([words.asked(factor, one, None) for one in values]))
            right = (image @ texts.T).argmax(1).numpy() == words.targets(rows)[:, k]
            figures[factor if factor not in figures else "group"] = round(float(right.mean()), 4)
    return figures
