"""Speed and memory of an audit as ratios of two figures that are taken side by side in one run.

``python -m benchmarks.speed [--output FILE.json] [--only NAME ...]``; random weights, 224 px, ResNet-50 and the
ViT-B-32 encoder; about a quarter of an hour on 2 cores.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from threadpoolctl import threadpool_limits

from auditor.config import AuditConfig
from auditor.extraction.extract import SHARD_IMAGES
from auditor.inputs.images import read_image
from auditor.models import cam
from auditor.models.encoders.load import load_encoder
from auditor.models.load_classifier import load_classifier
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.pipeline import run_audit
from auditor.records import ExtremeImages
from auditor.textcam.channel_semantics import DEFAULT_SHRINKAGE, extreme_images, fit_channel_directions
from benchmarks.machine import write_result

N_IMAGES, BATCH = 500, 32
Ratio = dict[str, float | str]


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
    for label in ("one", "two"):
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
        (folder / ("one", "two")[index % 2] / f"{index:06d}.jpg").write_bytes(contents[index % n_different])


def make_models(folder: Path) -> tuple[Path, Path, Path]:
    """Random weights of two ResNet-50 with two outputs and of the ViT-B-32 encoder."""
    import_torchvision_safely()
    import open_clip
    import torchvision

    resnets = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        resnets.append(folder / f"resnet{seed}.safetensors")
        save_file(torchvision.models.resnet50(weights=None, num_classes=2).state_dict(), resnets[-1])
    clip = folder / "clip.safetensors"
    save_file(open_clip.create_model("ViT-B-32", pretrained=None).state_dict(), clip)
    return resnets[0], resnets[1], clip


def bare_seconds(pictures: Path, model: Path, encoder_spec: str | None) -> float:
    """Decoding once and the bare forward passes, batched, with the same threads and the same loaders."""
    classifier = load_classifier("torchvision:resnet50", weights=model)
    encoder = load_encoder(encoder_spec) if encoder_spec else None
    paths = sorted(pictures.rglob("*.jpg"))
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        total = timed(lambda: list(pool.map(lambda path: read_image(path, min_side=256).image.size, paths)))
    image = read_image(paths[0]).image
    batch = torch.stack([classifier.preprocess(image)] * BATCH)
    cam.forward(classifier, batch)
    n_batches = len(paths) / BATCH
    repeats = 4
    total += timed(lambda: [cam.forward(classifier, batch) for _ in range(repeats)]) / repeats * n_batches
    if encoder:
        encoder_batch = torch.stack([encoder.preprocess(image)] * BATCH)
        encoder.encode_images(encoder_batch)
        total += timed(lambda: [encoder.encode_images(encoder_batch) for _ in range(repeats)]) / repeats * n_batches
    return total


def naive_seconds(pictures: Path, model: Path, encoder_spec: str, n: int) -> float:
    """Picture by picture, each model decoding for itself and a gradient map of every class, scaled to all pictures."""
    classifier, encoder = load_classifier("torchvision:resnet50", weights=model), load_encoder(encoder_spec)
    layer = classifier.module.get_submodule("layer4")
    paths = sorted(pictures.rglob("*.jpg"))

    def explain(path: Path) -> None:
        kept: list[torch.Tensor] = []
        hook = layer.register_forward_hook(lambda *parts: kept.append(parts[2]))
        logits = classifier.module(classifier.preprocess(Image.open(path).convert("RGB")).unsqueeze(0))
        hook.remove()
        for class_idx in range(logits.shape[1]):
            torch.autograd.grad(logits[0, class_idx], kept[0], retain_graph=True)
        encoder.encode_images(encoder.preprocess(Image.open(path).convert("RGB")).unsqueeze(0))

    explain(paths[0])
    return timed(lambda: [explain(path) for path in paths[:n]]) / n * len(paths)


def measure_audits(work: Path) -> dict[str, Ratio]:
    """An audit against its parts, a second release against its classifier alone, a naive loop against the audit."""
    pictures = work / "pictures"
    make_pictures(pictures, N_IMAGES, (500, 375), N_IMAGES)
    first, second, clip = make_models(work)
    encoder_spec = f"open_clip:ViT-B-32@{clip}"

    def audit(model: Path) -> float:
        config = AuditConfig(
            data=pictures,
            model="torchvision:resnet50",
            weights=model,
            encoder=encoder_spec,
            out=work / model.stem,
            cache=work / "cache",
            batch_size=BATCH,
        )
        return timed(lambda: run_audit(config))

    bare = bare_seconds(pictures, first, encoder_spec)
    whole = audit(first)
    bare = (bare + bare_seconds(pictures, first, encoder_spec)) / 2  # before and after: the machine drifts
    again = audit(second)
    alone = bare_seconds(pictures, second, None)
    naive = naive_seconds(pictures, first, encoder_spec, 40)
    return {
        "audit_over_bare": ratio(whole, bare, "s"),
        "reaudit_over_classifier": ratio(again, alone, "s"),
        "naive_over_audit": ratio(naive, whole, "s"),
    }


def measure_lda(work: Path) -> dict[str, Ratio]:
    """K = 2,048 directions at D = 512 and N = 10,000, M = 60, against scikit-learn on 32 channels, scaled."""
    rng = np.random.default_rng(0)
    n, k, d, m = 10_000, 2048, 512, 60
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
        for channel in range(32):
            rows = np.concatenate([found[0].highest[channel], found[0].lowest[channel]])
            lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=DEFAULT_SHRINKAGE)
            lda.fit(embeddings[rows], np.repeat([1, 0], m))

    with threadpool_limits(1):  # several BLAS threads slow scikit-learn's small problems down, which flatters us
        ours_seconds = timed(ours)
        return {"lda_sklearn_over_ours": ratio(timed(theirs) / 32 * k, ours_seconds, "s")}


def measure_memory(work: Path) -> dict[str, Ratio]:
    """Peak memory of the whole process at N = 20,000 over N = 2,000; small inputs, so that it ends; K = 2,048."""
    first, _, clip = make_models(work)
    preprocess = work / "small.toml"
    preprocess.write_text(
        "size = 32\ncrop = 32\ninterpolation = 'bilinear'\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n"
    )
    peaks = {}
    for n in (2_000, 20_000):
        pictures = work / f"pictures{n}"
        make_pictures(pictures, n, (96, 72), 400)
        command = [
            sys.executable,
            "-m",
            "auditor.cli",
            "run",
            "--data",
            str(pictures),
            "--model",
            "torchvision:resnet50",
            "--weights",
            str(first),
            "--preprocess",
            str(preprocess),
            "--encoder",
            f"open_clip:ViT-B-32@{clip}",
            "--out",
            str(work / f"audit{n}"),
            "--cache",
            str(work / "cache"),
            "--quiet",
        ]
        peaks[n] = _peak_mebibytes(command)
        shutil.rmtree(pictures)
    return {"memory_growth": ratio(peaks[20_000], peaks[2_000], "MiB")}


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
    arguments = parser.parse_args()
    ratios: dict[str, Ratio] = {}
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            ratios |= MEASURES[name](Path(folder))
    for name, row in ratios.items():
        print(f"{name:26} {row['ratio']:8.2f}   {row['numerator']:10.1f} / {row['denominator']:.1f} {row['unit']}")
    if arguments.output:
        write_result(arguments.output, {"ratios": ratios})


if __name__ == "__main__":
    main()
