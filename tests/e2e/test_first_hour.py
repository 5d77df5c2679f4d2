"""The walk of a new user: wheels in a new environment, own pictures in every layout, an own checkpoint, a verdict."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner
from wheels import run

from auditor.cli import app
from auditor.models.torchvision_cure import import_torchvision_safely

CLASSES = ("duck", "swan")
N = 8  # pictures of a class in each folder

#: What somebody has, the command after ``auditor manifest`` that reads it, and what it says.
LAYOUTS = {
    "class folders": ("folder photos", "photos/auditor-manifest.csv: 16 pictures, 2 classes (duck 8, swan 8)"),
    "nested once more": ("folder birds", "birds/auditor-manifest.csv: 16 pictures, 2 classes (duck 8, swan 8)"),
    "folders of splits": ("folder data", "splits: train 16, val 120"),
    "CSV with filename and class": ("csv own.csv -o a.csv", "a.csv: 16 pictures, 2 classes (duck 8, swan 8)"),
    "TSV": ("csv own.tsv -o b.csv", "b.csv: 16 pictures, 2 classes (duck 8, swan 8)"),
    "JSON lines": ("csv own.jsonl -o c.csv", "c.csv: 16 pictures, 2 classes (duck 8, swan 8)"),
    "imagefolder": ("hf hub", "hub/auditor-manifest.csv: 16 pictures, 2 classes (duck 8, swan 8)"),
    "COCO": ("coco coco.json --images photos -o d.csv", "d.csv: 16 pictures, 2 classes (duck 8, swan 8)"),
    "several labels": (
        "csv tags.csv --label-column tags --one-of duck,swan -o e.csv",
        "e.csv: 16 pictures, 2 classes (duck 8, swan 8)",
    ),
}
#: Code of one's own, as `--model FILE.py:factory` takes it.
_OWN_NET = """
from torch import nn
from torchvision import transforms


def build():
    body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(body, nn.Linear(8, 2)), transforms.Compose([transforms.Resize(64), transforms.ToTensor()])
"""


def class_folders(root: Path, n: int = N) -> list[tuple[str, str]]:
    """Pictures in class folders; gives their paths from the folder that the root lies in, and labels."""
    random = np.random.default_rng(sum(root.as_posix().encode()))
    rows = []
    for label in CLASSES:
        (root / label).mkdir(parents=True)
        for i in range(n):
            name = f"{label}/{label}-{i}.png"
            lightest = 255 if label == "swan" else 155  # so that there is something to learn
            Image.fromarray(random.integers(0, lightest, (64, 64, 3), dtype=np.uint8)).save(root / name)
            rows.append((f"{root.name}/{name}", label))
    return rows


def table(path: Path, header: tuple[str, str], rows: list[tuple[str, str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures in every layout, and the checkpoints of two models."""
    home = tmp_path_factory.mktemp("first-hour")
    rows = class_folders(home / "photos")
    class_folders(home / "birds" / "images")
    class_folders(home / "data" / "train")
    class_folders(home / "data" / "val", 60)
    table(home / "own.csv", ("filename", "class"), rows)
    table(home / "own.tsv", ("Image", "Category"), rows, "\t")
    table(home / "tags.csv", ("file", "tags"), [(path, f"{label}|reed") for path, label in rows])
    lines = [json.dumps({"image": path, "label": label}) for path, label in rows]
    (home / "own.jsonl").write_text("\n".join(lines), encoding="utf-8")
    inside = [(path.partition("/")[2], label) for path, label in class_folders(home / "hub")]
    table(home / "hub" / "metadata.csv", ("file_name", "label"), inside)
    coco = {
        "images": [{"id": i, "file_name": path.partition("/")[2]} for i, (path, _) in enumerate(rows)],
        "categories": [{"id": c, "name": name} for c, name in enumerate(CLASSES)],
        "annotations": [{"image_id": i, "category_id": CLASSES.index(label)} for i, (_, label) in enumerate(rows)],
    }
    (home / "coco.json").write_text(json.dumps(coco), encoding="utf-8")
    _write_checkpoints(home)
    return home


def _write_checkpoints(home: Path) -> None:
    """As training scripts leave them: of a known architecture trained on several GPUs, and of code of one's own."""
    import_torchvision_safely()
    import timm
    import torch

    torch.manual_seed(0)
    known = timm.create_model("test_resnet", num_classes=2)
    state = {f"module.{name}": value for name, value in known.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, home / "best.pt")
    (home / "net.py").write_text(_OWN_NET, encoding="utf-8")
    made: dict[str, Any] = {}
    exec(_OWN_NET, made)
    own, transform = made["build"]()
    pictures = sorted((home / "data" / "train").rglob("*.png"))
    given = torch.stack([transform(Image.open(path)) for path in pictures])
    labels = torch.tensor([CLASSES.index(path.parent.name) for path in pictures])
    training = torch.optim.Adam(own.parameters(), lr=0.05)
    for _ in range(60):
        training.zero_grad()
        torch.nn.functional.cross_entropy(own(given), labels).backward()
        training.step()
    torch.save(own.state_dict(), home / "own.pt")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_own_pictures_are_read_as_they_lie(layout, alone, home):
    command, said = LAYOUTS[layout]
    printed = run(alone / "venv" / "bin" / "auditor", "manifest", *command.split(), cwd=home)
    assert said in " ".join(printed.split())


def test_a_first_verdict_takes_three_commands(alone, home):
    auditor = alone / "venv" / "bin" / "auditor"  # the first command installed it
    assert re.match(r"auditor \d+\.\d+", run(auditor, "--version", cwd=home))
    model = ("--model", "net.py:build", "--weights", "own.pt", "--trust-code")
    words = ("--encoder", "sample", "--cache", "cache")
    printed = run(auditor, "run", "--data", "data", "--split", "val", *model, *words, "--out", "audit", cwd=home)
    assert "Accuracy 100.0 % of 120 pictures" in printed
    assert all(re.search(rf"^{name} +\S ", printed, re.MULTILINE) for name in CLASSES), printed
    assert "\n2 classes analysed, 0 flagged" in printed
    assert "\nGate passes: " in run(auditor, "gate", "audit", cwd=home)
    repaired = run(auditor, "repair", "audit", "--all-flagged", *model[2:], "--output", "r.safetensors", cwd=home)
    assert "no class is flagged or harmed: there is nothing to repair" in repaired
    assert _answer_of_dashboard(auditor, home) == "ok"


def _answer_of_dashboard(auditor: Path, home: Path) -> str:
    """Start it on a free port, ask once that it is there, and end this one process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [auditor, "dashboard", "audit", "--port", str(port)]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean) as server:
        try:
            for _ in range(480):
                address = f"http://127.0.0.1:{port}/_stcore/health"
                with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(address) as answer:
                    return str(answer.read().decode())
                if server.poll() is not None:
                    return f"it ended with {server.returncode}"
                time.sleep(0.25)
            return "no answer"
        finally:
            server.kill()


def test_a_checkpoint_of_a_known_architecture_is_loaded_as_training_left_it(home, monkeypatch):
    monkeypatch.chdir(home)
    model = ["--model", "timm:test_resnet", "--weights", "best.pt"]
    words = ["--encoder", "sample", "--n-extreme", "4", "--cache", "cache"]
    done = CliRunner().invoke(app, ["run", "--data", "photos", *model, *words, "--out", "new", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "model: timm:test_resnet on cpu" in done.stdout
    assert not (home / "new").exists()
