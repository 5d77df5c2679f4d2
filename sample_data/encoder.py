"""Train the sample encoder: a small open_clip CLIP that knows the rendered scenes and nothing else.

    python -m sample_data.encoder          (or as a part of `python -m sample_data.build`)

File format, in `data/encoder/`:

`encoder.json`
    `format`            "auditor-sample-encoder/1"
    `weights`           file name of the weights beside it, `weights_sha256` their digest
    `model`             arguments of `open_clip.model.CLIP(**model)`: embed_dim, vision_cfg, text_cfg, quick_gelu
    `token_ids`         ids that were taught, ascending, of `SimpleTokenizer(context_length=text_cfg.context_length)`
    `preprocess`        size (height, width; the whole picture, no crop), interpolation (Pillow's, antialiased),
                        mean, std; x = (RGB / 255 - mean) / std, shape (3, height, width)
    `logit_scale`       exp of the learnt scale: cosines times this are logits
    `held_out`          measured zero-shot accuracy by factor
`weights.safetensors`
    Every tensor of the CLIP's state dict but `token_embedding.weight`; instead `token_embedding.rows`
    (len(token_ids), text width), the rows of that table for `token_ids`. A loader makes a table of zeros of
    `text_cfg.vocab_size` rows, puts them in, and treats a word with any other token as never taught.
`vocabulary.toml`
    The concepts that the captions name, with kinds, synonyms and forms (`sample_data.vocabulary`).
`MODEL_CARD.md`
    How it was trained, what it scored, what it cannot do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from auditor.models.torchvision_cure import import_torchvision_safely
from sample_data.bank import PixelArray, photographs
from sample_data.captions import (
    GROUP_OF,
    GROUP_WORDS,
    OBJECT_WORDS,
    WORDS_OF_FACTOR,
    caption,
    every_text,
    prompt,
)
from sample_data.sampling import draw_teaching_set
from sample_data.scene import Scene

_LOG = logging.getLogger(__name__)

IMAGE_SIZE = 64
MEAN = (0.45, 0.5, 0.5)
STD = (0.27, 0.25, 0.27)
MODEL: dict[str, Any] = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": IMAGE_SIZE, "layers": 4, "width": 128, "head_width": 32, "patch_size": 8},
    "text_cfg": {"context_length": 40, "vocab_size": 49408, "width": 96, "heads": 4, "layers": 2},
    "quick_gelu": False,
}
N_TRAIN, N_HELD_OUT = 24_000, 3_000
STEPS, BATCH, PEAK_RATE, WEIGHT_DECAY, WARM_UP = 1600, 192, 1.2e-3, 0.05, 100
_KIND_WEIGHT = 0.5
# Half of the patches are left out at first (Li et al., FLIP, arXiv:2212.00794): more than twice as fast.
PATCH_DROPOUT, WHOLE_SHARE = 0.5, 0.25


def _open_clip() -> Any:
    import_torchvision_safely()
    import open_clip

    return open_clip


def _words_by_kind() -> list[tuple[str, list[tuple[str, ...]]]]:
    """(kind, words by value) for each contest that a picture takes part in; the last is that of the groups."""
    contests = [(kind, list(words.values())) for _, kind, words in WORDS_OF_FACTOR]
    contests.append(("object", [GROUP_WORDS.get(name) or OBJECT_WORDS[name] for name in _group_names()]))
    return contests


def _group_names() -> list[str]:
    return sorted({GROUP_OF.get(name, name) for name in OBJECT_WORDS})


def _targets(scenes: list[Scene]) -> NDArray[np.int64]:
    """(N, contests) index of the right answer of each contest of `_words_by_kind`."""
    groups = _group_names()
    columns = [[list(words).index(getattr(s, factor)) for s in scenes] for factor, _, words in WORDS_OF_FACTOR]
    columns.append([groups.index(GROUP_OF.get(s.object, s.object)) for s in scenes])
    return np.array(columns, dtype=np.int64).T


class Tokens:
    """Token ids narrowed to those that some texts use, and more; order is kept, so the end token stays the greatest."""

    def __init__(self, texts: list[str], more: Iterable[int] = ()) -> None:
        context = MODEL["text_cfg"]["context_length"]
        self._tokenizer = _open_clip().tokenizer.SimpleTokenizer(context_length=context)
        used = torch.unique(self._tokenizer(texts)).tolist()
        self.ids: list[int] = sorted({int(one) for one in used} | {0} | set(more))
        self._place = {token: place for place, token in enumerate(self.ids)}
        self._seen: dict[str, list[int]] = {}

    def __call__(self, texts: list[str]) -> Tensor:
        """(n, longest of the texts); what follows the end token of a shorter one is 0."""
        for text in texts:
            if text not in self._seen:
                self._seen[text] = [self._place[one] for one in self._tokenizer([text])[0].tolist()]
        found = torch.tensor([self._seen[text] for text in texts])
        return found[:, : int((found != 0).sum(1).max())]


def _as_input(pixels: PixelArray) -> Tensor:
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)
    return (scaled - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def _jitter(pixels: PixelArray, rng: np.random.Generator) -> PixelArray:
    """Move the batch by a few pixels, the edge repeated, so that places are not learnt by heart."""
    dx, dy = (int(v) for v in rng.integers(0, 7, 2))
    padded = np.pad(pixels, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="edge")
    return padded[:, dy : dy + IMAGE_SIZE, dx : dx + IMAGE_SIZE]


def _batch_loss(
    model: nn.Module,
    tokens: Tokens,
    pixels: PixelArray,
    scenes: list[Scene],
    targets: Tensor,
    rng: np.random.Generator,
) -> Tensor:
    contests = _words_by_kind()
    asked = [prompt(kind, words[int(rng.integers(len(words)))], rng) for kind, values in contests for words in values]
    texts = encode_text(model, tokens([caption(scene, rng) for scene in scenes] + asked))
    image = _as_input(_jitter(pixels, rng))
    return contrast_and_contests(model, image, texts, [len(values) for _, values in contests], targets)


def contrast_and_contests(model: Any, images: Tensor, texts: Tensor, sizes: list[int], targets: Tensor) -> Tensor:
    """Loss of a batch: contrast of pictures with captions, plus the contest of each kind's words.

    Args:
        model: The CLIP.
        images: (n, 3, H, W), preprocessed.
        texts: Unit rows: n captions, then the words of all contests, one after the other.
        sizes: Number of words of every contest.
        targets: (n, contests) index of the right word.
    """
    captions, words = texts[: len(images)], texts[len(images) :]
    image = functional.normalize(model.encode_image(images), dim=-1)
    scale = model.logit_scale.exp()
    logits, same = scale * image @ captions.T, torch.arange(len(images))
    loss: Tensor = (functional.cross_entropy(logits, same) + functional.cross_entropy(logits.T, same)) / 2
    for contest, rivals in enumerate(torch.split(words, sizes)):
        loss = loss + _KIND_WEIGHT * functional.cross_entropy(scale * image @ rivals.T, targets[:, contest])
    return loss


def encode_text(model: Any, text: Tensor) -> Tensor:
    """Unit rows of `CLIP.encode_text`, for texts cut to the longest: padding after the end token changes nothing."""
    length = text.shape[1]
    x = model.token_embedding(text) + model.positional_embedding[:length]
    x = model.ln_final(model.transformer(x, attn_mask=model.attn_mask[:length, :length]))
    return functional.normalize(x[torch.arange(len(text)), text.argmax(-1)] @ model.text_projection, dim=-1)


def zero_shot(model: nn.Module, tokens: Tokens, pixels: PixelArray, scenes: list[Scene]) -> dict[str, float]:
    """Share of pictures whose nearest prompt (first form, canonical word) is right, by contest."""
    model.eval()
    with torch.no_grad():
        image = torch.cat([model.encode_image(_as_input(pixels[i : i + 500])) for i in range(0, len(pixels), 500)])  # type: ignore[operator]
        figures: dict[str, float] = {}
        truth = _targets(scenes)
        for contest, (kind, values) in enumerate(_words_by_kind()):
            words = encode_text(model, tokens([prompt(kind, w[0]) for w in values]))
            right = (image @ words.T).argmax(1).numpy() == truth[:, contest]
            figures[kind if kind not in figures else "class"] = round(float(right.mean()), 4)
    model.train()
    return figures


def train_encoder(folder: Path, cache: Path, *, steps: int, n_train: int = N_TRAIN, seed: int = 0) -> dict[str, float]:
    """Train and write the files of the format above.

    Args:
        folder: Where the files go.
        cache: Folder for rendered pictures.
        steps: Batches of 192.
        n_train: Training scenes.
        seed: Of weights, batches and captions.

    Returns:
        Held-out zero-shot accuracy by factor.
    """
    open_clip = _open_clip()
    scenes, held = draw_teaching_set("encoder", n_train), draw_teaching_set("encoder-held-out", N_HELD_OUT)
    pixels, held_pixels = (
        photographs(scenes, IMAGE_SIZE, cache=cache),
        photographs(held, IMAGE_SIZE, cache=cache),
    )
    targets = torch.from_numpy(_targets(scenes))
    tokens = Tokens(every_text())
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = open_clip.model.CLIP(
        **{
            **MODEL,
            "vision_cfg": {**MODEL["vision_cfg"], "patch_dropout": PATCH_DROPOUT},
            "text_cfg": {**MODEL["text_cfg"], "vocab_size": len(tokens.ids)},
        }
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY)
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, PEAK_RATE, total_steps=steps, pct_start=min(0.3, WARM_UP / steps), cycle_momentum=False
    )
    started, order = time.monotonic(), np.zeros(0, np.int64)
    for step in range(steps):
        if step == round(steps * (1 - WHOLE_SHARE)):
            model.visual.patch_dropout.prob = 0.0
        if len(order) < BATCH:
            order = rng.permutation(n_train)
        chosen, order = order[:BATCH], order[BATCH:]
        loss = _batch_loss(model, tokens, pixels[chosen], [scenes[i] for i in chosen], targets[chosen], rng)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        rates.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=float(np.log(60)))
        if (step + 1) % 100 == 0:
            pace = (time.monotonic() - started) / (step + 1)
            figures = zero_shot(model, tokens, held_pixels[:600], held[:600]) if (step + 1) % 300 == 0 else {}
            _LOG.info("step %d of %d, loss %.3f, %.2f s a step %s", step + 1, steps, loss.item(), pace, figures)
            if (step + 1) % 300 == 0 and step + 1 < steps:
                write_encoder(folder, model, tokens, figures)
    figures = zero_shot(model, tokens, held_pixels, held)
    _LOG.info("held out: %s", figures)
    write_encoder(folder, model, tokens, figures)
    return figures


def write_encoder(folder: Path, model: nn.Module, tokens: Tokens, figures: dict[str, float]) -> None:
    """Write weights and description."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().contiguous().clone() for name, value in model.state_dict().items()}
    tensors["token_embedding.rows"] = tensors.pop("token_embedding.weight")
    tensors.pop("attn_mask", None)
    weights = folder / "weights.safetensors"
    save_file(tensors, weights)
    weights.chmod(0o644)  # safetensors makes it readable for its owner alone
    description = {
        "format": "auditor-sample-encoder/1",
        "weights": weights.name,
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "model": MODEL,
        "token_ids": tokens.ids,
        "preprocess": {
            "size": [IMAGE_SIZE, IMAGE_SIZE],
            "interpolation": "bicubic",
            "mean": MEAN,
            "std": STD,
        },
        "logit_scale": float(torch.as_tensor(model.logit_scale).detach().exp()),
        "held_out": figures,
    }
    (folder / "encoder.json").write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "data" / "encoder")
    parser.add_argument("--cache", type=Path, required=True, help="folder for rendered pictures")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    train_encoder(arguments.output, arguments.cache, steps=arguments.steps)


if __name__ == "__main__":
    main()
