"""Every mistake of a user is one line on stderr, exit 2, and nothing half-written."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from auditor import pipeline
from auditor.cli import app
from auditor.extraction import shards
from auditor.models.bundled import bundled_path


def run(*arguments: object, exit_code: int = 2) -> str:
    """Run the command line; gives the one line that it said."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    return lines[0]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def refused(sample_manifest: Path, out: Path, encoder_cache: Path):
    """Run an audit with some settings changed; it must be refused before anything is written."""

    def audit(**changes: object) -> str:
        settings: dict[str, object] = {
            "data": sample_manifest, "model": "sample:planted", "encoder": "sample", "out": out, "n-extreme": 30,
            "cache": encoder_cache,
        }  # fmt: skip
        settings |= {name.replace("_", "-"): value for name, value in changes.items()}
        flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
        line = run("run", *flags)
        assert not out.exists()
        return line

    return audit


def _folder(root: Path, **counts: int) -> Path:
    for label, count in counts.items():
        (root / label).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (64, 64), (index, 0, 0)).save(root / label / f"{index}.png")
    return root


def test_empty_folder(refused, tmp_path):
    (tmp_path / "data").mkdir()
    assert "data" in refused(data=tmp_path / "data")


def test_one_class(refused, tmp_path):
    assert "one" in refused(data=_folder(tmp_path / "data", only=3))


def test_fewer_pictures_than_the_extremes_need(refused, tmp_path):
    line = refused(data=_folder(tmp_path / "data", waterbird=3, landbird=3))
    assert "6 pictures" in line
    assert "at least 60 are needed" in line


def test_unreadable_manifest(refused, tmp_path):
    (tmp_path / "m.csv").write_bytes(b"\xff\xfe\x00\x00" * 9)
    assert "m.csv" in refused(data=tmp_path / "m.csv")


def test_missing_column(refused, tmp_path):
    (tmp_path / "m.csv").write_text("path,lable\na.jpg,x\n")
    line = refused(data=tmp_path / "m.csv")
    assert "label" in line
    assert "lable" in line


def test_path_outside_the_root(refused, tmp_path):
    (tmp_path / "m.csv").write_text("path,label\n../a.jpg,x\nb.jpg,y\n")
    assert "../a.jpg" in refused(data=tmp_path / "m.csv")


def test_label_unknown_to_the_model_shows_both_lists(refused, tmp_path):
    line = refused(data=_folder(tmp_path / "data", walrus=40, landbird=40))
    assert "walrus" in line
    assert "waterbird" in line


def _factory(tmp_path: Path, body: str) -> str:
    (tmp_path / "model.py").write_text(
        "import torch\nfrom torch import nn\nfrom torchvision import transforms\n\ndef build():\n"
        f"    {body}\n    return net, transforms.Compose([transforms.Resize((8, 8)), transforms.ToTensor()])\n"
    )
    return f"{tmp_path / 'model.py'}:build"


def test_code_is_not_run_without_consent(refused, tmp_path):
    assert "--trust-code" in refused(model=_factory(tmp_path, "raise SystemError('ran')"))


def test_model_without_convolution_or_tokens(out, tmp_path, sample_manifest, encoder_cache):
    spec = _factory(tmp_path, "net = nn.Sequential(nn.Flatten(), nn.Linear(192, 9), nn.ReLU(), nn.Linear(9, 5))")
    line = run(
        "run", "--data", sample_manifest, "--model", spec, "--trust-code", "--encoder", "sample", "--out", out,
        "--n-extreme", 30, "--cache", encoder_cache,
    )  # fmt: skip
    assert "layer" in line
    assert not out.exists()


def test_weights_that_do_not_fit_name_the_first_keys(refused, tmp_path):
    torch.save({"conv1.weight": torch.zeros(1), "nonsense": torch.zeros(2)}, tmp_path / "w.pt")
    line = refused(model="torchvision:resnet18", weights=tmp_path / "w.pt")
    assert "conv1.weight" in line


def test_weights_that_hold_a_pickle(refused, tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "w.pt")
    assert "w.pt" in refused(model="torchvision:resnet18", weights=tmp_path / "w.pt")


def test_encoder_weights_absent(refused, tmp_path):
    line = refused(encoder=f"open_clip:ViT-B-32@{tmp_path / 'absent.pt'}")
    assert "absent.pt" in line


def test_encoder_offline_says_how_to_give_a_file(refused, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    line = refused(encoder="open_clip:ViT-B-32/laion2b_s34b_b79k")
    assert "as a file: --encoder open_clip:ViT-B-32/laion2b_s34b_b79k@FILE" in line


def test_a_finished_audit_is_not_overwritten(small_audit, sample_manifest, encoder_cache):
    before = sorted((path.name, path.stat().st_mtime_ns) for path in small_audit.iterdir())
    line = run(
        "run", "--data", sample_manifest, "--model", "sample:planted", "--encoder", "sample", "--out", small_audit,
        "--n-extreme", 30, "--cache", encoder_cache,
    )  # fmt: skip
    assert "--resume" in line
    assert sorted((path.name, path.stat().st_mtime_ns) for path in small_audit.iterdir()) == before


def test_a_folder_with_other_files_is_not_touched(sample_manifest, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    line = run("run", "--data", sample_manifest, "--model", "sample:planted", "--out", tmp_path)
    assert "letter.txt" in line
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_too_many_unreadable_pictures_end_the_run(tmp_path, sample_manifest, encoder_cache):
    data = tmp_path / "data"
    shutil.copytree(sample_manifest.parent, data)
    for path in sorted(data.rglob("*.jpg"))[::10]:
        path.write_bytes(b"no picture")
    line = run(
        "run", "--data", data / "manifest.csv", "--model", "sample:planted", "--encoder", "sample",
        "--out", tmp_path / "out", "--n-extreme", 30, "--cache", encoder_cache,
    )  # fmt: skip
    assert "30 of 300 pictures could not be read" in line
    assert not (tmp_path / "out" / "audit.json").exists()


@pytest.mark.parametrize("write", ["write_bytes", "write_text"])
def test_full_disk(write, sample_manifest, out, encoder_cache, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shards.Path, write, full)
    line = run(
        "run", "--data", sample_manifest, "--model", "sample:planted", "--encoder", "sample", "--out", out,
        "--n-extreme", 30, "--cache", encoder_cache,
    )  # fmt: skip
    assert "No space left on device" in line
    assert "--resume" in line
    assert not [path for path in out.rglob("*") if path.is_file()]


def test_ctrl_c_says_how_to_go_on(sample_manifest, out, encoder_cache, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "describe_images", interrupt)
    result = CliRunner().invoke(
        app,
        ["run", "--data", str(sample_manifest), "--model", "sample:planted", "--encoder", "sample", "--out", str(out),
         "--n-extreme", "30", "--cache", str(encoder_cache)],
    )  # fmt: skip
    assert result.exit_code == 2
    assert "--resume" in result.stderr
    assert not (out / "audit.json").exists()


@pytest.mark.parametrize("command", ["report", "explain"])
def test_no_audit_there(command, tmp_path):
    arguments = [command, tmp_path / "none"] + (["x.jpg"] if command == "explain" else [])
    assert "none" in run(*arguments)


def test_explain_an_unknown_picture_or_class(small_audit):
    assert "nowhere.jpg" in run("explain", small_audit, "nowhere.jpg")
    picture = next(bundled_path("planted", "waterbird").glob("*.jpg"))
    assert "did you mean 'waterbird'?" in run("explain", small_audit, picture, "--class", "waterbrid")


def test_init_leaves_a_file_alone(tmp_path):
    (tmp_path / "auditor.toml").write_text("mine")
    assert "exists already" in run("init", "--output", tmp_path / "auditor.toml")
    assert (tmp_path / "auditor.toml").read_text() == "mine"
