"""One pass over the pictures: exact features, nothing done twice, nothing lost on the way."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from packed_files import write_parquet
from PIL import Image
from torch import nn
from toy_audit import COLOURS, PLAIN, channels_of, toy_classifier, toy_encoder, write_pictures
from toy_models import GapCnn

from auditor.errors import InputError, ModelError
from auditor.extraction import extract
from auditor.extraction.embedding_cache import open_embedding_cache
from auditor.inputs.contents import file_digest
from auditor.inputs.dataset import load_dataset
from auditor.inputs.images import read_image
from auditor.models.load_classifier import make_classifier
from auditor.models.preprocess import OpaqueTransform
from auditor.records import Failure

CLASSIFIER = toy_classifier()
CHANNELS = np.array([channels_of(colour) for colour in COLOURS.values()], np.float32)
LOGITS = np.stack([CHANNELS[:, 0] - CHANNELS[:, 1], 2 * CHANNELS[:, 1] + 0.5], axis=1)
COLOUR_ROWS = np.array(list(COLOURS.values()), np.float32)
EMBEDDINGS = COLOUR_ROWS / np.linalg.norm(COLOUR_ROWS, axis=1, keepdims=True)


@pytest.fixture
def work(tmp_path):
    """Extract ``tmp_path/data`` below ``tmp_path``; options overrule."""
    write_pictures(tmp_path / "data")

    def run(*, encoder=None, classifier=CLASSIFIER, cache="cache", dataset=None, **options):
        encoder = encoder or toy_encoder()
        settings = {"folder": tmp_path / "features", "thumbnails": True, "batch_size": 2, "n_jobs": 2, **options}
        with open_embedding_cache(tmp_path / cache, encoder.digest, encoder.dim) as opened:
            return extract.extract_features(
                dataset or write_pictures(tmp_path / "data", {}), classifier, encoder, cache=opened, **settings
            )

    return run


@pytest.fixture
def tiny_shards(monkeypatch):
    monkeypatch.setattr(extract, "SHARD_IMAGES", 2)


def test_of_rows_of_a_shard_the_features_are_those_of_the_same_files(work, tmp_path):
    files = write_pictures(tmp_path / "data", {})
    contents = [(tmp_path / "data" / item.path).read_bytes() for item in files.items]
    write_parquet(tmp_path / "packed" / "val.parquet", contents, [item.label for item in files.items], names=None)
    packed = load_dataset(tmp_path / "packed")
    assert list(packed.contents.values()) == list(files.contents.values())
    of_files, of_rows = work(), work(dataset=packed, folder=tmp_path / "others", cache="none")
    assert of_rows.image_ids() == tuple(item.image_id for item in packed.items)
    np.testing.assert_array_equal(of_rows.embeddings(), of_files.embeddings())
    ((_, *found),), ((_, *expected),) = of_rows.head_chunks(), of_files.head_chunks()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    ((_, table),), ((_, table_of_files),) = of_rows.picture_tables(), of_files.picture_tables()
    assert table["thumbnail"] == table_of_files["thumbnail"]


def test_exact_features_in_the_order_of_the_data_set(work, tmp_path):
    dataset = write_pictures(tmp_path / "data", {})
    shards = work()
    assert [item.path for item in dataset.items] == list(COLOURS)
    assert shards.image_ids() == tuple(item.image_id for item in dataset.items)
    ((rows, activations, logits),) = shards.head_chunks()
    assert rows == slice(0, 5)
    np.testing.assert_allclose(activations, CHANNELS, atol=1e-6)
    np.testing.assert_allclose(logits, LOGITS, atol=1e-6)
    np.testing.assert_allclose(shards.embeddings(), EMBEDDINGS, atol=1e-6)
    ((_, table),) = shards.picture_tables()
    assert table["width"].to_pylist() == [12] * 5
    assert table["height"].to_pylist() == [10] * 5
    contents = [(tmp_path / "data" / path).read_bytes() for path in COLOURS]
    assert table["content_digest"].to_pylist() == [hashlib.sha256(content).hexdigest() for content in contents]
    for colour, jpeg in zip(COLOURS.values(), table["thumbnail"].to_pylist(), strict=True):
        with Image.open(io.BytesIO(jpeg)) as thumbnail:
            assert thumbnail.format == "JPEG"
            assert np.abs(np.asarray(thumbnail, int) - colour).max() <= 6


@pytest.mark.parametrize(("batch_size", "n_jobs"), [(1, 1), (2, 3), (3, 1), (64, 4)])
def test_batches_and_threads_change_nothing(work, batch_size, n_jobs):
    shards = work(batch_size=batch_size, n_jobs=n_jobs)
    np.testing.assert_allclose(np.concatenate(list(shards.activation_chunks())), CHANNELS, atol=1e-6)
    np.testing.assert_allclose(shards.embeddings(), EMBEDDINGS, atol=1e-6)


def test_thumbnails_are_left_out_on_wish_and_named_apart(work, tmp_path):
    work()
    shards = work(thumbnails=False)
    ((_, table),) = shards.picture_tables()
    assert table["thumbnail"].to_pylist() == [None] * 5
    assert len(list((tmp_path / "features").glob("*.parquet"))) == 2


def test_an_unreadable_picture_is_a_failure_and_the_others_stay_in_line(work, tmp_path):
    broken = tmp_path / "data" / "leaf" / "1.png"
    broken.write_bytes(broken.read_bytes()[:40])
    shards = work()
    dataset = write_pictures(tmp_path / "data", {})
    kept = [0, 2, 3, 4]
    assert shards.n == 4
    assert shards.image_ids() == tuple(dataset.items[row].image_id for row in kept)
    np.testing.assert_allclose(shards.logits(), LOGITS[kept], atol=1e-6)
    (failure,) = shards.failures
    assert failure == Failure(dataset.items[1].image_id, "leaf/1.png", "decoding", failure.reason)
    assert failure.reason
    assert str(tmp_path) not in failure.reason


def test_a_shard_without_any_readable_picture(work, tmp_path, tiny_shards):
    for name in ("0", "1"):
        (tmp_path / "data" / "leaf" / f"{name}.png").write_text("no picture")
    shards = work()
    assert [failure.path for failure in shards.failures] == ["leaf/0.png", "leaf/1.png"]
    assert [rows for rows, _, _ in shards.head_chunks()] == [slice(0, 2), slice(2, 3)]
    np.testing.assert_allclose(shards.embeddings(), EMBEDDINGS[2:], atol=1e-6)


def test_progress_counts_pictures_shard_by_shard(work, tiny_shards):
    calls = []
    work(on_progress=lambda *call: calls.append(call))
    assert calls == [("pictures", 2, 5), ("pictures", 4, 5), ("pictures", 5, 5)]


def test_shards_that_are_there_are_kept(work, tmp_path, tiny_shards):
    first = work()
    paths = sorted((tmp_path / "features").glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    assert len(paths) == 3
    paths[1].unlink()
    seen, calls = [], []
    again = work(encoder=toy_encoder(seen=seen), cache="another", on_progress=lambda *call: calls.append(call))
    assert seen == [2]
    assert calls == [("pictures", 5, 5)]
    np.testing.assert_array_equal(again.embeddings(), first.embeddings())
    work(encoder=toy_encoder(seen=seen), cache="yet another")
    assert seen == [2]


def test_damaged_shards_are_made_again_and_no_others(work, tmp_path, tiny_shards, caplog):
    """Cut short, and with a flipped bit; the third is whole."""
    first, calls = work(), []
    paths = sorted((tmp_path / "features").glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    written = [path.read_bytes() for path in paths]
    paths[0].write_bytes(written[0][:-10])
    paths[1].write_bytes(written[1][:100] + bytes([written[1][100] ^ 1]) + written[1][101:])
    again = work(on_progress=lambda *call: calls.append(call))
    assert calls == [("pictures", 3, 5), ("pictures", 5, 5)]
    assert [path.read_bytes() for path in paths] == written
    np.testing.assert_array_equal(again.embeddings(), first.embeddings())
    assert "2 of 3 files of features are damaged" in caplog.text


def test_a_changed_file_is_read_again_and_no_other(work, tmp_path, tiny_shards):
    changed = tmp_path / "data" / "rose" / "2.png"
    changed.write_bytes(changed.read_bytes().ljust(200, b"\0"))
    work()
    before = changed.stat()
    Image.new("RGB", (12, 10), (0, 0, 255)).save(changed)
    changed.write_bytes(changed.read_bytes().ljust(200, b"\0"))
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    seen = []
    shards = work(encoder=toy_encoder(seen=seen), cache="another")
    assert seen == [1]
    np.testing.assert_allclose(shards.embeddings()[-1], [0, 0, 1], atol=1e-6)


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_picture_that_changes_meanwhile_ends_the_run_and_leaves_no_shard(work, tmp_path, content):
    dataset = write_pictures(tmp_path / "data", {})
    changed = tmp_path / "data" / "rose" / "2.png"
    if content is None:
        Image.new("RGB", (12, 10), (0, 0, 255)).save(changed)
    else:
        changed.write_bytes(content)
    with pytest.raises(InputError, match=r"'rose/2.png' changed while it was audited; run again with --resume"):
        work(dataset=dataset)
    assert list((tmp_path / "features").iterdir()) == []


@pytest.mark.parametrize("name", ["good.png", "bad.png"])
def test_so_does_a_mask(work, tmp_path, name):
    white = np.zeros((10, 12), bool)
    white[:5] = True
    dataset = masked_dataset(tmp_path / "data", white)
    mask = 255 * ~white if name == "good.png" else np.zeros((5, 5))
    Image.fromarray(mask.astype(np.uint8)).save(tmp_path / "data" / name)
    with pytest.raises(InputError, match=f"'{name}' changed while it was audited"):
        work(dataset=dataset)


def test_another_auditor_makes_its_own_shards(work, tmp_path, monkeypatch):
    work()
    monkeypatch.setattr(extract, "auditor_version", lambda: "99")
    work()
    assert len(list((tmp_path / "features").glob("*.parquet"))) == 2


def test_another_model_makes_its_own_shards_with_the_cached_embeddings(work):
    seen = []
    first = work(encoder=toy_encoder(seen=seen))
    assert sum(seen) == 5
    other = replace(CLASSIFIER, digest="f" * 64)
    second = work(encoder=toy_encoder(seen=seen), classifier=other)
    assert sum(seen) == 5
    np.testing.assert_array_equal(second.embeddings(), first.embeddings())


def test_another_layer_of_one_model_is_mapped_anew(work):
    first = work()
    other = make_classifier(GapCnn(), PLAIN, spec="toy", class_names=("rose", "leaf"), target_layer="conv")
    assert (other.digest, other.target_layer) == (CLASSIFIER.digest, "conv")
    assert work(classifier=other)._paths != first._paths


def test_another_head_of_one_model_is_read_anew(work):
    """Which of several outputs is meant follows the number of labels, and that may change."""

    class TwoHeads(GapCnn):
        def __init__(self):
            super().__init__()
            self.other = nn.Linear(2, 3)

        def forward(self, x):
            features = torch.flatten(self.pool(self.act(self.conv(x))), 1)
            return self.fc(features), self.other(features)

    torch.manual_seed(0)
    module = TwoHeads()
    two, three = (make_classifier(module, PLAIN, spec="toy", n_labels=n) for n in (2, 3))
    assert two.digest == three.digest
    assert [work(classifier=one).logits().shape for one in (two, three)] == [(5, 2), (5, 3)]


def test_equal_pictures_are_encoded_once(work, tmp_path):
    write_pictures(tmp_path / "data", {"rose/3.png": (255, 0, 0), "rose/4.png": (255, 0, 0)})
    seen = []
    shards = work(encoder=toy_encoder(seen=seen), batch_size=64)
    assert seen == [5]
    np.testing.assert_array_equal(shards.embeddings()[[5, 6]], shards.embeddings()[[2, 2]])


def test_every_picture_is_decoded_once_for_both_models(work, monkeypatch):
    read, lock = [], threading.Lock()

    def spied(path, *, min_side):
        with lock:
            read.append((path.parent.name + "/" + path.name, min_side))
        return read_image(path, min_side=min_side)

    monkeypatch.setattr(extract, "read_image", spied)
    work(encoder=replace(toy_encoder(), input_size=6))
    assert sorted(read) == [(path, 8) for path in COLOURS]  # the larger of the two models' wishes


def test_data_alone_have_no_activations(work):
    shards = work(classifier=None)
    np.testing.assert_allclose(shards.embeddings(), EMBEDDINGS, atol=1e-6)
    ((_, activations, logits),) = shards.head_chunks()
    assert activations.shape == logits.shape == (5, 0)


def test_decoding_keeps_a_few_batches_ahead_and_no_more():
    asked = []
    with ThreadPoolExecutor(1) as pool:
        batches = extract._decoded_batches(list(range(100)), lambda item: asked.append(item) or item, 2, pool)
        assert next(batches) == [0, 1]
        pool.submit(int).result()  # what was submitted before is done
        assert len(asked) == 2 * (extract._AHEAD_BATCHES + 1)
        assert [item for batch in batches for item in batch] == list(range(2, 100))


def masked_dataset(root, is_white):
    """The toy pictures with a mask for two of them: ``is_white`` (10, 12), and one of another size."""
    dataset = write_pictures(root, {})
    Image.fromarray((255 * is_white).astype(np.uint8)).save(root / "good.png")
    Image.new("L", (5, 5), 255).save(root / "bad.png")
    masks = {"rose/0.png": "good.png", "rose/1.png": "bad.png"}
    return replace(
        dataset,
        items=tuple(replace(item, mask_path=masks.get(item.path)) for item in dataset.items if "/" in item.path),
        contents={**dataset.contents, **{name: file_digest(root / name) for name in masks.values()}},
    )


def test_pictures_with_a_mask_are_seen_by_the_encoder_once_more_without_their_object(work, tmp_path):
    write_pictures(tmp_path / "data")
    half_red = np.zeros((10, 12, 3), np.uint8)
    half_red[:, :6], half_red[:, 6:] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(half_red).save(tmp_path / "data" / "rose" / "0.png")
    left = np.zeros((10, 12), bool)
    left[:, :6] = True
    shards = work(dataset=masked_dataset(tmp_path / "data", left))
    around = shards.surroundings()
    assert np.isfinite(around).all(axis=1).tolist() == [False, False, True, False, False]
    np.testing.assert_allclose(around[2], [0, 0, 1], atol=1e-6)  # red is gone, blue is left
    assert shards.embeddings()[2] == pytest.approx([2**-0.5, 0, 2**-0.5], abs=0.01)
    (failure,) = shards.mask_failures
    assert (failure.path, failure.stage) == ("bad.png", "mask")
    assert failure.reason == "the mask has 5 x 5 pixels, the picture 12 x 10: they must be alike"
    assert (shards.n, shards.failures) == (5, ())


def test_a_mask_that_changed_is_seen_again(work, tmp_path):
    white = np.zeros((10, 12), bool)
    white[:5] = True
    first = work(dataset=masked_dataset(tmp_path / "data", white))
    again = work(dataset=masked_dataset(tmp_path / "data", ~white))
    assert first._paths != again._paths
    assert work(dataset=write_pictures(tmp_path / "data", {})).surroundings() is None


# --- what the user's code gives for one picture ----


def test_a_transform_that_works_in_place_changes_the_picture_for_nobody_else(work):
    def transform(image):
        image.paste((0, 0, 255), (0, 0, *image.size))
        return CLASSIFIER.preprocess(image)

    blue = replace(CLASSIFIER, preprocess=OpaqueTransform(transform, "", "toy"))
    shards = work(classifier=blue)
    np.testing.assert_allclose(shards.logits(), [[0, 0.5]] * 5, atol=1e-6)
    np.testing.assert_allclose(shards.embeddings(), EMBEDDINGS, atol=1e-6)


def test_a_transform_that_fails_on_a_picture_names_it(work):
    def transform(image):
        if image.getpixel((0, 0)) == COLOURS[last]:
            raise KeyError("mean")
        return CLASSIFIER.preprocess(image)

    last = list(COLOURS)[-1]
    broken = replace(CLASSIFIER, preprocess=OpaqueTransform(transform, "", "toy"))
    with pytest.raises(
        ModelError, match=rf"^picture '{last}': transform of toy on .* KeyError: 'mean' \(.*test_extract"
    ):
        work(classifier=broken)


def test_a_transform_that_gives_two_shapes_names_two_pictures(work, tiny_shards):
    first, *_, last = COLOURS

    def transform(image):
        made = CLASSIFIER.preprocess(image)
        return made[:, :, :4] if image.getpixel((0, 0)) == COLOURS[last] else made

    broken = replace(CLASSIFIER, preprocess=OpaqueTransform(transform, "", "toy"))
    shape = tuple(CLASSIFIER.preprocess(Image.new("RGB", (12, 10))).shape)
    with pytest.raises(ModelError) as caught:
        work(classifier=broken, batch_size=1)  # the odd one is in a batch and a shard of its own
    assert f"two shapes, {shape} for '{first}' and {(*shape[:2], 4)} for '{last}'; expected one shape" in str(
        caught.value
    )


def test_an_answer_that_is_not_finite_names_its_picture(work):
    last = list(COLOURS)[-1]

    def transform(image):
        made = CLASSIFIER.preprocess(image)
        return made * 1e38 * 10 if image.getpixel((0, 0)) == COLOURS[last] else made

    broken = replace(CLASSIFIER, preprocess=transform)
    with pytest.raises(ModelError, match=rf"answers picture '{last}' with values that are not finite; expected finite"):
        work(classifier=broken)
