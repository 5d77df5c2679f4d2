"""How much of a vision transformer's map lies on the sticker that the network goes by, against other ways to draw it.

    python -m benchmarks.sticker_maps --seeds 1 2 --work DIR --output benchmarks/results/sticker_maps.json

timm's vision transformers (patches of 8 px, three blocks), with class token and with mean pooling, learn to tell two
classes of rendered pictures that differ in nothing but a sticker of 16 px (a sixteenth of the picture) at a place drawn
anew: *easy*, it is there or not, in one colour; *hard*, every picture has one, and its grey stripes are upright or lie.
Of unseen pictures with a sticker that are called rightly, the share of the map's positive mass that lies on it; beside
the map methods of the product stands occlusion, by cells of 8 px in the picture's mean colour.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from auditor.errors import ModelError
from auditor.models.cam import response_maps
from auditor.models.classifier import Classifier
from auditor.models.load_classifier import make_classifier
from auditor.models.map_choice import drawing_with
from auditor.models.preprocess import Preprocess
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.records import FloatArray, IntArray
from benchmarks.machine import write_result
from benchmarks.planted.bank import SIZE, SMALL_BANK, TOY_BANK, Bank, PixelArray, Split
from benchmarks.planted.drawing import ClassOf, Mixture, draw_rows
from benchmarks.planted.networks import MEAN, STD, as_input, train
from benchmarks.planted.worlds import SAMPLE

import_torchvision_safely()
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

Sort = Literal["easy", "hard"]
SORTS: tuple[Sort, ...] = ("easy", "hard")
POOLINGS: dict[str, Literal["token", "avg"]] = {"class token": "token", "mean pooling": "avg"}
METHODS = (
    "centred_gradient", "integrated_gradient", "gradient", "grad_cam", "grad_cam_pp", "layer_cam", "attention_value",
)  # fmt: skip
_CELL, _STICKER = 8, 16
_COLOUR = (214, 40, 160)
_SIZES = {"small": (SMALL_BANK, 2000, 400), "toy": (TOY_BANK, 3, 8)}  # bank, steps, pictures asked
_WIDTH, _RATE = 64, 2e-3


class _Body(VisionTransformer):
    """Without its head; `train` puts one on features of this width."""

    width = _WIDTH


class _Pictures:
    """Rendered pictures with stickers, as many as are asked for."""

    def __init__(self, bank: Bank, sort: Sort, split: Split, rng: np.random.Generator) -> None:
        self.bank, self.sort, self.split, self.rng = bank, sort, split, rng
        self.classes = (ClassOf("any", SAMPLE.of("object")),)

    def draw(self, n: int) -> tuple[PixelArray, IntArray, IntArray]:
        """Pixels (n, 64, 64, 3), classes (n,), and the sticker's cell (n, 2), upper left."""
        rows = draw_rows(self.classes, Mixture(), np.zeros(n, np.int64), self.bank, self.split, self.rng)
        pixels = self.bank.pictures(rows).copy()
        labels = self.rng.integers(2, size=n)
        cells = self.rng.integers((SIZE - _STICKER) // _CELL + 1, size=(n, 2))
        for k, (label, (top, left)) in enumerate(zip(labels, cells * _CELL, strict=True)):
            if self.sort == "hard" or label:
                pixels[k, top : top + _STICKER, left : left + _STICKER] = self._sticker(bool(label))
        return pixels, labels, cells

    def _sticker(self, second: bool) -> PixelArray:
        if self.sort == "easy":
            return np.broadcast_to(np.array(_COLOUR, np.uint8), (_STICKER, _STICKER, 3))
        wave = np.where((np.arange(_STICKER) + self.rng.integers(4)) % 4 < 2, 90, 166).astype(np.uint8)
        stripes = np.tile(wave, (_STICKER, 1))
        return np.repeat((stripes.T if second else stripes)[..., None], 3, axis=2)


def examine(bank: Bank, sort: Sort, pooling: str, seed: int, *, steps: int, n_asked: int) -> dict[str, Any]:
    """Train one network and draw its maps in every way."""
    torch.manual_seed(seed)
    pictures = _Pictures(bank, sort, "train", np.random.default_rng((seed, 1)))
    body = _Body(
        img_size=SIZE, patch_size=_CELL, embed_dim=_WIDTH, depth=3, num_heads=4, mlp_ratio=2, num_classes=0,
        global_pool=POOLINGS[pooling], class_token=pooling == "class token",
    )  # fmt: skip

    def next_batch(n: int) -> tuple[PixelArray, IntArray]:
        pixels, labels, _ = pictures.draw(n)
        return pixels, labels

    network = train(body, 2, next_batch, steps=steps, peak_rate=_RATE)
    asked = _Pictures(bank, sort, "truth", np.random.default_rng((seed, 2)))
    pixels, labels, cells = asked.draw(n_asked)
    with torch.no_grad():
        called = network(as_input(pixels)).argmax(dim=1).numpy()
    right = called == labels
    shown = right & ((labels == 1) | (sort == "hard"))
    return {
        "sort": sort,
        "pooling": pooling,
        "seed": seed,
        "accuracy": float(right.mean()),
        "pictures": int(shown.sum()),
        "on_sticker": _shares(network, pixels[shown], called[shown], cells[shown]),
    }


def _shares(network: nn.Module, pixels: PixelArray, called: IntArray, cells: IntArray) -> dict[str, float | None]:
    """Mean share of the positive mass on the sticker, by method; None where the model has no such map."""
    preprocess = Preprocess(size=(SIZE, SIZE), mean=MEAN, std=STD)
    classifier = make_classifier(network, preprocess, spec="sticker")
    found: dict[str, float | None] = {}
    for method in METHODS:
        try:
            drawing = drawing_with(classifier, method)
        except ModelError:
            found[method] = None
            continue
        weights = classifier.head.weight[called][:, None]
        found[method] = _on_sticker(response_maps(drawing, as_input(pixels), weights)[:, 0], cells)
    found["occlusion"] = _on_sticker(_occlusion(classifier, pixels, called), cells)
    return found


def _on_sticker(maps: FloatArray, cells: IntArray) -> float | None:
    """Of maps (n, h, w) over the cells; what is negative speaks against the class and counts nothing."""
    mass, width = np.maximum(maps, 0), _STICKER // _CELL
    total = mass.sum(axis=(1, 2))
    own = np.array(
        [one[top : top + width, left : left + width].sum() for one, (top, left) in zip(mass, cells, strict=True)]
    )
    known = total > 0
    return float((own[known] / total[known]).mean()) if known.any() else None


def _occlusion(classifier: Classifier, pixels: PixelArray, called: IntArray) -> FloatArray:
    """(n, cells, cells) what the class's output loses where a cell is covered."""
    n, side = len(pixels), SIZE // _CELL
    means: NDArray[np.uint8] = pixels.mean(axis=(1, 2)).round().astype(np.uint8)
    rows = np.arange(n)
    with torch.no_grad():
        before = classifier.module(as_input(pixels)).numpy()[rows, called]
        maps = np.zeros((n, side, side), np.float32)
        for y in range(side):
            for x in range(side):
                covered = pixels.copy()
                covered[:, y * _CELL : (y + 1) * _CELL, x * _CELL : (x + 1) * _CELL] = means[:, None, None]
                maps[:, y, x] = before - classifier.module(as_input(covered)).numpy()[rows, called]
    return maps


def report(found: Sequence[dict[str, Any]]) -> str:
    """Means over the seeds: a Markdown table."""
    names = (*METHODS, "occlusion")
    lines = [f"| sticker | pooling | accuracy | {' | '.join(names)} |", "|" + "---|" * (len(names) + 3)]
    for sort in SORTS:
        for pooling in POOLINGS:
            some = [one for one in found if (one["sort"], one["pooling"]) == (sort, pooling)]
            if not some:
                continue
            cells = []
            for name in names:
                values = [one["on_sticker"][name] for one in some if one["on_sticker"][name] is not None]
                cells.append(f"{np.mean(values):.2f}" if values else "–")
            accuracy = np.mean([one["accuracy"] for one in some])
            lines.append(f"| {sort} | {pooling} | {accuracy:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Train, draw, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--size", choices=_SIZES, default="small")
    parser.add_argument("--work", type=Path, required=True, help="where the rendered layers are kept")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size, steps, n_asked = _SIZES[arguments.size]
    bank = Bank(arguments.work, size, SAMPLE, pool=0)
    found = [
        examine(bank, sort, pooling, seed, steps=steps, n_asked=n_asked)
        for sort in SORTS
        for pooling in POOLINGS
        for seed in arguments.seeds
    ]
    print(report(found))
    if arguments.output is not None:
        write_result(arguments.output, {"networks": found}, reused={})


if __name__ == "__main__":
    main()
