"""A picture's features are the same to the bit, whoever else was in its batch and whatever the cache knew."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from auditor.extraction import extract
from auditor.extraction.concept_embeddings import cached_texts
from auditor.extraction.embedding_cache import open_embedding_cache
from auditor.extraction.shards import FeatureShards
from auditor.inputs.dataset import load_dataset
from auditor.models.encoders.load import load_encoder
from auditor.models.load_classifier import load_classifier

N_IMAGES = 45
Features = dict[str, tuple[np.ndarray, ...]]


@pytest.fixture(scope="module")
def models():
    return load_classifier("sample:planted", weights=None), load_encoder("sample")


@pytest.fixture
def some_pictures(sample_manifest, tmp_path):
    """45 bundled pictures, one of them twice, whose shards end in the middle of a batch."""
    with sample_manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))[:: 300 // N_IMAGES][:N_IMAGES]
    for row in rows:
        (tmp_path / "data" / row["label"]).mkdir(parents=True, exist_ok=True)
        shutil.copy(sample_manifest.parent / row["path"], tmp_path / "data" / row["label"])
    pictures = sorted((tmp_path / "data").rglob("*.jpg"))
    assert len(pictures) == N_IMAGES
    shutil.copy(pictures[3], pictures[-1])
    return pictures


@pytest.fixture
def features_of(some_pictures, models, tmp_path, monkeypatch) -> Callable[..., Features]:
    """Activations, logits and embedding of every picture by its path, of an extraction into a fresh folder."""
    monkeypatch.setattr(extract, "SHARD_IMAGES", 20)
    classifier, encoder = models
    folders = iter(tmp_path / f"features{number}" for number in range(100))

    def run(*, cache: str = "cache", batch_size: int = 8, n_jobs: int = 2) -> Features:
        dataset = load_dataset(tmp_path / "data")
        with open_embedding_cache(tmp_path / cache, encoder.digest, encoder.dim) as opened:
            shards: FeatureShards = extract.extract_features(
                dataset,
                classifier,
                encoder,
                folder=next(folders),
                cache=opened,
                thumbnails=False,
                batch_size=batch_size,
                n_jobs=n_jobs,
            )
        path_of = {item.image_id: item.path for item in dataset.items}
        columns = np.concatenate(list(shards.activation_chunks())), shards.logits(), shards.embeddings()
        rows = zip(*columns, strict=True)
        return {path_of[image_id]: row for image_id, row in zip(shards.image_ids(), rows, strict=True)}

    return run


def assert_equal(first: Features, second: Features) -> None:
    for path in first.keys() & second.keys():
        for one, other in zip(first[path], second[path], strict=True):
            np.testing.assert_array_equal(one, other, err_msg=path)


def forget(folder, n: int, rng: np.random.Generator) -> None:
    """Delete ``n`` of the cached rows at random."""
    (path,) = folder.glob("*.sqlite3")
    with sqlite3.connect(path) as connection:
        known = [row[0] for row in connection.execute("SELECT content_digest FROM embeddings ORDER BY content_digest")]
        chosen = rng.choice(known, n, replace=False)
        connection.executemany("DELETE FROM embeddings WHERE content_digest = ?", [(str(one),) for one in chosen])


def test_what_is_lost_from_the_cache_is_made_again_to_the_bit(features_of, tmp_path):
    first = features_of()
    rng = np.random.default_rng(0)
    for n in (1, 3, 10, 25, N_IMAGES - 1):
        forget(tmp_path / "cache", n, rng)
        assert_equal(first, features_of())


def test_a_cache_that_knows_everything_costs_no_pass_of_the_encoder(features_of, monkeypatch):
    first = features_of()
    passes = []
    full_batch = extract._full_batch
    monkeypatch.setattr(extract, "_full_batch", lambda *args: passes.append(args) or full_batch(*args))
    assert_equal(first, features_of())
    assert len(passes) == 7  # of the classifier alone: 20 = 8 + 8 + 4, twice, and 5


@pytest.mark.parametrize("n_jobs", [1, 7])
def test_threads_that_decode_change_nothing(features_of, n_jobs):
    assert_equal(features_of(), features_of(cache="another", n_jobs=n_jobs))


def test_a_neighbour_that_cannot_be_read_changes_nothing(features_of, some_pictures):
    first = features_of()
    for broken in (some_pictures[1], some_pictures[21]):
        broken.write_text("no picture")
    second = features_of(cache="another")
    assert len(second) == N_IMAGES - 2
    assert_equal(first, second)


def test_other_neighbours_change_nothing(features_of, some_pictures):
    """Pictures keep their places, what lies around them is another."""
    first = features_of()
    rng = np.random.default_rng(1)
    others = [path for path in some_pictures if rng.random() < 0.5]
    for path in others:
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    second = features_of(cache="another")
    kept = [path for path in some_pictures if path not in others]
    names = {f"{path.parent.name}/{path.name}" for path in kept}
    assert_equal(
        {path: row for path, row in first.items() if path in names},
        {path: row for path, row in second.items() if path in names},
    )


@pytest.mark.parametrize("batch_size", [1, 5, 32])
def test_another_batch_size_changes_rounding_and_no_more(features_of, batch_size):
    first, second = features_of(), features_of(cache="another", batch_size=batch_size)
    for path, row in first.items():
        for one, other in zip(row, second[path], strict=True):
            np.testing.assert_allclose(other, one, rtol=0, atol=2e-6 * np.abs(one).max())


def test_texts_lost_from_the_cache_are_made_again_to_the_bit(models, tmp_path):
    _, encoder = models
    texts = [f"a photo of {word}" for word in ("water", "forest", "sand", "snow", "a bird", "a cat", "a red vehicle")]
    with open_embedding_cache(tmp_path / "texts", encoder.digest, encoder.dim) as cache:
        first = cached_texts(encoder, cache).encode_texts(texts)
        forget(tmp_path / "texts", 3, np.random.default_rng(2))
        np.testing.assert_array_equal(cached_texts(encoder, cache).encode_texts(texts[::-1])[::-1], first)
        cached_texts(encoder, cache).encode_texts(texts[2:4])
        np.testing.assert_array_equal(cached_texts(encoder, cache).encode_texts(texts), first)
