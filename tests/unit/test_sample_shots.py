"""The third bundled set: a date in a corner and a JPEG setting, which neither manifest nor vocabulary name."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auditor.properties.file_facts import quality_of
from sample_data import shots
from sample_data.bank import JPEG_QUALITY
from sample_data.sampling import CLASS_NAMES
from sample_data.scene import Scene

FOLDER = Path(__file__).parents[2] / "sample_data" / "data" / shots.SET_NAME
PLAIN = shots.Shot(Scene("bus", "snow", seed=4), stamped=False, quality=JPEG_QUALITY)


def _pixels(shot: shots.Shot) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(shots.shoot(shot)))).astype(int)


def _quality(file) -> int:
    with Image.open(file) as opened:
        return quality_of(opened.quantization[0])  # type: ignore[attr-defined]


def test_the_date_stands_in_the_lower_right_corner_and_nowhere_else():
    changed = np.abs(_pixels(replace(PLAIN, stamped=True)) - _pixels(PLAIN)).max(axis=2) > 60
    rows, columns = np.nonzero(changed)
    assert changed.mean() > 0.004
    assert rows.min() > 0.8 * 128
    assert columns.min() > 0.66 * 128


def test_hard_compression_writes_coarser_tables():
    for quality in (JPEG_QUALITY, shots.HARD_QUALITY):
        assert _quality(io.BytesIO(shots.shoot(replace(PLAIN, quality=quality)))) == quality


def test_stored_pictures_are_those_that_are_drawn():
    with (FOLDER / "manifest.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == ["path", "label", "split"]  # nothing that would name a shortcut
        rows = list(reader)
    drawn = shots.draw_shots("audit", dict.fromkeys(CLASS_NAMES, shots.PER_CLASS))
    assert Counter(row["label"] for row in rows) == dict.fromkeys(CLASS_NAMES, shots.PER_CLASS)
    for row, (label, shot) in list(zip(rows, drawn, strict=True))[::301]:
        assert row["label"] == label
        stored = Image.open(FOLDER / row["path"])
        assert np.abs(np.asarray(stored).astype(int) - _pixels(shot)).mean() < 2
        assert _quality(FOLDER / row["path"]) == shot.quality


def test_rates_are_those_that_were_planted():
    labelled = shots.draw_shots("audit", dict.fromkeys(CLASS_NAMES, shots.PER_CLASS))
    for name in CLASS_NAMES:
        own = [shot for label, shot in labelled if label == name]
        stamped = np.mean([shot.stamped for shot in own])
        hard = np.mean([shot.quality == shots.HARD_QUALITY for shot in own])
        assert stamped == pytest.approx(0.6 if name == shots.STAMPED_CLASS else 0.05, abs=0.08)
        assert hard == pytest.approx(0.6 if name == shots.HARD_CLASS else 0.05, abs=0.08)


def test_the_classifier_rests_on_both_and_no_other_class_does():
    truth = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))["model"]
    planted = {(shots.STAMPED_CLASS, "date"), (shots.HARD_CLASS, "compression")}
    for name in CLASS_NAMES:
        for factor, measured in truth[name].items():
            (effect, low, high), (pull, *_) = measured["effect"], measured["pull"]
            assert effect == pytest.approx(measured["accuracy_with"] - measured["accuracy_without"], abs=1e-4)
            if (name, factor) in planted:
                assert low > 0.2
                assert pull > 0.3
            else:
                assert high < 0.05
                assert pull < 0.05
