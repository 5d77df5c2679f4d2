"""Speed and memory of an audit as ratios of two figures that are taken side by side in one run.

``python -m benchmarks.speed [--output FILE.json] [--only NAME ...]``; random weights, 224 px, ResNet-50 and the
ViT-B-32 encoder; about a quarter of an hour on 2 cores. The other options make everything smaller, to see that it runs:
ratios are those of the documents at the sizes that are the defaults alone. An audit is also held against torchcam and
pytorch-grad-cam (``pip install grad-cam``) where they are installed.

A machine's speed changes by half within minutes. So an audit runs in a process of its own that is stopped every few
seconds, and what it is compared with takes its turn meanwhile: both have the same machine.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from auditor.config import AuditConfig
from auditor.extraction.extract import SHARD_IMAGES
from auditor.inputs.images import read_image
from auditor.models import cam
from auditor.models.classifier import Classifier
from auditor.models.encoders.encoder import Encoder
from auditor.models.encoders.load import load_encoder
from auditor.models.load_classifier import load_classifier
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.pipeline import run_audit
from auditor.textcam.channel_semantics import (
    DEFAULT_SHRINKAGE,
    ExtremeImages,
    extreme_images,
    fit_channel_directions,
)
from benchmarks.machine import write_result

#: Sides of the pictures of the audits, and of those whose memory is measured.
_PHOTO, _SMALL = (500, 375), (96, 72)
#: D of the directions; channels of scikit-learn's that stand for all; pictures of the naive loop in one turn.
_DIM, _SAMPLED_CHANNELS, _SAMPLED_PICTURES = 512, 32, 4
_LABELS = ("one", "two")
_PEERS = {"torchcam": "torchcam", "grad-cam": "pytorch_grad_cam"}
Ratio = dict[str, float | str]


@dataclass(frozen=True, slots=True)
class Size:
    """What is measured: of the audits, of the directions (N, K, M), and of the two audits whose memory is compared."""

    images: int
    batch: int
    classifier: str
    encoder: str
    rows: int
    channels: int
    extreme: int
    memory: tuple[int, int]
    turn: float  # seconds of an audit between two turns of what it is compared with


def ratio(numerator: float, denominator: float, unit: str) -> Ratio:
    """A ratio with the two figures it is made of."""
    return {"ratio": numerator / denominator, "numerator": numerator, "denominator": denominator, "unit": unit}


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def make_pictures(folder: Path, n: int, size: tuple[int, int], n_different: int) -> None:
    """Two classes of JPEGs of about the weight of photographs: smooth shapes with grain; contents repeat."""
    rng = np.random.default_rng(0)
    for label in _LABELS:
        (folder / label).mkdir(parents=True)
    contents = []
    for _ in range(n_different):
        coarse = rng.integers(0, 255, size=(12, 16, 3), dtype=np.uint8)
        picture = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = np.clip(picture + rng.normal(0, 9, picture.shape), 0, 255).astype(np.uint8)
        path = folder / "picture.jpg"
        Image.fromarray(noisy).save(path, quality=90)
        contents.append(path.read_bytes())
        path.unlink()
    for index in range(n):
        (folder / _LABELS[index % 2] / f"{index:06d}.jpg").write_bytes(contents[index % n_different])


def make_models(folder: Path, size: Size) -> tuple[Path, Path, Path]:
    """Random weights of two classifiers with two outputs and of the encoder."""
    import_torchvision_safely()
    import open_clip
    import torchvision

    classifiers = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        classifiers.append(folder / f"classifier{seed}.safetensors")
        model = torchvision.models.get_model(size.classifier, weights=None, num_classes=2)
        save_file(model.state_dict(), classifiers[-1])
    clip = folder / "clip.safetensors"
    save_file(open_clip.create_model(size.encoder, pretrained=None).state_dict(), clip)
    return classifiers[0], classifiers[1], clip


def in_turns(
    config: AuditConfig, others: Mapping[str, Callable[[], object]], turn: float
) -> tuple[float, dict[str, float]]:
    """Seconds of an audit, and mean seconds of each of the others, all in turns; starting Python is not counted.

    Raises:
        SystemExit: the audit failed; what it lacked stands above.
    """
    context = multiprocessing.get_context("spawn")
    ready, begin, finished = context.Event(), context.Event(), context.Event()
    process = context.Process(target=_audit, args=(config, ready, begin, finished))
    process.start()
    while not ready.wait(turn) and process.is_alive():
        pass
    for work in others.values():
        work()  # the first call warms up
    pid = cast(int, process.pid)  # it was started
    seconds, taken = 0.0, {name: list[float]() for name in others}
    begin.set()
    while process.is_alive():
        start = time.perf_counter()
        over = finished.wait(turn)
        seconds += time.perf_counter() - start
        if over:
            break
        os.kill(pid, signal.SIGSTOP)
        for name, work in others.items():
            taken[name].append(timed(work))
        os.kill(pid, signal.SIGCONT)
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"the audit ended with exit code {process.exitcode}")
    return seconds, {name: float(np.mean(found or [timed(others[name])])) for name, found in taken.items()}


def _audit(config: AuditConfig, ready: Event, begin: Event, finished: Event) -> None:
    import_torchvision_safely()
    import open_clip  # noqa: F401  # what it is compared with does not count imports either

    ready.set()
    begin.wait()
    run_audit(config)
    finished.set()


def bare_batch(pictures: Path, classifier: Classifier, encoder: Encoder | None, size: Size) -> Callable[[], object]:
    """Decoding a batch and the bare forward passes over it, with the same threads and the same loaders."""
    paths = sorted(pictures.rglob("*.jpg"))[: size.batch]
    image = read_image(paths[0]).image
    batch = torch.stack([classifier.preprocess(image)] * size.batch)
    encoder_batch = torch.stack([encoder.preprocess(image)] * size.batch) if encoder else None

    def run() -> None:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(lambda path: read_image(path, min_side=256).image.size, paths))
        cam.forward(classifier, batch)
        if encoder and encoder_batch is not None:
            encoder.encode_images(encoder_batch)

    return run


def naive_pictures(pictures: Path, classifier: Classifier, encoder: Encoder) -> Callable[[], object]:
    """Some pictures one by one, each model decoding for itself and a gradient map of every class."""
    layer = classifier.module.get_submodule("layer4")
    sampled = sorted(pictures.rglob("*.jpg"))[:_SAMPLED_PICTURES]

    def explain(path: Path) -> None:
        kept: list[torch.Tensor] = []
        hook = layer.register_forward_hook(lambda *parts: kept.append(parts[2]))
        logits = classifier.module(classifier.preprocess(Image.open(path).convert("RGB")).unsqueeze(0))
        hook.remove()
        for class_idx in range(logits.shape[1]):
            torch.autograd.grad(logits[0, class_idx], kept[0], retain_graph=True)
        encoder.encode_images(encoder.preprocess(Image.open(path).convert("RGB")).unsqueeze(0))

    def run() -> None:
        for path in sampled:
            explain(path)

    return run


def peers(pictures: Path, classifier: Classifier, encoder: Encoder) -> dict[str, Callable[[], object]]:
    """Some pictures' maps of every class by libraries that draw such maps, with encoder calls beside.

    torchcam picture by picture, pytorch-grad-cam in a batch, which goes through the model once a class. A library that
    is not installed is left out.
    """
    module, sampled = classifier.module, sorted(pictures.rglob("*.jpg"))[:_SAMPLED_PICTURES]
    layer, n_classes = module.get_submodule("layer4"), int(classifier.head.weight.shape[0])
    found: dict[str, Callable[[], object]] = {}

    def pixels(prepare: Callable[[Image.Image], torch.Tensor]) -> torch.Tensor:
        return torch.stack([prepare(Image.open(path).convert("RGB")) for path in sampled])

    if importlib.util.find_spec("torchcam"):
        from torchcam.methods import GradCAM

        def torchcam() -> None:
            with GradCAM(module, layer) as draw:
                for one in pixels(classifier.preprocess):
                    scores = module(one[None])
                    for class_idx in range(n_classes):
                        draw(class_idx, scores, retain_graph=True)
            for one in pixels(encoder.preprocess):
                encoder.encode_images(one[None])

        found["torchcam"] = torchcam
    if importlib.util.find_spec("pytorch_grad_cam"):
        library: Any = importlib.import_module("pytorch_grad_cam")
        target: Any = importlib.import_module("pytorch_grad_cam.utils.model_targets").ClassifierOutputTarget

        def pytorch_grad_cam() -> None:
            batch = pixels(classifier.preprocess)
            with library.GradCAM(model=module, target_layers=[layer]) as draw:
                for class_idx in range(n_classes):
                    draw(input_tensor=batch, targets=[target(class_idx)] * len(sampled))
            encoder.encode_images(pixels(encoder.preprocess))

        found["pytorch_grad_cam"] = pytorch_grad_cam
    return found


def naive_directions(size: Size) -> Callable[[], object]:
    """Some channels' directions by scikit-learn, one by one, from as many extreme pictures as an audit takes."""
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(2 * size.extreme, _DIM)).astype(np.float32)
    sides = np.repeat([1, 0], size.extreme)

    def run() -> None:
        with threadpool_limits(1):  # several BLAS threads slow scikit-learn's small problems down
            for _ in range(_SAMPLED_PICTURES):
                LinearDiscriminantAnalysis(solver="lsqr", shrinkage=DEFAULT_SHRINKAGE).fit(embeddings, sides)

    return run


def measure_audits(work: Path, size: Size) -> dict[str, Ratio]:
    """An audit against its parts and a naive script, and a second release against its classifier alone."""
    pictures = work / "pictures"
    make_pictures(pictures, size.images, _PHOTO, size.images)
    first, second, clip = make_models(work, size)
    encoder_spec = f"open_clip:{size.encoder}@{clip}"
    spec = f"torchvision:{size.classifier}"
    classifier, encoder = load_classifier(spec, weights=first), load_encoder(encoder_spec)

    def config(model: Path) -> AuditConfig:
        return AuditConfig(
            data=pictures,
            model=spec,
            weights=model,
            encoder=encoder_spec,
            out=work / model.stem,
            cache=work / "cache",
            batch_size=size.batch,
            n_extreme=size.extreme,
        )

    of_peers = peers(pictures, classifier, encoder)
    whole, beside = in_turns(
        config(first),
        {
            "bare": bare_batch(pictures, classifier, encoder, size),
            "pictures": naive_pictures(pictures, classifier, encoder),
            "directions": naive_directions(size),
            **of_peers,
        },
        size.turn,
    )
    again, alone = in_turns(config(second), {"bare": bare_batch(pictures, classifier, None, size)}, size.turn)
    n_batches, n_channels = size.images / size.batch, classifier.head.weight.shape[1]
    naive = (beside["pictures"] * size.images + beside["directions"] * n_channels) / _SAMPLED_PICTURES
    return {
        "audit_over_bare": ratio(whole, beside["bare"] * n_batches, "s"),
        "reaudit_over_classifier": ratio(again, alone["bare"] * n_batches, "s"),
        "naive_over_audit": ratio(naive, whole, "s"),
        "naive_without_directions_over_audit": ratio(beside["pictures"] * size.images / _SAMPLED_PICTURES, whole, "s"),
        **{
            f"{name}_over_audit": ratio(beside[name] * size.images / _SAMPLED_PICTURES, whole, "s") for name in of_peers
        },
    }


def measure_lda(work: Path, size: Size) -> dict[str, Ratio]:
    """K directions at D = 512 over N rows, against scikit-learn on 32 of the channels, scaled."""
    rng = np.random.default_rng(0)
    n, k, d, m = size.rows, size.channels, _DIM, size.extreme
    sampled = min(_SAMPLED_CHANNELS, k)
    activations = rng.normal(size=(n, k)).astype(np.float32)
    embeddings = rng.normal(size=(n, d)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    keys = np.arange(n)
    found: list[ExtremeImages] = []

    def ours() -> None:
        chunks = (activations[start : start + SHARD_IMAGES] for start in range(0, n, SHARD_IMAGES))
        found.append(extreme_images(chunks, m, tie_keys=keys))
        fit_channel_directions(found[0], embeddings)

    def theirs() -> None:
        for channel in range(sampled):
            rows = np.concatenate([found[0].highest[channel], found[0].lowest[channel]])
            lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=DEFAULT_SHRINKAGE)
            lda.fit(embeddings[rows], np.repeat([1, 0], m))

    with threadpool_limits(1):  # several BLAS threads slow scikit-learn's small problems down, which flatters us
        ours_seconds = timed(ours)
        return {"lda_sklearn_over_ours": ratio(timed(theirs) / sampled * k, ours_seconds, "s")}


def measure_memory(work: Path, size: Size) -> dict[str, Ratio]:
    """Peak memory of the whole process with many pictures over that with few; small inputs, so that it ends."""
    first, _, clip = make_models(work, size)
    preprocess = work / "small.toml"
    preprocess.write_text(
        "size = 32\ncrop = 32\ninterpolation = 'bilinear'\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n"
    )
    few, many = size.memory
    peaks = {}
    for n in (few, many):
        pictures = work / f"pictures{n}"
        make_pictures(pictures, n, _SMALL, min(n, 400))
        command = [
            sys.executable,
            "-m",
            "auditor.cli",
            "run",
            "--data",
            str(pictures),
            "--weights",
            str(first),
            "--model",
            f"torchvision:{size.classifier}",
            "--encoder",
            f"open_clip:{size.encoder}@{clip}",
            "--preprocess",
            str(preprocess),
            "--out",
            str(work / f"audit{n}"),
            "--cache",
            str(work / "cache"),
            "--n-extreme",
            str(size.extreme),
            "--quiet",
        ]
        peaks[n] = _peak_mebibytes(command)
        shutil.rmtree(pictures)
    return {"memory_growth": ratio(peaks[many], peaks[few], "MiB")}


def _peak_mebibytes(command: list[str]) -> float:
    """Peak resident memory of ``command``, asked of a process that starts nothing else."""
    ask = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", ask, *command], check=True, capture_output=True, text=True)
    return float(done.stdout)


MEASURES = {"audits": measure_audits, "lda": measure_lda, "memory": measure_memory}


def main() -> None:
    """Measure, print a table, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", nargs="*", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--images", type=int, default=500, help="of the audits")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--classifier", default="resnet50", help="of torchvision, with layer4 before its head")
    parser.add_argument("--encoder", default="ViT-B-32", help="of open_clip")
    parser.add_argument("--rows", type=int, default=10_000, help="that directions are fitted on")
    parser.add_argument("--channels", type=int, default=2048, help="that directions are fitted for")
    parser.add_argument("--extreme", type=int, default=60, help="pictures a side of a direction")
    parser.add_argument("--memory", type=int, nargs=2, default=(2_000, 20_000), metavar=("FEW", "MANY"))
    parser.add_argument("--turn", type=float, default=3.0, help="seconds after which an audit waits for the others")
    arguments = parser.parse_args()
    few, many = arguments.memory
    size = Size(
        arguments.images, arguments.batch, arguments.classifier, arguments.encoder, arguments.rows, arguments.channels,
        arguments.extreme, (few, many), arguments.turn,
    )  # fmt: skip
    ratios: dict[str, Ratio] = {}
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            ratios |= MEASURES[name](Path(folder), size)
    for name, row in ratios.items():
        print(f"{name:26} {row['ratio']:8.2f}   {row['numerator']:10.1f} / {row['denominator']:.1f} {row['unit']}")
    if arguments.output:
        peers_of = {name: importlib.metadata.version(name) for name in _PEERS if importlib.util.find_spec(_PEERS[name])}
        size_of = {**asdict(size), "classes": len(_LABELS)}
        write_result(arguments.output, {"size": size_of, "peers": peers_of, "ratios": ratios}, reused={})


if __name__ == "__main__":
    main()
