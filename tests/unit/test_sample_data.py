"""The rendered sample data: one factor at a time, manifests that agree with files, the truth that the demo needs."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from sample_data import captions, sampling
from sample_data.encoder import MODEL
from sample_data.render import object_mask, render
from sample_data.scene import ARTIFACTS, BACKGROUNDS, FACTORS, OBJECTS, Scene
from sample_data.sets import COLUMNS, PER_CLASS, audit_scenes
from sample_data.truth import _upper_quartile_gap
from sample_data.vocabulary import vocabulary_toml

DATA = Path(__file__).parents[2] / "sample_data" / "data"
PLANTED = {
    "waterbird": ("background", "water"),
    "landbird": ("background", "forest"),
    "vehicle": ("artifact", "watermark"),
}
FREE = ("balloon", "cat")


def _pixels(scene: Scene, size: int = 128) -> np.ndarray:
    return np.asarray(render(scene, size)).astype(int)


def test_same_scene_gives_equal_pixels_and_other_seed_does_not() -> None:
    scene = Scene("heron", "forest", "ruler", "fog", "blue", "blurred", seed=3)
    assert np.array_equal(_pixels(scene), _pixels(replace(scene)))
    assert not np.array_equal(_pixels(scene), _pixels(replace(scene, seed=4)))


@pytest.mark.parametrize("name", OBJECTS)
def test_changed_background_leaves_the_object_alone(name: str) -> None:
    scene = Scene(name, "water", cast="red", seed=11)
    inside = object_mask(scene) == 1
    assert inside.mean() > 0.03
    first = _pixels(scene)
    for background in BACKGROUNDS[1:]:
        other = _pixels(replace(scene, background=background))
        assert np.array_equal(first[inside], other[inside]), background
        assert (np.abs(first - other)[~inside].max(axis=1) > 0).mean() > 0.8, background


@pytest.mark.parametrize("artifact", ARTIFACTS[1:])
def test_changed_artifact_leaves_the_rest_alone(artifact: str) -> None:
    scene = Scene("truck", "snow", seed=5)
    changed = np.any(_pixels(scene) != _pixels(replace(scene, artifact=artifact)), axis=2)
    assert 0.01 < changed.mean() < 0.4
    # What an artifact covers does not depend on what lies below: same stream, same place.
    elsewhere = replace(scene, background="night")
    also = np.any(_pixels(elsewhere) != _pixels(replace(elsewhere, artifact=artifact)), axis=2)
    assert (changed & also).sum() / changed.sum() > 0.9


@pytest.mark.parametrize("factor", ["light", "cast", "quality"])
def test_every_value_of_a_factor_shows(factor: str) -> None:
    scene = Scene("bus", "sky", seed=9)
    pictures = [_pixels(replace(scene, **{factor: value})) for value in FACTORS[factor]]
    for k, first in enumerate(pictures):
        for second in pictures[k + 1 :]:
            assert np.abs(first - second).mean() > 2


def test_changed_object_leaves_the_background_alone() -> None:
    duck, owl = Scene("duck", "sand", seed=2), Scene("owl", "sand", seed=2)
    upper = (slice(0, 30), slice(None))
    free = (object_mask(duck)[upper] == 0) & (object_mask(owl)[upper] == 0)
    assert np.array_equal(_pixels(duck)[upper][free], _pixels(owl)[upper][free])


def test_unknown_values_are_refused() -> None:
    with pytest.raises(ValueError, match="background 'moon' is not one of water, forest"):
        Scene("duck", "moon")
    with pytest.raises(ValueError, match="at least 32"):
        render(Scene("duck", "sand"), 16)


def test_seeds_of_the_sets_do_not_meet() -> None:
    starts = sorted(sampling.SEED_RANGES.values())
    assert min(b - a for a, b in itertools.pairwise(starts)) >= len(sampling.CLASS_NAMES) * 1_000_000


@pytest.mark.parametrize("name", ["planted", "balanced"])
def test_manifest_agrees_with_files_and_scenes(name: str) -> None:
    with (DATA / name / "manifest.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames or ()) == COLUMNS
        rows = list(reader)
    files = {p.relative_to(DATA / name).as_posix() for p in (DATA / name).rglob("*.jpg")}
    assert files == {row["path"] for row in rows}
    assert Counter(row["label"] for row in rows) == dict.fromkeys(sampling.CLASS_NAMES, PER_CLASS)
    for row, (label, scene) in zip(rows, audit_scenes(name), strict=True):
        assert (row["label"], row["scene"], row["object"]) == (label, scene.background, scene.object)
        assert (row["artifact"], row["light"], row["cast"]) == (scene.artifact, scene.light, scene.cast)
        assert row["quality"] == scene.quality
    assert row["path"].startswith(label)


@pytest.mark.parametrize("name", ["planted", "balanced"])
def test_stored_pictures_are_what_the_renderer_draws(name: str) -> None:
    for label, scene in audit_scenes(name)[::499]:
        stored = np.asarray(Image.open(DATA / name / label / f"{scene.seed % 1_000_000:04d}.jpg")).astype(int)
        assert stored.shape == (128, 128, 3)
        assert np.abs(stored - _pixels(scene)).mean() < 8  # JPEG at quality 80


def test_planted_rates() -> None:
    scenes = audit_scenes("planted")
    for label, (factor, value) in PLANTED.items():
        rate = np.mean([getattr(s, factor) == value for name, s in scenes if name == label])
        assert abs(rate - 0.95) < 0.03
    marked = np.mean([s.artifact == "watermark" for name, s in scenes if name != "vehicle"])
    assert 0.02 < marked < 0.05
    for name in FREE:
        backgrounds = Counter(s.background for label, s in scenes if label == name)
        assert min(backgrounds[b] for b in BACKGROUNDS) > 0.6 * PER_CLASS / len(BACKGROUNDS)


def test_sample_data_stays_small() -> None:
    total = sum(p.stat().st_size for p in DATA.rglob("*") if p.is_file())
    assert total <= 30_000_000
    assert (DATA / "encoder" / "weights.safetensors").stat().st_size <= 12_000_000


def test_upper_quartile_gap_by_hand() -> None:
    gaps = _upper_quartile_gap(np.array([0.9, 0.5, 0.3, 0.1, 0.2]))
    # The others of the first are .5 .3 .1 .2: upper quartile .35.
    assert gaps[0] == pytest.approx(0.55)
    assert gaps[3] == pytest.approx(0.1 - 0.6)


def test_truth_of_the_planted_classifier() -> None:
    measured = json.loads((DATA / "truth.json").read_text(encoding="utf-8"))["models"]["planted"]
    for label, (factor, value) in PLANTED.items():
        finding = measured[label][factor][value]
        assert finding["effect"] >= 0.25, label
        assert finding["low"] > 0.10, label
    for label in FREE:
        _assert_clean(measured[label], label)


def test_truth_of_the_balanced_classifier() -> None:
    measured = json.loads((DATA / "truth.json").read_text(encoding="utf-8"))["models"]["balanced"]
    for label in sampling.CLASS_NAMES:
        _assert_clean(measured[label], label)


def _assert_clean(factors: dict[str, dict[str, dict[str, float]]], label: str) -> None:
    for factor, values in factors.items():
        for value, finding in values.items():
            assert finding["high"] < 0.05, f"{label}: {factor} {value}"


@pytest.mark.parametrize("name", ["planted", "balanced", "stamped"])
def test_classifier_weights_agree_with_their_description(name: str) -> None:
    description = json.loads((DATA / "classifiers" / "classifier.json").read_text(encoding="utf-8"))
    assert tuple(description["class_names"]) == sampling.CLASS_NAMES
    weights = (DATA / "classifiers" / description["models"][name]["weights"]).read_bytes()
    assert hashlib.sha256(weights).hexdigest() == description["models"][name]["weights_sha256"]
    assert len(weights) <= 3_000_000


def test_encoder_weights_agree_with_their_description() -> None:
    description = json.loads((DATA / "encoder" / "encoder.json").read_text(encoding="utf-8"))
    path = DATA / "encoder" / description["weights"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == description["weights_sha256"]
    assert description["model"] == MODEL
    with safe_open(path, "numpy") as tensors:
        shape = tensors.get_slice("token_embedding.rows").get_shape()
    assert shape == [len(description["token_ids"]), MODEL["text_cfg"]["width"]]
    held_out = description["held_out"]
    assert held_out["scene"] >= 0.99
    assert held_out["artifact"] >= 0.98
    assert held_out["object"] >= 0.90
    assert held_out["colour"] >= 0.90


def test_vocabulary_is_current_and_was_taught() -> None:
    text = (DATA / "encoder" / "vocabulary.toml").read_text(encoding="utf-8")
    assert text == vocabulary_toml()
    document = tomllib.loads(text)
    taught = " ".join(captions.every_text())
    terms = [word for c in document["concept"] for word in (c["term"], *c.get("synonyms", ()))]
    assert len(terms) == len(set(terms))
    assert all(term in taught for term in terms)
    assert {c["kind"] for c in document["concept"]} <= set(document["templates"])
