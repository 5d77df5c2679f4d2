"""Every benchmark starts by its own command at toy size, and its result file says where and with what it was measured.

The figures are those of toys: that they are numbers is all that is asked of them. The planted benchmark's small grid,
and what public sets say, have tests of their own.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import math
import os
import pkgutil
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import benchmarks
from benchmarks.machine import describe_machine, write_result
from benchmarks.photographs.pools import POOLS

ROOT = Path(__file__).parents[2]
MODULES = sorted(info.name for info in pkgutil.walk_packages(benchmarks.__path__, "benchmarks."))


def run(*words: object) -> str:
    """``python -m`` with these words, from the checkout; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(value: object) -> Iterator[float]:
    """All numbers of a document."""
    if isinstance(value, dict):
        for one in value.values():
            yield from numbers(one)
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def read(path: Path, command: str, reused: dict[str, int]) -> Any:
    """A result file, whose shape is that of all."""
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["command"].startswith(command)
    assert str(ROOT) not in path.read_text(encoding="utf-8")
    assert document["machine"]["cores"] == os.cpu_count()
    assert document["machine"]["python"] == platform.python_version()
    assert document["machine"]["versions"]["torch"] == version("torch")
    assert document["reused"] == reused
    found = list(numbers(document))
    assert found
    assert all(math.isfinite(one) for one in found)
    return document


def test_a_result_says_how_it_was_made(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "benchmarks.x", "--output", "/somewhere/of/mine.json"])
    write_result(tmp_path / "x.json", {"seconds": 1.5}, reused={"models": 2})
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == {
        "command": "python -m benchmarks.x --output mine.json",
        "machine": describe_machine(),
        "reused": {"models": 2},
        "seconds": 1.5,
    }


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported(name):
    importlib.import_module(name)


def test_all_modules_are_found():
    assert {"benchmarks.speed", "benchmarks.planted.run", "benchmarks.planted.__main__"} <= set(MODULES)
    files = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / "benchmarks").rglob("*.py")}
    packages = [path for path in files if path.name == "__init__" and path.parts != ("benchmarks", "__init__")]
    assert len(MODULES) == len([path for path in files if path.name != "__init__"]) + len(packages)


def test_speed(tmp_path):
    printed = run(
        "benchmarks.speed", "--images", 8, "--batch", 4, "--classifier", "resnet18", "--encoder", "ViT-S-32-alt",
        "--rows", 64, "--channels", 8, "--extreme", 4, "--memory", 8, 12, "--turn", 5,
        "--output", tmp_path / "speed.json",
    )  # fmt: skip
    found = read(tmp_path / "speed.json", "python -m benchmarks.speed --images 8", {})
    names = [
        "audit_over_bare", "reaudit_over_classifier", "naive_over_audit", "naive_without_directions_over_audit",
        "torchcam_over_audit", "lda_sklearn_over_ours", "memory_growth",
    ]  # fmt: skip
    names[-2:-2] = ["pytorch_grad_cam_over_audit"] * bool(importlib.util.find_spec("pytorch_grad_cam"))
    assert list(found["ratios"]) == names
    assert [line.split()[0] for line in printed.splitlines()] == names
    for one in found["ratios"].values():
        assert one["ratio"] == pytest.approx(one["numerator"] / one["denominator"])
        assert one["ratio"] > 0
    assert found["size"]["memory"] == [8, 12]


def test_evidence_cost(tmp_path):
    sizes = {"images": 900, "channels": 32, "classes": 6, "concepts": 26, "seed": 1}
    flags = [part for name, value in sizes.items() for part in (f"--{name}", value)]
    run("benchmarks.evidence_cost", *flags, "--work", tmp_path, "--output", tmp_path / "cost.json")
    found = read(tmp_path / "cost.json", "python -m benchmarks.evidence_cost --images 900", {})
    assert found["size"] == sizes
    assert set(found["passes"]["wall_seconds"]) == {"before", "between", "after"}
    assert [path.name for path in tmp_path.iterdir()] == ["cost.json"]  # the world is cleared away


def test_told_gaps(tmp_path):
    printed = run("benchmarks.told_gaps", "--draws", 8, "--output", tmp_path / "told.json")
    found = read(tmp_path / "told.json", "python -m benchmarks.told_gaps --draws 8", {})
    assert found["draws"] == 8
    assert len(found["cases"]) == len(printed.splitlines())
    assert all(one["told"] <= one["measured"] <= 8 for one in found["cases"])


def test_reports_are_timed_on_audits_that_are_kept(tmp_path):
    kept = tmp_path / "audits"
    size = ("--images", 300, "--classes", 4)
    for release in (0, 1):
        folder = kept / f"300x4-{release}"
        printed = run("benchmarks.big_audit", folder, *size, "--release", release)
        assert printed.startswith(f"{folder}: 300 pictures x 4 classes, ")
    output = tmp_path / "reports.json"
    only = ("--repeat", 1, "--audits", kept, "--only", "report text", "gate against")
    printed = run("benchmarks.report_speed", *size, *only, "--output", output)
    found = read(output, "python -m benchmarks.report_speed --images 300", {"audits": 2})
    assert [one["name"] for one in found["figures"]] == ["report text", "gate against"]
    assert [one["exit_code"] for one in found["figures"]] == [0, 1]
    assert all(one["seconds"] > 0 and one["peak_mebibytes"] > 20 for one in found["figures"])
    assert len(printed.splitlines()) == 2


def test_ray_engine(tmp_path):
    pytest.importorskip("ray")
    output = tmp_path / "ray.json"
    few = ("benchmarks.ray_engine", "--repeat", 1, "--workers", 2, "--work", tmp_path / "work")
    run(*few, "--images", 2100, "--output", output)
    found = read(output, "python -m benchmarks.ray_engine --repeat 1 --workers 2", {})
    assert (found["n_images"], found["workers"], found["same_files"]) == (2100, 2, True)
    rates = {name: one["pictures_a_second"] for name, one in found["runs"].items()}
    assert list(rates) == ["one process", "one worker", "2 processes", "2 workers"]
    assert found["ray_over_local"] == pytest.approx(rates["one process"] / rates["one worker"])
    counted = {name: one["n_pictures"] for name, one in found["runs"].items()}
    # all but a first and a last shard, to the next batch
    assert 2100 - 512 <= counted["one process"] < 2100 - 512 + 32
    assert all(400 < n <= 2100 - 256 for n in counted.values())


def test_dashboard_load(tmp_path):
    size = ("--images", 300, "--classes", 4, "--loads", 8, "--sessions", 4)
    printed = run("benchmarks.dashboard_load", *size, "--output", tmp_path / "load.json")
    found = read(tmp_path / "load.json", "python -m benchmarks.dashboard_load --images 300", {"audits": 0})
    assert (len(found["mebibytes"]), len(found["session_seconds"])) == (8, 4)
    assert (found["own_page_opens"], found["foreign_origins_that_open"]) == (True, [])
    assert printed.splitlines()[-1] == "WebSocket: own page opens; foreign origins that open it: 0"


def made_photographs(root: Path) -> Path:
    """Pictures of noise, each class in its own shade, laid out as the pools of photographs are."""
    rng = np.random.default_rng(0)
    for pool, labels in POOLS.items():
        rows = []
        for shade, label in enumerate(labels):
            for k in range(36):
                path = root / pool / label / f"{k:02}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 120, (64, 64, 3), dtype=np.uint8) + np.uint8(20 * shade)
                Image.fromarray(pixels).save(path)
                rows.append((f"{label}/{k:02}.png", label))
        with (root / pool / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("path", "label"), *rows])
    return root


def test_photographs(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra 'offline'")
    words = ("benchmarks.photographs", "--grid", "toy", "--jobs", 1, "--photos", made_photographs(tmp_path / "photos"))
    printed = run(*words, "--work", tmp_path / "kept", "--output", tmp_path / "first.json")
    run(*words, "--work", tmp_path / "kept", "--output", tmp_path / "again.json")
    first = read(tmp_path / "first.json", "python -m benchmarks.photographs --grid toy", {"outcomes": 0})
    again = read(tmp_path / "again.json", "python -m benchmarks.photographs --grid toy", {"outcomes": 6})
    assert first["outcomes"] == again["outcomes"]
    assert [one["scenario"]["mode"] for one in first["outcomes"]] == ["words", "column", "examples"] * 2
    assert [row["group"] for row in first["summary"]] == ["all", "C = 2"] * 3
    assert [one["learnt"]["state"] for one in first["outcomes"][2::3]] == ["too_few"] * 2  # pools of 36 pictures
    assert "flagged rightly" in printed
    photos = ("--photos", tmp_path / "photos", "--work", tmp_path / "kept")
    table = run("benchmarks.photographs.halves", "--grid", "toy", *photos, "--output", tmp_path / "halves.json")
    found = read(tmp_path / "halves.json", "python -m benchmarks.photographs.halves --grid toy", {})
    assert [list(one["leads"]) for one in found["audits"]] == [["no words", "words"]] * 2
    assert table.count("\n| ") == 2


@pytest.fixture(scope="module")
def toy_grid(tmp_path_factory) -> tuple[Path, str]:
    """The result of the planted benchmark's toy grid, and what it printed."""
    work = tmp_path_factory.mktemp("toy")
    words = ("benchmarks.planted", "--grid", "toy", "--seeds", "3:4", "--jobs", 1, "--work", work / "kept")
    printed = run(*words, "--output", work / "first.json")
    run(*words, "--output", work / "again.json")
    return work, printed


def test_planted_with_encoders_of_its_own(toy_grid):
    work, printed = toy_grid
    command = "python -m benchmarks.planted --grid toy --seeds 3:4"
    found = read(work / "first.json", command, {"models": 0, "outcomes": 0})
    assert [one["scenario"]["encoder"] for one in found["outcomes"]] == ["own", "early"]
    assert found["summary"]["n_models"] == 1
    assert list(found["sweep"]) == ["own", "early"]
    assert "false alarms" in printed
    encoders = [path.name.rpartition("-")[0] for path in sorted((work / "kept").glob("encoder-*"))]
    assert encoders == ["encoder-early", "encoder-own"]
    # what an earlier run has left is read, and the result says so
    again = read(work / "again.json", command, {"models": 2, "outcomes": 2})
    assert again["outcomes"] == found["outcomes"]


def test_planted_document(toy_grid, tmp_path):
    run("benchmarks.planted.document", toy_grid[0] / "first.json", "--docs", tmp_path)
    assert "<!-- planted benchmark, toy grid: begin -->" in (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    drawn = [path.name for path in sorted((tmp_path / "images").iterdir())]
    assert drawn == ["planted-toy-alarms.svg", "planted-toy-peers.svg", "planted-toy-recall.svg"]


def test_planted_second_edition(tmp_path):
    words = ("benchmarks.planted", "--grid", "second-toy", "--seeds", "3:4", "--jobs", 1, "--work", tmp_path / "kept")
    printed = run(*words, "--output", tmp_path / "first.json")
    command = "python -m benchmarks.planted --grid second-toy --seeds 3:4"
    found = read(tmp_path / "first.json", command, {"outcomes": 0})
    families = [one["scenario"]["family"] for one in found["outcomes"]]
    assert len(families) == len(set(families)) == 18
    assert found["cached"] == []
    assert set(found["groups"]) == {"sort", "control", "audit", "n_classes", "per_class"}
    assert "datalab_spurious_correlations" not in found["summary"]["peers"]
    assert {"bee_drifted_probe", "presence_gap_holm"} <= set(found["summary"]["peers"])
    assert "without E3, erasure" in printed
    run(*words, "--output", tmp_path / "again.json")
    again = read(tmp_path / "again.json", command, {"outcomes": 18})
    assert again["outcomes"] == found["outcomes"]
    assert again["cached"] == [[one["scenario"]["seed"], "own"] for one in found["outcomes"]]
    run("benchmarks.planted.document", tmp_path / "first.json", "--docs", tmp_path)
    page = (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    assert "### Clean: of classes that rely on 20 points or more" in page
    assert "### The verdicts without a part of the evidence" in page
    assert "Harmed by 20 points or more: " in page


def test_planted_protocol():
    assert run("benchmarks.planted.protocol").splitlines()[-1].partition(" ")[2] in (
        "thresholds, as fixed",
        "thresholds, not as fixed",
    )


def test_sticker_maps(tmp_path):
    words = ("benchmarks.sticker_maps", "--size", "toy", "--seeds", 1, "--work", tmp_path)
    table = run(*words, "--output", tmp_path / "found.json")
    found = read(tmp_path / "found.json", "python -m benchmarks.sticker_maps --size toy --seeds 1", {})["networks"]
    assert [(one["sort"], one["pooling"]) for one in found] == [
        (sort, pooling) for sort in ("easy", "hard") for pooling in ("class token", "mean pooling")
    ]
    assert all(one["on_sticker"]["occlusion"] <= 1 for one in found if one["pictures"])
    assert all((one["on_sticker"]["attention_value"] is None) == (one["pooling"] == "mean pooling") for one in found)
    assert table.count("\n| ") == 4


def test_planted_backbones(tmp_path):
    folder, only = tmp_path / "weights", ("--only", "cnn/weak")
    printed = run("benchmarks.planted.backbones", *only, "--toy", 4, "--folder", folder)
    assert printed.startswith("cnn/weak {'object': ")
    assert [path.name for path in folder.iterdir()] == ["cnn-weak.safetensors"]


def test_a_toy_does_not_replace_the_bundled_backbones():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.planted.backbones", "--toy", "4"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith("--toy would replace the bundled weights by worthless ones; give --folder\n")


@pytest.mark.slow
def test_architectures(tmp_path):
    found, page = tmp_path / "found.jsonl", tmp_path / "page.md"
    page.write_text("before <!-- architectures: begin -->old<!-- architectures: end --> after")
    printed = run("benchmarks.architectures", "--output", found, "--only", "test_resnet", "test_vit")
    assert [line.split()[:3] for line in printed.splitlines()] == [
        ["timm", "resnet", "test_resnet"], ["timm", "vision_transformer", "test_vit"],
    ]  # fmt: skip
    rows = [json.loads(line) for line in found.read_text().splitlines()]
    assert [(row["layer"], row["method"], row["exact"], row["cut"]) for row in rows] == [
        ("layer4", "cam", True, True), ("blocks.4", "centred_gradient", True, True),
    ]  # fmt: skip
    assert all(row["error"] < 1e-5 and row["largest"] > 0 for row in rows)
    run("benchmarks.architectures", "--output", found, "--document", page)
    text = page.read_text()
    assert "2 models, 2 load without a layer named, 2 of them with an exact head" in text
    assert "old" not in text
    assert text.endswith("<!-- architectures: end --> after")
