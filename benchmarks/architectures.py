"""Which architectures load without a layer named, and what their heads and maps are.

``python -m benchmarks.architectures --output FILE.jsonl [--only NAME ...]``: the smallest model of each module of timm
and of each family of torchvision, with random weights. A model that stands in FILE is not tried again. Half an hour on
one core. ``python -m benchmarks.architectures --output FILE.jsonl --document docs/models.md`` writes the table.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auditor.errors import ModelError
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.load_classifier import make_classifier
from auditor.models.map_proof import what_passes
from auditor.models.preprocess import Preprocess
from auditor.models.torchvision_cure import import_torchvision_safely
from benchmarks.machine import describe_machine

import_torchvision_safely()
import timm  # noqa: E402
import torchvision  # noqa: E402

_BEGIN, _END = "<!-- architectures: begin -->", "<!-- architectures: end -->"
#: Sides of pictures: the one that is tried first, and torchvision's.
_SMALL_SIDE, _IMAGENET_SIDE = 128, 224
#: Some models are published without a classifier.
_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one model; ``problem`` says why it did not load, and then the rest is empty.

    ``error`` is the largest difference between contributions + bias and what the model returned, as a part of the
    largest logit; ``largest`` is the largest value of the map of a class.
    """

    family: str
    model: str
    million: float
    side: int = 0
    problem: str = ""
    head: str = ""
    exact: bool = False
    error: float = 0
    layer: str = ""
    method: str = ""
    grid: tuple[int, int] = (0, 0)
    n_prefix: int = 0
    cut: bool = False
    largest: float = 0
    seconds: float = 0


def families() -> dict[str, list[str]]:
    """Names of models by "timm MODULE" and "torchvision MODULE"."""
    found = {f"timm {module}": timm.list_models(module=module) for module in timm.list_modules()}
    for name in torchvision.models.list_models(module=torchvision.models):
        module = torchvision.models.get_model_builder(name).__module__.rpartition(".")[2]
        found.setdefault(f"torchvision {module}", []).append(name)
    return {family: names for family, names in found.items() if names}


def _builder(family: str, name: str) -> Callable[..., nn.Module]:
    def build(**options: Any) -> nn.Module:
        if family.startswith("timm"):
            return timm.create_model(name, pretrained=False, num_classes=_CLASSES, **options)
        return torchvision.models.get_model(name, weights=None, **options)  # type: ignore[no-any-return]

    return build


def smallest(family: str, names: Sequence[str]) -> tuple[str, float]:
    """The model with the fewest parameters, in millions; ties by name."""
    sizes: list[tuple[float, str]] = []
    for name in names:
        try:
            with torch.device("meta"):
                module = _builder(family, name)()
        except (NotImplementedError, RuntimeError):  # it reads what it initialised
            module = _builder(family, name)()
        sizes.append((sum(parameter.numel() for parameter in module.parameters()) / 1e6, name))
    million, name = min(sizes)
    return name, million


def _built(family: str, name: str) -> Iterator[tuple[nn.Module, int]]:
    """The module with random weights and the side of its pictures: small where it takes that, else its own."""
    build = _builder(family, name)
    timm_cfg = timm.get_pretrained_cfg(name) if family.startswith("timm") else None
    try:
        if timm_cfg is not None:
            yield build(img_size=_SMALL_SIDE), _SMALL_SIDE
    except (AssertionError, TypeError, ValueError, RuntimeError):  # it has no such option, or one size
        pass
    if timm_cfg is None or not timm_cfg.fixed_input_size:
        yield build(), _SMALL_SIDE
    yield build(), _IMAGENET_SIDE if timm_cfg is None else timm_cfg.input_size[-1]


def _stir(module: nn.Module) -> None:
    """Bring fresh weights away from identities: layers that start at zero hide what is before them."""
    generator = torch.Generator().manual_seed(0)
    for name, value in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith("running_var"):
            value.data.uniform_(0.5, 1.5, generator=generator)
        elif value.is_floating_point() and value.ndim == 1:
            value.data.add_(torch.randn(value.shape, generator=generator) * 0.1)
        elif value.is_floating_point() and not value.detach().any():
            value.data.copy_(torch.randn(value.shape, generator=generator) * 0.02)


def try_model(family: str, name: str, million: float) -> Result:
    """Load a model as an audit does, with the smallest pictures that it takes, and look at its head and its map."""
    began = time.monotonic()
    torch.manual_seed(0)
    problem, side = "", 0
    for module, side in _built(family, name):
        _stir(module)
        plain = Preprocess((side, side), None, "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        try:
            classifier = make_classifier(module, plain, spec=name)
        except ModelError as error:
            problem = str(error)
            continue
        pictures = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(3))
        return Result(
            family=family,
            model=name,
            million=round(million, 1),
            side=side,
            head=classifier.head_layer,
            exact=classifier.exact,
            error=_error(classifier, pictures),
            layer=classifier.target_layer,
            method=classifier.map_method,
            grid=classifier.target.grid,
            n_prefix=classifier.target.n_prefix,
            cut=what_passes(classifier, pictures) == "all",
            largest=_largest(classifier, pictures),
            seconds=round(time.monotonic() - began, 1),
        )
    seconds = round(time.monotonic() - began, 1)
    return Result(family, name, round(million, 1), side, problem=problem, seconds=seconds)


def _error(classifier: Classifier, pictures: Tensor) -> float:
    """Largest difference of contributions and bias from what the module returns, as a part of the largest logit."""
    activations, _ = cam.forward(classifier, pictures)
    with torch.no_grad():
        returned = classifier.module.eval()(pictures)
    expected = (returned if isinstance(returned, Tensor) else returned[0]).double().numpy()
    found = activations.astype(np.float64) @ classifier.head.weight.T.astype(np.float64) + classifier.head.bias
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _largest(classifier: Classifier, pictures: Tensor) -> float:
    """Largest value of the map of a class."""
    rows = np.repeat(classifier.head.weight[None, :1], len(pictures), 0)
    return float(np.abs(cam.response_maps(classifier, pictures, rows)).max())


def read(path: Path) -> list[Result]:
    """Results of earlier runs."""
    if not path.is_file():
        return []
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Result(**{**row, "grid": tuple(row["grid"])}) for row in rows]


def table(results: Sequence[Result]) -> str:
    """Markdown: counts, one row a model, and why the others do not load."""
    loaded = [result for result in results if not result.problem]
    exact = [result for result in loaded if result.exact]
    versions = describe_machine()["versions"]
    lines = [
        _BEGIN,
        f"timm {versions['timm']}, torchvision {versions['torchvision']}, torch {versions['torch']}: "
        f"{len(results)} models, {len(loaded)} load without a layer named, {len(exact)} of them with an exact head "
        f"(largest error {max((r.error for r in exact), default=0):.0e} of the largest logit); maps that are 0 "
        f"everywhere: {sum(r.largest == 0 for r in loaded)}; layers that are no complete cut: "
        f"{sum(not r.cut for r in loaded)}.",
        "",
        "| family | model | head | exact | layer | method | map | prefix |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(result) for result in sorted(loaded, key=lambda result: result.family)]
    lines += ["", *(f"- {r.family}, `{r.model}`: {r.problem}" for r in results if r.problem), _END]
    return "\n".join(lines)


def _row(result: Result) -> str:
    cells = (
        result.family,
        f"`{result.model}`",
        f"`{result.head}`",
        f"{result.error:.0e}" if result.exact else "no",
        f"`{result.layer}`",
        result.method,
        " × ".join(map(str, result.grid)),
        str(result.n_prefix),
    )
    return f"| {' | '.join(cells)} |"


def _tried(only: Sequence[str], done: set[str], most_mb: float) -> Iterator[Result]:
    for family, names in families().items():
        if family in done or (only and family not in only and not set(only) & set(names)):
            continue
        name, million = smallest(family, [name for name in names if name in only] or names)
        if 4 * million > most_mb:
            problem = f"not tried: {4 * million:.0f} MB of weights, over --most-mb {most_mb:.0f}"
            yield Result(family, name, round(million, 1), problem=problem)
        else:
            yield try_model(family, name, million)
        gc.collect()


def main() -> None:
    """Try the models, or write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="one line a model; models in it are not tried again")
    parser.add_argument("--only", nargs="*", default=[], help="families or models")
    parser.add_argument("--most-mb", type=float, default=700, help="models with more weights are left out, and named")
    parser.add_argument("--document", type=Path, help="page whose table is written from the output")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    if given.document:
        text = given.document.read_text(encoding="utf-8")
        before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
        given.document.write_text(before + table(read(given.output)) + after, encoding="utf-8")
        return
    done = {result.family for result in read(given.output)}
    with given.output.open("a", encoding="utf-8") as file:
        for result in _tried(given.only, done, given.most_mb):
            file.write(json.dumps(asdict(result)) + "\n")
            file.flush()
            print(f"{result.family:32} {result.model:32} {result.problem or 'ok'} {result.seconds} s")


if __name__ == "__main__":
    main()
