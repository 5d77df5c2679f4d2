"""One model of the tier as files, for the commands of the product: pictures, weights, examples and settings.

python -m benchmarks.photographs.export --seed 8 --out DIR; cd DIR; auditor run --trust-code
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import nn

from benchmarks.photographs.bank import Bank, conse_encoder, network
from benchmarks.photographs.examples import N_EXAMPLES
from benchmarks.photographs.models import Made, make
from benchmarks.photographs.pools import Side
from benchmarks.photographs.scenarios import grid

_SETTINGS = """\
data = "pictures"
model = "benchmarks.photographs.export:build"
weights = "weights.pt"
encoder = "conse"
out = "audit"

[concepts.{name}]
yes = "examples/yes"
no = "examples/no"
"""


def build(num_classes: int = 2) -> tuple[nn.Module, Any]:
    """The factory that the settings name: EfficientNet-Lite0 with that many outputs, and its preprocessing."""
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name("efficientnet-lite0", num_classes=num_classes), conse_encoder().preprocess


def export(made: Made, bank: Bank, out: Path) -> None:
    """Write the audited pictures, the weights and, of the context, examples out of the training photographs."""
    what, names = made.scenario.context, [label for _, label in made.scenario.classes]
    for row, c in enumerate(made.label_idx):
        _save(made.picture(bank, row), out / "pictures" / names[c] / f"{row:04}.png")
    n = N_EXAMPLES // len(names)
    for c, photos in enumerate(made.trained_on):
        order = np.random.default_rng((made.scenario.seed, 84, c)).permutation(len(photos))
        for side, shows in (("yes", True), ("no", False)):
            for k in order[:n] if shows else order[n : 2 * n]:
                picture = bank.picture(photos[k], what, shows)
                _save(picture, out / "examples" / side / names[c] / f"{k:04}.png")
    torch.save(network(made.head).state_dict(), out / "weights.pt")
    name = what.name.replace(" ", "_")
    (out / "auditor.toml").write_text(_SETTINGS.format(name=name), encoding="utf-8")


def _save(picture: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a model with two classes, and say what it relies on.

    Those with seeds from 10,000 on are of the side that is held back: to be looked at when all of it was measured.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--photos", type=Path, default=Path(__file__).parents[3] / "shared" / "photos")
    parser.add_argument("--work", type=Path, default=Path("audits/photographs-benchmark"))
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    models = {one.seed: one for side in get_args(Side) for one in grid(side, "full") if len(one.classes) == 2}
    if given.seed not in models:
        parser.error(f"no model {given.seed} with two classes; there are {sorted(models)}")
    bank = Bank(given.photos.resolve(), given.work / "features")
    made = make(models[given.seed], bank)
    export(made, bank, given.out)
    for one in made.truth:
        name = made.scenario.classes[one.class_idx][1]
        print(f"{name}, {one.factor} {one.value}: {one.effect:+.2f} [{one.low:.2f}, {one.high:.2f}], {one.status}")


if __name__ == "__main__":
    main()
