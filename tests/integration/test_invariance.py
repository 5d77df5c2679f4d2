"""What must not matter does not: no verdict changes, and no share by more than 1e-4."""

from __future__ import annotations

import dataclasses
import logging
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from auditor import pipeline
from auditor.extraction import extract
from auditor.extraction import region_swaps as interventions
from auditor.models import cam
from auditor.models.load_classifier import load_classifier
from auditor.records import Dataset, LinearHead
from auditor.store.open_audit import open_audit_database


def _results(folder: Path) -> tuple[list[tuple], dict[tuple, float], dict[tuple, float]]:
    with open_audit_database(folder) as connection:
        verdicts = connection.execute(
            "SELECT class_name, verdict, concept_id FROM verdicts ORDER BY class_idx"
        ).fetchall()
        of_classes = connection.execute("SELECT class_name, concept_id, share FROM class_concepts").fetchall()
        of_images = connection.execute("SELECT image_id, class_idx, concept_id, share FROM attributions").fetchall()
    return verdicts, {row[:2]: row[2] for row in of_classes}, {row[:3]: row[3] for row in of_images}


def _largest_difference(first: dict[tuple, float], second: dict[tuple, float]) -> float:
    return max(abs(first.get(key, 0.0) - second.get(key, 0.0)) for key in first.keys() | second.keys())


@pytest.fixture
def assert_same(small_config, small_audit, tmp_path):
    def check(**changes: object) -> None:
        config = small_config.model_copy(update={"out": tmp_path / "audit", "cache": tmp_path / "cache", **changes})
        verdicts, of_classes, of_images = _results(pipeline.run_audit(config))
        expected_verdicts, expected_classes, expected_images = _results(small_audit)
        assert verdicts == expected_verdicts
        assert _largest_difference(of_classes, expected_classes) < 1e-4
        assert _largest_difference(of_images, expected_images) < 1e-4

    return check


def test_batch_size_and_threads(assert_same, caplog):
    caplog.set_level(logging.INFO, "auditor.pipeline")
    assert_same(batch_size=7, jobs=1)
    # of a new cache copies of pictures alone are known
    ((known, asked),) = re.findall(r"embedding cache: (\d+) of (\d+) were known", caplog.text)
    assert int(known) < int(asked) / 2


def test_order_of_the_pictures(assert_same, monkeypatch):
    load = pipeline.load_dataset

    def shuffled(*args: object, **kwargs: object) -> Dataset:
        dataset = load(*args, **kwargs)
        order = np.random.default_rng(3).permutation(len(dataset.items))
        return dataclasses.replace(dataset, items=tuple(dataset.items[idx] for idx in order))

    monkeypatch.setattr(pipeline, "load_dataset", shuffled)
    assert_same()


def test_rotation_of_the_encoder_space(assert_same, monkeypatch):
    load = pipeline.load_encoder

    def rotated(*args: object, **kwargs: object) -> object:
        encoder = load(*args, **kwargs)
        rng = np.random.default_rng(5)
        rotation = np.linalg.qr(rng.normal(size=(encoder.dim, encoder.dim)))[0]

        def turn(rows: np.ndarray) -> np.ndarray:
            return (rows.astype(np.float64) @ rotation).astype(np.float32)

        return dataclasses.replace(
            encoder,
            encode_images=lambda batch: turn(encoder.encode_images(batch)),
            encode_texts=lambda texts: turn(encoder.encode_texts(texts)),
        )

    monkeypatch.setattr(pipeline, "load_encoder", rotated)
    assert_same()


def test_permutation_of_the_channels(assert_same, monkeypatch):
    load, forward, response_maps = pipeline.classifier_of, cam.forward, cam.response_maps
    forward_with_maps = cam.forward_with_maps
    order = np.random.default_rng(7).permutation(load_classifier("sample:planted", weights=None).head.weight.shape[1])

    def permuted(*args: object, **kwargs: object) -> object:
        classifier = load(*args, **kwargs)
        head = LinearHead(classifier.head.weight[:, order], classifier.head.bias)
        return dataclasses.replace(classifier, head=head)

    def permuted_forward(classifier: object, batch: object) -> tuple[np.ndarray, np.ndarray]:
        activations, logits = forward(classifier, batch)
        return activations[:, order], logits

    monkeypatch.setattr(pipeline, "classifier_of", permuted)

    def permuted_with_maps(classifier: object, batch: object, weights: np.ndarray) -> tuple[np.ndarray, ...]:
        activations, logits, maps = forward_with_maps(classifier, batch, weights[:, np.argsort(order)])
        return activations[:, order], logits, maps

    asked = SimpleNamespace(forward=permuted_forward, forward_with_maps=permuted_with_maps)
    monkeypatch.setattr(extract, "cam", asked)

    # Maps ask the module itself, whose channels are where they were.
    def maps_of_the_module(classifier: object, batch: object, weights: np.ndarray) -> np.ndarray:
        return response_maps(classifier, batch, np.ascontiguousarray(weights[..., np.argsort(order)]))

    asked = SimpleNamespace(forward=forward, response_maps=maps_of_the_module)
    monkeypatch.setattr(interventions, "cam", asked)
    monkeypatch.setattr(pipeline, "exemplar_maps", lambda *args, **kwargs: ())
    assert_same()
