"""Backbones that know every factor: where models under test start from, so that each takes seconds.

    python -m benchmarks.planted.backbones          makes backbones/*.safetensors, half an hour on 2 shared cores

They learn all factors at once, from pictures in which nothing goes with anything: they hold no shortcut, and everything
that a shortcut could be made of. "strong" ones know their objects, "weak" ones know scenes and marks far better.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.planted import networks
from benchmarks.planted.bank import COLUMN, SMALL_BANK, TOY_BANK, Bank, IntArray, PixelArray
from benchmarks.planted.drawing import ClassOf, Mixture, draw_rows
from benchmarks.planted.networks import ARCHITECTURES, as_input, train
from benchmarks.planted.worlds import FACTOR_VALUES, SAMPLE, World

FOLDER = Path(__file__).with_name("backbones")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps, highest learning rate, and what knowing the object counts (a scene counts 1)."""

    steps: int
    peak_rate: float
    object_weight: float


RECIPES = {
    ("cnn", "strong"): Recipe(1600, 3e-3, 1.5),
    ("cnn", "weak"): Recipe(900, 3e-3, 0.5),
    ("vit-class", "strong"): Recipe(1600, 2e-3, 1.5),
    ("vit-class", "weak"): Recipe(1100, 2e-3, 0.5),
    ("vit-mean", "strong"): Recipe(1600, 2e-3, 1.5),
    ("vit-mean", "weak"): Recipe(1100, 2e-3, 0.5),
}
#: Those of the small grid come with the code.
BUNDLED = tuple(which for which in RECIPES if which[0] != "vit-mean")
_SCENE_LIKE = ("background", "artifact", "surface")
_SEED = 1


def pretrain(
    architecture: str, strength: str, bank: Bank, *, steps: int | None = None
) -> tuple[nn.Module, dict[str, float]]:
    """Train a backbone, by default for its recipe's steps.

    Returns it with the share of fresh pictures that it answers rightly, by factor.
    """
    recipe = RECIPES[architecture, strength]
    torch.manual_seed(_SEED)
    rng = np.random.default_rng((_SEED, 79))
    classes = [ClassOf(name, (name,)) for name in bank.world.of("object")]
    factors = list(FACTOR_VALUES)
    sizes = [len(values) for values in FACTOR_VALUES.values()]
    weights = [
        recipe.object_weight if factor == "object" else 1.0 if factor in _SCENE_LIKE else 0.5 for factor in factors
    ]

    def next_batch(n: int) -> tuple[PixelArray, IntArray]:
        rows = draw_rows(classes, Mixture(), rng.integers(len(classes), size=n), bank, "train", rng)
        return bank.pictures(rows), rows[:, [COLUMN[factor] for factor in factors]]

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        parts = zip(weights, torch.split(logits, sizes, dim=1), targets.T, strict=True)
        return torch.stack([weight * functional.cross_entropy(part, target) for weight, part, target in parts]).sum()

    module = ARCHITECTURES[architecture]()
    model = train(module, sum(sizes), next_batch, steps=steps or recipe.steps, peak_rate=recipe.peak_rate, loss=loss)
    rows = draw_rows(classes, Mixture(), np.arange(1200) % len(classes), bank, "audit", rng)
    with torch.no_grad():
        answered = torch.split(model(as_input(bank.pictures(rows))), sizes, dim=1)
    right = {
        factor: round(float((part.argmax(1).numpy() == rows[:, COLUMN[factor]]).mean()), 4)
        for factor, part in zip(factors, answered, strict=True)
    }
    return module.eval(), right


def backbone(architecture: str, strength: str, world: World, work: Path) -> nn.Module:
    """A backbone that knows the world: a bundled one, or one that was made before and is kept in the work folder."""
    module = ARCHITECTURES[architecture]()
    if strength != "scratch":
        module.load_state_dict(load_file(_path(architecture, strength, world, work)))
    return module


def load_bundled(architecture: str, strength: str) -> nn.Module:
    """One of those that come with the code."""
    return backbone(architecture, strength, SAMPLE, FOLDER)


def prepare(architecture: str, strength: str, bank: Bank, work: Path) -> None:
    """Make the backbone unless it is there."""
    path = _path(architecture, strength, bank.world, work)
    if strength != "scratch" and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(pretrain(architecture, strength, bank)[0], path)


def _path(architecture: str, strength: str, world: World, work: Path) -> Path:
    name = f"{architecture}-{strength}.safetensors"
    if world == SAMPLE and (architecture, strength) in BUNDLED:
        return FOLDER / name
    return work / f"backbones-{'sample' if world == SAMPLE else 'wide'}-{_recipes_digest()}" / name


def _recipes_digest() -> str:
    code = Path(str(networks.__file__)).read_bytes()
    return hashlib.sha256(repr((RECIPES, _SEED)).encode() + code).hexdigest()[:12]


def _write(module: nn.Module, path: Path) -> None:
    """Write the weights in half precision: they are a start, and lie in the repository."""
    partial = path.with_suffix(f".{os.getpid()}")
    tensors = module.state_dict().items()
    save_file({key: (one.half() if one.is_floating_point() else one).contiguous() for key, one in tensors}, partial)
    partial.chmod(0o644)  # safetensors makes it readable for its owner alone
    partial.replace(path)


def backbones_digest() -> str:
    """sha256 over the bundled weights."""
    digest = hashlib.sha256(_recipes_digest().encode())
    for path in sorted(FOLDER.glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    """Train and write the bundled backbones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["/".join(which) for which in BUNDLED]
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    parser.add_argument("--work", type=Path, help="folder that keeps the layers (default: a temporary one)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the weights go")
    parser.add_argument("--toy", type=int, metavar="STEPS", help="a few steps on a few layers, to see that it runs")
    arguments = parser.parse_args()
    if arguments.toy is not None and arguments.folder == FOLDER:
        parser.error("--toy would replace the bundled weights by worthless ones; give --folder")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        bank = Bank(arguments.work or Path(temporary), TOY_BANK if arguments.toy else SMALL_BANK, SAMPLE, pool=0)
        arguments.folder.mkdir(exist_ok=True)
        for name in arguments.only:
            architecture, strength = name.split("/")
            module, right = pretrain(architecture, strength, bank, steps=arguments.toy)
            path = arguments.folder / f"{architecture}-{strength}.safetensors"
            _write(module, path)
            print(name, right, f"{path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main()
