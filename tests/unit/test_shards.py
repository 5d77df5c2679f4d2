import numpy as np
import pytest

from auditor.errors import StoreError
from auditor.extraction.shards import FeatureShards, ShardRows, shard_digest, write_shard
from auditor.records import Failure

RNG = np.random.default_rng(0)


def _rows(n, start=0, failures=(), k=3, masked=()):
    surroundings = np.full((n, 4), np.nan, np.float32)
    surroundings[list(masked)] = 0.5
    return ShardRows(
        image_ids=tuple(f"{start + i:016x}" for i in range(n)),
        content_digests=tuple(f"d{start + i}" for i in range(n)),
        sizes=tuple((10 + i, 20) for i in range(n)),
        activations=RNG.normal(size=(n, k)).astype(np.float32),
        logits=RNG.normal(size=(n, 2 if k else 0)).astype(np.float32),
        embeddings=RNG.normal(size=(n, 4)).astype(np.float32),
        surroundings=surroundings,
        thumbnails=tuple(b"jpeg" if i else None for i in range(n)),
        fingerprints=tuple(bytes([i]) * 64 for i in range(n)),
        failures=tuple(failures),
    )


def test_shards_come_back_in_order_and_to_the_bit(tmp_path):
    failure = Failure("f" * 16, "c/x.jpg", "decoding", "truncated")
    first, empty, last = _rows(3), _rows(0, failures=[failure]), _rows(2, start=3)
    paths = [tmp_path / f"{name}.parquet" for name in "abc"]
    for path, rows in zip(paths, (first, empty, last), strict=True):
        write_shard(path, rows)
    shards = FeatureShards(paths)
    assert shards.n == 5
    assert shards.failures == (failure,)
    assert shards.image_ids() == first.image_ids + last.image_ids
    chunks = list(shards.head_chunks())
    assert [(rows.start, rows.stop) for rows, _, _ in chunks] == [(0, 3), (3, 5)]
    np.testing.assert_array_equal(chunks[1][1], last.activations)
    np.testing.assert_array_equal(chunks[1][2], last.logits)
    np.testing.assert_array_equal(shards.embeddings(), np.concatenate([first.embeddings, last.embeddings]))
    tables = [table for _, table in shards.picture_tables()]
    assert tables[0]["thumbnail"].to_pylist() == [None, b"jpeg", b"jpeg"]
    assert tables[1]["width"].to_pylist() == [10, 11]


def test_surroundings_of_masked_pictures_come_back_and_masks_that_failed_are_no_lost_pictures(tmp_path):
    mask = Failure("1" * 16, "masks/1.png", "mask", "black everywhere")
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    write_shard(paths[0], _rows(2))
    write_shard(paths[1], _rows(3, start=2, masked=(0, 2), failures=[mask]))
    shards = FeatureShards(paths)
    assert (shards.failures, shards.mask_failures) == ((), (mask,))
    assert np.isfinite(shards.surroundings()).all(axis=1).tolist() == [False, False, True, False, True]
    assert shards.surroundings().shape == (5, 4)
    assert FeatureShards(paths[:1]).surroundings() is None


def test_without_a_model_there_are_no_activations(tmp_path):
    write_shard(tmp_path / "a.parquet", _rows(2, k=0))
    ((_, activations, logits),) = FeatureShards([tmp_path / "a.parquet"]).head_chunks()
    assert activations.shape == (2, 0)
    assert logits.shape == (2, 0)


def test_nothing_half_written_is_left(tmp_path):
    with pytest.raises(StoreError, match="features cannot be written"):
        write_shard(tmp_path / "missing" / "a.parquet", _rows(1))
    assert list(tmp_path.iterdir()) == []


def test_the_digest_follows_models_and_files():
    entries = [("a.jpg", "5f")]
    assert shard_digest("key", entries) == shard_digest("key", entries)
    assert shard_digest("key", entries) != shard_digest("other", entries)
    assert shard_digest("key", entries) != shard_digest("key", [("a.jpg", "6f")])
